"""How much of an archive is believed before it is refused."""

from __future__ import annotations

from dataclasses import dataclass

#: Bytes handed on at a time.
BLOCK = 256 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what an archive may hold. Sizes in bytes.

    *entries*: files, folders and links; a hundred images of fifty layers have about 20,000. *documents*: all JSON
    together, which is what is kept in memory. *name*: of one path. *unpacked*: everything, decompressed. *ratio*:
    decompressed to compressed, once more than *ratio_from* came out; of the whole file and of each layer alike. A
    gigabyte of zeros is an odd layer, and no danger; what deflate can do at most is about 1,030 to one.
    """

    entries: int = 100_000
    documents: int = 32 * 1024 * 1024
    name: int = 4096
    unpacked: int = 2 * 1024**4
    ratio: int = 200
    ratio_from: int = 1024**3


LIMITS = Limits()
