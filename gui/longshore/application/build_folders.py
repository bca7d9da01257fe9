"""What is known about a folder before it is built: stages and arguments of its Dockerfile, and the last choices."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from longshore.application.builds import parse_folder
from longshore.building.dockerfile import Argument, outline
from longshore.building.folder import open_folder
from longshore.errors import BuildFolderError, InvalidInput
from longshore.secrecy import holds_sign_in, names_secret
from longshore.settings import Settings
from longshore.transfers.builds import BUILDX, Build

#: The key of the settings, and the number of folders that are remembered.
_KEY = "builds"
_MOST_FOLDERS = 20
_MOST_TEXTS = 100
_LONGEST = 2000
#: Stages and arguments that are offered.
MOST_OFFERED = 200


@dataclass(frozen=True, slots=True)
class FolderFacts:
    """What a Dockerfile offers. *buildx*: whether the program docker buildx is installed here."""

    folder: Path
    stages: tuple[str, ...]
    arguments: tuple[Argument, ...]
    buildx: bool = False
    heredoc: bool = False


_lock = threading.Lock()
_buildx: dict[str, bool] = {}


def look_at(folder: str, dockerfile: str, environ: Mapping[str, str]) -> FolderFacts:
    """Read the Dockerfile of *folder*. *dockerfile*: "" for the folder's own. Blocks; any worker thread.

    Raises InvalidInput and BuildFolderError.
    """
    path = parse_folder(folder)
    opened = open_folder(path, Path(dockerfile).expanduser() if dockerfile else None)
    try:
        about = outline(opened.text, {})
    except InvalidInput as error:
        raise BuildFolderError(
            "The Dockerfile is not valid.", subject=str(opened.file), detail=error.message
        ) from error
    return FolderFacts(
        path,
        about.stages[:MOST_OFFERED],
        about.arguments[:MOST_OFFERED],
        has_buildx(environ),
        heredoc=bool(about.heredoc_line),
    )


def has_buildx(environ: Mapping[str, str]) -> bool:
    """Whether docker buildx is installed; found out once. Blocks; any worker thread."""
    from longshore.engine.buildx import find_buildx

    key = environ.get("PATH", "")
    with _lock:
        if key not in _buildx:
            _buildx[key] = find_buildx(environ) is not None
        return _buildx[key]


@dataclass(frozen=True, slots=True)
class LastChoices:
    """What was chosen when a folder was last built; without secrets."""

    tags: str = ""
    dockerfile: str = ""
    target: str = ""
    arguments: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    platform: str = ""
    no_cache: bool = False
    pull: bool = False
    builder: str = ""


def last_folder(settings: Settings) -> str:
    """The folder that was built last, "" for none."""
    return next(reversed(_stored(settings)), "")


def last_choices(settings: Settings, folder: Path) -> LastChoices:
    """The last choices for *folder*."""
    found = _stored(settings).get(str(folder))
    if not isinstance(found, dict):
        return LastChoices()

    def text(name: str) -> str:
        value = found.get(name)
        return value[:_LONGEST] if isinstance(value, str) else ""

    listed = found.get("arguments")
    pairs = listed.items() if isinstance(listed, dict) else ()
    return LastChoices(
        text("tags"),
        text("dockerfile"),
        text("target"),
        tuple((name, value) for name, value in pairs if isinstance(value, str))[:_MOST_TEXTS],
        text("platform"),
        found.get("no_cache") is True,
        found.get("pull") is True,
        BUILDX if text("builder") == BUILDX else "",
    )


def remember(settings: Settings, build: Build) -> None:
    """Keep the choices of *build* for its folder. Values of arguments that look like secrets are not kept."""
    chosen: dict[str, Any] = {
        "tags": " ".join(tag.familiar for tag in build.tags),
        "dockerfile": "" if build.dockerfile is None else str(build.dockerfile),
        "target": build.target,
        "arguments": {
            name: value
            for name, value in build.arguments.items()
            if value is not None and not (names_secret(name) or holds_sign_in(value))
        },
        "platform": "" if build.platform is None else str(build.platform),
        "no_cache": build.no_cache,
        "pull": build.pull,
        "builder": build.builder,
    }

    def add(stored: dict[str, Any]) -> dict[str, Any]:
        others = [(name, one) for name, one in stored.items() if name != str(build.folder)]
        return dict([*others, (str(build.folder), chosen)][-_MOST_FOLDERS:])

    settings.update(_KEY, add, {})


def _stored(settings: Settings) -> dict[str, Any]:
    found: dict[str, Any] = settings.get(_KEY, {})
    return found
