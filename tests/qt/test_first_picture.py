"""What the first paint does not show is not loaded before it. This test checks names of modules, not times.

If a module is needed for the first paint, remove it from the lists. If it was imported by accident,
``python -X importtime -m longshore`` shows where.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys

#: Run the program up to its first paint, then print whether the window is painted, and all loaded modules.
PROGRAM = """
import json, os, sys
from longshore import app
def look():
    from PySide6.QtWidgets import QAbstractItemView, QApplication
    from longshore.widgets.main_window import MainWindow
    windows = [window for window in QApplication.topLevelWidgets() if isinstance(window, MainWindow)]
    painted = [window.isVisible() and window._painted for window in windows]
    print(json.dumps([painted, sorted(sys.modules)]), flush=True)
    os._exit(0)

class Collector:
    def __init__(self, parent):
        look()
from longshore.wiring import collector
collector.Collector = Collector
app.main([])
"""
#: Print the modules that any PySide window loads.
BARE = """
import json, sys
import PySide6.QtSvg
from PySide6.QtWidgets import QApplication, QMainWindow
application = QApplication([])
window = QMainWindow()
print(json.dumps(sorted(sys.modules)), flush=True)
"""

#: Our own rooms and modules, with everything below them.
OURS = (
    "longshore.application",
    "longshore.archives",
    "longshore.credentials",
    "longshore.engine",
    "longshore.library",
    "longshore.log",
    "longshore.models.history",
    "longshore.models.image_row",
    "longshore.models.registry_node",
    "longshore.models.registry_row",
    "longshore.models.tag_row",
    "longshore.words.times",
    "longshore.models.transfer_cells",
    "longshore.words.transfers",
    "longshore.models.transfers",
    "longshore.oci",
    "longshore.operations",
    "longshore.registry",
    "longshore.transfers",
    "longshore.widgets.actions",
    "longshore.widgets.details.button",
    "longshore.widgets.details.overview",
    "longshore.widgets.details.panel",
    "longshore.widgets.details.place",
    "longshore.widgets.desktop.bus",
    "longshore.widgets.desktop.questions",
    "longshore.widgets.dialogs",
    "longshore.widgets.history",
    "longshore.widgets.strip",
    "longshore.widgets.transfer_paint",
    "longshore.widgets.transfer_view",
    "longshore.widgets.transfers",
    "longshore.wiring.desktop",
    "longshore.wiring.details",
    "longshore.wiring.images",
    "longshore.wiring.transfers",
)
#: Other modules that are large, or import much.
OTHERS = (
    "PySide6.QtNetwork",
    "asyncio",
    "concurrent",
    "dataclasses",
    "datetime",
    "docker",
    "email",
    "hashlib",
    "html",
    "http",
    "jeepney",
    "logging.handlers",
    "pickle",
    "platform",
    "qasync",
    "requests",
    "secrets",
    "shlex",
    "sqlite3",
    "ssl",
    "subprocess",
    "tarfile",
    "urllib3",
)


def run(code: str) -> str:
    environ = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "DBUS_SESSION_BUS_ADDRESS": "disabled:"}
    environ.pop("XDG_RUNTIME_DIR", None)
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_list_names_what_there_is() -> None:
    assert [name for name in (*OURS, *OTHERS) if importlib.util.find_spec(name) is None] == []


def test_the_window_is_painted_before_the_rest_is_loaded() -> None:
    painted, loaded = json.loads(run(PROGRAM))
    assert painted == [True]
    ours = set(loaded) - set(json.loads(run(BARE)))
    early = sorted(
        name for name in ours if any(name == one or name.startswith(f"{one}.") for one in (*OURS, *OTHERS))
    )
    assert early == []
    assert "longshore.widgets.main_window" in ours
