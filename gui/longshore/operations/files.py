"""Looks into the file system of the image that Details shows: what that costs, its files, and one of them saved."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from longshore.transfers.transfer import EnginePlace

if TYPE_CHECKING:
    from longshore.application.clients import Clients
    from longshore.application.files.layers import Cost, Layers, Stage
    from longshore.application.files.looking import ImageFiles
    from longshore.application.files.tree import View
    from longshore.application.inspection.values import Inspected
    from longshore.cancellation import Cancellation
    from longshore.errors import LongshoreError
    from longshore.operations.tasks import Tasks
    from longshore.transfers.transfer import Endpoint

#: Milliseconds between two reports of how far the reading is.
_EVERY = 100
#: Most names that a search returns.
MOST_FOUND = 2000


class Files(QObject):
    """One image at a time. GUI thread; every method returns at once.

    Signals have the :class:`Inspected` that was asked about: a late one is of no interest to whoever shows another.
    """

    costed = Signal(object, object)  # Inspected, Cost
    progressed = Signal(object, object, object, object)  # Inspected, Stage, bytes done, of how many
    loaded = Signal(object, object)  # Inspected, ImageFiles
    failed = Signal(object, object)  # Inspected, LongshoreError
    found = Signal(object, object, bool)  # View, list of nodes, whether there are more
    saved = Signal(object, object)  # Inspected, Path
    save_failed = Signal(object, object)  # Inspected, LongshoreError

    def __init__(
        self,
        clients: Clients,
        tasks: Tasks,
        library: Callable[[], Path],
        cache: Path,
        copy_of: Callable[[Inspected], Endpoint | None] = lambda _: None,
    ) -> None:
        """*library*: returns the folder of the user's library; *cache*: the folder of the user's cache. *copy_of*:
        returns where on an engine an image of a registry seems to be, so that nothing is downloaded for it."""
        super().__init__()
        self._clients = clients
        self._tasks = tasks
        self._library = library
        self._cache = cache
        self._copy_of = copy_of
        self._about: Inspected | None = None
        self._copy: Endpoint | None = None
        self._work: Cancellation | None = None
        self._search: Cancellation | None = None
        self._save: Cancellation | None = None
        #: The files that were read: the last reference to them, which a worker drops.
        self._files: ImageFiles | None = None
        self._latest: tuple[Stage, int, int] | None = None
        self._clock = QTimer(self)
        self._clock.setInterval(_EVERY)
        self._clock.timeout.connect(self._tell)

    def look(self, about: Inspected) -> None:
        """Find out what it takes to list the files of *about*; they are read at once if they are known already."""
        self.forget()
        self._about = about
        copy = self._copy = self._copy_of(about)

        def cost(cancellation: Cancellation) -> tuple[Cost, ImageFiles | None]:
            from longshore.application.files.cache import NameCache
            from longshore.application.files.layers import Way
            from longshore.application.files.looking import cost_of, read_files

            cache = NameCache(self._cache)
            with contextlib.closing(self._open(about, copy, cancellation)) as layers:
                found = cost_of(layers, cache)
                if found.way is Way.SAVED and copy is not None and isinstance(copy.place, EnginePlace):
                    found = replace(found, host=copy.place.address.name)
                known = found.known == found.layers
                return found, read_files(layers, cache, cancellation) if known else None

        def done(result: tuple[Cost, ImageFiles | None]) -> None:
            self._work = None
            found, files = result
            if files is None:
                self.costed.emit(about, found)
            else:
                self._files = files
                self.loaded.emit(about, files)

        self._work = self._tasks.run(
            self._tasks.listing, cost, done=done, failed=self._failure(about), name="cost of files"
        )

    def read(self) -> None:
        """Read the files."""
        about = self._about
        if about is None:
            return
        self._end(self._work)
        self._latest = None
        copy = self._copy

        def told(stage: Stage, done: int, total: int) -> None:
            self._latest = (stage, done, total)  # worker threads: the timer takes the latest

        def read(cancellation: Cancellation) -> ImageFiles:
            from longshore.application.files.cache import NameCache
            from longshore.application.files.looking import read_files

            with contextlib.closing(self._open(about, copy, cancellation)) as layers:
                return read_files(layers, NameCache(self._cache), cancellation, told)

        def done(files: ImageFiles) -> None:
            self._work = None
            self._clock.stop()
            self._files = files
            self.loaded.emit(about, files)

        self._clock.start()
        self._work = self._tasks.run(
            self._tasks.listing, read, done=done, failed=self._failure(about), name="files of an image"
        )

    def cancel(self) -> None:
        """End the reading. What was downloaded stays in the library, and the next reading resumes there."""
        if self._clock.isActive() and self._about is not None:
            self.look(self._about)

    def find(self, view: View, pattern: str) -> None:
        """Find names in *view*, in a worker; the search before it ends."""
        self._end(self._search)

        def find(cancellation: Cancellation) -> tuple[list[int], bool]:
            from longshore.application.files.finding import find

            nodes = list(itertools.islice(find(view, pattern, cancellation), MOST_FOUND + 1))
            return nodes[:MOST_FOUND], len(nodes) > MOST_FOUND

        def done(result: tuple[list[int], bool]) -> None:
            self._search = None
            self.found.emit(view, *result)

        self._search = self._tasks.run(self._tasks.quick, find, done=done, name="search for files")

    def end_search(self) -> None:
        """End the search that runs."""
        self._end(self._search)

    def save(self, files: ImageFiles, view: View, node: int, path: Path) -> None:
        """Save one file to *path*."""
        about = self._about
        if about is None:
            return
        self._end(self._save)
        copy = self._copy

        def save(cancellation: Cancellation) -> None:
            from longshore.application.files.saving import save_file, stored_file

            stored = stored_file(files, view, node)
            with contextlib.closing(self._open(about, copy, cancellation)) as layers:
                save_file(layers, stored, path, cancellation)

        def done(_: None) -> None:
            self._save = None
            self.saved.emit(about, path)

        def failed(error: LongshoreError) -> None:
            self._save = None
            self.save_failed.emit(about, error)

        self._save = self._tasks.run(
            self._tasks.listing, save, done=done, failed=failed, name="saving a file of an image"
        )

    def forget(self) -> None:
        """Another image is shown: end everything, and drop the files. A file that is being saved is finished."""
        self._about = self._copy = None
        self._end(self._work)
        self._end(self._search)
        self._work = self._search = None
        self._clock.stop()
        if self._files is not None:
            # Freeing half a million names takes tens of milliseconds.
            held, self._files = [self._files], None
            self._tasks.run(self._tasks.quick, lambda _: held.clear(), name="dropping files of an image")

    # -- helpers

    def _open(self, about: Inspected, copy: Endpoint | None, cancellation: Cancellation) -> Layers:
        """Open the layers, those of *copy* if it has the same; the documents are known already, and reading them again
        may count as a pull."""
        from longshore.application.files.opening import open_copy, open_layers
        from longshore.application.inspection.values import DocumentKind

        if copy is not None:
            found = open_copy(about, copy, self._clients, cancellation)
            if found is not None:
                return found
        by_kind = {document.kind: document.raw for document in about.documents}
        manifest, config = by_kind.get(DocumentKind.MANIFEST), by_kind.get(DocumentKind.CONFIG)
        known = (manifest, config) if manifest is not None and config is not None else None
        return open_layers(about.end, self._clients, self._library(), cancellation, documents=known)

    def _failure(self, about: Inspected) -> Callable[[LongshoreError], None]:
        def failed(error: LongshoreError) -> None:
            self._work = None
            self._clock.stop()
            self.failed.emit(about, error)

        return failed

    @Slot()
    def _tell(self) -> None:
        if self._latest is not None and self._about is not None:
            self.progressed.emit(self._about, *self._latest)

    @staticmethod
    def _end(work: Cancellation | None) -> None:
        if work is not None:
            work.cancel()
