"""What ``longshore build`` prints about a build that fails or waits."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from longshore.cli.build import _Shown
from longshore.cli.output import Output
from longshore.cli.progress import report_unfinished
from longshore.engine.address import EngineAddress
from longshore.errors import BuildFailed
from longshore.oci.layer import LayerState
from longshore.transfers.builds import Build
from longshore.transfers.progress.output_log import LINES_OF_STEP, OutputLine, OutputLog
from longshore.transfers.transfer import EnginePlace, LayerSnapshot, State, TransferSnapshot, Waiting

REQUEST = Build(Path("/src"), EnginePlace(EngineAddress("default", "unix:///e.sock"))).request()


def row(state: State, **more: Any) -> TransferSnapshot:
    made = TransferSnapshot(
        "one", REQUEST, state, None, 0, None, None, None, datetime(2026, 1, 1, tzinfo=UTC)
    )
    return replace(made, **more)


def shown(*lines: OutputLine) -> _Shown:
    def output(_row: str, after: int, step: int) -> list[OutputLine]:
        return [line for line in lines if line.step == step and line.number > after]

    session: Any = SimpleNamespace(queue=lambda: SimpleNamespace(output=output))
    return _Shown(session, Output(as_json=False, quiet=False))


def test_the_reason_of_a_failed_step_is_printed_and_its_output_not_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    failed = LayerSnapshot("2", LayerState.FAILED, 0, None, None, label="COPY a b")
    error = BuildFailed("Step 2 of 2 failed: COPY a b.", detail="made\nCOPY failed: a is a socket")
    shown(OutputLine(1, 2, "made"))(
        [row(State.FAILED, layers=(replace(failed, layer_id="1"), failed), error=error)]
    )
    told = capsys.readouterr()
    assert told.out.splitlines() == ["Step 1/2 COPY a b", "Step 2/2 COPY a b", "  made"]
    assert "COPY failed: a is a socket" in told.err
    assert "made" not in told.err


def test_a_build_says_once_that_it_waits_for_the_engine(capsys: pytest.CaptureFixture[str]) -> None:
    show = shown()
    for _ in range(2):
        show([row(State.QUEUED, waiting_for=Waiting.ENGINE)])
    assert capsys.readouterr().err == "Waiting for the engine…\n"


def test_a_build_that_is_left_is_not_resumed(capsys: pytest.CaptureFixture[str]) -> None:
    report_unfinished([row(State.RUNNING)], Output(as_json=False, quiet=False))
    told = capsys.readouterr().err
    assert "Interrupted" in told and "resume" not in told


def test_lines_that_came_too_fast_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    log = OutputLog()
    for number in range(LINES_OF_STEP + 7):
        log.add(0, f"line {number}")
    shown(*log.after())([row(State.RUNNING)])
    told = capsys.readouterr().out.splitlines()
    assert told[:2] == ["  … 7 lines left out …", "  line 7"]
    assert len(told) == LINES_OF_STEP + 1
