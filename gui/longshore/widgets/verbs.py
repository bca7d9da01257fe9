"""What can be done in a pane: verbs, their buttons in the pane's second header row, and *More*. GUI thread only.

To add a verb, write one line in the pane's ``_add_verbs``, in the order in which the row shows them::

    self.run_verb = add(self.tr("Run…"), self.run, why_not=self.not_one_image, more=True)
    self.clean_up_verb = add(self.tr("Clean up…"), self.clean_up, why_not=self.no_place, side=Side.PANE)

``self.run`` emits a signal of the pane, e.g. ``run_requested``, which the wiring connects. *why_not* returns a sentence
that says why the verb cannot act now, "" if it can; the pane asks again whenever its selection or its place changes. A
verb without it is blocked and released by :meth:`Verb.set_blocked`.

One line in ``widgets/actions.py`` adds it to the menu bar, with its shortcuts, and one in the pane's ``_menu`` to the
context menu; both entries are disabled with the verb and give the same reason::

    self.clean_up = self._add(image, "", images.clean_up_verb, "Ctrl+Shift+Del")
    self.run_verb.entry(menu)
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from typing import NamedTuple

from PySide6.QtCore import QMargins, QObject, QPoint, QSize, Qt, Signal, Slot
from PySide6.QtGui import QAction, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QPushButton, QSizePolicy, QWidget

from longshore.models.tooltips import tooltip
from longshore.widgets.theme import current_theme

#: Space between two buttons, in pixels.
GAP = 6
#: A button's border and padding on both sides, in pixels, as in the style sheet.
_FRAME = 22
#: The arrow of a button with a menu, with the space before it, in pixels.
_ARROW = 20


class Side(enum.Enum):
    """Where a verb's button is: at the left if it acts on the selection, at the right if on the whole pane."""

    SELECTION = enum.auto()
    PANE = enum.auto()


class Verb(QAction):
    """Something that the user can do. Its button and its menu entries follow it."""

    def __init__(
        self,
        owner: QObject,
        text: str,
        wish: Callable[[], object],
        why_not: Callable[[], str] | None = None,
    ) -> None:
        super().__init__(text, owner)
        self._why_not = why_not
        self._reason = ""
        self._hint = ""
        self.setToolTip("")
        self.triggered.connect(lambda _checked=False: wish())

    @property
    def reason(self) -> str:
        """A sentence that says why it cannot act now, "" if it can."""
        return self._reason

    @property
    def told(self) -> str:
        """The reason; if it can act, a sentence that says what it does, "" if its name says that."""
        return self._reason or self._hint

    def set_blocked(self, reason: str) -> None:
        """Disable it because of *reason*, a sentence; "" enables it again."""
        if reason != self._reason:
            self._reason = reason
            self._follow()

    def set_hint(self, hint: str) -> None:
        """Set the sentence that says what it does."""
        if hint != self._hint:
            self._hint = hint
            self._follow()

    def look(self) -> None:
        """Ask again why it cannot act now."""
        if self._why_not is not None:
            self.set_blocked(self._why_not())

    def _follow(self) -> None:
        self.setToolTip(tooltip(self.told) or "")
        self.setEnabled(not self._reason)

    def entry(self, menu: QMenu, text: str = "") -> Entry:
        """Add an entry to *menu* that follows this verb, and return it. *text*: its name there, if another."""
        entry = Entry(menu, self, text)
        menu.addAction(entry)
        menu.setToolTipsVisible(True)
        return entry


class Entry(QAction):
    """A menu entry that acts as its verb and is disabled with it. It is shown even where the verb's button is not."""

    def __init__(self, menu: QMenu, verb: Verb, text: str = "") -> None:
        super().__init__(text or verb.text(), menu)
        self._named = bool(text)
        self.setToolTip("")
        self.verb = verb
        self.triggered.connect(lambda _checked=False: self.verb.trigger())
        verb.changed.connect(self.follow)
        self.follow()

    @property
    def reason(self) -> str:
        """See :attr:`Verb.reason`."""
        return self.verb.reason

    def switch(self, verb: Verb) -> None:
        """Follow another verb from now on."""
        if verb is not self.verb:
            self.verb.changed.disconnect(self.follow)
            self.verb = verb
            verb.changed.connect(self.follow)
            self.follow()

    @Slot()
    def follow(self) -> None:
        """Take over the verb's state."""
        if not self._named and self.text() != self.verb.text():
            self.setText(self.verb.text())
        self.setToolTip(tooltip(self.verb.told) or "")
        self.setEnabled(self.verb.isEnabled())


class TextButton(QPushButton):
    """A button as wide as its text. A click never takes the focus from the view that it acts on."""

    def __init__(self, text: str, *, primary: bool = False) -> None:
        super().__init__(text)
        self._primary = primary
        self.setAccessibleName(text)
        self.setProperty("verb", True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        if primary:
            self.setProperty("primary", True)

    def sizeHint(self) -> QSize:
        """Qt's hook."""
        theme = current_theme()
        metrics = theme.strong_metrics if self._primary else theme.metrics
        arrow = _ARROW if self.menu() is not None else 0
        return QSize(metrics.horizontalAdvance(self.text()) + _FRAME + arrow, theme.control_height)

    minimumSizeHint = sizeHint


class VerbButton(TextButton):
    """The button of a verb."""

    def __init__(self, verb: Verb, bar: VerbBar, *, primary: bool = False) -> None:
        super().__init__(verb.text(), primary=primary)
        self.verb = verb
        self._bar = bar
        self.clicked.connect(verb.trigger)
        verb.changed.connect(self._follow)
        self._follow()

    @Slot()
    def _follow(self) -> None:
        verb = self.verb
        if self.text() != verb.text():
            self.setText(verb.text())
            self.setAccessibleName(verb.text())
            self.updateGeometry()
        self.setAccessibleDescription(verb.told)
        self.setToolTip(tooltip(verb.told) or "")
        if not verb.isEnabled() and self.hasFocus() and self._bar.home is not None:
            self._bar.home.setFocus(Qt.FocusReason.OtherFocusReason)  # else Qt moves the focus anywhere
        self.setEnabled(verb.isEnabled())


def overflow(widths: Sequence[int], stays: Sequence[int], room: int, more: int, *, full: bool) -> set[int]:
    """Return the numbers of the buttons that go into *More*. Pure; all in pixels.

    *widths*: those of the buttons, in their order; *more*: that of the button *More*; *full*: it is shown anyway.
    *stays*: the button with the lowest number goes first, among equals the rightmost.
    """
    gone: set[int] = set()
    order = sorted(range(len(widths)), key=lambda i: (stays[i], -i))
    while True:
        shown = [width for i, width in enumerate(widths) if i not in gone]
        need = sum(shown) + GAP * (len(shown) - 1) + (GAP + more if gone or full else 0)
        if need <= room or len(gone) == len(widths):
            return gone
        gone.add(order[len(gone)])


class _Placed(NamedTuple):
    verb: Verb
    side: Side
    button: VerbButton | None  # None: always in More
    stays: int


class _MoreMenu(QMenu):
    """The menu of *More*: below its button, and within the window."""

    def showEvent(self, event: QShowEvent) -> None:
        """Qt's hook: a menu that would leave the window ends where its button ends."""
        super().showEvent(event)
        bar = self.parentWidget()
        assert isinstance(bar, VerbBar)
        end = bar.more_button.mapToGlobal(QPoint(bar.more_button.width(), 0)).x()
        window = bar.window()
        if self.geometry().right() >= window.mapToGlobal(QPoint(window.width(), 0)).x():
            self.move(end - self.width(), self.y())


class VerbBar(QWidget):
    """A row of text buttons: verbs for the selection at the left, those for the pane at the right, then *More*.

    If room is short, buttons go into *More*, where they keep their state and the reason. *flat*: they have no borders.
    """

    resized = Signal()  # it needs another width, because of other texts or visible verbs

    def __init__(self, margins: QMargins | None = None, *, flat: bool = False) -> None:
        super().__init__()
        self._flat = flat
        #: The view that gets the focus when a focused button is disabled.
        self.home: QWidget | None = None
        self._placed: list[_Placed] = []
        self._look: list[Verb] = []
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(margins or QMargins())
        self._row.setSpacing(GAP)
        self._row.addStretch(1)
        self._menu = _MoreMenu(self)
        self._menu.setToolTipsVisible(True)
        self.more_button = TextButton(self.tr("More"))
        self.more_button.setMenu(self._menu)
        self.more_button.setProperty("quiet", flat)
        self.more_button.hide()
        self._row.addWidget(self.more_button)
        self._shown: list[tuple[str, bool]] = []

    # -- filling it

    def add_verb(
        self,
        text: str,
        wish: Callable[[], object],
        *,
        side: Side = Side.SELECTION,
        why_not: Callable[[], str] | None = None,
        more: bool = False,
        primary: bool = False,
        stays: int | None = None,
    ) -> Verb:
        """Add a verb and return it. See the module's docstring.

        *more*: it has no button and is always in *More*. *stays*: if room is short, the verb with the lowest number
        goes into *More* first; by default 0 for the pane's and 10 for the selection's.
        """
        verb = self.keep(text, wish, why_not=why_not)
        button = None if more else VerbButton(verb, self, primary=primary)
        if button is not None and self._flat:
            button.setProperty("quiet", True)
        if stays is None:
            stays = 10 if side is Side.SELECTION else 0
        if button is not None:
            left = sum(one.button is not None and one.side is Side.SELECTION for one in self._placed)
            self._row.insertWidget(left if side is Side.SELECTION else self._row.count() - 1, button)
        self._placed.append(_Placed(verb, side, button, stays))
        verb.changed.connect(self._changed)
        self._changed()
        return verb

    def keep(
        self, text: str, wish: Callable[[], object], *, why_not: Callable[[], str] | None = None
    ) -> Verb:
        """Add a verb that is only in menus, and return it."""
        verb = Verb(self, text, wish, why_not)
        self._look.append(verb)
        verb.look()
        return verb

    def look(self) -> None:
        """Ask all verbs again why they cannot act now. The pane calls it when its selection or its place changes."""
        for verb in self._look:
            verb.look()

    @property
    def buttons(self) -> list[QPushButton]:
        """All buttons, from left to right; those in *More* are hidden."""
        found = [one.button for side in Side for one in self._placed if one.side is side and one.button]
        return [*found, self.more_button]

    def button(self, verb: Verb) -> VerbButton:
        """Return the button of *verb*, which must have one."""
        return next(one.button for one in self._placed if one.verb is verb and one.button is not None)

    def entries(self) -> list[Verb]:
        """Return the verbs that are in *More* now, from top to bottom."""
        return [action for action in self._menu.actions() if isinstance(action, Verb)]

    # -- layout

    def sizeHint(self) -> QSize:
        """Qt's hook: all buttons side by side."""
        widths = [one.button.sizeHint().width() for one in self._visible() if one.button is not None]
        if any(one.button is None for one in self._visible()):
            widths.append(self.more_button.sizeHint().width())
        return self._size(sum(widths) + GAP * max(0, len(widths) - 1))

    def minimumSizeHint(self) -> QSize:
        """Qt's hook: only *More*."""
        return self._size(self.more_button.sizeHint().width())

    def _size(self, width: int) -> QSize:
        around = self._row.contentsMargins()
        return QSize(
            width + around.left() + around.right(),
            current_theme().control_height + around.top() + around.bottom(),
        )

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt's hook: decides what goes into *More*."""
        super().resizeEvent(event)
        self._fit()

    def _visible(self) -> list[_Placed]:
        return [one for one in self._placed if one.verb.isVisible()]

    @Slot()
    def _changed(self) -> None:
        shown = [(one.verb.text(), one.verb.isVisible()) for one in self._placed]
        if shown != self._shown:
            self._shown = shown
            self._fit()
            self.updateGeometry()
            self.resized.emit()

    def _room(self) -> int:
        """Return the pixels for buttons. By the bar's width: its layout has none before it is first activated."""
        around = self._row.contentsMargins()
        return self.width() - around.left() - around.right()

    def _fit(self) -> None:
        row = [(one.button, one.stays) for one in self._visible() if one.button is not None]
        gone = overflow(
            [button.sizeHint().width() for button, _ in row],
            [stays for _, stays in row],
            self._room() if self.testAttribute(Qt.WidgetAttribute.WA_Resized) else 1 << 16,
            self.more_button.sizeHint().width(),
            full=len(row) < len(self._visible()),
        )
        shown = {button for i, (button, _) in enumerate(row) if i not in gone}
        for one in self._placed:
            if one.button is not None:
                one.button.setVisible(one.button in shown)
        parts = [
            [one.verb for one in self._visible() if one.side is side and one.button not in shown]
            for side in Side
        ]
        self.more_button.setVisible(any(parts))
        if [verb for part in parts for verb in part] == self.entries():
            return
        self._menu.clear()
        for part in parts:
            if part and self._menu.actions():
                self._menu.addSeparator()
            self._menu.addActions(part)
