"""Reads attached documents: verified bytes, within limits, and what they say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from longshore.application.attached.documents import LARGEST, opened, too_large
from longshore.application.attached.kinds import Kind, kind_of_predicate
from longshore.application.attached.provenance import Provenance, provenance_of
from longshore.application.attached.sboms import Sbom, sbom_of
from longshore.application.attached.scans import scan_of
from longshore.errors import InvalidContent, LongshoreError
from longshore.oci.digest import Verifier
from longshore.oci.scan_result import ScanResult
from longshore.transfers.content.open import open_reader

if TYPE_CHECKING:
    from longshore.application.attached.finding import Attachment, Found
    from longshore.application.clients import Clients
    from longshore.cancellation import Cancellation
    from longshore.transfers.content.protocol import ContentReader

#: The kinds whose documents can say something that is shown.
READABLE = (Kind.SBOM, Kind.PROVENANCE, Kind.SCAN, Kind.ATTESTATION, Kind.BUNDLE)


@dataclass(frozen=True, slots=True)
class Said:
    """What a document says. At most one of *sbom*, *provenance* and *scan* is set. *kind*: what the document is, which
    may be more than its media type says. *predicate*: the type of its statement. *signed*: whether it was in an
    envelope with a signature, which was not checked. *problem*: why it could not be read."""

    kind: Kind
    sbom: Sbom | None = None
    provenance: Provenance | None = None
    scan: ScanResult | None = None
    predicate: str = ""
    signed: bool = False
    problem: LongshoreError | None = None


def said_by(raw: bytes, kind: Kind = Kind.OTHER) -> Said:
    """What the document *raw*, a JSON object, says. *kind*: what it is announced as. Seconds for the largest
    documents: use a worker thread. Raises InvalidContent if it is not JSON or too large."""
    found = opened(raw)
    predicate, document = found.predicate, found.document
    if predicate:
        named = kind_of_predicate(predicate)
        kind = named if named is not Kind.ATTESTATION or kind is Kind.OTHER else kind
    provenance = provenance_of(document, predicate)
    sbom = None if provenance is not None else sbom_of(document)
    scan = None if provenance is not None or sbom is not None else scan_of(document)
    if sbom is not None:
        kind = Kind.SBOM
    elif scan is not None:
        kind = Kind.SCAN
    return Said(kind, sbom, provenance, scan, predicate[:300], found.signed)


def said(attachment: Attachment, reader: ContentReader, cancellation: Cancellation) -> Said:
    """What *attachment* says, read from *reader*. Blocks. A document that cannot be read is no error: its ``problem``
    says why. Raises Cancelled, and RegistryError and the like if the place cannot be read."""
    document = attachment.document
    if document is None or attachment.kind not in READABLE:
        return Said(attachment.kind, predicate=attachment.predicate)
    if "json" not in document.media_type and "in-toto" not in document.media_type:
        return Said(attachment.kind, predicate=attachment.predicate)  # XML, tag-value, a tar
    try:
        return said_by(content(attachment, reader, cancellation), attachment.kind)
    except InvalidContent as error:
        error.subject = error.subject or attachment.digest
        return Said(attachment.kind, predicate=attachment.predicate, problem=error)


def content(attachment: Attachment, reader: ContentReader, cancellation: Cancellation) -> bytes:
    """The bytes of the attached document, unchanged and verified; of its manifest if it has no document.

    Blocks. Raises InvalidContent if it is larger than 64 MiB, DigestMismatch if it is not what its digest says.
    """
    wanted = attachment.document
    if wanted is None:
        return reader.manifest(attachment.manifest, cancellation=cancellation).raw
    if wanted.size > LARGEST:
        raise too_large(wanted.size)
    verifier = Verifier(wanted.digest, wanted.size)
    out = bytearray()
    with reader.blob(wanted, cancellation=cancellation) as pieces:
        for piece in pieces:
            cancellation.raise_if_cancelled()
            verifier.update(piece)
            out += piece
            if len(out) > wanted.size:
                break  # the verifier reports it
    verifier.finish()
    return bytes(out)


def read_all(
    found: Found,
    clients: Clients,
    cancellation: Cancellation,
    told: Callable[[Attachment, Said], None],
) -> None:
    """Call *told* with each attachment of *found* and what it says, in order. Blocks; one document at a time, because
    each may need hundreds of megabytes of memory."""
    reader = open_reader(found.end, clients)
    try:
        for one in found.attachments:
            told(one, said(one, reader, cancellation))
    finally:
        reader.close()
