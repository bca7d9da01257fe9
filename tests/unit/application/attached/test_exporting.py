"""Files of what is attached: documents, and tables for spreadsheets."""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from longshore.application.attached import documents
from longshore.application.attached.exporting import findings_csv, packages_csv, save_document, write_file
from longshore.application.attached.finding import Attachment, How
from longshore.application.attached.kinds import Kind
from longshore.application.attached.sboms import Package
from longshore.cancellation import Cancellation
from longshore.errors import DigestMismatch, InvalidInput
from longshore.oci.descriptor import Descriptor
from longshore.oci.digest import sha256_of
from longshore.oci.scan_result import Finding, Severity
from longshore.transfers.content.protocol import ContentReader


def cells(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t=", " =", "\uff1d", "\r+"])
def test_no_cell_is_a_formula(begin: str) -> None:
    written = cells(packages_csv([Package(f"{begin}cmd|' /C calc'!A1", "1,2", 'a "b"')]))
    assert written[1][0].startswith("'")
    assert written[1][1:3] == ["1,2", 'a "b"']


def test_findings() -> None:
    written = cells(findings_csv([Finding("CVE-1", Severity.LOW, "a", "1", "2", "two\nlines")]))
    assert written[1] == ["low", "CVE-1", "a", "1", "2", "two lines"]


def test_a_file_is_whole_or_refused(tmp_path: Path) -> None:
    write_file(tmp_path / "a.csv", b"1")
    assert (tmp_path / "a.csv").read_bytes() == b"1"
    (tmp_path / "file").write_bytes(b"old")
    with pytest.raises(InvalidInput, match="could not be written"):
        write_file(tmp_path / "file" / "a.csv", b"2")
    (tmp_path / "folder").mkdir()
    with pytest.raises(InvalidInput):
        write_file(tmp_path / "folder", b"2")
    assert {one.name for one in tmp_path.iterdir()} == {"a.csv", "file", "folder"}


class Place:
    """A place with one blob, *served* in pieces, and one manifest."""

    def __init__(self, served: bytes) -> None:
        self.served = served

    @contextlib.contextmanager
    def blob(
        self, wanted: Descriptor, offset: int = 0, *, cancellation: Cancellation
    ) -> Iterator[Iterable[bytes]]:
        yield (self.served[at : at + 7] for at in range(0, len(self.served), 7))

    def manifest(self, name: str, *, cancellation: Cancellation) -> Any:
        return SimpleNamespace(raw=b"the manifest")


def save(place: Place, path: Path, content: bytes, *, document: bool = True) -> None:
    wanted = Descriptor("a/b", sha256_of(content), len(content)) if document else None
    one = Attachment(Kind.SBOM, How.TAG, "s", "m", "", "a/b", len(content), document=wanted)
    save_document(one, cast(ContentReader, place), path, Cancellation())


def test_a_document_is_saved_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "LARGEST", 10)  # also one that is too large to be shown
    save(Place(b"x" * 1000), tmp_path / "a.json", b"x" * 1000)
    assert (tmp_path / "a.json").read_bytes() == b"x" * 1000
    save(Place(b""), tmp_path / "b.json", b"", document=False)
    assert (tmp_path / "b.json").read_bytes() == b"the manifest"


@pytest.mark.parametrize("served", [b"y" * 1000, b"x" * 999, b"x" * 5000], ids=["other", "short", "long"])
def test_a_damaged_document_is_not_saved(tmp_path: Path, served: bytes) -> None:
    (tmp_path / "a.json").write_bytes(b"old")
    with pytest.raises(DigestMismatch):
        save(Place(served), tmp_path / "a.json", b"x" * 1000)
    assert [one.read_bytes() for one in tmp_path.iterdir()] == [b"old"]
