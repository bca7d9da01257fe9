"""The registries the user works with: Docker Hub, those of the settings, those of this run's command line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from longshore.oci.errors import LongshoreError
from longshore.oci.reference import DOCKER_HUB, Reference
from longshore.registry.config import RegistryConfig
from longshore.settings import Settings

_KEY = "registries"
_PINS = "pins"
_DIGEST_TAGS = "digest_tags"
#: Repositories of one registry that are offered from the history.
_MOST_RECENT = 8


class RegistryBook:
    """Which registries there are, how each is reached, and which repositories are pinned. GUI thread, but
    :meth:`config` any thread (it reads one dict entry)."""

    def __init__(self, settings: Settings, for_this_run: list[RegistryConfig]) -> None:
        self._settings = settings
        self._configs: dict[str, RegistryConfig] = {DOCKER_HUB: RegistryConfig(DOCKER_HUB)}
        self._session = {config.host for config in for_this_run}
        self._recent: dict[str, tuple[str, ...]] = {}
        for data in settings.get(_KEY, []):
            try:
                config = RegistryConfig.from_json(data)
            except (LongshoreError, ValueError, TypeError, KeyError, AttributeError):
                continue  # an odd entry harms only itself
            self._configs[config.host] = config
        for config in for_this_run:
            self._configs.setdefault(config.host, config)
        self._session -= {config.host for config in self._saved()}

    def _saved(self) -> list[RegistryConfig]:
        return [config for host, config in self._configs.items() if host not in self._session]

    def configs(self) -> list[RegistryConfig]:
        """All, Docker Hub first, in the order they were added."""
        return list(self._configs.values())

    def config(self, host: str) -> RegistryConfig:
        """How *host* is reached; the defaults for one that is not in the book."""
        return self._configs.get(host) or RegistryConfig(host)

    def add(self, config: RegistryConfig) -> bool:
        """Add or replace. False if it was there already and is the same."""
        if self._configs.get(config.host) == config and config.host not in self._session:
            return False
        self._configs[config.host] = config
        self._session.discard(config.host)
        self._write()
        return True

    def remove(self, host: str) -> None:
        """Take *host* out of the book. Docker Hub stays."""
        if host != DOCKER_HUB and self._configs.pop(host, None) is not None:
            self._session.discard(host)
            self._write()

    def pins(self, host: str) -> tuple[str, ...]:
        """The repositories of *host* that the user pinned by name."""
        pins: dict[str, Any] = self._settings.get(_PINS, {})
        found = pins.get(host, [])
        return tuple(p for p in found if isinstance(p, str)) if isinstance(found, list) else ()

    def pin(self, host: str, repository: str) -> None:
        """Remember *repository* of *host*; pins persist."""
        self._set_pins(host, tuple(dict.fromkeys((*self.pins(host), repository))))

    def unpin(self, host: str, repository: str) -> None:
        """The reverse of :meth:`pin`."""
        self._set_pins(host, tuple(p for p in self.pins(host) if p != repository))

    def recent(self, host: str) -> tuple[str, ...]:
        """Repositories of *host* that something was moved from or to, the latest first."""
        return self._recent.get(host, ())

    def set_recent(self, references: Iterable[Reference]) -> bool:
        """Take over what the history holds, the latest first. False if that is what was known."""
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
        """Whether the user wants to see tags that stand for a digest."""
        return bool(self._settings.get(_DIGEST_TAGS, False))

    def show_digest_tags(self, shown: bool) -> None:
        """Remember :attr:`digest_tags_shown`."""
        self._settings.set(_DIGEST_TAGS, shown)

    def _set_pins(self, host: str, names: tuple[str, ...]) -> None:
        pins = dict(self._settings.get(_PINS, {}))
        pins[host] = list(names)
        self._settings.set(_PINS, {key: value for key, value in pins.items() if value})

    def _write(self) -> None:
        self._settings.set(
            _KEY, [config.to_json() for config in self._saved() if config != RegistryConfig(DOCKER_HUB)]
        )

    def mark_insecure(self, host: str, insecure: bool) -> None:
        """Allow plain HTTP for *host*, or not."""
        self.add(replace(self.config(host), insecure=insecure))
