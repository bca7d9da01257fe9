"""Runs Longshore: a command if the arguments name one, otherwise the window."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence

#: For commands: new objects before the youngest generation is collected, and collections before the older ones are.
#: What a command imports and builds at its start is no garbage.
COLLECTOR = (20_000, 20, 20)


def main(argv: Sequence[str] | None = None) -> int:
    """The entry of ``longshore`` and of ``python -m longshore``. Returns the exit code."""
    argv = sys.argv[1:] if argv is None else argv
    from longshore.cli.parser import asks_for_window

    if not asks_for_window(argv):
        gc.set_threshold(*COLLECTOR)
        from longshore.cli.main import main as command

        try:
            return command(argv)
        finally:
            # The system frees the memory. Without this, the interpreter looks through all objects once more at its end,
            # which is an eighth of the time of a pull that finds everything up to date.
            gc.freeze()
    from longshore.app import main as window

    return window(argv)


if __name__ == "__main__":
    sys.exit(main())
