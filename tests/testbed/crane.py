"""A registry of another make than docker-registry: go-containerregistry's ``crane registry serve``.

It differs from distribution where clients tend to rely on it: JSON as text/plain, null for empty lists, lists cut at
``n`` without a Link, and an unordered catalogue that does not support ``last``.
"""

from __future__ import annotations

import http.client
import socket
from pathlib import Path
from typing import Self

from testbed.environ import bare_environ
from testbed.errors import TestbedError, TestbedUnavailable
from testbed.newer_engines import CRANE, find
from testbed.processes import Process, read_log, wait_until

START_SECONDS = 20.0


class CraneRegistry:
    """One process on a free port of 127.0.0.1; its data and log are in ``root``. Open, without TLS, in memory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.log = root / "crane.log"
        self.port = 0
        self._process: Process | None = None

    @property
    def address(self) -> str:
        """``127.0.0.1:PORT``, as it precedes the repository in a reference."""
        return f"127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Start it and wait until it responds.

        Raises:
            TestbedUnavailable: crane was not fetched, or does not start.
        """
        program = find(CRANE) / "usr" / "bin" / "crane"
        self.root.mkdir(parents=True, exist_ok=True)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self._process = Process(
            "crane",
            [str(program), "registry", "serve", "--address", self.address],
            log=self.log,
            environ=bare_environ(self.root),
        )
        try:
            wait_until(self._answers, timeout=START_SECONDS, what="crane's registry", process=self._process)
        except TestbedError as error:
            self.close()
            raise TestbedUnavailable(f"crane's registry does not start here: {error}") from error

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/v2/")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def requests(self) -> list[str]:
        """The lines of its log: method, path and status of every request."""
        return read_log(self.log).splitlines()

    def close(self) -> None:
        """Stop it; its content is lost."""
        if self._process is not None:
            self._process.stop()
            self._process = None
