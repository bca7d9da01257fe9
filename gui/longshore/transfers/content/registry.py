"""A registry's repository as a place to copy from and to."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from longshore.errors import InvalidContent, VerificationFailed
from longshore.registry.failures import REFUSALS

if TYPE_CHECKING:
    from longshore.cancellation import Cancellation
    from longshore.errors import LongshoreError
    from longshore.oci.descriptor import Descriptor, OpenBlob
    from longshore.oci.layer import BlobOutcome
    from longshore.oci.manifest import Index, Manifest
    from longshore.registry.client import RegistryClient
    from longshore.registry.model import Upload

_log = logging.getLogger(__name__)


class RegistryReader:
    """See ContentReader."""

    def __init__(self, client: RegistryClient, host: str, repository: str) -> None:
        self._client = client
        self.host = host
        self.repository = repository

    def manifest(self, name: str, *, cancellation: Cancellation) -> Manifest | Index:
        """The manifest or index that *name* points to; verified."""
        return self._client.manifest(self.repository, name, cancellation=cancellation)

    def blob(
        self, wanted: Descriptor, offset: int = 0, *, cancellation: Cancellation
    ) -> AbstractContextManager[Iterable[bytes]]:
        """The blob from this registry only, never from a descriptor's ``urls``, which the image's author chose."""
        return self._client.read_blob(self.repository, wanted.digest, offset, cancellation=cancellation)

    def referrers(
        self, digest: str, *, refused: Callable[[LongshoreError], None], cancellation: Cancellation
    ) -> list[Descriptor]:
        """Uses the referrers API, or the fallback tag if the registry has none."""
        return self._client.referrers(self.repository, digest, refused=refused, cancellation=cancellation)

    def mountable(self, digest: str, host: str) -> str:
        """See ContentReader."""
        return self.repository if host == self.host else ""

    def close(self) -> None:
        """The client is shared and stays open."""


class RegistryWriter:
    """See ContentWriter."""

    def __init__(self, client: RegistryClient, host: str, repository: str) -> None:
        self._client = client
        self.host = host
        self.repository = repository
        self._absent: set[str] = set()
        self._silent = False  # it refuses to say which blobs it has: they are sent without asking

    def blob_size(self, digest: str, *, cancellation: Cancellation) -> int | None:
        """Uses HEAD, with the token that an upload needs anyway. None also if the registry refuses to say."""
        if self._silent:
            return None
        try:
            size = self._client.blob_size(self.repository, digest, for_push=True, cancellation=cancellation)
        except REFUSALS as error:
            _log.info("%s/%s does not report which blobs it has: %s", self.host, self.repository, error)
            self._silent = True
            return None
        if size is None:
            self._absent.add(digest)
        return size

    def manifest_digest(self, name: str, *, cancellation: Cancellation) -> str | None:
        """Uses HEAD, or GET if HEAD is refused."""
        found = self._client.head(self.repository, name, for_push=True, cancellation=cancellation)
        return None if found is None else found.digest

    def write_blob(
        self, wanted: Descriptor, source: OpenBlob, *, mount_from: str, cancellation: Cancellation
    ) -> BlobOutcome:
        """Resumes an upload that an earlier call to this registry left unfinished (while the program runs).

        The registry verifies the digest.
        """
        digest = wanted.digest
        unfinished = self._client.unfinished
        left = unfinished.take(self.repository, digest)

        def confirmed(upload: Upload) -> None:
            nonlocal left
            left = upload

        try:
            return self._client.upload_blob(
                self.repository,
                digest,
                wanted.size,
                source,
                mount_from=mount_from,
                confirmed=confirmed,
                resume=left,
                check=not self._silent and digest not in self._absent,
                cancellation=cancellation,
            )
        except (InvalidContent, VerificationFailed):
            left = None  # the bytes sent are wrong
            raise
        except BaseException:
            if left is not None:
                unfinished.leave(digest, left)
            raise
        finally:
            self._absent.discard(digest)  # ask again next time

    def put_manifest(self, found: Manifest | Index, name: str, *, cancellation: Cancellation) -> str:
        """Verbatim, with its media type as Content-Type."""
        return self._client.put_manifest(
            self.repository, name, found.raw, found.media_type, cancellation=cancellation
        )

    def commit(self, *, cancellation: Cancellation) -> None:
        """Does nothing: every request has already taken effect."""

    def close(self) -> None:
        """The client is shared and stays open."""
