"""Builds as people ask for them, in a window or on a command line."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from longshore.errors import InvalidInput
from longshore.oci.reference import Reference
from longshore.text import plain

#: What the engine takes for the address of a repository or an archive (docker/cli: urlutil).
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{1,20}://|git@|github\.com/", re.ASCII)
_ARGUMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,255}", re.ASCII)


def parse_folder(text: str) -> Path:
    """The folder to build from, absolute. Raises InvalidInput for what is no folder of this machine."""
    if text == "-":
        raise InvalidInput(
            "A build needs a folder; standard input is not read.",
            advice="Unpack the build context into a folder, and name that.",
        )
    if _ADDRESS.match(text):
        raise InvalidInput(
            "A build needs a folder on this machine, not an address.",
            subject=plain(text, 200),
            advice="Clone or download it first, and name its folder.",
        )
    folder = Path(text).expanduser().absolute()
    if not folder.is_dir():
        raise InvalidInput(
            "There is no such folder." if not folder.exists() else "This is not a folder.",
            subject=plain(folder, 300),
            advice="Name the folder with the Dockerfile.",
        )
    return folder


def parse_dockerfile(text: str, folder: Path) -> Path | None:
    """The Dockerfile as a request has it: relative to *folder* if it is inside; None for "". *text*: relative to the
    current folder. Raises InvalidInput."""
    if not text:
        return None
    if text == "-":
        raise InvalidInput("The Dockerfile is not read from standard input.", advice="Name a file.")
    path = Path(os.path.abspath(Path(text).expanduser()))  # noqa: PTH100 - without "..", as docker does
    if not path.is_file():
        raise InvalidInput("There is no such Dockerfile.", subject=plain(path, 300), advice="Check its path.")
    return path.relative_to(folder) if path.is_relative_to(folder) else path


def parse_tags(texts: Iterable[str]) -> tuple[Reference, ...]:
    """The names for the image, each once, with the default tag ``latest``. Raises InvalidReference, InvalidInput."""
    found: dict[Reference, None] = {}
    for text in texts:
        reference = Reference.parse_input(text)
        if reference.digest:
            raise InvalidInput(
                "A digest can't be used as an image's name.",
                subject=plain(text, 200),
                advice="Use a tag, such as :1.0.",
            )
        found[reference.with_default_tag()] = None
    return tuple(found)


def parse_argument(text: str) -> tuple[str, str | None]:
    """A build argument ``NAME=VALUE``, or ``NAME`` for the value that it has in the environment when it runs (None).

    Raises InvalidInput, which does not repeat the value.
    """
    name, equals, value = text.partition("=")
    if not _ARGUMENT.fullmatch(name):
        raise InvalidInput(
            "A build argument is NAME=VALUE, or NAME for a value from the environment.",
            subject=plain(name, 100),
            advice="Names consist of letters, digits and underscores.",
        )
    return name, value if equals else None


def parse_label(text: str) -> tuple[str, str]:
    """A label ``NAME=VALUE``. Raises InvalidInput."""
    name, _, value = text.partition("=")
    if not name.strip():
        raise InvalidInput("A label is NAME=VALUE.", subject=plain(text, 100))
    return name.strip(), value
