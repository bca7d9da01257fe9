"""Where the user's history and library are, for every program of Longshore."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from longshore.application.tag_history.history import TagHistory
from longshore.settings import Folders, Settings
from longshore.transfers.transfer import LibraryPlace, Place

#: The key of the library's folder in the settings; without one, the library is in the data folder.
_LIBRARY = "library"


def journal_file(folders: Folders) -> Path:
    """Return the file with the history of all transfers."""
    return folders.state / "journal.sqlite3"


def tag_history(folders: Folders | None, settings: Settings, user_of: Callable[[Place], str]) -> TagHistory:
    """Return the history of tags, not opened yet, with the user's limits. *folders* None: in memory only."""

    def limits() -> tuple[float, int]:
        from longshore.application.choices import Choices  # late: it imports what only transfers need

        choices = Choices.read(settings)
        return choices.history_days, choices.history_rows

    return TagHistory(None if folders is None else folders.state / "tags.sqlite3", user_of, limits=limits)


def own_library(folders: Folders) -> LibraryPlace:
    """Return the library that is used unless the user chooses another folder."""
    return LibraryPlace(folders.data / "library")


def chosen_library(folders: Folders, settings: Settings) -> LibraryPlace:
    """Return the library in the folder that the user chose."""
    chosen = settings.get(_LIBRARY, "")
    return LibraryPlace(Path(chosen)) if chosen and Path(chosen).is_absolute() else own_library(folders)


def choose_library(folders: Folders, settings: Settings, folder: Path) -> None:
    """Save *folder* as the user's library."""
    settings.set(_LIBRARY, "" if folder == own_library(folders).path else str(folder))
