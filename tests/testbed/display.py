"""A private display for windows under test: Xvfb, a window manager, and an accessibility bus."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from testbed.environ import bare_environ
from testbed.errors import TestbedError, TestbedUnavailable
from testbed.processes import Process, find_program, read_log, run_program, wait_until

START_SECONDS = 20.0
LAUNCHERS = ("/usr/libexec/at-spi-bus-launcher", "/usr/lib/at-spi2-core/at-spi-bus-launcher")


class Xvfb:
    """A private X display; started by ``start()`` or by entering it.

    Args:
        root: folder for its logs and sockets.
        size: width and height in pixels.
        window_manager: run openbox (places dialogs and handles focus as on a desktop).
        accessibility: run a D-Bus session and an AT-SPI bus, switched on, so that programs expose their
            accessibility tree.
    """

    def __init__(
        self,
        root: Path,
        *,
        size: tuple[int, int] = (1440, 900),
        window_manager: bool = True,
        accessibility: bool = True,
    ) -> None:
        self.root = root
        self.size = size
        self.window_manager = window_manager
        self.accessibility = accessibility
        self._stack = contextlib.ExitStack()
        self._environ: dict[str, str] = {}

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def name(self) -> str:
        """The display's name, such as ``:99``."""
        if not self._environ:
            raise TestbedError("the display is not running")
        return self._environ["DISPLAY"]

    def environ(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """What a program needs to find this display and its buses; to be added to a home's environ."""
        return {**self._environ, **(extra or {})}

    def start(self) -> None:
        """Start everything and wait until it responds. Does nothing if it is running.

        Raises:
            TestbedUnavailable: a program is not installed; the message names its Debian package.
        """
        if self._environ:
            return
        self.root.mkdir(parents=True, exist_ok=True)
        environ = {"DISPLAY": self._start_server(), "XDG_SESSION_TYPE": "x11"}
        if self.accessibility:
            environ["DBUS_SESSION_BUS_ADDRESS"] = self._start_bus()
            environ["QT_LINUX_ACCESSIBILITY_ALWAYS_ON"] = "1"
        self._environ = environ
        if self.window_manager:
            self._start_window_manager()
        if self.accessibility:
            self._start_accessibility()

    def stop(self) -> None:
        """Stop everything, the last started first."""
        self._environ = {}
        self._stack.close()

    def screenshot(self, path: Path) -> Path:
        """Write a picture of the whole display; returns ``path``."""
        run_program(
            [find_program("import", "imagemagick"), "-window", "root", str(path)], environ=self._tools()
        )
        return path

    def xdotool(self, *arguments: str | int | float) -> str:
        """Run xdotool on this display; returns its output. Raises TestbedError if it fails."""
        command = [find_program("xdotool", "xdotool"), *map(str, arguments)]
        return run_program(command, environ=self._tools()).decode().strip()

    def drag(self, start: tuple[int, int], end: tuple[int, int]) -> None:
        """Drag with the left button from one point of the screen to another, at the speed of a hand."""
        self.xdotool(
            *("mousemove", *start, "sleep", 0.05, "mousedown", 1, "sleep", 0.05),
            *("mousemove_relative", 15, 2, "sleep", 0.1, "mousemove", *end, "sleep", 0.1),
            *("mousemove_relative", 2, 2, "sleep", 0.1, "mouseup", 1),
        )

    # -- parts -----------------------------------------------------------------------------------------

    def _tools(self) -> dict[str, str]:
        return {**bare_environ(self.root), **self._environ}

    def _process(self, name: str, command: list[str], *, pass_fds: tuple[int, ...] = ()) -> Process:
        process = Process(
            name, command, log=self.root / f"{name}.log", environ=self._tools(), pass_fds=pass_fds
        )
        return self._stack.enter_context(process)

    def _start_server(self) -> str:
        """Start Xvfb, which chooses the display's number itself, so that two never use the same one."""
        program = find_program("Xvfb", "xvfb")
        reading, writing = os.pipe()
        try:
            screen = f"{self.size[0]}x{self.size[1]}x24"
            server = self._process(
                "xvfb",
                [program, "-displayfd", str(writing), "-screen", "0", screen, "-nolisten", "tcp", "-noreset"],
                pass_fds=(writing,),
            )
        finally:
            os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            number = pipe.readline().strip().decode()
        if not number:
            server.stop()
            raise TestbedUnavailable(f"Xvfb does not start here: {server.log_tail()}")
        return f":{number}"

    def _start_window_manager(self) -> None:
        openbox = self._process("openbox", [find_program("openbox", "openbox"), "--sm-disable"])
        xprop = shutil.which("xprop")
        if xprop is None:
            raise TestbedUnavailable("xprop is not installed (Debian package x11-utils)")

        def manages() -> bool:
            said = subprocess.run(
                [xprop, "-root", "_NET_SUPPORTING_WM_CHECK"],
                capture_output=True,
                check=False,
                env=self._tools(),
            )
            return b"window id" in said.stdout

        wait_until(manages, timeout=START_SECONDS, what="the window manager", process=openbox)

    def _start_bus(self) -> str:
        program = find_program("dbus-daemon", "dbus")
        address = self.root / "dbus.address"
        reading, writing = os.pipe()
        try:
            self._process(
                "dbus",
                [program, "--session", "--nofork", "--nopidfile", f"--print-address={writing}"],
                pass_fds=(writing,),
            )
        finally:
            os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            found = pipe.readline().strip().decode()
        if not found:
            raise TestbedUnavailable(f"dbus-daemon does not start here: {read_log(self.root / 'dbus.log')}")
        address.write_text(found, "utf-8")
        return found

    def _start_accessibility(self) -> None:
        """Switch accessibility on. It must be on before a program starts, otherwise Qt exposes no tree."""
        launcher = next((path for path in LAUNCHERS if Path(path).exists()), None)
        if launcher is None:
            raise TestbedUnavailable("at-spi-bus-launcher is not installed (Debian package at-spi2-core)")
        self._process("at-spi", [launcher])
        command = [
            *(find_program("gdbus", "libglib2.0-bin"), "call", "--session", "--dest", "org.a11y.Bus"),
            *("--object-path", "/org/a11y/bus", "--method", "org.freedesktop.DBus.Properties.Set"),
            *("org.a11y.Status", "IsEnabled", "<true>"),
        ]
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                run_program(command, environ=self._tools())
                return
            except TestbedError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
