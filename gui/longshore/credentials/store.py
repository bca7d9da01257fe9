"""Finds, stores and erases credentials where the docker CLI keeps them (docker/cli, cli/config/credentials)."""

from __future__ import annotations

import contextlib
import enum
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from longshore.cancellation import Cancellation
from longshore.credentials.config_file import LARGEST, ConfigFile, legacy_credential, unwritable
from longshore.credentials.credential import TOKEN_USER, Credential
from longshore.credentials.helper import TIMEOUT, Helper, default_helper
from longshore.credentials.names import canonical, host_of, key_of, logout_keys
from longshore.credentials.saved import Fate, SavedSignIn
from longshore.errors import CredentialsError
from longshore.shared_files import SharedFile

#: Seconds that the file is watched after a change: the docker CLI takes no lock and writes back what it has read.
SETTLE = 0.5


class StoredIn(enum.Enum):
    """Where a credential is stored."""

    HELPER = "helper"
    CONFIG_FILE = "config file"  # as base64, readable for everybody who can read the file
    THIS_RUN = "this run"


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """*stored_in*, with a helper's *name*, or with the file's *path* and whether it exists but is *empty*."""

    stored_in: StoredIn
    name: str = ""
    path: Path | None = None
    empty: bool = False


class CredentialStore:
    """Docker's credentials. Registries are named as in references (``docker.io``, ``127.0.0.1:5000``).

    Thread-safe. Calls block: the file is read again each time, and helpers are programs that may ask the user (for
    ``helper_seconds`` each). Worker threads only, except for :meth:`keep_for_this_run`. *settle*: seconds that a
    change of the file is watched.
    """

    def __init__(
        self,
        config_dir: Path | None = None,
        environ: Mapping[str, str] | None = None,
        *,
        settle: float = SETTLE,
    ) -> None:
        self._environ = os.environ if environ is None else environ
        home = Path(self._environ.get("HOME") or Path.home())
        named = self._environ.get("DOCKER_CONFIG", "")
        self._folder = config_dir or (Path(named) if named else home / ".docker")
        self._legacy = None if config_dir or named else home / ".dockercfg"
        self._file = SharedFile(self.path, largest=LARGEST, settle=settle)
        #: Seconds that a helper may take. To be changed before the first call.
        self.helper_seconds = TIMEOUT
        self._cleared = False
        self._memory = threading.Lock()
        self._this_run: dict[str, Credential] = {}

    @property
    def path(self) -> Path:
        """Docker's ``config.json``."""
        return self._folder / "config.json"

    # -- reading

    def get(self, registry: str) -> Credential | None:
        """The credential for *registry*, None for anonymous. Raises CredentialsError."""
        kept = self._kept(registry)
        if kept is not None:
            return kept
        config = self._read()
        helper = self._helper(config, registry)
        if helper is not None:
            return self._ask(helper, config, registry)
        return self._from_file(config, registry) or self._from_default_helper(config, registry)

    def whose(self, registry: str) -> str | None:
        """The user signed in at *registry*, ``token`` for a token without a name, None for nobody.

        Asks helpers for their list, which contains no secrets and opens no keyring. Raises CredentialsError.
        """
        kept = self._kept(registry)
        if kept is not None:
            return kept.username or "token"
        config = self._read()
        helper = self._helper(config, registry)
        if helper is not None:
            return self._listed(helper, config, registry)
        found = self._from_file(config, registry) or self._from_default_helper(config, registry)
        return (found.username or "token") if found else None

    def registries(self) -> list[str]:
        """The registries with a stored sign-in, as far as the file and the helpers list them, sorted.

        A helper that cannot list is left out. Raises CredentialsError if the file is unusable.
        """
        config = self._read()
        keys = config.all_keys()
        for name in config.helpers() or filter(None, [self._default(config)]):
            with contextlib.suppress(CredentialsError):
                keys += self._program(name).users()
        with self._memory:
            found = {*self._this_run, *map(host_of, keys)}
        return sorted(host for host in found if host)

    def keeper(self, registry: str) -> Whereabouts:
        """Where the credential of *registry* is, or would be stored. Asks no helper. Raises CredentialsError."""
        return (
            Whereabouts(StoredIn.THIS_RUN) if self._kept(registry) is not None else self.destination(registry)
        )

    def destination(self, registry: str) -> Whereabouts:
        """Where :meth:`save` would store a credential of *registry*. Raises CredentialsError."""
        config = self._read()
        helper = self._helper(config, registry)
        name = helper.name if helper is not None else self._default(config)
        if name:
            return Whereabouts(StoredIn.HELPER, name)
        return Whereabouts(StoredIn.CONFIG_FILE, path=self.path, empty=config.empty)

    # -- writing

    def save(
        self, registry: str, credential: Credential, *, cancellation: Cancellation | None = None
    ) -> SavedSignIn:
        """Store *credential* as ``docker login`` does: in the helper if there is one, else in the file.

        Pass the result to :meth:`fate`. Cancelling ends the waits; what was already written stays. Raises
        CredentialsError, also if other programs overwrote the change each time; Cancelled if nothing was written.
        """
        config = self._read()
        helper = self._helper(config, registry)
        default = "" if helper is not None else self._default(config)
        if default:
            helper = self._program(default)
        if helper is not None:
            config.keys(registry)  # raises before the helper stores it, if the file is unusable
            helper.store(key_of(registry), credential)
        in_file = credential if helper is None else None
        saved = self._change_file(
            registry,
            default,
            lambda found: found.with_credential(registry, in_file, helper=default),
            cancellation,
        )
        with self._memory:
            self._this_run.pop(canonical(registry), None)
        return saved

    def fate(self, saved: SavedSignIn) -> tuple[Fate, SavedSignIn]:
        """The state of *saved*, and the value to pass next time. Raises CredentialsError."""
        config = self._read()
        fate = saved.fate(config)
        return fate, saved.beside(config) if fate is Fate.KEPT else saved

    def save_again(
        self, saved: SavedSignIn, *, cancellation: Cancellation | None = None
    ) -> SavedSignIn | None:
        """Repeat the change of *saved* if another program overwrote it and nobody changed the sign-in on purpose.

        None if there was nothing to repeat. Raises CredentialsError, Cancelled.
        """
        credential = saved.entries.get(key_of(saved.registry))
        repeated = False

        def again(found: ConfigFile) -> ConfigFile:
            nonlocal repeated
            helper = self._helper(found, saved.registry)
            if saved.fate(found) is not Fate.OVERWRITTEN or (helper is not None and credential is not None):
                return found
            repeated = True
            return found.with_credential(saved.registry, credential, helper=saved.helper)

        new = self._change_file(saved.registry, saved.helper, again, cancellation)
        return new if repeated else None

    def keep_for_this_run(self, registry: str, credential: Credential) -> None:
        """Keep *credential* in memory only; it takes precedence over stored ones. Any thread, returns at once."""
        with self._memory:
            self._this_run[canonical(registry)] = credential

    def forget(self, registry: str, *, cancellation: Cancellation | None = None) -> None:
        """Sign out: in memory, in the helper and in the file. It is not an error if nobody is signed in.

        Tries everything before it raises CredentialsError: a broken helper does not keep the entry in the file. Raises
        Cancelled.
        """
        with self._memory:
            self._this_run.pop(canonical(registry), None)
        config = self._read()
        failures = list(self._erase(config, registry))
        if self._read().keys(registry):
            self._change_file(registry, "", lambda found: found.without(registry), cancellation)
        if failures:
            raise failures[0]

    # -- inside

    def _read(self) -> ConfigFile:
        if not self._cleared:
            # Killed writers, also of earlier runs, leave temporary files with secrets.
            self._cleared = True
            self._file.clear()
        return ConfigFile.read(self.path)

    def _change_file(
        self,
        registry: str,
        helper: str,
        how: Callable[[ConfigFile], ConfigFile],
        cancellation: Cancellation | None,
    ) -> SavedSignIn:
        first: ConfigFile | None = None

        def merge(raw: bytes | None) -> bytes | None:
            nonlocal first
            found = ConfigFile.parse(self.path, raw)
            first = first or found
            wanted = how(found)
            return raw if wanted.values == found.values else wanted.text()

        try:
            change = self._file.change(merge, cancellation=cancellation)
        except OSError as error:
            raise unwritable(self.path, error) from error
        after = ConfigFile.parse(self.path, change.after)
        return SavedSignIn.of(registry, helper, first or after, after)

    def _erase(self, config: ConfigFile, registry: str) -> Iterator[CredentialsError]:
        """Erase all names of *registry* from the helper, if there is one; yields the errors."""
        try:
            helper = self._helper(config, registry)
        except CredentialsError as error:
            yield error
            return
        if helper is None:
            return
        for key in dict.fromkeys([*logout_keys(registry), *config.keys(registry)]):
            try:
                helper.erase(key)
            except CredentialsError as error:
                yield error

    def _kept(self, registry: str) -> Credential | None:
        with self._memory:
            return self._this_run.get(canonical(registry))

    def _helper(self, config: ConfigFile, registry: str) -> Helper | None:
        name = config.helper_name(registry)
        return self._program(name) if name else None

    def _program(self, name: str) -> Helper:
        return Helper(name, self._environ, self.helper_seconds)

    def _default(self, config: ConfigFile) -> str:
        return "" if config.mentions_credentials else default_helper(self._environ)

    def _ask(self, helper: Helper, config: ConfigFile, registry: str) -> Credential | None:
        # Docker's key first, then keys that an older login left in the file (with a scheme or a path).
        for key in dict.fromkeys([key_of(registry), *config.keys(registry)]):
            found = helper.get(key)
            if found is not None:
                return found
        return None

    def _listed(self, helper: Helper, config: ConfigFile, registry: str) -> str | None:
        try:
            users = helper.users()
        except CredentialsError:
            # Some helpers cannot list. A broken helper raises here.
            found = self._ask(helper, config, registry)
            return (found.username or "token") if found else None
        for key in [key_of(registry), *config.keys(registry), *users]:
            if key in users and host_of(key) == canonical(registry):
                return "token" if users[key] in ("", TOKEN_USER) else users[key]
        return None

    def _from_file(self, config: ConfigFile, registry: str) -> Credential | None:
        if not config.found and self._legacy is not None:
            return legacy_credential(self._legacy, registry)
        return config.credential(registry)

    def _from_default_helper(self, config: ConfigFile, registry: str) -> Credential | None:
        """The credential of the platform's own helper, which Docker asks if nothing is configured."""
        name = self._default(config)
        if not name:
            return None
        try:
            return self._program(name).get(key_of(registry))
        except CredentialsError:
            # Nobody chose this helper (there may be no keyring at all): it must not prevent anonymous use.
            return None
