"""Writing a locked file: whole or not at all, in place."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from longshore.application.image_lists.writing import write_back, write_new
from longshore.errors import InvalidInput, LongshoreError


def test_the_mode_and_the_link_stay(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_bytes(b"old\r\n")
    real.chmod(0o640)
    link.symlink_to(real)
    write_back(link, "old\r\n", "new\r\n")
    assert link.is_symlink() and real.read_bytes() == b"new\r\n"
    assert real.stat().st_mode & 0o777 == 0o640
    assert sorted(one.name for one in tmp_path.iterdir()) == ["link", "real"]


def test_a_change_by_others_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("theirs", encoding="utf-8")
    with pytest.raises(LongshoreError, match="changed the file meanwhile") as caught:
        write_back(path, "old", "new")
    assert not isinstance(caught.value, InvalidInput)  # the command was right
    assert path.read_text(encoding="utf-8") == "theirs"


def test_a_new_file_has_the_mode_of_the_first(tmp_path: Path) -> None:
    like, path = tmp_path / "like", tmp_path / "path"
    like.write_text("", encoding="utf-8")
    like.chmod(0o604)
    write_new(path, "text", like)
    assert path.read_text(encoding="utf-8") == "text"
    assert path.stat().st_mode & 0o777 == 0o604
    path.chmod(0o600)
    write_new(path, "again", like)
    assert (path.read_text(encoding="utf-8"), path.stat().st_mode & 0o777) == ("again", 0o600)


def test_what_is_no_file_is_left_alone(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (
        tmp_path,
        tmp_path / "pipe",
        Path("/dev/null"),
        tmp_path / "no" / "x",
    ):
        with pytest.raises(InvalidInput) as caught:
            write_new(path, "text", tmp_path)
        assert caught.value.subject == str(path)
    assert not (tmp_path / "no").exists()


def test_what_the_system_refuses_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = tmp_path / "x"
    path.write_text("old", encoding="utf-8")
    for wrong in (
        lambda: write_new(tmp_path / ("x" * 300), "text", tmp_path),
        lambda: write_back(tmp_path / "gone", "", "text"),
    ):
        with pytest.raises(LongshoreError, match="can't be written") as caught:
            wrong()
        assert not isinstance(caught.value, InvalidInput)
    monkeypatch.setattr("longshore.application.image_lists.writing.write_durably", full)
    with pytest.raises(LongshoreError, match="No space left on device") as caught:
        write_back(path, "old", "new")
    assert not isinstance(caught.value, InvalidInput)
    assert (caught.value.subject, path.read_text(encoding="utf-8")) == (str(path), "old")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_the_owner_stays(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("old", encoding="utf-8")
    os.chown(path, 12345, 12346)
    write_back(path, "old", "new")
    assert (path.stat().st_uid, path.stat().st_gid) == (12345, 12346)
