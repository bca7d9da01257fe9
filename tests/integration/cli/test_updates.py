"""``update`` and ``outdated`` on real engines, the library and a registry whose tags move behind Longshore's back."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from commandschema import checked
from longshore.application.session import Session
from longshore.application.updates.model import Fetch, Kind
from longshore.application.updates.planning import Wanted, plan
from longshore.cancellation import Cancellation
from longshore.cli.output import Output
from longshore.cli.parser import command_parser
from longshore.engine.address import current_address
from longshore.errors import InvalidInput
from longshore.oci.local_image import LocalImage
from longshore.oci.reference import Reference
from longshore.transfers.transfer import EnginePlace, LibraryPlace
from testbed.engine import PrivateEngine
from testbed.internet import Answer, Asked, Internet
from testbed.registry import PrivateRegistry
from testbed.remote_images import SeededRepository, seed_repository

OLD, NEW = datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 3, 1, tzinfo=UTC)

#: Runs a command on the engine at a host ("" for none) and returns its exit code and its objects of one kind.
Run = Callable[..., tuple[int, list[dict[str, Any]]]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Commands in this process, which saves the start of one for each."""
    sessions: dict[str, Session] = {}

    def started(host: str, kind: str, *words: str) -> tuple[int, list[dict[str, Any]]]:
        session = sessions.get(host)
        if session is None:
            session = sessions[host] = Session({**os.environ, **({"DOCKER_HOST": host} if host else {})})
        argv = [*words, "--json"]
        arguments = command_parser(argv).parse_args(argv)
        capsys.readouterr()
        code: int = arguments.run(session, arguments, Output(as_json=True, quiet=False))
        lines = capsys.readouterr().out.splitlines()
        return code, [one for one in map(checked, lines) if one["kind"] == kind]

    yield started
    for one in sessions.values():
        assert one.close()


def seeded(registry: PrivateRegistry, path: str, tag: str, seed: str, **more: Any) -> SeededRepository:
    """An image whose first layer is that of all others, and whose last is its own."""
    made = {
        "created": OLD if seed == "old" else NEW,
        "seed": path,
        "layers": (20_000, 40_000 + len(seed)),
        **more,
    }
    return seed_repository(registry.address, path, [tag], **made)


def test_a_tag_that_moved_is_seen_updated_and_put_back(
    run: Run, any_engine: PrivateEngine, open_registry: PrivateRegistry
) -> None:
    host, path = any_engine.host, f"updates/{uuid.uuid4().hex[:8]}"
    name = f"{open_registry.address}/{path}:16.4"
    old = seeded(open_registry, path, "16.4", "old")
    run(host, "transfer", "pull", name)
    assert run(host, "state", "outdated", name)[0] == 0  # all in step
    new = seeded(open_registry, path, "16.4", "newer")
    seeded(open_registry, path, "16.5", "newest")
    code, (state,) = run(host, "state", "outdated", name)
    assert (code, state["state"], state["there"]) == (1, "newer", new.digest)
    assert state["newer_version"] == "16.5"
    user = f"user-{uuid.uuid4().hex[:8]}"
    with contextlib.closing(any_engine.client()) as client:
        client.tag(
            name, f"own.example/{path}", "kept"
        )  # containerd's store then lists the digest under this name
        client.create_container(name, ["/none"], name=user)
        try:
            _, (moved, version) = run(host, "update", "update", name, "--newer-version", "--dry-run")
        finally:
            client.remove_container(user)
    assert (moved["update"], moved["from"], moved["to"]) == ("tag moved", old.digest, new.digest)
    assert (moved["containers"], moved["other_tags"]) == ([user], [f"own.example/{path}:kept"])
    size = new.images[0].layer_sizes[-1]
    assert (moved["bytes_to_fetch"], moved["exactness"]) == (size, "about")
    assert (version["update"], version["target"]) == ("newer version", f"{name[:-1]}5")
    code, rows = run(host, "transfer", "update", name, "--yes")
    assert (code, rows[-1]["state"]) == (0, "Succeeded")
    assert run(host, "state", "outdated", "--tags-only", name)[0] == 0
    _, (undone,) = run(host, "undo", "undo", "--yes")
    assert (undone["reference"], undone["state"]) == (name, "undone")
    code, (state,) = run(host, "state", "outdated", "--tags-only", name)
    assert (code, state["state"], state["here"][:1]) == (1, "newer", [old.digest])


def test_the_library_keeps_all_platforms_and_leaves_what_is_snoozed(
    run: Run, open_registry: PrivateRegistry
) -> None:
    both = [("linux", "amd64"), ("linux", "arm64")]
    name = f"{open_registry.address}/updates/lib:1"
    old = seeded(open_registry, "updates/lib", "1", "old", platforms=both)
    library = ("--from", "library")
    run("", "transfer", "pull", "--to", "library", "--all-platforms", name)
    new = seeded(open_registry, "updates/lib", "1", "newer", platforms=both)
    code, (state,) = run("", "state", "outdated", *library)
    assert (code, state["there"]) == (1, new.digest)
    run("", "update", "update", *library, name, "--snooze", "change")
    code, (state,) = run("", "state", "outdated", *library)
    assert (code, state["held"]) == (0, "snoozed")
    code, (held,) = run("", "update", "update", *library, "--all", "--yes")
    assert (code, held["state"]) == (0, "held")
    run("", "update", "update", *library, "--all", "--wake")
    _, (planned,) = run("", "update", "update", *library, "--all", "--yes")
    assert planned["bytes_to_fetch"] > sum(one.layer_sizes[-1] for one in new.images)
    _, (image,) = run("", "image", "images", *library)
    assert image["digest"] == new.digest
    # The library has not kept the old image, but its registry has.
    code, _ = run("", "undo", "undo", "--yes")
    _, (image,) = run("", "image", "images", *library)
    assert (code, image["digest"]) == (0, old.digest)


def test_a_young_version_waits_for_its_age(run: Run, open_registry: PrivateRegistry) -> None:
    name = f"{open_registry.address}/updates/young:1.0"
    seeded(open_registry, "updates/young", "1.0", "old")
    run("", "transfer", "pull", "--to", "library", name)
    for tag, made in (("1.1", OLD), ("1.2", datetime.now(UTC))):
        seeded(open_registry, "updates/young", tag, tag, created=made)
    plan = ("update", "--from", "library", name, "--newer-version", "--dry-run")
    _, (newest,) = run("", "update", *plan)
    _, (older,) = run("", "update", *plan, "--min-age", "7d")
    assert (newest["target"][-3:], older["target"][-3:], older["held"]) == ("1.2", "1.1", None)
    code, (state,) = run("", "state", "outdated", "--from", "library", "--min-age", "7d")
    assert (code, state["newer_version"], state["newer_version_held"]) == (1, "1.1", None)
    assert run("", "error", "update", "--from", "library", f"{name}-gone")[0] == 1
    with pytest.raises(InvalidInput, match="nobody can be asked"):
        run("", "update", "update", "--from", "library", name, "--newer-version")


def test_a_named_image_whose_update_is_not_signed_fails(run: Run, open_registry: PrivateRegistry) -> None:
    names = [f"{open_registry.address}/updates/{path}:1" for path in ("guarded", "free")]
    for seed in ("old", "newer"):
        for path in ("guarded", "free"):
            seeded(open_registry, f"updates/{path}", "1", seed)
        if seed == "old":
            run("", "transfer", "pull", "--to", "library", *names)
    run("", "key", "keys", "only-signed", f"{open_registry.address}/updates/guarded")
    library = ("update", "--from", "library", "--yes")
    code, (held,) = run("", "update", *library, names[0])
    assert (code, held["held"], held["state"]) == (1, "not signed", "held")
    assert run("", "update", *library, names[0], "--dry-run")[0] == 0
    code, (error,) = run("", "error", *library, *names)
    assert (code, error["code"], error["advice"]) == (
        3,
        "registry.not-signed",
        f"See longshore verify {names[0]}.",
    )
    code, (held,) = run("", "update", *library, "--all")
    assert (code, held["reference"]) == (0, names[0]), "the other was updated, and this one was not named"


def test_a_plan_costs_no_pull_at_docker_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digests = {
        tag: f"sha256:{number * 64}" for tag, number in (("1.27", "2"), ("1.28", "3"), ("latest", "4"))
    }
    index = "application/vnd.oci.image.index.v1+json"

    def registry(asked: Asked) -> Answer:
        name = asked.path.rpartition("/")[2]
        if asked.path.endswith("/tags/list"):
            return Answer({"name": "library/nginx", "tags": [*digests, "1.26", "1.29-alpine"]})
        if asked.method == "HEAD" and name in digests:
            return Answer(b"", 200, {"Docker-Content-Digest": digests[name], "Content-Type": index})
        return Answer({}, 200 if asked.path == "/v2/" else 404)

    def api(asked: Asked) -> Answer:
        name = asked.path.rpartition("/")[2]
        platforms = [
            {"os": "linux", "architecture": one, "size": 7_000_000, "digest": f"sha256:{digit * 64}"}
            for one, digit in (("amd64", "a"), ("arm64", "b"))
        ]
        row = {"name": name, "digest": digests.get(name), "media_type": index, "images": platforms}
        return Answer({**row, "tag_last_pushed": "2024-05-01T10:00:00Z"})

    nowhere = EnginePlace(current_address(f"unix://{tmp_path}/none.sock", {}))
    here = LocalImage(
        Reference.parse("nginx:1.27"),
        f"sha256:{'1' * 64}",
        OLD,
        1,
        repo_digests=(f"nginx@sha256:{'1' * 64}",),
    )
    own = LocalImage(Reference.parse("secret:1"), f"sha256:{'5' * 64}", OLD, 1)
    same = replace(
        here, reference=Reference.parse("nginx:latest"), repo_digests=(f"nginx@sha256:{'a' * 64}",)
    )
    chosen = [one.reference for one in (here, same, own) if one.reference is not None]
    with Internet(tmp_path / "net", {"registry-1.docker.io": registry, "hub.docker.com": api}) as internet:
        for name, value in internet.environ().items():
            monkeypatch.setenv(name, value)
        session = Session(dict(os.environ))
        try:
            found = plan(
                session.clients,
                [(nowhere, [here, own]), (LibraryPlace(tmp_path / "library"), [here, same])],
                Wanted(minimum_age=7, only=chosen),
                Cancellation(),
            )
        finally:
            session.close()
        asked = [(one.method, one.path) for one in internet.asked]
    # The library has one platform of each index: Docker Hub's API reports which ones the tag has now.
    assert [(one.kind, one.reference.path) for one in found.updates] == [
        (kind, "library/nginx") for kind in (Kind.MOVED, Kind.MOVED, Kind.VERSION, Kind.VERSION)
    ]
    assert found.in_step == 1
    moved, _, version, _ = found.updates
    assert (moved.kind, moved.after, version.target.tag) == (Kind.MOVED, digests["1.27"], "1.28")
    assert moved.fetch == version.fetch == Fetch(7_000_000, at_most=True)
    assert moved.held is None and moved.created == datetime(2024, 5, 1, 10, tzinfo=UTC)
    assert not [one for one in asked if one[0] == "GET" and "/manifests/" in one[1]]
    # Selected, but not typed: a name that is only here stays here.
    assert not [one for one in asked if "secret" in one[1]] and found.only_here == (own.reference,)


def test_the_images_of_a_file_and_what_can_not_be_updated(
    run: Run, open_registry: PrivateRegistry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = f"{open_registry.address}/updates/file"
    old = seeded(open_registry, "updates/file", "1", "old")
    run("", "transfer", "pull", "--to", "library", f"{name}:1")
    run("", "tag", "tag", "--from", "library", f"{name}:1", f"{name}:own")
    new = seeded(open_registry, "updates/file", "1", "newer")
    path = tmp_path / "images.txt"
    path.write_text(f"{name}:1\n{name}:2@{old.digest}\n{name}:gone\n", encoding="utf-8")
    plan = ("update", "--from", "library", "--dry-run")
    code, (update,) = run("", "update", *plan, "-f", str(path))
    assert (code, update["to"], update["other_tags"]) == (0, new.digest, [f"{name}:own"])
    argv = [*plan, f"{name}:own"]
    with contextlib.closing(Session(dict(os.environ))) as session:
        arguments = command_parser(argv).parse_args(argv)
        assert arguments.run(session, arguments, Output(as_json=False, quiet=False)) == 0
    printed = capsys.readouterr()
    assert f"{name}:own is only here." in printed.err and "Nothing to update." in printed.out
    with pytest.raises(InvalidInput, match="never changes"):
        run("", "update", *plan, f"{name}@{old.digest}")
