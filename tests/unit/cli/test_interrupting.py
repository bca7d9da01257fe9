"""Ctrl+C: the first cancels, its echo does nothing, the second ends the program."""

from __future__ import annotations

import signal
import subprocess
import sys

PROGRAM = """
import os, signal, sys
from longshore.cli import interrupting
signal.signal(signal.SIGINT, signal.default_int_handler)
told = []
with interrupting.interrupting(lambda: told.append("cancelled"), lambda: told.append("ended")):
    os.kill(os.getpid(), signal.SIGINT)
    os.kill(os.getpid(), signal.SIGINT)
    os.kill(os.getpid(), signal.SIGTERM)
    print(*told, flush=True)
    if sys.argv[1:]:
        interrupting.SAME = -1.0  # any other one is a second one, however soon it comes
        os.kill(os.getpid(), signal.SIGINT)
        print("still here", flush=True)
print("over")
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def test_the_echo_of_the_first_does_nothing() -> None:
    done = run()
    assert (done.stdout, done.returncode) == ("cancelled ended\nover\n", 0)


def test_the_second_ends_the_program() -> None:
    done = run("twice")
    assert (done.stdout, done.returncode) == ("cancelled ended\n", -signal.SIGINT)
