"""Details: everything about the selected image, in tabs. Docked at the right, or beside Transfers in a small window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QHBoxLayout, QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from longshore.models.columns import Tone
from longshore.widgets.columns import EDGE
from longshore.widgets.details.remembered import LEAST_WIDTH
from longshore.widgets.details.tab_row import TabRow
from longshore.widgets.details.table import TABS
from longshore.widgets.header_parts import IconButton
from longshore.widgets.notices import ElidedLabel, LoadingLine, Notice, plain_label
from longshore.words import errors

if TYPE_CHECKING:
    from longshore.application.inspection.values import Inspected
    from longshore.application.subject import Subject
    from longshore.errors import LongshoreError
    from longshore.widgets.details.tab import DetailsTab

#: Minimum height of the panel in pixels.
_LEAST_HEIGHT = 150
#: Pixels from the left edge of a flat button to its text.
_BEFORE = 11


class _Stack(QStackedWidget):
    """A stack whose hidden pages do not widen the panel."""

    def minimumSizeHint(self) -> QSize:
        """Qt's hook."""
        return QSize(0, 0)


class DetailsPanel(QWidget):
    """The panel. Its owner sets the subject; :mod:`.tab` says what the tabs get, and when."""

    tab_made = Signal(
        str, object
    )  # key in table.TABS, DetailsTab: created just now, before it gets a subject
    tab_chosen = Signal(str)  # key in table.TABS
    close_requested = Signal()
    left = Signal()  # Escape: the focus goes back to the rows
    read_requested = Signal()  # read the image although it counts as a pull, or again after an error

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("pane")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName(self.tr("Details"))
        self._subject: Subject | None = None
        self._answer: Inspected | LongshoreError | None = None
        self._settled = False
        self._wide = False
        self._tabs: dict[int, DetailsTab] = {}
        #: What each tab was given last: it gets only what is new.
        self._given: dict[int, tuple[object, object, bool]] = {}
        outer = QVBoxLayout(self)
        outer.setContentsMargins(1, 1, 1, 1)
        outer.setSpacing(0)
        self.heading = QWidget()
        row = QHBoxLayout(self.heading)
        row.setContentsMargins(EDGE, 10, EDGE - 4, 8)
        self.title = ElidedLabel("title")
        row.addWidget(self.title, 1)
        self.close_button = IconButton(self.tr("Close"), "cancel")
        self.close_button.setProperty("quiet", True)
        self.close_button.clicked.connect(self.close_requested)
        row.addWidget(self.close_button)
        outer.addWidget(self.heading)
        #: What stands before the tabs in the strip below: the names of both panes.
        self.lead = QHBoxLayout()
        self.lead.setContentsMargins(EDGE - 8, 0, 0, 0)
        self.tabs = TabRow([kind.title() for kind in TABS])
        self.tabs.chosen.connect(self._chosen)
        line = QHBoxLayout()
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(0)
        self._before = QWidget()
        self._before.setLayout(self.lead)
        line.addWidget(self._before)
        line.addWidget(self.tabs, 1)
        outer.addLayout(line)
        rule = QWidget()
        rule.setObjectName("band")
        rule.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        rule.setFixedHeight(1)
        outer.addWidget(rule)
        self.loading = LoadingLine()
        outer.addWidget(self.loading)
        self.stack = _Stack()
        self.empty = plain_label(self.tr("Select an image or a tag to see its details."), "dim", wrap=True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setMargin(24)
        self.stack.addWidget(self.empty)
        outer.addWidget(self.stack, 1)
        self.notice = Notice(lasting=True)
        outer.addWidget(self.notice)
        self._feet = _Stack()
        self._foot = QWidget()
        self._foot.setObjectName("band")
        self._foot.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        foot = QHBoxLayout(self._foot)
        foot.setContentsMargins(0, 0, 0, 0)
        foot.addWidget(self._feet)
        self._foot.setFixedHeight(35)
        outer.addWidget(self._foot)
        self.setMinimumSize(LEAST_WIDTH, _LEAST_HEIGHT)
        self._show_subject()

    # -- tabs

    @property
    def tab_key(self) -> str:
        """The key of the chosen tab."""
        return TABS[self.tabs.current].key

    def choose(self, key: str) -> None:
        """Choose the tab *key*; unknown keys of other versions do nothing."""
        for number, kind in enumerate(TABS):
            if kind.key == key:
                self.tabs.choose(number)

    def tab(self, key: str) -> DetailsTab:
        """Return the tab *key*, which is created now if it was never shown."""
        return self._made(next(number for number, kind in enumerate(TABS) if kind.key == key))

    def _made(self, number: int) -> DetailsTab:
        tab = self._tabs.get(number)
        if tab is None:
            kind = TABS[number]
            tab = self._tabs[number] = kind.make()
            tab.setAccessibleName(kind.title())
            self.stack.addWidget(tab)
            self._feet.addWidget(_foot_of(tab))
            tab.set_wide(self._wide)
            self.tab_made.emit(kind.key, tab)
        return tab

    @Slot(int)
    def _chosen(self, number: int) -> None:
        self._show_subject()
        self.tab_chosen.emit(TABS[number].key)

    def set_wide(self, wide: bool) -> None:
        """Show the panel for the strip below (*wide* and low), or else for the right."""
        self._wide = wide
        self.heading.setVisible(not wide)
        self._before.setVisible(wide)
        self._foot.setFixedHeight(30 if wide else 35)
        self.tabs.set_high(wide)
        for tab in self._tabs.values():
            tab.set_wide(wide)

    def focus_filter(self) -> bool:
        """Focus the filter of the chosen tab; False if it has none."""
        return self._subject is not None and self._made(self.tabs.current).focus_filter()

    def focus_content(self) -> None:
        """Focus the content of the chosen tab, or the tabs."""
        home = self._made(self.tabs.current).home() if self._subject is not None else None
        (home or self.tabs.bar).setFocus(Qt.FocusReason.ShortcutFocusReason)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Qt's hook: Escape goes back to the rows, unless a field uses it."""
        if event.key() == Qt.Key.Key_Escape:
            self.left.emit()
            return
        super().keyPressEvent(event)

    def focusNextPrevChild(self, forward: bool) -> bool:
        """Qt's hook: the focus leaves a widget that is hidden or disabled. It stays in the panel: among the rows it
        would change what is shown."""
        focus = QApplication.focusWidget()
        lost = (
            focus is not None and self.isAncestorOf(focus) and not (focus.isVisible() and focus.isEnabled())
        )
        if lost and self.isVisible() and self.tabs.bar.isEnabled():
            self.tabs.bar.setFocus(Qt.FocusReason.OtherFocusReason)
            return True
        return super().focusNextPrevChild(forward)

    # -- what is shown

    @property
    def subject(self) -> Subject | None:
        """The image that is shown."""
        return self._subject

    @Slot(object)
    def set_subject(self, subject: Subject | None) -> None:
        """Show *subject*, with what is known from its row; None: nothing is selected."""
        self._subject, self._answer, self._settled = subject, None, False
        self.notice.hide()
        self.loading.set_loading(False)
        self._show_subject()

    @Slot(object)
    def update_subject(self, subject: Subject) -> None:
        """Show *subject*, which is the same image; its row knows more of it by now."""
        before, self._subject = self._subject, subject
        for number, (known, answer, settled) in list(self._given.items()):
            if known is before and before is not None:
                self._given[number] = (subject, answer, settled)
                self._tabs[number].update_subject(subject)

    @Slot(object)
    def settle(self, subject: Subject) -> None:
        """The selection rests at *subject*: it is being read, and the chosen tab may request more."""
        if subject is self._subject:
            self._settled = True
            self.loading.set_loading(self._answer is None)
            self._show_subject()

    @Slot(object, object)
    def set_inspected(self, subject: Subject, found: Inspected) -> None:
        """Show what was read about *subject*, unless another one is shown by now."""
        if subject is self._subject:
            self._answered(found)

    @Slot(object, object)
    def set_failure(self, subject: Subject, error: LongshoreError) -> None:
        """Say why *subject* could not be read."""
        if subject is self._subject:
            self._answered(error)
            self.notice.say(errors.told(error), Tone.CAUTION, self.tr("Retry"), self.read_requested.emit)

    @Slot(object)
    def withhold(self, subject: Subject) -> None:
        """Offer to read *subject*, which is not read by itself because that would count as a pull."""
        if subject is self._subject:
            self.loading.set_loading(False)
            words = self.tr("Docker Hub counts reading the details as a pull.")
            self.notice.say(words, Tone.QUIET, self.tr("Read"), self.read_requested.emit)

    def _answered(self, answer: Inspected | LongshoreError) -> None:
        self._answer = answer
        self.notice.hide()
        self.loading.set_loading(False)
        self._show_subject()

    def _show_subject(self) -> None:
        """Give the chosen tab what it does not have yet, and show it."""
        subject, number = self._subject, self.tabs.current
        self._foot.setVisible(subject is not None)
        if subject is None:
            self.title.set_text(self.tr("Details"))
            self.stack.setCurrentWidget(self.empty)
            return
        self.title.set_text(subject.short, subject.shown)
        tab = self._made(number)
        known, answer, settled = self._given.get(number, (None, None, False))
        if known is not subject:
            answer, settled = None, False
            tab.set_subject(subject)
        self._given[number] = (subject, self._answer, self._settled)
        if self._settled and not settled:
            tab.settle()
        if self._answer is not answer and self._answer is not None:
            self._give(tab, self._answer)
        tab.verbs.look()
        self.stack.setCurrentWidget(tab)
        self._feet.setCurrentIndex(list(self._tabs).index(number))

    @staticmethod
    def _give(tab: DetailsTab, answer: Inspected | LongshoreError) -> None:
        from longshore.errors import LongshoreError

        if isinstance(answer, LongshoreError):
            tab.set_failure(answer)
        else:
            tab.set_inspected(answer)


def _foot_of(tab: DetailsTab) -> QWidget:
    """Return the footer of *tab*: its buttons, and its note at the right, or at the left if it has no buttons."""
    foot = QWidget()
    row = QHBoxLayout(foot)
    row.setContentsMargins(EDGE - _BEFORE, 0, EDGE, 0)
    tab.verbs.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)
    tab.note.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
    beside = len(tab.verbs.buttons) > 1  # the last one is More
    side = Qt.AlignmentFlag.AlignRight if beside else Qt.AlignmentFlag.AlignLeft
    tab.note.setAlignment(side | Qt.AlignmentFlag.AlignVCenter)
    row.addWidget(tab.verbs)
    row.addWidget(tab.note, 1)
    return foot
