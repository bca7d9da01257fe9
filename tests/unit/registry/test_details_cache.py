"""The details of tags that are kept on disk: by digest, bounded, private, and never an error."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from longshore.oci.platform import Platform
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
    full = TagDetails("v1", "sha256:2", 1, (windows, ARM), datetime(1970, 1, 1, tzinfo=UTC), "a/b")
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
    for name in ("tag-details-1.sqlite", "tag-details-1.sqlite-wal", "other"):
        (folder / name).touch()
    cache = DetailsCache(folder)
    cache.put("r.io", "a/b", details(1), HERE)
    cache.close()
    assert {file.name for file in folder.iterdir()} == {FILE_NAME, "other"}
