"""The calls that are steps in :mod:`transfertools.stepping`: those of ``os``, ``fcntl``, and sleeps."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from longshore import shared_files
from longshore.cancellation import Cancellation
from transfertools.stepping import Touch, World, here

_REAL: dict[str, Callable[..., Any]] = {
    name: getattr(os, name)
    for name in (
        "open", "close", "stat", "unlink", "replace", "rename", "link", "scandir", "write", "fsync", "fdopen",
    )
}  # fmt: skip
_FLOCK = fcntl.flock
_SWAP = shared_files._swap
_SLEEP = time.sleep
_WAIT = Cancellation.wait


class _File(io.FileIO):
    """An open file that releases its lock when closed."""

    def close(self) -> None:
        world = getattr(here, "world", None)
        if not self.closed:
            descriptor = self.fileno()
            super().close()
            if world is not None:
                here.program.descriptors.discard(descriptor)
                world.released(descriptor)


def _world() -> World | None:
    return getattr(here, "world", None)


def _on(path: Any) -> str:
    return os.fspath(path) if isinstance(path, str | os.PathLike) else ""


def _open(path: Any, flags: int, *rest: Any, **named: Any) -> int:
    world = _world()
    if world is None:
        return _REAL["open"](path, flags, *rest, **named)
    world.step("open", world.touch("create" if flags & os.O_CREAT else "open", _on(path)))
    descriptor: int = _REAL["open"](path, flags, *rest, **named)
    here.program.descriptors.add(descriptor)
    world.paths[descriptor] = _on(path)
    if flags & os.O_CREAT:
        world.after("create", _on(path))
    return descriptor


def _close(descriptor: int) -> None:
    world = _world()
    _REAL["close"](descriptor)
    if world is not None:
        here.program.descriptors.discard(descriptor)
        world.released(descriptor)


def _fdopen(descriptor: int, mode: str = "r", buffering: int = -1, *rest: Any, **named: Any) -> Any:
    world = _world()
    if world is None:
        return _REAL["fdopen"](descriptor, mode, buffering, *rest, **named)
    here.program.descriptors.discard(descriptor)
    file = (
        _File(descriptor, mode)
        if buffering == 0
        else _REAL["fdopen"](descriptor, mode, buffering, *rest, **named)
    )
    here.program.files.append(weakref.ref(file))
    return file


def _fsync(descriptor: int) -> None:
    world = _world()
    if world is None:
        _REAL["fsync"](descriptor)
        return
    world.step("fsync", world.touch("fsync", world.paths[descriptor]))
    world.checks.synced(world.paths[descriptor])


def _flock(descriptor: int, how: int) -> None:
    world = _world()
    if world is None:
        _FLOCK(descriptor, how)
        return
    touched = world.touch("lock", world.paths[descriptor])
    world.step("flock" if how & fcntl.LOCK_EX else "flock shared", touched)
    _FLOCK(descriptor, how)
    if touched.writes:
        world.locks[descriptor] = touched


def _write(descriptor: int, data: bytes) -> int:
    world = _world()
    if world is not None:
        world.step("write", world.touch("write", world.paths.get(descriptor, "")))
    written: int = _REAL["write"](descriptor, data)
    return written


def _one_path(name: str, kind: str) -> Callable[..., Any]:
    real = _REAL[name]

    def call(path: Any = ".", *rest: Any, **named: Any) -> Any:
        world = _world()
        if world is None or not _on(path):
            return real(path, *rest, **named)
        world.step(name, world.touch(kind, _on(path)))
        found = real(path, *rest, **named)
        if kind == "unlink":
            world.after(kind, _on(path))
        return found

    return call


def _two_paths(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
    def call(source: Any, target: Any, *rest: Any, **named: Any) -> Any:
        world = _world()
        if world is None:
            return real(source, target, *rest, **named)
        one, other = world.touch("unlink", _on(source)), world.touch("replace", _on(target))
        world.step(name, Touch(one.reads + other.reads, one.writes + other.writes))
        found = real(source, target, *rest, **named)
        world.after(f"{name} {_on(source)}", _on(target))
        return found

    return call


def _sleep(seconds: float) -> None:
    world = _world()
    if world is None:
        _SLEEP(seconds)
    else:
        world.block()


def _wait(self: Cancellation, seconds: float) -> bool:
    world = _world()
    if world is None:
        return _WAIT(self, seconds)
    world.block()
    return False


@contextlib.contextmanager
def stepping() -> Iterator[None]:
    """Context manager: makes the calls of programs steps; calls of other threads do not change."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "open", _open)
        patch.setattr(os, "close", _close)
        patch.setattr(os, "fdopen", _fdopen)
        patch.setattr(os, "fsync", _fsync)
        patch.setattr(os, "write", _write)
        patch.setattr(fcntl, "flock", _flock)
        patch.setattr(os, "stat", _one_path("stat", "stat"))
        patch.setattr(os, "unlink", _one_path("unlink", "unlink"))
        patch.setattr(os, "scandir", _one_path("scandir", "scandir"))
        for name in ("replace", "rename", "link"):
            patch.setattr(os, name, _two_paths(name, _REAL[name]))
        patch.setattr(shared_files, "_swap", _two_paths("swap", _SWAP))
        patch.setattr(time, "sleep", _sleep)
        patch.setattr(Cancellation, "wait", _wait)
        yield


def copied(source: Path, target: Path) -> None:
    """Copy a small folder, including times."""
    target.mkdir()
    for entry in _REAL["scandir"](source):
        if entry.is_dir(follow_symlinks=False):
            copied(Path(entry.path), target / entry.name)
        else:
            place = target / entry.name
            place.write_bytes(Path(entry.path).read_bytes())
            found = entry.stat()
            os.utime(place, ns=(found.st_atime_ns, found.st_mtime_ns))
