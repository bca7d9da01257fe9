"""Fails a test that leaves something running: a thread, child process, asyncio task, QTimer, QThread or engine stream.

A stream counts if it was neither read to its end nor closed: its connection stays open until garbage collection. The
check runs after the test's fixtures are torn down, with a grace period for things that are ending. Whatever a fixture
of wider scope starts belongs to that scope, and so does what the session's testbed starts later: its threads are named
``testbed-…``, and its processes have its folder in their command line. Everything is reported once, for the test that
left it.
"""

from __future__ import annotations

import gc
import inspect
import sys
import threading
import time
import types
import weakref
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

GRACE_SECONDS = 3.0
_CHILDREN = Path("/proc/self/task")


class LeftBehind:
    """The plugin: knows what was running before, and who owns it."""

    def __init__(self) -> None:
        #: Objects, and processes by number and start time, that are not or no longer to be reported.
        self.known: set[Any] = set()
        self.testbed_root: str | None = None
        self._objects = _Objects()

    def pytest_collection_finish(self) -> None:
        self._objects.settle()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> Generator[None, object, object]:
        result = yield
        if nextitem is None or nextitem.path != item.path:
            self._objects.settle()
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
    ) -> Generator[None, object, object]:
        if fixturedef.scope == "function":
            return (yield)
        before = set(self._running())
        try:
            made: Any = yield
        finally:
            self.known |= set(self._running()) - before
        if fixturedef.argname == "testbed":
            self.testbed_root = str(made.root)
        return made

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, object, object]:
        try:
            result = yield
        except BaseException:
            # The test has failed already, and what it left may be a consequence; do not blame the next test.
            self.known |= set(self._running())
            raise
        left = self._left()
        deadline = time.monotonic() + GRACE_SECONDS
        while left and time.monotonic() < deadline:
            _let_qt_work()
            time.sleep(0.01)
            left = self._left()
        self.known = (self.known & set(self._running())) | set(left)
        if left:
            lines = "\n  ".join(sorted(left.values()))
            pytest.fail(f"left behind by this test:\n  {lines}", pytrace=False)
        return result

    def _left(self) -> dict[Any, str]:
        return {
            thing: text
            for thing, text in self._running(streams=self.testbed_root is not None).items()
            if thing not in self.known and not (self.testbed_root and self.testbed_root in text)
        }

    def _running(self, streams: bool = False) -> dict[Any, str]:
        """Return everything that runs now, with a line about it. *streams*: include streams of engines."""
        return dict([*_threads(), *_processes(), *self._objects.running(streams)])


class _Objects:
    """Finds tasks and timers through the garbage collector: asyncio and Qt cannot list those of all threads.

    Going through all objects after each test would take longer than most tests. What is alive at the end of a test file
    (modules, most of all) is frozen, so that the collector no longer lists it; the few things in it that can run are
    remembered.
    """

    def __init__(self) -> None:
        self._frozen: weakref.WeakSet[Any] = weakref.WeakSet()

    def settle(self) -> None:
        """Freeze what is alive, without the garbage, whose destructors may have warnings to give."""
        gc.collect()
        judges = _judges(streams=True)
        for thing in gc.get_objects():
            if type(thing) in judges:
                self._frozen.add(thing)
        gc.freeze()

    def running(self, streams: bool) -> Iterator[tuple[Any, str]]:
        """Yield what runs, with a line about it."""
        judges = _judges(streams)
        if not judges:
            return
        for thing in [*gc.get_objects(), *self._frozen]:
            judge = judges.get(type(thing))
            if judge is not None and (text := judge(thing)):
                yield thing, text


def _threads() -> Iterator[tuple[Any, str]]:
    for thread in threading.enumerate():
        # Python creates a dummy for a thread that is not its own, such as one of Qt's.
        if thread is threading.main_thread() or isinstance(thread, threading._DummyThread):
            continue
        if not thread.name.startswith("testbed-"):
            yield thread, f"thread {thread.name!r}{' (daemon)' if thread.daemon else ''}"


def _processes() -> Iterator[tuple[Any, str]]:
    if not _CHILDREN.is_dir():
        return  # not Linux
    for task in _CHILDREN.iterdir():
        try:
            numbers = (task / "children").read_text().split()
        except OSError:
            continue  # the thread has just ended
        for number in numbers:
            try:
                started = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[19]
                command = Path(f"/proc/{number}/cmdline").read_text("utf-8", "replace").replace("\0", " ")
            except OSError:
                continue  # has just ended and was waited for
            yield (number, started), f"process {number}: {command.strip() or 'ended, but never waited for'}"


def _judges(streams: bool) -> dict[type, Callable[[Any], str]]:
    """For each type that can run: what gives a line about an object of it, "" if it does not run."""
    judges: dict[type, Callable[[Any], str]] = {}
    if streams:
        judges[types.GeneratorType] = _about_stream
    asyncio = sys.modules.get("asyncio")
    if asyncio is not None:
        judges |= dict.fromkeys(_family(asyncio.Task), _about_task)
    qt = sys.modules.get("PySide6.QtCore")
    if qt is not None:
        judges |= dict.fromkeys(_family(qt.QTimer), _about_timer)
        judges |= dict.fromkeys(_family(qt.QThread), _about_thread)
    return judges


def _family(kind: type) -> Iterator[type]:
    yield kind
    children: list[type] = kind.__subclasses__()
    for child in children:
        yield from _family(child)


def _about_stream(generator: types.GeneratorType[Any, Any, Any]) -> str:
    code = generator.gi_code
    if (
        not code.co_filename.endswith("/longshore/engine/engine.py")
        or inspect.getgeneratorstate(generator) != inspect.GEN_SUSPENDED
    ):
        return ""
    return f"unfinished {code.co_qualname}"


def _about_task(task: Any) -> str:
    return "" if task.done() else f"task {task!r}"


def _about_timer(timer: Any) -> str:
    if not _alive(timer) or not timer.isActive():
        return ""
    return f"timer of {timer.interval()} ms, name {timer.objectName()!r}, parent {timer.parent()!r}"


def _about_thread(thread: Any) -> str:
    if not _alive(thread) or not thread.isRunning():
        return ""
    # The main thread also has a QThread, which always runs.
    application = sys.modules["PySide6.QtCore"].QCoreApplication.instance()
    if application is not None and thread == application.thread():
        return ""
    return f"QThread {thread!r}"


def _alive(thing: Any) -> bool:
    """Return True unless the C++ half of a Qt object was deleted before its Python half."""
    return bool(sys.modules["shiboken6"].isValid(thing))


def _let_qt_work() -> None:
    """Run the Qt event loop: things that are ending may wait for it, above all deletions."""
    qt = sys.modules.get("PySide6.QtCore")
    if qt is not None and qt.QCoreApplication.instance() is not None:
        qt.QCoreApplication.sendPostedEvents(None, qt.QEvent.Type.DeferredDelete)
        qt.QCoreApplication.processEvents()


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(LeftBehind(), "longshore-left-behind")
