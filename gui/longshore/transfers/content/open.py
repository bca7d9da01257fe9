"""Opens the places that hold content: the reading and writing class for each kind of endpoint."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from longshore.transfers.errors import UnsupportedTransfer
from longshore.transfers.transfer import ArchivePlace, Endpoint, LibraryPlace, NoteKind, RegistryPlace

if TYPE_CHECKING:
    from longshore.transfers.clients import Clients
    from longshore.transfers.content.protocol import ContentReader, ContentWriter


def open_reader(
    endpoint: Endpoint,
    clients: Clients,
    tell: Callable[[NoteKind, str], None] = lambda kind, text: None,
) -> ContentReader:
    """A reader for the repository of *endpoint*'s reference. The caller closes it.

    *tell* receives notes about the place for the user. May block (an archive is scanned). Raises LongshoreError,
    UnsupportedTransfer for an engine.
    """
    match endpoint.place:
        case RegistryPlace(host) if endpoint.reference is not None:
            from longshore.transfers.content.registry import RegistryReader

            return RegistryReader(clients.registry(host), host, endpoint.reference.path)
        case LibraryPlace(path):
            from longshore.transfers.content.library import LibraryReader

            return LibraryReader(clients.library(path), endpoint.reference)
        case ArchivePlace() as place:
            from longshore.transfers.content.archive import ArchiveReader

            return ArchiveReader(endpoint, place, tell)
        case _:
            raise UnsupportedTransfer("Longshore can't read individual layers from this place.")


def open_writer(endpoint: Endpoint, clients: Clients, ref_name: str = "") -> ContentWriter:
    """A writer for the repository of *endpoint*'s reference. The caller commits and closes it.

    *ref_name*: of *endpoint*'s image in an image layout, if it is not the whole reference.

    Raises LongshoreError, UnsupportedTransfer for an engine.
    """
    match endpoint.place:
        case RegistryPlace(host) if endpoint.reference is not None:
            from longshore.transfers.content.registry import RegistryWriter

            return RegistryWriter(clients.registry(host), host, endpoint.reference.path)
        case LibraryPlace(path):
            from longshore.transfers.content.library import LibraryWriter

            return LibraryWriter(clients.library(path), endpoint.reference, ref_name)
        case ArchivePlace() as place:
            from longshore.transfers.content.archive import ArchiveContentWriter

            return ArchiveContentWriter(endpoint, place, ref_name)
        case _:
            raise UnsupportedTransfer("Longshore can't write individual layers to this place.")
