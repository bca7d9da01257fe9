"""The arguments that the window and every command have. Imported at every start: standard library only."""

from __future__ import annotations

import argparse

from longshore import __version__


def add_common(parser: argparse.ArgumentParser) -> None:
    """Add ``--version``, ``--registry``, ``--engine`` and ``--debug`` to *parser*."""
    parser.add_argument(
        "--version",
        action="version",
        version=f"longshore {__version__}",
        help="print the version and end",
    )
    parser.add_argument(
        "--registry",
        metavar="HOST[:PORT]",
        action="append",
        default=[],
        help="also use this registry, in this run only (may be repeated)",
    )
    parser.add_argument(
        "--engine",
        metavar="URL",
        help="the engine to use: an address such as unix:///var/run/docker.sock, or a Docker context",
    )
    parser.add_argument(
        "--debug", action="store_true", help="write a more detailed log, also to the terminal"
    )
