"""A pytest plugin that runs the tests of a room once for every change that tools/mutate wants to try.

The tests are collected once, and every change is tried in a process forked from there. The first run is unchanged; it
records how long each test takes and which functions of the room it calls. A change inside a function is then tried
with the tests that call the function, fastest first, up to the first failure. The function's code is replaced in
memory; the file is changed too, for tests that start Python or are the first to import it. Code that runs at import
needs a fresh process: the result is "fresh", and tools/mutate does the rest.

MUTATE_ORDERS names a JSON file: "folder" (the room's sources), "changes", and "limit" (seconds that a change may take
in addition to four times the usual time of its tests). Results go to the descriptor MUTATE_ANSWERS, one line of JSON
each: first for the unchanged run, then for each change. With MUTATE_TIMES (the records of the unchanged run) the
plugin only sorts the tests.
"""

from __future__ import annotations

import ast
import contextlib
import ctypes
import gc
import json
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any

import pytest

#: How a child that ran all its tests without a failure exits; anything else is a failure.
GREEN = 77
SLOWER = 4.0
#: File, qualified name and first line of a function.
Name = tuple[str, str, int]

#: Calls of known functions after which a test is no longer traced, because tracing takes longer than the test. The
#: test then counts as one that calls everything.
_ENOUGH = 100_000

_called: dict[int, CodeType] = {}
_known_calls = -(10**12)  # no limit while modules are imported


def _trace(frame: FrameType, event: str, argument: object) -> None:
    global _known_calls
    code = frame.f_code
    if id(code) not in _called:
        _called[id(code)] = code
        return
    _known_calls += 1
    if _known_calls == _ENOUGH:
        _tracing(False)


def _forget() -> None:
    global _known_calls
    _called.clear()
    _known_calls = 0


def _tracing(on: bool) -> None:
    # One function for all threads; it returns no local trace function, so only calls are traced.
    sys.settrace(_trace if on else None)  # type: ignore[arg-type]
    threading.settrace(_trace if on else None)  # type: ignore[arg-type]


if "MUTATE_ORDERS" in os.environ:
    _tracing(True)  # what runs while modules are imported


def _name(code: CodeType) -> Name:
    return code.co_filename, code.co_qualname, code.co_firstlineno


def _called_below(folder: str) -> list[Name]:
    return sorted({_name(code) for code in _called.values() if code.co_filename.startswith(folder)})


def enclosing(file: str, data: bytes, start: int, end: int) -> Name | None:
    """The outermost function whose body has the bytes *start* to *end*; None if the import itself runs them."""
    starts = [0]
    for line in data.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))

    def look(body: list[ast.stmt], prefix: str) -> Name | None:
        for node in body:
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                continue
            first, last = node.body[0], node.body[-1]
            begin = starts[first.lineno - 1] + first.col_offset
            until = starts[(last.end_lineno or 0) - 1] + (last.end_col_offset or 0)
            if not (begin <= start and end <= until):
                continue
            if isinstance(node, ast.ClassDef):
                return look(node.body, f"{prefix}{node.name}.")
            top = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            return file, f"{prefix}{node.name}", top
        return None

    return look(ast.parse(data).body, "")


def _find(code: CodeType, name: Name) -> CodeType | None:
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            found = inner if _name(inner) == name else _find(inner, name)
            if found is not None:
                return found
    return None


def _adopt_orphans() -> None:
    """Become the parent of all processes that the forked ones leave behind, in any session (prctl(2))."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER


def _end_with_parent() -> None:
    """Have this process killed when its parent ends; in a session of its own it would outlive it (prctl(2))."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, int(signal.SIGKILL))  # PR_SET_PDEATHSIG


def _end_orphans() -> None:
    """Kill what a broken test left behind."""
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    while children.exists() and (numbers := children.read_text().split()):
        for number in numbers:
            os.kill(int(number), signal.SIGKILL)
            os.waitpid(int(number), 0)


class Runner:
    def __init__(self, orders: dict[str, Any], answers: int) -> None:
        self.folder: str = orders["folder"]
        self.changes: list[dict[str, Any]] = orders["changes"]
        self.limit: float = orders["limit"]
        self.answers = answers
        self.times: dict[str, float] = {}
        self.calls: dict[str, list[Name] | None] = {}
        self.failure = ""
        self.recording = False
        self.imported: set[str] = set()

    # -- in the forked processes

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, Any]:
        if not self.recording:
            return (yield)
        _forget()
        begun = time.perf_counter()
        _tracing(True)
        try:
            return (yield)
        finally:
            _tracing(False)
            self.times[item.nodeid] = time.perf_counter() - begun
            self.calls[item.nodeid] = _called_below(self.folder) if _known_calls < _ENOUGH else None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and not self.failure:
            self.failure = f"{report.nodeid}\n{report.longreprtext[-1500:]}"

    def _run(self, session: pytest.Session, items: list[pytest.Item]) -> bool:
        for item, following in zip(items, [*items[1:], None], strict=True):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if session.testsfailed or session.shouldstop:
                with contextlib.suppress(BaseException):
                    session._setupstate.teardown_exact(None)
                return False
        return True

    def _forked(
        self,
        session: pytest.Session,
        items: list[pytest.Item],
        limit: float | None,
        first: Callable[[], None],
    ) -> tuple[str, dict[str, Any]]:
        """ "green", "red" or "endless", and the child's report."""
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            code = 1
            try:
                os.setsid()
                _end_with_parent()
                os.close(reading)
                first()
                code = GREEN if self._run(session, items) else 1
                said = {"failure": self.failure, "times": self.times, "calls": self.calls}
                with os.fdopen(writing, "w") as out:
                    json.dump(said, out)
            finally:
                os._exit(code)
        os.close(writing)
        raw, deadline = b"", None if limit is None else time.monotonic() + limit
        verdict = ""
        with contextlib.ExitStack() as stack:
            ended = os.pidfd_open(child)
            stack.callback(os.close, reading)
            stack.callback(os.close, ended)
            while not verdict:
                left = None if deadline is None else max(0.0, deadline - time.monotonic())
                ready, _, _ = select.select([reading, ended], [], [], left)
                if reading in ready and (part := os.read(reading, 1 << 16)):
                    raw += part
                elif ended in ready:
                    verdict = "ended"
                elif not ready:
                    verdict = "endless"
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
            _end_orphans()
        if verdict == "ended":
            verdict = "green" if os.waitstatus_to_exitcode(status) == GREEN else "red"
        said = {}
        with contextlib.suppress(ValueError):
            said = json.loads(raw)
        return verdict, said

    # -- in the process that has collected the tests

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        _tracing(False)
        _adopt_orphans()
        at_import = set(_called_below(self.folder))
        self.imported = {str(getattr(module, "__file__", "")) for module in list(sys.modules.values())}
        functions: dict[Name, list[FunctionType]] = {}
        for thing in gc.get_objects():
            if type(thing) is FunctionType and thing.__code__.co_filename.startswith(self.folder):
                functions.setdefault(_name(thing.__code__), []).append(thing)
        begun = time.monotonic()
        verdict, said = self._forked(session, session.items, None, lambda: setattr(self, "recording", True))
        self._answer(verdict=verdict, seconds=time.monotonic() - begun, **said)
        if verdict != "green":
            return True
        self.times = said["times"]
        calls = {nodeid: names and set(map(tuple, names)) for nodeid, names in said["calls"].items()}
        self.calls = {}
        for change in self.changes:
            self._answer(**self._try(session, change, functions, at_import, calls))
        return True

    def _try(
        self,
        session: pytest.Session,
        change: dict[str, Any],
        functions: dict[Name, list[FunctionType]],
        at_import: set[Name],
        calls: dict[str, set[Any] | None],
    ) -> dict[str, Any]:
        path = Path(change["path"])
        before = path.read_bytes()
        after = before[: change["start"]] + change["new"].encode() + before[change["end"] :]
        name = enclosing(str(path), before, change["start"], change["end"])
        if name is None or name in at_import:
            return {"verdict": "fresh"}
        patched = functions.get(name, [])
        code = _find(compile(after, str(path), "exec", dont_inherit=True), name)
        if code is None or any(code.co_freevars != each.__code__.co_freevars for each in patched):
            return {"verdict": "fresh"}
        if not patched and str(path) in self.imported:
            return {"verdict": "fresh"}

        def patch() -> None:
            # Nothing to do for a file that only a test imports: the test reads the changed file.
            for function in patched:
                function.__code__ = code

        called = {nodeid: names is None or name in names for nodeid, names in calls.items()}
        items = [item for item in session.items if called[item.nodeid]]
        items.sort(key=lambda item: self.times[item.nodeid])
        tests = sum(calls[item.nodeid] is not None for item in items)  # that are known to call it
        usual = sum(self.times[item.nodeid] for item in items)
        path.write_bytes(after)
        try:
            verdict, said = self._forked(session, items, usual * SLOWER + self.limit, patch)
        finally:
            path.write_bytes(before)
        return {"verdict": verdict, "tests": tests, "failure": said.get("failure", "")}

    def _answer(self, **said: Any) -> None:
        with os.fdopen(os.dup(self.answers), "w") as out:
            out.write(json.dumps(said) + "\n")


class Sorter:
    """Sorts the tests of a fresh process: those that name the module first, the fastest of them first."""

    def __init__(self, times: dict[str, float], words: list[str]) -> None:
        self.times = times
        self.words = words

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        strangers: dict[Path, bool] = {}
        for item in items:
            if item.path not in strangers:
                text = item.path.read_text("utf-8")
                strangers[item.path] = not any(word in text for word in self.words)
        items.sort(key=lambda item: (strangers[item.path], self.times.get(item.nodeid, 0.0)))


def pytest_configure(config: pytest.Config) -> None:
    if "MUTATE_ORDERS" in os.environ:
        orders = json.loads(Path(os.environ.pop("MUTATE_ORDERS")).read_text("utf-8"))
        config.pluginmanager.register(Runner(orders, int(os.environ.pop("MUTATE_ANSWERS"))))
    elif "MUTATE_TIMES" in os.environ:
        noted = json.loads(Path(os.environ.pop("MUTATE_TIMES")).read_text("utf-8"))
        config.pluginmanager.register(Sorter(noted["times"], noted["words"]))
