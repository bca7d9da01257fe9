"""Unfinished downloads: their size on disk and their removal, in worker threads."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from longshore.cancellation import Cancellation
from longshore.errors import LongshoreError
from longshore.library.library import Library
from longshore.oci.descriptor import Descriptor
from longshore.operations.unfinished import Unfinished
from longshore.transfers.transfer import LibraryPlace
from waiting import until

from .conftest import Desk, Play

WANTED = Descriptor("", f"sha256:{hashlib.sha256(b'x' * 5000).hexdigest()}", 5000)


@contextlib.contextmanager
def _cut(offset: int) -> Iterator[Iterator[bytes]]:
    def pieces() -> Iterator[bytes]:
        yield b"x" * 3000
        raise LongshoreError("The line was cut.")

    yield pieces()


def test_what_is_kept_is_measured_and_removed(play: Play, tmp_path: Path) -> None:
    library = Library(tmp_path / "library")

    async def scene(desk: Desk) -> None:
        unfinished = Unfinished(desk.clients, desk.tasks, lambda: LibraryPlace(library.path))
        told: list[Any] = []
        unfinished.measure(told.append)
        await until(lambda: told == [0])
        assert not library.path.exists(), "to look makes no library"
        with contextlib.closing(library.lease()) as lease, pytest.raises(LongshoreError, match="cut"):
            library.receive(WANTED, _cut, lease, Cancellation())
        unfinished.measure(told.append)
        await until(lambda: told == [0, 3000])
        unfinished.remove(told.append)
        await until(lambda: told == [0, 3000, 0])

    play(scene)


def test_why_it_is_not_known_is_reported(play: Play, tmp_path: Path) -> None:
    (tmp_path / "library").write_text("a file, no folder")

    async def scene(desk: Desk) -> None:
        unfinished = Unfinished(desk.clients, desk.tasks, lambda: LibraryPlace(tmp_path / "library"))
        told: list[Any] = []
        unfinished.remove(told.append)
        await until(lambda: told)
        assert isinstance(told[0], LongshoreError)

    play(scene)
