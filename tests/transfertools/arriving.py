"""A blob that arrives in the library, and what tests do with it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from longshore.cancellation import Cancellation
from longshore.errors import RegistryUnreachable
from longshore.library.arriving import Arriving
from longshore.library.library import Library
from longshore.oci.descriptor import Descriptor, OpenBlob
from longshore.oci.digest import sha256_of
from longshore.oci.manifest import OCI_LAYER
from transfertools.layouts import noise

MB = 1 << 20
BLOB = noise(3 * MB + 17, "arriving")
SIZE = len(BLOB)
WANTED = Descriptor(OCI_LAYER, sha256_of(BLOB), SIZE)


def put(blob: Arriving, *spans: tuple[int, int], content: bytes = BLOB) -> None:
    for begin, end in spans:
        for at in range(begin, end, 40_000):
            blob.write(at, content[at : min(at + 40_000, end)])


def source(content: bytes = BLOB, *, most: int | None = None, asked: list[int] | None = None) -> OpenBlob:
    """A stream that is cut after *most* bytes."""

    @contextlib.contextmanager
    def opened(offset: int) -> Iterator[Iterator[bytes]]:
        if asked is not None:
            asked.append(offset)
        yield pieces(offset)

    def pieces(offset: int) -> Iterator[bytes]:
        end = len(content) if most is None else offset + most
        for at in range(offset, end, 10_000):
            yield content[at : min(at + 10_000, end)]
        if most is not None:
            raise RegistryUnreachable("The line was cut.", registry="x")

    return opened


def files(library: Library) -> dict[str, Path]:
    return {path.suffix: path for path in (library.path / ".longshore" / "ingest").iterdir()}


def stored(library: Library) -> bytes:
    with library.read(WANTED) as chunks:
        return b"".join(chunks)


def crash(blob: Arriving) -> None:
    """What a kill does: the files are closed, and nothing else happens."""
    assert blob._part is not None
    for descriptor in (blob._file, blob._record_file):
        os.close(descriptor)
    blob._part._file.close()
    blob._part = None


def receive(library: Library, opened: OpenBlob, cancellation: Cancellation | None = None) -> bool:
    with contextlib.closing(library.lease()) as lease:
        return library.receive(WANTED, opened, lease, cancellation or Cancellation())
