"""Everything that a program without a window works with: settings, registries, clients, history and the queue."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from longshore.application import user_files
from longshore.application.clients import Clients
from longshore.application.registries import RegistryBook
from longshore.application.signatures.gate import KEYS_FILE, KeyGate
from longshore.engine.address import current_address
from longshore.errors import InvalidInput
from longshore.registry.config import RegistryConfig
from longshore.settings import Folders, Settings
from longshore.transfers.errors import HistoryUnavailable
from longshore.transfers.transfer import EnginePlace, LibraryPlace

if TYPE_CHECKING:
    # What only transfers need is imported late: a list needs none of it.
    from longshore.transfers.journal.journal import Journal
    from longshore.transfers.queue.queue import TransferQueue


class Session:
    """The user's Longshore, as far as no window is needed. One thread; what it opens may be used from any.

    Opens nothing until asked. *engine_urls*: the engines to use instead of Docker's current one, by address or context.
    *registries*: known for this run only. *history* False: nothing is written to the user's history and cache. Close it
    at the end.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        *,
        engine_urls: Sequence[str] = (),
        registries: Iterable[RegistryConfig] = (),
        history: bool = True,
    ) -> None:
        self.environ = environ
        self.folders = Folders.of(environ)
        self.settings = Settings(self.folders.config)
        self.registries = RegistryBook(self.settings, list(registries))
        self._history = history
        cache = self.folders.cache if history else None
        self.clients = Clients(environ, self.registries.config, cache=cache)
        #: The user's keys for signatures, and the rules about them, which hold without history, too.
        self.signatures = KeyGate(self.folders.config / KEYS_FILE, self.registries.config, environ)
        self.clients.gate = self.signatures
        self.tag_history = user_files.tag_history(
            self.folders if history else None, self.settings, self.clients.user_of
        )
        if history:
            self.clients.recorder = self.tag_history
        self._engine_urls = list(engine_urls)
        self._engine_used = False
        self._queue: TransferQueue | None = None
        self._waker: Callable[[], None] | None = None

    def engine(self, url: str | None = None) -> EnginePlace:
        """The engine at *url* (or of the context *url*), or the first chosen one. Does not connect.

        Raises EngineUnavailable, UnknownContext.
        """
        self._engine_used = True
        return EnginePlace(current_address(url or next(iter(self._engine_urls), None), self.environ))

    def engines(self) -> list[EnginePlace]:
        """All chosen engines, or the current one. Raises as :meth:`engine`."""
        return list(dict.fromkeys(self.engine(url) for url in self._engine_urls or [""]))

    def check_engines(self) -> None:
        """Raise InvalidInput if engines were chosen and nothing has asked for one: the user means something else."""
        if self._engine_urls and not self._engine_used:
            raise InvalidInput("This uses no engine.", advice="Leave out the engine.")

    def library(self) -> LibraryPlace:
        """The library, in the folder that the user chose or in the default one."""
        return user_files.chosen_library(self.folders, self.settings)

    def journal(self, *, reading: bool = False) -> Journal:
        """A journal of the user's history, or one in memory, not opened yet. *reading*: see Journal."""
        from longshore.application.choices import Choices
        from longshore.transfers.journal.journal import Journal

        choices = Choices.read(self.settings)
        return Journal(
            user_files.journal_file(self.folders),
            max_age_days=choices.history_days,
            max_rows=choices.history_rows,
            in_memory=not self._history,
            reading=reading,
        )

    @contextlib.contextmanager
    def opened_journal(self, *, reading: bool = False) -> Iterator[Journal]:
        """The opened history, for reading and for changes of its rows; closed at the end.

        *reading*: only for reading; then the file need not be writable. Raises HistoryUnavailable if the file can't be
        used, or not any more at the end.
        """
        import sqlite3

        journal = self.journal(reading=reading)
        journal.open()
        try:
            usable = journal.flush()
            if reading and not usable:
                # Opened to be changed, a file that can't be read is set aside.
                journal.close()
                journal = self.journal()
                journal.open()
                usable = journal.flush()
            if not usable:
                raise _unavailable(journal)
            yield journal
            if not journal.flush():
                raise _unavailable(journal)
        except sqlite3.Error as error:
            raise HistoryUnavailable(
                "The history can't be read.", subject=str(journal.path), detail=str(error)
            ) from error
        finally:
            journal.close()

    def queue(self, wake: Callable[[], None] | None = None) -> TransferQueue:
        """The started queue of this session, with the user's limits. It leaves others' unfinished rows to them.

        *wake* is called from now on when rows change, in place of the one before: only one thread takes the changes.
        Changes that were not taken yet do not call it, so take them once. None: whoever waits keeps waiting.
        """
        if wake is not None:
            self._waker = wake
        if self._queue is None:
            from longshore.application.choices import Choices
            from longshore.transfers.hand_over import HandOver
            from longshore.transfers.queue.queue import TransferQueue

            choices = Choices.read(self.settings)
            self.clients.hand_over = HandOver(lambda: self.library().path)
            choices.limit(self.clients)
            self._queue = TransferQueue(
                self.clients,
                self.journal(),
                concurrency=choices.concurrency,
                per_registry=choices.per_registry or None,
                wake=self._wake,
                recorder=self.clients.recorder,
            )
            self._queue.start(adopt=False)
        return self._queue

    def limit_copies(self) -> None:
        """Apply the user's speed limit for copies to what is downloaded without the queue, too."""
        from longshore.application.choices import Choices

        Choices.read(self.settings).limit(self.clients)

    def _wake(self) -> None:
        waker = self._waker  # any thread
        if waker is not None:
            waker()

    def close(self, timeout: float = 2.0) -> bool:
        """Stop what runs and write the history. Returns True if nothing is left running. Blocks."""
        clean = self._queue is None or self._queue.shutdown(timeout)
        self.clients.close()
        self.tag_history.close()
        self.settings.flush()
        return clean


def _unavailable(journal: Journal) -> HistoryUnavailable:
    return HistoryUnavailable(
        "The history can't be read or written.",
        subject=str(journal.path),
        advice="Check the file, its folder and the disk with longshore doctor.",
        detail=journal.problem,
    )
