"""Checks for a display that Qt can open, and for a usable environment, before Qt starts.

Qt aborts the process if there is no display, and accepts any number as a scale factor.
"""

from __future__ import annotations

import ctypes
import importlib.util
import math
import re
import stat
import sys
import threading
from collections.abc import Callable, Mapping, MutableMapping
from pathlib import Path

#: Seconds that an X server may take to accept the connection: remote ones over ssh take some.
X11_SECONDS = 10.0
#: Limits of scale factors and dots per inch: beyond them a window has no size, or more pixels than fit into memory.
SCALES, DOTS = (0.25, 8.0), (24.0, 768.0)
_held: list[Callable[[], None]] = []
#: Compiled only if a variable is set, which is rare.
_NUMBER = r"\s*[+-]?([0-9]{1,32}(\.[0-9]{0,32})?|\.[0-9]{1,32})([eE][+-]?[0-9]{1,4})?\s*"


def drop_odd_settings(environ: MutableMapping[str, str]) -> list[str]:
    """Remove settings from *environ* that would keep Qt from drawing a usable window; returns a sentence for each.

    Values that Qt itself ignores are removed and reported too, because somebody set them for a reason. Main thread,
    before the QApplication is made.
    """
    said = []

    def check(name: str, holds: Callable[[str], bool], wanted: str) -> None:
        value = environ.get(name, "")
        if value and not holds(value):
            del environ[name]
            said.append(f"{name}={value[:80]!r} is ignored: {wanted}.")

    def factors(value: str) -> bool:
        return all(_within(part.rpartition("=")[2], SCALES) for part in value.split(";") if part)

    scales = f"from {SCALES[0]:g} to {SCALES[1]:g}"
    check("QT_SCALE_FACTOR", lambda value: _within(value, SCALES), f"the factor must be a number {scales}")
    check("QT_SCREEN_SCALE_FACTORS", factors, f"the factors must be numbers {scales}")
    check(
        "QT_FONT_DPI",
        lambda value: _within(value, DOTS),
        f"dots per inch must be a number from {DOTS[0]:g} to {DOTS[1]:g}",
    )
    # An experiment of Qt's for drawing widgets on the GPU; it crashes Longshore's window with a segmentation fault.
    check("QT_WIDGETS_RHI", lambda value: value.strip() == "0", "Longshore does not support it")
    return said


def let_go() -> None:
    """Close the connections that :func:`why_no_display` kept open. Called after Qt has its own; main thread."""
    while _held:
        _held.pop()()


def _within(text: str, bounds: tuple[float, float]) -> bool:
    if not re.fullmatch(_NUMBER, text):
        return False  # also "nan" and "inf", which Qt accepts as numbers
    value = float(text)
    return math.isfinite(value) and bounds[0] <= value <= bounds[1]


def why_no_qt() -> str:
    """Empty if what the window needs is installed, else one line for stderr. Imports none of it. Main thread."""
    for name in ("PySide6", "qasync"):
        if importlib.util.find_spec(name) is None:
            return (
                f"The window needs {name}, which is not installed. Install it: {sys.executable} -m pip install "
                "longshore. Commands work without it: longshore --help"
            )
    return ""


def why_no_display(environ: Mapping[str, str], platform: str) -> str:
    """Empty if a window can be opened, else one line for stderr that says what is missing and what to do.

    *platform*: ``sys.platform``. Main thread, before the QApplication is made. Takes about a millisecond.
    """
    if not platform.startswith("linux"):
        return ""
    # Qt uses the first platform that works.
    names = [part.partition(":")[0] for part in environ.get("QT_QPA_PLATFORM", "").split(";")]
    reasons = [_why_not(name, environ) for name in names]
    return "" if "" in reasons else reasons[0]


def _why_not(name: str, environ: Mapping[str, str]) -> str:
    if name not in ("", "xcb", "wayland", "wayland-egl"):
        return (
            ""
            if _has_plugin(name, environ)
            else (
                f"QT_QPA_PLATFORM={name[:80]!r} is not a platform of this Qt. Unset it, or use xcb or wayland."
            )
        )
    if name != "xcb" and _wayland_answers(environ):
        return ""
    if name.startswith("wayland"):
        return "No display: no Wayland compositor responds at WAYLAND_DISPLAY. Start Longshore in a desktop session."
    display = environ.get("DISPLAY", "")
    if not display:
        return "No display: neither DISPLAY nor WAYLAND_DISPLAY is set. Start Longshore in a desktop session."
    missing = _missing_library()
    if missing:
        return (
            f"Qt can't open a window: {missing}. On Debian and Ubuntu: apt install libxcb-cursor0 "
            "libxkbcommon-x11-0 libxcb-icccm4 libxcb-keysyms1 libxcb-shape0 libegl1 libgl1 libfontconfig1 libdbus-1-3"
        )
    if not _x11_answers(display):
        return (
            f"No display: the X server {display} does not respond or refuses the connection. Check "
            "DISPLAY and XAUTHORITY."
        )
    return ""


def _platforms() -> Path:
    import PySide6

    return Path(PySide6.__file__).parent / "Qt" / "plugins" / "platforms"


def _has_plugin(name: str, environ: Mapping[str, str]) -> bool:
    folder = _platforms()
    if not folder.is_dir() or environ.get("QT_PLUGIN_PATH") or environ.get("QT_QPA_PLATFORM_PLUGIN_PATH"):
        return True  # a distribution's Qt, or the user's own plugins: Qt reports problems itself
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,40}", name):
        return False
    # One library serves several names with the same beginning (wayland-egl, wayland-brcm, …).
    return any(folder.glob(f"libq{name.partition('-')[0].lower()}*.so"))


def _wayland_answers(environ: Mapping[str, str]) -> bool:
    name = environ.get("WAYLAND_DISPLAY", "")
    if not name:
        return False
    import socket

    path = Path(environ.get("XDG_RUNTIME_DIR", "/nonexistent"), name)  # an absolute name wins
    try:
        if not stat.S_ISSOCK(path.stat().st_mode):
            return False
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(1)
            probe.connect(str(path))
    except OSError:
        return False
    return True


def _x11_answers(display: str) -> bool:
    """True if an X server accepts a connection as Qt makes it, with the same authority and library, in time."""
    try:
        xcb = ctypes.CDLL("libxcb.so.1")
    except OSError:
        return True  # _missing_library has checked this already: Qt reports problems itself
    xcb.xcb_connect.restype = ctypes.c_void_p
    xcb.xcb_connect.argtypes = [ctypes.c_char_p, ctypes.c_void_p]
    xcb.xcb_connection_has_error.argtypes = [ctypes.c_void_p]
    xcb.xcb_disconnect.argtypes = [ctypes.c_void_p]
    answers: list[bool] = []

    def connect() -> None:
        connection = xcb.xcb_connect(display.encode(), None)
        # An X server on its own resets when its last client leaves, and would then refuse Qt, which connects next.
        _held.append(lambda: xcb.xcb_disconnect(connection))
        answers.append(xcb.xcb_connection_has_error(connection) == 0)

    # The library waits forever for a server that accepts but does not respond; the thread then ends with the process.
    thread = threading.Thread(target=connect, name="longshore-display", daemon=True)
    thread.start()
    thread.join(X11_SECONDS)
    return answers == [True]


def _missing_library() -> str:
    """Why Qt's X11 plugin cannot be loaded, in the words of the dynamic linker; empty if it can."""
    plugin = _platforms() / "libqxcb.so"
    if not plugin.exists():
        return ""  # a distribution's Qt, or a bundle with another layout
    try:
        ctypes.CDLL(str(plugin))
    except OSError as error:
        return str(error).splitlines()[0]
    return ""
