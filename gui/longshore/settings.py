"""Longshore's folders (XDG Base Directory Specification 0.8) and its settings.

A leaf: no Qt. Settings are one small JSON file, shared by all running Longshores; unknown keys are kept. It never
contains secrets.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from longshore.shared_files import NotAnObject, SharedFile, json_object, write_durably

_log = logging.getLogger(__name__)

APP = "longshore"
#: Bytes of the largest settings file that is read.
LARGEST = 4 << 20
#: Seconds that a change waits for another Longshore. Short, because the window waits as long.
PATIENCE = 0.25


# Without platformdirs: importing it takes about 20 ms before the first frame, and it reads only this process's
# environment.
def _folder(environ: Mapping[str, str], variable: str, fallback: str) -> Path:
    # The specification: a relative path is invalid and must be ignored.
    value = environ.get(variable, "")
    base = (
        Path(value)
        if value and Path(value).is_absolute()
        else Path(environ.get("HOME") or Path.home()) / fallback
    )
    return base / APP


class Folders(NamedTuple):
    """The four XDG folders of Longshore. Nothing is written outside them and Docker's own config folder."""

    config: Path
    state: Path
    cache: Path
    data: Path

    @staticmethod
    def of(environ: Mapping[str, str] | None = None) -> Folders:
        """The folders by *environ* (default: this process's). Creates nothing. Any thread."""
        env = os.environ if environ is None else environ
        return Folders(
            config=_folder(env, "XDG_CONFIG_HOME", ".config"),
            state=_folder(env, "XDG_STATE_HOME", ".local/state"),
            cache=_folder(env, "XDG_CACHE_HOME", ".cache"),
            data=_folder(env, "XDG_DATA_HOME", ".local/share"),
        )


class Settings:
    """The user's choices. Every method may be called from any thread; values are plain JSON data.

    Several Longshores share the file: a change is applied to the current file, under a lock, and affects only its own
    key. Changes by others are seen at the next :meth:`get`. A damaged file is saved as ``settings.json.broken`` and
    reported in :attr:`problem`. If the file cannot be written, changes are kept in memory for this run and written
    with the next change that succeeds; :attr:`unwritten` says why.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "settings.json"
        self.problem = ""
        #: Why the latest changes are not in the file, None if they are.
        self.unwritten: OSError | None = None
        self._file = SharedFile(self.path, largest=LARGEST)
        self._lock = threading.Lock()
        self._pending: list[_Pending] = []
        self._values: dict[str, Any] = {}
        self._seen: _Signature | None = None
        self._load()

    def get(self, key: str, default: Any = None) -> Any:
        """The value of *key*; *default* if there is none or it is of another type."""
        with self._lock:
            self._look_again()
            return _value(self._values, key, default)

    def set(self, key: str, value: Any) -> None:
        """Set *key* and write the file. A failed write is logged, and the value is valid for this run."""
        with self._lock:
            self._pending = [change for change in self._pending if change.key != key]
            self._write(_Pending(key, lambda _: value, None))

    def update(self, key: str, how: Callable[[Any], Any], default: Any) -> Any:
        """Change a part of the value of *key*, and write the file; returns the new value.

        *how* returns the new value for the one in the file (*default* if there is none or it is of another type),
        which another Longshore may have just changed. It must not modify its argument, and may be called several
        times. If it raises, nothing is changed and the caller gets its exception. A failed write is handled as in
        :meth:`set`.
        """
        with self._lock:
            self._write(_Pending(key, how, default))
            return _value(self._values, key, default)

    def flush(self) -> None:
        """Try again to write pending changes. Called when the window closes."""
        with self._lock:
            if self._pending:
                try:
                    self._change()
                except OSError as error:
                    self._not_written(error)

    # -- inside, with the lock held except in _load

    def _load(self) -> None:
        self._seen = _signature(self.path)
        try:
            raw = self._file.read()
            self._values = json_object(raw) if raw is not None else {}
        except NotAnObject:
            self.problem = self._set_aside()
        except OSError as error:
            self.problem = (
                f"The settings file could not be read: {_why(error)}. "
                "Defaults are used, and changes are not saved."
            )

    def _set_aside(self) -> str:
        """Start a new file; returns the message about the damaged one."""
        try:
            self._change()
        except OSError as error:
            return (
                f"The settings file is damaged and could not be set aside: {_why(error)}. Defaults are used."
            )
        return f"The settings file was damaged. It was set aside as {self.aside.name}; defaults are used."

    @property
    def aside(self) -> Path:
        """The name that a damaged file gets."""
        return self.path.with_name(self.path.name + ".broken")

    def _look_again(self) -> None:
        """Read what other programs wrote. A file that is briefly damaged or missing changes nothing."""
        found = _signature(self.path)
        if found is None or found == self._seen:
            return
        self._seen = found
        with contextlib.suppress(OSError, NotAnObject):
            raw = self._file.read()
            if raw is not None:
                self._values = _changed(json_object(raw), self._pending)

    def _write(self, change: _Pending) -> None:
        earlier = self._pending
        self._pending = [*earlier, change]
        try:
            self._change()
        except OSError as error:
            self._not_written(error)
            self._values = _changed(self._values, [change])
        except BaseException:
            self._pending = earlier
            raise

    def _change(self) -> None:
        """Apply the pending changes to the current file. Raises OSError, and exceptions of the changes."""
        last, merged = self._values, self._values

        def merge(raw: bytes | None) -> bytes | None:
            nonlocal merged
            damaged = False
            try:
                found = json_object(raw) if raw is not None else {}
            except NotAnObject:
                # The last readable state is better than nothing.
                write_durably(self.aside, raw or b"")
                damaged, found = True, last
            merged = _changed(found, self._pending)
            text = _text(merged)
            # Compared as text: in Python 1, 1.0 and True are equal.
            return text if damaged or text != _text(found) else None

        # Checked first: without a change, neither a lock nor a folder is needed.
        if merge(self._file.read()) is not None:
            self._file.change(merge, patience=PATIENCE)
        self._seen = _signature(self.path)
        self._values = merged
        self._pending = []
        self.unwritten = None

    def _not_written(self, error: OSError) -> None:
        self.unwritten = error
        _log.warning("settings not written: %s", error)


class _Pending(NamedTuple):
    """A change that is not yet in the file."""

    key: str
    how: Callable[[Any], Any]
    default: Any


#: Modification time in ns, inode, size. Only tells when to read again: a change never relies on it.
_Signature = tuple[int, int, int]


def _signature(path: Path) -> _Signature | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


def _value(values: Mapping[str, Any], key: str, default: Any) -> Any:
    value = values.get(key, default)
    return default if default is not None and type(value) is not type(default) else value


def _changed(values: Mapping[str, Any], changes: Iterable[_Pending]) -> dict[str, Any]:
    out = dict(values)
    for change in changes:
        out[change.key] = change.how(_value(out, change.key, change.default))
    return out


def _text(values: Mapping[str, Any]) -> bytes:
    return json.dumps(values, indent=2, sort_keys=True).encode()


def _why(error: OSError) -> str:
    return error.strerror or str(error)
