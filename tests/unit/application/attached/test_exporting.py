"""Tables for spreadsheets."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from longshore.application.attached.exporting import findings_csv, packages_csv, write_file
from longshore.application.attached.sboms import Package
from longshore.errors import InvalidInput
from longshore.oci.scan_result import Finding, Severity


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
