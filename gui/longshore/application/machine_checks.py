"""Checks of this machine: disk space, folders, the settings, the history, versions."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import sqlite3
import stat
import tempfile
from functools import partial
from importlib import metadata
from pathlib import Path

from longshore import __version__
from longshore.application.checks import Check, Job, failed, passed, warned
from longshore.application.session import Session
from longshore.cancellation import Cancellation
from longshore.transfers.journal.health import health_of

#: Free bytes below which transfers probably fail, and below which it is worth a warning.
_TOO_LITTLE = 100_000_000
_LITTLE = 2_000_000_000
#: The same for the history, which is small.
_TOO_LITTLE_FOR_STATE = 5_000_000
_LITTLE_FOR_STATE = 50_000_000
_PACKAGES = ("docker", "urllib3", "rich", "ruamel.yaml")


def machine_jobs(session: Session) -> list[Job]:
    """The checks of disk space, folders, the settings, the history and versions."""
    folders = session.folders
    journal = session.journal().path
    spaces = {
        session.library().path: (_TOO_LITTLE, _LITTLE),
        folders.state: (_TOO_LITTLE_FOR_STATE, _LITTLE_FOR_STATE),
        Path(tempfile.gettempdir()): (_TOO_LITTLE, _LITTLE),
    }
    rights = {
        "XDG_CONFIG_HOME": folders.config,
        "XDG_STATE_HOME": folders.state,
        "XDG_CACHE_HOME": folders.cache,
        "XDG_DATA_HOME": folders.data,
    }
    return [
        *(Job("disk", str(path), partial(_space, path, *limits)) for path, limits in spaces.items()),
        *(
            Job("folder", str(path), partial(_folder, session.environ.get(name, ""), name, path))
            for name, path in rights.items()
        ),
        Job("settings", str(session.settings.path), lambda _: [_settings(session)]),
        Job("history", str(journal), partial(_history, journal)),
        Job("version", "longshore", lambda _: _versions()),
    ]


def _existing(path: Path) -> Path:
    """*path*, or the nearest folder above it that exists: that is where it would be created."""
    while not os.path.lexists(path) and path != path.parent:
        path = path.parent
    return path


def _space(path: Path, too_little: int, little: int, cancellation: Cancellation) -> list[Check]:
    try:
        found = os.statvfs(_existing(path))
        free = shutil.disk_usage(_existing(path)).free
    except OSError as error:
        return [
            failed(
                "disk", str(path), "The free space can't be read.", "Check the disk.", error.strerror or ""
            )
        ]
    words = f"{free / 1e9:.1f} GB free." if free >= 1e9 else f"{free / 1e6:.0f} MB free."
    advice = "Free some space, or choose another folder."
    if free < too_little:
        return [failed("disk", str(path), f"The disk is full: {words}", advice)]
    if found.f_files and not found.f_favail:
        return [failed("disk", str(path), "The disk can hold no more files (inodes).", advice)]
    if free < little:
        return [warned("disk", str(path), f"Only {words}", advice)]
    return [passed("disk", str(path), words)]


def _folder(value: str, variable: str, path: Path, cancellation: Cancellation) -> list[Check]:
    if value and not Path(value).is_absolute():
        return [
            warned(
                "folder",
                str(path),
                f"{variable} is not an absolute path and is ignored.",
                f"Set {variable} to an absolute path, or unset it.",
            )
        ]
    found = _existing(path)
    try:
        mode = found.stat().st_mode
    except OSError as error:
        return [
            failed("folder", str(path), "The folder can't be used.", f"Check {found}.", error.strerror or "")
        ]
    if not stat.S_ISDIR(mode):
        return [failed("folder", str(path), f"{found} is not a folder.", "Move it away.")]
    if not os.access(found, os.R_OK | os.W_OK | os.X_OK):
        return [
            failed(
                "folder",
                str(path),
                f"You may not write to {found}.",
                f"Change its permissions or its owner, or set {variable} to another folder.",
            )
        ]
    if found == path and mode & 0o022 and not mode & stat.S_ISVTX:
        return [warned("folder", str(path), "Other users may change this folder.", f"Run: chmod go-w {path}")]
    return [passed("folder", str(path), "You may write to it." if found == path else "It can be created.")]


def _settings(session: Session) -> Check:
    where = str(session.settings.path)
    problem = session.settings.problem
    if problem:
        return warned("settings", where, problem, "Check the file and its folder.")
    aside = session.settings.aside
    if aside.exists():
        return warned(
            "settings",
            where,
            "The settings can be read. Earlier settings were damaged and were set aside.",
            f"Remove {aside} if you do not need it.",
        )
    return passed("settings", where, "The settings can be read.")


def _history(path: Path, cancellation: Cancellation) -> list[Check]:
    health = health_of(path, cancellation)
    if health.problem:
        return [
            failed(
                "history",
                str(path),
                "The history can't be used.",
                "Move the file away; a new history is then begun.",
                health.problem,
            )
        ]
    words = "There is no history yet." if health.rows is None else f"{health.rows} transfers."
    if health.set_aside:
        return [
            warned(
                "history",
                str(path),
                f"{words} An earlier history could not be used and was set aside.",
                f"Remove {health.set_aside[-1]} if you do not need it.",
            )
        ]
    return [passed("history", str(path), words)]


def _versions() -> list[Check]:
    found = [
        passed("version", "longshore", __version__),
        passed(
            "version", "python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"
        ),
        passed("version", "sqlite", sqlite3.sqlite_version),
    ]
    for name in _PACKAGES:
        try:
            found.append(passed("version", name, metadata.version(name)))
        except metadata.PackageNotFoundError:
            found.append(passed("version", name, "Unknown."))
    return [*found, _qt()]


def _qt() -> Check:
    """Whether the window can be opened. Finds PySide6 without importing it, which takes long."""
    if importlib.util.find_spec("PySide6") is None:
        return passed("version", "PySide6", "Not installed: commands work, the window does not.")
    try:
        return passed("version", "PySide6", metadata.version("PySide6"))
    except metadata.PackageNotFoundError:
        return passed("version", "PySide6", "Installed.")
