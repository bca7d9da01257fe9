"""The compressions of archives and layers, in both directions, as a stream in bounded pieces.

Layers have none, gzip or zstd (image-spec layer.md); whole archives also xz and bzip2, which docker load has always
accepted, and which are only read.
"""

from __future__ import annotations

import enum
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Protocol

from longshore.archives import failures
from longshore.archives.limits import BLOCK, LIMITS, Budget, Limits

#: Bytes needed to identify a file.
HEAD = 512
_GZIP_LEVEL = 6
_ZSTD_LEVEL = 3
#: The largest window of zstd that is decompressed, as a power of two: bytes of memory (RFC 8878 requires at least 8 MB;
#: zstd itself accepts no more than this by default).
_ZSTD_WINDOW = 27
#: Maximum bytes of memory for xz; its own presets need at most 65 MB.
_XZ_MEMORY = 160 * 1024 * 1024
#: Bytes that a decompressor gets at a time: the data after the end of a short stream is copied each time.
_BITE = 16 * 1024

#: The maximum number of consecutive empty streams; each costs as much as one with content.
_MOST_IDLE = 1000


class Compression(enum.Enum):
    """The compression of a file or layer."""

    NONE = "none"
    GZIP = "gzip"
    ZSTD = "zstd"
    XZ = "xz"
    BZIP2 = "bzip2"


#: The compressions allowed for layers.
OF_LAYERS = frozenset({Compression.GZIP, Compression.ZSTD})
_BZIP2_BLOCK, _BZIP2_END = bytes.fromhex("314159265359"), bytes.fromhex("177245385090")
_XZ_MAGIC = b"\xfd7zXZ\x00"
_FOREIGN = (
    (b"PK\x03\x04", "a zip file"),
    (b"PK\x05\x06", "a zip file"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip file"),
    (b"Rar!", "a RAR file"),
    (b"\x04\x22\x4d\x18", "a file compressed with lz4"),
    (b"hsqs", "a SquashFS image"),
    (b"\x7fELF", "a program"),
    (b"%PDF", "a PDF document"),
)


def compression_of(head: bytes) -> Compression:
    """The compression, from the first bytes (RFC 1952, RFC 8878, the .xz file format 2.1.1.1, bzip2's header).

    NONE for anything else.
    """
    if head.startswith(b"\x1f\x8b\x08"):
        return Compression.GZIP
    # 0x184D2A5? are skippable frames, which may precede the first frame.
    if head.startswith(b"\x28\xb5\x2f\xfd") or (head[1:4] == b"\x2a\x4d\x18" and head[0] & 0xF0 == 0x50):
        return Compression.ZSTD
    if head.startswith(_XZ_MAGIC):
        return Compression.XZ
    # The digit is the block size; a block or the end of the stream follows, each with its own magic.
    if head[:3] == b"BZh" and head[3:4] in b"123456789" and head[4:10] in (_BZIP2_BLOCK, _BZIP2_END):
        return Compression.BZIP2
    return Compression.NONE


def foreign_kind(head: bytes) -> str:
    """The kind of a file that is not a tar, as “a zip file”; "" if unknown."""
    return next((what for magic, what in _FOREIGN if head.startswith(magic)), "")


def compression_for(path: Path) -> Compression:
    """The compression for a file name: gzip for ``.gz`` and ``.tgz``, zstd for ``.zst`` and ``.tzst``, or none."""
    name = path.name.lower()
    if name.endswith((".gz", ".tgz")):
        return Compression.GZIP
    if name.endswith((".zst", ".tzst", ".zstd")):
        return Compression.ZSTD
    return Compression.NONE


class _BrokenStream(Exception):
    """The compressed bytes are invalid. The text is the library's."""


class _Inflater(Protocol):
    """The common interface of zlib's and the other decompressors."""

    def step(self, data: bytes) -> bytes:
        """At most BLOCK more bytes. Raises _BrokenStream."""

    @property
    def rest(self) -> bytes:
        """The data after the end of the stream."""

    @property
    def hungry(self) -> bool:
        """Whether there is no output without new input."""

    @property
    def ended(self) -> bool:
        """Whether the stream has ended."""

    def fork(self) -> _Inflater | None:
        """A copy in the same state; None if that is impossible."""


class _Gzip:
    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)
        self.hungry = True

    def fork(self) -> _Gzip:
        other = _Gzip()
        other._inner = self._inner.copy()
        other.hungry = self.hungry
        return other

    def step(self, data: bytes) -> bytes:
        try:
            out = self._inner.decompress(self._inner.unconsumed_tail + data, BLOCK)
        except zlib.error as error:
            raise _BrokenStream(str(error)) from error
        # After a full block there may be more output, from unread input or from zlib's buffer.
        self.hungry = len(out) < BLOCK
        return out

    @property
    def rest(self) -> bytes:
        return self._inner.unused_data

    @property
    def ended(self) -> bool:
        return self._inner.eof


class _Standard:
    """The decompressors of zstd, lzma and bz2, which share one interface."""

    def __init__(self, inner: _Decompressor, error: type[Exception]) -> None:
        self._inner = inner
        self._error = error

    def fork(self) -> None:
        return None

    def step(self, data: bytes) -> bytes:
        try:
            return self._inner.decompress(data, BLOCK)
        except self._error as error:
            raise _BrokenStream(str(error)) from error

    @property
    def rest(self) -> bytes:
        return self._inner.unused_data

    @property
    def hungry(self) -> bool:
        return self._inner.needs_input

    @property
    def ended(self) -> bool:
        return self._inner.eof


class _Decompressor(Protocol):
    """The common interface of the standard library's decompressors."""

    @property
    def unused_data(self) -> bytes:
        """The data after the end of the stream."""

    @property
    def needs_input(self) -> bool:
        """Whether there is no output without new input."""

    @property
    def eof(self) -> bool:
        """Whether the stream has ended."""

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        """At most *max_length* more bytes."""


def _inflater(compression: Compression) -> _Inflater:
    """A decompressor; the libraries of the rarer ones are imported late."""
    match compression:
        case Compression.ZSTD:
            from longshore.archives import zstd

            window = {int(zstd.DecompressionParameter.window_log_max): _ZSTD_WINDOW}
            return _Standard(zstd.ZstdDecompressor(options=window), zstd.ZstdError)
        case Compression.XZ:
            import lzma

            unpacker = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)
            return _Standard(unpacker, lzma.LZMAError)
        case Compression.BZIP2:
            import bz2

            return _Standard(bz2.BZ2Decompressor(), OSError)
    return _Gzip()


class Unpacker:
    """Decompresses its input, and refuses output beyond *limits*. One thread.

    *subject*: the file, for errors. *budget*: of the containing file; the output counts there too. Raises
    ArchiveDamaged for an invalid stream, ArchiveRefused for a decompression bomb.
    """

    def __init__(
        self,
        compression: Compression,
        *,
        limits: Limits = LIMITS,
        subject: str = "",
        budget: Budget | None = None,
    ) -> None:
        self.compression = compression
        self._own = Budget()
        self._outermost = budget is None
        self.budget = budget or Budget()  #: of the whole file, shared with everything in it
        self._limits = limits
        self._subject = subject
        self._inner: _Inflater | None = None
        self._idle = 0  # consecutive empty streams

    @property
    def given(self) -> int:
        """Bytes of output."""
        return self._own.given

    def fork(self) -> Unpacker | None:
        """A copy that continues independently, for about ten kilobytes of memory; None except for gzip."""
        other = Unpacker(self.compression, limits=self._limits, subject=self._subject)
        other._own.taken, other._own.given = self._own.taken, self._own.given
        if self._inner is not None:
            other._inner = self._inner.fork()
            if other._inner is None:
                return None
        return other

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The output for *data*, in pieces."""
        self._own.taken += len(data)
        if self._outermost:
            self.budget.taken += len(data)
        if self.compression is Compression.NONE:
            yield self._counted(data)
            return
        for start in range(0, len(data), _BITE):
            yield from self._bitten(data[start : start + _BITE])

    def _bitten(self, data: bytes) -> Iterator[bytes]:
        while data or (self._inner is not None and not self._inner.hungry):
            if self._inner is None:
                # Consecutive streams form one; zeros after the last fill a tape's block.
                data = data.lstrip(b"\0") if self.given else data
                if not data:
                    return
                self._inner = _inflater(self.compression)
            try:
                out = self._inner.step(data)
            except _BrokenStream as error:
                said = f"{self.compression.value}: {error}"
                if "memory" in str(error).lower():
                    raise failures.excessive(self._subject, said) from error
                raise failures.damaged(self._subject, said) from error
            data = b""
            if self._inner.ended:
                data, self._inner = self._inner.rest, None
                self._idle = 0 if out else self._idle + 1
                if self._idle > _MOST_IDLE:
                    raise failures.excessive(self._subject, "too many empty compressed streams")
            if out:
                yield self._counted(out)

    def end(self) -> None:
        """Signal the end of input. Raises ArchiveDamaged if the stream is incomplete."""
        if self._inner is not None or (self.compression is not Compression.NONE and not self._own.taken):
            raise failures.truncated(self._subject, f"the {self.compression.value} stream is incomplete")

    def _counted(self, out: bytes) -> bytes:
        limits = self._limits
        for budget in (self._own, self.budget):
            budget.given += len(out)
            if budget.given > limits.unpacked:
                raise failures.excessive(self._subject, f"more than {limits.unpacked} bytes unpacked")
            if budget.given > limits.ratio_from and budget.given > limits.ratio * budget.taken:
                raise failures.excessive(
                    self._subject,
                    f"{budget.taken} compressed bytes unpack to more than {budget.given}: a decompression bomb",
                )
        return out


def unpacked(
    chunks: Iterable[bytes], compression: Compression, *, limits: Limits = LIMITS, subject: str = ""
) -> Iterator[bytes]:
    """*chunks*, decompressed. Raises the errors of Unpacker."""
    unpacker = Unpacker(compression, limits=limits, subject=subject)
    for chunk in chunks:
        yield from unpacker.feed(chunk)
    unpacker.end()


class Packer:
    """Compresses its input, deterministically. One thread."""

    def __init__(self, compression: Compression) -> None:
        self._feed, self._end = {
            Compression.NONE: _passed_on,
            Compression.GZIP: _gzip_packer,
            Compression.ZSTD: _zstd_packer,
        }[compression]()

    def feed(self, data: bytes) -> bytes:
        """The output for *data*, often empty."""
        return self._feed(data)

    def end(self) -> bytes:
        """The rest of the output."""
        return self._end()


_Pair = tuple[Callable[[bytes], bytes], Callable[[], bytes]]


def _passed_on() -> _Pair:
    return lambda data: data, bytes


def _gzip_packer() -> _Pair:
    gzip = zlib.compressobj(_GZIP_LEVEL, wbits=31)
    return gzip.compress, gzip.flush


def _zstd_packer() -> _Pair:
    from longshore.archives.zstd import ZstdCompressor

    zstd = ZstdCompressor(level=_ZSTD_LEVEL)
    return zstd.compress, zstd.flush
