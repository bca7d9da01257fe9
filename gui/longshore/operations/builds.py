"""Builds: what a folder offers, and the output of those that run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from longshore.cancellation import Cancellation
from longshore.errors import LongshoreError
from longshore.operations.tasks import Tasks
from longshore.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from longshore.application.build_folders import FolderFacts, LastChoices
    from longshore.transfers.builds import Build


class Builds:
    """Looks at folders in worker threads, and keeps the user's choices. GUI thread."""

    def __init__(self, tasks: Tasks, settings: Settings, environ: Mapping[str, str]) -> None:
        self._tasks = tasks
        self._settings = settings
        self._environ = environ
        self._looking: Cancellation | None = None

    def look(
        self, folder: str, dockerfile: str, done: Callable[[FolderFacts | LongshoreError], None]
    ) -> None:
        """Report what *folder* offers to *done*, in the GUI thread; only the latest request is answered."""
        if self._looking is not None:
            self._looking.cancel()

        def look(_: Cancellation) -> FolderFacts:
            from longshore.application.build_folders import look_at

            return look_at(folder, dockerfile, self._environ)

        self._looking = self._tasks.run(
            self._tasks.quick, look, done=done, failed=done, name="look at a folder"
        )

    def last_folder(self) -> str:
        """The folder that was built last, "" for none."""
        from longshore.application.build_folders import last_folder

        return last_folder(self._settings)

    def last_choices(self, folder: Path) -> LastChoices:
        """The last choices for *folder*."""
        from longshore.application.build_folders import last_choices

        return last_choices(self._settings, folder)

    def remember(self, build: Build) -> None:
        """Keep the choices of *build*, without secrets."""
        from longshore.application.build_folders import remember

        remember(self._settings, build)
