"""What a command finds when the user runs it in a terminal: the current engine, contexts, the library, registries."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from longshore.engine.address import EngineAddress, current_address
from longshore.engine.contexts import list_contexts
from longshore.errors import LongshoreError
from longshore.registry.config import RegistryConfig

#: The names that ``docker context create`` accepts.
_CONTEXT = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.+-]*")


@dataclass(frozen=True, slots=True)
class EngineName:
    """How a command names an engine. Both are empty for the current engine, which needs no name."""

    context: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Terminal:
    """The surroundings of a command. Immutable; any thread.

    *current*: the engine that the docker CLI uses without options; None if that is unknown. *contexts*: the engine of
    each Docker context. *tls*: the environment requires TLS for engines behind tcp. *library*: the folder of the user's
    library. *registry* returns the settings of a host.
    """

    current: EngineAddress | None
    contexts: Mapping[str, EngineAddress]
    tls: bool
    library: Path
    registry: Callable[[str], RegistryConfig]

    @classmethod
    def read(
        cls, environ: Mapping[str, str], library: Path, registry: Callable[[str], RegistryConfig]
    ) -> Terminal:
        """Read Docker's contexts and configuration. Blocks: small files. Never raises."""
        contexts = {}
        for context in list_contexts(environ):
            found = _address(context.name, environ)
            if found is not None and _CONTEXT.fullmatch(context.name):
                contexts[context.name] = found
        tls = bool(environ.get("DOCKER_TLS_VERIFY") or environ.get("DOCKER_TLS"))
        return cls(_address(None, environ), contexts, tls, library, registry)

    def engine(self, address: EngineAddress, *, always: bool = False) -> EngineName | None:
        """Return how to name the engine at *address*; None if no option leads to exactly this engine.

        *always*: name also the current one.
        """
        if address == self.current and not always:
            return EngineName()
        named = [name for name, found in self.contexts.items() if found == address]
        if named:
            return EngineName(context=address.name if address.name in named else named[0])
        if address.tls is not None or (self.tls and address.scheme == "tcp"):
            return None  # an address alone does not say which certificates to use
        return EngineName(url=address.url) if address.url.isprintable() else None


def _address(named: str | None, environ: Mapping[str, str]) -> EngineAddress | None:
    try:
        return current_address(named, environ)
    except LongshoreError:
        return None
