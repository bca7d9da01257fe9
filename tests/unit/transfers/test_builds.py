"""Requests of builds, their secrets, the rows of steps, and the output in bounded memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from longshore.engine.address import EngineAddress
from longshore.oci.layer import LayerState
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.text import output_line
from longshore.transfers import builds
from longshore.transfers.builds import BUILDX, Build, kept_secrets, lost_secrets, names_of
from longshore.transfers.journal.codec import request_from_json, request_to_json
from longshore.transfers.progress import output_log
from longshore.transfers.progress.output_log import OutputLog
from longshore.transfers.progress.progress import Progress
from longshore.transfers.progress.steps import MOST_STEPS, Steps
from longshore.transfers.transfer import EnginePlace, Operation

PLACE = EnginePlace(EngineAddress("default", "unix:///run/docker.sock"))
TAGS = (Reference.parse("docker.io/a/b:1"), Reference.parse("r.example:5000/c:2"))


def test_a_request_says_everything() -> None:
    build = Build(
        Path("/src"), PLACE, TAGS, Path("x/Dockerfile"), "stage", {"A": "1 2", "E": None, "EMPTY": ""}, {"l": "v"},
        Platform.parse("linux/arm64"), no_cache=True, pull=True, builder=BUILDX,
    )  # fmt: skip
    request = build.request()
    assert request.operation is Operation.BUILD
    assert names_of(request) == list(TAGS)
    assert Build.of(request) == build
    assert request_from_json(request_to_json(request)) == request
    plain = Build(Path("/src"), PLACE)
    assert plain.request().options == ()
    assert Build.of(plain.request()) == plain


def test_secrets_are_kept_in_memory_only() -> None:
    build = Build(
        Path("/s"),
        PLACE,
        arguments={"NPM_TOKEN": "hunter2-long", "PROXY": "http://ann:pw@p:1", "A": "1"},
        labels={"acme.token": "label-hunter2", "version": "1.2"},
    )
    request = build.request()
    written = str(request_to_json(request))
    assert not [secret for secret in ("hunter2-long", "ann:pw", "label-hunter2") if secret in written]
    assert "1.2" in written
    assert Build.of(request) == build
    assert lost_secrets(request) == []
    assert output_line("it is hunter2-long") == "it is ***"
    # After a restart, they are gone.
    builds._kept.clear()
    assert dict(Build.of(request).arguments) == {"NPM_TOKEN": None, "PROXY": None, "A": "1"}
    assert dict(Build.of(request).labels) == {"version": "1.2"}
    assert sorted(lost_secrets(request)) == ["NPM_TOKEN", "PROXY", "acme.token"]
    assert kept_secrets(request) == {}


def test_only_so_many_secrets_are_kept() -> None:
    for number in range(300):
        Build(Path(f"/{number}"), PLACE, arguments={"TOKEN": f"value-{number}"}).request()
    assert len(builds._kept) == 200


def test_names_that_cannot_be_read_are_left_out() -> None:
    request = Build(Path("/s"), PLACE, TAGS).request()
    damaged = request_from_json({**request_to_json(request), "options": {"tags": "Not:Valid:1 ok/x:1"}})
    assert [str(name) for name in names_of(damaged)] == ["docker.io/a/b:1", "docker.io/ok/x:1"]


def test_a_request_of_something_else() -> None:
    from transfertools import pull

    with pytest.raises(ValueError, match="a build goes from a folder"):
        Build.of(pull())


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_steps_become_rows() -> None:
    clock = Clock()
    progress = Progress(extracts=False, clock=clock)
    steps = progress.steps()
    steps.expect_bytes(200)
    steps.sent(100)
    now = progress.snapshot()
    assert (now.moved_bytes, now.total_bytes, now.permille) == (100, 200, 50)
    steps.sent(100)
    steps.expect(["FROM a", "RUN b", "RUN c"])
    steps.begin(1, "FROM a", 0.0)
    clock.now += 2
    steps.end(1, LayerState.CACHED)
    steps.begin(2, "RUN b", 1 / 3)
    clock.now += 3
    rows = progress.snapshot().layers
    assert [(row.layer_id, row.state, row.label, row.seconds) for row in rows] == [
        ("1", LayerState.CACHED, "FROM a", 2.0),
        ("2", LayerState.RUNNING, "RUN b", 3.0),
        ("3", LayerState.WAITING, "RUN c", None),
    ]
    assert progress.snapshot().permille == 400
    clock.now += 1
    progress.end(success=False)
    ended = progress.snapshot()
    assert [row.state for row in ended.layers][1] is LayerState.STOPPED
    assert ended.layers[1].seconds == 4.0
    assert ended.permille == 400
    moved = progress.moved()
    assert moved is not None
    assert (moved.bytes, moved.layers_moved, moved.layers_skipped) == (200, 0, 1)


def test_success_fills_the_bar() -> None:
    progress = Progress(extracts=False)
    progress.steps().begin(1, "FROM a", 0.0)
    progress.end(success=True)
    assert progress.snapshot().permille == 1000
    assert progress.snapshot().layers[0].state is LayerState.DONE


def test_parallel_steps() -> None:
    clock = Clock()
    steps = Steps(clock=clock)
    steps.change(1, "[1/2] FROM a", LayerState.WAITING, 0.0)
    steps.change(2, "[2/2] RUN b", LayerState.RUNNING, 0.0)
    clock.now += 5
    steps.change(1, "[1/2] FROM a", LayerState.CACHED, 0.5)
    steps.change(2, "[2/2] RUN b", LayerState.FAILED, 1.0)
    steps.change(2, "[2/2] RUN b", LayerState.RUNNING, 1.0)
    assert [(row.state, row.seconds) for row in steps.snapshots()] == [
        (LayerState.CACHED, None),
        (LayerState.FAILED, 5.0),
    ]


def test_the_base_image_of_a_step() -> None:
    steps = Steps()
    steps.begin(1, "FROM a", 0.0)
    steps.pulled(1, 30, 60)
    (row,) = steps.snapshots()
    assert (row.current, row.total, row.permille) == (30, 60, 500)
    steps.pulled(9, 1, 2)  # no such row


def test_rows_are_bounded() -> None:
    steps = Steps()
    for number in range(1, MOST_STEPS + 500):
        steps.begin(number, "x", 0.0)
        steps.change(number, "x", LayerState.RUNNING, 0.0)
    assert len(steps.snapshots()) == MOST_STEPS


def test_output_is_kept_by_step() -> None:
    told: list[None] = []
    log = OutputLog(lambda: told.append(None))
    log.add(0, "before")
    log.add(2, "a")
    log.add(1, "b")
    log.add(2, "c")
    assert [(line.number, line.step, line.text) for line in log.after()] == [
        (1, 0, "before"), (2, 2, "a"), (3, 1, "b"), (4, 2, "c"),
    ]  # fmt: skip
    assert [line.text for line in log.after(2)] == ["b", "c"]
    assert [line.text for line in log.after(0, 2)] == ["a", "c"]
    assert log.after(4) == log.after(0, 7) == []
    assert (log.last, len(told)) == (4, 4)


def test_output_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output_log, "LINES_OF_STEP", 3)
    monkeypatch.setattr(output_log, "MOST_CHARACTERS", 20)
    log = OutputLog()
    for number in range(10):
        log.add(1, f"{number}")
    assert [line.text for line in log.after()] == ["7", "8", "9"]
    log.add(2, "x" * 18)
    assert [line.text for line in log.after()] == ["8", "9", "x" * 18]
    log.add(3, "y" * 30)
    assert log.after() == []
    assert log.last == 12
