"""``update`` and ``outdated`` on real engines, the library and a registry whose tags move behind Longshore's back."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from commandschema import checked
from longshore.application.session import Session
from longshore.cli.output import Output
from longshore.cli.parser import command_parser
from longshore.errors import InvalidInput
from testbed.engine import PrivateEngine
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
    made = {"created": OLD if seed == "old" else NEW, "seed": seed, "layers": (20_000, 40_000), **more}
    return seed_repository(registry.address, path, [tag], **made)


def test_a_tag_that_moved_is_seen_updated_and_put_back(
    run: Run, any_engine: PrivateEngine, open_registry: PrivateRegistry
) -> None:
    host, path = any_engine.host, f"updates/{uuid.uuid4().hex[:8]}"
    name = f"{open_registry.address}/{path}:16.4"
    old = seeded(open_registry, path, "16.4", "old")
    run(host, "transfer", "pull", name)
    assert run(host, "state", "outdated", name)[0] == 0  # all in step
    new = seeded(open_registry, path, "16.4", "new")
    seeded(open_registry, path, "16.5", "next")
    code, (state,) = run(host, "state", "outdated", name)
    assert (code, state["state"], state["there"]) == (1, "newer", new.digest)
    assert state["newer_version"] == "16.5"
    user = f"user-{uuid.uuid4().hex[:8]}"
    with contextlib.closing(any_engine.client()) as client:
        client.create_container(name, ["/none"], name=user)
        try:
            _, (moved, version) = run(host, "update", "update", name, "--newer-version", "--dry-run")
        finally:
            client.remove_container(user)
    assert (moved["update"], moved["from"], moved["to"]) == ("tag moved", old.digest, new.digest)
    assert moved["containers"] == [user]
    size = sum(new.images[0].layer_sizes)
    assert (moved["bytes_to_fetch"], moved["exactness"]) == (size, "exact")
    assert (version["update"], version["target"]) == ("newer version", f"{name[:-1]}5")
    code, rows = run(host, "transfer", "update", name, "--yes")
    assert (code, rows[-1]["state"], rows[-1]["moved"]["bytes"]) == (0, "Succeeded", size)
    assert run(host, "state", "outdated", "--tags-only", name)[0] == 0
    assert run(host, "state", "outdated", name)[0] == 1  # the newer version was not asked for
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
    new = seeded(open_registry, "updates/lib", "1", "new", platforms=both)
    code, (state,) = run("", "state", "outdated", *library)
    assert (code, state["there"]) == (1, new.digest)
    run("", "update", "update", *library, name, "--snooze", "change")
    code, (state,) = run("", "state", "outdated", *library)
    assert (code, state["held"]) == (0, "snoozed")
    code, (held,) = run("", "update", "update", *library, "--all", "--yes")
    assert (code, held["state"]) == (0, "held")
    run("", "update", "update", *library, "--all", "--wake")
    _, (planned,) = run("", "update", "update", *library, "--all", "--yes")
    assert planned["bytes_to_fetch"] > sum(size for one in new.images for size in one.layer_sizes)
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
