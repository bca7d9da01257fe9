"""The settings file: several Longshores share it, no content crashes them, and no change is lost."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from longshore import settings as settings_module
from longshore.settings import Folders, Settings
from longshore.shared_files import locked


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "settings.json"


def stored(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def appending(value: Any) -> Callable[[list[Any]], list[Any]]:
    return lambda values: [*values, value]


def test_what_is_set_is_kept_and_private(path: Path) -> None:
    settings = Settings(path.parent / "new")
    assert settings.get("a") is None
    assert settings.get("a", 7) == 7
    settings.set("a", 1)
    assert settings.get("a", 7) == 1
    assert Settings(path.parent / "new").get("a") == 1
    assert stat.S_IMODE(settings.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(settings.path.parent.stat().st_mode) == 0o700
    assert settings.problem == ""


def test_a_value_of_another_type_is_the_default(path: Path) -> None:
    path.write_text('{"number": "5", "flag": 1, "list": {}, "nothing": null}')
    settings = Settings(path.parent)
    assert settings.get("number", 3) == 3
    assert settings.get("flag", False) is False
    assert settings.get("list", []) == []
    assert settings.get("nothing", "x") == "x"
    assert settings.get("number") == "5"
    assert settings.update("list", appending(1), []) == [1]


@pytest.mark.parametrize("first", ["a", "b"])
def test_two_windows_keep_each_others_keys(path: Path, first: str) -> None:
    windows = {"a": Settings(path.parent), "b": Settings(path.parent)}
    order = [first, *(windows.keys() - {first})]
    for name in order:
        windows[name].set(name, {"by": name})
    assert stored(path) == {"a": {"by": "a"}, "b": {"by": "b"}}


def test_two_windows_keep_each_others_entries_under_one_key(path: Path) -> None:
    one, other = Settings(path.parent), Settings(path.parent)
    one.update("list", appending(1), [])
    assert other.update("list", appending(2), []) == [1, 2]
    assert one.update("list", lambda values: [value for value in values if value != 1], []) == [2]
    assert stored(path) == {"list": [2]}


def test_what_another_window_changed_is_seen(path: Path) -> None:
    one, other = Settings(path.parent), Settings(path.parent)
    assert other.get("a", 0) == 0
    one.set("a", 1)
    assert other.get("a", 0) == 1
    one.set("a", 22)
    assert other.get("a", 0) == 22


def test_a_window_that_saw_a_stale_file_still_changes_the_new_one(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Times and inodes are reused: a change never relies on them."""
    one, other = Settings(path.parent), Settings(path.parent)
    monkeypatch.setattr(settings_module, "_signature", lambda path: (1, 2, 3))
    one.update("list", appending("one"), [])
    other.update("list", appending("other"), [])
    assert stored(path) == {"list": ["one", "other"]}


def test_what_is_as_it_was_is_not_written(path: Path) -> None:
    settings = Settings(path.parent)
    settings.set("a", [1])
    before = path.stat().st_ino, path.stat().st_mtime_ns
    settings.set("a", [1])
    settings.update("a", lambda value: list(value), [])
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == before


@pytest.mark.parametrize(("text", "value"), [("1", True), ("5.0", 5), ("true", 1), ("0", False)])
def test_what_only_python_takes_for_the_same_is_written(path: Path, text: str, value: object) -> None:
    path.write_text(f'{{"a": {text}}}')
    Settings(path.parent).set("a", value)
    assert json.loads(path.read_text(), parse_float=str)["a"] is value


def test_unknown_keys_and_a_link_stay(path: Path, tmp_path: Path) -> None:
    real = tmp_path / "dotfiles" / "real.json"
    real.parent.mkdir()
    real.write_text('{"future": {"x": [1, 2]}}')
    path.symlink_to(real)
    Settings(path.parent).set("a", 1)
    assert path.is_symlink()
    assert stored(real) == {"a": 1, "future": {"x": [1, 2]}}


def test_what_a_change_raises_changes_nothing(path: Path) -> None:
    settings = Settings(path.parent)
    settings.set("a", [1])
    with pytest.raises(ZeroDivisionError):
        settings.update("a", lambda value: 1 // 0, [])
    settings.set("b", 2)
    assert stored(path) == {"a": [1], "b": 2}


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\0" * 100,
        b"\xff\xfe\xfd",
        b"[" * 100_000,
        b'{"a":' * 900 + b"1" + b"}" * 900,
        b'{"a":' + b"[" * 120 + b"]" * 120 + b"}",
        b'{"a":' + b"9" * 6000 + b"}",
    ],
)
def test_a_damaged_file_is_set_aside_and_reported(path: Path, text: bytes) -> None:
    path.write_bytes(text)
    settings = Settings(path.parent)
    assert "settings.json.broken" in settings.problem
    assert path.with_name("settings.json.broken").read_bytes() == text
    assert settings.get("a", 5) == 5
    settings.set("a", 1)
    again = Settings(path.parent)
    assert again.problem == ""
    assert again.get("a", 5) == 1


def test_nesting_that_can_be_written_is_kept(path: Path) -> None:
    deep: Any = 1
    for _ in range(98):
        deep = [deep]
    path.write_text(json.dumps({"deep": deep}))
    settings = Settings(path.parent)
    assert settings.problem == ""
    settings.set("a", 1)
    assert stored(path) == {"deep": deep, "a": 1}


def test_a_file_that_is_damaged_while_we_run_costs_nothing(path: Path) -> None:
    settings = Settings(path.parent)
    settings.set("a", 1)
    path.write_text("{")
    assert settings.get("a", 0) == 1
    settings.set("b", 2)
    assert stored(path) == {"a": 1, "b": 2}
    assert path.with_name("settings.json.broken").read_text() == "{"


def test_a_file_that_is_removed_while_we_run_begins_anew(path: Path) -> None:
    settings = Settings(path.parent)
    settings.set("a", 1)
    path.unlink()
    assert settings.get("a", 0) == 1
    settings.set("b", 2)
    assert stored(path) == {"b": 2}


@pytest.mark.expects_log("settings not written")
@pytest.mark.parametrize(
    "make",
    [os.mkfifo, lambda path: path.mkdir(), lambda path: path.symlink_to("/dev/null")],
    ids=["pipe", "folder", "device"],
)
def test_what_is_no_file_is_reported_and_left_alone(path: Path, make: Callable[[Path], None]) -> None:
    make(path)
    mode = path.lstat().st_mode
    settings = Settings(path.parent)
    assert "not a regular file" in settings.problem
    settings.set("a", 1)
    assert settings.get("a", 0) == 1, "for this run"
    assert path.lstat().st_mode == mode
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_a_file_that_is_too_large_is_reported(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings_module, "LARGEST", 50)
    path.write_text(json.dumps({"a": "x" * 50}))
    assert "larger than 50 bytes" in Settings(path.parent).problem


@pytest.mark.expects_log("settings not written")
def test_what_could_not_be_written_is_written_with_the_next_change(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings_module, "PATIENCE", 0.01)
    settings, other = Settings(path.parent), Settings(path.parent)
    settings.set("list", [0])
    with locked(path.with_name(".settings.json.longshore.lock")):
        settings.set("a", 1)
        settings.set("a", 2)
        assert settings.update("list", appending(1), []) == [0, 1]
        assert settings.get("a", 0) == 2
    assert stored(path) == {"list": [0]}
    other.update("list", appending("other"), [])
    assert settings.get("list", []) == [0, "other", 1]
    assert settings.get("a", 0) == 2
    settings.set("b", 3)
    assert stored(path) == {"list": [0, "other", 1], "a": 2, "b": 3}
    # Written once, and not again with the next change.
    settings.set("c", 4)
    assert stored(path)["list"] == [0, "other", 1]


@pytest.mark.expects_log("settings not written")
def test_what_is_pending_is_tried_again_at_the_end(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings_module, "PATIENCE", 0.01)
    settings = Settings(path.parent)
    settings.set("a", 1)
    before = path.stat().st_mtime_ns
    settings.flush()
    assert path.stat().st_mtime_ns == before, "nothing is pending"
    with locked(path.with_name(".settings.json.longshore.lock")):
        settings.set("a", 2)
        settings.flush()
    assert stored(path) == {"a": 1}
    settings.flush()
    assert stored(path) == {"a": 2}


def test_threads_lose_nothing(path: Path) -> None:
    settings = Settings(path.parent)
    threads = [
        threading.Thread(target=settings.update, args=("list", appending(number), [])) for number in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(stored(path)["list"]) == list(range(16))


_PROGRAM = """
import sys
from pathlib import Path
from longshore import settings as module
module.PATIENCE = 30.0
settings = module.Settings(Path(sys.argv[1]))
for each in range(20):
    settings.update("list", lambda values: [*values, sys.argv[2] + str(each)], [])
    settings.set(sys.argv[2], each)
"""


def test_windows_side_by_side_lose_nothing(path: Path) -> None:
    programs = [subprocess.Popen([sys.executable, "-c", _PROGRAM, str(path.parent), name]) for name in "abc"]
    assert [program.wait() for program in programs] == [0, 0, 0]
    found = stored(path)
    assert sorted(found.pop("list")) == sorted(name + str(each) for name in "abc" for each in range(20))
    assert found == {"a": 19, "b": 19, "c": 19}


_KILLED = """
import os, signal, sys
from pathlib import Path
from longshore import shared_files
from longshore.settings import Settings
settings = Settings(Path(sys.argv[1]))
step, last = 0, int(sys.argv[2])
def counted(event, arguments):
    global step
    if event in ("open", "os.rename", "os.link", "os.remove", "ctypes.dlsym", "os.scandir", "os.mkdir"):
        step += 1
        if step > last:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(counted)
settings.set("b", "x" * 100_000)
"""


def test_a_change_that_is_killed_at_any_step_leaves_the_old_or_the_new(path: Path) -> None:
    """The steps are Python's audit events for calls that touch files."""
    old, new = {"a": 1}, {"a": 1, "b": "x" * 100_000}
    seen = []
    for last in range(100):
        path.write_text(json.dumps(old))
        done = subprocess.run([sys.executable, "-c", _KILLED, str(path.parent), str(last)], check=False)
        seen.append(stored(path))
        assert seen[-1] in (old, new), last
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL
    assert len(seen) > 4
    assert seen[0] == old and seen[-1] == new
    # The next change removes whatever the killed ones left.
    Settings(path.parent).set("c", 1)
    assert sorted(each.name for each in path.parent.iterdir()) == [
        ".settings.json.longshore.lock",
        "settings.json",
    ]


def test_folders_are_those_of_the_specification(tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path)}
    assert Folders.of(home).config == tmp_path / ".config" / "longshore"
    assert Folders.of(home | {"XDG_CONFIG_HOME": "relative"}).config == tmp_path / ".config" / "longshore"
    found = Folders.of(home | {"XDG_CONFIG_HOME": "/c", "XDG_STATE_HOME": "/s", "XDG_DATA_HOME": "/d"})
    assert (found.config, found.state, found.data) == (
        Path("/c/longshore"),
        Path("/s/longshore"),
        Path("/d/longshore"),
    )
    assert found.cache == tmp_path / ".cache" / "longshore"
