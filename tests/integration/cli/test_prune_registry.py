"""prune --from registry: what goes is shown first, and nothing else goes."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from longshore.registry.substitutes import substitute
from testbed.crane import CraneRegistry
from testbed.processes import wait_until
from testbed.registry import PrivateRegistry
from testbed.remote_images import RegistryWriter, seed_repository
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


def test_pinned_tags_are_never_removed(longshore: Command, registry: PrivateRegistry) -> None:
    name = f"{registry.address}/team/pinned"
    for days in range(4):
        seed(registry.address, "team/pinned", days, f"v{days}")
    settings = Path(longshore.environ["XDG_CONFIG_HOME"]) / "longshore" / "settings.json"
    settings.parent.mkdir(parents=True, exist_ok=True)
    before = settings.read_text() if settings.exists() else None
    settings.write_text(json.dumps({"pinned_images": [f"{name}:v2", f"{name}-other:v3"]}))
    rules = ("prune", "--from", "registry", name, "--name", "v*")
    try:
        shown = longshore(*rules, "--dry-run").stdout
        records = longshore.records(*rules, "--yes")
    finally:
        settings.write_text("{}" if before is None else before)
    assert "Pinned, never removed: v2." in shown and "3 tags, frees" in shown and f"{name}:v2" not in shown
    assert [row["pinned"] for row in records if row["kind"] == "prune"] == [1]
    assert tags(longshore, name) == {"v2"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl+C"])
def test_a_run_that_is_ended_leaves_no_tag_half_removed(
    longshore: Command, registry: PrivateRegistry, number: signal.Signals
) -> None:
    path = "team/ended"
    for days in range(3):
        seed(registry.address, path, days, f"v{days}", f"lts-{days}")
    with Throttle(registry.address) as line:
        name = f"{line.address}/{path}"
        line.latency = 0.2
        running = longshore.start(
            "prune", "--from", "registry", name, f"{name}-none", "--name", "v*", "--yes", "--json"
        )
        try:
            wait_until(
                lambda: any(
                    one.method == "PUT" and one.path.endswith("/manifests/v1") and one.status == 201
                    for one in line.requests
                ),
                timeout=60,
                what="a tag on its way out",
            )
            running.send_signal(number)
            out, _ = running.communicate(timeout=60)
        finally:
            running.kill()
            running.communicate(timeout=30)
    assert running.returncode == 130
    records = [json.loads(row) for row in out.splitlines()]
    gone = [row["reference"].rpartition(":")[2] for row in records if row["kind"] == "removal"]
    (whole,) = [row for row in records if row["kind"] == "prune"]
    assert gone == ["v0", "v1"] and (whole["state"], whole["not_reached"]) == ("cancelled", 1)
    direct = f"{registry.address}/{path}"
    assert tags(longshore, direct) == {"v2", "lts-0", "lts-1", "lts-2"}
    # What stays is what it was, not a stand-in.
    assert (
        "its removal was interrupted"
        not in longshore("prune", "--from", "registry", direct, "--name", "v*", "--dry-run").stdout
    )


def test_what_a_killed_run_left_is_named_and_finished(longshore: Command, registry: PrivateRegistry) -> None:
    path, name = "team/killed", f"{registry.address}/team/killed"
    seed(registry.address, path, 1, "v1", "v2")
    left = substitute("v9", docker=False)
    writer = RegistryWriter(registry.address)
    for data in left.blobs:
        writer.put_blob(path, data)
    writer.put_manifest(path, "v9", left.raw, left.media_type)
    writer.close()
    shown = longshore("remove", "--from", "registry", f"{name}:v1", "--yes").stdout
    finish = f"longshore remove --from registry {name}:v9"
    assert f"The removal of v9 was interrupted. To finish it: {finish}" in shown
    rules = ("prune", "--from", "registry", name, "--older-than", "1w")
    (planned,) = [row for row in longshore.records(*rules, "--dry-run") if row["kind"] == "removal"]
    assert (planned["reference"], planned["reason"]) == (f"{name}:v9", "leftover")
    assert "interrupted" not in longshore(*finish.split()[1:], "--yes").stdout
    assert tags(longshore, name) == {"v2"}


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
