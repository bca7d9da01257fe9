"""Reads a file as a list of images, whatever kind of file it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from longshore.application.image_lists.compose import compose_entries, is_compose
from longshore.application.image_lists.dockerfile import dockerfile_entries
from longshore.application.image_lists.env_file import compose_variables
from longshore.application.image_lists.kubernetes import kubernetes_entries
from longshore.application.image_lists.model import ImageList, Kind, Text
from longshore.application.image_lists.plain_list import plain_entries
from longshore.application.image_lists.yaml_nodes import documents
from longshore.errors import InvalidInput
from longshore.shared_files import FileTooLarge, NotAFile, read_file

#: Bytes of the largest file.
LARGEST = 2 * 1024 * 1024
_DOCKERFILE = re.compile(r"(?:docker|container)file(?:\..*)?|.*\.(?:docker|container)file", re.IGNORECASE)
_COMPOSE = re.compile(r"(?:docker-)?compose(?:[.-].*)?\.ya?ml", re.IGNORECASE)
_YAML = re.compile(r".*\.(?:ya?ml|json)", re.IGNORECASE)
_PLAIN = re.compile(r".*\.(?:txt|list|lst)", re.IGNORECASE)
_LOOKS_DOCKERFILE = re.compile(r"(?:FROM|ARG)[ \t]", re.IGNORECASE)
_LOOKS_YAML = re.compile(r"[\[{]|---(?:\s|$)|%YAML|-[ \t]|[^\s:#]{1,100}:(?:\s|$)|\"[^\"]{1,100}\"[ \t]*:")


def named_like_list(path: Path) -> bool:
    """Whether the name of *path* is that of a file that names images. Does not look at the file."""
    return any(pattern.fullmatch(path.name) for pattern in (_DOCKERFILE, _COMPOSE, _YAML, _PLAIN))


@dataclass(frozen=True, slots=True)
class ListReader:
    """Reads files that name images.

    *environ*: for the variables of compose files, as docker compose uses it. *kind*: what the files are; None: by
    their names, or else by their content. *build_arguments*: for Dockerfiles.
    """

    environ: Mapping[str, str]
    kind: Kind | None = None
    build_arguments: Mapping[str, str] = field(default_factory=dict)

    def read(self, path: Path) -> ImageList:
        """The images that the file *path* names. Raises InvalidInput if it cannot be read. Blocks."""
        name = str(path)
        try:
            raw = read_file(path, LARGEST)
        except FileNotFoundError:
            raise InvalidInput("There is no such file.", subject=name) from None
        except NotAFile:
            message = "This is a folder, a pipe or a device, not a file with a list of images."
            raise InvalidInput(message, subject=name) from None
        except FileTooLarge:
            raise _too_large(name) from None
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise InvalidInput(
                "The file can't be read: {reason}.", subject=name, arguments={"reason": reason}
            ) from None
        return self.parse(raw, path)

    def parse(self, raw: bytes, path: Path) -> ImageList:
        """The images that *raw*, the content of *path*, names. Raises InvalidInput."""
        name = str(path)
        if len(raw) > LARGEST:
            raise _too_large(name)
        if b"\0" in raw:
            raise InvalidInput("The file is not text.", subject=name)
        try:
            content = raw.decode("utf-8")
        except UnicodeDecodeError:
            raise InvalidInput("The file is not UTF-8 text.", subject=name) from None
        text = Text(content)
        try:
            kind = self.kind or _kind(path.name, text)
            match kind:
                case Kind.COMPOSE:
                    entries = compose_entries(text, compose_variables(path.parent, self.environ))
                case Kind.KUBERNETES:
                    entries = kubernetes_entries(text)
                case Kind.DOCKERFILE:
                    entries = dockerfile_entries(text, self.build_arguments)
                case Kind.PLAIN:
                    entries = plain_entries(text)
        except InvalidInput as error:
            error.subject = error.subject or name
            raise
        return ImageList(name, kind, content, tuple(entries))


def _too_large(name: str) -> InvalidInput:
    return InvalidInput(
        "The file is larger than {size} MB.", subject=name, arguments={"size": LARGEST // (1024 * 1024)}
    )


def _kind(name: str, text: Text) -> Kind:
    """The kind of a file by its name, or else by its first line with content."""
    if _DOCKERFILE.fullmatch(name):
        return Kind.DOCKERFILE
    if _COMPOSE.fullmatch(name):
        return Kind.COMPOSE
    if _PLAIN.fullmatch(name):
        return Kind.PLAIN
    if not _YAML.fullmatch(name):
        lines = (line.strip() for line in text.text.removeprefix("\ufeff").split("\n"))
        first = next((line for line in lines if line and not line.startswith("#")), "")
        if _LOOKS_DOCKERFILE.match(first):
            return Kind.DOCKERFILE
        if not _LOOKS_YAML.match(first) and not first.startswith("{{"):
            return Kind.PLAIN
    return Kind.COMPOSE if _is_compose(text) else Kind.KUBERNETES


def _is_compose(text: Text) -> bool:
    # Only a file with this word at the beginning of a line or of a JSON object is worth parsing twice.
    if re.search(r"^(?:services|include)[ \t]*:|\"services\"[ \t]*:", text.text, re.MULTILINE) is None:
        return False
    return any(map(is_compose, documents(text)))
