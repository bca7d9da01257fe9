"""The context menu of Transfers, made anew each time."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMenu

from longshore.errors import Remedy
from longshore.models import transfer_choice
from longshore.models.transfer_text import can_detour
from longshore.transfers.transfer import NoteKind, Operation, RegistryPlace, State, TransferSnapshot
from longshore.widgets.command_menu import add_commands
from longshore.widgets.transfer_requests import TransferRequests
from longshore.words import errors
from longshore.words.pulls import is_into_engine


def in_registries(chosen: Sequence[TransferSnapshot]) -> list[TransferSnapshot]:
    """Those of *chosen* that have brought something into a registry."""
    return [
        one
        for one in chosen
        if one.state is State.SUCCEEDED and isinstance(one.request.destination.place, RegistryPlace)
    ]


def pull_lines(chosen: Sequence[TransferSnapshot]) -> str:
    """The lines with which others pull what *chosen* have brought into registries; "" if no command is known."""
    from longshore.application.inspection.access import command_of

    commands = [
        command_of(reference, next((note.text for note in one.notes if note.kind is NoteKind.ARTIFACT), ""))
        for one in in_registries(chosen)
        if (reference := one.request.destination.reference) is not None
    ]
    return "\n".join(command.by_tag for command in commands if command is not None)


def transfer_menu(pane: TransferRequests) -> QMenu:
    """Return the menu of the selected transfers."""
    chosen = pane.selected()
    menu = QMenu(pane)
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    pane.cancel_verb.entry(menu)
    pane.cancel_all_verb.entry(menu)
    pane.retry_verb.entry(menu)
    if any(one.request.operation is Operation.BUILD for one in chosen):
        pane.output_verb.entry(menu)
    offer = errors.offer_of(chosen[0], pane.name_of) if len(chosen) == 1 else None
    if offer is not None and offer.remedy is not Remedy.LIBRARY:  # the library is offered below
        menu.addAction(offer.menu).triggered.connect(lambda: pane.follow(chosen[0], offer))
    if any(can_detour(one) for one in chosen):
        pane.detour_verb.entry(menu)
    if any(one.state is not State.SUCCEEDED and is_into_engine(one.request) for one in chosen):
        pane.native_verb.entry(menu)
    menu.addSeparator()
    if any(map(transfer_choice.can_be_started, chosen)):
        pane.start_verb.entry(menu)
    if any(s.pausable and not s.state.finished for s in chosen):
        paused = all(transfer_choice.is_paused(s) for s in chosen if s.pausable and not s.state.finished)
        words = pane.tr("Resume") if paused else pane.tr("Pause")
        menu.addAction(words).triggered.connect(pane.toggle_pause)
    pane.up_verb.entry(menu)
    pane.down_verb.entry(menu)
    menu.addSeparator()
    pane.copy_reference_verb.entry(menu)
    add_commands(menu, pane.command_lines(), pane.copy_reference_requested.emit)
    if in_registries(chosen):
        lines = pull_lines(chosen)
        copy = menu.addAction(pane.tr("Copy pull command"))
        copy.triggered.connect(lambda: pane.copy_reference_requested.emit(lines))
        copy.setEnabled(bool(lines))
        copy.setToolTip("" if lines else pane.tr("There is no command that pulls this kind."))
    pane.retry_failed_verb.entry(menu)
    pane.remove_verb.entry(menu)
    pane.clear_verb.entry(menu)
    menu.addSeparator()
    # addMenu would make it a child of this menu for PySide, and its entries invalid once this menu is gone.
    menu.addAction(pane.when_menu.menuAction())
    return menu
