"""prune: what goes is shown with what that frees, and nothing else goes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from testbed.engine import PrivateEngine
from testbed.images import load_image
from testbed.registry import PrivateRegistry
from testbed.remote_images import seed_repository

from .conftest import Command
from .test_removal import answered

MB = 1_000_000


def names(command: Command, pattern: str) -> list[str]:
    return command("images", "-q", pattern).stdout.splitlines()


def test_names_by_pattern_and_what_they_free(longshore: Command, testbed_engine: PrivateEngine) -> None:
    with testbed_engine.client() as client:
        for number in range(3):
            tags = [f"prune/app:dev-{number}", f"prune/app:{number}"]
            load_image(client, tags, (4 * MB, (number + 1) * MB), seed="prune app")
        container = client.create_container("prune/app:2", command=["/none"])
    try:
        patterns = ("--name", "prune/*:dev-*", "--name", "prune/app:1", "--name", "!*:dev-0")
        records = longshore.records("prune", *patterns, "--dry-run")
        *rows, whole = records
        assert {row["reference"] for row in rows} == {f"docker.io/prune/app:{tag}" for tag in ("dev-1", "1")}
        assert all(
            (row["kind"], row["state"], row["reason"]) == ("removal", "planned", "name") for row in rows
        )
        assert sorted(row["frees"] or 0 for row in rows) == [0, 2 * MB]
        assert (whole["kind"], whole["state"], whole["frees"], whole["images"]) == (
            "prune",
            "planned",
            2 * MB,
            1,
        )
        assert whole["images_in_use"] >= 1 and whole["size_on_disk"] >= 6 * MB
        shown = longshore("prune", *patterns, "--dry-run").stdout
        assert "1 image, frees 2 MB." in shown and "Never removed: images of containers" in shown
        refused = longshore("prune", *patterns, code=2)
        assert "nobody can be asked" in refused.stderr and len(names(longshore, "prune/app")) == 6
        done = longshore.records("prune", *patterns, "--yes")
        assert [row["state"] for row in done] == ["removed", "removed", "done"]
        assert done[-1]["freed"] == 2 * MB
        # Tags that stay keep their image: nothing is freed.
        tag = longshore("prune", "--name", "prune/app:dev-0", "--yes").stdout
        assert "tag only" in tag and "1 name was removed." in tag
        assert names(longshore, "prune/app") == ["prune/app:dev-2", "prune/app:0", "prune/app:2"]
        assert longshore("prune", "--name", "prune/app:0", "-y", "-q").stdout == "prune/app:0\n"
    finally:
        with testbed_engine.client() as client:
            client.remove_container(container["Id"], force=True)
            for name in names(longshore, "prune/app"):
                client.remove_image(name)


def test_layers_of_a_container_whose_image_is_gone_are_not_freed(
    longshore: Command, testbed_engine: PrivateEngine
) -> None:
    with testbed_engine.client() as client:
        ids = [
            load_image(client, [f"prune/held:{number}"], (8 * MB, (number + 1) * MB), seed="prune held")
            for number in range(2)
        ]
        container = client.create_container("prune/held:0", command=["/none"])
        try:
            client.remove_image("prune/held:0", force=True)
            *_, whole = longshore.records("prune", "--name", "prune/held", "--yes")
            assert (whole["frees"], whole["freed"], whole["freed_about"]) == (2 * MB, 2 * MB, False)
            assert all(image["Id"] not in ids for image in client.images(all=True))
        finally:
            client.remove_container(container["Id"], force=True)


def test_each_image_is_removed_by_one_of_several_at_once(
    longshore: Command, testbed_engine: PrivateEngine
) -> None:
    count = 12
    with testbed_engine.client() as client:
        for number in range(count):
            load_image(client, [f"prune/race:{number}"], (MB,), seed=f"prune race {number}")
    arguments = ("prune", "--name", "prune/race", "--yes", "--json")
    running = [longshore.start(*arguments) for _ in range(3)]
    ours = freed = 0
    for process in running:
        printed, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
        *rows, whole = [json.loads(line) for line in printed.splitlines()]
        mine = [row for row in rows if row["kind"] == "removal" and not row.get("already")]
        ours += len(mine)
        freed += whole["freed"] or 0
        assert whole["freed_about"] is (len(mine) < whole["names"])
    assert (ours, freed) == (count, count * MB)
    assert names(longshore, "prune/race") == []


def test_dangling_ones_are_the_default_and_a_question_is_asked(
    longshore: Command, testbed_engine: PrivateEngine
) -> None:
    longshore("prune", "--yes")  # what other tests have left
    with testbed_engine.client() as client:
        image_id = load_image(client, [], (MB,), seed="prune dangling")
    printed, code = answered(longshore, "prune", answer="n")
    assert code == 1 and image_id[7:12] in printed and "dangling" in printed
    assert "Remove 1 image? [y/N]" in printed and "Nothing was removed." in printed
    printed, code = answered(longshore, "prune", answer="y")
    assert code == 0 and "Freed 1 MB. Expected: 1 MB." in printed
    assert "Nothing to remove." in longshore("prune", "--dangling").stdout


def test_the_newest_of_a_repository_and_pinned_ones_stay(
    longshore: Command, testbed_engine: PrivateEngine
) -> None:
    with testbed_engine.client() as client:
        for day in range(1, 6):
            load_image(
                client, [f"prune/old:{day}"], (1000,), seed=day, created=datetime(2020, 1, day, tzinfo=UTC)
            )
    settings = Path(longshore.environ["XDG_CONFIG_HOME"]) / "longshore" / "settings.json"
    settings.parent.mkdir(parents=True, exist_ok=True)
    before = settings.read_text() if settings.exists() else None
    settings.write_text(json.dumps({"pinned_images": ["docker.io/prune/old:1"]}))
    try:
        arguments = ("prune", "--keep-newest", "2", "--name", "prune/*")
        planned = [row for row in longshore.records(*arguments, "--dry-run") if row["kind"] == "removal"]
        ours = [row for row in planned if "prune/old" in row["reference"]]
        assert [row["reference"][-1] for row in ours] == ["2", "3"]
        assert {row["reason"] for row in ours} == {"name"}
        assert "named prune/*, 3rd newest" in longshore(*arguments, "--dry-run").stdout
        # All rules must apply: the newest stay, however old they are.
        both = longshore.records("prune", "--keep-newest", "3", "--older-than", "30d", "--dry-run")
        assert [row["reference"][-1] for row in both if "prune/old" in str(row.get("reference"))] == ["2"]
        old = longshore.records("prune", "--older-than", "52w", "--name", "!prune/*", "--dry-run", code=2)
        assert "only exclude" in old[-1]["message"]
        aged = longshore.records("prune", "--older-than", "52w", "--dry-run")
        assert {row["reason"] for row in aged if "prune/old" in str(row.get("reference"))} == {"old"}
    finally:
        if before is None:
            settings.unlink()
        else:
            settings.write_text(before)
        with testbed_engine.client() as client:
            for name in names(longshore, "prune/old"):
                client.remove_image(name)


def test_several_engines_and_one_that_is_away(
    longshore: Command, testbed_engine: PrivateEngine, containerd_engine: PrivateEngine
) -> None:
    hosts = (testbed_engine.host, containerd_engine.host)
    for engine in (testbed_engine, containerd_engine):
        with engine.client() as client:
            load_image(client, ["prune/several:1"], (MB,), seed="prune several")
    several = [part for host in hosts for part in ("--engine", host)]
    arguments = ("prune", "--name", "prune/several", *several)
    records = longshore.records(*arguments, "--dry-run")
    assert [row["url"] for row in records if row["kind"] == "prune"] == list(hosts)
    away = longshore(*arguments, "--engine", "unix:///nowhere/docker.sock", "--yes", code=3)
    assert "Removed: prune/several:1" in away.stdout and "FROM" in away.stdout
    assert "/nowhere/docker.sock" in away.stderr
    for host in hosts:
        assert "prune/several" not in longshore("images", "-q", "--engine", host).stdout


def test_the_library(longshore: Command, open_registry: PrivateRegistry) -> None:
    for number in (1, 2):
        seed_repository(
            open_registry.address, f"prune/library{number}", ["1"], layers=(100_000, 1000 * number)
        )
        longshore("pull", f"{open_registry.address}/prune/library{number}:1", "--to", "library")
    refused = longshore("prune", "--from", "library", "--unused", code=2)
    assert "no containers" in refused.stderr
    assert "uses no engine" in longshore("prune", "--from", "library", "--engine", "x", "-y", code=2).stderr
    blobs = Path(longshore.environ["XDG_DATA_HOME"]) / "longshore" / "library" / "blobs"

    def on_disk() -> int:
        return sum(path.stat().st_size for path in blobs.glob("*/*"))

    before = on_disk()
    pattern = f"{open_registry.address}/prune/library1"
    *rows, whole = longshore.records("prune", "--from", "library", "--name", pattern, "--yes")
    assert [row["state"] for row in rows] == ["removed"] and rows[0]["containers"] is None
    assert whole["freed"] == whole["frees"] == before - on_disk() > 0
    assert (whole["images_in_use"], whole["place"]) == (None, "library")
    before = on_disk()
    *_, whole = longshore.records("prune", "--from", "library", "--older-than", "0d", "--yes")
    assert whole["freed"] == before - on_disk() > 0
    assert longshore("images", "--from", "library", "-q").stdout == ""


@pytest.mark.parametrize("age", ["30m", "-3d", "d", "", "1.5d", "9999999d", "٣d"])
def test_what_is_not_an_age(alone: Command, age: str) -> None:
    assert "is not an age" in alone("prune", f"--older-than={age}", code=2).stderr


@pytest.mark.parametrize("arguments", [("--older-than", "99999w"), ("--keep-newest=-1",), ("--name", "!x")])
def test_rules_that_cannot_be_meant(longshore: Command, arguments: tuple[str, ...]) -> None:
    longshore("prune", *arguments, "--yes", code=2)
