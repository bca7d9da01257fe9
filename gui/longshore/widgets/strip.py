"""The strip at the bottom: Transfers, and in a small window Details beside it as two tabs."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QTabBar, QWidget

from longshore.widgets.theme import current_theme

#: The pages of the strip.
TRANSFERS, DETAILS = 0, 1
#: Space at both sides of a name, in pixels, as in the style sheet.
_AROUND = 8
#: Height of the row of names in pixels.
_HEIGHT = 44


class _Names(QTabBar):
    """The names of both pages, with one of them chosen. A choice is only reported: another page has its own names."""

    def __init__(self, current: int) -> None:
        super().__init__()
        self._current = current
        self.setObjectName("strip")
        self.setAccessibleName(self.tr("Transfers and details"))
        self.setDrawBase(False)
        self.setExpanding(False)
        self.setUsesScrollButtons(False)
        self.setElideMode(Qt.TextElideMode.ElideNone)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.addTab(self.tr("Transfers"))
        self.addTab(self.tr("Details"))
        self.setCurrentIndex(current)

    def tabSizeHint(self, index: int) -> QSize:
        """Qt's hook."""
        from PySide6.QtGui import QFontMetrics

        metrics = QFontMetrics(current_theme().title_font)
        return QSize(metrics.horizontalAdvance(self.tabText(index)) + 2 * _AROUND, _HEIGHT)

    minimumTabSizeHint = tabSizeHint

    def reset(self) -> None:
        """Choose the own page again."""
        blocked = self.blockSignals(True)
        self.setCurrentIndex(self._current)
        self.blockSignals(blocked)


class Strip(QStackedWidget):
    """The pages. It is hidden while neither has anything to show."""

    page_changed = Signal()

    def __init__(self, transfers: QWidget, header: QHBoxLayout, title: QWidget) -> None:
        """*transfers*: the pane, whose *header* begins with its *title*; the names of both pages take its place."""
        super().__init__()
        self._occupied = False
        self._details: QWidget | None = None
        self._title = title
        self.addWidget(transfers)
        self._names = [_Names(page) for page in (TRANSFERS, DETAILS)]
        for names in self._names:
            names.currentChanged.connect(self._chosen)
            names.hide()
        header.insertWidget(0, self._names[TRANSFERS])
        self.hide()

    @property
    def page(self) -> int:
        """The page that is shown: :data:`TRANSFERS` or :data:`DETAILS`."""
        return DETAILS if self._details is not None and self.currentWidget() is self._details else TRANSFERS

    @Slot(bool)
    def set_occupied(self, occupied: bool) -> None:
        """Set whether Transfers has anything to show."""
        self._occupied = occupied
        self._follow()

    @Slot(int)
    def set_unfinished(self, count: int) -> None:
        """Show how many transfers have not finished beside their name: Details may hide them."""
        for names in self._names:
            names.setTabText(TRANSFERS, self.tr("Transfers") + (f"  {count}" if count else ""))
            names.updateGeometry()

    def add_details(self, panel: QWidget, lead: QHBoxLayout) -> None:
        """Add the panel as the second page, and show it if there is nothing in the first. *lead*: a row of the panel
        for the names of both pages."""
        if self._details is None:
            self._details = panel
            self.addWidget(panel)
            lead.addWidget(self._names[DETAILS])
            self._follow()
            if not self._occupied:
                self.show_page(DETAILS)

    def take_details(self) -> None:
        """Remove the panel from here; its owner keeps it."""
        if self._details is not None:
            panel, self._details = self._details, None
            self._names[DETAILS].hide()
            self.removeWidget(panel)
            self._follow()
            self.page_changed.emit()

    def show_page(self, page: int) -> None:
        """Show a page."""
        if page == DETAILS and self._details is not None:
            self.setCurrentWidget(self._details)
        else:
            self.setCurrentIndex(TRANSFERS)
        self.page_changed.emit()

    @Slot(int)
    def _chosen(self, page: int) -> None:
        for names in self._names:
            names.reset()
        self.show_page(page)
        self._names[page].setFocus(Qt.FocusReason.OtherFocusReason)

    def _follow(self) -> None:
        both = self._details is not None
        self._title.setVisible(not both)
        for names in self._names:
            names.setVisible(both)
        self.setVisible(self._occupied or both)
        if (layout := self.layout()) is not None:
            layout.activate()
