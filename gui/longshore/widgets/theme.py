"""One theme for the whole program: colours, fonts, the style sheet and the palette. GUI thread only.

The setting is System, Light or Dark. If the platform does not report its colour scheme, System is light.
"""

from __future__ import annotations

import enum
import string

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtGui import QColor, QFont, QFontDatabase, QFontMetrics, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from longshore import resources
from longshore.models.columns import Tone
from longshore.widgets.colours import DARK, LIGHT, Palette, shade

#: Minimum font size in pixels: without a desktop's font setting, Qt falls back to 9 pt, which is small.
_LEAST_PIXELS = 13


class Appearance(enum.StrEnum):
    """The user's choice; the values are stored in the settings."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


class Ink:
    """The colours of one tone: on a pane, on a selected row, as text and background of a pill."""

    __slots__ = ("pill", "pill_text", "plain", "selected")

    def __init__(self, palette: Palette, colour: str) -> None:
        made = shade(palette, colour)
        self.plain = QColor(made.plain)
        self.selected = QColor(made.selected)
        self.pill_text = QColor(made.pill_text)
        self.pill = QColor(made.pill)


class Theme(QObject):
    """Colours and fonts as Qt objects. One per program: :func:`current_theme`."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.appearance = Appearance.SYSTEM
        self._app: QApplication | None = None
        self._sheet_on = False
        self._load(LIGHT)
        self._load_fonts()

    # -- colours and fonts

    def _load(self, palette: Palette) -> None:
        self.palette = palette
        self.dark = palette.dark
        self.window = QColor(palette.window)
        self.pane = QColor(palette.pane)
        self.soft = QColor(palette.soft)
        self.line = QColor(palette.line)
        self.strong_line = QColor(palette.strong_line)
        self.track = QColor(palette.track)
        self.text = QColor(palette.text)
        self.dim = QColor(palette.dim)
        self.accent = QColor(palette.accent)
        self.good = QColor(palette.good)
        self.caution = QColor(palette.caution)
        self.bad = QColor(palette.bad)
        self.selection = QColor(palette.selection)
        self.fill = QColor(palette.fill)
        self.on_fill = QColor(palette.on_fill)
        plain = Ink(palette, palette.text)
        self.inks: dict[int, Ink] = {
            Tone.NONE: plain,
            Tone.GOOD: Ink(palette, palette.good),
            Tone.CAUTION: Ink(palette, palette.caution),
            Tone.BAD: Ink(palette, palette.bad),
            Tone.ACTIVE: Ink(palette, palette.accent),
            Tone.QUIET: Ink(palette, palette.dim),
            Tone.OUTLINE: Ink(palette, palette.dim),
        }

    def ink(self, tone: object) -> Ink:
        """Return the colours of *tone* (a :class:`Tone`; anything else counts as none)."""
        return self.inks.get(tone if isinstance(tone, int) else 0, self.inks[0])

    def _load_fonts(self) -> None:
        font = QFont(QApplication.font()) if QApplication.instance() is not None else QFont()
        if 0 < font.pixelSize() < _LEAST_PIXELS or (
            font.pixelSize() < 0 and self._pixels(font) < _LEAST_PIXELS
        ):
            font.setPixelSize(_LEAST_PIXELS)
        size = self._pixels(font)
        self.font = font
        self.strong_font = QFont(font)
        self.strong_font.setWeight(QFont.Weight.DemiBold)
        self.title_font = QFont(self.strong_font)
        self.title_font.setPixelSize(round(size * 15 / 13))
        self.small_font = QFont(font)
        self.small_font.setPixelSize(max(11, round(size * 12 / 13)))
        self.fixed_font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
        self.fixed_font.setPixelSize(max(11, round(size * 12 / 13)))
        self.metrics = QFontMetrics(self.font)
        self.strong_metrics = QFontMetrics(self.strong_font)
        self.small_metrics = QFontMetrics(self.small_font)
        self.fixed_metrics = QFontMetrics(self.fixed_font)
        #: Widths of a letter that hardly any other exceeds, and of a full percentage.
        self.widest = max(
            self.strong_metrics.horizontalAdvance("W"), self.fixed_metrics.horizontalAdvance("W")
        )
        self.percent_width = self.metrics.horizontalAdvance("100 %")
        #: Height of a row in device-independent pixels.
        self.row_height = max(30, self.metrics.height() + 12)
        self.control_height = max(28, self.metrics.height() + 12)

    @staticmethod
    def _pixels(font: QFont) -> int:
        return font.pixelSize() if font.pixelSize() > 0 else round(font.pointSizeF() * 96 / 72)

    # -- applying

    def install(self, app: QApplication, appearance: Appearance) -> None:
        """Set palette and font of *app*. Call once, before the first window is created.

        :meth:`finish` sets the style sheet: widgets built under a style sheet are restyled at every step, which takes
        as long as creating them.
        """
        self._app = app
        if not app.property("style"):  # the program sets it on its command line, which is faster
            app.setStyle("Fusion")
        self._load_fonts()
        app.setFont(self.font)
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._scheme_changed)
        self.appearance = appearance
        self._dress()

    def finish(self) -> None:
        """Set the style sheet, once the first window is built. Later calls do nothing."""
        if self._app is not None and not self._sheet_on:
            self._sheet_on = True
            self._app.setStyleSheet(self.style_sheet())

    def set_appearance(self, appearance: Appearance) -> None:
        """Change the setting and restyle the program at once."""
        if appearance is not self.appearance:
            self.appearance = appearance
            self._dress()

    @Slot()
    def _scheme_changed(self) -> None:
        if self.appearance is Appearance.SYSTEM:
            self._dress()

    def _wanted(self) -> Palette:
        if self.appearance is Appearance.SYSTEM:
            scheme = QGuiApplication.styleHints().colorScheme()
            return DARK if scheme == Qt.ColorScheme.Dark else LIGHT
        return DARK if self.appearance is Appearance.DARK else LIGHT

    def _dress(self) -> None:
        self._load(self._wanted())
        if self._app is not None:
            self._app.setPalette(self.qt_palette())
            if self._sheet_on:
                self._app.setStyleSheet(self.style_sheet())
        self.changed.emit()

    def qt_palette(self) -> QPalette:
        """Return the theme as a QPalette, for widgets that no style sheet rule matches."""
        palette = QPalette()
        role = QPalette.ColorRole
        for which, colour in (
            (role.Window, self.window),
            (role.WindowText, self.text),
            (role.Base, self.pane),
            (role.AlternateBase, self.soft),
            (role.Text, self.text),
            (role.Button, self.pane),
            (role.ButtonText, self.text),
            (role.BrightText, self.bad),
            (role.ToolTipBase, self.pane),
            (role.ToolTipText, self.text),
            (role.PlaceholderText, self.dim),
            (role.Highlight, self.selection),
            (role.HighlightedText, self.text),
            (role.Link, self.accent),
            (role.LinkVisited, self.accent),
            (role.Light, self.pane),
            (role.Midlight, self.soft),
            (role.Mid, self.line),
            (role.Dark, self.strong_line),
            (role.Shadow, self.strong_line),
        ):
            palette.setColor(which, colour)
        for which in (role.WindowText, role.Text, role.ButtonText):
            palette.setColor(QPalette.ColorGroup.Disabled, which, self.dim)
        return palette

    def style_sheet(self) -> str:
        """Return the style sheet with the theme's values filled in."""
        colours = {
            name: getattr(self.palette, name) for name in Palette._fields if name not in ("dark", "tint")
        }
        return string.Template(resources.text("styles/longshore.qss")).substitute(
            colours,
            bad_text=self.inks[Tone.BAD].plain.name(),
            caution_text=self.inks[Tone.CAUTION].plain.name(),
            control=self.control_height - 2,
            title=self.title_font.pixelSize(),
            small=self.small_font.pixelSize(),
            styles=(resources.folder() / "styles").as_posix(),
            variant="dark" if self.dark else "light",
        )


_theme: Theme | None = None


def current_theme() -> Theme:
    """Return the program's theme; created, not applied, at the first call. GUI thread, after QApplication."""
    global _theme
    if _theme is None:
        _theme = Theme()
    return _theme
