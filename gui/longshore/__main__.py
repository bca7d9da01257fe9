"""Runs Longshore: a command if the arguments name one, otherwise the window."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """The entry of ``longshore`` and of ``python -m longshore``. Returns the exit code."""
    argv = sys.argv[1:] if argv is None else argv
    from longshore.cli.parser import asks_for_window

    if not asks_for_window(argv):
        from longshore.cli.main import main as command

        return command(argv)
    from longshore.app import main as window

    return window(argv)


if __name__ == "__main__":
    sys.exit(main())
