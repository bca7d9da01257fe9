"""Longshore's icons, drawn in a colour of the theme. Loaded when first painted, cached by name, colour and size."""

from __future__ import annotations

import functools

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QColor, QGuiApplication, QIcon, QPainter, QPixmap

from longshore import resources
from longshore.widgets.theme import current_theme

#: Size of the icon grid, in device-independent pixels.
SIZE = 16


def pixmap(name: str, colour: QColor, ratio: float = 1.0, size: int = SIZE) -> QPixmap:
    """Return icon *name* in *colour*, *size* device-independent pixels wide, at device pixel *ratio*."""
    return _pixmap(name, colour.name(), ratio, size)


@functools.lru_cache(maxsize=512)
def _pixmap(name: str, colour: str, ratio: float, size: int) -> QPixmap:
    from PySide6.QtSvg import QSvgRenderer  # not needed before the first icon

    drawing = resources.text(f"icons/{name}.svg").replace("currentColor", colour)
    pixels = max(1, round(size * ratio))
    made = QPixmap(pixels, pixels)
    made.fill(Qt.GlobalColor.transparent)
    renderer = QSvgRenderer(QByteArray(drawing.encode()))
    painter = QPainter(made)
    renderer.render(painter, QRectF(0, 0, pixels, pixels))
    painter.end()
    made.setDevicePixelRatio(ratio)
    return made


def icon(name: str, colour: QColor | None = None) -> QIcon:
    """Return icon *name* for a button or menu, in *colour* (default: the text colour), sharp on every screen."""
    theme = current_theme()
    ink = theme.text if colour is None else colour
    made = QIcon()
    for ratio in sorted({1.0, 2.0, *(screen.devicePixelRatio() for screen in QGuiApplication.screens())}):
        made.addPixmap(pixmap(name, ink, ratio))
        made.addPixmap(pixmap(name, theme.strong_line, ratio), QIcon.Mode.Disabled)
    return made


def window_icon() -> QIcon:
    """Return the program's icon."""
    return QIcon(str(resources.path("icons/longshore.svg")))
