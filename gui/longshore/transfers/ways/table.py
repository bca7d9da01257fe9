"""The table of all ways to move an image, by the kinds of source and destination. No way imports it.

A way is imported when a transfer first needs it: together they take longer to import than most transfers of a command
take to find that everything is up to date.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from longshore.transfers.index_parts import IndexParts
from longshore.transfers.transfer import (
    PARTS,
    ArchivePlace,
    EnginePlace,
    FolderPlace,
    LibraryPlace,
    RegistryPlace,
    TransferRequest,
)

if TYPE_CHECKING:
    from longshore.transfers.ways.way import Way

Places = tuple[
    type[EnginePlace | RegistryPlace | LibraryPlace | ArchivePlace | FolderPlace | IndexParts], ...
]
Ways = Mapping[Places, "Way"]


def _pull() -> Way:
    from longshore.transfers.ways.pull import PullWay

    return PullWay()


def _push() -> Way:
    from longshore.transfers.ways.push import PushWay

    return PushWay()


def _copy() -> Way:
    from longshore.transfers.ways.copying import CopyWay

    return CopyWay()


def _into_archive() -> Way:
    from longshore.transfers.ways.copying import CopyWay

    return CopyWay(pausable=False)


def _library_pull() -> Way:
    from longshore.transfers.ways.library_pull import LibraryPull

    return LibraryPull()


def _library_to_engine() -> Way:
    from longshore.transfers.ways.into_engine import IntoEngine
    from longshore.transfers.ways.sources import LibrarySource

    return IntoEngine(LibrarySource)


def _archive_to_engine() -> Way:
    from longshore.transfers.ways.into_engine import IntoEngine
    from longshore.transfers.ways.sources import ArchiveSource

    return IntoEngine(ArchiveSource)


def _engine_to_library() -> Way:
    from longshore.transfers.ways.out_of_engine import OutOfEngine
    from longshore.transfers.ways.sinks import LibrarySink

    return OutOfEngine(LibrarySink)


def _engine_to_engine() -> Way:
    from longshore.transfers.ways.out_of_engine import OutOfEngine
    from longshore.transfers.ways.sinks import EngineSink

    return OutOfEngine(EngineSink, extracts=True)


def _engine_to_archive() -> Way:
    from longshore.transfers.ways.out_of_engine import OutOfEngine
    from longshore.transfers.ways.sinks import ArchiveSink

    return OutOfEngine(ArchiveSink)


def _build() -> Way:
    from longshore.transfers.ways.build import BuildWay

    return BuildWay()


def _index() -> Way:
    from longshore.transfers.ways.index import IndexWay

    return IndexWay()


_MAKERS: dict[Places, Callable[[], Way]] = {
    (RegistryPlace, EnginePlace): _pull,
    (EnginePlace, RegistryPlace): _push,
    (RegistryPlace, RegistryPlace): _copy,
    (RegistryPlace, LibraryPlace): _library_pull,
    (LibraryPlace, RegistryPlace): _copy,
    (LibraryPlace, LibraryPlace): _copy,
    (LibraryPlace, EnginePlace): _library_to_engine,
    (EnginePlace, LibraryPlace): _engine_to_library,
    (EnginePlace, EnginePlace): _engine_to_engine,
    (EnginePlace, ArchivePlace): _engine_to_archive,
    (ArchivePlace, EnginePlace): _archive_to_engine,
    (RegistryPlace, ArchivePlace): _into_archive,
    (LibraryPlace, ArchivePlace): _into_archive,
    (ArchivePlace, ArchivePlace): _into_archive,
    (ArchivePlace, RegistryPlace): _copy,
    (ArchivePlace, LibraryPlace): _copy,
    (FolderPlace, EnginePlace): _build,
    (IndexParts, RegistryPlace): _index,
    (IndexParts, LibraryPlace): _index,
    (IndexParts, ArchivePlace): _index,
}


def make_way(places: Places) -> Way | None:
    """The way between *places*; None if there is none. May block: its first call imports the way."""
    maker = _MAKERS.get(places)
    return None if maker is None else maker()


def all_ways() -> Ways:
    """All ways, by the kinds of source and destination."""
    return {places: maker() for places, maker in _MAKERS.items()}


def kind_of(request: TransferRequest) -> Places:
    """The key of *request* in a table of ways."""
    source = IndexParts if PARTS in dict(request.options) else type(request.source.place)
    return (source, type(request.destination.place))
