"""remove: what goes is shown first, and nothing else goes."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from longshore.oci.manifest import OCI_INDEX
from testbed.engine import PrivateEngine
from testbed.images import load_image
from testbed.registry import PrivateRegistry
from testbed.remote_images import RegistryWriter, descriptor, seed_repository
from testbed.throttle import Throttle

from .conftest import PROGRAM, Command


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[PrivateRegistry]:
    """A registry of this test that allows deletion."""
    with PrivateRegistry(tmp_path / "registry") as one:
        yield one


@pytest.fixture
def whole_images(registry: PrivateRegistry) -> Iterator[str]:
    """The address of the registry over a line that refuses pushes, so that no tag can be deleted alone."""
    with Throttle(registry.address) as line:
        line.fail_next(r"/blobs/uploads/", 405, 1000)
        yield line.address


def answered(command: Command, *arguments: str, answer: str) -> tuple[str, int]:
    """Run a command on a terminal, answer its question; returns what it printed and its exit code."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments],
        env={**command.environ, "TERM": "dumb"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    printed, sent = b"", False
    until = time.monotonic() + 60
    try:
        while time.monotonic() < until and select.select([ours], [], [], 60)[0]:
            piece = os.read(ours, 65536)
            if not piece:
                break
            printed += piece
            if b"[y/N]" in printed and not sent:
                os.write(ours, answer.encode() + b"\n")
                sent = True
    except OSError:
        pass  # the other end is closed
    finally:
        os.close(ours)
        code = process.wait(60)
    return printed.decode().replace("\r\n", "\n"), code


def tags(command: Command, repository: str) -> set[str]:
    """The tags of a repository."""
    return set(command("tags", repository).stdout.split())


def test_tags_of_an_engine_and_the_image_with_the_last(
    longshore: Command, testbed_engine: PrivateEngine
) -> None:
    with testbed_engine.client() as client:
        image_id = load_image(client, ["remove/app:1", "remove/app:2", "remove/app:3"], seed="remove/1")
        short = image_id.removeprefix("sha256:")[:12]

        def names() -> list[str]:
            return longshore("images", "-q", "remove/*").stdout.splitlines()

        try:
            shown = longshore("remove", "remove/app:1", code=2)
            assert "--yes" in shown.stderr and "tag; the image is kept" in shown.stdout
            (planned,) = longshore.records("remove", "remove/app:1", "--dry-run")
            assert (planned["kind"], planned["state"], planned["place"]) == ("removal", "planned", "engine")
            assert (planned["image_id"], planned["deletes_image"]) == (image_id, False)
            assert names() == ["remove/app:1", "remove/app:2", "remove/app:3"]
            done = longshore("remove", "remove/app:1", "remove/none", "--yes", code=3)
            assert "Removed: remove/app:1" in done.stdout and "no such image" in done.stderr
            assert names() == ["remove/app:2", "remove/app:3"]
            assert f"tag and image {short}" in longshore("remove", short, "--dry-run").stdout
            assert longshore("remove", short, "-y", "-q").stdout == "remove/app:2\nremove/app:3\n"
            assert image_id not in longshore("images", "-q").stdout and names() == []
            assert "no such image" in longshore("remove", "remove/app:1", "--yes", code=1).stderr
        finally:
            if any(one["Id"] == image_id for one in client.images()):
                client.remove_image(image_id, force=True)


def test_an_image_that_a_container_uses_is_kept_without_force(
    longshore: Command, testbed_engine: PrivateEngine
) -> None:
    with testbed_engine.client() as client:
        image_id = load_image(client, ["remove/used:1", "remove/used:2"], seed="remove/2")
        container = client.create_container("remove/used:1", command=["/none"], name="idle")
        try:
            shown = longshore("remove", image_id, "--dry-run").stdout
            assert "used by idle, not started" in shown
            (_, last) = longshore.records("remove", image_id, "--dry-run")
            assert last["containers"] == 1
            assert last["used_by"] == [
                {"name": "idle", "id": container["Id"], "state": "created", "running": False}
            ]
            failed = longshore("remove", image_id, "--yes", code=1)
            assert "Containers use the image: idle." in failed.stderr
            assert longshore("images", "-q", "remove/used").stdout.splitlines() == [
                "remove/used:1",
                "remove/used:2",
            ]
            longshore("remove", "remove/used:2", "--yes")  # the image stays
            longshore("remove", "remove/used:1", "--yes", "--force")
            assert longshore("images", "-q", "remove/used").stdout == ""
        finally:
            client.remove_container(container["Id"], force=True)
            if any(one["Id"] == image_id for one in client.images(all=True)):
                client.remove_image(image_id, force=True)


def test_force_says_what_it_does_to_stopped_containers(longshore: Command, any_engine: PrivateEngine) -> None:
    """Docker keeps them; Podman removes them with their files."""
    with any_engine.client() as client:
        load_image(client, ["held.example/app:1"], seed="remove/held")
        container = client.create_container("held.example/app:1", command=["/none"], name="data")
        podman = any("Podman" in each["Name"] for each in client.version()["Components"])
        try:
            plain = longshore("remove", "held.example/app:1", "--dry-run", DOCKER_HOST=any_engine.host)
            assert "used by data, not started" in plain.stdout and "containers" not in plain.stderr
            arguments = ("remove", "held.example/app:1", "--force", "--dry-run")
            (planned,) = longshore.records(*arguments, DOCKER_HOST=any_engine.host)
            assert planned["containers"] == 1 and planned["removes_containers"] is podman
            done = longshore("remove", "held.example/app:1", "--force", "--yes", DOCKER_HOST=any_engine.host)
            left = [each["Id"] for each in client.containers(all=True)]
            if podman:
                assert "and the container data, not started" in done.stdout
                assert "Podman also removes these containers, with the files in them." in done.stderr
                assert "Podman also removed the container data." in done.stdout
                assert container["Id"] not in left
            else:
                assert "used by data, not started" in done.stdout
                assert "The containers are kept." in done.stderr and "Podman" not in done.stdout
                assert container["Id"] in left
        finally:
            for each in client.containers(all=True):
                if each["Id"] == container["Id"]:
                    client.remove_container(each["Id"], force=True)


def test_the_question_on_a_terminal(longshore: Command, registry: PrivateRegistry, whole_images: str) -> None:
    seeded = seed_repository(registry.address, "team/app", ["1", "latest"])
    name = f"{registry.address}/team/app"
    longshore("pull", f"{name}:1", "--to", "library")
    printed, code = answered(longshore, "remove", f"library:{name}:1", answer="n")
    assert "Remove 1 tag? [y/N]" in printed and "Nothing was removed." in printed and code == 1
    assert longshore("images", "--from", "library", "-q").stdout == f"{name}:1\n"
    wrong = f"library:{name}:1@sha256:{'0' * 64}"
    assert "points to another image" in longshore("remove", wrong, "--yes", code=1).stderr
    printed, code = answered(
        longshore, "remove", "--from", "library", f"{name}:1@{seeded.digest}", answer="y"
    )
    assert code == 0 and f"Removed: {name}:1" in printed
    assert longshore("images", "--from", "library", "-q").stdout == ""
    # The question names all that goes, so that the answer is enough for tags that nobody named.
    name = f"{whole_images}/team/app"
    printed, code = answered(longshore, "remove", f"docker://{name}:1", answer="yes")
    assert "Remove 2 tags? [y/N]" in printed and f"{name}:latest" in printed and code == 0
    assert not longshore("tags", name).stdout


def test_siblings_in_a_registry_need_force(
    longshore: Command, registry: PrivateRegistry, whole_images: str
) -> None:
    name = f"{whole_images}/team/app"
    one = seed_repository(registry.address, "team/app", ["1.0", "1", "latest"])
    two = seed_repository(registry.address, "team/app", ["2.0"])
    arguments = ("remove", "--from", "registry", f"{name}:1.0", f"{name}:2.0", f"{name}:3.0")
    records = longshore.records(*arguments, "--dry-run", code=3)
    planned = {row["reference"]: row for row in records if row["kind"] == "removal"}
    assert planned.keys() == {f"{name}:{tag}" for tag in ("1.0", "1", "latest", "2.0")}
    assert [planned[f"{name}:{tag}"]["named"] for tag in ("1.0", "1", "latest")] == [True, False, False]
    assert planned[f"{name}:1.0"]["digest"] == one.digest and planned[f"{name}:2.0"]["digest"] == two.digest
    pinned = f"docker://{name}:2.0@{one.digest}"
    assert "points to another image" in longshore("remove", pinned, "--yes", code=1).stderr
    (row,) = longshore.records("remove", f"docker://{name}:2.0@{two.digest}", "--dry-run")
    assert (row["reference"], row["digest"]) == (f"{name}:2.0", two.digest)
    failed = longshore(*arguments, "--yes", code=3)
    assert f"{name}:latest, {name}:1 would be removed, too." in failed.stderr
    assert "The registry has no such tag." in failed.stderr and f"Removed: {name}:2.0" in failed.stdout
    assert tags(longshore, name) == {"1.0", "1", "latest"}
    longshore("remove", f"docker://{name}:1.0", "--yes", "--force")
    assert not longshore("tags", name).stdout


def test_an_index_that_would_lose_an_image_needs_force(
    longshore: Command, registry: PrivateRegistry, whole_images: str
) -> None:
    child = seed_repository(registry.address, "team/multi", ["1-amd64"])
    image = child.images[0]
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [
            descriptor(child.media_type, image.digest, image.size)
            | {"platform": {"os": "linux", "architecture": "amd64"}}
        ],
    }
    writer = RegistryWriter(registry.address)
    writer.put_manifest("team/multi", "1", json.dumps(document).encode(), OCI_INDEX)
    writer.close()
    name = f"{whole_images}/team/multi"
    (planned,) = longshore.records("remove", f"docker://{name}:1-amd64", "--dry-run")
    assert planned["incomplete"] == ["1"]
    failed = longshore("remove", f"docker://{name}:1-amd64", "--yes", code=1)
    assert "would become incomplete: 1." in failed.stderr
    assert tags(longshore, name) == {"1", "1-amd64"}


@pytest.mark.parametrize("make", ["registry", "crane_registry"])
def test_one_tag_alone_where_the_registry_can(
    longshore: Command, make: str, request: pytest.FixtureRequest
) -> None:
    address = request.getfixturevalue(make).address
    name = f"{address}/remove/alone"
    seeded = seed_repository(address, "remove/alone", ["1.0", "latest"])
    shown = longshore("remove", f"docker://{name}:1.0", "--dry-run").stdout
    assert "tag; the image is kept" in shown and "latest" not in shown
    longshore("remove", f"docker://{name}:1.0", "--yes")
    assert tags(longshore, name) == {"latest"}
    (row,) = longshore.records("remove", f"docker://{name}:latest", "--dry-run")
    assert (row["digest"], row["deletes_image"]) == (seeded.digest, True)


def test_what_cannot_be_removed(longshore: Command, tmp_path: Path) -> None:
    failed = longshore("remove", f"oci-archive:{tmp_path}/app.tar", "--yes", code=2)
    assert "does not name an image that can be removed" in failed.stderr
    with PrivateRegistry(tmp_path / "registry", delete=False) as registry:
        seed_repository(registry.address, "team/app", ["1"])
        refused = longshore("remove", f"docker://{registry.address}/team/app:1", "--yes", code=1)
        assert "does not allow deletion" in refused.stderr
        assert tags(longshore, f"{registry.address}/team/app") == {"1"}
