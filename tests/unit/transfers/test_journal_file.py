"""Opening the journal's file while another program has it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from longshore.transfers.journal import file
from longshore.transfers.journal.file import open_database
from longshore.transfers.journal.journal import Journal
from longshore.transfers.journal.schema import Schema


@pytest.mark.parametrize("released", [True, False])
def test_another_program_in_the_file_is_waited_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, released: bool
) -> None:
    path = tmp_path / "journal.sqlite3"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("CREATE TABLE here (x)")
    other.execute("BEGIN EXCLUSIVE")
    tries: list[int] = []
    opened_now = file._open

    def counted(where: Path, schema: Schema) -> sqlite3.Connection:
        tries.append(1)
        if released and len(tries) == 3:
            other.execute("COMMIT")
        return opened_now(where, schema)

    monkeypatch.setattr(file, "_open", counted)
    monkeypatch.setattr(file, "WRITE_SECONDS", 0.01)
    found = open_database(path, 60.0 if released else 0.05)
    try:
        assert found.problem == ("" if released else "Another program keeps it locked.")
        assert (len(tries) == 3) if released else tries
        assert found.set_aside is None
    finally:
        found.connection.close()
        other.close()


def test_a_journal_that_was_never_opened_has_nothing_to_end(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.sqlite3")
    assert journal.close()
    assert journal.close()
    assert list(tmp_path.iterdir()) == []
