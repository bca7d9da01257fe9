"""The command line, without a window."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import longshore

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_version_and_help_need_no_display(run_command: Run) -> None:
    version = run_command("--version")
    assert (version.returncode, version.stdout.strip()) == (0, f"longshore {longshore.__version__}")
    text = run_command("--help")
    assert text.returncode == 0
    assert "--registry" in text.stdout and "--engine" in text.stdout


def test_without_a_display_one_line_and_code_2(run_command: Run) -> None:
    done = run_command()
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1
    assert "DISPLAY" in done.stderr


def test_a_display_that_does_not_answer_is_no_abort(run_command: Run) -> None:
    done = run_command(DISPLAY=":9876")
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert ":9876" in done.stderr


def test_a_registry_that_cannot_be_one_is_said(run_command: Run) -> None:
    done = run_command("--registry", "not a host")
    assert done.returncode == 2
    assert "not a host" in done.stderr
    assert "Traceback" not in done.stderr
