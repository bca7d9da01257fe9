"""Sentences about containers."""

from __future__ import annotations

import pytest

from longshore.engine.container_model import Container, ContainerState
from longshore.words import runs


@pytest.mark.parametrize(
    ("state", "code", "words"),
    [
        (ContainerState.RUNNING, None, "running"),
        (ContainerState.EXITED, 3, "exited (3)"),
        (ContainerState.EXITED, None, "exited"),
        (ContainerState.CREATED, None, "not started"),
        (ContainerState.OTHER, None, "Flying high"),
    ],
)
def test_states(state: ContainerState, code: int | None, words: str) -> None:
    assert runs.state(Container("1", "a", state, "Flying high", exit_code=code)) == words


def test_every_state_has_words() -> None:
    for state in ContainerState:
        assert runs.state(Container("1", "a", state))


def test_ends() -> None:
    assert runs.ended(0) == "Ended with exit code 0."
    assert runs.ended(3) == "Ended with exit code 3."
    assert runs.ended(3, stopped=True) == "Stopped (exit code 3)."
    assert runs.ended(137) == "Killed (exit code 137)."
    assert runs.ended(137, out_of_memory=True) == "Killed because memory ran out (exit code 137)."
    assert runs.ended(137, out_of_memory=True, stopped=True).startswith("Killed because memory ran out")
    assert runs.ended(137, stopped=True) == "Stopped (exit code 137)."
    assert "does not report" in runs.ended(None)


def test_advice_comes_from_the_last_output() -> None:
    wrong = "exec /bin/sh: exec format error\n"
    assert "another platform" in runs.advice(1, wrong)
    assert runs.advice(0, wrong) == ""
    assert runs.advice(1, "failed") == ""


def test_ports_are_made_safe() -> None:
    assert runs.ports(["80/tcp", "a\x1b[31m\u202eb"]) == "80/tcp, a[31mb"
