"""Schedules that are installed, listed and removed, with programs that stand in for ``systemctl`` and ``crontab``.

The real ones need a running systemd and a spool of cron; their arguments and files are what is tested here.
"""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from longshore.application.mirrors import timers
from longshore.application.mirrors.schedules import Schedule
from longshore.application.mirrors.timers import CRON, SYSTEMD, Timers, own_command
from longshore.errors import InvalidInput, LongshoreError

SYSTEMCTL = """#!/bin/sh
echo "$@" >> "$FAKES/systemctl.log"
part=$(cat "$FAKES/fails" 2>/dev/null || echo nothing-fails)
case "$*" in *"$part"*) echo "Failed to connect to bus" >&2; exit 1;; esac
"""
CRONTAB = """#!/bin/sh
if test "$1" = -l; then
  if test -e "$FAKES/broken"; then echo "cannot open spool" >&2; exit 1; fi
  if test -e "$FAKES/table"; then cat "$FAKES/table"; else echo "no crontab for ann" >&2; exit 1; fi
else
  cat > "$FAKES/table"
fi
"""


class Fakes:
    """A folder of programs on PATH, and what they have been told."""

    def __init__(self, root: Path, *programs: str) -> None:
        self.root = root
        self.folder = root / "bin"
        self.folder.mkdir()
        for name in programs:
            path = self.folder / name
            path.write_text({"systemctl": SYSTEMCTL, "crontab": CRONTAB}[name])
            path.chmod(path.stat().st_mode | stat.S_IXUSR)
        for name in ("sh", "cat"):
            (self.folder / name).symlink_to(f"/bin/{name}")
        self.environ = {
            "PATH": str(self.folder),
            "FAKES": str(root),
            "HOME": str(root / "home"),
            "DOCKER_CONFIG": "/docker",
        }
        self.table = root / "table"

    @property
    def calls(self) -> list[str]:
        log = self.root / "systemctl.log"
        return log.read_text().splitlines() if log.exists() else []

    def fail(self, part: str) -> None:
        (self.root / "fails").write_text(part)

    def timers(self) -> Timers:
        return Timers(self.environ)


def schedule(name: str = "nightly", when: str = "daily") -> Schedule:
    return Schedule(
        name, when, ("/usr/bin/longshore", "mirror", "run", "--", name), {"DOCKER_CONFIG": "/docker"}
    )


def test_systemd_is_chosen_if_it_responds(tmp_path: Path) -> None:
    fakes = Fakes(tmp_path, "systemctl", "crontab")
    assert fakes.timers().way() == SYSTEMD
    assert fakes.calls == ["--user show --property=Version"]
    fakes.fail("show")
    assert fakes.timers().way() == CRON
    (fakes.folder / "crontab").unlink()
    with pytest.raises(LongshoreError, match="neither a systemd"):
        fakes.timers().way()
    assert fakes.timers().carried() == {"DOCKER_CONFIG": "/docker", "PATH": str(fakes.folder)}


def test_units_are_written_started_listed_and_removed(tmp_path: Path) -> None:
    fakes = Fakes(tmp_path, "systemctl")
    found, one = fakes.timers(), schedule()
    folder = tmp_path / "home" / ".config" / "systemd" / "user"
    shown = found.texts(one, SYSTEMD)
    assert [name for name, _ in shown] == [
        str(folder / "longshore-mirror-nightly.service"),
        str(folder / "longshore-mirror-nightly.timer"),
    ]
    assert not folder.exists()
    found.install(one, SYSTEMD)
    assert [Path(name).read_text() for name, _ in shown] == [text for _, text in shown]
    assert fakes.calls == ["--user daemon-reload", "--user enable --now longshore-mirror-nightly.timer"]
    (folder / "longshore-mirror-other.timer").write_text("[Timer]\n")  # not ours
    assert [(each.schedule.target, each.schedule.when, each.way) for each in found.all()] == [
        ("nightly", "daily", SYSTEMD)
    ]
    found.install(schedule(when="hourly"), SYSTEMD)
    assert [each.schedule.when for each in found.all()] == ["hourly"]
    assert fakes.calls[-1] == "--user restart longshore-mirror-nightly.timer"
    with pytest.raises(InvalidInput, match="no schedule"):
        found.remove("other")
    found.remove("nightly")
    assert sorted(path.name for path in folder.iterdir()) == ["longshore-mirror-other.timer"]
    assert fakes.calls[-2:] == ["--user disable --now longshore-mirror-nightly.timer", "--user daemon-reload"]


@pytest.mark.parametrize("part", ["daemon-reload", "enable"])
def test_a_failure_of_systemctl_leaves_nothing(tmp_path: Path, part: str) -> None:
    fakes = Fakes(tmp_path, "systemctl")
    fakes.fail(part)
    with pytest.raises(LongshoreError, match=f"systemctl --user {part}.* failed") as error:
        fakes.timers().install(schedule(), SYSTEMD)
    assert error.value.detail == "Failed to connect to bus"
    assert fakes.timers().all() == []
    assert list(fakes.timers().folder.iterdir()) == []


def test_a_program_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fakes = Fakes(tmp_path, "systemctl")
    (fakes.folder / "sleep").symlink_to("/bin/sleep")
    (fakes.folder / "systemctl").write_text("#!/bin/sh\nsleep 600\n")
    monkeypatch.setattr(timers, "PATIENCE", 0.3)
    with pytest.raises(LongshoreError, match="did not end within"):
        fakes.timers().install(schedule(), SYSTEMD)
    assert list(fakes.timers().folder.iterdir()) == []


def test_a_file_that_is_not_ours_is_kept(tmp_path: Path) -> None:
    fakes = Fakes(tmp_path, "systemctl")
    folder = fakes.timers().folder
    folder.mkdir(parents=True)
    theirs = folder / "longshore-mirror-nightly.service"
    theirs.write_text("[Service]\n")
    with pytest.raises(InvalidInput, match="not ours"):
        fakes.timers().install(schedule(), SYSTEMD)
    assert theirs.read_text() == "[Service]\n"
    assert fakes.calls == []


TABLE = b"""# my jobs
MAILTO=ann@example.com
5 4 * * * backup \xff --all % input
# 0 0 * * * old # longshore-mirror {"name": "nightly", "when": "daily"}
@reboot start # longshore-mirror {"name": "other", "when": "hourly"}\r
last line without an end"""


def test_only_our_line_of_a_crontab_is_touched(tmp_path: Path) -> None:
    fakes = Fakes(tmp_path, "crontab")
    fakes.table.write_bytes(TABLE)
    found = fakes.timers()
    found.install(schedule(), CRON)
    line = schedule().cron_line().encode() + b"\n"
    assert fakes.table.read_bytes() == TABLE + b"\n" + line
    # A new time replaces it where it is.
    found.install(schedule("second", "hourly"), CRON)
    found.install(schedule(when="weekly"), CRON)
    second = schedule("second", "hourly").cron_line().encode() + b"\n"
    assert (
        fakes.table.read_bytes()
        == TABLE + b"\n" + schedule(when="weekly").cron_line().encode() + b"\n" + second
    )
    assert {each.schedule.target for each in found.all()} == {"other", "nightly", "second"}
    found.remove("nightly")
    found.remove("second")
    assert fakes.table.read_bytes() == TABLE + b"\n"
    with pytest.raises(InvalidInput, match="no schedule"):
        found.remove("nightly")  # the line that somebody has commented out is theirs


def test_a_first_line_and_the_last_one_again(tmp_path: Path) -> None:
    fakes = Fakes(tmp_path, "crontab")
    fakes.timers().install(schedule(), CRON)
    assert fakes.table.read_bytes() == schedule().cron_line().encode() + b"\n"
    fakes.timers().remove("nightly")
    assert fakes.table.read_bytes() == b""


def test_a_crontab_that_cannot_be_read_is_not_written(tmp_path: Path) -> None:
    fakes = Fakes(tmp_path, "crontab")
    fakes.table.write_bytes(TABLE)
    (tmp_path / "broken").touch()
    with pytest.raises(LongshoreError, match="can't be read") as error:
        fakes.timers().install(schedule(), CRON)
    assert error.value.detail == "cannot open spool"
    assert fakes.table.read_bytes() == TABLE


def test_a_mirror_runs_by_one_scheduler_only(tmp_path: Path) -> None:
    fakes = Fakes(tmp_path, "systemctl", "crontab")
    found = fakes.timers()
    found.install(schedule(), CRON)
    found.install(schedule(), SYSTEMD)
    assert [each.way for each in found.all()] == [SYSTEMD]
    assert fakes.table.read_bytes() == b""
    found.install(schedule(), CRON)
    assert [each.way for each in found.all()] == [CRON]


def test_the_command_that_is_scheduled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["-c"])
    assert own_command(["x"])[1:] == ("-P", "-m", "longshore", "x")
    script = tmp_path / "longshore"
    script.write_text("#!/bin/sh\n")
    monkeypatch.setattr("sys.argv", [str(script)])
    assert own_command(["x"])[1:] == ("-P", "-m", "longshore", "x")  # not executable
    script.chmod(0o700)
    assert own_command(["x"]) == (str(script), "x")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["longshore"])
    assert own_command(["x"]) == (str(script), "x")
    assert Path(own_command([])[0]).is_absolute()
