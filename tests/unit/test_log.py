"""The log contains no secrets and never stops the program."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from longshore import log


@pytest.fixture
def started() -> Iterator[Callable[[Path], None]]:
    yield log.start
    log.stop()


def test_lines_are_kept_privately_and_without_secrets(
    tmp_path: Path, started: Callable[[Path], None]
) -> None:
    started(tmp_path / "state")
    logging.getLogger("longshore.x").info("Authorization: Basic bWU6c2VjcmV0cGFzcw== token=abcdefgh")
    text = (tmp_path / "state" / "longshore.log").read_text()
    assert "bWU6" not in text and "abcdefgh" not in text and "***" in text
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700


@pytest.mark.expects_log("no log file")
@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir], ids=["pipe", "folder"])
def test_what_is_no_file_costs_only_the_log(
    tmp_path: Path, make: Callable[[Path], None], started: Callable[[Path], None]
) -> None:
    make(tmp_path / "longshore.log")
    started(tmp_path)
    logging.getLogger("longshore.x").info("to nobody")
    handlers = logging.getLogger("longshore").handlers
    # A program that has used the library has a handler that does nothing, too.
    assert len([one for one in handlers if not isinstance(one, logging.NullHandler)]) == 1
