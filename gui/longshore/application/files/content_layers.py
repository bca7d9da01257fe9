"""The layers of an image in a registry or in the library.

Those of a registry come into the library first, as in a pull: resumable, verified, and there for a later pull. Nothing
in the library names them, so that they are removed after a week.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from longshore.application.files.layers import ImageLayer, Stage, Told, Way, counted
from longshore.application.inspection.content import Inspection
from longshore.errors import InvalidContent, NotInRegistry
from longshore.library.rows import is_foreign
from longshore.oci.image_config import ImageConfig
from longshore.oci.manifest import Manifest, parse_manifest
from longshore.side_by_side import ask_all
from longshore.transfers.content.open import open_reader
from longshore.transfers.transfer import LibraryPlace, RegistryPlace
from longshore.transfers.ways.copying.source import BlobSource, SourceFailedError

if TYPE_CHECKING:
    from longshore.application.clients import Clients
    from longshore.cancellation import Cancellation
    from longshore.library.leases import Lease
    from longshore.oci.descriptor import Descriptor
    from longshore.oci.platform import Platform
    from longshore.transfers.transfer import Endpoint

#: Layers fetched side by side, as engines do.
_SIDE_BY_SIDE = 3


class ContentLayers:
    """See Layers."""

    def __init__(
        self,
        end: Endpoint,
        clients: Clients,
        library: Path,
        cancellation: Cancellation,
        platform: Platform | None,
        documents: tuple[bytes, bytes] | None,
    ) -> None:
        self._end = end
        self._clients = clients
        self._host = end.place.host if isinstance(end.place, RegistryPlace) else ""
        folder = end.place.path if isinstance(end.place, LibraryPlace) else library
        self._library = clients.library(folder)
        self._reader = open_reader(end, clients)
        try:
            if documents is None:
                image, config = _read(end, clients, cancellation, platform)
            else:
                image, config = _parsed(*documents)
            if not self._host:
                self._reader.manifest(image.digest, cancellation=cancellation)  # leases what it names
        except BaseException:
            self._reader.close()
            raise
        diff_ids: Sequence[str] = config.diff_ids
        if len(diff_ids) != len(image.layers):
            diff_ids = [""] * len(image.layers)  # an artifact: its configuration may be anything
        self._blobs = dict(enumerate(image.layers, 1))
        self.names = tuple(
            ImageLayer(number, blob.digest, diff_id, blob.size, self._problem(blob))
            for (number, blob), diff_id in zip(self._blobs.items(), diff_ids, strict=True)
        )

    def cost(self, wanted: Sequence[ImageLayer]) -> tuple[Way, int, str]:
        """See Layers."""
        missing = self._missing(wanted)
        if self._host and missing:
            return Way.FETCHED, sum(blob.size for blob in missing.values()), self._host
        return Way.READ, sum({one.digest: one.size or 0 for one in wanted}.values()), ""

    def streams(
        self, wanted: Sequence[ImageLayer], told: Told, cancellation: Cancellation
    ) -> Generator[tuple[ImageLayer | None, Iterator[bytes]]]:
        """See Layers."""
        with contextlib.closing(self._library.lease()) as lease:
            if self._host:
                self._fetch(wanted, lease, told, cancellation)
            total = sum(one.size or 0 for one in wanted)
            done = 0

            def read(size: int) -> None:
                nonlocal done
                done += size
                told(Stage.READING, min(done, total), total)

            for one in wanted:
                blob = self._blobs[one.number]
                with self._library.read(blob, cancellation=cancellation) as chunks:
                    yield one, counted(iter(chunks), read)

    def close(self) -> None:
        """See Layers."""
        self._reader.close()

    def _missing(self, wanted: Sequence[ImageLayer]) -> dict[str, Descriptor]:
        blobs = {one.digest: self._blobs[one.number] for one in wanted}
        return {
            digest: blob for digest, blob in blobs.items() if self._library.blob_size(digest) != blob.size
        }

    def _fetch(
        self, wanted: Sequence[ImageLayer], lease: Lease, told: Told, cancellation: Cancellation
    ) -> None:
        """Bring the blobs of *wanted* into the library, and keep them there while *lease* is open.

        What the user's rules refuse is not fetched for its files, either.
        """
        if self._missing(wanted):
            self._clients.gate.admit(self._end, self._clients, cancellation)
        blobs = {one.digest: self._blobs[one.number] for one in wanted}
        lock = threading.Lock()
        received: dict[str, int] = {}
        total = sum(blob.size for blob in self._missing(wanted).values())

        def bring(blob: Descriptor, part: Cancellation) -> None:
            def moved(count: int) -> None:
                with lock:
                    received[blob.digest] = count
                    done = sum(received.values())
                told(Stage.FETCHING, min(done, total), total)

            source = BlobSource(
                self._reader,
                blob,
                bandwidth=self._clients.bandwidth,
                told=moved,
                patient=False,
                hashing=False,  # the library does
                cancellation=part,
            )
            try:
                self._library.receive(blob, source, lease, part)
            except SourceFailedError as failed:
                raise failed.error from failed

        ask_all(bring, list(blobs.values()), cancellation, _SIDE_BY_SIDE)

    def _problem(self, blob: Descriptor) -> NotInRegistry | None:
        if not is_foreign(blob):
            return None
        return NotInRegistry(
            "Only its publisher distributes this layer.", registry=self._host, subject=blob.digest
        )


def _read(
    end: Endpoint, clients: Clients, cancellation: Cancellation, platform: Platform | None
) -> tuple[Manifest, ImageConfig]:
    with Inspection(end, clients, cancellation, platform) as inspection:
        image = inspection.image(inspection.top())
        return image, _config(inspection.config(image))


def _parsed(manifest: bytes, config: bytes) -> tuple[Manifest, ImageConfig]:
    image = parse_manifest(manifest, None)
    if not isinstance(image, Manifest):
        raise InvalidContent("This is an index, not the manifest of an image.")
    return image, _config(config)


def _config(raw: bytes) -> ImageConfig:
    try:
        return ImageConfig.from_bytes(raw)
    except InvalidContent:
        return ImageConfig()
