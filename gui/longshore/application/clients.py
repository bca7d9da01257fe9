"""The clients that the rooms below share: one per engine and one per registry, created when first needed.

Everything here may be called from any worker thread and may block, imports included: importing the Docker SDK takes
longer than showing the window, so the thread that first needs it imports it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from longshore.credentials import Credential, CredentialStore
from longshore.errors import CredentialsError
from longshore.registry.config import RegistryConfig
from longshore.transfers.bandwidth import Bandwidth
from longshore.transfers.clients import NO_GATE, Gate
from longshore.transfers.tag_changes import NO_RECORDER, TagRecorder
from longshore.transfers.transfer import Place, RegistryPlace

if TYPE_CHECKING:
    from longshore.engine.address import EngineAddress
    from longshore.engine.engine import Engine
    from longshore.library.library import Library
    from longshore.registry.checked_tags import CheckedTags
    from longshore.registry.client import RegistryClient
    from longshore.registry.details_cache import DetailsCache
    from longshore.registry.listing import Lister
    from longshore.registry.pull_budget import PullBudget
    from longshore.transfers.hand_over import HandOver


class Clients:
    """Provides engines, registry clients, listers and credentials. Thread-safe.

    *cache*: the folder in which details of tags are kept; None keeps none.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        config_of: Callable[[str], RegistryConfig],
        *,
        cache: Path | None = None,
    ) -> None:
        # Reentrant: creating a lister also creates its client.
        self._lock = threading.RLock()
        self._environ = environ
        self._config_of = config_of
        self._cache = cache
        self._details: DetailsCache | None = None
        self._checked: CheckedTags | None = None
        self._engines: dict[EngineAddress, Engine] = {}
        self._registries: dict[str, RegistryClient] = {}
        self._libraries: dict[Path, Library] = {}
        self._listers: dict[str, Lister] = {}
        self.credentials = CredentialStore(environ=environ)
        self.bandwidth = Bandwidth()
        #: Records every change of a tag. Set before the first use.
        self.recorder: TagRecorder = NO_RECORDER
        #: Decides which images may be fetched. Set before the first use.
        self.gate: Gate = NO_GATE
        #: What pulls need whose layers Longshore fetches. Set before the first use.
        self.hand_over: HandOver | None = None

    def engine(self, address: EngineAddress) -> Engine:
        """The client for the engine at *address*. Does not connect."""
        from longshore.engine.engine import Engine

        with self._lock:
            engine = self._engines.get(address)
            if engine is None:
                engine = self._engines[address] = Engine(address)
            return engine

    def registry(self, host: str) -> RegistryClient:
        """The client for the registry *host*, with the user's settings for it. Does not connect."""
        from longshore.registry.client import RegistryClient

        with self._lock:
            client = self._registries.get(host)
            if client is None:
                client = RegistryClient(
                    self._config_of(host),
                    self.credential,
                    environ=self._environ,
                    details=self._kept_details(),
                )
                self._registries[host] = client
            return client

    def trial(self, config: RegistryConfig) -> RegistryClient:
        """An anonymous client for a registry with the settings *config*: it looks up no credentials.

        The caller owns and closes it.
        """
        from longshore.registry.client import RegistryClient

        return RegistryClient(config, lambda _host: None, environ=self._environ)

    def anonymous(self, host: str) -> RegistryClient:
        """A client for the registry *host* as a stranger has it: without credentials and without a client certificate.

        The caller owns and closes it.
        """
        return self.trial(dataclasses.replace(self._config_of(host), client_cert=None, client_key=None))

    def library(self, path: Path) -> Library:
        """The library in the folder *path*. Does not access the folder."""
        from longshore.library.library import Library

        with self._lock:
            library = self._libraries.get(path)
            if library is None:
                library = self._libraries[path] = Library(path)
            return library

    def lister(self, host: str) -> Lister:
        """The lister for the registry *host*, by its vendor's API. Does not connect; created anew after a sign-in."""
        from longshore.registry.listing import lister_for

        with self._lock:
            lister = self._listers.get(host)
            if lister is None:
                lister = self._listers[host] = lister_for(
                    self._config_of(host), self.registry(host), self.credential, environ=self._environ
                )
            return lister

    @contextlib.contextmanager
    def listing_below(self, host: str, namespace: str) -> Iterator[Lister]:
        """A lister for what the registry *host* has below *namespace* ("" for all), whatever its settings list."""
        from longshore.registry.client import RegistryClient
        from longshore.registry.listing import lister_for

        config = dataclasses.replace(self._config_of(host), namespace=namespace)
        client, own = self.registry(host), None
        if client.registry.namespace not in ("", namespace):
            # That client's catalogue has only what is below its own namespace.
            client = own = RegistryClient(config, self.credential, environ=self._environ)
        lister = lister_for(config, client, self.credential, environ=self._environ)
        try:
            yield lister
        finally:
            lister.close()
            if own is not None:
                own.close()

    def _kept_details(self) -> DetailsCache | None:
        from longshore.registry.details_cache import DetailsCache

        if self._details is None and self._cache is not None:
            self._details = DetailsCache(self._cache)
        return self._details

    def credential(self, host: str) -> Credential | None:
        """The credential to use for *host*, None for anonymous. May run a helper. Raises CredentialsError."""
        try:
            return self.credentials.get(host)
        except CredentialsError as error:
            error.registry = host
            raise

    def user_of(self, place: Place) -> str:
        """The user who is signed in to a registry, as far as it has required that; "" for none. Returns at once."""
        if not isinstance(place, RegistryPlace):
            return ""
        with self._lock:
            client = self._registries.get(place.host)
        return "" if client is None else client.user

    def budget_of(self, host: str) -> PullBudget | None:
        """The pulls that the registry *host* still allows, as it last reported; None if it has not. Returns at once."""
        with self._lock:
            client = self._registries.get(host)
        return None if client is None else client.budget

    def forget_registry(self, host: str) -> None:
        """Drop the client of *host* because its settings or credentials changed. Its running calls finish unchanged."""
        with self._lock:
            gone: list[Any] = [self._listers.pop(host, None), self._registries.pop(host, None)]
        for each in gone:
            if each is not None:
                each.close()

    def checked_tags(self) -> CheckedTags | None:
        """What tags pointed to when they were last asked; None without a folder for caches."""
        from longshore.registry.checked_tags import CheckedTags

        with self._lock:
            if self._checked is None and self._cache is not None:
                self._checked = CheckedTags(self._cache)
            return self._checked

    def close(self) -> None:
        """Close every client. Must be the last call."""
        with self._lock:
            clients: list[Any] = [
                *self._engines.values(),
                *self._listers.values(),
                *self._registries.values(),
            ]
            self._engines.clear()
            self._listers.clear()
            self._registries.clear()
            clients += [cache for cache in (self._details, self._checked) if cache is not None]
        for client in clients:
            client.close()
