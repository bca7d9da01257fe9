"""The installed program in a real window, on a real engine and real registries, driven from outside."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from testbed.bed import Testbed
from testbed.display import Xvfb
from testbed.driver import Window
from testbed.engine import PrivateEngine
from testbed.errors import TestbedUnavailable, require
from testbed.home import PrivateHome
from testbed.registry import PrivateRegistry


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "blackbox" in item.path.parts:
            item.add_marker(pytest.mark.blackbox)


@pytest.fixture(scope="session")
def display(testbed: Testbed) -> Xvfb:
    """The session's display, with accessibility on."""
    try:
        return testbed.display
    except TestbedUnavailable as problem:
        require(problem)


StartWindow = Callable[..., Window]


@pytest.fixture
def start(
    display: Xvfb,
    private_home: PrivateHome,
    testbed_engine: PrivateEngine,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Iterator[StartWindow]:
    """Return ``start(registry, …)``, which opens Longshore on the testbed's engine; a failed test keeps a picture."""
    running: list[Window] = []

    def begin(*registries: PrivateRegistry | str, engine: str | None = None, **options: object) -> Window:
        # A test's own engine is named in the environment: killing it kills every process with its folder as argument.
        arguments = [] if engine else ["--engine", testbed_engine.host]
        if engine:
            options["environ"] = {"DOCKER_HOST": engine}
        for registry in registries:
            address = registry if isinstance(registry, str) else registry.address
            arguments += ["--registry", address]
        window = Window(display, private_home, arguments, **options)  # type: ignore[arg-type]
        running.append(window)
        return window.__enter__()

    yield begin
    failed = getattr(request.node, "failed_call", False)
    for window in running:
        if failed:
            picture = window.screenshot(tmp_path / "failed.png")
            print(f"picture: {picture}\noutput:\n{window.output()}")
        window.stop()


@pytest.fixture
def no_engine(tmp_path: Path) -> str:
    """An address without an engine."""
    return f"unix://{tmp_path}/none.sock"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    if report.when == "call" and report.failed:
        item.failed_call = True  # type: ignore[attr-defined]


@pytest.fixture
def run_command(private_home: PrivateHome) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs ``longshore`` with arguments and without a display."""

    def run(*arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
        environ = private_home.environ(extra)
        for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
            if name not in extra:
                environ.pop(name, None)
        return subprocess.run(
            [str(Path(sys.executable).with_name("longshore")), *arguments],
            env=environ,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    return run
