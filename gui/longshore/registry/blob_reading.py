"""Reads blobs of a registry, whole or from an offset on (distribution-spec, "Pulling blobs")."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

from urllib3.exceptions import HTTPError

from longshore.cancellation import Cancellation
from longshore.errors import InvalidReference, NotInRegistry
from longshore.oci.digest import valid_digest
from longshore.registry import connecting, failures
from longshore.registry.addresses import repository_path
from longshore.registry.challenge import number
from longshore.registry.manifests import pull_scope, push_scope
from longshore.registry.session import Session
from longshore.registry.transport import Reply

_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-[0-9]*/([0-9]{1,18}|\*)")


class BlobStream:
    """A blob as it arrives, from the requested offset on. Iterate once; one thread. Not verified."""

    def __init__(
        self, reply: Reply, session: Session, skip: int, wanted: int | None, size: int | None, subject: str
    ) -> None:
        """*skip*: bytes of the body before those requested. *wanted*: the number of bytes requested, None for all."""
        self._reply = reply
        self._session = session
        self._skip = skip
        self._most = None if wanted is None else skip + wanted
        self._subject = subject
        #: Bytes of the whole blob, None if the registry does not report them.
        self.size = size

    @property
    def ranged(self) -> bool:
        """Whether the registry returned a part of the blob; False if it sends the blob from its start."""
        return self._reply.status == 206

    def __iter__(self) -> Iterator[bytes]:
        if self._reply.status == 416:
            return  # the body is an error message, although distribution announces the blob's length for it
        try:
            for piece in self._reply.chunks(self._most):
                if self._skip >= len(piece):
                    self._skip -= len(piece)
                    continue
                yield piece[self._skip :] if self._skip else piece
                self._skip = 0
        except (HTTPError, OSError) as error:
            raise connecting.of_connection(error, self._session.config, self._reply.url) from error


class BlobReading:
    """The part of the client for reading blobs. Any worker thread."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def blob_size(
        self,
        repository: str,
        digest: str,
        *,
        for_push: bool = False,
        cancellation: Cancellation | None = None,
    ) -> int | None:
        """Size in bytes of a blob in *repository*, None if it is not there. *for_push*: use the token of an upload."""
        try:
            reply = self._session.fetch(
                "HEAD",
                _blob_path(repository, digest),
                scopes=push_scope(repository) if for_push else pull_scope(repository),
                subject=f"{repository}@{digest}",
                cancellation=cancellation,
            )
        except NotInRegistry:
            return None
        return number(reply.headers.get("Content-Length", "")) or 0

    @contextlib.contextmanager
    def read_blob(
        self,
        repository: str,
        digest: str,
        offset: int = 0,
        *,
        end: int | None = None,
        cancellation: Cancellation | None = None,
    ) -> Iterator[BlobStream]:
        """The blob's bytes from *offset* on, as they arrive. The caller verifies them, because a resumed read continues
        the hash of the earlier part.

        *end*: request and read only the bytes before this offset (RFC 9110, section 14.1.2). The registry may send
        fewer: the caller then asks again from where they ended. If the registry ignores ranges, the blob is read from
        the start and its first *offset* bytes are dropped (see BlobStream.ranged). Credentials are not sent to a
        storage after a redirect. Raises NotInRegistry, and while reading RegistryUnreachable.
        """
        subject = f"{repository}@{digest}"
        wanted = None
        if end is not None:
            if end <= offset:
                raise ValueError("an empty range can't be requested")
            wanted = end - offset
        partly = offset > 0 or end is not None
        reply = self._session.open(
            "GET",
            _blob_path(repository, digest),
            scopes=pull_scope(repository),
            headers={"Range": f"bytes={offset}-{'' if end is None else end - 1}"} if partly else None,
            subject=subject,
            ok=(200, 206, 416) if partly else (200,),
            cancellation=cancellation,
        )
        with reply:
            skip, size = offset, reply.length
            if reply.status == 206:
                found = _CONTENT_RANGE.match(reply.headers.get("Content-Range", ""))
                if found is None or int(found[1]) > offset:
                    raise failures.unexpected(
                        self._session.config, "it returns a different range from the one requested", subject
                    )
                skip = offset - int(found[1])
                size = int(found[2]) if found[2] != "*" else None
            elif reply.status == 416:
                # No bytes after the offset: the blob is complete, or it is another blob.
                total = reply.headers.get("Content-Range", "").rpartition("/")[2]
                if total != str(offset):
                    raise failures.unexpected(
                        self._session.config, "it does not have the requested range", subject
                    )
                size = offset
            yield BlobStream(reply, self._session, skip, wanted, size, subject)


def _blob_path(repository: str, digest: str) -> str:
    if not valid_digest(digest):
        raise InvalidReference("This is not a digest.", subject=digest)
    return f"{repository_path(repository)}/blobs/{digest}"
