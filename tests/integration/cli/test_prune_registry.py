"""prune --from registry: what goes is shown first, and nothing else goes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from testbed.crane import CraneRegistry
from testbed.registry import PrivateRegistry
from testbed.remote_images import seed_repository
from testbed.throttle import Throttle

from .conftest import Command
from .test_removal import answered, tags


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[PrivateRegistry]:
    """A registry of this test that allows deletion."""
    with PrivateRegistry(tmp_path / "registry") as one:
        yield one


def seed(host: str, path: str, days: int, *names: str) -> str:
    """An image of that age; returns its digest."""
    created = datetime.now(UTC) - timedelta(days=days)
    return seed_repository(host, path, names, created=created, layers=(4000 + days,)).digest


def test_the_plan_and_its_run(longshore: Command, registry: PrivateRegistry) -> None:
    host, name = registry.address, f"{registry.address}/team/app"
    seed(host, "team/app", 1, "3.0", "latest")
    seed(host, "team/app", 20, "2.0")
    shared = seed(host, "team/app", 40, "1.0", "1-lts")
    old = seed(host, "team/app", 70, "0.9")
    seed(host, "team/app", 5, f"sha256-{old[7:]}.sig")
    rules = ("prune", "--from", "registry", name, "--keep-newest", "1", "--older-than", "30d")
    shown = longshore(*rules, "--never", "*-lts", "--dry-run").stdout
    lines = {line.split()[0]: line for line in shown.splitlines() if line.startswith(name)}
    assert lines.keys() == {f"{name}:1.0", f"{name}:0.9", f"{name}:sha256-{old[7:]}.sig"}
    assert "3rd newest, 5 weeks old" in lines[f"{name}:1.0"]
    assert "tag only; the image stays as 1-lts" in lines[f"{name}:1.0"]
    assert "belongs to a removed image" in lines[f"{name}:sha256-{old[7:]}.sig"]
    assert "3 tags, frees up to" in shown and "compressed at the registry's next garbage collection" in shown
    assert "1 signature or attestation is removed with its image." in shown
    records = longshore.records(*rules, "--never", "*-lts", "--dry-run")
    planned = {row["reference"].rpartition(":")[2]: row for row in records if row["kind"] == "removal"}
    assert {row["state"] for row in planned.values()} == {"planned"}
    assert (planned["1.0"]["deletes_image"], planned["1.0"]["stays_as"]) == (False, ["1-lts"])
    assert (planned["1.0"]["digest"], planned["0.9"]["digest"]) == (shared, old)
    assert planned["0.9"]["deletes_image"] and planned["0.9"]["frees"] > 4000
    (whole,) = [row for row in records if row["kind"] == "prune"]
    assert (whole["place"], whole["host"], whole["repository"]) == ("registry", host, "team/app")
    assert (whole["names"], whole["images"], whole["frees"] > 8000) == (3, 2, True)
    assert tags(longshore, name) >= {"3.0", "latest", "2.0", "1.0", "1-lts", "0.9"}
    assert "--yes" in longshore(*rules, code=2).stderr
    done = longshore(*rules, "--never", "*-lts", "--yes").stdout
    assert f"Removed: {name}:0.9" in done and "3 tags removed, as planned." in done
    assert tags(longshore, name) == {"3.0", "latest", "2.0", "1-lts"}
    assert "Nothing to remove." in longshore(*rules, "--never", "*-lts", "--yes").stdout
    # All of it is one change that can be undone, also where the registry has forgotten the manifest.
    longshore("undo", "--yes")
    assert tags(longshore, name) == {"3.0", "latest", "2.0", "1-lts", "1.0", "0.9"}
    longshore("inspect", f"{name}:sha256-{old[7:]}.sig")
    (back,) = longshore.records("inspect", f"{name}:0.9")
    assert back["digest"] == old


def test_the_question_on_a_terminal(longshore: Command, registry: PrivateRegistry) -> None:
    name = f"{registry.address}/team/asked"
    for days in range(3):
        seed(registry.address, "team/asked", days, f"v{days}")
    rules = ("prune", "--from", "registry", name, "--keep-newest", "1")
    printed, code = answered(longshore, *rules, answer="n")
    assert "Remove 2 tags? [y/N]" in printed and "Nothing was removed." in printed and code == 1
    assert len(tags(longshore, name)) == 3
    printed, code = answered(longshore, *rules, answer="y")
    assert "2 tags removed, as planned." in printed and code == 0
    assert tags(longshore, name) == {"v0"}


def test_several_repositories_and_what_cannot_be_read(longshore: Command, registry: PrivateRegistry) -> None:
    host = registry.address
    for path in ("team/one", "team/two"):
        for days in range(3):
            seed(host, path, days, f"v{days}")
    rules = ("prune", "--from", "registry", "--name", "v*", "--keep-newest", "1")
    names = [f"{host}/team/one", f"{host}/team/two", f"{host}/team/none"]
    failed = longshore(*rules, *names, "--dry-run", code=3)
    assert "team/none" in failed.stderr and "All repositories together: up to" in failed.stdout
    records = longshore.records(*rules, *names, "--yes", code=3)
    done = [row for row in records if row["kind"] == "prune"]
    assert [(row["repository"], row["state"], row["as_planned"]) for row in done] == [
        ("team/one", "done", True),
        ("team/two", "done", True),
    ]
    for name in names[:2]:
        assert tags(longshore, name) == {"v0"}


def test_versions_and_a_registry_of_another_make(longshore: Command, crane_registry: CraneRegistry) -> None:
    name = f"{crane_registry.address}/prune/versions"
    for days, tag in enumerate(("1.9.1", "1.10.0", "1.10.0-rc1", "main")):
        seed(crane_registry.address, "prune/versions", days, tag)
    rules = ("prune", "--from", "registry", name, "--keep-newest", "1", "--order", "version")
    assert longshore(*rules, "--yes", "-q").stdout.split() == [f"{name}:1.9.1", f"{name}:1.10.0-rc1"]
    assert tags(longshore, name) == {"1.10.0", "main"}


def test_what_is_kept_and_why(longshore: Command, registry: PrivateRegistry) -> None:
    seed(registry.address, "team/kept", 9, "1.0", "latest")
    seed(registry.address, "team/kept", 8, "2.0")
    with Throttle(registry.address) as line:
        line.fail_next(r"/blobs/uploads/", 405, 1000)
        name = f"{line.address}/team/kept"
        shown = longshore("prune", "--from", "registry", name, "--name", "?.0", "--yes")
        assert "deletes only whole images, and other tags need these: 1.0." in shown.stdout
        assert f"Removed: {name}:2.0" in shown.stdout and "1 tag removed, as planned." in shown.stdout
        line.fail_next(r"/manifests/sha256:", 503, times=100, method="DELETE")
        failed = longshore("prune", "--from", "registry", name, "--name", "*", "--yes", code=1)
        assert "Nothing was removed." in failed.stdout and "Not reached: latest, 1.0." in failed.stdout
    assert tags(longshore, f"{registry.address}/team/kept") == {"1.0", "latest"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--from", "registry", "--keep-newest", "3"), "No repository is named."),
        (("--from", "registry", "r.example/team/app"), "No rule says which tags to remove."),
        (("--from", "registry", "r.example/team/app:1.0", "--name", "x"), "names an image, not a repository"),
        (("--from", "registry", "r.example/team/app", "--dangling"), "Leave out --dangling"),
        (("r.example/team/app", "--dangling"), "Add --from registry"),
    ],
)
def test_what_cannot_be_asked_for(longshore: Command, arguments: tuple[str, ...], message: str) -> None:
    assert message in longshore("prune", *arguments, "--dry-run", code=2).stderr
