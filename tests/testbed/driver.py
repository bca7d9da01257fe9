"""Drives Longshore from outside, as a person would: through the accessibility tree, mouse and keyboard."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

from testbed.display import Xvfb
from testbed.errors import TestbedError, TestbedUnavailable
from testbed.home import PrivateHome
from testbed.processes import Process, read_log, wait_until

#: The interpreter for which Debian packages gi; the virtual environment's has none.
SYSTEM_PYTHON = "/usr/bin/python3"
#: Seconds that a window may take for a step that a person would wait for.
PATIENCE = 20.0

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Node:
    """One object on the screen, from the tree. *extents*: x, y, width, height in pixels of the screen."""

    name: str
    role: str
    description: str
    extents: tuple[int, int, int, int]
    text: str
    showing: bool
    enabled: bool
    focused: bool
    checked: bool

    @staticmethod
    def of(data: Mapping[str, Any]) -> Node:
        """Parse the agent's response."""
        return Node(
            data["name"],
            data["role"],
            data["description"],
            tuple(data["extents"] or (0, 0, 0, 0)),
            data["text"] or "",
            data["showing"],
            data["enabled"],
            data["focused"],
            data["checked"],
        )

    @property
    def center(self) -> tuple[int, int]:
        """The point to click at."""
        x, y, width, height = self.extents
        return x + width // 2, y + height // 2


@dataclass(frozen=True, slots=True)
class Table:
    """The texts of a table or tree: all unfolded rows."""

    header: list[str]
    rows: list[list[str]]

    def column(self, name: str) -> list[str]:
        """All texts below the header *name*."""
        if not self.header:
            return []  # read while the view was being laid out
        index = self.header.index(name)
        return [row[index] for row in self.rows]

    def find(self, *texts: str) -> int | None:
        """The first row that contains each of *texts* as a whole cell."""
        for number, row in enumerate(self.rows):
            if all(text in row for text in texts):
                return number
        return None


class Window:
    """One running Longshore on a private display."""

    def __init__(
        self,
        display: Xvfb,
        home: PrivateHome,
        arguments: Sequence[str] = (),
        *,
        environ: Mapping[str, str] | None = None,
        command: Sequence[str] | None = None,
        log: Path | None = None,
    ) -> None:
        self.display = display
        self.home = home
        self.log = log or home.root / "longshore.out"
        whole = home.environ({**display.environ(), **(environ or {})})
        whole.pop("QT_QPA_PLATFORM", None)
        whole["PYTHONFAULTHANDLER"] = "1"  # a crash of Qt leaves its Python stack in the log
        self._stack = contextlib.ExitStack()
        self._lock = threading.Lock()
        if not Path(SYSTEM_PYTHON).exists():
            raise TestbedUnavailable(f"{SYSTEM_PYTHON} is not there (Debian packages python3, python3-gi)")
        self._agent = subprocess.Popen(
            [SYSTEM_PYTHON, str(Path(__file__).with_name("atspi_agent.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=whole,
        )
        self._stack.callback(self._end_agent)
        try:
            self.process = self._stack.enter_context(
                Process(
                    "longshore",
                    [*(command or (sys.executable, "-m", "longshore")), *arguments],
                    log=self.log,
                    environ=whole,
                )
            )
        except BaseException:
            self._stack.close()
            raise

    def __enter__(self) -> Self:
        try:
            self.wait(lambda: self.ask(do="app"), "the window in the accessibility tree")
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End the program and the agent."""
        self._stack.close()

    def _end_agent(self) -> None:
        self._agent.kill()
        self._agent.communicate()

    # -- reading

    def ask(self, **command: Any) -> Any:
        """Send one command to the agent and return its result. Raises TestbedError with the agent's error."""
        assert self._agent.stdin is not None and self._agent.stdout is not None
        with self._lock:
            try:
                self._agent.stdin.write(json.dumps({"app": "longshore", **command}) + "\n")
                self._agent.stdin.flush()
                line = self._agent.stdout.readline()
            except BrokenPipeError:
                line = ""
        if not line:
            raise TestbedError(
                "the accessibility agent ended; is python3-gi with gir1.2-atspi-2.0 installed?"
            )
        answer = json.loads(line)
        if "error" in answer:
            raise TestbedError(answer["error"])
        return answer["ok"]

    def wait(self, condition: Callable[[], _T], what: str, timeout: float = PATIENCE) -> _T:
        """Wait until *condition* returns something true, and return that."""
        last: list[_T] = []

        def holds() -> bool:
            last[:] = [condition()]
            return bool(last[0])

        wait_until(holds, timeout=timeout, what=what, process=self.process, interval=0.05)
        return last[0]

    def find(self, name: str, *roles: str, index: int = 0) -> Node | None:
        """The visible object with this accessible name (and one of *roles*)."""
        data = self.ask(do="find", name=name, roles=list(roles), index=index)
        return Node.of(data) if data else None

    def find_all(self, name: str, *roles: str) -> list[Node]:
        """All visible objects with this accessible name (and one of *roles*)."""
        return [Node.of(data) for data in self.ask(do="list", name=name, roles=list(roles))]

    def wait_for(self, name: str, *roles: str, timeout: float = PATIENCE) -> Node:
        """Like :meth:`find`, but waits until it is visible."""
        found = self.wait(
            lambda: self.find(name, *roles), f"{'/'.join(roles) or 'a thing'} “{name}”", timeout
        )
        assert found is not None
        return found

    def texts(self) -> list[str]:
        """Names and texts of all visible objects outside of tables."""
        nodes = [Node.of(data) for data in self.ask(do="list")]
        return [text for node in nodes for text in {node.name, node.text} if text]

    def wait_text(self, part: str, timeout: float = PATIENCE) -> str:
        """Wait until a text outside of the tables contains *part*; returns the whole text."""
        return self.wait(
            lambda: next((text for text in self.texts() if part in text), ""), f"the text “{part}”", timeout
        )

    def table(self, name: str) -> Table:
        """The content of the table or tree with this accessible name."""
        data = self.ask(do="table", name=name, roles=["table", "tree", "tree table"])
        return Table(data["header"], data["rows"]) if data else Table([], [])

    def wait_row(self, table: str, *texts: str, timeout: float = PATIENCE) -> int:
        """Wait until a row has all of *texts* as cells; returns its number."""
        found = self.wait(lambda: self._row_plus_one(table, texts), f"a row {texts} in {table}", timeout)
        return found - 1

    def _row_plus_one(self, table: str, texts: Sequence[str]) -> int:
        row = self.table(table).find(*texts)
        return 0 if row is None else row + 1

    def cell(self, table: str, row: int, column: int) -> Node:
        """One cell, with its position on the screen."""
        data = self.ask(do="cell", name=table, roles=["table", "tree", "tree table"], row=row, column=column)
        if not data:
            raise TestbedError(f"no cell {row},{column} in {table}")
        return Node.of(data)

    def reveal(self, table: str, row: int, column: int = 0) -> Node:
        """The cell, scrolled into sight with the wheel if necessary."""
        view = self.wait_for(table, "table", "tree", "tree table")
        x, y, width, height = view.extents
        for _ in range(200):
            cell = self.cell(table, row, column)
            middle = cell.center[1]
            # The header takes up the first line of the view.
            if y + 40 < middle < y + height - 8:
                return cell
            self.display.xdotool(
                "mousemove", x + width // 2, y + height // 2, "click", 5 if middle > y + 40 else 4
            )
            time.sleep(0.05)
        raise TestbedError(f"row {row} of {table} cannot be scrolled into sight")

    # -- acting

    def click(self, where: Node, *, times: int = 1, button: int = 1) -> None:
        """Click in the middle of *where*."""
        self.display.xdotool(
            *("mousemove", *where.center, "sleep", 0.05, "click", "--repeat", times, "--delay", 60, button)
        )

    def press(self, name: str, timeout: float = PATIENCE) -> None:
        """Click the visible button with this accessible name with the mouse."""
        self.click(self.wait_for(name, "push button", "button", timeout=timeout))

    def click_row(self, table: str, *texts: str, column: int = 0, times: int = 1) -> int:
        """Click the row with these cells; returns its number."""
        row = self.wait_row(table, *texts)
        self.click(self.reveal(table, row, column), times=times)
        return row

    def type(self, text: str) -> None:
        """Type *text* into the focused object."""
        self.display.xdotool("type", "--delay", 8, text)

    def keys(self, *keys: str) -> None:
        """Press keys such as ``ctrl+f``, ``Return``."""
        self.display.xdotool("key", "--delay", 20, *keys)

    def drag_row(self, table: str, texts: Sequence[str], onto: Node) -> None:
        """Drag the row with these cells onto *onto*."""
        row = self.wait_row(table, *texts)
        self.display.drag(self.reveal(table, row, 0).center, onto.center)

    def screenshot(self, path: Path) -> Path:
        """Write a picture of the display to *path*; returns *path*."""
        return self.display.screenshot(path)

    def output(self) -> str:
        """The output of the program so far."""
        return read_log(self.log)


@contextlib.contextmanager
def window(display: Xvfb, home: PrivateHome, *arguments: str, **options: Any) -> Iterator[Window]:
    """A running Longshore that ends with the context."""
    with Window(display, home, arguments, **options) as running:
        yield running
