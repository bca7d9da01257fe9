"""``completion``: prints what a shell needs to complete commands; ``tools/manual`` makes these files."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from longshore import resources
from longshore.cli import exit_codes
from longshore.cli.output import Output
from longshore.errors import LongshoreError

if TYPE_CHECKING:
    from longshore.application.session import Session

#: Each shell and its file in the resources. zsh finds a file by its first letter and the name of the command.
FILES = {
    "bash": "command/longshore.bash",
    "zsh": "command/_longshore",
    "fish": "command/longshore.fish",
}
_EPILOG = """\
The .deb installs these files. For the other packages, add a line to the start file of the shell.

examples:
  echo 'eval "$(longshore completion bash)"' >> ~/.bashrc
  echo 'eval "$(longshore completion zsh)"' >> ~/.zshrc          (after compinit)
  longshore completion fish > ~/.config/fish/completions/longshore.fish
"""


def add(command: str, parser: argparse.ArgumentParser) -> None:
    """See ``parser.Group``."""
    parser.epilog = _EPILOG
    parser.add_argument("shell", metavar="SHELL", choices=tuple(FILES), help="bash, zsh or fish")
    parser.set_defaults(run=completion)


def completion(session: Session, arguments: argparse.Namespace, output: Output) -> int:
    """Run ``longshore completion``."""
    name = FILES[arguments.shell]
    try:
        text = resources.text(name)
    except FileNotFoundError as error:
        raise LongshoreError(
            "This installation lacks the completions.", subject=name, advice="Install Longshore again."
        ) from error
    output.record("completion", {"shell": arguments.shell, "text": text})
    output.result(text.rstrip("\n"))
    return exit_codes.DONE
