"""Compose's variables: the environment, and the file ``.env`` beside the compose file.

Sources: Docker's documentation, "Set, use, and manage variables in a Compose file with interpolation" (precedence: the
environment, then the file) and "Environment variables in Compose" (COMPOSE_ENV_FILES, COMPOSE_DISABLE_ENV_FILE);
compose-go, dotenv/parser.go.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from longshore.errors import InvalidInput
from longshore.shared_files import FileTooLarge, NotAFile, read_file
from longshore.variables import Lookup, expand

#: Bytes of the largest file of variables.
LARGEST = 256 * 1024
_LINE = re.compile(r"(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.-]{0,255})[ \t]*([=:]?)[ \t]*")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "b": "\b", "v": "\v", "a": "\a"}


def compose_variables(folder: Path, environ: Mapping[str, str]) -> Lookup:
    """The variables of a compose file in *folder*. The files are read when a variable is first asked for.

    The lookup raises InvalidInput if a file cannot be read.
    """
    known: dict[str, str] = {}
    read = False

    def lookup(name: str) -> str | None:
        nonlocal read
        if name in environ:
            return environ[name]
        if not read:
            read = True
            for path in _files(folder, environ):
                known.update(_read(path, {**known, **environ}))
        return known.get(name)

    return lookup


def _files(folder: Path, environ: Mapping[str, str]) -> list[Path]:
    if environ.get("COMPOSE_DISABLE_ENV_FILE", "").lower() in ("1", "true", "t", "yes"):
        return []
    named = [part.strip() for part in environ.get("COMPOSE_ENV_FILES", "").split(",") if part.strip()]
    if named:
        return [Path(part) for part in named]
    return [folder / ".env"] if (folder / ".env").exists() else []


def _read(path: Path, known: Mapping[str, str]) -> dict[str, str]:
    try:
        return parse_env(read_file(path, LARGEST).decode("utf-8-sig"), known)
    except UnicodeDecodeError:
        why = "it is not UTF-8"
    except NotAFile:
        why = "it is not a regular file"
    except FileTooLarge:
        why = "it is too large"
    except InvalidInput as error:
        why = error.message
    except OSError as error:
        why = error.strerror or "it cannot be opened"
    raise InvalidInput(
        "The file of variables can't be read: {why}", subject=str(path), arguments={"why": why}
    )


def parse_env(text: str, known: Mapping[str, str]) -> dict[str, str]:
    """The variables of a ``.env`` file. *known*: the environment, which its values may refer to.

    A name without a value is passed through from the environment, and so adds nothing. Raises InvalidInput for a line
    that is none of this; its text is not repeated, because it may be a password.
    """
    found: dict[str, str] = {}

    def lookup(name: str) -> str | None:
        # compose-go replaces unknown variables in values by nothing.
        return known.get(name, found.get(name, ""))

    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        if text[at] == "#":
            at = end
            continue
        head = _LINE.match(text, at, end)
        if head is None or (not head[2] and text[head.end() : end].strip()):
            raise InvalidInput(
                "Line {line} is not NAME=VALUE.", arguments={"line": text.count("\n", 0, at) + 1}
            )
        if not head[2]:
            at = end
            continue
        quote = text[head.end() : head.end() + 1]
        if quote and quote in "\"'":
            value, end = _quoted(text, head.end(), quote)
        else:
            value = re.split(r"[ \t]#", text[head.end() : end], maxsplit=1)[0].strip()
            value = "" if value.startswith("#") else value
        if quote != "'":
            try:
                value = expand(value, lookup, escape="\\").text
            except InvalidInput:
                line = text.count("\n", 0, at) + 1
                raise InvalidInput(
                    "The variables in line {line} can't be replaced.", arguments={"line": line}
                ) from None
        found[head[1]] = value
        at = end
    return found


def _quoted(text: str, start: int, quote: str) -> tuple[str, int]:
    """The value in quotes that begins at *start*, over several lines if need be, and the end of its line."""
    at, parts = start + 1, []
    while at < len(text) and text[at] != quote:
        if text[at] == "\\" and at + 1 < len(text) and (quote == '"' or text[at + 1] == quote):
            following = text[at + 1]
            # "\$" is for the variables to see.
            parts.append("\\$" if following == "$" else _ESCAPES.get(following, following))
            at += 2
        else:
            parts.append(text[at])
            at += 1
    if at >= len(text):
        raise InvalidInput(
            "The quotes of line {line} do not end.", arguments={"line": text.count("\n", 0, start) + 1}
        )
    end = text.find("\n", at)
    return "".join(parts), len(text) if end < 0 else end
