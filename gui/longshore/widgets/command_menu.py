"""*Copy as command*: copies the lines that do in a terminal what is selected, one entry for each program."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QMenu

from longshore.models.tooltips import tooltip

#: Lines by program, as ``application.command_lines`` returns them.
Lines = Mapping[str, Sequence[str]]
#: Programs that people write with a capital letter.
_TITLES = {"longshore": "Longshore", "docker": "Docker"}
#: Maximum lines that a tooltip shows.
_MOST_SHOWN = 12


def no_lines(_chosen: object) -> Lines:
    """Return no lines: the default of a pane until its owner can make some."""
    return {}


def title() -> str:
    """Return the name of the entry."""
    return QCoreApplication.translate("CommandMenu", "Copy as command")


def add_commands(menu: QMenu, lines: Lines, copy: Callable[[str], object]) -> None:
    """Add *Copy as command* to *menu*: an entry if one program has lines, otherwise a menu of the programs.

    It is disabled if there are no lines. *copy* gets the text for the clipboard.
    """
    menu.setToolTipsVisible(True)
    if len(lines) > 1:
        fill_commands(menu.addMenu(title()), lines, copy)
    for words in lines.values() if len(lines) == 1 else ():
        _add(menu, title(), words, copy)
    if not lines:
        action = menu.addAction(title())
        action.setEnabled(False)
        action.setToolTip(_why())


def fill_commands(menu: QMenu, lines: Lines, copy: Callable[[str], object]) -> None:
    """Make the programs of *lines* the only entries of *menu*."""
    menu.clear()
    menu.setToolTipsVisible(True)
    for program, words in lines.items():
        _add(menu, _TITLES.get(program, program), words, copy)
    if not lines:
        menu.addAction(_why()).setEnabled(False)


def _add(menu: QMenu, name: str, words: Sequence[str], copy: Callable[[str], object]) -> None:
    text = "\n".join(words)
    action = menu.addAction(name)
    action.setToolTip(_shown(words))
    action.triggered.connect(lambda: copy(text))


def _why() -> str:
    return QCoreApplication.translate("CommandMenu", "No command for this selection")


def _shown(words: Sequence[str]) -> str:
    more = ["…"] if len(words) > _MOST_SHOWN else []
    return tooltip("\n".join([*words[:_MOST_SHOWN], *more])) or ""
