"""Where Longshore keeps things (XDG Base Directory Specification 0.8), and the few things it keeps.

A leaf: no Qt. Settings are one small JSON file, written atomically, unknown keys kept. No secrets are ever in it.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_log = logging.getLogger(__name__)

APP = "longshore"


def _folder(environ: Mapping[str, str], variable: str, fallback: str) -> Path:
    # The specification: a relative path is invalid and must be ignored.
    value = environ.get(variable, "")
    base = (
        Path(value)
        if value and Path(value).is_absolute()
        else Path(environ.get("HOME") or Path.home()) / fallback
    )
    return base / APP


@dataclass(frozen=True, slots=True)
class Folders:
    """The four XDG folders of Longshore. Nothing is written outside them and Docker's own config folder."""

    config: Path
    state: Path
    cache: Path
    data: Path

    @staticmethod
    def of(environ: Mapping[str, str] | None = None) -> Folders:
        """The folders for *environ* (default: this process's). Creates nothing. Any thread."""
        env = os.environ if environ is None else environ
        return Folders(
            config=_folder(env, "XDG_CONFIG_HOME", ".config"),
            state=_folder(env, "XDG_STATE_HOME", ".local/state"),
            cache=_folder(env, "XDG_CACHE_HOME", ".cache"),
            data=_folder(env, "XDG_DATA_HOME", ".local/share"),
        )


def private_folder(path: Path) -> Path:
    """Create *path* (0700) with its parents if need be, and return it. Raises OSError. Any thread."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def write_atomically(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Write *data* to *path* so that a reader, or a crash, sees the old or the new whole. Raises OSError.

    A symbolic link is followed: its target is replaced, the link stays. Any thread.
    """
    target = Path(os.path.realpath(path))
    private_folder(target.parent)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(mode)
        Path(name).replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


class Settings:
    """The user's choices. Every method may be called from any thread; values are plain JSON data.

    A broken file is set aside as ``settings.json.broken`` and said in :attr:`problem`, never a crash.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "settings.json"
        self.problem = ""
        self._lock = threading.Lock()
        self._values: dict[str, Any] = self._load()

    def _load(self) -> dict[str, Any]:
        try:
            values = json.loads(self.path.read_bytes())
            if not isinstance(values, dict):
                raise ValueError("not an object")
        except FileNotFoundError:
            return {}
        except OSError as error:
            self.problem = f"The settings could not be read: {error.strerror}. Nothing was changed."
            return {}
        except ValueError:
            aside = self.path.with_name(self.path.name + ".broken")
            with contextlib.suppress(OSError):
                self.path.replace(aside)
            self.problem = (
                f"The settings file was damaged. It was set aside as {aside.name}; defaults are used."
            )
            return {}
        return values

    def get(self, key: str, default: Any = None) -> Any:
        """The value of *key*, or *default*; also *default* where the stored value is of another type."""
        with self._lock:
            value = self._values.get(key, default)
        if default is not None and type(value) is not type(default):
            return default
        return value

    def set(self, key: str, value: Any) -> None:
        """Set *key* and write the file. A write that fails is logged, and the value holds for this run."""
        with self._lock:
            if self._values.get(key) == value and key in self._values:
                return
            self._values[key] = value
            try:
                write_atomically(self.path, json.dumps(self._values, indent=2, sort_keys=True).encode())
            except OSError as error:
                _log.warning("settings not written: %s", error)
