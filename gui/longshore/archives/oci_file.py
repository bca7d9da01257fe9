"""Writes an oci-archive from the stream of an engine's save, whose content is not known in advance."""

from __future__ import annotations

from collections.abc import Iterable

from longshore.archives.compression import Compression, Packer
from longshore.archives.limits import BLOCK
from longshore.archives.model import Archived, ArchiveFormat, Listing
from longshore.archives.new_file import NewFile
from longshore.archives.scan import StreamedFile
from longshore.archives.tarstream import RECORD, tar_header, tar_padding
from longshore.archives.writing import ArchiveWriter
from longshore.cancellation import Cancellation
from longshore.oci.layout import blob_path
from longshore.oci.manifest import Index, Manifest
from longshore.oci.reference import Reference


class OciFile:
    """Receives the files of a docker-archive and writes them as an OCI layout. One thread.

    A blob's name is its digest, and in a tar the name comes first: the header is rewritten after the content. Layers
    stay as the engine sends them: a classic engine has them only uncompressed. A compressed archive is first written
    uncompressed to the same disk, because compressed data cannot be corrected.
    """

    def __init__(self, file: NewFile) -> None:
        self._file = file
        self._written: set[str] = set()

    def add(self, streamed: StreamedFile, pieces: Iterable[bytes]) -> None:
        """Add a layer, whatever its name in the stream; *pieces* are its bytes. Other files are skipped."""
        if not streamed.may_be_layer:
            streamed.skip()
            return
        start = self._file.tell()
        self._file.write(bytes(RECORD))
        for piece in pieces:
            self._file.write(piece)
        assert streamed.member is not None
        digest = streamed.member.digest
        if digest in self._written:
            self._file.rewind(start)
            return
        self._written.add(digest)
        self._file.write(tar_padding(streamed.size))
        self._file.overwrite(start, tar_header(blob_path(digest), streamed.size))

    def finish(
        self,
        listing: Listing,
        asked: Archived | None = None,
        name: Reference | None = None,
        ref_name: str = "",
    ) -> tuple[Manifest | Index, ...]:
        """Write the manifests, and the lists at the end. Returns the manifests and indexes that the names point to.

        *name*: of the image *asked*; without it an image keeps its names. *ref_name*: what other tools call it, if
        that is not the whole *name*.
        """
        writer = ArchiveWriter(ArchiveFormat.OCI)
        tops = []
        for archived in listing.archived:
            settled = archived.settled()
            tops.append(settled.top)
            for raw in listing.documents_of(settled).values():
                for chunk in writer.document(raw):
                    self._file.write(chunk)
            if archived is asked and name is not None and name.digest is None:
                writer.list_image(settled.top, [name.with_default_tag()], ref_name)
            else:
                writer.list_image(settled.top, settled.references)
        for chunk in writer.end():
            self._file.write(chunk)
        return tuple(tops)


def pack(plain: NewFile, target: NewFile, compression: Compression, cancellation: Cancellation) -> None:
    """Write the content of *plain* to *target*, compressed."""
    packer = Packer(compression)
    at = 0
    while chunk := plain.read_from(at, BLOCK):
        cancellation.raise_if_cancelled()
        target.write(packer.feed(chunk))
        at += len(chunk)
    target.write(packer.end())
