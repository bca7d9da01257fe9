"""What tags pointed to: on disk, shared by several Longshores, bounded, and never an error."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from longshore.oci.reference import Reference
from longshore.registry.checked_tags import FILE_NAME, MOST_BEFORE, CheckedTag, CheckedTags

NOW = datetime.now(UTC).replace(microsecond=0)
WEB = Reference("r.io", "a/web", "1")


def sha(number: int) -> str:
    return f"sha256:{number:064x}"


@pytest.fixture
def tags(tmp_path: Path) -> Iterator[CheckedTags]:
    cache = CheckedTags(tmp_path)
    yield cache
    cache.close()


def test_another_longshore_knows_it_too(tags: CheckedTags, tmp_path: Path) -> None:
    missing = Reference("r.io", "a/web", "2")
    assert tags.put({WEB: (sha(1), NOW), missing: ("", NOW)}) == {
        WEB: CheckedTag(sha(1), NOW),
        missing: CheckedTag("", NOW),
    }
    other = CheckedTags(tmp_path)
    assert other.get([WEB, missing, Reference("r.io", "b", "1")]) == {
        WEB: CheckedTag(sha(1), NOW),
        missing: CheckedTag("", NOW),
    }
    other.close()


def test_earlier_digests_are_kept_and_limited(tags: CheckedTags) -> None:
    for number in (1, 2, 2, 1, *range(3, 20)):
        found = tags.put({WEB: (sha(number), NOW + timedelta(seconds=number))})
    assert found[WEB].before == tuple(sha(number) for number in range(18, 18 - MOST_BEFORE, -1))
    tags.put({WEB: ("", NOW + timedelta(minutes=1))})
    assert tags.get([WEB])[WEB].before[0] == sha(19), "the tag was removed"


def test_a_later_answer_of_another_longshore_stays(tags: CheckedTags) -> None:
    tags.put({WEB: (sha(2), NOW)})
    assert tags.put({WEB: (sha(1), NOW - timedelta(minutes=5))})[WEB].digest == sha(2)


def test_an_answer_from_the_future_does_not_stay(tags: CheckedTags) -> None:
    """A clock was wrong: it must not hide what is asked from now on."""
    tags.put({WEB: (sha(2), NOW + timedelta(days=400))})
    assert tags.get([WEB])[WEB].older_than(3600, NOW)
    assert tags.put({WEB: (sha(1), NOW)})[WEB] == CheckedTag(sha(1), NOW, (sha(2),))


@pytest.mark.parametrize(
    ("passed", "older"), [(0, False), (-30, False), (-90, True), (3599, False), (3600, True)]
)
def test_ages(passed: int, older: bool) -> None:
    checked = CheckedTag(sha(1), NOW - timedelta(seconds=passed))
    assert checked.older_than(3600, NOW) is older


def test_the_oldest_go_first(tmp_path: Path) -> None:
    tags = CheckedTags(tmp_path, limit=10)
    references = [Reference("r.io", "a", str(number)) for number in range(30)]
    for number, one in enumerate(references):
        tags.put({one: (sha(number), NOW + timedelta(seconds=number - 100))})
    kept = tags.get(references)
    assert len(kept) <= 20 and references[29] in kept and references[0] not in kept
    tags.close()


@pytest.mark.parametrize(
    "row",
    ["'no digest', '', 1.0", f"'{sha(1)}', '', 'never'", f"'{sha(1)}', x'00', 1.0", f"'{sha(1)}', '', 1e300"],
)
def test_rows_that_nobody_wrote_are_not_believed(tags: CheckedTags, tmp_path: Path, row: str) -> None:
    tags.put({WEB: (sha(1), NOW)})
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as database, database:
        database.execute(f"INSERT OR REPLACE INTO tags SELECT 'r.io/a/web', '1', {row}")
    assert tags.get([WEB]) == {}
    assert tags.put({WEB: (sha(2), NOW)})[WEB].digest == sha(2)


def test_a_file_that_is_no_database_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"no database at all" * 100)
    tags = CheckedTags(tmp_path)
    assert tags.get([WEB]) == {}
    tags.put({WEB: (sha(1), NOW)})
    assert tags.get([WEB])[WEB].digest == sha(1)
    assert (tmp_path / FILE_NAME).stat().st_mode & 0o077 == 0, "names of repositories may be confidential"
    tags.close()
