"""Engine to archive: what the engine saves, as a file that is whole or not there at all."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from longshore.archives.compression import Compression, Packer, compression_for
from longshore.archives.images import images_of
from longshore.archives.model import ArchiveFormat, Listing
from longshore.archives.new_file import NewFile
from longshore.archives.oci_file import OciFile, pack
from longshore.archives.scan import Scanner
from longshore.cancellation import Cancellation
from longshore.transfers.progress.stream_rows import StreamRows
from longshore.transfers.transfer import ArchivePlace, EnginePlace, Phase, Plan
from longshore.transfers.ways import planning
from longshore.transfers.ways.engine_images import (
    check_saved,
    plan_of_stream,
    source_names,
    tell_if_changed,
    tell_if_repacked,
)
from longshore.transfers.ways.way import Job

if TYPE_CHECKING:
    from longshore.engine.engine import Engine
    from longshore.engine.model import ImageDetails


class SaveWay:
    """See Way. Option of a request: ``names``, more references of images for the same archive, by blanks.

    The ending of the file's name decides on its compression (``.tar.gz``, ``.tar.zst``). What the engine sends is read
    and checked while it is written: what ends up on disk is known to be whole, and to be the images asked for.
    """

    extracts = False
    pausable = False

    def plan(self, job: Job) -> Plan | None:
        """The layers, and the size that the engine tells."""
        job.progress.enter(Phase.CHECKING)
        return planning.or_none("a save", job.cancellation, lambda bounded: self._plan(job, bounded))

    def _plan(self, job: Job, cancellation: Cancellation) -> Plan:
        engine, _ = _ends(job)
        images = []
        for name in source_names(job.request):
            images.append(engine.image(name))
            cancellation.raise_if_cancelled()
        return plan_of_stream(job, images)

    def run(self, job: Job) -> str:
        """Save, check, and give the file its name; the digest of the first image in it."""
        engine, place = _ends(job)
        names = source_names(job.request)
        images = [engine.image(name) for name in names]
        tell_if_changed(job, images[0])
        compression = compression_for(place.path)
        rows = StreamRows(job.progress, [diff_id for image in images for diff_id in image.diff_ids])
        with NewFile(place.path) as file:
            job.progress.enter(None)
            if place.format == ArchiveFormat.OCI.value:
                listing = _save_oci(job, engine, names, rows, file, compression)
            else:
                listing = _save_docker(job, engine, names, rows, file, compression)
            job.progress.enter(Phase.VERIFYING)
            check_saved(listing.archived, images)
            job.cancellation.raise_if_cancelled()
            file.commit()
        digest = _digest(listing, images[0], place.format)
        if place.format == ArchiveFormat.OCI.value:
            tell_if_repacked(job, images[0], digest)
        return digest


def _save_docker(
    job: Job, engine: Engine, names: list[str], rows: StreamRows, file: NewFile, compression: Compression
) -> Listing:
    """The engine's own bytes, compressed at most."""
    packer = Packer(compression)

    def written() -> Iterator[bytes]:
        for chunk in chunks:
            file.write(packer.feed(chunk))
            yield chunk
        file.write(packer.end())

    with contextlib.closing(engine.save(names, job.cancellation)) as chunks:
        scanner = Scanner(written(), cancellation=job.cancellation, subject=engine.address.name)
        for streamed in scanner.files():
            for _ in rows.counted(streamed):
                pass
    return images_of(scanner.contents, engine.address.name, job.cancellation)


def _save_oci(
    job: Job, engine: Engine, names: list[str], rows: StreamRows, file: NewFile, compression: Compression
) -> Listing:
    if compression is not Compression.NONE:
        with NewFile(file.path) as plain:
            listing = _save_oci(job, engine, names, rows, plain, Compression.NONE)
            job.progress.enter(Phase.COMPRESSING)
            pack(plain, file, compression, job.cancellation)
            return listing
    oci = OciFile(file)
    with contextlib.closing(engine.save(names, job.cancellation)) as chunks:
        scanner = Scanner(chunks, cancellation=job.cancellation, subject=engine.address.name)
        for streamed in scanner.files():
            oci.add(streamed, rows.counted(streamed))
    listing = images_of(scanner.contents, engine.address.name, job.cancellation)
    oci.finish(listing)
    return listing


def _digest(listing: Listing, image: ImageDetails, format: str) -> str:
    """What the file holds of *image*: the digest of its manifest, or its id where a docker-archive has none."""
    for archived in listing.archived:
        settled = archived.settled()
        configs = {one.manifest.config.digest for one in archived.images}
        if image.image_id in configs | {archived.top.digest, settled.top.digest}:
            made = archived.made and format == ArchiveFormat.DOCKER.value
            return image.image_id if made else settled.top.digest
    return image.image_id


def _ends(job: Job) -> tuple[Engine, ArchivePlace]:
    source, destination = job.request.source.place, job.request.destination.place
    if not isinstance(source, EnginePlace) or not isinstance(destination, ArchivePlace):
        raise ValueError("a save goes from an engine to an archive")
    return job.clients.engine(source.address), destination
