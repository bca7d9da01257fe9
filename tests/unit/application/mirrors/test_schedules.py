"""The texts of schedules. Where systemd's own checker is installed, it judges them."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from longshore.application.mirrors.schedules import MARK, Schedule, marked
from longshore.errors import InvalidInput

HOSTILE = "a b'c\"d\\e%h$HOME$$;#|&`id`ü\\"
COMMAND = ("/opt/long shore/bin/longshore", "mirror", "run", "--")


def test_a_timer_and_its_service() -> None:
    schedule = Schedule(
        "nightly", "daily", ("/usr/bin/longshore", "mirror", "run", "--", "nightly"), {"DOCKER_CONFIG": "/d"}
    )
    assert schedule.unit == "longshore-mirror-nightly"
    mark = '# longshore-mirror {"name": "nightly", "when": "daily"}\n'
    assert schedule.service() == mark + (
        "[Unit]\n"
        "Description=Mirror nightly (Longshore)\n"
        "\n"
        "[Service]\n"
        "Type=oneshot\n"
        'Environment="DOCKER_CONFIG=/d"\n'
        'ExecStart="/usr/bin/longshore" "mirror" "run" "--" "nightly"\n'
    )
    assert schedule.timer() == mark + (
        "[Unit]\n"
        "Description=Mirror nightly (Longshore)\n"
        "\n"
        "[Timer]\n"
        "OnCalendar=daily\n"
        "# Runs at the next start of the user's session if its time was missed.\n"
        "Persistent=true\n"
        "\n"
        "[Install]\n"
        "WantedBy=timers.target\n"
    )


@pytest.mark.parametrize(
    ("when", "fields"),
    [
        ("hourly", "0 * * * *"),
        ("daily", "0 0 * * *"),
        ("weekly", "0 0 * * 1"),
        ("15 3  * * 1-5", "15 3 * * 1-5"),
    ],
)
def test_a_line_for_cron(when: str, fields: str) -> None:
    schedule = Schedule("it's nightly", when, ("/usr/bin/longshore", "mirror", "run", "--", "it's nightly"))
    line = schedule.cron_line()
    assert line.startswith(f"{fields} /usr/bin/longshore mirror run -- ")
    assert marked(line) == Schedule("it's nightly", when)
    # The shell sees the command, and takes the mark for a comment.
    assert shlex.split(line, comments=True)[5:] == list(schedule.command)
    with_folder = Schedule("x", when, ("/bin/true",), {"DOCKER_CONFIG": "/a b"}).cron_line()
    assert f"{fields} DOCKER_CONFIG='/a b' /bin/true # longshore-mirror" in with_folder


@pytest.mark.parametrize("text", ["a\nExecStart=/bin/sh", "a\rb", "a\0b", "a\x1bb", "a\u2028b", "a\ud800b"])
def test_nothing_can_begin_a_line(text: str) -> None:
    for arguments in ((text, "daily"), ("x", text), ("x", "daily", ("/bin/true", text))):
        with pytest.raises(InvalidInput, match="line breaks"):
            Schedule(*arguments)
    with pytest.raises(InvalidInput):
        Schedule("x", "daily", ("/bin/true",), {"DOCKER_CONFIG": text})


def test_what_a_unit_file_cannot_hold() -> None:
    for program in ("longshore", "/opt/$x/longshore", "/opt/x'/longshore", '/"', "/\\"):
        with pytest.raises(InvalidInput, match="program"):
            Schedule("x", "daily", (program,)).service()
    for when in ("%i", "daily\\", "0 3 * * * # x", "ü", "", "a" * 201, "99 99 * * *", "0 3 * * 1-5"):
        with pytest.raises(InvalidInput):
            Schedule("x", when, ("/bin/true",)).timer()


def test_what_a_crontab_cannot_hold() -> None:
    for name in ("50%", "a\\b"):
        with pytest.raises(InvalidInput, match="% and"):
            Schedule(name, "daily", ("/bin/true", name)).cron_line()
    for when in (
        "99 99 * * *",
        "0 24 * * *",
        "0 0 0 * *",
        "0 0 1 13 *",
        "0 0 * * 1,8",
        "*/0 * * * *",
        "9-3 * * * *",
    ):
        with pytest.raises(InvalidInput, match="time for cron"):
            Schedule("x", when, ("/bin/true",)).cron_line()
    for when in ("59 23 31 12 7", "*/5 0-6,12 * JAN mon-fri", "0 3 1-15/2 * 1-5"):
        assert Schedule("x", when, ("/bin/true",)).cron_line().startswith(f"{when} /bin/true ")
    for when in ("Mon..Fri 03:00", "* * * *", "* * * * * *", "@reboot", "0 3 * * %", ""):
        with pytest.raises(InvalidInput, match="time for cron"):
            Schedule("x", when, ("/bin/true",)).cron_line()


def test_units_have_names_of_their_own() -> None:
    names = [
        "nightly",
        "Nightly",
        "a b",
        "a-b",
        "a/b",
        "/home/x/mirrors.yaml",
        "ü",
        "é",
        "..",
        "x" * 61,
        "%n",
        "-",
    ]
    units = {Schedule(name, "daily").unit for name in names}
    assert len(units) == len(names)
    assert all(re.fullmatch(r"longshore-mirror-[A-Za-z0-9_-]{1,70}", unit) for unit in units)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "0 3 * * * true",
        *(
            MARK + text
            for text in ("", "{", "3", "{}", '{"name": 1, "when": 2}', "[" * 3000, f'"{"x" * 5000}"')
        ),
        MARK + '{"name": "a\\nb", "when": "daily"}',
    ],
)
def test_lines_without_a_valid_mark(line: str) -> None:
    assert marked(line) is None


def _words_of(dumped: str) -> list[str]:
    """The words of a command line as systemd-analyze prints them, quoted like in C where needed."""
    words = re.findall(r'"((?:[^"\\]|\\.)*)"|(\S+)', dumped)
    return [re.sub(r"\\(.)", r"\1", quoted) if quoted else bare for quoted, bare in words]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
@pytest.mark.parametrize("name", ["nightly", HOSTILE, "-x", "%n", "${HOME}", '"', "\\", "x\\"])
def test_systemd_reads_what_was_meant(name: str, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir(mode=0o700)
    program = tmp_path / "a b%c" / "longshore"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o700)
    schedule = Schedule(
        name, "Mon..Fri 03:00", (str(program), *COMMAND[1:], name), {"DOCKER_CONFIG": f"/d/{name}"}
    )
    paths = [tmp_path / f"{schedule.unit}.service", tmp_path / f"{schedule.unit}.timer"]
    paths[0].write_text(schedule.service(), "utf-8")
    paths[1].write_text(schedule.timer(), "utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--user", "--man=no", *map(str, paths)],
        env={
            **os.environ,
            "XDG_RUNTIME_DIR": str(tmp_path / "run"),
            "SYSTEMD_LOG_LEVEL": "debug",
            "LC_ALL": "C.UTF-8",
        },
        capture_output=True,
        timeout=60,
        check=False,
    )
    output = done.stdout.decode("utf-8", "replace")
    if "Fragment Path:" not in output:
        pytest.skip("systemd-analyze cannot verify units here")
    assert done.returncode == 0
    lines = [line.strip() for line in output.splitlines()]
    (command,) = [line.partition(": ")[2] for line in lines if line.startswith("Command Line:")]
    # $$ becomes $ when the program is started.
    assert [word.replace("$$", "$") for word in _words_of(command)] == list(schedule.command)
    assert any(line.startswith("Environment: DOCKER_CONFIG=/d/") for line in lines)
    assert [line for line in lines if line.startswith("ExecStart")] == []
