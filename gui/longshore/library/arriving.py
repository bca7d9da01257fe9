"""A blob on its way into the library that several threads fill at once, in any order, while others read it.

Its bytes are in a sparse file under its digest; a record beside it names the ranges that have arrived, so that any
process can resume it. Whoever writes either of them has locked the blob's part (``parts.Part``), which is also what
:meth:`Ingest.receive` locks: an unfinished blob has one writer, of one kind.
"""

from __future__ import annotations

import contextlib
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

from longshore.cancellation import Cancellation, Cancelled
from longshore.errors import DigestMismatch, DiskFull
from longshore.library.folder import LayoutFolder
from longshore.library.parts import Part, room_for
from longshore.library.ranges import RangeRecord, Ranges
from longshore.oci.descriptor import Descriptor
from longshore.oci.digest import Verifier
from longshore.shared_files import NotAFile

#: The suffixes of the sparse file and of its record.
ENDING = ".arriving"
RANGES = ".ranges"
#: Adjoining bytes that are recorded at once: a kill loses up to that many of each connection.
RECORDED = 64 << 10
#: Most bytes that one call of :meth:`Arriving.read` returns.
MOST_READ = 256 << 10
_CHUNK = 1 << 20
#: Most bytes that a writer hashes at once: what an earlier run left must not hold up a connection.
_HASHED_AT_ONCE = 4 << 20

#: Moves a verified file to its place among the blobs.
Place = Callable[[Path, str, Cancellation], None]


class Arriving:
    """One blob, locked against other writers until it is settled or closed. Thread-safe.

    A byte is written once: what arrives again is ignored. All methods raise LibraryError.
    """

    def __init__(
        self, wanted: Descriptor, folder: LayoutFolder, part: Part | None = None, place: Place | None = None
    ) -> None:
        """*part*: locked, empty and given to this object; None: the blob is whole. Raises OSError, DiskFull."""
        self.digest = wanted.digest
        self.size = wanted.size
        #: Whether the blob is complete, verified and among the library's blobs.
        self.whole = part is None
        #: Whether there are bytes of an earlier run: if the digest does not match, those may be wrong.
        self.resumed = False
        self._folder = folder
        self._part = part
        self._place = place
        self._changed = threading.Condition()
        self._arrived = Ranges()
        self._claimed = Ranges()  # arrived, or being written
        self._unrecorded: dict[int, int] = {}  # ranges by their end
        self._writers = 0
        self._readers = 0
        self._sealed = False  # being verified: nothing is written
        self._error: BaseException | None = None
        self._hashing = threading.Lock()
        self._verifier = Verifier(wanted.digest, wanted.size)
        self._file = self._record_file = -1
        if part is not None:
            self._open(part.path)

    def _open(self, part: Path) -> None:
        self._path = part.with_suffix(ENDING)
        self._record = RangeRecord(part.with_suffix(RANGES))
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK | getattr(os, "O_NOFOLLOW", 0)
        self._file = os.open(self._path, flags, 0o666)
        try:
            found = os.fstat(self._file)
            if not stat.S_ISREG(found.st_mode):
                raise NotAFile(self._path)
            there = found.st_size
            if there > self.size:
                os.ftruncate(self._file, 0)
                there = 0
            self._arrived = self._record.read(there)
            self._claimed = Ranges(self._arrived)
            self.resumed = self._arrived.total > 0
            room_for(self._file, self.size - self._arrived.total, self._folder)
            # Without entries about bytes that the file does not have, which would seem to arrive as it grows.
            self._record.replace(self._arrived)
            self._record_file = self._record.open()
        except BaseException:
            os.close(self._file)
            if not self._arrived.total:
                with contextlib.suppress(OSError):
                    self._path.unlink()
            raise

    # -- what is there

    @property
    def arrived(self) -> int:
        """Bytes that have arrived."""
        with self._changed:
            return self.size if self.whole else self._arrived.total

    @property
    def failed(self) -> bool:
        """Whether this object will not see the blob become whole: it was given up or closed."""
        with self._changed:
            return self._error is not None

    def missing(self) -> list[tuple[int, int]]:
        """The half-open byte ranges that have not arrived, in order; after a restart those that never did."""
        with self._changed:
            return [] if self.whole else self._arrived.gaps(0, self.size)

    # -- for those who bring it

    def write(self, offset: int, data: bytes | memoryview) -> None:
        """Store *data*, the bytes from *offset* on. Raises DiskFull, and what :meth:`fail` was given."""
        view = memoryview(data)
        if offset < 0 or offset + view.nbytes > self.size:
            raise ValueError("these bytes are outside of the blob")
        with self._changed:
            self._raise_error()
            if self._sealed or self.whole:
                return
            gaps = self._claimed.gaps(offset, offset + view.nbytes)
            for begin, end in gaps:
                self._claimed.add(begin, end)
            self._writers += 1
        try:
            for begin, end in gaps:
                _write_at(self._file, begin, view[begin - offset : end - offset])
            self._note(gaps)
            self._hash_more(_HASHED_AT_ONCE, wait=False)
        except OSError as error:
            explained = self._folder.explain(error, writing=True)
            self.fail(explained)
            raise explained from error
        finally:
            with self._changed:
                self._writers -= 1
                self._changed.notify_all()

    def _note(self, gaps: list[tuple[int, int]]) -> None:
        """The bytes of *gaps* are in the file: wake their readers, and record enough of them at once."""
        due = []
        with self._changed:
            for begin, end in gaps:
                self._arrived.add(begin, end)
                begin = self._unrecorded.pop(begin, begin)
                met = self._arrived.end_from(begin) > end or end == self.size  # nothing will adjoin
                if end - begin < RECORDED and not met:
                    self._unrecorded[end] = begin
                else:
                    due.append((begin, end))
            self._changed.notify_all()
        for begin, end in due:
            self._record.append(self._record_file, begin, end)

    def settle(self, cancellation: Cancellation) -> None:
        """Verify all bytes and move the blob to its place, flushed to disk. One thread, when nothing is missing.

        Raises DigestMismatch (also if bytes are missing), Cancelled. After a mismatch nothing has arrived: if some
        bytes were :attr:`resumed`, it is worth another try.
        """
        with self._changed:
            self._raise_error()
            if self.whole:
                return
            self._sealed = True
            self._changed.wait_for(lambda: not self._writers)
        try:
            with self._folder.explained(writing=True):
                self._hash_more(self.size, wait=True, cancellation=cancellation)
                self._verifier.finish()
                os.fsync(self._file)
            assert self._place is not None
            self._place(self._path, self.digest, cancellation)
        except BaseException as error:
            if isinstance(error, DigestMismatch):
                self._drop()
            with self._changed:
                self._sealed = False
            raise
        with self._changed:
            self.whole = True  # and sealed: nobody may write to the verified file
            self._changed.notify_all()
        self._release()

    def _hash_more(self, most: int, *, wait: bool, cancellation: Cancellation | None = None) -> None:
        """Hash up to *most* further bytes of those that have arrived without a gap. Raises OSError, Cancelled."""
        if not self._hashing.acquire(blocking=wait):
            return  # another writer is doing it
        try:
            while most > 0:
                at = self._verifier.seen
                with self._changed:
                    end = self._arrived.end_from(at)
                chunk = os.pread(self._file, min(_CHUNK, most, end - at), at) if end > at else b""
                if not chunk:
                    return
                self._verifier.update(chunk)
                most -= len(chunk)
                if cancellation is not None:
                    cancellation.raise_if_cancelled()
        finally:
            self._hashing.release()

    def fail(self, error: BaseException) -> None:
        """The blob will not become whole: readers and writers get *error*. The first one counts."""
        with self._changed:
            if self._error is None and not self.whole:
                self._error = error
            self._changed.notify_all()

    # -- for those who read it

    def read(self, offset: int, most: int, cancellation: Cancellation) -> bytes:
        """The bytes from *offset* on: at least one, at most *most*. Waits until there is one; b"" at the end.

        Bytes are not verified before the blob is whole, nor if it was there before: the reader does that. Raises
        Cancelled, also after :meth:`close`, and what :meth:`fail` was given.
        """
        most = min(most, MOST_READ)
        while offset < self.size:
            with cancellation.waking(self._wake), self._changed:
                while (end := self._readable(offset)) == offset and not self.whole:
                    self._changed.wait()
                    cancellation.raise_if_cancelled()
                whole = self.whole
                if not whole:
                    self._readers += 1
            if whole:
                with self._folder.explained(), self._folder.open_blob(self.digest) as file:
                    return os.pread(file.fileno(), most, offset)
            try:
                with self._folder.explained():
                    found = os.pread(self._file, min(most, end - offset), offset)
            finally:
                with self._changed:
                    self._readers -= 1
                    self._changed.notify_all()
            if found:  # not dropped meanwhile
                return found
        return b""

    def _readable(self, offset: int) -> int:
        if not self.whole:
            self._raise_error()
        return self._arrived.end_from(offset)

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    # -- the end

    def close(self) -> None:
        """Unlock the blob. What has arrived stays for the next call of any process, except on a full disk.

        Waits for writes in progress. May be called again.
        """
        self.fail(Cancelled())
        with self._changed:
            self._changed.wait_for(lambda: not self._writers)
            if self._part is None:
                return
        try:
            with contextlib.suppress(OSError):
                self._leave_behind()
        finally:
            self._release()

    def _leave_behind(self) -> None:
        """Put the files into the state in which the next call finds them. Raises OSError."""
        if isinstance(self._error, DiskFull):
            self._drop()  # a full disk affects everyone
        for end, begin in self._unrecorded.items():
            self._record.append(self._record_file, begin, end)
        if not self._arrived.total:
            self._path.unlink()
            self._record.remove()

    def _release(self) -> None:
        """Close the files and unlock the blob, which has been settled or is left as it is."""
        with self._changed:
            self._changed.wait_for(lambda: not self._readers)
            part, self._part = self._part, None
        if part is None:
            return
        with contextlib.closing(part), contextlib.suppress(OSError):
            os.close(self._file)
            os.close(self._record_file)
            if self.whole:
                self._record.remove()

    def _drop(self) -> None:
        """Forget all bytes. Nothing may be writing."""
        with self._changed:
            self._arrived, self._claimed = Ranges(), Ranges()
            self._unrecorded.clear()
            self.resumed = False
            self._verifier = Verifier(self.digest, self.size)
        with contextlib.suppress(OSError):
            os.ftruncate(self._record_file, 0)
            os.ftruncate(self._file, 0)

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._error


def _write_at(descriptor: int, offset: int, data: memoryview) -> None:
    """Write all of *data* at *offset*. Raises OSError."""
    while data.nbytes:
        written = os.pwrite(descriptor, data, offset)
        data, offset = data[written:], offset + written


def arrived_bytes(part: Path) -> int:
    """Bytes that have arrived of the blob with this *part*, if it is arriving in ranges; 0 if not. Raises OSError."""
    try:
        size = part.with_suffix(ENDING).lstat().st_size
    except FileNotFoundError:
        return 0
    return RangeRecord(part.with_suffix(RANGES)).read(size).total


def take_over_part(part: Part) -> bool:
    """Make what an earlier call of :meth:`Ingest.receive` left in *part* the beginning of an arriving blob.

    False if there is nothing to take over, and *part* is empty; after True it must be opened again. Raises OSError.
    """
    size = part.size
    if not size:
        return False
    if arrived_bytes(part.path) >= size:
        part.empty()
        return False
    # In this order, so that a kill leaves no record of bytes that its file does not have.
    part.path.with_suffix(ENDING).unlink(missing_ok=True)
    RangeRecord(part.path.with_suffix(RANGES)).replace([(0, size)])
    part.path.replace(part.path.with_suffix(ENDING))
    return True


def take_over_beginning(part: Part) -> bool:
    """Make the beginning of an arriving blob, up to its first gap, the content of *part*; the rest is dropped.

    False if there is nothing to take over; after True *part* must be opened again. Raises OSError.
    """
    arriving, record = part.path.with_suffix(ENDING), RangeRecord(part.path.with_suffix(RANGES))
    try:
        size = arriving.lstat().st_size
    except FileNotFoundError:
        return False
    end = record.read(size).end_from(0)
    longer = end > part.size
    if longer:
        # In this order, so that a kill leaves a record that is true.
        record.replace([(0, end)])
        os.truncate(arriving, end)
        arriving.replace(part.path)
    else:
        arriving.unlink()
    record.remove()
    return longer
