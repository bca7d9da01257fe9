"""Is there a display that Qt can open? Asked before Qt is, because Qt aborts the process where there is none."""

from __future__ import annotations

import ctypes
import stat
from collections.abc import Mapping
from pathlib import Path


def why_no_display(environ: Mapping[str, str], platform: str) -> str:
    """Empty if a window can be opened, else one line for stderr that says what is missing and what to do.

    *platform*: ``sys.platform``. Main thread, before the QApplication is made. Takes about a millisecond.
    """
    wanted = environ.get("QT_QPA_PLATFORM", "").split(":")[0].split(";")[0]
    if not platform.startswith("linux") or wanted not in ("", "xcb", "wayland", "wayland-egl"):
        return ""
    if wanted != "xcb" and _wayland_answers(environ):
        return ""
    if wanted.startswith("wayland"):
        return "No display: no Wayland compositor answers at WAYLAND_DISPLAY. Start Longshore in a desktop session."
    display = environ.get("DISPLAY", "")
    if not display:
        return "No display: neither DISPLAY nor WAYLAND_DISPLAY is set. Start Longshore in a desktop session."
    missing = _missing_library()
    if missing:
        return (
            f"Qt cannot open a window: {missing}. On Debian and Ubuntu: apt install libxcb-cursor0 "
            "libxkbcommon-x11-0 libxcb-icccm4 libxcb-keysyms1 libxcb-shape0 libegl1 libgl1 libfontconfig1 libdbus-1-3"
        )
    if not _x11_answers(display):
        return (
            f"No display: the X server {display} does not answer or refuses us. Check DISPLAY and XAUTHORITY."
        )
    return ""


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
    """Connect as Qt will, authority and all, through the same library."""
    try:
        xcb = ctypes.CDLL("libxcb.so.1")
    except OSError:
        return True  # _missing_library has looked already; let Qt say what it must
    xcb.xcb_connect.restype = ctypes.c_void_p
    xcb.xcb_connect.argtypes = [ctypes.c_char_p, ctypes.c_void_p]
    xcb.xcb_connection_has_error.argtypes = [ctypes.c_void_p]
    xcb.xcb_disconnect.argtypes = [ctypes.c_void_p]
    connection = xcb.xcb_connect(display.encode(), None)
    failed: int = xcb.xcb_connection_has_error(connection)
    xcb.xcb_disconnect(connection)
    return failed == 0


def _missing_library() -> str:
    """What keeps Qt's X11 plugin from loading, as the dynamic linker says it; empty if it loads."""
    import PySide6

    folder = Path(PySide6.__file__).parent
    plugin = folder / "Qt" / "plugins" / "platforms" / "libqxcb.so"
    if not plugin.exists():
        return ""  # a distribution's own Qt, or a bundle that lays its files out otherwise
    try:
        ctypes.CDLL(str(plugin))
    except OSError as error:
        return str(error).splitlines()[0]
    return ""
