"""The tar of a folder that is sent to a builder, made as it is sent.

Source: moby/moby, pkg/archive/archive.go (TarWithOptions, addTarFile) as docker/cli calls it: owner 0, times in whole
seconds, links as links. Unlike there, devices and pipes are left out, and a file that cannot be sent is an error.
"""

from __future__ import annotations

import os
import stat
import tarfile
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from longshore.building.folder import IGNORE_FILE, BuildFolder
from longshore.building.patterns import Matcher
from longshore.cancellation import Cancellation
from longshore.errors import BuildFolderError

#: Bytes sent at a time.
CHUNK = 256 * 1024
#: Names that are kept of files that were left out or changed.
MOST_NAMES = 20
_BLOCK = tarfile.BLOCKSIZE
_OPEN = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


@dataclass(slots=True)
class Names:
    """The first names of something, and how many there are."""

    first: list[str] = field(default_factory=list)
    count: int = 0

    def add(self, name: str) -> None:
        """Add a name."""
        self.count += 1
        if len(self.first) < MOST_NAMES:
            self.first.append(name)


@dataclass(frozen=True, slots=True)
class Size:
    """What would be sent: *files* of any kind, and the *bytes* of the regular ones."""

    files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class _Found:
    name: str
    path: str
    status: os.stat_result


class Context:
    """What is sent of *folder*. One thread.

    *special*: pipes, sockets and devices that are left out. *changed*: files that were written to while they were read.
    All methods raise BuildFolderError and Cancelled.
    """

    def __init__(self, folder: BuildFolder, cancellation: Cancellation) -> None:
        self._folder = folder
        self._cancellation = cancellation
        self.special = Names()
        self.changed = Names()
        patterns = list(folder.patterns)
        # The Dockerfile and the ignore file are sent even if they are excluded: the builder leaves them out.
        plain = Matcher(patterns)
        for needed in (IGNORE_FILE, folder.dockerfile):
            if needed not in folder.added and plain.excludes(needed):
                patterns.append(f"!{needed}")
        self._matcher = Matcher(patterns)

    def measure(self) -> Size:
        """Look at everything that would be sent, without reading it."""
        files = size = 0
        for found in self._walk():
            files += 1
            if stat.S_ISREG(found.status.st_mode):
                size += found.status.st_size
                if not os.access(found.path, os.R_OK):
                    raise _unreadable(found.name)
        return Size(files, size)

    def chunks(self, sent: Callable[[int], None] = lambda count: None) -> Generator[bytes]:
        """The tar. *sent* is called with the bytes of files that each chunk adds."""
        self.special, self.changed = Names(), Names()
        pending = bytearray()
        for piece, counted in self._pieces():
            self._cancellation.raise_if_cancelled()
            if counted:
                sent(counted)
            pending += piece
            if len(pending) >= CHUNK:
                yield bytes(pending)
                pending.clear()
        yield bytes(pending) + bytes(2 * _BLOCK)

    # -- the folder

    def _walk(self) -> Iterator[_Found]:
        """What is sent, folders before what is in them, in the order of their names."""
        levels: list[tuple[Iterator[os.DirEntry[str]], str, list[bool] | None]] = [
            (self._listed(self._folder.root, ""), "", None)
        ]
        while levels:
            self._cancellation.raise_if_cancelled()
            entries, inside, above = levels[-1]
            entry = next(entries, None)
            if entry is None:
                levels.pop()
                continue
            name = inside + entry.name
            excluded, own = self._matcher.matches(name, above)
            if name in self._folder.added:
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                if excluded:
                    continue
                raise _vanished(name) from None
            except OSError as error:
                raise _unreadable(name, error) from error
            is_folder = stat.S_ISDIR(status.st_mode)
            if not excluded:
                yield _Found(name, entry.path, status)
            elif not (is_folder and self._matcher.enters(name)):
                continue
            if is_folder:
                levels.append((self._listed(entry.path, name), f"{name}/", own))

    def _listed(self, path: str | Path, name: str) -> Iterator[os.DirEntry[str]]:
        try:
            with os.scandir(path) as found:
                return iter(sorted(found, key=lambda entry: os.fsencode(entry.name)))
        except FileNotFoundError:
            raise _vanished(name) from None
        except OSError as error:
            raise BuildFolderError(
                "A folder can't be read.",
                subject=name or os.fspath(path),
                advice=f"Change its permissions, or exclude it in {IGNORE_FILE}.",
                detail=error.strerror or str(error),
            ) from error

    # -- the tar

    def _pieces(self) -> Iterator[tuple[bytes, int]]:
        """Pieces of the tar, and the bytes of files in each."""
        linked: dict[tuple[int, int], str] = {}
        for found in self._walk():
            info = tarfile.TarInfo(found.name)
            status = found.status
            info.mode = stat.S_IMODE(status.st_mode)
            info.mtime = int(status.st_mtime)
            if stat.S_ISDIR(status.st_mode):
                info.type = tarfile.DIRTYPE
            elif stat.S_ISLNK(status.st_mode):
                info.type = tarfile.SYMTYPE
                try:
                    info.linkname = os.readlink(found.path)  # noqa: PTH115 - a Path would change its text
                except OSError as error:
                    raise _vanished(found.name) from error
            elif not stat.S_ISREG(status.st_mode):
                self.special.add(found.name)
                continue
            else:
                identity = (status.st_dev, status.st_ino)
                first = linked.get(identity) if status.st_nlink > 1 else None
                if first is not None:
                    info.type, info.linkname = tarfile.LNKTYPE, first
                    yield _header(info), status.st_size
                    continue
                if status.st_nlink > 1:
                    linked[identity] = found.name
                yield from self._file(found, info)
                continue
            yield _header(info), 0
        for name, content in self._folder.added.items():
            info = tarfile.TarInfo(name)
            info.mode, info.size = 0o600, len(content)
            yield _header(info) + content + bytes(-len(content) % _BLOCK), 0

    def _file(self, found: _Found, info: tarfile.TarInfo) -> Iterator[tuple[bytes, int]]:
        """The header and the content of a regular file, which other programs may change meanwhile."""
        try:
            descriptor = os.open(found.path, _OPEN)
        except FileNotFoundError:
            raise _vanished(found.name) from None
        except OSError as error:
            raise _unreadable(found.name, error) from error
        try:
            opened = os.fstat(descriptor)
            if not stat.S_ISREG(opened.st_mode) or not os.path.samestat(opened, found.status):
                raise _changed(found.name)  # replaced, perhaps by a link
            info.size = left = opened.st_size
            yield _header(info), 0
            while left:
                try:
                    piece = os.read(descriptor, min(CHUNK, left))
                except OSError as error:
                    raise _unreadable(found.name, error) from error
                if not piece:
                    raise _changed(found.name)
                left -= len(piece)
                yield piece, len(piece)
            yield bytes(-info.size % _BLOCK), 0
            after = os.fstat(descriptor)
            if (after.st_size, after.st_mtime_ns) != (opened.st_size, opened.st_mtime_ns):
                self.changed.add(found.name)
        finally:
            os.close(descriptor)


def _header(info: tarfile.TarInfo) -> bytes:
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def _vanished(name: str) -> BuildFolderError:
    return BuildFolderError(
        "A file vanished while the folder was read.",
        subject=name,
        advice=f"Build again when no other program changes the folder, or exclude it in {IGNORE_FILE}.",
    )


def _changed(name: str) -> BuildFolderError:
    return BuildFolderError(
        "A file became another or shorter one while it was read.",
        subject=name,
        advice=f"Build again when no other program changes the folder, or exclude it in {IGNORE_FILE}.",
    )


def _unreadable(name: str, error: OSError | None = None) -> BuildFolderError:
    return BuildFolderError(
        "A file can't be read.",
        subject=name,
        advice=f"Change its permissions, or exclude it in {IGNORE_FILE}.",
        detail=(error.strerror or str(error)) if error is not None else "",
    )
