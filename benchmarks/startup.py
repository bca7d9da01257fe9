"""Compares Longshore's time to first paint with a bare PySide6 window with two views, alternating, in one run.

    PYTHONPATH=tests .venv/bin/python benchmarks/startup.py [--runs N]

Both start as new processes on a private X display and stop when their first frame is painted. The result that counts
is the ratio of the medians. Afterwards Longshore starts once more with an engine and a registry that do not exist, and
its memory is read after some idle seconds.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from figures import heading, ratio

from testbed.display import Xvfb
from testbed.home import PrivateHome

BARE = """
import sys, time
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication, QMainWindow, QSplitter, QTableView, QTreeView
class Stop(QObject):
    def eventFilter(self, watched, event):
        if event.type() == QEvent.Type.Paint:
            self.left -= 1
            if self.left == 0:
                app.exit(0)
        return False
app = QApplication(sys.argv[:1])
window = QMainWindow()
split = QSplitter()
views = [QTableView(), QTreeView()]
for view in views:
    split.addWidget(view)
window.setCentralWidget(split)
window.resize(1440, 900)
stop = Stop(); stop.left = 2
for view in views:
    view.viewport().installEventFilter(stop)
window.show()
app.exec()
print(time.monotonic())
"""

OURS = """
import os, sys, time
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QAbstractItemView
from longshore import app
import longshore.wiring.wiring as wiring_module
class Stop(QObject):
    def eventFilter(self, watched, event):
        if event.type() == QEvent.Type.Paint:
            self.seen.add(id(watched))
            self.last = self.last or (time.monotonic() if len(self.seen) == self.wanted else 0)
        return False
stop = Stop(); stop.seen = set(); stop.last = 0
show = wiring_module.Wiring.show
def watched_show(self):
    views = [view for view in self.window.findChildren(QAbstractItemView)
             if view.accessibleName() in ("Local images", "Registries")]
    stop.wanted = len(views)
    for view in views:
        view.viewport().installEventFilter(stop)
    show(self)
wiring_module.Wiring.show = watched_show
def run(application, wiring):
    while not stop.last:
        application.processEvents()
    print(stop.last, flush=True)
    os._exit(0)
app._run = run
sys.argv = ["longshore"]
app.main([])
"""

IDLE_SECONDS = 6


def once(code: str, environ: dict[str, str]) -> float:
    """Return the milliseconds from the start of the process to its first frame."""
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, timeout=60, check=True
    )
    return (float(done.stdout.split()[-1]) - begun) * 1000


def idle_memory(environ: dict[str, str]) -> float:
    """Return the resident MB (private and shared pages) of an idle Longshore."""
    process = subprocess.Popen([sys.executable, "-m", "longshore", "--registry", "127.0.0.1:1"], env=environ)
    try:
        time.sleep(IDLE_SECONDS)
        status = Path(f"/proc/{process.pid}/status").read_text("utf-8")
    finally:
        process.terminate()
        process.wait(10)
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1000


def main() -> None:
    """Measure and print the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        with Xvfb(root / "display", window_manager=False, accessibility=False) as display:
            environ = PrivateHome(root / "home").environ(display.environ())
            environ.pop("QT_QPA_PLATFORM", None)
            for code in (BARE, OURS):  # warm the file cache
                once(code, environ)
            pairs = [(once(BARE, environ), once(OURS, environ)) for _ in range(runs)]
            memory = idle_memory(environ)
    bare, ours = zip(*pairs, strict=True)
    heading("start")
    ratio("first paint", ours, "bare window", bare, "ms")
    print(f"  idle memory: {memory:.0f} MB resident")


if __name__ == "__main__":
    main()
