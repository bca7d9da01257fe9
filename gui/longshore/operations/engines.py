"""All known engines, and whether they answer: asked in parallel, without waiting for the slowest."""

from __future__ import annotations

import asyncio
import enum
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace

from PySide6.QtCore import QObject, Signal

from longshore.application.clients import Clients
from longshore.cancellation import Cancellation, Cancelled
from longshore.engine.address import EngineAddress, known_addresses
from longshore.errors import EngineUnavailable, LongshoreError, UnavailableCause
from longshore.operations.place_watch import PlaceState, PlaceStatus
from longshore.operations.tasks import Tasks
from longshore.transfers.ways.deadline import within

TYPE_CHECKING = False
if TYPE_CHECKING:
    from longshore.engine.model import EngineInfo, SwarmNode

_log = logging.getLogger(__name__)

#: Seconds an engine has to connect, and for each reply. A slower one can still be chosen, and is then waited for.
ANSWER_SECONDS = 3.0
#: Seconds for all requests to one engine.
LOOK_SECONDS = 8.0
#: Maximum engines to ask; further contexts are shown without a state.
MOST = 50
_NEAR = ("unix", "npipe")


class EngineState(enum.Enum):
    """Whether an engine responds."""

    UNKNOWN = "unknown"  # not asked yet
    READY = "ready"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class FoundEngine:
    """One engine. *info* is set if it is READY, *error* if it is SILENT.

    *nodes*: the nodes of the swarm that it manages; empty if it manages none.
    """

    address: EngineAddress
    state: EngineState = EngineState.UNKNOWN
    info: EngineInfo | None = None
    error: LongshoreError | None = None
    nodes: tuple[SwarmNode, ...] = ()


class Engines(QObject):
    """Finds engines and asks them. GUI thread; every method returns at once."""

    changed = Signal(object)  # list[FoundEngine]: the new value of ``found``

    def __init__(self, clients: Clients, tasks: Tasks, environ: Mapping[str, str]) -> None:
        super().__init__()
        self._clients = clients
        self._tasks = tasks
        self._environ = environ
        self._found: dict[EngineAddress, FoundEngine] = {}
        self._named: list[EngineAddress] = []  # given by the user, and not known otherwise
        self._looking = False
        self._all_wanted = False  # set while only local engines are asked

    @property
    def found(self) -> list[FoundEngine]:
        """All engines: the one that ``--engine`` names, DOCKER_HOST, the default, contexts, sockets."""
        return list(self._found.values())

    @property
    def looking(self) -> bool:
        """True while some engines are being asked."""
        return self._looking

    def look(self, *, near: bool = False) -> None:
        """Find all engines and ask each, unless that is already running. States stay until an engine answers.

        *near*: ask only those on this machine. Remote ones may require touching a key or typing a passphrase, which a
        program should not request right after its start.
        """
        if self._looking:
            self._all_wanted |= not near
            return
        self._looking = True
        self._tasks.spawn(self._look(near), "look for engines")

    def note(self, status: PlaceStatus) -> None:
        """Take over the status from the watch of one place, which is newer than the result of a look."""
        address = status.address
        if address is None:
            return
        if address not in self._found:
            self._named.insert(0, address)
            self._found = {address: FoundEngine(address), **self._found}
            self.changed.emit(self.found)
        before = self._found[address]
        if status.state is PlaceState.READY:
            self._set(replace(before, state=EngineState.READY, info=status.info, error=None))
        elif status.state is PlaceState.UNAVAILABLE:
            self._set(FoundEngine(address, EngineState.SILENT, error=status.error))

    def _set(self, found: FoundEngine) -> None:
        if found.address in self._found and self._found[found.address] != found:
            self._found[found.address] = found
            self.changed.emit(self.found)

    async def _look(self, near: bool) -> None:
        try:
            known = await self._tasks.call(self._tasks.quick, known_addresses, self._environ)
            addresses = [*(each for each in self._named if each not in known), *known]
            self._found = {each: self._found.get(each, FoundEngine(each)) for each in addresses}
            self.changed.emit(self.found)
            here = [each for each in addresses if each.scheme in _NEAR]
            with self._tasks.cancellable() as cancellation:
                await self._ask_all(here if near else addresses, cancellation)
                if near and self._all_wanted:
                    await self._ask_all([each for each in addresses if each not in here], cancellation)
        finally:
            self._all_wanted = False
            self._looking = False

    async def _ask_all(self, addresses: list[EngineAddress], cancellation: Cancellation) -> None:
        await asyncio.gather(*(self._ask(each, cancellation) for each in addresses[:MOST]))

    async def _ask(self, address: EngineAddress, cancellation: Cancellation) -> None:
        try:
            self._set(await self._tasks.call(self._tasks.engines, self._probe, address, cancellation))
        except LongshoreError as error:
            _log.info("no answer from %s: %s", address.name, error)
            self._set(FoundEngine(address, EngineState.SILENT, error=error))
        except Cancelled:
            pass

    def _probe(self, address: EngineAddress, cancellation: Cancellation) -> FoundEngine:
        """Ask one engine. Worker thread. Raises EngineError and Cancelled."""
        engine = self._clients.engine(address)
        nodes: tuple[SwarmNode, ...] = ()
        try:
            with within(cancellation, LOOK_SECONDS) as bounded:
                info = engine.probe(bounded, seconds=ANSWER_SECONDS)
                if info.swarm_manager:
                    try:
                        nodes = tuple(engine.swarm_nodes(bounded, seconds=ANSWER_SECONDS))
                    except LongshoreError as error:
                        _log.info("no nodes from %s: %s", address.name, error)
        except Cancelled:
            cancellation.raise_if_cancelled()
            raise EngineUnavailable(
                "The engine did not respond in time.",
                cause=UnavailableCause.TIMED_OUT,
                subject=address.url,
                advice="It may be starting, overloaded or behind a firewall.",
            ) from None
        return FoundEngine(address, EngineState.READY, info, nodes=nodes)
