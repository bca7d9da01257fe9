"""Writes blobs to a registry: mounts, and uploads in chunks that can be resumed (distribution-spec, "Pushing
Blobs")."""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Callable, Iterable
from dataclasses import replace

from longshore.cancellation import Cancellation
from longshore.errors import RegistryError, UnexpectedReply, VerificationFailed
from longshore.oci.descriptor import OpenBlob
from longshore.oci.layer import BlobOutcome
from longshore.registry import failures
from longshore.registry.addresses import repository_path, upload_address, with_query
from longshore.registry.blob_reading import BlobReading
from longshore.registry.habits import Habits
from longshore.registry.manifests import push_scope
from longshore.registry.model import Upload
from longshore.registry.pieces import pieces
from longshore.registry.sending import MisplacedError, Sending
from longshore.registry.session import Document, Session
from longshore.registry.transport import Reply
from longshore.registry.unfinished import UnfinishedUploads

_log = logging.getLogger(__name__)

#: Seconds that the registry may take to store a received chunk.
ANSWER_SECONDS = 60.0
#: Bytes of a blob for which the final request gets one more second, because the registry then verifies and stores all
#: of it; and the most seconds.
_STORED_A_SECOND = 20_000_000
_LONGEST_ANSWER = 600.0
_UPLOAD_RANGE = re.compile(r"(?:bytes[ =])?0-([0-9]{1,18})")


class Blobs(BlobReading):
    """The part of the client for writing blobs. Any worker thread."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        #: Uploads that were interrupted.
        self.unfinished = UnfinishedUploads()
        self.habits = Habits()

    # -- uploads, step by step

    def start_upload(self, repository: str, *, cancellation: Cancellation | None = None) -> Upload:
        """Open an upload session."""
        reply = self._post(repository, f"{repository_path(repository)}/blobs/uploads/", "", cancellation)
        return self._opened(repository, reply)

    def mount(
        self, repository: str, digest: str, source: str, *, cancellation: Cancellation | None = None
    ) -> Upload | None:
        """Mount a blob from the repository *source* of this registry. Returns None if it was mounted.

        Otherwise returns an upload session for the blob: registries respond so if they do not have it or do not allow
        the mount.
        """
        path = f"{repository_path(repository)}/blobs/uploads/?mount={digest}&from={repository_path(source)}"
        reply = self._post(repository, path, source, cancellation)
        return None if reply.status == 201 else self._opened(repository, reply)

    def upload_offset(self, upload: Upload, *, cancellation: Cancellation | None = None) -> Upload:
        """*upload* as the registry reports it: its confirmed bytes and new location.

        Raises NotInRegistry if the session no longer exists.
        """
        reply = self._session.fetch(
            "GET",
            upload.location,
            scopes=push_scope(upload.repository),
            subject=f"{upload.repository} (upload)",
            ok=(200, 202, 204),
            cancellation=cancellation,
        )
        return self._moved(upload, reply, None)

    def upload_chunk(
        self, upload: Upload, data: Iterable[bytes], length: int, *, cancellation: Cancellation | None = None
    ) -> Upload:
        """Send *length* bytes at the session's offset. Returns the session with the bytes that the registry confirms.

        Raises MisplacedError if it expects other bytes, BodySpentError if the sign-in expired during the request,
        RegistryUnreachable, NotInRegistry (the session no longer exists).
        """
        end = upload.offset + length - 1
        with self._session.open(
            "PATCH",
            upload.location,
            scopes=push_scope(upload.repository),
            headers={
                "Content-Type": "application/octet-stream",
                "Content-Length": str(length),
                "Content-Range": f"{upload.offset}-{end}",
            },
            body=pieces(data),
            subject=f"{upload.repository} (upload)",
            ok=(200, 201, 202, 204, 416),
            repeatable=False,
            read_seconds=ANSWER_SECONDS,
            cancellation=cancellation,
        ) as reply:
            self._check_place(upload, reply)
            return self._moved(upload, reply, length)

    def finish_upload(
        self,
        upload: Upload,
        digest: str,
        data: Iterable[bytes] = (),
        length: int = 0,
        *,
        whole: int = 0,
        cancellation: Cancellation | None = None,
    ) -> None:
        """End the session: its bytes, and the last *length* of *data*, are the blob *digest*, *whole* bytes in all.

        Raises VerificationFailed if the registry computes another digest, MisplacedError if it expects other bytes.
        """
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(length)}
        if length and upload.offset:
            headers["Content-Range"] = f"{upload.offset}-{upload.offset + length - 1}"
        subject = f"{upload.repository}@{digest}"
        try:
            with self._session.open(
                "PUT",
                with_query(upload.location, f"digest={digest}"),
                scopes=push_scope(upload.repository),
                headers=headers,
                body=pieces(data) if length else b"",
                subject=subject,
                ok=(200, 201, 202, 204, 416),
                repeatable=False,
                read_seconds=min(ANSWER_SECONDS + whole / _STORED_A_SECOND, _LONGEST_ANSWER),
                cancellation=cancellation,
            ) as reply:
                self._check_place(upload, reply)
        except UnexpectedReply as error:
            if "DIGEST_INVALID" not in error.detail:
                raise
            raise VerificationFailed(
                "The registry received different content from what was sent.",
                subject=subject,
                advice="Try again. If it happens again, a proxy in between damages content.",
                detail=error.detail,
            ) from error

    def abort_upload(self, upload: Upload, *, cancellation: Cancellation | None = None) -> None:
        """Ask the registry to discard what was sent. Registry errors are ignored."""
        with contextlib.suppress(RegistryError):
            self._session.fetch(
                "DELETE",
                upload.location,
                scopes=push_scope(upload.repository),
                ok=(200, 202, 204),
                cancellation=cancellation,
            )

    # -- the whole of it

    def upload_blob(
        self,
        repository: str,
        digest: str,
        size: int,
        source: OpenBlob,
        *,
        mount_from: str = "",
        chunk: int | None = None,
        confirmed: Callable[[Upload], None] | None = None,
        resume: Upload | None = None,
        check: bool = True,
        cancellation: Cancellation | None = None,
    ) -> BlobOutcome:
        """Get a blob of *size* bytes into *repository*, and return how.

        Mounts it if *mount_from* has it, skips it if it is already there (*check*), else sends it in chunks (of *chunk*
        bytes, or as many as take about two seconds). Resumes at completed chunks, and restarts if the session is lost.
        When asked to stop, it stops after the next completed chunk.

        If the registry refuses the mount or the check, the blob is sent. *source* returns the bytes from an offset on,
        and is called again to resume. *confirmed* is called with each session state; any of them can be passed as
        *resume* later. Raises VerificationFailed.
        """
        opened: Upload | None = None
        if mount_from and mount_from != repository:
            # First, because a registry that can mount needs no other request.
            mounted, opened = self._try_mount(repository, digest, mount_from, cancellation)
            if mounted:
                return BlobOutcome.MOUNTED
        if check and self.has_blob(repository, digest, cancellation=cancellation):
            if opened is not None:
                self.abort_upload(opened, cancellation=cancellation)
            return BlobOutcome.SKIPPED
        sending = Sending(
            self,
            self._session.config,
            self.habits,
            repository,
            digest,
            size,
            source,
            chunk,
            confirmed,
            cancellation,
        )
        sending.run(resume, opened)
        return BlobOutcome.UPLOADED

    def _try_mount(
        self, repository: str, digest: str, source: str, cancellation: Cancellation | None
    ) -> tuple[bool, Upload | None]:
        """Try to mount the blob. Returns whether it was mounted, and else the session that was opened for it, if any.

        Registries refuse mounts with various statuses, and a token service may refuse the scope. None of this means
        that the blob may not be sent.
        """
        if not self.habits.may_mount(repository, source):
            return False, None
        try:
            opened = self.mount(repository, digest, source, cancellation=cancellation)
        except failures.REFUSALS as error:
            _log.info("%s does not mount from %s: %s", repository, source, error)
            self.habits.mount_refused(repository, source)
            return False, None
        return opened is None, opened

    def has_blob(self, repository: str, digest: str, *, cancellation: Cancellation | None = None) -> bool:
        """True if the blob is known to be there. False if the registry refuses to say; the blob can be sent then."""
        try:
            return self.blob_size(repository, digest, for_push=True, cancellation=cancellation) is not None
        except failures.REFUSALS as error:
            _log.info("%s does not say whether it has %s: %s", repository, digest, error)
            return False

    def _post(self, repository: str, path: str, source: str, cancellation: Cancellation | None) -> Document:
        # Sending it twice leaves an unused session behind, which registries clear away.
        return self._session.fetch(
            "POST",
            path,
            scopes=push_scope(repository, source),
            headers={"Content-Length": "0"},
            body=b"",
            subject=repository,
            ok=(201, 202),
            cancellation=cancellation,
        )

    def _opened(self, repository: str, reply: Document) -> Upload:
        location = reply.headers.get("Location", "")
        if not location:
            raise failures.unexpected(
                self._session.config, "it starts an upload without returning its address", repository
            )
        least = reply.headers.get("OCI-Chunk-Min-Length", "")
        return self._placed(
            Upload(
                repository,
                "",
                chunk_min=int(least) if least.isascii() and least.isdigit() and len(least) < 12 else 0,
            ),
            reply,
        )

    def _moved(self, upload: Upload, reply: Reply | Document, sent: int | None) -> Upload:
        """*upload* after *reply*: the location changes with each response, and Range names the last byte kept.

        *sent*: bytes just sent; None after a query.
        """
        expected = upload.sent if sent is None else upload.offset + sent
        kept = _kept(reply, expected)
        # More bytes than were sent are impossible: some registries report the offset after the last byte.
        offset = expected if kept is None or (sent is not None and kept > expected) else kept
        return replace(self._placed(upload, reply), offset=offset, sent=expected)

    def _check_place(self, upload: Upload, reply: Reply) -> None:
        """Raise MisplacedError for a 416."""
        if reply.status == 416:
            raise MisplacedError(self._placed(upload, reply), _kept(reply, upload.offset))

    def _placed(self, upload: Upload, reply: Reply | Document) -> Upload:
        """*upload* at the location that *reply* names."""
        location = reply.headers.get("Location", "")
        if not location:
            return upload
        try:
            where, elsewhere = upload_address(reply.url, location, at_home=self.habits.at_home)
        except ValueError:
            raise failures.unexpected(
                self._session.config, "the address of its upload is not valid", upload.repository
            ) from None
        return replace(upload, location=where, elsewhere=elsewhere)


def _kept(reply: Reply | Document, expected: int) -> int | None:
    """Bytes of the session by the Range of *reply*, None if it is missing or invalid."""
    found = _UPLOAD_RANGE.fullmatch(reply.headers.get("Range", "").strip())
    if found is None:
        return None
    # distribution also reports 0-0 for no bytes.
    return 0 if found[1] == "0" and expected != 1 else int(found[1]) + 1
