"""Remove… for local images: what goes, the containers that use it, and force as a second step."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from longshore.application.removal import LocalRemoval
from longshore.errors import LongshoreError
from longshore.oci.disk_usage import FreedBytes
from longshore.widgets.dialogs.sheet import TABLE_ROW, Sheet, sheet_table
from longshore.widgets.notices import plain_label
from longshore.words import cleanup, containers, removal, runs, text

#: Rows visible in a table without scrolling.
_VISIBLE = 8


class RemoveSheet(Sheet):
    """Opens at once. If containers use the images, the verb is enabled when it is known which: :meth:`show_plan`.

    Images that stopped containers use are refused first, and then offered once more: *Force removal*. Images that
    running containers use are kept. *podman*: the engine removes stopped containers with their image. *library*: the
    images are those of the library. *freed*: the bytes that the removal of images, by their ids, frees, None if that is
    not known.
    """

    remove_requested = Signal(object, bool)  # list[LocalRemoval], force; answer with answer()
    look_requested = Signal()  # which containers use the images; answer with show_plan()

    def __init__(
        self,
        parent: QWidget | None,
        removals: Sequence[LocalRemoval],
        *,
        podman: bool = False,
        library: bool = False,
        freed: Callable[[Collection[str]], FreedBytes | None] = lambda ids: None,
        place: str = "",
    ) -> None:
        super().__init__(parent, "", self.tr("Remove"), width=520)
        if place:
            self.body.addWidget(plain_label(self.tr("From {0}").format(place)))
        self._podman = podman
        self._library = library
        self._freed = freed
        self._forced = False
        self._busy = False  # the engine removes
        self._refused = False  # it has refused: what is shown is out of date
        self._removals: list[LocalRemoval] = []
        self._names: QTableWidget = sheet_table(
            self.tr("References to remove"), [self.tr("Image"), self.tr("Containers")]
        )
        self._users: QTableWidget = sheet_table(
            self.tr("Containers of the image"), [self.tr("Container"), self.tr("State")]
        )
        self.effect = plain_label("", "dim", wrap=True)
        self.caution = plain_label("", "caution", wrap=True)
        for widget in (self._names, self._users, self.effect, self.caution):
            self.body.addWidget(widget)
        for table in (self._names, self._users):
            table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
            for column in range(2):
                table.horizontalHeader().setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
        self.set_dangerous()
        self._show(removals)
        self.dismiss.setFocus()

    @property
    def looks(self) -> bool:
        """True while it is not known which containers use the images."""
        return any(one.users is None and one.containers for one in self._removals)

    # -- what is known

    @Slot(object)
    def show_plan(self, found: Sequence[LocalRemoval] | LongshoreError) -> None:
        """Show the removals with their containers, or why these are unknown.

        An answer that comes while the engine removes, or to who is asked about force by now, is out of date.
        """
        if not self.open_still or self._busy or (self._forced and not self._refused):
            return
        self._refused = False
        if isinstance(found, LongshoreError):
            self.show_problem(found)
            return
        if not found:
            self._allow(self.tr("Already removed."))
            self.caution.setText(self.tr("Already removed."))
            self.caution.show()
            self.refit()
            return
        self._forced = False
        self._show(found)

    def _show(self, removals: Sequence[LocalRemoval]) -> None:
        """Show *removals* and what can be done with them."""
        self._removals = list(removals)
        one = removals[0] if len(removals) == 1 else None
        if one is not None:
            title = self.tr("Force removal of {0}?") if self._forced else self.tr("Remove {0}?")
            title = title.format(one.image.name.shown)
        else:
            title = (
                self.tr("Force removal of {0} references?")
                if self._forced
                else self.tr("Remove {0} references?")
            )
            title = title.format(len(removals))
        self.setWindowTitle(title)
        self.heading.setText(title)
        verb = self.tr("Force removal") if self._forced else self.tr("Remove")
        self.confirm.setText(verb)
        self.confirm.setAccessibleName(verb)
        self._fill_names([] if one is not None else removals)
        self._fill_users([] if one is None else one)
        self._tell_effect()
        self._tell_containers()
        self.refit()

    def _fill_names(self, removals: Sequence[LocalRemoval]) -> None:
        used = any(one.containers for one in removals)
        rows = [
            (one.image.name.shown, containers.named(one.holders) or text.containers(one.containers))
            for one in removals
        ]
        _fill(self._names, rows)
        self._names.setColumnHidden(1, not used)

    def _fill_users(self, one: LocalRemoval | Sequence[LocalRemoval]) -> None:
        users = one.holders if isinstance(one, LocalRemoval) else ()
        _fill(self._users, [(containers.name(each), runs.state(each)) for each in users])

    def _tell_effect(self) -> None:
        going = {one.image.image_id for one in self._removals if one.last and not one.running}
        words = removal.effect(
            self._removals, cleanup.freed(self._freed(going)) if going else "", library=self._library
        )
        self.effect.setText(words)
        self.effect.setVisible(bool(words))

    def _tell_containers(self) -> None:
        running = {each.id: each for one in self._removals for each in one.running}
        held = {each.id for one in self._removals for each in one.holders} - set(running)
        free = [one for one in self._removals if not one.containers]
        words = ""
        blocked = ""
        if self.looks:
            most = max(one.containers for one in self._removals)
            words = self.tr("Used by {0}.").format(text.containers(most))
            blocked = self.tr("Checking which containers use it…")
        elif running:
            named = containers.names(list(running.values()))
            words = (
                self.tr("{0} is running. Stop and remove this container first.").format(named)
                if len(running) == 1
                else self.tr("These containers are running: {0}. Stop and remove them first.").format(named)
            )
            if len(self._removals) > 1:
                kept = (
                    self.tr("Its image is kept.") if len(running) == 1 else self.tr("Their images are kept.")
                )
                words += " " + kept
            if not free and not self._stopped():
                blocked = words
        elif held:
            words = (
                self.tr("A stopped container uses the image")
                if len(held) == 1
                else self.tr("{0} stopped containers use the image").format(len(held))
                if len({one.image.image_id for one in self._stopped()}) == 1
                else self.tr("{0} stopped containers use images").format(len(held))
            )
            words += (
                self.tr(".") if self._forced else self.tr(": removing it must be forced in the next step.")
            )
        if self._forced:
            words += " " + containers.consequence(podman=self._podman)
        self.caution.setText(words)
        self.caution.setVisible(bool(words))
        self._allow(blocked)

    def _allow(self, blocked: str) -> None:
        self.confirm.setEnabled(not blocked)
        self.confirm.setToolTip(blocked)
        self.confirm.setAccessibleDescription(blocked)

    def _stopped(self) -> list[LocalRemoval]:
        """Return the removals that only stopped containers prevent."""
        return [one for one in self._removals if one.containers and not one.running]

    # -- the two steps

    def finish(self) -> None:
        """Request what can be removed now; then offer the rest as a second step."""
        if self._forced:
            self.set_busy(True)
            self.remove_requested.emit(self._removals, True)
            return
        free = [one for one in self._removals if not one.containers]
        if free:
            self.set_busy(True)
            self.remove_requested.emit(free, False)
        else:
            self._offer_force()

    @Slot(object)
    def answer(self, error: LongshoreError | None) -> None:
        """Close the sheet, offer the second step, or show *error*."""
        if self.open_still and error is None and not self._forced and self._stopped():
            self.set_busy(False)
            self._offer_force()
        else:
            super().answer(error)

    def _offer_force(self) -> None:
        self.show_problem(None)
        self._forced = True
        self._show(self._stopped())
        self.dismiss.setFocus()

    def refused(self, error: LongshoreError) -> None:
        """Show the reason, and look again what is there and which containers use it."""
        super().refused(error)
        self.dismiss.setFocus()
        self._refused = True
        self.look_requested.emit()

    def set_busy(self, busy: bool) -> None:
        """See :class:`Sheet`."""
        super().set_busy(busy)
        self._busy = busy

    @Slot()
    def look_again(self) -> None:
        """Look again which containers use the images, if any do: something at the place has changed."""
        if self.open_still and not self._forced and any(one.containers for one in self._removals):
            self.look_requested.emit()


def _fill(table: QTableWidget, rows: Sequence[tuple[str, str]]) -> None:
    """Show *rows* in *table*; hide it if there are none."""
    table.setRowCount(len(rows))
    for row, cells in enumerate(rows):
        for column, words in enumerate(cells):
            item = QTableWidgetItem(words)
            item.setFlags(Qt.ItemFlag.ItemIsEnabled)
            item.setToolTip(words)
            table.setItem(row, column, item)
    height = table.horizontalHeader().sizeHint().height() + 4
    table.setFixedHeight(height + min(len(rows), _VISIBLE) * TABLE_ROW)
    table.setVisible(bool(rows))
