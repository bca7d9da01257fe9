"""The sheet Containers of this image: lists them, and stops, removes or follows one."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidgetItem, QWidget

from longshore.engine.container_model import Container, ContainerState
from longshore.errors import LongshoreError
from longshore.models.tooltips import tooltip
from longshore.widgets.dialogs.container_questions import RemoveContainerSheet
from longshore.widgets.dialogs.sheet import TABLE_ROW, Sheet, sheet_table
from longshore.widgets.notices import plain_label
from longshore.widgets.verbs import VerbBar
from longshore.words import runs, times

#: Rows that are visible without scrolling.
_VISIBLE = 8
#: States in which a container can be removed without force.
_REMOVABLE = frozenset({ContainerState.CREATED, ContainerState.EXITED, ContainerState.DEAD})


class ContainersSheet(Sheet):
    """Opens at once and fills when the engine has answered; :meth:`show_containers` again after each change."""

    stop_requested = Signal(object)  # Container
    remove_requested = Signal(object)  # Container; the user has been asked
    logs_requested = Signal(object)  # Container

    def __init__(self, parent: QWidget | None, image: str) -> None:
        super().__init__(parent, self.tr("Containers of {0}").format(image), self.tr("Close"), width=640)
        self.dismiss.hide()
        self.confirm.setProperty("primary", False)
        self._containers: list[Container] = []
        self._stopping: set[str] = set()
        self.table = sheet_table(
            self.tr("Containers"), [self.tr("Name"), self.tr("State"), self.tr("Ports"), self.tr("Created")]
        )
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        header = self.table.horizontalHeader()
        for column, mode in enumerate(
            (
                QHeaderView.ResizeMode.Stretch,
                QHeaderView.ResizeMode.ResizeToContents,
                QHeaderView.ResizeMode.Stretch,
                QHeaderView.ResizeMode.ResizeToContents,
            )
        ):
            header.setSectionResizeMode(column, mode)
        self.table.itemSelectionChanged.connect(self._look)
        self.table.itemDoubleClicked.connect(lambda _: self._logs())
        self.words = plain_label(self.tr("Asking the engine…"), "dim", wrap=True)
        self.body.addWidget(self.words)
        self.body.addWidget(self.table, 1)
        self.verbs = VerbBar()
        self.verbs.home = self.table
        self.stop_verb = self.verbs.add_verb(self.tr("Stop"), self._stop, why_not=self._no_stop)
        self.remove_verb = self.verbs.add_verb(self.tr("Remove…"), self._remove, why_not=self._no_remove)
        self.logs_verb = self.verbs.add_verb(self.tr("Logs"), self._logs, why_not=self._none)
        self.body.addWidget(self.verbs)
        self.table.hide()
        self.verbs.hide()

    # -- set by the owner

    @Slot(object)
    def show_containers(self, found: Sequence[Container] | LongshoreError) -> None:
        """Show the containers, or why they are not known. The selected one stays selected."""
        if not self.open_still:
            return
        if isinstance(found, LongshoreError):
            self.words.hide()
            self.show_problem(found)
            return
        chosen = self._chosen()
        self._containers = list(found)
        self._stopping &= {each.id for each in found if each.state.alive}
        self.words.setText(self.tr("No containers use this image."))
        self.words.setVisible(not self._containers)
        if self._containers and self.table.isHidden():
            self.table.show()
            self.table.setFocus()
        self.table.setVisible(bool(self._containers))
        self.verbs.setVisible(bool(self._containers))
        self.table.setRowCount(len(self._containers))
        for row, each in enumerate(self._containers):
            cells = (each.name, runs.state(each), runs.ports(each.ports), times.age(each.created))
            for column, words in enumerate(cells):
                item = QTableWidgetItem(words)
                item.setToolTip(tooltip(each.status if column == 1 else words) or "")
                self.table.setItem(row, column, item)
        ids = [each.id for each in self._containers]
        if self._containers:
            self.table.selectRow(ids.index(chosen.id) if chosen is not None and chosen.id in ids else 0)
        rows = min(max(len(self._containers), 2), _VISIBLE)
        self.table.setFixedHeight(self.table.horizontalHeader().sizeHint().height() + rows * TABLE_ROW + 2)
        self._look()
        self.refit()

    def told(self, error: LongshoreError | None) -> None:
        """Show *error*, the result of a request; show nothing for success (None)."""
        if self.open_still and error is not None:
            self._stopping.clear()
            self.show_problem(error)
            self._look()

    # -- requests

    def _chosen(self) -> Container | None:
        rows = self.table.selectionModel().selectedRows()
        row = rows[0].row() if rows else -1
        return self._containers[row] if 0 <= row < len(self._containers) else None

    @Slot()
    def _look(self) -> None:
        self.verbs.look()

    def _none(self) -> str:
        return "" if self._chosen() is not None else self.tr("Select a container first.")

    def _no_stop(self) -> str:
        chosen = self._chosen()
        if chosen is None:
            return self._none()
        if chosen.id in self._stopping:
            return self.tr("It is being stopped.")
        return "" if chosen.state.alive else self.tr("It is not running.")

    def _no_remove(self) -> str:
        chosen = self._chosen()
        if chosen is None:
            return self._none()
        return "" if chosen.state in _REMOVABLE else self.tr("Stop it first.")

    def _stop(self) -> None:
        chosen = self._chosen()
        if chosen is not None:
            self.show_problem(None)
            self._stopping.add(chosen.id)
            self._look()
            self.stop_requested.emit(chosen)

    def _remove(self) -> None:
        chosen = self._chosen()
        if chosen is None:
            return
        self.show_problem(None)
        sheet = RemoveContainerSheet(self, chosen.name)
        sheet.accepted.connect(lambda: self.remove_requested.emit(chosen))
        sheet.open()

    def _logs(self) -> None:
        chosen = self._chosen()
        if chosen is not None:
            self.accept()
            self.logs_requested.emit(chosen)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Qt's hook: Del asks to remove the selected container."""
        if event.key() == Qt.Key.Key_Delete:
            self.remove_verb.trigger()
            return
        super().keyPressEvent(event)
