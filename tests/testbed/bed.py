"""The whole testbed: parts that start on first use and stop together."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from pathlib import Path
from typing import Self

from testbed.display import Xvfb
from testbed.engine import Flavour, PrivateEngine
from testbed.home import PrivateHome
from testbed.registry import PrivateRegistry
from testbed.throttle import Throttle

# Shapes of registries by name; any other name, such as "second", is an open registry.
SHAPES: dict[str, dict[str, object]] = {
    "htpasswd": {"auth": "htpasswd"},
    "token": {"auth": "token"},
    "tls": {"tls": True},
    "read-only": {"read_only": True},
    "no-delete": {"delete": False},
    "large": {"in_memory": True},
}


class Testbed:
    """One folder with an engine, registries, throttles, homes and a display, all started on first use.

    ``keep_logs``: a folder to which all logs are copied before everything is removed.
    """

    __test__ = False

    def __init__(self, *, keep_logs: Path | None = None) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="ls-bed-"))
        self.keep_logs = keep_logs
        self._stack = contextlib.ExitStack()
        self._stack.callback(self._remove_root)
        self._engines: dict[str, PrivateEngine] = {}
        self._registries: dict[str, PrivateRegistry] = {}
        self.throttles: list[Throttle] = []
        self._homes = 0
        self._display: Xvfb | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def engine(self) -> PrivateEngine:
        """The engine, running. Raises TestbedUnavailable."""
        return self.engine_of("debian")

    def engine_of(self, flavour: Flavour) -> PrivateEngine:
        """An engine of another flavour, running. Raises TestbedUnavailable."""
        if flavour not in self._engines:
            made = PrivateEngine(self.root / f"engine-{flavour}", flavour=flavour)
            self._engines[flavour] = self._stack.enter_context(made)
        return self._engines[flavour]

    def registry(self, name: str = "open") -> PrivateRegistry:
        """The registry of that name, running; names in `SHAPES` have that shape, others are open.

        Raises:
            TestbedUnavailable: docker-registry is not installed.
        """
        if name not in self._registries:
            shape = SHAPES.get(name, {})
            made = PrivateRegistry(self.root / f"registry-{name}", **shape)  # type: ignore[arg-type]
            self._registries[name] = self._stack.enter_context(made)
        return self._registries[name]

    def throttle(
        self, registry: PrivateRegistry, bytes_per_second: float | None = None, latency: float = 0.0
    ) -> Throttle:
        """A new throttle in front of a registry (raw if the registry uses TLS)."""
        made = Throttle(registry.address, bytes_per_second, latency, raw=registry.tls)
        self.throttles.append(self._stack.enter_context(made))
        return made

    def home(self) -> PrivateHome:
        """A new, empty home."""
        self._homes += 1
        return PrivateHome(self.root / f"home-{self._homes}")

    @property
    def display(self) -> Xvfb:
        """A display with a window manager and accessibility, running. Raises TestbedUnavailable."""
        if self._display is None:
            self._display = self._stack.enter_context(Xvfb(self.root / "display"))
        return self._display

    def logs(self) -> list[Path]:
        """The logs of all parts so far."""
        return sorted(self.root.glob("*/*.log"))

    def close(self) -> None:
        """Stop everything, the last started first, and remove the folder."""
        self._stack.close()

    def _remove_root(self) -> None:
        if self.keep_logs is not None:
            self.keep_logs.mkdir(parents=True, exist_ok=True)
            for log in self.logs():
                shutil.copyfile(log, self.keep_logs / f"{log.parent.name}-{log.name}")
        shutil.rmtree(self.root, ignore_errors=True)
