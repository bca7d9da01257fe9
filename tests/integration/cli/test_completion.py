"""``completion``: what a shell evaluates completes commands."""

from __future__ import annotations

import shlex
import subprocess
import sys

import pytest

from longshore import resources
from longshore.cli.completion import FILES

from .conftest import PROGRAM, Command


@pytest.mark.parametrize("shell", FILES)
def test_each_shell_gets_its_file(shell: str, alone: Command) -> None:
    text = resources.text(FILES[shell])
    assert alone("completion", shell).stdout == text
    assert alone.records("completion", shell) == [
        {"schema": 1, "kind": "completion", "shell": shell, "text": text}
    ]


def test_another_shell_is_refused_with_the_names_of_those_that_exist(alone: Command) -> None:
    error = alone("completion", "tcsh", code=2).stderr
    assert "'bash', 'zsh', 'fish'" in error


def test_bash_evaluates_it(alone: Command) -> None:
    program = f"{shlex.quote(sys.executable)} -c {shlex.quote(PROGRAM)}"
    script = f"""
    set -e
    eval "$({program} completion bash)"
    COMP_WORDS=(longshore rep)
    COMP_CWORD=1
    _shtab_longshore longshore rep longshore
    echo "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(
        ["bash", "--norc", "-c", script],
        env=alone.environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("repositories\n", "")
