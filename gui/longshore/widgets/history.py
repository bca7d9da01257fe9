"""History: every transfer and its outcome, in a separate window that can stay open."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, time, timedelta

from PySide6.QtCore import QCoreApplication, QPoint, QSignalBlocker, Qt, Signal, Slot
from PySide6.QtGui import QCloseEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QMenu, QVBoxLayout, QWidget

from longshore.models.columns import Role, Tone
from longshore.models.history import HistoryModel
from longshore.models.sieve import searched
from longshore.transfers.journal.history import ENDED, HistoryFilter
from longshore.transfers.transfer import Operation, State, TransferRequest, TransferSnapshot
from longshore.widgets.columns import EDGE, Column, Kind
from longshore.widgets.command_menu import Lines, add_commands, no_lines
from longshore.widgets.header_parts import Picker
from longshore.widgets.notices import EmptyState
from longshore.widgets.pane import Pane
from longshore.widgets.verbs import Side
from longshore.widgets.views import TableView
from longshore.words import text
from longshore.words import transfers as words

_RIGHT = Qt.TextElideMode.ElideRight
_COLUMNS = [
    Column("Operation", "Push", kind=Kind.NAME, extra=26),
    Column("registry.acme.io/acme/billing-api:edge", "registry….io/api:edge", weight=4),
    Column("registry.acme.io/acme/billing:2.4.1", "acme/billing:2", weight=4),
    Column("Succeeded", "Succeeded", kind=Kind.PILL, elide=_RIGHT),
    Column("Already up to date (12 layers)", "44.6 of 72 MB", weight=5, elide=_RIGHT),
    # Times matter most in a history: they get room before the names.
    Column("2026-11-24 13:37", "2026-11-24", elide=_RIGHT),
    Column("1 min 20 s", "1 min 20 s", right=True, elide=_RIGHT, yields=1),
]


class HistoryWindow(QWidget):
    """A window that shows *model*; its signals are requests. It is deleted when it is closed."""

    filter_changed = Signal(object)  # HistoryFilter
    repeat_requested = Signal(object)  # list[TransferRequest], in the order they were first requested
    copy_requested = Signal(str)
    forget_requested = Signal(object)  # list[str]
    clear_requested = Signal()
    undo_requested = Signal(str)  # the id of a transfer
    quit_requested = Signal()
    closed = Signal()

    def __init__(self, parent: QWidget | None, model: HistoryModel) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setObjectName("window")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(self.tr("History — Longshore"))
        self.model = model
        #: Returns the commands for transfers.
        self.lines_of: Callable[[list[TransferRequest]], Lines] = no_lines
        self.pane = Pane(QCoreApplication.translate("HistoryWindow", "History"), rows=1)
        header, add = self.pane.header, self.pane.verbs.add_verb
        self.summary = header.add_summary()
        self.filter = header.add_filter(self.tr("Filter history"))
        self.filter.filtered.connect(self._tell_filter)
        header.add_verbs(self.pane.verbs)
        self.outcome = self._picker(
            self.tr("Outcome"),
            [(self.tr("All outcomes"), None), *((words.status_text(state), state) for state in ENDED)],
        )
        self.operation = self._picker(
            self.tr("Operation"),
            [
                (self.tr("All operations"), None),
                (self.tr("Pulled"), Operation.PULL),
                (self.tr("Pushed"), Operation.PUSH),
                (self.tr("Copied"), Operation.COPY),
                (self.tr("Saved"), Operation.SAVE),
                (self.tr("Loaded"), Operation.LOAD),
                (self.tr("Built"), Operation.BUILD),
            ],
        )
        self.registry = self._picker(self.tr("Registry"), [(self.tr("All registries"), "")])
        self.period = self._picker(
            self.tr("Period"),
            [
                (self.tr("Any time"), None),
                (self.tr("Today"), 0),
                (self.tr("Last 7 days"), 7),
                (self.tr("Last 30 days"), 30),
            ],
        )
        pickers = QHBoxLayout()
        pickers.setContentsMargins(EDGE, 0, EDGE, 8)
        pickers.setSpacing(6)
        for picker in (self.outcome, self.operation, self.registry, self.period):
            pickers.addWidget(picker)
        pickers.addStretch(1)
        self.pane.body.addLayout(pickers)
        self.view = TableView(self.tr("History"), _COLUMNS)
        self.view.setModel(model)
        self.view.columns.start()
        self.view.customContextMenuRequested.connect(self._menu)
        self.pane.body.addWidget(self.view, 1)
        self.pane.body.setContentsMargins(0, 0, 0, 7)
        self.empty = EmptyState(self.view)
        self.empty.clicked.connect(self._show_all)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 10, 10, 10)
        layout.addWidget(self.pane)
        self.setMinimumSize(620, 320)
        self.resize(1060, 560)
        if parent is not None:
            self.move(parent.frameGeometry().center() - self.rect().center())
        for keys, wish in (
            ("Ctrl+W", self.close),
            ("Escape", self.close),
            ("Ctrl+F", self._focus_filter),
            ("Ctrl+C", self.copy),
            ("Del", self.forget),
            ("F5", self._tell_filter),
            ("Ctrl+Q", self.quit_requested.emit),
        ):
            QShortcut(QKeySequence(keys), self, wish)
        self.pane.verbs.home = self.view
        self.repeat_verb = add(self.tr("Repeat"), self.repeat, why_not=self._no_row, primary=True)
        self.undo_verb = add(self.tr("Undo"), self.undo, why_not=self._not_one)
        self.copy_verb = add(self.tr("Copy as text"), self.copy)
        self.clear_verb = add(self.tr("Clear history…"), self._clear, side=Side.PANE)
        self.view.selectionModel().selectionChanged.connect(self.pane.verbs.look)
        model.modelReset.connect(self.pane.verbs.look)
        self._read = False
        self.view.setFocus()

    def _picker(self, name: str, choices: Sequence[tuple[str, object]]) -> QComboBox:
        picker = Picker()
        picker.setAccessibleName(name)
        for shown, value in choices:
            picker.addItem(shown, value)
        picker.activated.connect(self._tell_filter)
        return picker

    # -- the filter

    def wanted(self) -> HistoryFilter:
        """Return the filter that the fields describe."""
        outcome, days = self.outcome.currentData(), self.period.currentData()
        since = None
        if days is not None:
            midnight = datetime.combine(datetime.now().date(), time()).astimezone()
            since = midnight - timedelta(days=max(days - 1, 0))
        return HistoryFilter(
            states=(outcome,) if isinstance(outcome, State) else ENDED,
            operation=self.operation.currentData(),
            registry=str(self.registry.currentData() or ""),
            since=since,
            text=searched(self.filter.text().strip()),
        )

    @Slot()
    def _tell_filter(self) -> None:
        self.filter_changed.emit(self.wanted())

    @Slot()
    def _show_all(self) -> None:
        for picker in (self.outcome, self.operation, self.registry, self.period):
            picker.setCurrentIndex(0)
        with QSignalBlocker(self.filter):
            self.filter.clear()
        self._tell_filter()

    @Slot()
    def _focus_filter(self) -> None:
        self.filter.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.filter.selectAll()

    # -- set by the owner

    @Slot(object)
    def set_registries(self, hosts: Sequence[str]) -> None:
        """Offer these registries in the filter; the chosen one stays chosen."""
        chosen = str(self.registry.currentData() or "")
        known = [self.registry.itemData(place) for place in range(1, self.registry.count())]
        if known == list(hosts):
            return
        while self.registry.count() > 1:
            self.registry.removeItem(1)
        for host in hosts if not chosen or chosen in hosts else [*hosts, chosen]:
            self.registry.addItem(text.safe(host, 80), host)
        self.registry.setCurrentIndex(max(self.registry.findData(chosen), 0) if chosen else 0)
        self.registry.updateGeometry()

    @Slot(bool)
    def set_loading(self, loading: bool) -> None:
        """Show whether the journal is being read."""
        self.pane.loading.set_loading(loading)
        if not loading:
            self._read = True
            self._tell_state()

    def _tell_state(self) -> None:
        shown, found = self.model.rowCount(), self.model.found
        wanted = self.wanted()
        if shown:
            self.empty.say("")
        elif wanted.narrow or wanted.states != ENDED:
            self.empty.say(self.tr("No transfer matches."), self.tr("Show all"))
        else:
            self.empty.say(
                self.tr("No transfers yet."),
                more=self.tr("Every pull, push and copy is listed here when it ends."),
            )
        if shown < found:
            self.summary.set_text(self.tr("{0} of {1} loaded").format(shown, found))
        else:
            self.summary.set_text(
                self.tr("1 transfer")
                if found == 1
                else self.tr("{0} transfers").format(found)
                if found
                else ""
            )

    # -- requests

    def selected(self) -> list[TransferSnapshot]:
        """Return the selected rows, from top to bottom."""
        rows = sorted(self.view.rows(), key=lambda index: index.row())
        return [snapshot for index in rows if (snapshot := self.model.snapshot_at(index)) is not None]

    @Slot()
    def repeat(self) -> None:
        """Request the selected transfers again."""
        if self.pane.refuse(self._no_row()):
            return
        chosen = self.selected()
        # Each request once, the oldest first.
        self.repeat_requested.emit(list(dict.fromkeys(snapshot.request for snapshot in reversed(chosen))))

    @Slot()
    def copy(self) -> None:
        """Request to copy the selected rows (all rows, if none is selected) to the clipboard as text."""
        rows = sorted(self.view.rows(), key=lambda index: index.row()) or [
            self.model.index(row, 0) for row in range(self.model.rowCount())
        ]
        if not rows:
            self.pane.explain(self.tr("There is nothing to copy."))
            return
        self.copy_requested.emit("\n".join(str(index.data(Role.COPY_TEXT)) for index in rows))
        count = len(rows)
        self.pane.explain(
            self.tr("Copied 1 transfer as text.")
            if count == 1
            else self.tr("Copied {0} transfers as text.").format(count)
        )

    @Slot()
    def forget(self) -> None:
        """Request to remove the selected rows from the history."""
        if not self.pane.refuse(self._no_row()):
            self.forget_requested.emit([snapshot.id for snapshot in self.selected()])

    @Slot()
    def undo(self) -> None:
        """Request to put back the tags that the selected transfer changed."""
        if not self.pane.refuse(self._not_one()):
            self.undo_requested.emit(self.selected()[0].id)

    def _not_one(self) -> str:
        if reason := self._no_row():
            return reason
        return self.tr("Select only one transfer.") if self.view.selected_count() > 1 else ""

    def _no_row(self) -> str:
        return "" if self.view.selected_count() else self.tr("Select a transfer first.")

    @Slot()
    def _clear(self) -> None:
        if not self.model.rowCount() and not self.wanted().narrow:
            self.pane.explain(self.tr("The history is empty."))
            return
        from longshore.widgets.dialogs.history import ClearHistorySheet

        sheet = ClearHistorySheet(self)
        sheet.accepted.connect(self.clear_requested)
        sheet.open()

    def explain(self, message: str, tone: Tone = Tone.QUIET) -> None:
        """Show *message* at the bottom."""
        self.pane.explain(message, tone)

    @Slot(QPoint)
    def _menu(self, where: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.repeat_verb.entry(menu)
        self.undo_verb.entry(menu)
        self.copy_verb.entry(menu)
        lines = self.lines_of([snapshot.request for snapshot in self.selected()])
        add_commands(menu, lines, self.copy_requested.emit)
        menu.addSeparator()
        menu.addAction(self.tr("Remove from history")).triggered.connect(self.forget)
        menu.popup(self.view.viewport().mapToGlobal(where))

    def closeEvent(self, event: QCloseEvent) -> None:
        """Qt's hook."""
        super().closeEvent(event)
        self.closed.emit()
