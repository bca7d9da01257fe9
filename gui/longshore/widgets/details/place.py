"""Where Details is: at the right if the window is wide enough, otherwise in the strip below, beside Transfers."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QApplication, QSplitter, QWidget

from longshore.widgets.details.panel import DetailsPanel
from longshore.widgets.details.remembered import WIDE, WIDTH, remembered
from longshore.widgets.strip import DETAILS, Strip


class DetailsPlace(QObject):
    """Shows and hides the panel, and moves it when the window's width changes. GUI thread."""

    shown_changed = Signal(bool)  # whether the user wants the panel
    visible_changed = Signal(bool)  # whether the panel can be seen

    def __init__(
        self, panel: DetailsPanel, upper: QSplitter, dock: QWidget, floors: QSplitter, strip: Strip
    ) -> None:
        """*upper*: the splitter whose last widget is *dock*, which reserves the room at the right. *floors*: the one
        whose widgets are *upper* and *strip*."""
        super().__init__(panel)
        self._panel = panel
        self._upper = upper
        self._dock = dock
        self._floors = floors
        self._strip = strip
        #: The user has chosen the height of the strip.
        self._sized = False
        #: The heights before the strip grew, None while it has not.
        self._heights: list[int] | None = None
        self._wide: bool | None = None
        self._visible = False
        self.shown = False
        self.width = WIDTH
        panel.close_requested.connect(lambda: self.set_shown(False))
        strip.page_changed.connect(self._tell)
        upper.splitterMoved.connect(self._moved)
        floors.splitterMoved.connect(self._size)

    @property
    def visible(self) -> bool:
        """True if the panel can be seen: the strip may show Transfers instead."""
        return self._visible

    def toggle(self) -> None:
        """Show the panel, or hide it if it can be seen."""
        self.set_shown(not self._visible)

    def set_shown(self, shown: bool) -> None:
        """Show the panel, also where the strip shows Transfers, or hide it."""
        changed = shown != self.shown
        focus = QApplication.focusWidget()
        if not shown and focus is not None and self._panel.isAncestorOf(focus):
            self._panel.left.emit()  # Qt would focus the first pane, whose rows are other images
        self.shown = shown
        self._arrange()
        if shown and not self._wide:
            self._strip.show_page(DETAILS)
        self._tell()
        if changed:
            self.shown_changed.emit(shown)

    def set_room(self, width: int) -> None:
        """The window is *width* pixels wide."""
        if (width >= WIDE) != self._wide:
            self._wide = width >= WIDE
            self._panel.set_wide(not self._wide)
            self._arrange()
            self._tell()
        self._fit()

    def _arrange(self) -> None:
        right = self.shown and bool(self._wide)
        below = self.shown and not self._wide
        if below:
            self._strip.add_details(self._panel, self._panel.lead)
        else:
            self._strip.take_details()
            layout = self._dock.layout()
            assert layout is not None
            layout.addWidget(self._panel)
            self._panel.show()
        if right != (not self._dock.isHidden()):
            self._dock.setVisible(right)
            if right:
                self._upper.setSizes([max(1, self._upper.width() - self.width), self.width])
        self._fit()

    def _fit(self) -> None:
        """Give the strip half of the height while Details is in it, unless the user has chosen another height."""
        if self._sized:
            return
        if self.shown and not self._wide:
            self._heights = self._heights or self._floors.sizes()
            room = sum(self._floors.sizes())
            self._floors.setSizes([room - room // 2, room // 2])
        elif self._heights is not None:
            self._floors.setSizes(self._heights)
            self._heights = None

    @Slot()
    def _size(self) -> None:
        self._sized = True

    @Slot()
    def _tell(self) -> None:
        visible = self.shown and (bool(self._wide) or self._strip.page == DETAILS)
        if visible != self._visible:
            self._visible = visible
            self.visible_changed.emit(visible)

    @Slot()
    def _moved(self) -> None:
        if not self._dock.isHidden():
            self.width = self._dock.width()

    def state(self) -> dict[str, Any]:
        """Return what is remembered between runs."""
        return {"shown": self.shown, "width": self.width, "tab": self._panel.tab_key, "sized": self._sized}

    def restore(self, state: object) -> None:
        """Apply :meth:`state` of an earlier run, or anything else without harm."""
        shown, self.width, tab = remembered(state)
        self._sized = isinstance(state, dict) and state.get("sized") is True
        self._panel.choose(tab)
        self.set_shown(shown)
