"""Sign-ins of all registries: read from Docker's credentials, changed here, and watched for changes by others."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from PySide6.QtCore import QFileSystemWatcher, QObject, QTimer, Signal, Slot

from longshore.application import sign_in
from longshore.application.clients import Clients
from longshore.application.registries import RegistryBook
from longshore.application.sign_in import Account, Identity
from longshore.cancellation import Cancellation, Cancelled
from longshore.credentials import Credential, Fate, SavedSignIn
from longshore.errors import CredentialsError, LongshoreError
from longshore.operations.tasks import Tasks
from longshore.words import errors
from longshore.words.sign_in import destination_words

_log = logging.getLogger(__name__)

#: Milliseconds between the last change of Docker's config.json and reading it: it is written in several steps.
_SETTLED = 300
#: Seconds for which a saved sign-in is guarded against stale writes by other programs.
GUARDED = 300.0

Done = Callable[[LongshoreError | None], None]


@dataclass(frozen=True, slots=True)
class _Guarded:
    """A saved sign-in. *until*: a time of ``time.monotonic``. *again*: it has been overwritten once already."""

    saved: SavedSignIn
    until: float
    again: bool = False


class SignIns(QObject):
    """The sign-ins of all registries. GUI thread; every method returns at once."""

    changed = Signal()  # the account of some registry changed: see account()
    switched = Signal(str)  # host at which another user, or nobody, is signed in now
    lost = Signal(object)  # LongshoreError: another program has overwritten a saved sign-in twice

    def __init__(self, clients: Clients, tasks: Tasks, book: RegistryBook) -> None:
        super().__init__()
        self._clients = clients
        self._tasks = tasks
        self._book = book
        self._accounts: dict[str, Account] = {}
        self._guarded: dict[str, _Guarded] = {}
        self._guarding = asyncio.Lock()
        self._settled = QTimer(self)
        self._settled.setSingleShot(True)
        self._settled.setInterval(_SETTLED)
        self._settled.timeout.connect(self._reread)
        self._watcher: QFileSystemWatcher | None = None
        self._seen = self._state()

    def start(self) -> None:
        """Read all sign-ins, and watch Docker's config.json, which the docker CLI changes too."""
        self.load()
        self._watcher = QFileSystemWatcher(self)
        self._watcher.fileChanged.connect(self._touched)
        self._watcher.directoryChanged.connect(self._touched)
        self._watch()

    def stop(self) -> None:
        """Stop watching."""
        self._settled.stop()
        if self._watcher is not None:
            self._watcher.deleteLater()
            self._watcher = None

    # -- queries

    def account(self, host: str) -> Account:
        """Return who is signed in at *host*, as far as it is known."""
        return self._accounts.get(host, Account())

    def kept_words(self, host: str) -> str:
        """Return a sentence that says where a secret for *host* will be stored. Known once its account is."""
        account = self.account(host)
        if account.trouble is not None:
            return errors.told(account.trouble)
        return destination_words(account.kept) if account.kept is not None else ""

    def load(self, *hosts: str) -> None:
        """Read again who is signed in at *hosts* (default: all)."""
        for host in hosts or [config.host for config in self._book.configs()]:
            # Separately, because one credential helper that hangs must not hide the others.
            self._find(host)

    def _find(self, host: str, *, switched: bool = False) -> None:
        """Read who is signed in at *host*. *switched*: report a switch, even to the same user with another password."""
        before = self._accounts.get(host)

        def found(account: Account) -> None:
            if account == before and not switched:
                return
            self._accounts[host] = account
            self.changed.emit()
            if switched or (before is not None and before.user != account.user):
                self.switched.emit(host)

        self._tasks.run(
            self._tasks.credentials,
            lambda _: sign_in.account_at(self._clients, host),
            done=found,
            name=f"who is signed in at {host}",
        )

    def identify(self, host: str, done: Callable[[Identity], None]) -> None:
        """Ask the registry whether it accepts the current sign-in; *done* is called in the GUI thread."""

        def ask(cancellation: Cancellation) -> Identity:
            return sign_in.identity_at(self._clients, host, cancellation)

        def failed(error: LongshoreError) -> None:
            done(Identity(host, self.account(host), "", "", error))

        self._tasks.run(self._tasks.credentials, ask, done=done, failed=failed, name="who am I")

    # -- signing in and out

    def sign_in(self, host: str, credential: Credential, *, keep: bool, done: Done) -> Cancellation:
        """Check *credential* with the registry and store it where docker does (not *keep*: for this run only).

        *done* is called in the GUI thread with None or the error, but not after the returned cancellation was
        cancelled: then nothing is stored, unless it was already written. A stored credential is guarded for
        :data:`GUARDED` seconds: if another program overwrites it, it is stored once more.
        """

        def check(cancellation: Cancellation) -> SavedSignIn | None:
            return sign_in.sign_in(self._clients, host, credential, keep=keep, cancellation=cancellation)

        return self._change(host, check, done, "sign in")

    def sign_out(self, host: str, done: Done) -> None:
        """Remove the credential of *host* here and where docker stores it."""

        def work(cancellation: Cancellation) -> None:
            self._clients.credentials.forget(host, cancellation=cancellation)

        self._change(host, work, done, "sign out")

    def _change(
        self, host: str, work: Callable[[Cancellation], SavedSignIn | None], done: Done, name: str
    ) -> Cancellation:
        """Do *work* in a worker. Afterwards only the sign-in that it returns is guarded at *host*."""

        def changed(saved: SavedSignIn | None) -> None:
            self._guarded.pop(host, None)
            if saved is not None:
                self._guarded[host] = _Guarded(saved, time.monotonic() + GUARDED)
            if self._watcher is not None:
                self._settled.start()  # it may have been overwritten before the guard began
            self._clients.forget_registry(host)
            self._find(host, switched=True)

        return self._tasks.run(
            self._tasks.credentials,
            work,
            finished=changed,
            done=lambda _: done(None),
            failed=done,
            name=name,
        )

    # -- changes by other programs

    def _watch(self) -> None:
        if self._watcher is None:
            return
        path = self._clients.credentials.path
        watched = {*self._watcher.files(), *self._watcher.directories()}
        # Watch the folder too: the file is replaced at each change, and may not exist yet.
        folder = path.parent if path.parent.is_dir() else path.parent.parent
        missing = [str(one) for one in (path, folder) if one.exists() and str(one) not in watched]
        if missing:
            self._watcher.addPaths(missing)

    @Slot()
    def _touched(self) -> None:
        self._settled.start()

    @Slot()
    def _reread(self) -> None:
        self._watch()
        if self._state() != self._seen:
            self._seen = self._state()
            self._tasks.spawn(self._changed_by_others(), "config.json changed")

    async def _changed_by_others(self) -> None:
        async with self._guarding:
            for host, guarded in list(self._guarded.items()):
                await self._guard(host, guarded)
        self.load()

    async def _guard(self, host: str, guarded: _Guarded) -> None:
        """Check one guarded sign-in in a worker, and remember the result here."""
        if time.monotonic() > guarded.until:
            del self._guarded[host]
            return
        lost: LongshoreError | None = None
        left: _Guarded | None = None
        try:
            with self._tasks.cancellable() as cancellation:
                left = await self._tasks.call(
                    self._tasks.credentials, self._look_after, guarded, cancellation
                )
        except Cancelled:
            return
        except LongshoreError as error:
            lost = error
        if self._guarded.get(host) is not guarded:
            return  # another sign-in or sign-out has happened meanwhile
        if left is not None:
            self._guarded[host] = left
            return
        del self._guarded[host]
        if lost is not None:
            self.lost.emit(lost)

    def _look_after(self, guarded: _Guarded, cancellation: Cancellation) -> _Guarded | None:
        """Return what to guard from now on. Worker thread. Raises CredentialsError if it was overwritten again."""
        store = self._clients.credentials
        try:
            fate, saved = store.fate(guarded.saved)
        except LongshoreError:
            return guarded  # partly written or damaged: :meth:`load` reports it
        if fate is Fate.KEPT:
            return replace(guarded, saved=saved)
        if fate is Fate.CHANGED:
            return None
        if guarded.again:
            raise CredentialsError(
                f"Another program overwrote the sign-in for {saved.registry} again.",
                subject=saved.registry,
                advice="Wait until no docker login is running, then sign in again.",
                detail=str(store.path),
            )
        _log.info("the sign-in for %s was overwritten by another program, and is saved again", saved.registry)
        repeated = store.save_again(saved, cancellation=cancellation)
        return replace(guarded, saved=repeated, again=True) if repeated is not None else None

    def _state(self) -> tuple[int, int, int] | None:
        try:
            found = self._clients.credentials.path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino, found.st_size
