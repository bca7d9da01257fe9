"""The user's registries: Docker Hub, those from the settings, and those from the command line of this run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from longshore.errors import LongshoreError
from longshore.oci.reference import DOCKER_HUB, Reference
from longshore.registry.config import RegistryConfig
from longshore.settings import Settings

_KEY = "registries"
_PINS = "pins"
_DIGEST_TAGS = "digest_tags"
#: The number of repositories per registry that are offered from the history.
_MOST_RECENT = 8


class RegistryBook:
    """The registries, their settings, and their pinned repositories.

    Not thread-safe: all calls from one thread, except :meth:`config` (it reads one dict entry).
    """

    def __init__(self, settings: Settings, for_this_run: list[RegistryConfig]) -> None:
        self._settings = settings
        self._configs: dict[str, RegistryConfig] = {DOCKER_HUB: RegistryConfig(DOCKER_HUB)}
        self._recent: dict[str, tuple[str, ...]] = {}
        self._configs |= self._saved()
        #: Registries of this run only.
        self._session: set[str] = set()
        for config in for_this_run:
            self.use(config)

    def _saved(self) -> dict[str, RegistryConfig]:
        found = [_read(data) for data in self._settings.get(_KEY, [])]
        return {config.host: config for config in found if config is not None}

    def look_again(self) -> set[str]:
        """Load changes made by another Longshore. Returns the hosts whose settings changed or that were removed."""
        before = self._configs
        saved = self._saved()
        self._session -= saved.keys()
        session = {host: config for host, config in before.items() if host in self._session}
        self._configs = {DOCKER_HUB: RegistryConfig(DOCKER_HUB)} | saved | session
        return {host for host, config in before.items() if self._configs.get(host) != config}

    def configs(self) -> list[RegistryConfig]:
        """All registries, Docker Hub first, in the order they were added."""
        return list(self._configs.values())

    def config(self, host: str) -> RegistryConfig:
        """The settings for *host*; the defaults if it is not in the book."""
        return self._configs.get(host) or RegistryConfig(host)

    def add(self, config: RegistryConfig) -> bool:
        """Add or replace a registry. Returns False if the same one was already there.

        If another Longshore changed the same registry meanwhile, only the fields that differ from the last known
        settings are changed.
        """
        host = config.host
        known = self._configs.get(host)
        if known == config and host not in self._session:
            return False
        before = known.to_json() if known is not None and host not in self._session else {}
        after = config.to_json()
        changed = {
            key: after.get(key) for key in {*before, *after} if before.get(key, None) != after.get(key, None)
        }

        def merge(entries: list[Any]) -> list[Any]:
            mine = [entry for entry in entries if _host(entry) == host]
            entry = {**(mine[-1] if mine else {}), **(changed if mine else after), "host": host}
            entry = {key: value for key, value in entry.items() if value is not None}
            if entry == {"host": DOCKER_HUB}:
                return [one for one in entries if _host(one) != host]
            if not mine:
                return [*entries, entry]
            first = next(place for place, one in enumerate(entries) if _host(one) == host)
            rest = [one for one in entries[first + 1 :] if _host(one) != host]
            return [*entries[:first], entry, *rest]

        written = self._settings.update(_KEY, merge, [])
        merged = next((_read(entry) for entry in written if _host(entry) == host), None)
        self._configs[host] = merged or config
        self._session.discard(host)
        return True

    def use(self, config: RegistryConfig) -> None:
        """Use a registry in this run only. One that is in the book stays as it is."""
        if config.host not in self._configs:
            self._session.add(config.host)
            self._configs[config.host] = config

    def remove(self, host: str) -> None:
        """Remove *host* from the book. Docker Hub stays."""
        if host != DOCKER_HUB and self._configs.pop(host, None) is not None:
            self._session.discard(host)
            self._settings.update(_KEY, lambda entries: [one for one in entries if _host(one) != host], [])

    def pins(self, host: str) -> tuple[str, ...]:
        """The repositories of *host* that the user pinned by name."""
        return _names(self._settings.get(_PINS, {}), host)

    def pin(self, host: str, repository: str) -> None:
        """Pin *repository* of *host*; pins persist."""
        self._change_pins(host, lambda names: dict.fromkeys((*names, repository)))

    def unpin(self, host: str, repository: str) -> None:
        """Remove the pin of *repository*."""
        self._change_pins(host, lambda names: [name for name in names if name != repository])

    def recent(self, host: str) -> tuple[str, ...]:
        """Repositories of *host* used in transfers, the latest first."""
        return self._recent.get(host, ())

    def set_recent(self, references: Iterable[Reference]) -> bool:
        """Set the recent repositories from the history, the latest first. Returns False if they are unchanged."""
        found: dict[str, dict[str, None]] = {}
        for reference in references:
            paths = found.setdefault(reference.domain, {})
            if len(paths) < _MOST_RECENT:
                paths[reference.path] = None
        recent = {host: tuple(paths) for host, paths in found.items()}
        changed = recent != self._recent
        self._recent = recent
        return changed

    @property
    def digest_tags_shown(self) -> bool:
        """Whether the user wants to see tags that represent a digest."""
        return bool(self._settings.get(_DIGEST_TAGS, False))

    def show_digest_tags(self, shown: bool) -> None:
        """Save :attr:`digest_tags_shown`."""
        self._settings.set(_DIGEST_TAGS, shown)

    def _change_pins(self, host: str, how: Callable[[tuple[str, ...]], Iterable[str]]) -> None:
        def merge(pins: dict[str, Any]) -> dict[str, Any]:
            names = list(how(_names(pins, host)))
            others = {key: value for key, value in pins.items() if key != host}
            return {**others, host: names} if names else others

        self._settings.update(_PINS, merge, {})


def _read(data: Any) -> RegistryConfig | None:
    """A registry from an entry of the settings; None for an invalid one, which is left in place."""
    try:
        return RegistryConfig.from_json(data)
    except (LongshoreError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _host(data: Any) -> str:
    config = _read(data)
    return config.host if config is not None else ""


def _names(pins: dict[str, Any], host: str) -> tuple[str, ...]:
    found = pins.get(host, [])
    return tuple(name for name in found if isinstance(name, str)) if isinstance(found, list) else ()
