"""The details of tags that are kept on disk: by digest, bounded, private, and never an error."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from longshore.oci.platform import Platform
from longshore.registry import details_cache
from longshore.registry.details_cache import FILE_NAME, DetailsCache
from longshore.registry.model import TagDetails

HERE = Platform("linux", "amd64")
ARM = Platform("linux", "arm64", "v8")


def details(number: int, size: int | None = 7) -> TagDetails:
    created = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    return TagDetails(
        f"v{number}", f"sha256:{number:064x}", size, (HERE, ARM), created, "a/b", ("sha256:1", "sha256:2")
    )


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[DetailsCache]:
    cache = DetailsCache(tmp_path / "cache", limit=10)
    yield cache
    cache.close()


def test_what_is_kept_comes_back_under_any_tag_and_in_another_run(
    cache: DetailsCache, tmp_path: Path
) -> None:
    assert not cache.knows("r.io", "a/b", "v1")
    cache.put("r.io", "a/b", details(1), HERE)
    assert cache.knows("r.io", "a/b", "v1") and not cache.knows("r.io", "a/c", "v1")
    again = DetailsCache(tmp_path / "cache")
    known = again.get(details(1).digest, HERE)
    assert known is not None and known.as_tag("v1") == details(1) and known.as_tag("x").tag == "x"
    assert again.get(details(1).digest, ARM) is None, "size and date belong to one platform"
    again.close()


def test_a_repository_read_for_the_first_time_is_known_tag_by_tag(
    cache: DetailsCache, tmp_path: Path
) -> None:
    """The first tag that is kept must not cause a look-up for each of the others, which are not kept yet."""
    cache.put("r.io", "a/b", details(1), HERE)
    assert cache.knows("r.io", "a/b", "v1") and not cache.knows("r.io", "a/b", "v2")
    cache.put("r.io", "a/b", details(2), HERE)
    assert cache.knows("r.io", "a/b", "v2")
    cache.close()
    again = DetailsCache(tmp_path / "cache")
    assert again.knows("r.io", "a/b", "v3"), "only the repository is known of an earlier run"
    again.put("r.io", "a/b", details(4), HERE)
    assert again.knows("r.io", "a/b", "v3")
    again.close()


def test_incomplete_details_are_not_kept(cache: DetailsCache) -> None:
    cache.put("r.io", "a/b", details(1, size=None), HERE)
    assert cache.get(details(1).digest, HERE) is None


def test_the_oldest_go_first(cache: DetailsCache) -> None:
    for number in range(40):
        cache.put("r.io", f"a/{number}", details(number), HERE)
    kept = [number for number in range(40) if cache.get(details(number).digest, HERE) is not None]
    assert 10 <= len(kept) <= 20 and kept == list(range(kept[0], 40))
    assert not cache.knows("r.io", "a/0", "v0")


def test_nobody_else_may_read_it(cache: DetailsCache, tmp_path: Path) -> None:
    cache.put("r.io", "a/secret-project", details(1), HERE)
    assert stat.S_IMODE((tmp_path / "cache").stat().st_mode) == 0o700
    for file in (tmp_path / "cache").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


def test_a_file_that_is_no_database_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"no database at all" * 100)
    cache = DetailsCache(tmp_path)
    assert cache.get(details(1).digest, HERE) is None
    cache.put("r.io", "a/b", details(1), HERE)
    assert cache.get(details(1).digest, HERE) is not None
    cache.close()


def test_a_folder_that_cannot_be_made_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cache = DetailsCache(tmp_path / "file" / "cache")
    cache.put("r.io", "a/b", details(1), HERE)
    assert cache.get(details(1).digest, HERE) is None
    assert cache.knows("r.io", "a/b", "v1") is False
    cache.close()
    assert cache.get(details(1).digest, HERE) is None


def test_what_may_be_whole_is_left_alone_and_not_used_in_this_run(tmp_path: Path) -> None:
    """A file that cannot be opened now (no permission, too many open files) may hold everything."""
    (tmp_path / FILE_NAME).mkdir()
    cache = DetailsCache(tmp_path)
    cache.put("r.io", "a/b", details(1), HERE)
    assert (tmp_path / FILE_NAME).is_dir()
    (tmp_path / FILE_NAME).rmdir()
    cache.put("r.io", "a/b", details(1), HERE)
    assert cache.get(details(1).digest, HERE) is None and not cache.knows("r.io", "a/b", "v1")
    assert not (tmp_path / FILE_NAME).exists()
    cache.close()


def test_what_details_may_lack_comes_back_as_it_was(cache: DetailsCache) -> None:
    windows = Platform("windows", "amd64", "", "10.0.20348.1")
    bare = TagDetails("v1", "sha256:1", 0, (), None, "")
    dated = datetime(1970, 1, 1, tzinfo=UTC)
    full = TagDetails("v1", "sha256:2", 1, (windows, ARM), dated, "a/b", config="sha256:3")
    for found in (bare, full):
        cache.put("r.io", "a/b", found, HERE)
        known = cache.get(found.digest, HERE)
        assert known is not None and known.as_tag("v1") == found


def test_a_limit_keeps_at_least_one(tmp_path: Path) -> None:
    cache = DetailsCache(tmp_path, limit=0)
    for number in (1, 2):
        cache.put("r.io", "a/b", details(number), HERE)
    assert [cache.get(details(number).digest, HERE) is not None for number in (1, 2)] == [False, True]
    cache.close()


def test_the_file_of_the_format_before_is_removed(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    folder.mkdir(mode=0o700)
    for name in ("tag-details-1.sqlite", "tag-details-1.sqlite-wal", "tag-details-2.sqlite", "other"):
        (folder / name).touch()
    cache = DetailsCache(folder)
    cache.put("r.io", "a/b", details(1), HERE)
    cache.close()
    assert {file.name for file in folder.iterdir()} == {FILE_NAME, "other"}


def test_a_database_in_use_is_not_waited_for_and_not_removed(tmp_path: Path) -> None:
    cache = DetailsCache(tmp_path)
    cache.put("r.io", "a/b", details(1), HERE)
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as other:
        other.execute("BEGIN EXCLUSIVE")
        cache.put("r.io", "a/b", details(2), HERE)  # another program writes
        other.rollback()
    assert cache.get(details(1).digest, HERE) is None, "not used any more in this run"
    again = DetailsCache(tmp_path)
    assert again.get(details(1).digest, HERE) is not None
    again.close()
    cache.close()


def test_the_same_digest_is_kept_for_each_platform(cache: DetailsCache) -> None:
    cache.put("r.io", "a/b", details(1, size=7), HERE)
    cache.put("r.io", "a/b", details(1, size=9), ARM)
    cache.put("r.io", "a/b", details(1, size=8), HERE)
    sizes = [cache.get(details(1).digest, one) for one in (HERE, ARM)]
    assert [one and one.details.size for one in sizes] == [8, 9]


def test_the_tags_that_are_remembered_are_bounded(
    cache: DetailsCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the bound a repository counts as known, as one of an earlier run does."""
    monkeypatch.setattr(details_cache, "_MOST_FRESH", 2)
    for repository in ("a", "b"):
        cache.put("r.io", repository, details(1), HERE)
    assert not cache.knows("r.io", "a", "v9") and not cache.knows("r.io", "b", "v9")
    cache.put("r.io", "c", details(1), HERE)
    assert cache.knows("r.io", "a", "v9") and cache.knows("r.io", "b", "v9")
    assert not cache.knows("r.io", "c", "v9")
    cache.put("r.io", "c", details(9), HERE)
    assert cache.knows("r.io", "c", "v9")


def test_of_one_repository_no_more_tags_are_remembered_than_details(cache: DetailsCache) -> None:
    for number in range(1, 12):
        cache.put("r.io", "a/b", details(number), HERE)
    assert cache.knows("r.io", "a/b", "v10") and not cache.knows("r.io", "a/b", "v11")


def test_only_the_latest_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trimmed after as many new ones as the limit, or after 500."""
    now = [1000.0]
    monkeypatch.setattr(details_cache.time, "time", lambda: now[0])
    cache = DetailsCache(tmp_path, limit=3)
    kept = []
    for number in range(1, 7):
        now[0] += 1
        cache.put("r.io", f"a/{number}", details(number), HERE)
        kept.append([one for one in range(1, 7) if cache.get(details(one).digest, HERE) is not None])
    assert kept == [[1], [1, 2], [1, 2, 3], [1, 2, 3, 4], [1, 2, 3, 4, 5], [4, 5, 6]]
    assert [one for one in range(1, 7) if cache.knows("r.io", f"a/{one}", f"v{one}")] == [4, 5, 6]
    cache.close()


def test_after_five_hundred_new_ones_the_file_is_trimmed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    cache = DetailsCache(tmp_path, limit=501)
    cache.put("r.io", "a/b", details(0), HERE)
    assert cache._database is not None
    cache._database.set_trace_callback(asked.append)
    for number in range(1, 501):
        cache.put("r.io", "a/b", details(number), HERE)
        assert any("DELETE" in one for one in asked) == (number >= 499), number
    cache.close()
