"""The texts of schedules: a timer and a service for systemd, or a line for cron. No I/O.

Formats: systemd.unit(5), systemd.service(5) ("Command Lines"), systemd.syntax(7) ("Quoting"), systemd.time(7);
crontab(5). Each schedule carries a mark, a comment with JSON, by which it is found again.
"""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field

from longshore.errors import InvalidInput

MARK = "# longshore-mirror "
PREFIX = "longshore-mirror-"
#: The words for usual times, in both notations.
PRESETS = {
    "hourly": ("hourly", "0 * * * *"),
    "daily": ("daily", "0 0 * * *"),
    "weekly": ("weekly", "0 0 * * 1"),
}
#: Variables without which the command would use other folders, certificates and credentials, and not find credential
#: helpers. No proxies: they may have passwords.
CARRIED = (
    "PATH",
    "DOCKER_CONFIG",
    "XDG_CONFIG_HOME",
    "XDG_STATE_HOME",
    "XDG_CACHE_HOME",
    "XDG_DATA_HOME",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
)

_PLAIN_NAME = re.compile(r"[A-Za-z0-9_-]{1,60}")
_CALENDAR = re.compile(r"[A-Za-z0-9*,./:~ -]{1,200}")
_CRON = re.compile(r"(?:[A-Za-z0-9*,/-]{1,60} ){4}[A-Za-z0-9*,/-]{1,60}")
#: The smallest and largest numbers of cron's fields: minute, hour, day, month, day of the week.
_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_LONGEST_MARK = 4000


@dataclass(frozen=True, slots=True)
class Schedule:
    """A mirror that runs by itself. *target*: the name of a rule, or the path of a file. *when*: a preset, an
    OnCalendar expression or cron's five fields. *command*: what runs, its program by absolute path. *environ*: the
    variables of the command. Raises InvalidInput for texts that no line can hold.
    """

    target: str
    when: str
    command: tuple[str, ...] = ()
    environ: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for text in (self.target, self.when, *self.command, *self.environ.values()):
            if any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in text):
                raise InvalidInput(
                    "A schedule can't contain line breaks or control characters.", subject=self.target
                )

    @property
    def unit(self) -> str:
        """The name of its units without ending. Different targets have different names."""
        if _PLAIN_NAME.fullmatch(self.target):
            return PREFIX + self.target
        readable = re.sub(r"[^A-Za-z0-9]+", "-", self.target)[-40:].strip("-")
        return f"{PREFIX}{readable}-{hashlib.sha256(self.target.encode()).hexdigest()[:8]}"

    def service(self) -> str:
        """The text of the service. Raises InvalidInput."""
        program = self.command[0]
        if not program.startswith("/") or any(char in program for char in "$'\"\\"):
            raise InvalidInput("systemd can't start a program with this path.", subject=program)
        lines = ["[Unit]", f"Description={self._description()}", "", "[Service]", "Type=oneshot"]
        lines += [f"Environment={_quoted(f'{name}={value}')}" for name, value in sorted(self.environ.items())]
        arguments = [_quoted(one).replace("$", "$$") for one in self.command]
        return self._marked([*lines, f"ExecStart={' '.join(arguments)}"])

    def timer(self) -> str:
        """The text of the timer. Raises InvalidInput."""
        when = PRESETS[self.when][0] if self.when in PRESETS else self.when
        if not _CALENDAR.fullmatch(when) or _CRON.fullmatch(when):
            raise InvalidInput(
                "This is not a time for systemd.",
                subject=self.when,
                advice='Use hourly, daily, weekly or an OnCalendar expression, such as "Mon..Fri 03:00".',
            )
        return self._marked(
            [
                "[Unit]",
                f"Description={self._description()}",
                "",
                "[Timer]",
                f"OnCalendar={when}",
                "# Runs at the next start of the user's session if its time was missed.",
                "Persistent=true",
                "",
                "[Install]",
                "WantedBy=timers.target",
            ]
        )

    def cron_line(self) -> str:
        """The line for a crontab, without its end. Raises InvalidInput."""
        when = PRESETS[self.when][1] if self.when in PRESETS else " ".join(self.when.split())
        if not _CRON.fullmatch(when) or not all(map(_in_range, when.split(), _RANGES)):
            raise InvalidInput(
                "This is not a time for cron.",
                subject=self.when,
                advice='Use hourly, daily, weekly or five fields, such as "0 3 * * 1-5".',
            )
        words = [*(f"{name}={value}" for name, value in sorted(self.environ.items())), *self.command]
        for word in words:
            # Programs differ in what they make of these: cron ends the command at %, and some remove backslashes.
            if "%" in word or "\\" in word:
                raise InvalidInput(
                    "A crontab can't hold % and \\.", subject=word, advice="Use names and folders without."
                )
        named = [f"{name}={shlex.quote(value)}" for name, value in sorted(self.environ.items())]
        return f"{when} {' '.join([*named, shlex.join(self.command)])} {self.mark()}"

    def mark(self) -> str:
        """The comment by which the schedule is found again; see :func:`marked`."""
        return MARK + json.dumps({"name": self.target, "when": self.when})

    def _description(self) -> str:
        # The end must not be a backslash, which would continue the line.
        return f"Mirror {self.target} (Longshore)".replace("%", "%%")

    def _marked(self, lines: list[str]) -> str:
        return "\n".join([self.mark(), *lines]) + "\n"


def marked(line: str) -> Schedule | None:
    """The target and time of the schedule whose mark ends *line*; None if there is no valid one. Any thread."""
    _, found, text = line.rstrip("\n").rpartition(MARK)
    if not found or len(text) > _LONGEST_MARK:
        return None
    try:
        data = json.loads(text)
        return Schedule(data["name"], data["when"])
    except (ValueError, TypeError, KeyError, RecursionError, InvalidInput):
        return None


def cron_times(times: Mapping[str, str]) -> dict[str, str]:
    """Those of *times* (by mirror) that can be written in cron's five fields. Any thread."""
    found = {target: PRESETS[when][1] if when in PRESETS else when for target, when in times.items()}
    return {target: when for target, when in found.items() if _CRON.fullmatch(when)}


def _in_range(field: str, limits: tuple[int, int]) -> bool:
    """Whether all numbers of a field of cron are in its range. Names of days and months are left to cron."""
    for part in field.split(","):
        values, _, step = part.partition("/")
        if step and not 1 <= int(step if step.isdecimal() else 0) <= limits[1]:
            return False
        numbers = [int(one) for one in values.split("-") if one.isdecimal()]
        if numbers != sorted(numbers) or any(not limits[0] <= one <= limits[1] for one in numbers):
            return False
    return True


def _quoted(text: str) -> str:
    """*text* as one word of a unit file (systemd.syntax, "Quoting"; systemd.unit, "Specifiers")."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'
