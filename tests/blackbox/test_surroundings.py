"""In any environment Longshore shows a window or prints one sentence: it never hangs, and never shows a traceback."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from testbed.display import Xvfb
from testbed.errors import TestbedError
from testbed.home import PrivateHome
from testbed.processes import Process, wait_until

#: Seconds; far more than Longshore needs to start or end, even on a busy machine.
PATIENCE = 60.0
Begin = Callable[..., Process]


@pytest.fixture(scope="module")
def screen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Xvfb]:
    """A bare display: no window manager, no buses."""
    with Xvfb(tmp_path_factory.mktemp("screen"), window_manager=False, accessibility=False) as screen:
        yield screen


@pytest.fixture
def begin(private_home: PrivateHome, no_engine: str) -> Iterator[Begin]:
    """Return a function that starts Longshore on a display and returns its process."""
    with contextlib.ExitStack() as stack:

        def begin(screen: Xvfb, environ: Mapping[str, str] | None = None, command: str = "") -> Process:
            whole = private_home.environ({**screen.environ(), "DOCKER_HOST": no_engine, **(environ or {})})
            whole.pop("QT_QPA_PLATFORM", None)
            whole.update({name: value for name, value in (environ or {}).items() if name.startswith("QT_")})
            program = [sys.executable, "-m", "longshore"]
            if command:
                program = ["/bin/sh", "-c", f'{command}; exec "$@"', "sh", *program]
            return stack.enter_context(
                Process("longshore", program, log=private_home.root / "longshore.out", environ=whole)
            )

        yield begin


def wait_window(screen: Xvfb, process: Process) -> None:
    """Wait until *screen* shows a window of usable size."""

    def shown() -> bool:
        try:
            found = screen.xdotool("search", "--onlyvisible", "--name", "^Longshore")
            return any(width_of(screen, window) > 600 for window in found.split())
        except TestbedError:
            return False

    wait_until(shown, timeout=PATIENCE, what="the window", process=process)


def width_of(screen: Xvfb, window: str) -> int:
    shape = dict(
        line.split("=") for line in screen.xdotool("getwindowgeometry", "--shell", window).splitlines()
    )
    return int(shape["WIDTH"])


def end(process: Process, number: signal.Signals = signal.SIGTERM) -> str:
    """End the program with a signal, check that it exits cleanly, and return what it printed."""
    process.send_signal(number)
    assert process.wait(PATIENCE) == 0, process.log_text()
    return said(process)


def said(process: Process) -> str:
    text = process.log_text()
    assert "Traceback" not in text and "Error:" not in text, text
    return text


def log_of(home: PrivateHome) -> str:
    return (home.state / "longshore" / "longshore.log").read_text("utf-8")


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_a_signal_ends_it_in_order(screen: Xvfb, begin: Begin, private_home: PrivateHome, name: str) -> None:
    process = begin(screen)
    wait_window(screen, process)
    journal = private_home.state / "longshore" / "journal.sqlite3"
    wait_until(journal.exists, timeout=PATIENCE, what="the journal", process=process)
    end(process, signal.Signals[name])
    # SQLite removes these files when the last connection is closed cleanly.
    assert not list((private_home.state / "longshore").glob("journal.sqlite3-*"))


def test_several_signals_end_it_as_one_does(screen: Xvfb, begin: Begin) -> None:
    process = begin(screen)
    wait_window(screen, process)
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        process.send_signal(number)
    end(process, signal.SIGINT)


def test_nohup_keeps_it_running(screen: Xvfb, begin: Begin) -> None:
    process = begin(screen, command="trap '' HUP")
    wait_window(screen, process)
    process.send_signal(signal.SIGHUP)
    status = Path(f"/proc/{process.pid}/status").read_text("utf-8")
    ignored = next(line.split()[1] for line in status.splitlines() if line.startswith("SigIgn"))
    assert int(ignored, 16) & 1 << (signal.SIGHUP - 1)
    end(process)


def test_a_full_state_disk_costs_the_log_and_no_more(
    screen: Xvfb, begin: Begin, private_home: PrivateHome
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    folder = private_home.state
    fill = (
        f"mount -t tmpfs -o size=16k none {folder} && mkdir {folder}/longshore"
        f" && (cat /dev/zero > {folder}/fill 2>/dev/null; true)"
    )
    # Only this process and its child see the mount, and it ends with them.
    process = begin(
        screen, command=f'[ -n "$PRIVATE" ] || PRIVATE=1 exec unshare -m sh -c \'{fill}; exec "$@"\' sh "$@"'
    )
    wait_window(screen, process)
    assert "No space left" in end(process)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("QT_SCALE_FACTOR", value) for value in ("nan", "0", "-1", "1e9", "inf", "text")),
        ("QT_SCREEN_SCALE_FACTORS", "1;screen=1e9"),
        ("QT_FONT_DPI", "100000000"),
        ("QT_WIDGETS_RHI", "1"),
    ],
)
def test_odd_settings_of_qt_are_left_out(
    screen: Xvfb, begin: Begin, private_home: PrivateHome, name: str, value: str
) -> None:
    process = begin(screen, {name: value})
    wait_window(screen, process)
    end(process)
    assert f"{name}={value!r} is ignored" in log_of(private_home)


def test_a_platform_that_does_not_exist_is_one_sentence(screen: Xvfb, begin: Begin) -> None:
    process = begin(screen, {"QT_QPA_PLATFORM": "nope"})
    assert process.wait(PATIENCE) == 2
    assert said(process).splitlines() == [
        "longshore: QT_QPA_PLATFORM='nope' is not a platform of this Qt. Unset it, or use xcb or wayland."
    ]


@contextlib.contextmanager
def mute_server(path: str | Path) -> Iterator[None]:
    """A server that accepts connections and never sends anything."""
    kept = []
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    kept.append(listening.accept()[0])

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()
            for line in kept:
                line.close()


def test_a_mute_session_bus_keeps_no_window_closed(
    screen: Xvfb, begin: Begin, private_home: PrivateHome, tmp_path: Path
) -> None:
    # Without our check, Qt waits 25 s for each of several replies, and forever for the first.
    with mute_server(tmp_path / "bus"):
        process = begin(screen, {"DBUS_SESSION_BUS_ADDRESS": f"unix:path={tmp_path}/bus"})
        wait_window(screen, process)
        end(process)
    assert "the session's D-Bus does not respond" in log_of(private_home)


def test_a_mute_x_server_is_one_sentence(screen: Xvfb, begin: Begin) -> None:
    number = 7000 + os.getpid() % 1000
    with mute_server(f"\0/tmp/.X11-unix/X{number}"):
        process = begin(screen, {"DISPLAY": f":{number}"})
        assert process.wait(PATIENCE) == 2
    assert len(said(process).splitlines()) == 1 and f":{number}" in said(process)


def test_a_display_that_is_gone_ends_it_in_order(
    begin: Begin, private_home: PrivateHome, tmp_path: Path
) -> None:
    with Xvfb(tmp_path / "screen", window_manager=False, accessibility=False) as screen:
        process = begin(screen)
        wait_window(screen, process)
    assert process.wait(PATIENCE) == 1
    # Xlib may add words of its own when the process ends.
    lost = "longshore: The connection to the display was lost. All transfers were stopped."
    assert lost in said(process).splitlines(), said(process)
    assert not list((private_home.state / "longshore").glob("journal.sqlite3-*"))


#: Longshore with a shutdown that never finishes, and half a second for it instead of twenty.
_HANGING = """
import asyncio, sys, time
from longshore import app
from longshore.wiring import Wiring

async def close(self):
    {hang}

app.CLOSE_SECONDS = 0.5
Wiring.close = close
sys.exit(app.main())
"""


@pytest.mark.parametrize("hang", ["await asyncio.Event().wait()", "time.sleep(100_000)"])
def test_an_end_that_does_not_come_is_not_waited_for(
    screen: Xvfb, private_home: PrivateHome, no_engine: str, hang: str
) -> None:
    """A hanging disk or program, or a blocked GUI thread, does not keep the process alive."""
    environ = private_home.environ({**screen.environ(), "DOCKER_HOST": no_engine})
    environ.pop("QT_QPA_PLATFORM", None)
    program = [sys.executable, "-c", _HANGING.format(hang=hang)]
    with Process("longshore", program, log=private_home.root / "longshore.out", environ=environ) as process:
        wait_window(screen, process)
        wait_until(
            (private_home.state / "longshore" / "journal.sqlite3").exists,
            timeout=PATIENCE,
            what="the journal",
            process=process,
        )
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 1, process.log_text()
        said(process)
    assert "not closed within" in log_of(private_home)


def _deep(path: Path) -> None:
    path.write_bytes(b"[" * 100_000 + b"]" * 100_000)


#: What may be in place of one of our files or folders.
ODDITIES: dict[str, Callable[[Path], object]] = {
    "pipe": os.mkfifo,
    "folder": lambda path: path.mkdir(),
    "deep brackets": _deep,
    "no bytes": Path.touch,
    "noise": lambda path: path.write_bytes(bytes(range(256)) * 40),
    "dangling link": lambda path: path.symlink_to(path.parent / "nowhere" / "file"),
    "link to itself": lambda path: path.symlink_to(path),
    "endless": lambda path: path.symlink_to("/dev/zero"),
    "no permission": lambda path: path.touch(mode=0),
}
FILES = (
    ".config/longshore/settings.json",
    ".local/state/longshore/journal.sqlite3",
    ".local/state/longshore/longshore.log",
    ".local/share/longshore/library/index.json",
    ".local/share/longshore/library/oci-layout",
    ".cache/longshore/details",
    ".docker/config.json",
    ".docker/contexts/meta",
)
FOLDERS = (
    ".config/longshore",
    ".local/state/longshore",
    ".local/share/longshore/library",
    ".cache/longshore",
)


@pytest.mark.parametrize("oddity", ODDITIES)
def test_odd_files_keep_no_window_closed(
    screen: Xvfb, begin: Begin, private_home: PrivateHome, oddity: str
) -> None:
    for name in FILES:
        path = private_home.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        ODDITIES[oddity](path)
    process = begin(screen)
    wait_window(screen, process)
    end(process)


@pytest.mark.parametrize("oddity", [name for name in ODDITIES if name != "folder"])
def test_odd_things_for_folders_keep_no_window_closed(
    screen: Xvfb, begin: Begin, private_home: PrivateHome, oddity: str
) -> None:
    for name in FOLDERS:
        path = private_home.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        ODDITIES[oddity](path)
    process = begin(screen)
    wait_window(screen, process)
    end(process)
