"""What tests offer over loopback: a shelf of plain contents, and blobs that arrive when the test says so."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from longshore.cancellation import Cancellation
from longshore.errors import LongshoreError
from longshore.loopback.offer import Blob
from longshore.loopback.server import Offer
from longshore.oci.digest import sha256_of
from longshore.oci.manifest import Index, Manifest


class ArrivingBlob:
    """A blob of which the first *arrived* bytes can be read; see `arrive` and `fail`."""

    def __init__(self, content: bytes, arrived: int | None = None) -> None:
        self.content = content
        self.size = len(content)
        self.digest = sha256_of(content)
        #: Set once a reader waits for bytes.
        self.awaited = threading.Event()
        self._arrived = self.size if arrived is None else arrived
        self._error: LongshoreError | None = None
        self._changed = threading.Condition()

    def arrive(self, upto: int | None = None) -> None:
        """Let the bytes before *upto* be read; all without it."""
        with self._changed:
            self._arrived = self.size if upto is None else upto
            self.awaited.clear()
            self._changed.notify_all()

    def fail(self, error: LongshoreError) -> None:
        with self._changed:
            self._error = error
            self._changed.notify_all()

    def read(self, offset: int, most: int, cancellation: Cancellation) -> bytes:
        if offset >= self.size:
            return b""
        with cancellation.waking(self._wake), self._changed:
            while offset >= self._arrived:
                cancellation.raise_if_cancelled()
                if self._error is not None:
                    raise self._error
                self.awaited.set()
                self._changed.wait()
            return self.content[offset : min(offset + most, self._arrived)]

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()


class PlainShelf:
    """Offers these manifests, each by its digest and the first also by the tag, and these blobs."""

    def __init__(
        self, manifests: tuple[Manifest | Index, ...] = (), blobs: Mapping[str, Blob] | None = None
    ) -> None:
        self.manifests = {each.digest: each for each in manifests}
        self.blobs = dict(blobs or {})
        self.asked: list[str] = []
        if manifests:
            self.manifests["pull"] = manifests[0]

    def manifest(self, name: str, cancellation: Cancellation) -> Manifest | Index | None:
        self.asked.append(name)
        return self.manifests.get(name)

    def blob(self, digest: str, cancellation: Cancellation) -> Blob | None:
        self.asked.append(digest)
        return self.blobs.get(digest)


@dataclass(frozen=True)
class Reply:
    """The whole reply to one request."""

    status: int
    headers: dict[str, str]
    body: bytes


class Offering(Protocol):
    """Offers a shelf, by default an empty one, until the end of the test."""

    def __call__(self, shelf: PlainShelf | None = None) -> Offer: ...


class Ask(Protocol):
    """Sends one request on a connection of its own."""

    def __call__(
        self, offer: Offer, path: str, method: str = "GET", body: bytes | None = None, **headers: str
    ) -> Reply: ...


#: Opens a bare connection, closed at the end of the test.
Connect = Callable[[Offer], socket.socket]


def url(offer: Offer, kind: str, name: str) -> str:
    """The path of a manifest or blob of *offer*."""
    return f"/v2/{offer.offered.repository}/{kind}/{name}"


def everything(connection: socket.socket) -> bytes:
    """What arrives until the other side closes the connection."""
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)
