"""tag, undo and the history of tags: as a process, on a real engine and registry."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from longshore.registry.client import RegistryClient
from longshore.registry.config import RegistryConfig
from testbed.engine import PrivateEngine
from testbed.images import small_image
from testbed.registry import PrivateRegistry
from testbed.remote_images import seed_repository

from .conftest import Command


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[PrivateRegistry]:
    """A registry of this test that allows deletion."""
    with PrivateRegistry(tmp_path / "registry") as one:
        yield one


def seeded(registry: PrivateRegistry, *tags: str) -> list[str]:
    """Make an image for each tag; returns the digests."""
    return [
        seed_repository(registry.address, "cli/undo", (tag,), layers=(1000,), seed=f"cli{tag}").digest
        for tag in tags
    ]


def digest(registry: PrivateRegistry, name: str) -> str | None:
    """What a tag points to; whether a digest is there."""
    with contextlib.closing(RegistryClient(RegistryConfig(registry.address), lambda host: None)) as client:
        found = client.head("cli/undo", name)
    return None if found is None else found.digest


def objects(text: str, kind: str) -> list[dict[str, Any]]:
    """The objects of one kind."""
    return [one for one in map(json.loads, text.splitlines()) if one["kind"] == kind]


def test_a_tag_in_a_registry_and_its_undo(longshore: Command, registry: PrivateRegistry) -> None:
    one, two = seeded(registry, "1", "2")
    name = f"{registry.address}/cli/undo"
    done = longshore("tag", "--from", "registry", f"{name}:1", f"{name}:2", f"{name}:new")
    assert done.stdout == f"Tagged: {name}:2 (before: {two[:19]})\nTagged: {name}:new\n"
    assert (digest(registry, "2"), digest(registry, "new")) == (one, one)
    planned = longshore("undo", "--dry-run", "--json")
    plans = objects(planned.stdout, "undo")
    assert [(each["from"], each["to"], each["how"], each["state"]) for each in plans] == [
        (one, "", "remove", "planned"),
        (one, two, "tag", "planned"),
    ]
    asked = longshore("undo", code=2)
    assert "nobody can be asked here" in asked.stderr
    assert digest(registry, "2") == one
    done = longshore("undo", "--yes")
    assert f"Put back: {name}:2 ({two[:19]})\n" in done.stdout
    assert f"Removed again: {name}:new\n" in done.stdout
    assert (digest(registry, "2"), digest(registry, "new")) == (two, None)
    nothing = longshore("undo", "--yes", code=2)
    assert "There is nothing to undo." in nothing.stderr
    listed = longshore("tags", name, "--history", "--json")
    changes = objects(listed.stdout, "tag_change")
    assert [(each["operation"], each["before"], each["after"]) for each in changes] == [
        ("undo", one, two),
        ("undo", one, ""),
        ("tag", "", one),
        ("tag", two, one),
    ]
    one_tag = objects(longshore("tags", f"{name}:new", "--history", "--json").stdout, "tag_change")
    assert one_tag == changes[1:3]
    assert longshore("tags", f"{name}:none", "--history").stdout == "No changes are known.\n"
    assert changes[0]["undoes"] == changes[3]["id"]
    assert changes[3]["undone_by"] == changes[0]["id"]
    again = longshore("undo", changes[0]["id"][:10], "--yes", "--quiet")
    assert again.stdout == f"{name}:2\n{name}:new\n"  # what was undone together
    assert (digest(registry, "2"), digest(registry, "new")) == (one, one)


def test_a_removal_in_a_registry_and_its_undo(longshore: Command, registry: PrivateRegistry) -> None:
    one, _ = seeded(registry, "1", "2")
    name = f"{registry.address}/cli/undo"
    longshore("remove", "--from", "registry", "--yes", f"{name}:1")
    assert digest(registry, "1") is None
    assert digest(registry, one) is None
    done = longshore("undo", "--yes", "--json")
    (undone,) = objects(done.stdout, "undo")
    assert (undone["operation"], undone["to"], undone["state"]) == ("remove", one, "undone")
    assert digest(registry, "1") == one
    longshore("remove", "--from", "registry", "--yes", f"{name}:1")
    registry.collect_garbage()
    refused = longshore("undo", "--yes", code=1)
    assert "no longer has all of the image" in refused.stderr
    assert "garbage collection" in refused.stderr


def test_what_somebody_changed_since_needs_force(longshore: Command, registry: PrivateRegistry) -> None:
    one, two, three = seeded(registry, "1", "2", "3")
    name = f"{registry.address}/cli/undo"
    longshore("copy", f"{name}:2", f"{name}:1")
    seed_repository(registry.address, "cli/undo", ("1",), layers=(3000,), seed="somebody else")
    theirs = digest(registry, "1")
    assert theirs not in (one, two, three)
    refused = longshore("undo", "--yes", code=1)
    assert refused.stderr.count(f"was changed since then: it points to {str(theirs)[:19]} now") == 1
    assert digest(registry, "1") == theirs
    longshore("undo", "--yes", "--force")
    assert digest(registry, "1") == one
    # What others did is in the history once Longshore saw it.
    seed_repository(registry.address, "cli/undo", ("1",), layers=(4000,), seed="somebody again")
    again = digest(registry, "1")
    longshore("tags", name, "--details")
    seen = objects(longshore("tags", name, "--history", "--json").stdout, "tag_change")[0]
    assert (seen["operation"], seen["before"], seen["after"], seen["by"]) == ("seen", one, again, None)
    longshore("undo", "--to", three, f"{name}:1", "--yes")
    assert digest(registry, "1") == three
    longshore("undo", "--yes")
    assert digest(registry, "1") == again


def test_a_last_change_that_cannot_be_undone_names_the_one_before(
    longshore: Command, registry: PrivateRegistry
) -> None:
    seeded(registry, "1", "2")
    name = f"{registry.address}/cli/undo"
    longshore("copy", f"{name}:2", f"{name}:new")
    longshore("copy", f"{name}:2", f"{name}:1")
    registry.collect_garbage()
    refused = longshore("undo", "--yes", code=1)
    assert "no longer has the image" in refused.stderr
    (earlier,) = objects(longshore("undo", "--list", f"{name}:new", "--json").stdout, "tag_change")
    start = earlier["id"][:8]
    assert f"The change before it: copy {name}:new. Undo it with: longshore undo {start}" in refused.stderr
    longshore("undo", start, "--yes")
    assert digest(registry, "new") is None


def test_several_images_that_come_from_elsewhere(longshore: Command, registry: PrivateRegistry) -> None:
    one, two, _ = seeded(registry, "1", "2", "3")
    name = f"{registry.address}/cli/undo"
    for tag in ("1", "2"):
        longshore("pull", "--to", "library", f"{name}:{tag}")
    longshore("tag", "--from", "registry", f"{name}:3", f"{name}:1", f"{name}:2")
    registry.collect_garbage()
    longshore("undo", "--yes")
    assert (digest(registry, "1"), digest(registry, "2")) == (one, two)


def test_a_change_that_cannot_be_recorded_is_told(longshore: Command, registry: PrivateRegistry) -> None:
    seeded(registry, "1")
    name = f"{registry.address}/cli/undo"
    done = longshore("tag", "--from", "registry", f"{name}:1", f"{name}:new", XDG_STATE_HOME="/proc/none")
    assert done.stdout == f"Tagged: {name}:new\n"
    assert (
        done.stderr.count("Changes of tags can't be undone later, because the tag history can't be saved")
        == 1
    )
    listed = longshore("undo", "--list", XDG_STATE_HOME="/proc/none")
    assert "can't be undone later" not in listed.stderr


def test_images_without_a_name_cannot_be_put_back(longshore: Command, testbed_engine: PrivateEngine) -> None:
    host = testbed_engine.host
    with contextlib.closing(testbed_engine.client()) as client:
        small_image(client, "cli/undo:lost", seed="undo lost")
        longshore("tag", "cli/undo:lost", "cli/undo:lost-2", DOCKER_HOST=host)
        unnamed = [small_image(client, "cli/undo:none", seed=f"undo none {number}") for number in range(3)][
            :2
        ]
    longshore("prune", "--yes", DOCKER_HOST=host)
    planned = longshore("undo", "--dry-run", DOCKER_HOST=host)
    assert len(unnamed) == 2
    assert (
        "The last action removed 2 images without a name, which can't be undone. "
        "The change before it: tag cli/undo:lost-2."
    ) in planned.stderr
    longshore("tag", "cli/undo:lost", "cli/undo:lost-3", DOCKER_HOST=host)
    for _ in range(2):
        undone = longshore("undo", "--yes", DOCKER_HOST=host)
    assert "without a name" in undone.stderr
    assert "Removed again: cli/undo:lost-2" in undone.stdout


def test_engines_are_told_apart(longshore: Command, testbed_engine: PrivateEngine) -> None:
    with contextlib.closing(testbed_engine.client()) as client:
        small_image(client, "cli/undo:apart", seed="undo apart")
    host = testbed_engine.host
    longshore("tag", "cli/undo:apart", "cli/undo:apart-2", DOCKER_HOST=host)
    listed = longshore("undo", "--list", DOCKER_HOST=host).stdout
    assert host in listed
    assert "DOCKER_HOST" not in listed
    longshore("undo", "--yes", DOCKER_HOST=host)


def test_an_image_that_comes_from_elsewhere(longshore: Command, registry: PrivateRegistry) -> None:
    one, _ = seeded(registry, "1", "2")
    name = f"{registry.address}/cli/undo"
    longshore("pull", "--to", "library", f"{name}:1")
    longshore("copy", f"{name}:2", f"{name}:1")
    registry.collect_garbage()
    done = longshore("undo", "--yes", "--json")
    (undone,) = objects(done.stdout, "undo")
    assert (undone["how"], undone["state"]) == ("transfer", "undone")
    assert objects(done.stdout, "transfer")[-1]["state"] == "Succeeded"
    assert digest(registry, "1") == one
    # The pull into the library is next.
    (next_one,) = objects(longshore("undo", "--dry-run", "--json").stdout, "undo")
    assert (next_one["operation"], next_one["place"], next_one["how"]) == ("pull", "library", "remove")


def test_tags_of_an_engine_and_of_the_library(
    longshore: Command, testbed_engine: PrivateEngine, registry: PrivateRegistry
) -> None:
    with contextlib.closing(testbed_engine.client()) as client:
        small_image(client, "cli/undo:a", seed="undo a")
        small_image(client, "cli/undo:b", seed="undo b")
    done = longshore("tag", "cli/undo:a", "cli/undo:b", "cli/undo:c", "--json")
    tagged = objects(done.stdout, "tagged")
    assert [each["state"] for each in tagged] == ["tagged", "tagged"]
    assert tagged[0]["before"] not in ("", tagged[0]["digest"])
    assert tagged[1]["before"] == ""
    longshore("undo", "--yes")
    names = longshore("images", "--quiet").stdout.splitlines()
    assert "cli/undo:c" not in names
    longshore("remove", "--yes", "cli/undo:b")
    gone = longshore("undo", "--yes", code=1)
    assert "The engine no longer has the image" in gone.stderr
    seeded(registry, "1")
    name = f"{registry.address}/cli/undo:1"
    longshore("pull", "--to", "library", name)
    longshore("tag", "--from", "library", name, "example.com/a:1")
    longshore("remove", "--from", "library", "--yes", "example.com/a:1")
    longshore("undo", "--yes")
    assert "example.com/a:1" in longshore("images", "--from", "library", "--quiet").stdout.splitlines()
    table = longshore("undo", "--list", "example.com/a").stdout.splitlines()
    assert [line.split()[0] for line in table[:1]] == ["ID"]
    assert len(table) == 4


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("undo", "abc"), "There is no change with this ID."),
        (("undo", "--to", "sha256:1", "a/b:1"), "This is not a digest."),
        (("undo", "--to", "sha256:" + "a" * 64), "No tag is named."),
        (("undo", "--to", "sha256:" + "a" * 64, "oci-archive:/a.tar:b"), "can be put back"),
        (("tag", "app:1", "app@sha256:" + "a" * 64), "A digest can't be used as a name."),
        (("tag", "--from", "registry", "127.0.0.1:1/a:1", "127.0.0.1:1/b:1"), "within one repository"),
        (("tag", "oci-archive:/a.tar:b", "c"), "Images of archives have no other names."),
    ],
)
def test_wrong_usage(longshore: Command, arguments: tuple[str, ...], words: str) -> None:
    assert words in longshore(*arguments, code=2).stderr


def test_unknown_images_have_no_tags_to_give(longshore: Command, registry: PrivateRegistry) -> None:
    assert "The engine has no such image." in longshore("tag", "cli/none:1", "cli/none:2", code=1).stderr
    name = f"{registry.address}/cli/none"
    refused = longshore("tag", "--from", "registry", f"{name}:1", f"{name}:2", code=1)
    assert "The registry has no such tag." in refused.stderr
