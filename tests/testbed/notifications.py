"""A server for desktop notifications on a private bus, which records all calls."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from testbed.driver import SYSTEM_PYTHON
from testbed.errors import TestbedError, TestbedUnavailable
from testbed.processes import wait_until

START_SECONDS = 10.0


class NotificationServer:
    """Runs while it is entered. *environ*: names the bus in ``DBUS_SESSION_BUS_ADDRESS``."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        if not Path(SYSTEM_PYTHON).exists():
            raise TestbedUnavailable(f"{SYSTEM_PYTHON} is not there (Debian packages python3, python3-gi)")
        self._environ = dict(environ)
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self.told: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        agent = Path(__file__).with_name("notification_agent.py")
        self._process = subprocess.Popen(
            [SYSTEM_PYTHON, str(agent)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=self._environ,
        )
        self._reader = threading.Thread(target=self._read, name="notifications")
        self._reader.start()
        try:
            wait_until(
                lambda: any("ready" in line for line in self.told),
                timeout=START_SECONDS,
                what="the notification server",
            )
        except TestbedError:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None and self._reader is not None
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.kill()
        self._process.wait(5)
        self._reader.join(5)
        self._process.stdin.close()
        self._process.stdout.close()

    def _read(self) -> None:
        assert self._process is not None and self._process.stdout is not None
        for line in self._process.stdout:
            self.told.append(json.loads(line))

    def _do(self, what: str) -> None:
        assert self._process is not None and self._process.stdin is not None
        self._process.stdin.write(f"{what}\n")
        self._process.stdin.flush()

    @property
    def notes(self) -> list[dict[str, Any]]:
        """The notifications shown, in order: ``note`` (its id), ``replaces``, ``summary``, ``body``, …"""
        return [line for line in self.told if "note" in line]

    @property
    def closed(self) -> list[int]:
        """Ids of notifications that the program closed."""
        return [line["closed"] for line in self.told if "closed" in line]

    @property
    def launcher(self) -> list[dict[str, Any]]:
        """The updates for docks: ``launcher`` (the entry) and ``properties``."""
        return [line for line in self.told if "launcher" in line]

    def click(self) -> None:
        """Click the latest notification."""
        self._do("click")

    def close_note(self) -> None:
        """Close the latest notification, as a user does."""
        self._do("close")
