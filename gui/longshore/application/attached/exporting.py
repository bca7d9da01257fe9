"""Tables of packages and findings as CSV (RFC 4180), for spreadsheets. Any thread."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from longshore.application.attached.sboms import Package
from longshore.errors import InvalidInput
from longshore.oci.scan_result import Finding
from longshore.shared_files import write_durably
from longshore.text import plain

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
    try:
        write_durably(path, data, 0o644)
    except OSError as error:
        raise InvalidInput(
            "The file could not be written.",
            subject=str(path),
            advice="Choose another folder or name.",
            detail=error.strerror or str(error),
        ) from error


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
