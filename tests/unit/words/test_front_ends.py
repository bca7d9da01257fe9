"""Advice that only a window can be given is not printed in a terminal, nor raised in a program."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import longshore
from longshore.cli.output import Output, error_values
from longshore.errors import InvalidRegistryName, LongshoreError, SignInRequired, TlsFailed
from longshore.words.front_ends import TABLE, FrontEnd, adapted, for_programs

ROOT = Path(longshore.__file__).parent
#: The rooms whose errors all front ends show.
ROOMS = ("application", "archives", "credentials", "engine", "library", "oci", "registry", "transfers")
WINDOW = re.compile(
    r"\w…(?:[ ,.]|$)|see the list|registry's settings\. |until Longshore closes|insecure here|[Pp]in a "
)
COMMANDS = re.compile(r"--engine|See longshore images")


def sentences() -> Iterator[str]:
    """The texts in the sources of the rooms: joined, with {} for what is filled in, and without docstrings."""
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            tree = ast.parse(path.read_text("utf-8"))
            prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
            for node in ast.walk(tree):
                if isinstance(node, ast.JoinedStr):
                    yield "".join(
                        str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values
                    )
                elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
                    yield node.value


def test_no_advice_is_left_for_the_window_alone() -> None:
    found = list(sentences())
    for_terminal = [adapted(text, FrontEnd.TERMINAL) for text in found]
    for_program = [
        adapted(text, FrontEnd.PROGRAM) for text in found if " " in text
    ]  # otherwise it is an option
    assert [text for text in [*for_terminal, *for_program] if WINDOW.search(text)] == []
    assert [text for text in for_program if COMMANDS.search(text)] == []
    whole = "\n".join(found)
    assert [row[0] for row in TABLE if row[0] not in whole and row[0] != "and Sign in "] == []


@pytest.mark.parametrize(
    ("advice", "terminal", "program"),
    [
        (
            "Use Sign in…, then try again. A name that does not exist may look the same.",
            "Sign in, then try again. A name that does not exist may look the same.",
            "Sign in with docker login or longshore login, then try again. A name that does not exist may look the "
            "same.",
        ),
        (
            "Repair it or move it away, or sign in until Longshore closes.",
            "Repair it or move it away.",
            "Repair it or move it away.",
        ),
        (
            "If you expect this certificate, trust it, or choose its CA file in the registry's settings. The engine "
            "checks it too: put the CA file at /etc/docker/certs.d/r:1/ca.crt.",
            "If you expect this certificate, put its CA file at /etc/docker/certs.d/r:1/ca.crt.",
            "If you expect this certificate, put its CA file at /etc/docker/certs.d/r:1/ca.crt.",
        ),
        (
            "Add the registry with an owner: host/owner, and Sign in… with a token that may read packages.",
            "Name the registry with an owner: host/owner, and sign in with a token that may read packages.",
            "Name the registry with an owner: host/owner, and sign in with a token that may read packages.",
        ),
        (
            "If intended, mark the registry as insecure here, and add it.",
            "If intended, use longshore --registry http://r:1, and add it.",
            "If intended, mark the registry as insecure in Longshore's settings, and add it.",
        ),
        ("See longshore images.", "See longshore images.", "Pull it first."),
        ("Try again.", "Try again.", "Try again."),
    ],
)
def test_the_words_for_each(advice: str, terminal: str, program: str) -> None:
    assert adapted(advice, FrontEnd.TERMINAL, "r:1") == terminal
    assert adapted(advice, FrontEnd.PROGRAM, "r:1") == program


def test_a_command_prints_and_records_the_terminal_s(capsys: pytest.CaptureFixture[str]) -> None:
    error = SignInRequired("r requires you to sign in.", registry="r", advice="Use Sign in…, then try again.")
    Output(as_json=False, quiet=False).error(error)
    assert capsys.readouterr().err.splitlines() == [
        "longshore: r requires you to sign in. Sign in, then try again.",
        "  To sign in: longshore login r",
    ]
    assert error_values(error)["advice"] == "Sign in, then try again."
    assert error.advice == "Use Sign in…, then try again."  # the window's, as before


def test_a_program_gets_its_own() -> None:
    with pytest.raises(TlsFailed) as caught, for_programs():
        raise TlsFailed("x", registry="r", advice="mark the registry as insecure here")
    assert caught.value.advice == "mark the registry as insecure in Longshore's settings"
    with pytest.raises(InvalidRegistryName) as refused:
        longshore.Registry("user:password@registry.example")
    assert isinstance(refused.value, LongshoreError)
    assert refused.value.advice == "Leave it out; what docker login and longshore login stored is used."
