"""What a Dockerfile has that only BuildKit does, and Docker's classic builder leaves out without an error.

The names are those of BuildKit's frontend/dockerfile/docs/reference.md.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import NamedTuple

from longshore.building.dockerfile import escape_of, instructions, line_of, words_of

_FLAGS = {
    "RUN": frozenset({"mount", "network", "security", "device"}),
    "COPY": frozenset({"chmod", "exclude", "parents"}),
    "ADD": frozenset({"chmod", "exclude", "checksum", "keep-git-dir", "unpack"}),
}
#: Set by BuildKit, and by Podman, for each platform.
_AUTOMATIC = frozenset(
    f"{which}{part}" for which in ("TARGET", "BUILD") for part in ("PLATFORM", "OS", "ARCH", "VARIANT")
)
_VARIABLE = re.compile(r"\$\{?([A-Z]{1,20})(?![A-Za-z0-9_])")


class Need(NamedTuple):
    """*what* is used in *line*, counted from 1: a flag such as ``COPY --exclude``, or a variable."""

    line: int
    what: str


class Needs(NamedTuple):
    """*required*: the first thing without which the image would differ; *links*: whether ``--link`` is used, without
    which it is the same."""

    required: Need | None
    links: bool


def buildkit_needs(text: str, given: Collection[str]) -> Needs:
    """What of a Dockerfile only BuildKit has. *given*: names of build arguments that have a value.

    Raises InvalidInput for a here-document without an end.
    """
    escape = escape_of(text)
    required: Need | None = None
    links = False
    for instruction in instructions(text, escape):
        words = [word.text for word in words_of(instruction.line, escape)]
        if words and words[0].upper() == "ONBUILD":
            words = words[1:]
        if not words:
            continue
        keyword = words[0].upper()
        found = ""
        if keyword == "ARG":
            found = next((word for word in words[1:] if word in _AUTOMATIC and word not in given), "")
        for word in words[1:]:
            if not word.startswith("--"):
                break
            name, _, value = word[2:].partition("=")
            if keyword == "FROM" and name == "platform":
                used = _VARIABLE.match(value.strip("\"'"))
                if used is not None and used[1] in _AUTOMATIC and used[1] not in given:
                    found = used[1]
            elif value.lower() == "false":
                continue
            elif name in _FLAGS.get(keyword, ()):
                found = found or f"{keyword} --{name}"
            elif name == "link" and keyword in ("COPY", "ADD"):
                links = True
        if found and required is None:
            required = Need(line_of(text, instruction.offset(0)), found)
    return Needs(required, links)
