"""The man page and the completions in the package are those of the parser, and they work."""

from __future__ import annotations

import argparse
import importlib.machinery
import importlib.util
import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

from longshore.cli.completion import FILES
from longshore.cli.parser import COMMANDS, whole_parser

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "resources" / "command"


@pytest.fixture(scope="module")
def manual() -> ModuleType:
    """Return the tool that makes the files."""
    loader = importlib.machinery.SourceFileLoader("manual", str(ROOT / "tools" / "manual"))
    spec = importlib.util.spec_from_loader("manual", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


@pytest.mark.parametrize("columns", ["20", "300"])
def test_the_files_in_the_package_are_up_to_date(
    manual: ModuleType, columns: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    made = manual.files()
    assert set(made) == {"longshore.1", *(Path(name).name for name in FILES.values())}
    for name, text in made.items():
        kept = (FOLDER / name).read_text(encoding="utf-8")
        assert kept == text, f"{name} is not up to date. Run: tools/manual"
        assert not [line for line in text.splitlines() if line != line.rstrip()], name
        assert str(ROOT) not in text and str(Path.home()) not in text


def _leaves(words: list[str], parser: argparse.ArgumentParser) -> list[tuple[list[str], list[str]]]:
    """Each command with its options."""
    below = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]
    found = [
        leaf for one in below for part, sub in one.choices.items() for leaf in _leaves([*words, part], sub)
    ]
    options = [
        option
        for action in parser._actions
        if action.help != argparse.SUPPRESS
        for option in action.option_strings
    ]
    return [(words, options), *found]


def test_the_man_page_has_every_command_option_and_example() -> None:
    page = (FOLDER / "longshore.1").read_text(encoding="utf-8").replace("\\-", "-")
    for words, options in _leaves(["longshore"], whole_parser()):
        if len(words) > 1:
            head = f".SS \\fB{' '.join(words)}\\fR\n"
            assert head in page
            part = page.split(head)[1].split("\n.SS ")[0]
            assert f"\n  {' '.join(words)}" in part, f"{words}: no example"
            common = {"-h", "--help", "--json", "--quiet", "-q", "--engine"}
            for option in set(options) - common:
                assert f"\\fB{option}\\fR" in part, f"{words}: {option}"
    for section in ("COMMON OPTIONS", "EXIT STATUS", "ENVIRONMENT", "FILES", "SEE ALSO"):
        assert f"\n.SH {section}\n" in page


_MACROS = {'.\\"', ".TH", ".SH", ".SS", ".TP", ".PP", ".nf", ".fi", ".B", ".I", ".BR", ".BI", ".IR"}


def test_the_man_page_is_correct_roff() -> None:
    page = FOLDER / "longshore.1"
    text = page.read_text(encoding="utf-8")
    # What checkers complain about most, for machines without one.
    assert text.isascii()
    for line in text.splitlines():
        assert len(line) < 200
        assert not line.startswith("'"), line
        if line.startswith("."):
            assert line.split()[0] in _MACROS, line
    assert text.count("\n.nf\n") == text.count("\n.fi\n") > len(COMMANDS)
    for checker in (["groff", "-ww", "-man", "-Tutf8", "-z"], ["mandoc", "-Tlint", "-Wwarning"]):
        if shutil.which(checker[0]):
            done = subprocess.run(
                [*checker, str(page)], capture_output=True, text=True, timeout=60, check=False
            )
            assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


#: Sources the completions, and completes the words in "$@".
_BASH = """
source "$0"
function=$(complete -p longshore | sed 's/.*-F \\([^ ]*\\) longshore$/\\1/')
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
"$function" longshore "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("longshore pu", "pull push"),
        ("longshore pull --pl", "--platform"),
        ("longshore --engine build-farm pu", "pull push"),
        ("longshore pull --to ", "engine library"),
        ("longshore queue re", "resume remove"),
        ("longshore completion ", "bash zsh fish"),
        ("longshore lock com", "compose.yaml"),
        ("longshore lock --output com", "compose.yaml"),
        ("longshore pull -f com", "compose.yaml"),
        ("longshore save app -o com", "compose.yaml"),
        ("longshore load com", "compose.yaml"),
        ("longshore pull com", ""),
    ],
)
def test_bash_completes(line: str, found: str, tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").touch()
    done = subprocess.run(
        ["bash", "--norc", "-c", _BASH, str(FOLDER / "longshore.bash"), *line.split(" ")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert (" ".join(done.stdout.split()), done.stderr) == (found, "")


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_get_the_same_and_can_read_it(shell: str) -> None:
    path = FOLDER / Path(FILES[shell]).name
    text = path.read_text(encoding="utf-8")
    if shell == "zsh":
        # Its completion system reads the first line only.
        assert text.startswith("#compdef longshore\n")
        listed = text.partition("_shtab_longshore_commands()")[2].partition("\n  )")[0]
        assert [line.split(":")[0].strip() for line in listed.splitlines()[2:]] == sorted(COMMANDS)
        for options in ("_shtab_longshore_lock_options", "_shtab_longshore_load_options"):
            assert ":_files" in text.partition(f"{options}=(")[2].partition("\n)")[0]
    else:
        for command, (_, does) in COMMANDS.items():
            assert f" -a {command} -d '{does}'\n" in text
        for command in ("lock", "load"):
            files = [line for line in text.splitlines() if "__fish_complete_path" in line]
            assert any(f"_shtab_longshore_using {command}" in line for line in files), command
    if shutil.which(shell):
        done = subprocess.run(
            [shell, "-n", str(path)], capture_output=True, text=True, timeout=60, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
