"""Pull, push, copy, save and load from the command line, on a real engine and registries."""

from __future__ import annotations

import json
import signal
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from commandschema import checked
from longshore.application.session import Session
from longshore.oci.digest import sha256_of
from longshore.transfers.transfer import State
from testbed.engine import PrivateEngine
from testbed.errors import TestbedUnavailable, require
from testbed.processes import find_program
from testbed.registry import PrivateRegistry
from testbed.remote_images import seed_repository
from testbed.throttle import Throttle

PLATFORMS = (("linux", "amd64"), ("linux", "arm64"))


def test_pulled_into_the_library_copied_and_pushed(
    longshore: Any, open_registry: PrivateRegistry, second_registry: PrivateRegistry
) -> None:
    digest = seed_repository(open_registry.address, "cli/app", ["1"]).digest
    source, there = f"{open_registry.address}/cli/app:1", f"{second_registry.address}/cli/app"
    last = longshore.records("pull", source, "--to", "library")[-1]
    assert (last["schema"], last["kind"], last["state"]) == (1, "transfer", "Succeeded")
    assert last["digest"] == digest
    assert last["source"] == {
        "place": "registry",
        "host": open_registry.address,
        "reference": source,
        "image_id": None,
    }
    longshore("copy", source, f"{there}:2")
    longshore("push", source, f"{there}:3", "--from", "library")
    for tag in ("2", "3"):
        assert (
            longshore("pull", f"{there}:{tag}", "--to", "library", "-q").stdout == f"{there}:{tag}@{digest}\n"
        )


def test_pulled_into_the_engine_and_pushed(
    longshore: Any,
    testbed_engine: PrivateEngine,
    open_registry: PrivateRegistry,
    second_registry: PrivateRegistry,
) -> None:
    seeded = seed_repository(open_registry.address, "cli/two", ["1", "2"])
    source = f"{open_registry.address}/cli/two"
    done = longshore("pull", f"{source}:1", f"{source}:none", code=3)
    assert done.stdout.splitlines()[:2] == [
        f"Pulled {source}:1: {done.stdout.splitlines()[0].split(': ', 1)[1]}",
        f"  {seeded.digest}",
    ]
    assert "has no tag “none”" in done.stderr
    client = testbed_engine.client()
    try:
        image_id = client.inspect_image(f"{source}:1")["Id"]
    finally:
        client.close()
    again = longshore("pull", f"{source}:1")
    assert "already up to date (3 layers)" in again.stdout

    first, second = (f"{second_registry.address}/cli/two:{tag}" for tag in "ab")
    done = longshore("push", image_id[7:19], first, second)
    assert done.stdout.count("Pushed ") == 2
    assert longshore("pull", second, "--to", "library", "-q").stdout.startswith(f"{second}@sha256:")
    assert "no such image" in longshore("push", "nosuch:1", code=1).stderr


def test_both_platforms_of_an_index_are_pulled_in_turn(
    longshore: Any, testbed_engine: PrivateEngine, open_registry: PrivateRegistry
) -> None:
    """A classic engine keeps the digest of the index with the first image only."""
    seeded = seed_repository(open_registry.address, "cli/turns", ["1"], platforms=PLATFORMS)
    source = f"{open_registry.address}/cli/turns:1"
    client = testbed_engine.client()
    try:
        for image, options in (
            (seeded.images[1], ("--platform", "linux/arm64")),
            (seeded.images[0], ("--platform", "linux/amd64")),
            (seeded.images[0], ("--native",)),
            (seeded.images[1], ("--platform", "linux/arm64")),
        ):
            (last,) = longshore.records("pull", source, *options)[-1:]
            assert (last["state"], last["digest"], last["error"]) == ("Succeeded", seeded.digest, None)
            kinds = {note["kind"] for note in last["notes"]}
            assert "not verified" not in kinds
            assert ("pulled natively" in kinds) == ("--native" in options)
            assert client.inspect_image(source)["Id"] in (image.config_digest, seeded.digest)
    finally:
        client.close()


def test_push_warns_before_it_replaces(
    longshore: Any, open_registry: PrivateRegistry, second_registry: PrivateRegistry
) -> None:
    seed_repository(open_registry.address, "cli/new", ["1"], seed="new")
    old = seed_repository(second_registry.address, "cli/old", ["1"], seed="old", platforms=PLATFORMS)
    source, target = f"{open_registry.address}/cli/new:1", f"{second_registry.address}/cli/old:1"
    longshore("pull", source)
    kept = longshore("push", source, target, "--no-overwrite", code=1)
    assert "--no-overwrite keeps it" in kept.stderr
    assert longshore("pull", target, "--to", "library", "--all-platforms", "-q").stdout.endswith(
        f"{old.digest}\n"
    )
    done = longshore("push", source, target)
    assert f"{target}: replaces the image that this tag points to." in done.stderr
    assert f"{target} has linux/amd64, linux/arm64 now; after this push, only linux/amd64." in done.stderr
    assert f"longshore index --replace {target} {target} docker-daemon:{source}" in done.stderr
    copied = longshore("copy", "--platform", "linux/amd64", target, f"{open_registry.address}/cli/lossy:1")
    assert "after this copy" not in copied.stderr, "there was no tag"
    seed_repository(open_registry.address, "cli/lossy", ["1"], platforms=PLATFORMS)
    copied = longshore("copy", "--platform", "linux/amd64", target, f"{open_registry.address}/cli/lossy:1")
    assert "linux/amd64, linux/arm64 now; after this copy, only linux/amd64." in copied.stderr
    # The tag now points to this image, so that there is nothing to overwrite.
    longshore("push", source, target, "--no-overwrite")


def test_no_overwrite_keeps_a_digest_of_the_same_image(
    longshore: Any, open_registry: PrivateRegistry, second_registry: PrivateRegistry
) -> None:
    multi = seed_repository(open_registry.address, "cli/many", ["1"], platforms=PLATFORMS)
    one = seed_repository(open_registry.address, "cli/one", ["1"])

    def digest(name: str) -> str:
        found: str = longshore.records("inspect", name)[0]["digest"]
        return found

    for name, seeded in (("many", multi), ("one", one)):
        source, target = f"{open_registry.address}/cli/{name}:1", f"{second_registry.address}/kept/{name}:1"
        longshore("copy", source, target)
        longshore("pull", source)
        kept = longshore("push", source, target, "--no-overwrite", code=1)
        assert f"{target}: The push may change the tag's digest, and --no-overwrite keeps it." in kept.stderr
        assert digest(target) == seeded.digest
    done = longshore("push", source, target)
    assert f"{target}: the push changed the tag's digest. It was {one.digest} before." in done.stderr
    pushed = digest(target)
    assert pushed != one.digest
    # The engine's own manifest: a push changes nothing.
    again = longshore("push", source, target, "--no-overwrite")
    assert again.stderr.count("digest") == 0
    assert digest(target) == pushed

    lost = f"{second_registry.address}/kept/many:1"
    longshore("pull", "--to", "library", source)
    done = longshore("push", "--from", "library", source, lost)
    assert f"{lost} has linux/amd64, linux/arm64 now; after this push, only linux/amd64." in done.stderr
    longshore("push", "--from", "library", "--no-overwrite", source, lost)  # it has this digest already


def test_copied_by_the_names_that_skopeo_uses(
    longshore: Any, open_registry: PrivateRegistry, second_registry: PrivateRegistry, tmp_path: Path
) -> None:
    seeded = seed_repository(open_registry.address, "cli/multi", ["1"], platforms=PLATFORMS)
    source, there = f"docker://{open_registry.address}/cli/multi:1", f"{second_registry.address}/cli/multi"
    longshore("copy", source, f"oci:{tmp_path}/layout:multi")
    index = json.loads((tmp_path / "layout" / "index.json").read_text())
    assert [entry["digest"] for entry in index["manifests"]] == [seeded.digest]
    copied = longshore("copy", f"oci:{tmp_path}/layout", f"{there}:2", "-q").stdout
    assert copied == f"{there}:2@{seeded.digest}\n"
    longshore("copy", source, f"oci-archive:{tmp_path}/multi.tar")
    with tarfile.open(tmp_path / "multi.tar") as tar:
        assert "oci-layout" in tar.getnames()
    assert longshore("copy", f"oci-archive:{tmp_path}/multi.tar", f"{there}:3", "-q").stdout == (
        f"{there}:3@{seeded.digest}\n"
    )
    arm = longshore("copy", source, f"{there}:4", "--platform", "linux/arm64", "-q").stdout
    assert arm == f"{there}:4@{seeded.images[1].digest}\n"
    lacking = longshore("copy", source, f"{there}:5", "--platform", "linux/s390x", code=1)
    assert f"longshore: {open_registry.address}/cli/multi:1: No image is available" in lacking.stderr
    longshore("copy", source, "docker-daemon:cli/mine:1")
    longshore("copy", "docker-daemon:cli/mine:1", f"docker-archive:{tmp_path}/mine.tar")
    with tarfile.open(tmp_path / "mine.tar") as tar:
        assert "manifest.json" in tar.getnames()
    longshore("copy", "docker-daemon:cli/mine:1", "library:")
    refused = longshore("copy", f"dir:{tmp_path}", f"{there}:5", code=2)
    assert "Use oci:FOLDER" in refused.stderr


def test_skopeo_and_longshore_find_the_names_of_each_other(
    longshore: Any, open_registry: PrivateRegistry, tmp_path: Path
) -> None:
    try:
        program = find_program("skopeo", "skopeo")
    except TestbedUnavailable as problem:
        require(problem)

    def skopeo(*words: str) -> str:
        done = subprocess.run(
            [program, "--insecure-policy", *words], capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    seeded = seed_repository(open_registry.address, "cli/named", ["1"], platforms=PLATFORMS)
    source = f"{open_registry.address}/cli/named:1"
    longshore("pull", source)
    for kind, folder in (("oci", "lay"), ("oci-archive", "lay.tar")):
        longshore("copy", source, f"{kind}:{tmp_path}/{folder}:multi")
        raw = skopeo("inspect", "--raw", f"{kind}:{tmp_path}/{folder}:multi")
        assert sha256_of(raw.encode()) == seeded.digest
        skopeo(
            *("copy", "--all", "--preserve-digests"),
            f"{kind}:{tmp_path}/{folder}:multi",
            f"{kind}:{tmp_path}/sk-{folder}:v1",
        )
        (found,) = longshore.records("inspect", f"{kind}:{tmp_path}/sk-{folder}:v1")
        assert found["digest"] == seeded.digest
        copied = longshore("copy", "-q", f"{kind}:{tmp_path}/sk-{folder}:v1", f"{source}-{kind}").stdout
        assert copied == f"{source}-{kind}@{seeded.digest}\n"
        # An engine saves under the name that was typed, too.
        longshore("copy", f"docker-daemon:{source}", f"{kind}:{tmp_path}/engine-{folder}:mine")
        skopeo("inspect", "--raw", f"{kind}:{tmp_path}/engine-{folder}:mine")


def test_tags_by_patterns(
    longshore: Any, open_registry: PrivateRegistry, second_registry: PrivateRegistry
) -> None:
    seed_repository(open_registry.address, "cli/tags", ["1.0", "1.1", "1.2-rc1", "2.0"])
    source, there = f"{open_registry.address}/cli/tags", f"{second_registry.address}/cli/tags"
    done = longshore("copy", "--tags", "1.* !*-rc*", source, there)
    assert done.stdout.count("Copied ") == 2
    again = longshore("copy", "--all-tags", source, there)
    assert again.stdout.count("Already up to date: ") == 2
    assert again.stdout.count("Copied ") == 2
    assert "No tag matches" in longshore("copy", "--tags", "9*", source, there, code=2).stderr


def test_saved_and_loaded(
    longshore: Any, open_registry: PrivateRegistry, second_registry: PrivateRegistry, tmp_path: Path
) -> None:
    seeded = seed_repository(open_registry.address, "cli/saved", ["1"])
    source, archive = f"{open_registry.address}/cli/saved:1", tmp_path / "saved.tar.gz"
    longshore("save", "--from", "registry", "--format", "oci", source, "-o", archive)
    assert archive.read_bytes()[:2] == b"\x1f\x8b"
    kept = longshore("save", "--from", "registry", source, "-o", archive, code=2)
    assert "The file exists" in kept.stderr
    target = f"{second_registry.address}/cli/saved:1"
    assert longshore("load", archive, "--to", target, "-q").stdout == f"{target}@{seeded.digest}\n"
    longshore("load", archive, "--to", "library")
    assert longshore("load", archive).stdout.startswith("Loaded saved.tar.gz: ")
    image_id = longshore.records("load", archive)[-1]["image_id"]
    assert image_id in (seeded.digest, seeded.images[0].config_digest)
    assert longshore("load", archive, "-q").stdout == f"{image_id}\n"
    copied = longshore("copy", f"library:{source}", "docker-daemon:cli/saved:5", "-q").stdout
    # A digest only if the engine finds the image by it.
    found = longshore.records("inspect", f"docker-daemon:{copied.strip()}")[0]
    assert found["image_id"] == image_id
    saved = longshore.records("save", "cli/saved:5", "-o", tmp_path / "five.tar")[-1]
    assert (saved["digest"], saved["image_id"]) == (None, image_id)
    (tmp_path / "none.tar").write_bytes(b"no archive")
    assert "none.tar" in longshore("load", tmp_path / "none.tar", code=1).stderr


def test_a_refused_push_and_wrong_usage(
    longshore: Any, open_registry: PrivateRegistry, auth_registry: PrivateRegistry
) -> None:
    seed_repository(open_registry.address, "cli/refused", ["1"])
    source = f"{open_registry.address}/cli/refused:1"
    refused = longshore("copy", source, f"{auth_registry.address}/cli/refused:1", code=4)
    assert "requires you to sign in" in refused.stderr
    assert refused.stderr.endswith(f"To sign in: longshore login {auth_registry.address}\n")
    assert refused.stdout == ""
    for arguments in (
        ("pull",),
        ("pull", "--to", "library", "--native", "x"),
        ("pull", "--all-platforms", "x"),
        ("pull", "no:such:name"),
        ("pul", "x"),
        ("copy", "only-one"),
        ("push", source, "--engine", "a", "--engine", "b"),
    ):
        done = longshore(*arguments, code=2)
        assert done.stderr.startswith("longshore")
    assert "Did you mean pull?" in longshore("pul", "x", code=2).stderr


def test_an_engine_that_does_not_run_fails_at_once(longshore: Any, tmp_path: Path) -> None:
    done = longshore("pull", "alpine", "--engine", f"unix://{tmp_path}/none.sock", code=1)
    assert "none.sock" in done.stderr
    assert "context “nowhere” does not exist" in longshore("pull", "x", "--engine", "nowhere", code=1).stderr


@pytest.mark.parametrize(
    ("number", "state"), [(signal.SIGINT, "Cancelled"), (signal.SIGTERM, None), (signal.SIGHUP, None)]
)
def test_a_signal_ends_it(
    longshore: Any,
    open_registry: PrivateRegistry,
    second_registry: PrivateRegistry,
    throttle: Throttle,
    number: signal.Signals,
    state: str | None,
) -> None:
    seed_repository(open_registry.address, "cli/slow", ["1"], layers=(3_000_000,))
    throttle.bytes_per_second = 100_000
    source = f"{throttle.address}/cli/slow:1"
    running = longshore.start("copy", source, f"{second_registry.address}/cli/slow:{number}", "--json")
    try:
        for line in running.stdout:
            if json.loads(line)["moved_bytes"]:
                break
        running.send_signal(number)
        out, err = running.communicate(timeout=60)
    finally:
        running.kill()
        running.communicate()
    assert running.returncode == 130, err
    states = [checked(line)["state"] for line in out.splitlines()]
    if state is None:
        assert not {"Cancelled", "Succeeded", "Failed"} & set(states)
        assert states[-1] == "Interrupted"
        row = json.loads(out.splitlines()[0])["id"]
        assert err == (
            f"longshore: Interrupted: {second_registry.address}/cli/slow:{number}\n"
            f"longshore: To resume: longshore queue resume {row}\n"
        )
        session = Session(longshore.environ)
        journal = session.journal()
        journal.open()
        try:
            assert [row.state for row in journal.history()] == [State.INTERRUPTED]  # to be resumed
        finally:
            journal.close()
            session.close()
    else:
        assert err == ""
        assert states[-1] == state
    longshore("pull", f"{second_registry.address}/cli/slow:{number}", "--to", "library", code=1)


def test_a_file_s_images_are_pulled_and_copied(
    longshore: Any, open_registry: PrivateRegistry, second_registry: PrivateRegistry, tmp_path: Path
) -> None:
    one = seed_repository(open_registry.address, "cli/listed", ["1"]).digest
    compose = tmp_path / "compose.yaml"
    compose.write_text(
        f"services:\n  web:\n    image: {open_registry.address}/cli/listed:1\n"
        "  api:\n    image: example.invalid/api:${NO_SUCH_VARIABLE}\n  own:\n    build: .\n"
    )
    done = longshore("pull", "-f", compose, "--to", "library", "-q", code=3)
    assert done.stdout == f"{open_registry.address}/cli/listed:1@{one}\n"
    assert "compose.yaml:5" in done.stderr and "NO_SUCH_VARIABLE" in done.stderr
    done = longshore(
        "copy", "-f", compose, f"{second_registry.address}/mirror", "--map", "{name}", "-q", code=3
    )
    assert done.stdout == f"{second_registry.address}/mirror/listed:1@{one}\n"
    assert "There is no such file" in longshore("pull", "-f", tmp_path / "none", code=2).stderr
    assert "only the registry" in longshore("copy", "-f", compose, "a", "b", code=2).stderr
