"""What a killed program left is listed, resumed and removed; what a running one has is left alone."""

from __future__ import annotations

import json
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest

from testbed.engine import PrivateEngine
from testbed.registry import PrivateRegistry
from testbed.remote_images import SeededRepository, seed_repository
from testbed.throttle import Throttle

from .conftest import Command

MB = 1_000_000


def started(command: Command, *arguments: str) -> tuple[subprocess.Popen[str], str]:
    """A transfer that moves data now, and its id. The caller kills it."""
    running = command.start(*arguments, "--json")
    assert running.stdout is not None
    for line in running.stdout:
        found = json.loads(line)
        if found.get("moved_bytes"):
            return running, found["id"]
    raise AssertionError(running.communicate()[1])


def killed(command: Command, *arguments: str, number: signal.Signals = signal.SIGKILL) -> str:
    """The id of a transfer whose program was ended with a signal while it moved data."""
    running, row = started(command, *arguments)
    try:
        running.send_signal(number)
        running.communicate(timeout=60)
    finally:
        running.kill()
        running.communicate()
    return row


def slow_image(registry: PrivateRegistry, line: Throttle, name: str) -> SeededRepository:
    line.bytes_per_second = MB
    return seed_repository(registry.address, name, ("1",), layers=(2 * MB, 2 * MB), seed=name)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_pull_is_resumed_without_fetching_twice(
    alone: Command, open_registry: PrivateRegistry, throttle: Throttle, number: signal.Signals
) -> None:
    seeded = slow_image(open_registry, throttle, f"cli/killed{number}")
    name = f"{throttle.address}/cli/killed{number}:1"
    row = killed(alone, "pull", name, "--to", "library", number=number)
    (listed,) = alone.records("queue")
    assert (listed["kind"], listed["id"], listed["state"], listed["resumable"]) == (
        "transfer",
        row,
        "Interrupted",
        True,
    )
    lines = alone("queue", "list").stdout.splitlines()
    assert lines[0].split() == ["ID", "OPERATION", "SOURCE", "DESTINATION", "STATUS"]
    assert lines[1].split() == [row[:8], "Pull", name, "Library", "Interrupted"]
    # Looking took over nothing: the history shows it as it is, and it can still be resumed.
    (past,) = alone.records("history")
    assert (past["id"], past["state"]) == (row, "Interrupted")

    throttle.bytes_per_second = None
    *_, last = alone.records("queue", "resume", row[:6])
    assert (last["id"], last["state"], last["digest"]) == (row, "Succeeded", seeded.digest)
    # Both runs together: what was in flight when it was killed may have been sent twice.
    assert throttle.moved_bytes["response"] < seeded.layer_bytes + MB
    assert alone("queue").stdout == "No unfinished transfers.\n"
    assert alone("queue", "resume", "--all").stdout == "No interrupted transfers.\n"
    pulled = alone("pull", name, "--to", "library", "-q")
    assert pulled.stdout == f"{name}@{seeded.digest}\n"


def test_a_killed_copy_and_a_killed_pull_into_the_engine_are_resumed(
    longshore: Command,
    testbed_engine: PrivateEngine,
    open_registry: PrivateRegistry,
    second_registry: PrivateRegistry,
    throttle: Throttle,
) -> None:
    seeded = slow_image(open_registry, throttle, "cli/both")
    source, target = f"{throttle.address}/cli/both:1", f"{second_registry.address}/cli/both:1"
    rows = [killed(longshore, "copy", source, target), killed(longshore, "pull", source)]
    assert [one["id"] for one in longshore.records("queue")] == rows
    throttle.bytes_per_second = None
    done = longshore("queue", "resume", "--all")
    assert sorted(line.split()[0] for line in done.stdout.splitlines() if not line.startswith(" ")) == [
        "Copied",
        "Pulled",
    ]
    assert [one["state"] for one in longshore.records("history")] == ["Succeeded", "Succeeded"]
    copied = longshore("pull", target, "--to", "library", "--all-platforms", "-q")
    assert copied.stdout.endswith(f"{seeded.digest}\n")
    client = testbed_engine.client()
    try:
        assert client.inspect_image(source)["Id"] == seeded.images[0].config_digest
    finally:
        client.close()


def test_rows_of_a_running_command_are_left_alone(
    alone: Command, open_registry: PrivateRegistry, second_registry: PrivateRegistry, throttle: Throttle
) -> None:
    slow_image(open_registry, throttle, "cli/running")
    source = f"{throttle.address}/cli/running:1"
    left = killed(alone, "pull", source, "--to", "library")
    throttle.bytes_per_second = 20_000
    running, row = started(alone, "copy", source, f"{second_registry.address}/cli/running:1")
    try:
        mine, others = alone.records("queue")
        assert (mine["id"], mine["resumable"]) == (left, True)
        assert (others["id"], others["state"], others["resumable"]) == (row, "Running", False)
        assert "in another Longshore" in alone("queue").stdout
        for action in ("resume", "remove"):
            refused = alone("queue", action, row, code=2)
            assert "belongs to a Longshore that is running" in refused.stderr
        assert alone("queue", "clear").stdout == "Removed 1 transfer.\n"
        assert alone("queue", "resume", "--all").stdout == "No interrupted transfers.\n"
        assert running.poll() is None
        assert [one["id"] for one in alone.records("queue")] == [row]
    finally:
        running.kill()
        running.communicate()
    # Its own end frees it.
    (now,) = alone.records("queue")
    assert (now["id"], now["state"], now["resumable"]) == (row, "Interrupted", True)


def test_removed_transfers_stay_in_the_history(
    alone: Command, open_registry: PrivateRegistry, throttle: Throttle
) -> None:
    slow_image(open_registry, throttle, "cli/removed")
    rows = [
        killed(alone, "pull", f"{throttle.address}/cli/removed:1", "--to", "library", *more)
        for more in ([], ["--all-platforms"])
    ]
    (removed,) = alone.records("queue", "remove", rows[0])
    assert (removed["id"], removed["state"], removed["resumable"]) == (rows[0], "Interrupted", False)
    assert [one["id"] for one in alone.records("queue")] == [rows[1]]
    assert {one["id"] for one in alone.records("history")} == set(rows)
    for arguments, sentence in (
        (("remove", rows[0]), "There is no such transfer."),
        (("resume", rows[0]), "There is no such transfer."),
        (("resume",), "Name the transfers to resume, or use --all."),
        (("resume", rows[1], "--all"), "Name the transfers to resume, or use --all."),
    ):
        assert sentence in alone("queue", *arguments, code=2).stderr


def test_an_engine_that_is_gone_leaves_its_rows_to_be_resumed(
    longshore: Command, testbed_engine: PrivateEngine, open_registry: PrivateRegistry, throttle: Throttle
) -> None:
    slow_image(open_registry, throttle, "cli/gone")
    name = f"{throttle.address}/cli/gone:1"
    with tempfile.TemporaryDirectory(prefix="ls-") as folder:  # short, as paths of sockets must be
        socket = Path(folder, "engine.sock")
        socket.symlink_to(testbed_engine.host.removeprefix("unix://"))
        rows = [
            killed(longshore, "pull", name, "--engine", f"unix://{socket}"),
            killed(longshore, "pull", name, "--to", "library"),
        ]
        throttle.bytes_per_second = None
        socket.unlink()
        done = longshore("queue", "resume", "--all", code=3)
        assert "socket not found" in done.stderr
        assert [one["id"] for one in longshore.records("queue")] == rows[:1]
        socket.symlink_to(testbed_engine.host.removeprefix("unix://"))
        assert longshore.records("queue", "resume", rows[0])[-1]["state"] == "Succeeded"
