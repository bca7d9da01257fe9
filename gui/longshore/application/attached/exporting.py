"""Files of what is attached: documents as they are, tables of packages and findings as CSV (RFC 4180). Any thread."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from longshore.application.attached.sboms import Package
from longshore.archives.new_file import NewFile
from longshore.errors import InvalidInput, LongshoreError
from longshore.oci.digest import Verifier
from longshore.oci.scan_result import Finding
from longshore.text import plain

if TYPE_CHECKING:
    from longshore.application.attached.finding import Attachment
    from longshore.cancellation import Cancellation
    from longshore.transfers.content.protocol import ContentReader

PACKAGE_FIELDS = ("name", "version", "licence", "type", "purl")
FINDING_FIELDS = ("severity", "vulnerability", "package", "version", "fixed", "title")
#: Spreadsheets take a cell that begins like this for a formula (owasp.org, "CSV Injection"); also in full width.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def packages_csv(packages: Iterable[Package]) -> str:
    """*packages* with a header."""
    return _csv(
        PACKAGE_FIELDS, ((one.name, one.version, one.licence, one.type, one.purl) for one in packages)
    )


def findings_csv(findings: Iterable[Finding]) -> str:
    """*findings* with a header."""
    return _csv(
        FINDING_FIELDS,
        ((one.severity.value, one.name, one.package, one.version, one.fixed, one.title) for one in findings),
    )


def write_file(path: Path, data: bytes) -> None:
    """Replace *path* with *data*: complete, or not at all. Blocks. Raises InvalidInput if that is not possible."""
    with NewFile(path, failed=_failed) as new:
        new.write(data)
        new.commit()


def save_document(
    attachment: Attachment, reader: ContentReader, path: Path, cancellation: Cancellation
) -> None:
    """Write the attached document to *path*, unchanged and verified: complete, or not at all. Of any size: it is never
    in memory as a whole. One without a document: its manifest. Blocks.

    Raises InvalidInput if the file cannot be written, DigestMismatch, RegistryError and the like, Cancelled.
    """
    wanted = attachment.document
    if wanted is None:
        write_file(path, reader.manifest(attachment.manifest, cancellation=cancellation).raw)
        return
    verifier, left = Verifier(wanted.digest, wanted.size), wanted.size
    with (
        NewFile(path, failed=_failed) as new,
        reader.blob(wanted, cancellation=cancellation) as pieces,
    ):
        for piece in pieces:
            cancellation.raise_if_cancelled()
            verifier.update(piece)
            left -= len(piece)
            if left < 0:
                break  # the verifier reports it
            new.write(piece)
        verifier.finish()
        new.commit()


def _failed(error: OSError, path: Path, doing: str) -> LongshoreError:
    return InvalidInput(
        "The file could not be written.",
        subject=str(path),
        advice="Choose another folder or name.",
        detail=error.strerror or str(error),
    )


def _csv(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return out.getvalue()


def _cell(value: str) -> str:
    """*value* in one line, and never a formula: an apostrophe in front makes it text."""
    shown = plain(value, 1000) if not (value.isascii() and value.isprintable()) else value
    return f"'{shown}" if shown.lstrip().startswith(_FORMULA) or value.startswith(_FORMULA) else shown
