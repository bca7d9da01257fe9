"""The ways of moving an image, by the kinds of source and destination. It knows them all; none of them knows it."""

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
    """The ways there are, by the kinds of source and destination."""
    from longshore.transfers.ways.copying import CopyWay
    from longshore.transfers.ways.engine_to_library import EngineToLibrary
    from longshore.transfers.ways.library_pull import LibraryPull
    from longshore.transfers.ways.library_to_engine import LibraryToEngine
    from longshore.transfers.ways.load import LoadWay
    from longshore.transfers.ways.pull import PullWay
    from longshore.transfers.ways.push import PushWay
    from longshore.transfers.ways.relay import RelayWay
    from longshore.transfers.ways.save import SaveWay

    copy = CopyWay()
    into_archive = CopyWay(pausable=False)
    return {
        (RegistryPlace, EnginePlace): PullWay(),
        (EnginePlace, RegistryPlace): PushWay(),
        (RegistryPlace, RegistryPlace): copy,
        (RegistryPlace, LibraryPlace): LibraryPull(),
        (LibraryPlace, RegistryPlace): copy,
        (LibraryPlace, LibraryPlace): copy,
        (LibraryPlace, EnginePlace): LibraryToEngine(),
        (EnginePlace, LibraryPlace): EngineToLibrary(),
        (EnginePlace, EnginePlace): RelayWay(),
        (EnginePlace, ArchivePlace): SaveWay(),
        (ArchivePlace, EnginePlace): LoadWay(),
        (RegistryPlace, ArchivePlace): into_archive,
        (LibraryPlace, ArchivePlace): into_archive,
        (ArchivePlace, ArchivePlace): into_archive,
        (ArchivePlace, RegistryPlace): copy,
        (ArchivePlace, LibraryPlace): copy,
    }


def kind_of(request: TransferRequest) -> Places:
    """The key of *request* in a table of ways."""
    return (type(request.source.place), type(request.destination.place))
