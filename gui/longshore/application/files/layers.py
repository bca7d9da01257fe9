"""The layers of one image, wherever it is: which ones it has, and their bytes as streams."""

from __future__ import annotations

import enum
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from longshore.errors import LongshoreError

if TYPE_CHECKING:
    from longshore.cancellation import Cancellation


@dataclass(frozen=True, slots=True)
class ImageLayer:
    """One layer, counted from 1. *digest*: of the layer as it is stored, "" for an engine's. *diff_id*: of its
    uncompressed tar, "" if the image does not say. *size*: bytes as it is stored, None for an engine's.

    *problem*: why it can't be read.
    """

    number: int
    digest: str
    diff_id: str
    size: int | None = None
    problem: LongshoreError | None = None

    @property
    def key(self) -> str:
        """The digest under which its names are kept."""
        return self.diff_id or self.digest


class Way(enum.Enum):
    """How the layers of an image are read."""

    FETCHED = "fetched"  #: from a registry, into the library
    READ = "read"  #: from this machine's disk
    SAVED = "saved"  #: as a stream from an engine, which sends the whole image each time


class Stage(enum.Enum):
    """What is being done."""

    FETCHING = "fetching"
    READING = "reading"


#: Receives the stage, and the bytes done of how many; from several threads, often. *total* is an estimate for engines.
Told = Callable[[Stage, int, int], None]


@dataclass(frozen=True, slots=True)
class Cost:
    """What it takes to list the files of an image. *known*: layers whose names are kept already. *size*: bytes that are
    fetched or read; for an engine an estimate. *host*: the registry that they are fetched from."""

    layers: int
    known: int
    way: Way
    size: int
    host: str = ""


class Layers(Protocol):
    """The layers of one image. Close them. One thread at a time; every call but ``cost`` may block."""

    names: tuple[ImageLayer, ...]

    def cost(self, wanted: Sequence[ImageLayer]) -> tuple[Way, int, str]:
        """How *wanted* would be read now, how many bytes that are, and the registry's host, if it is one."""

    def streams(
        self, wanted: Sequence[ImageLayer], told: Told, cancellation: Cancellation
    ) -> Generator[tuple[ImageLayer | None, Iterator[bytes]]]:
        """The bytes of each of *wanted*, as they are stored, in any order. None: a layer that its content identifies.

        A stream need not be read to its end; it is over when the next one begins. Raises LongshoreError, Cancelled.
        """

    def close(self) -> None:
        """Release the layers."""


def counted(chunks: Iterator[bytes], told: Callable[[int], None]) -> Iterator[bytes]:
    """*chunks*; *told* receives the size of each."""
    for chunk in chunks:
        told(len(chunk))
        yield chunk
