"""Runs Longshore: a command if the arguments name one, otherwise the window."""

from __future__ import annotations

import sys


def main() -> int:
    """The entry of ``longshore`` and of ``python -m longshore``. Returns the exit code."""
    argv = sys.argv[1:]
    from longshore.cli.parser import is_command

    if is_command(argv):
        from longshore.cli.main import main as command

        return command(argv)
    from longshore.app import main as window

    return window(argv)


if __name__ == "__main__":
    sys.exit(main())
