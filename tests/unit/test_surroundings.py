"""The program's surroundings are checked before they can trip Qt or the log file."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from longshore import log
from longshore.display import drop_odd_settings


@pytest.mark.parametrize("value", ["0.25", "1", " 1.5 ", "+2", "8", ".5", "1e0", "2."])
def test_a_scale_that_makes_sense_stays(value: str) -> None:
    environ = {
        "QT_SCALE_FACTOR": value,
        "QT_SCREEN_SCALE_FACTORS": f"eDP-1={value.strip()};2",
        "QT_FONT_DPI": "96",
    }
    before = dict(environ)
    assert drop_odd_settings(environ) == []
    assert environ == before


@pytest.mark.parametrize(
    "value",
    [
        "nan",
        "NaN",
        "inf",
        "-inf",
        "0",
        "-1",
        "0.2",
        "8.1",
        "1e9",
        "1e999",
        "1_0",
        "0x2",
        "two",
        "1,5",
        "9" * 9000,
    ],
)
@pytest.mark.parametrize("name", ["QT_SCALE_FACTOR", "QT_SCREEN_SCALE_FACTORS"])
def test_a_scale_without_sense_goes_with_a_word(name: str, value: str) -> None:
    environ = {name: value, "QT_FONT_DPI": "96"}
    said = drop_odd_settings(environ)
    assert environ == {"QT_FONT_DPI": "96"}
    assert len(said) == 1 and said[0].startswith(f"{name}=") and len(said[0]) < 200


def test_one_odd_screen_is_enough() -> None:
    environ = {"QT_SCREEN_SCALE_FACTORS": "eDP-1=1.5;HDMI-1=nan"}
    assert len(drop_odd_settings(environ)) == 1 and environ == {}


@pytest.mark.parametrize(
    ("value", "stays"), [("24", True), ("768", True), ("23", False), ("769", False), ("0", False)]
)
def test_dots_per_inch_have_bounds(value: str, stays: bool) -> None:
    environ = {"QT_FONT_DPI": value}
    drop_odd_settings(environ)
    assert bool(environ) is stays


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    logger = logging.getLogger("longshore")
    before = list(logger.handlers), logger.propagate, logger.level
    yield logger
    log.stop()
    logger.handlers[:], logger.propagate, logger.level = before[0], before[1], before[2]


@pytest.mark.parametrize("target", ["longshore.log", "nowhere/file"], ids=["link to itself", "dangling link"])
def test_a_log_that_cannot_be_opened_costs_one_sentence(
    tmp_path: Path, logger: logging.Logger, capsys: pytest.CaptureFixture[str], target: str
) -> None:
    (tmp_path / "longshore.log").symlink_to(target)
    log.start(tmp_path)
    logger.info("one")
    logger.info("two")
    log.stop()
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1 and said[0].startswith("longshore: the log can't be written: ")


def test_a_log_that_becomes_a_pipe_is_not_waited_for(
    tmp_path: Path, logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    log.start(tmp_path)  # opens the file only with the first record
    os.mkfifo(tmp_path / "longshore.log")
    logger.info("one")
    assert "can't be written" in capsys.readouterr().err


def test_a_log_is_written_and_read_by_its_owner_only(tmp_path: Path, logger: logging.Logger) -> None:
    log.start(tmp_path)
    logger.info("a word")
    log.stop()
    path = tmp_path / "longshore.log"
    assert "a word" in path.read_text("utf-8")
    assert path.stat().st_mode & 0o777 == 0o600
