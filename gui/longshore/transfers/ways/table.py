"""The table of all ways to move an image, by the kinds of source and destination. No way imports it."""

from __future__ import annotations

from collections.abc import Mapping

from longshore.transfers.transfer import (
    ArchivePlace,
    EnginePlace,
    LibraryPlace,
    RegistryPlace,
    TransferRequest,
)
from longshore.transfers.ways.way import Way

Places = tuple[type[EnginePlace | RegistryPlace | LibraryPlace | ArchivePlace], ...]
Ways = Mapping[Places, Way]


def all_ways() -> Ways:
    """All ways, by the kinds of source and destination."""
    from longshore.transfers.ways.copying import CopyWay
    from longshore.transfers.ways.into_engine import IntoEngine
    from longshore.transfers.ways.library_pull import LibraryPull
    from longshore.transfers.ways.out_of_engine import OutOfEngine
    from longshore.transfers.ways.pull import PullWay
    from longshore.transfers.ways.push import PushWay
    from longshore.transfers.ways.sinks import ArchiveSink, EngineSink, LibrarySink
    from longshore.transfers.ways.sources import ArchiveSource, LibrarySource

    copy = CopyWay()
    into_archive = CopyWay(pausable=False)
    return {
        (RegistryPlace, EnginePlace): PullWay(),
        (EnginePlace, RegistryPlace): PushWay(),
        (RegistryPlace, RegistryPlace): copy,
        (RegistryPlace, LibraryPlace): LibraryPull(),
        (LibraryPlace, RegistryPlace): copy,
        (LibraryPlace, LibraryPlace): copy,
        (LibraryPlace, EnginePlace): IntoEngine(LibrarySource),
        (EnginePlace, LibraryPlace): OutOfEngine(LibrarySink),
        (EnginePlace, EnginePlace): OutOfEngine(EngineSink, extracts=True),
        (EnginePlace, ArchivePlace): OutOfEngine(ArchiveSink),
        (ArchivePlace, EnginePlace): IntoEngine(ArchiveSource),
        (RegistryPlace, ArchivePlace): into_archive,
        (LibraryPlace, ArchivePlace): into_archive,
        (ArchivePlace, ArchivePlace): into_archive,
        (ArchivePlace, RegistryPlace): copy,
        (ArchivePlace, LibraryPlace): copy,
    }


def kind_of(request: TransferRequest) -> Places:
    """The key of *request* in a table of ways."""
    return (type(request.source.place), type(request.destination.place))
