"""Finds, keeps and forgets credentials where the docker CLI does (docker/cli, cli/config/credentials)."""

from __future__ import annotations

import enum
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from longshore.credentials.config_file import ConfigFile, legacy_credential
from longshore.credentials.credential import TOKEN_USER, Credential
from longshore.credentials.helper import Helper, default_helper
from longshore.credentials.names import canonical, host_of, key_of, logout_keys
from longshore.oci.errors import CredentialsError


class StoredIn(enum.Enum):
    """Where a credential is kept."""

    HELPER = "helper"
    CONFIG_FILE = "config file"  # as base64, which everybody who can read the file can read
    THIS_RUN = "this run"


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """*stored_in* and, for a helper, its *name*; for the file, its *path*."""

    stored_in: StoredIn
    name: str = ""
    path: Path | None = None


class CredentialStore:
    """Docker's credentials. Registries are named as in references (``docker.io``, ``127.0.0.1:5000``).

    Thread-safe. Calls block: the file is read anew each time, and helpers are programs that may ask the user (at
    most 30 s each). Worker threads only, but for :meth:`keep_for_this_run`.
    """

    def __init__(self, config_dir: Path | None = None, environ: Mapping[str, str] | None = None) -> None:
        self._environ = os.environ if environ is None else environ
        home = Path(self._environ.get("HOME") or Path.home())
        named = self._environ.get("DOCKER_CONFIG", "")
        self._folder = config_dir or (Path(named) if named else home / ".docker")
        self._legacy = None if config_dir or named else home / ".dockercfg"
        self._memory = threading.Lock()
        self._writing = (
            threading.Lock()
        )  # one reading and writing of the file at a time; may be held for long
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
        config = ConfigFile.read(self.path)
        helper = self._helper(config, registry)
        if helper is not None:
            return self._ask(helper, config, registry)
        return self._from_file(config, registry) or self._from_default_helper(config, registry)

    def whose(self, registry: str) -> str | None:
        """The name of who is signed in at *registry*, ``token`` for a token without name, None for nobody.

        Asks helpers for their list, which holds no secrets and opens no keyring. Raises CredentialsError.
        """
        kept = self._kept(registry)
        if kept is not None:
            return kept.username or "token"
        config = ConfigFile.read(self.path)
        helper = self._helper(config, registry)
        if helper is not None:
            return self._listed(helper, config, registry)
        found = self._from_file(config, registry) or self._from_default_helper(config, registry)
        return (found.username or "token") if found else None

    def keeper(self, registry: str) -> Whereabouts:
        """Where the credential of *registry* is kept, or would be kept. Asks no helper. Raises CredentialsError."""
        return (
            Whereabouts(StoredIn.THIS_RUN) if self._kept(registry) is not None else self.destination(registry)
        )

    def destination(self, registry: str) -> Whereabouts:
        """Where :meth:`save` would keep a credential of *registry*. Raises CredentialsError."""
        config = ConfigFile.read(self.path)
        helper = self._helper(config, registry)
        name = helper.name if helper is not None else self._default(config)
        return (
            Whereabouts(StoredIn.HELPER, name) if name else Whereabouts(StoredIn.CONFIG_FILE, path=self.path)
        )

    # -- writing

    def save(self, registry: str, credential: Credential) -> None:
        """Keep *credential* as ``docker login`` does: in the helper where there is one, else in the file.

        Raises CredentialsError; the file is then as it was.
        """
        with self._writing:
            config = ConfigFile.read(self.path)
            helper = self._helper(config, registry)
            default = "" if helper is not None else self._default(config)
            if default:
                helper = Helper(default, self._environ)
            if helper is not None:
                config.keys(registry)  # raises before the helper has it, if the file cannot be written later
                helper.store(key_of(registry), credential)
                # It may have taken its time: others may have written.
                ConfigFile.read(self.path).with_credential(registry, None, helper=default).write()
            else:
                config.with_credential(registry, credential).write()
        with self._memory:
            self._this_run.pop(canonical(registry), None)

    def keep_for_this_run(self, registry: str, credential: Credential) -> None:
        """Keep *credential* in memory only; it goes before what is stored. Any thread, returns at once."""
        with self._memory:
            self._this_run[canonical(registry)] = credential

    def forget(self, registry: str) -> None:
        """Sign out: here, in the helper and in the file. Nobody signed in is no error.

        Raises CredentialsError after all was tried: a broken helper does not keep the entry in the file.
        """
        with self._memory:
            self._this_run.pop(canonical(registry), None)
        with self._writing:
            config = ConfigFile.read(self.path)
            failures = list(self._erase(config, registry))
            config = ConfigFile.read(self.path)
            left = config.without(registry)
            if left is not config:
                left.write()
        if failures:
            raise failures[0]

    # -- inside

    def _erase(self, config: ConfigFile, registry: str) -> Iterator[CredentialsError]:
        """Have the helper, if any, forget all names of *registry*; yields what went wrong."""
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
        return Helper(name, self._environ) if name else None

    def _default(self, config: ConfigFile) -> str:
        return "" if config.mentions_credentials else default_helper(self._environ)

    def _ask(self, helper: Helper, config: ConfigFile, registry: str) -> Credential | None:
        # Docker's key, then those that an older login has left in the file (with a scheme or a path).
        for key in dict.fromkeys([key_of(registry), *config.keys(registry)]):
            found = helper.get(key)
            if found is not None:
                return found
        return None

    def _listed(self, helper: Helper, config: ConfigFile, registry: str) -> str | None:
        try:
            users = helper.users()
        except CredentialsError:
            # Some helpers cannot list. One that is broken altogether says so here.
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
        """Nothing is configured: Docker then asks the platform's own helper, if it is installed."""
        name = self._default(config)
        if not name:
            return None
        try:
            return Helper(name, self._environ).get(key_of(registry))
        except CredentialsError:
            # Nobody chose this helper (there may be no keyring at all): it must not stop anonymous use.
            return None
