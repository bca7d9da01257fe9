"""What a command imports: a list needs no transfers, a pull into the library no engine, and nobody what it never uses.

Times are measured by benchmarks/command_start.py; here only what decides them.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from testbed.registry import PrivateRegistry
from testbed.remote_images import seed_repository

from .conftest import Command

#: Runs a command and prints all modules at its end, on standard error.
_PROGRAM = """
import atexit, sys
atexit.register(lambda: print(*sys.modules, file=sys.stderr))
from longshore.__main__ import main
sys.exit(main())
"""
#: Imported only when they are used: for a terminal's progress, files of YAML, archives, the window.
_RARE = ("rich", "ruamel", "tarfile", "longshore.archives", "longshore.app", "longshore.models", "PySide6")
_ENGINE = ("docker", "requests", "longshore.engine.engine")
_TRANSFERS = (
    "sqlite3",
    "longshore.transfers.queue",
    "longshore.transfers.journal",
    "longshore.transfers.ways",
)
_REGISTRY = ("urllib3", "ssl", "http", "longshore.registry.client")


def _imported(environ: dict[str, str], *arguments: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *arguments],
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return set(done.stderr.splitlines()[-1].split())


def _of(modules: set[str], roots: tuple[str, ...]) -> set[str]:
    return {name for name in modules if name in roots or name.startswith(tuple(f"{one}." for one in roots))}


def test_the_version_and_the_help_end_in_the_parser(longshore: Command) -> None:
    parser = {"longshore", "longshore.__main__", "longshore.arguments", "longshore.cli"}
    parser |= {"longshore.cli.main", "longshore.cli.parser", "longshore.cli.streams"}
    for option in ("--version", "--help"):
        found = _imported(longshore.environ, option)
        assert _of(found, ("longshore",)) == parser
        assert not _of(found, ("logging", "json", "socket", "dataclasses", *_RARE))


def test_a_list_needs_no_transfers(longshore: Command) -> None:
    found = _imported(longshore.environ, "images", "--from", "library")
    assert not _of(found, (*_RARE, *_ENGINE, *_TRANSFERS, *_REGISTRY))
    found = _imported(longshore.environ, "images")
    assert _of(found, _ENGINE)
    rare = [one for one in _RARE if one != "tarfile"]  # the Docker SDK imports it
    assert not _of(found, (*rare, *_TRANSFERS, "longshore.registry.client"))


def test_a_pull_needs_only_its_own_way(
    longshore: Command, open_registry: PrivateRegistry, tmp_path: Path
) -> None:
    seed_repository(open_registry.address, "cli/start", ["1"])
    image = f"{open_registry.address}/cli/start:1"
    for arguments, place in ((("--to", "library"), _ENGINE), ((), ("longshore.library.library",))):
        longshore("pull", image, *arguments)
        found = _imported(longshore.environ, "pull", image, *arguments)
        assert _of(found, ("longshore.registry.client",))
        rare = [one for one in _RARE if arguments or one != "tarfile"]  # the Docker SDK imports it
        assert not _of(found, (*rare, *place))
        ways = _of(found, ("longshore.transfers.ways",))
        assert ("longshore.transfers.ways.pull" in ways) is not bool(arguments)
        assert ("longshore.transfers.ways.library_pull" in ways) is bool(arguments)


def test_the_window_without_qt_says_how_to_install_it(alone: Command) -> None:
    for display in ({}, {"DISPLAY": ":0"}):
        done = alone(code=2, **display)
        assert done.stdout == ""
        assert done.stderr == (
            "longshore: The window needs PySide6, which is not installed. Install it: "
            f"{sys.executable} -m pip install longshore. Commands work without it: longshore --help\n"
        )
