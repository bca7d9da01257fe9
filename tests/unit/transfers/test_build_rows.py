"""The steps of a build as rows, its output, and its request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from longshore.errors import LongshoreError
from longshore.oci.layer import LayerState
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.transfers import builds
from longshore.transfers.builds import Build, keep_secrets, kept_secrets, lost_secrets, names_of
from longshore.transfers.progress import output_log, steps
from longshore.transfers.progress.output_log import OutputLine, OutputLog
from longshore.transfers.progress.progress import Progress
from longshore.transfers.progress.steps import Steps
from longshore.transfers.transfer import EnginePlace, FolderPlace, Moved, Operation, Phase
from transfertools import ENGINE, pull

WAITING, RUNNING, DONE, CACHED, FAILED, STOPPED = (
    LayerState.WAITING,
    LayerState.RUNNING,
    LayerState.DONE,
    LayerState.CACHED,
    LayerState.FAILED,
    LayerState.STOPPED,
)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Rows(Steps):
    """Steps with a clock of their own; *told*: how often a change was told."""

    def __init__(self) -> None:
        self.told = 0
        self.clock = Clock()
        super().__init__(self._tell, self.clock)

    def _tell(self) -> None:
        self.told += 1

    @property
    def states(self) -> list[tuple[str, str, LayerState]]:
        return [(row.layer_id, row.label, row.state) for row in self.snapshots()]


def test_steps_wait_run_and_end() -> None:
    rows = Rows()
    rows.expect(["FROM a", "RUN x"])
    assert rows.states == [("1", "FROM a", WAITING), ("2", "RUN x", WAITING)]
    rows.begin(1, "FROM a:1", 0.0)
    rows.clock.now += 2
    (first, second) = rows.snapshots()
    assert (first.state, first.label, first.seconds, first.permille) == (RUNNING, "FROM a:1", 2.0, None)
    assert (second.seconds, second.permille) == (None, None)
    rows.end(1, CACHED)
    rows.clock.now += 5
    rows.end(1, FAILED)  # it has ended
    rows.begin(2, "", 0.5)
    rows.end(2, FAILED)
    first, second = rows.snapshots()
    assert (first.state, first.seconds, first.permille) == (CACHED, 2.0, 1000)
    assert (second.state, second.label, second.seconds, second.permille) == (FAILED, "RUN x", 0.0, None)
    assert rows.moved() == Moved(0, 0, 1)
    assert rows.told == 6


def test_a_step_that_nobody_expected_is_added() -> None:
    rows = Rows()
    rows.begin(3, "RUN x", 0.0)
    rows.change(2, "RUN y", RUNNING, 0.0)
    rows.expect(["a", "b"])
    assert rows.states == [("1", "a", WAITING), ("2", "RUN y", RUNNING), ("3", "RUN x", RUNNING)]
    rows.end(9, DONE)
    rows.pulled(9, 1, 2)
    assert len(rows.states) == 3


def test_the_number_of_steps_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "MOST_STEPS", 2)
    rows = Rows()
    rows.expect(["a", "b", "c"])
    assert len(rows.states) == 2
    rows.begin(3, "c", 0.9)
    rows.change(4, "d", RUNNING, 0.9)
    assert len(rows.states) == 2
    assert rows.permille() == 0
    rows.begin(2, "B", 0.0)
    assert rows.states[1] == ("2", "B", RUNNING)


def test_steps_that_run_at_the_same_time() -> None:
    rows = Rows()
    rows.change(1, "a", RUNNING, 0.0)
    rows.clock.now += 1
    rows.change(2, "b", RUNNING, 0.0)
    rows.clock.now += 1
    rows.change(1, "a", RUNNING, 0.0)  # said again
    rows.change(1, "a", DONE, 0.5)
    rows.change(2, "b", FAILED, 0.5)
    rows.change(3, "c", CACHED, 0.7)
    rows.change(1, "a", RUNNING, 0.7)  # it has ended
    rows.change(1, "a", CACHED, 0.7)
    found = [(row.state, row.seconds) for row in rows.snapshots()]
    assert found == [(DONE, 2.0), (FAILED, 1.0), (CACHED, None)]
    assert rows.moved() == Moved(0, 1, 1)


def test_the_end_of_a_build_ends_what_runs() -> None:
    rows = Rows()
    rows.expect(["a", "b", "c"])
    rows.begin(1, "", 0.0)
    rows.end(1, DONE)
    rows.begin(2, "", 0.0)
    rows.end_all(STOPPED)
    assert [state for _, _, state in rows.states] == [DONE, STOPPED, WAITING]


def test_the_bytes_of_a_base_image() -> None:
    rows = Rows()
    rows.begin(1, "FROM a", 0.0)
    rows.pulled(1, 30, 120)
    (row,) = rows.snapshots()
    assert (row.current, row.total, row.permille) == (30, 120, 250)
    rows.pulled(1, 130, 120)
    assert rows.snapshots()[0].current == 120
    rows.end(1, FAILED)
    assert rows.snapshots()[0].permille is None
    rows.begin(2, "FROM b", 0.0)
    rows.pulled(2, 0, 0)
    assert rows.snapshots()[1].permille is None


def test_the_bytes_of_the_folder() -> None:
    rows = Rows()
    rows.sent(5)
    assert (rows.sizes(), rows.permille()) == ((5, None), 0)
    rows.expect_bytes(100)
    rows.sent(45)
    assert (rows.sizes(), rows.permille()) == ((50, 100), 50)
    rows.sent(70)
    assert (rows.sizes(), rows.permille()) == ((100, 100), 100)
    assert rows.moved().bytes == 120
    assert rows.told == 4
    empty = Rows()
    empty.expect_bytes(0)
    empty.sent(3)
    assert (empty.sizes(), empty.permille()) == ((0, 0), 0)


def test_the_bar_of_a_build_does_not_go_back_and_is_not_full() -> None:
    rows = Rows()
    rows.begin(1, "", 0.0)
    assert rows.permille() == 100
    rows.begin(2, "", 0.5)
    assert rows.permille() == 550
    rows.change(1, "", DONE, 0.2)
    assert rows.permille() == 550
    rows.change(1, "", DONE, 1.5)
    assert rows.permille() == 999


@pytest.mark.parametrize(("success", "state", "permille"), [(True, DONE, 1000), (False, STOPPED, 325)])
def test_the_progress_of_a_build(success: bool, state: LayerState, permille: int) -> None:
    told: list[int] = []
    clock = Clock()
    progress = Progress(extracts=False, changed=lambda: told.append(1), clock=clock)
    rows = progress.steps()
    rows.expect_bytes(50)
    rows.sent(50)
    rows.begin(1, "FROM a", 0.25)
    found = progress.snapshot()
    assert (found.permille, found.moved_bytes, found.total_bytes) == (325, 50, 50)
    clock.now += 3
    assert progress.snapshot().layers[0].seconds == 3.0
    assert progress.idle(clock.now) == 3.0
    progress.end(success=success)
    found = progress.snapshot()
    assert (found.permille, found.layers[0].state) == (permille, state)
    assert progress.moved() == Moved(50, int(success), 0)
    assert told


# -- the output


def texts(lines: list[OutputLine]) -> list[str]:
    return [line.text for line in lines]


def test_lines_are_numbered_and_belong_to_steps() -> None:
    told: list[int] = []
    log = OutputLog(lambda: told.append(1))
    assert (log.last, log.after()) == (0, [])
    for step, text in ((1, "a"), (2, "b"), (1, "c"), (0, "d")):
        log.add(step, text)
    assert log.last == len(told) == 4
    assert log.after() == [
        OutputLine(1, 1, "a"),
        OutputLine(2, 2, "b"),
        OutputLine(3, 1, "c"),
        OutputLine(4, 0, "d"),
    ]
    assert texts(log.after(1)) == ["b", "c", "d"]
    assert texts(log.after(3)) == ["d"]
    assert texts(log.after(4)) == []
    assert texts(log.after(0, 1)) == ["a", "c"]
    assert texts(log.after(1, 1)) == ["c"]
    assert texts(log.after(0, 7)) == []


def test_a_step_keeps_its_last_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output_log, "LINES_OF_STEP", 2)
    log = OutputLog()
    log.add(2, "other")
    for text in ("a", "b"):
        log.add(1, text)
    assert texts(log.after(0, 1)) == ["a", "b"]
    log.add(1, "c")
    assert texts(log.after()) == ["other", "b", "c"]


def test_all_steps_together_keep_their_last_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output_log, "MOST_CHARACTERS", 10)
    log = OutputLog()
    for step, text in ((1, "12345"), (2, "67890")):
        log.add(step, text)
    assert texts(log.after()) == ["12345", "67890"]
    log.add(2, "x")
    assert texts(log.after()) == ["67890", "x"]
    log.add(3, "y" * 10)
    assert texts(log.after()) == ["y" * 10]
    log.add(3, "z" * 11)
    assert texts(log.after()) == []
    log.add(3, "again")
    assert texts(log.after()) == ["again"]


def test_lines_that_were_left_out_are_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output_log, "MOST_CHARACTERS", 10)
    monkeypatch.setattr(output_log, "LINES_OF_STEP", 2)
    log = OutputLog()
    for _ in range(20):
        log.add(1, "12345")
    assert texts(log.after()) == ["12345", "12345"]


# -- the request

FOLDER = Path("/folder")
PLACE = EnginePlace(ENGINE)


def test_the_smallest_build() -> None:
    build = Build(FOLDER, PLACE)
    request = build.request()
    assert request.operation is Operation.BUILD
    assert (request.source.place, request.source.reference) == (FolderPlace(FOLDER), None)
    assert (request.destination.place, request.destination.reference) == (PLACE, None)
    assert (request.platform, request.options) == (None, ())
    assert Build.of(request) == build
    assert (names_of(request), lost_secrets(request)) == ([], [])


def test_the_largest_build() -> None:
    tags = tuple(Reference.parse(f"acme.io/a:{number}") for number in range(3))
    build = Build(
        FOLDER,
        PLACE,
        tags,
        Path("d/File"),
        "stage",
        {"A": "1", "EMPTY": "", "FROM_HERE": None, "TOKEN": "t0p-secret"},
        {"l": "x"},
        Platform("linux", "arm64"),
        no_cache=True,
        pull=True,
        builder=builds.BUILDX,
    )
    request = build.request()
    assert Build.of(request) == build
    assert request.destination.reference == tags[0]
    assert names_of(request) == list(tags)
    assert dict(request.options) == {
        "tags": "acme.io/a:1 acme.io/a:2",
        "file": "d/File",
        "target": "stage",
        "no-cache": "1",
        "pull": "1",
        "builder": "buildx",
        "argument A": "1",
        "argument EMPTY": "",
        "environment FROM_HERE": "",
        "secret TOKEN": "",
        "label l": "x",
    }
    assert list(request.options) == sorted(request.options)


def test_secret_arguments_are_in_memory_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builds, "_kept", type(builds._kept)())
    arguments: dict[str, str | None] = {
        "TOKEN": "t0p-secret",
        "URL": "https://me:word@acme.io/",
        "PASSWORD": None,
    }
    build = Build(FOLDER, PLACE, arguments=arguments)
    assert build.secrets() == {"TOKEN": "t0p-secret", "URL": "https://me:word@acme.io/"}
    request = build.request()
    assert "t0p-secret" not in repr(request)
    assert kept_secrets(request) == {f"secret {name}": value for name, value in build.secrets().items()}
    assert lost_secrets(request) == []
    monkeypatch.setattr(builds, "_kept", type(builds._kept)())  # a new program
    assert Build.of(request).arguments == dict.fromkeys(arguments)
    assert sorted(lost_secrets(request)) == ["TOKEN", "URL"]


def test_secrets_of_the_latest_requests_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builds, "_kept", type(builds._kept)())
    monkeypatch.setattr(builds, "_MOST_KEPT", 2)
    one, two, three = (pull(f"acme.io/{name}:1") for name in ("a", "b", "c"))
    for request in (one, two, one, three):
        keep_secrets(request, {"TOKEN": "t0p-secret"})
    assert [bool(kept_secrets(request)) for request in (one, two, three)] == [True, False, True]


@pytest.mark.parametrize(("value", "kept_out"), [("s3cr3t", True), ("abcd", False)])
def test_short_secrets_are_words(monkeypatch: pytest.MonkeyPatch, value: str, kept_out: bool) -> None:
    out: list[str] = []
    monkeypatch.setattr(builds, "keep_out", out.append)
    keep_secrets(pull(), {"TOKEN": value})
    assert out == ([value] if kept_out else [])


def test_other_requests_are_no_builds() -> None:
    with pytest.raises(ValueError, match="a build goes from a folder"):
        Build.of(pull())


def test_names_that_cannot_be_read() -> None:
    request = Build(FOLDER, PLACE, (Reference.parse("acme.io/a:1"),)).request()
    options: Any = (("tags", "Not/A:Reference acme.io/a:2"),)
    odd = type(request)(request.operation, request.source, request.destination, None, options)
    assert [str(name) for name in names_of(odd)] == ["acme.io/a:1", "acme.io/a:2"]
    with pytest.raises(LongshoreError):
        Build.of(odd)


def test_a_build_has_a_speed_only_while_its_folder_is_sent() -> None:
    clock = Clock()
    progress = Progress(extracts=False, clock=clock)
    rows = progress.steps()
    rows.expect_bytes(4_000)
    progress.enter(Phase.SENDING)
    for _ in range(3):
        clock.now += 1
        rows.sent(1_000)
        progress.snapshot()
    assert progress.snapshot().speed
    progress.enter(Phase.BUILDING)
    clock.now += 1
    found = progress.snapshot()
    assert (found.speed, found.seconds_left) == (None, None)
