"""Standard streams that are closed or full: a sentence at most, and nothing else changes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

FULL = Path("/dev/full")
PROGRAM = """
import os, sys
from longshore.cli import main, streams
from longshore.cli.output import Output
from longshore.errors import LongshoreError
streams.prepare()
opened = os.open(os.devnull, os.O_RDONLY)
output = Output(as_json="--json" in sys.argv, quiet=False)
try:
    output.warning("a warning")
    output.table(("A",), [("1",)])
    output.record("x", {})
    output.error(LongshoreError("It failed."))
    sys.stdin.read()
except LongshoreError as error:
    output.error(error)
    sys.exit(1)
sys.exit(0 if opened > 2 else 9)
"""


def run(redirected: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", f'"$@" {redirected}', "sh", sys.executable, "-c", PROGRAM, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_a_full_output_is_one_sentence(arguments: tuple[str, ...]) -> None:
    done = run(">/dev/full", *arguments)
    assert (done.stderr, done.returncode) == (
        "longshore: a warning\nlongshore: The output can't be written: No space left on device. Check the file or the "
        "disk that it goes to.\n",
        1,
    )


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
def test_a_full_standard_error_changes_nothing() -> None:
    done = run("2>/dev/full")
    assert (done.stdout, done.returncode) == ("A\n1\n", 0)


@pytest.mark.parametrize("redirected", [">&- 2>&-", "<&-", "<&- >&- 2>&-", "2>&-"])
def test_closed_streams_are_replaced_by_nothing(redirected: str) -> None:
    done = run(redirected, "--json")
    assert done.returncode == 0
    assert done.stdout.count("\n") == (
        0 if ">&- 2" in redirected else 2
    )  # an error is not printed there instead


@pytest.mark.parametrize("as_json", [False, True])
def test_an_encoding_without_quotes_gets_those_of_ascii(as_json: bool) -> None:
    words = "“1” isn’t 日本 \U0001f600…"
    program = (
        "import sys\n"
        "from longshore.cli import streams\n"
        "from longshore.cli.output import Output\n"
        "streams.spell_out()\n"
        f"output = Output(as_json={as_json}, quiet=False)\n"
        f"output.line({words!a})\n"
        f"output.record('x', {{'words': {words!a}}})\n"
        f"output.warning({words!a})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={
            **os.environ,
            "LC_ALL": "C",
            "PYTHONUTF8": "0",
            "PYTHONCOERCECLOCALE": "0",
            "PYTHONIOENCODING": "ascii",
        },
        capture_output=True,
        timeout=60,
        check=True,
    )
    line = '"1" isn\'t \\u65e5\\u672c \\U0001f600...\n'
    assert done.stderr.decode("ascii") == f"longshore: {line}"
    if as_json:
        assert json.loads(done.stdout.decode("ascii"))["words"] == words
    else:
        assert done.stdout.decode("ascii") == line
