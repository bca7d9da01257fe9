"""The limits beyond which an archive is refused."""

from __future__ import annotations

from dataclasses import dataclass

#: Bytes passed on at a time.
BLOCK = 256 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits on the content of an archive. Sizes in bytes.

    *entries*: files, folders, links and extended headers; a hundred images of fifty layers have about 20,000.
    *documents*: all JSON together, which is kept in memory; *values*: the maximum in one document, *parsed*: in all of
    them, since a short text can become large objects. *name*: characters of one path, *parts*: folders in it, *names*:
    characters of all paths together, *extended*: all extended headers together. *references*: names that the archive
    gives to its images. *unpacked*: everything decompressed, the archive and all its layers. *ratio*: decompressed to
    compressed size, once the output exceeds *ratio_from*: for one layer, and for all together relative to the file. A
    gigabyte of zeros is an odd layer, but harmless; deflate reaches at most about 1,030 to one.
    """

    entries: int = 100_000
    documents: int = 32 * 1024 * 1024
    values: int = 300_000
    parsed: int = 2_000_000
    name: int = 4096
    parts: int = 64
    names: int = 16 * 1024 * 1024
    extended: int = 64 * 1024 * 1024
    references: int = 50_000
    unpacked: int = 2 * 1024**4
    ratio: int = 200
    ratio_from: int = 1024**3


LIMITS = Limits()


@dataclass(slots=True)
class Budget:
    """Compressed bytes read and decompressed bytes produced so far, for a file and everything in it. One thread."""

    taken: int = 0
    given: int = 0
