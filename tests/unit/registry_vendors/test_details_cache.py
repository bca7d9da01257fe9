"""The cache of tags' details on disk."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from longshore.oci.platform import Platform
from longshore.registry.details_cache import DetailsCache
from longshore.registry.model import TagDetails

AMD = Platform("linux", "amd64")


def made(number: int, tag: str = "1") -> TagDetails:
    platforms = (AMD, Platform("windows", "amd64", "", "10.0.1"))
    return TagDetails(tag, f"sha256:{number:064x}", number, platforms, datetime(2024, 5, 1, tzinfo=UTC), "m")


def test_what_is_kept_comes_back_also_after_a_restart(tmp_path: Path) -> None:
    cache = DetailsCache(tmp_path / "new" / "folder")
    assert cache.get("r", "a/b", "1", made(1).digest) is None and not cache.knows("r", "a/b")
    cache.put("r", "a/b", made(1))
    cache.close()
    again = DetailsCache(tmp_path / "new" / "folder")
    assert again.get("r", "a/b", "1", made(1).digest) == made(1)
    assert again.get("r", "a/b", "other", made(1).digest) == made(1, "other")
    assert again.get("r", "a/c", "1", made(1).digest) is None
    assert again.get("r", "a/b", "1", made(1).digest, Platform("linux", "riscv64")) is None
    assert again.knows("r", "a/b") and not again.knows("r", "a")
    again.close()


def test_unknown_sizes_dates_and_platforms_are_kept_as_such(tmp_path: Path) -> None:
    cache = DetailsCache(tmp_path)
    empty = TagDetails("1", "sha256:" + "0" * 64, None, (), None, "")
    cache.put("r", "a", empty)
    assert cache.get("r", "a", "1", empty.digest) == empty
    cache.close()


def test_it_stays_bounded(tmp_path: Path) -> None:
    cache = DetailsCache(tmp_path, most_rows=50)
    for number in range(500):
        cache.put("r", "a", made(number))
    kept = sum(cache.get("r", "a", "1", made(number).digest) is not None for number in range(500))
    assert 40 <= kept <= 100
    cache.close()


@pytest.mark.parametrize(
    "content", [b"no database at all, but text " * 100, b"SQLite format 3\0" + b"\xff" * 5000]
)
def test_a_broken_file_is_made_anew(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "tag-details.sqlite3").write_bytes(content)
    cache = DetailsCache(tmp_path)
    for _ in range(2):
        cache.put("r", "a", made(1))
    assert cache.get("r", "a", "1", made(1).digest) == made(1)
    cache.close()


def test_a_file_of_another_version_is_made_anew(tmp_path: Path) -> None:
    import sqlite3

    with sqlite3.connect(tmp_path / "tag-details.sqlite3") as old:
        old.execute("CREATE TABLE details (other TEXT)")
        old.execute("PRAGMA user_version = 99")
    old.close()
    cache = DetailsCache(tmp_path)
    cache.put("r", "a", made(1))
    assert cache.get("r", "a", "1", made(1).digest) == made(1)
    cache.close()


def test_a_folder_that_cannot_be_fails_nobody(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = DetailsCache(tmp_path / "file" / "below")
    cache.put("r", "a", made(1))
    assert cache.get("r", "a", "1", made(1).digest) is None and not cache.knows("r", "a")
    cache.close()


def test_odd_rows_fail_nobody(tmp_path: Path) -> None:
    import sqlite3

    cache = DetailsCache(tmp_path)
    cache.put("r", "a", made(1))
    with sqlite3.connect(tmp_path / "tag-details.sqlite3") as raw:
        raw.execute("UPDATE details SET platforms = '[[1,2]]'")
    raw.close()
    assert cache.get("r", "a", "1", made(1).digest) is None
    cache.put("r", "a", made(1))
    assert cache.get("r", "a", "1", made(1).digest) == made(1)
    cache.close()


def test_many_threads_and_two_processes_worth_of_connections(tmp_path: Path) -> None:
    caches = [DetailsCache(tmp_path), DetailsCache(tmp_path)]
    failures: list[BaseException] = []

    def work(start: int) -> None:
        try:
            for number in range(start, start + 100):
                caches[number % 2].put("r", "a", made(number))
                caches[(number + 1) % 2].get("r", "a", "1", made(number).digest)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(100 * n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert sum(caches[0].get("r", "a", "1", made(n).digest) is not None for n in range(800)) > 700
    for cache in caches:
        cache.close()


def test_after_closing_it_keeps_nothing(tmp_path: Path) -> None:
    cache = DetailsCache(tmp_path)
    cache.close()
    cache.put("r", "a", made(1))
    assert cache.get("r", "a", "1", made(1).digest) is None
    assert list(tmp_path.iterdir()) == []


class Client:
    """Counts what is asked of the registry."""

    def __init__(self) -> None:
        self.heads = 0
        self.reads = 0
        self.now = made(1)

    def head(self, repository: str, tag: str, *, cancellation: Any = None) -> Any:
        self.heads += 1
        return self.now

    def tag_details(self, repository: str, tag: str, *, cancellation: Any = None) -> TagDetails:
        self.reads += 1
        return self.now


def test_the_registry_is_asked_as_little_as_can_be(tmp_path: Path) -> None:
    cache, client = DetailsCache(tmp_path), Client()
    ask: Any = cache.details
    assert ask(client, "r", "a", "1") == made(1)
    assert (client.heads, client.reads) == (0, 1)  # nothing is known of the repository: no use in a digest
    assert ask(client, "r", "a", "1") == made(1)
    assert (client.heads, client.reads) == (1, 1)
    assert ask(client, "r", "a", "1", digest=made(1).digest) == made(1)
    assert (client.heads, client.reads) == (1, 1)
    client.now = made(2)  # the tag has moved on
    assert ask(client, "r", "a", "1") == made(2)
    assert (client.heads, client.reads) == (2, 2)
    cache.close()
