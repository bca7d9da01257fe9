"""Installs, lists and removes schedules: units of the user's systemd, or lines of the user's crontab.

The programs ``systemctl`` and ``crontab`` do it, each with a time limit. Of a crontab, only our marked line is touched.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from longshore.application.mirrors.schedules import CARRIED, PREFIX, Schedule, marked
from longshore.credentials.program import Result, TimedOut, TooMuchOutput, run
from longshore.errors import InvalidInput, LongshoreError
from longshore.shared_files import read_file, write_durably

SYSTEMD, CRON = "systemd", "cron"
#: Seconds that a program may take.
PATIENCE = 20.0
_LARGEST_UNIT = 64 * 1024


class Installed(NamedTuple):
    """A schedule that was found, and where: ``systemd`` or ``cron``."""

    schedule: Schedule
    way: str


def own_command(arguments: list[str]) -> tuple[str, ...]:
    """The command line that runs this Longshore with *arguments*, for programs that know nothing of our shell."""
    started = Path(sys.argv[0]).absolute() if sys.argv and sys.argv[0] else None
    if getattr(sys, "frozen", False):
        return (sys.executable, *arguments)
    if (
        started is not None
        and started.name == "longshore"
        and os.access(started, os.X_OK)
        and started.is_file()
    ):
        return (str(started), *arguments)
    # -P: what is in the current folder must not be imported.
    return (sys.executable, "-P", "-m", "longshore", *arguments)


class Timers:
    """The schedules of the user. Blocks for as long as the programs take; any worker thread."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = dict(environ)
        base = environ.get("XDG_CONFIG_HOME", "")
        home = Path(environ.get("HOME") or Path.home())
        config = Path(base) if base and Path(base).is_absolute() else home / ".config"
        self.folder = config / "systemd" / "user"

    def carried(self) -> dict[str, str]:
        """The variables that a schedule must set for its command to find the same folders."""
        return {name: value for name in CARRIED if (value := self._environ.get(name, ""))}

    def way(self) -> str:
        """``systemd`` if the user's systemd responds, else ``cron``. Raises LongshoreError if there is neither."""
        if self._has("systemctl"):
            with contextlib.suppress(LongshoreError):
                if self._run("systemctl", "--user", "show", "--property=Version").code == 0:
                    return SYSTEMD
        if self._has("crontab"):
            return CRON
        raise LongshoreError(
            "There is neither a systemd of this user nor a crontab.",
            advice="Let another scheduler run longshore mirror run.",
        )

    def texts(self, schedule: Schedule, way: str) -> list[tuple[str, str]]:
        """What :meth:`install` would write: each file, or ``crontab``, with its text. Raises InvalidInput."""
        if way == CRON:
            return [("crontab", schedule.cron_line() + "\n")]
        self._check_calendar(schedule)
        return [
            (str(self._path(schedule, "service")), schedule.service()),
            (str(self._path(schedule, "timer")), schedule.timer()),
        ]

    def install(self, schedule: Schedule, way: str) -> None:
        """Write *schedule* and start it; it replaces an earlier one of the same target.

        Raises LongshoreError if a program fails; nothing is left then.
        """
        texts = self.texts(schedule, way)
        earlier = [one for one in self.all() if one.schedule.target == schedule.target]
        if way == CRON:
            self._change_crontab(schedule.target, texts[0][1])
        else:
            self._install_units(schedule, texts)
        for one in earlier:
            if one.way != way:  # it must not run twice
                self._remove(one)

    def all(self) -> list[Installed]:
        """The schedules that are installed. Raises LongshoreError if the crontab cannot be read."""
        found: list[Installed] = []
        paths = sorted(self.folder.glob(f"{PREFIX}*.timer")) if self.folder.is_dir() else []
        for path in paths:
            schedule = _unit_mark(path)
            if schedule is not None and path.stem == schedule.unit:
                found.append(Installed(schedule, SYSTEMD))
        if self._has("crontab"):
            for line in self._crontab().decode("utf-8", "replace").split("\n"):
                schedule = None if line.lstrip().startswith("#") else marked(line)
                if schedule is not None:
                    found.append(Installed(schedule, CRON))
        return found

    def remove(self, target: str) -> None:
        """Remove the schedules of *target*. Raises InvalidInput if there is none, LongshoreError."""
        found = [one for one in self.all() if one.schedule.target == target]
        if not found:
            raise InvalidInput(
                "There is no schedule for this mirror.",
                subject=target,
                advice="See longshore mirror schedule --list.",
            )
        for one in found:
            self._remove(one)

    # -- systemd

    def _install_units(self, schedule: Schedule, texts: list[tuple[str, str]]) -> None:
        paths = [Path(name) for name, _ in texts]
        replaced = paths[-1].exists()
        for path in paths:
            known = _unit_mark(path)
            if path.exists() and (known is None or known.target != schedule.target):
                raise InvalidInput("This file exists and is not ours.", subject=str(path))
        try:
            for path, (_, text) in zip(paths, texts, strict=True):
                write_durably(path, text.encode(), 0o644)
        except OSError as error:
            raise LongshoreError(
                "The file can't be written: {reason}.",
                subject=str(paths[0]),
                arguments={"reason": error.strerror or error},
            ) from error
        try:
            self._must("systemctl", "--user", "daemon-reload")
            self._must("systemctl", "--user", "enable", "--now", f"{schedule.unit}.timer")
            if replaced:  # it would keep its old time
                self._must("systemctl", "--user", "restart", f"{schedule.unit}.timer")
        except LongshoreError:
            self._drop_units(schedule)
            raise

    def _drop_units(self, schedule: Schedule) -> None:
        """Remove the units, whatever systemctl says: without its files a timer is gone at the next start."""
        with contextlib.suppress(LongshoreError):
            self._run("systemctl", "--user", "disable", "--now", f"{schedule.unit}.timer")
        for ending in ("timer", "service"):
            with contextlib.suppress(FileNotFoundError):
                self._path(schedule, ending).unlink()
        with contextlib.suppress(LongshoreError):
            self._run("systemctl", "--user", "daemon-reload")

    def _path(self, schedule: Schedule, ending: str) -> Path:
        return self.folder / f"{schedule.unit}.{ending}"

    def _check_calendar(self, schedule: Schedule) -> None:
        """Let systemd itself check the time, if it can. Raises InvalidInput."""
        when = schedule.timer().partition("OnCalendar=")[2].partition("\n")[0]
        if self._has("systemd-analyze"):
            result = self._run("systemd-analyze", "calendar", "--", when)
            if result.code != 0:
                raise InvalidInput(
                    "systemd does not understand this time.",
                    subject=when,
                    advice="See man systemd.time, or try systemd-analyze calendar.",
                    detail=_words(result),
                )

    # -- cron

    def _crontab(self) -> bytes:
        result = self._run("crontab", "-l")
        if result.code == 0:
            return result.output
        if b"no crontab for" in result.noise.lower():
            return b""
        # Never taken for an empty one, which would be written back.
        raise LongshoreError("The crontab can't be read.", detail=_words(result))

    def _change_crontab(self, target: str, line: str) -> None:
        """Replace the line of *target* by *line* ("" for none), where it is; every other byte stays."""
        before = self._crontab()
        after: list[bytes] = []
        placed = not line
        for one in re.findall(rb"[^\n]*\n|[^\n]+", before):
            text = one.decode("utf-8", "replace")
            found = None if text.lstrip().startswith("#") else marked(text)
            if found is None or found.target != target:
                after.append(one)
            elif not placed:
                placed = True
                after.append(line.encode())
        if not placed:
            if after and not after[-1].endswith(b"\n"):
                after[-1] += b"\n"
            after.append(line.encode())
        written = b"".join(after)
        if written != before:
            self._must("crontab", "-", data=written)

    # -- both

    def _remove(self, one: Installed) -> None:
        if one.way == CRON:
            self._change_crontab(one.schedule.target, "")
        else:
            self._drop_units(one.schedule)

    def _has(self, program: str) -> bool:
        return shutil.which(program, path=self._environ.get("PATH")) is not None

    def _must(self, *command: str, data: bytes = b"") -> None:
        result = self._run(*command, data=data)
        if result.code != 0:
            raise LongshoreError(
                "{command} failed.",
                detail=_words(result),
                arguments={"command": " ".join(command)},
            )

    def _run(self, *command: str, data: bytes = b"") -> Result:
        shown = " ".join(command)
        try:
            # Messages are read, so they must not be translated.
            return run(command, data, {**self._environ, "LC_ALL": "C"}, PATIENCE)
        except TimedOut:
            raise LongshoreError(
                "{command} did not end within {seconds} seconds.",
                arguments={"command": shown, "seconds": int(PATIENCE)},
            ) from None
        except TooMuchOutput:
            raise LongshoreError("{command} prints too much.", arguments={"command": shown}) from None
        except OSError as error:
            raise LongshoreError(
                "{command} can't be started: {reason}.",
                arguments={"command": shown, "reason": error.strerror or error},
            ) from None


def _unit_mark(path: Path) -> Schedule | None:
    """The schedule that the unit file *path* says it is of; None for a file that is not ours."""
    try:
        text = read_file(path, _LARGEST_UNIT).decode("utf-8", "replace")
    except OSError:
        return None
    return marked(text.partition("\n")[0])


def _words(result: Result) -> str:
    return (result.noise or result.output).decode("utf-8", "replace")
