"""Writing blobs to a registry: mounting, and uploads in chunks that can be taken up again (distribution-spec,
"Pushing Blobs")."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import replace

from longshore.cancellation import Cancellation, Cancelled
from longshore.oci.errors import (
    NotInRegistry,
    RateLimited,
    RegistryFailure,
    RegistryUnreachable,
    UnexpectedReply,
    VerificationFailed,
)
from longshore.registry import failures
from longshore.registry.addresses import joined, repository_path, with_query
from longshore.registry.blob_reading import BlobReading
from longshore.registry.manifests import push_scope
from longshore.registry.model import BlobOutcome, Upload
from longshore.registry.pieces import ChunkSize, Cutter, pieces
from longshore.registry.session import SHORT_WAIT, BodySpentError, Document, Session, pause
from longshore.registry.unfinished import UnfinishedUploads

#: Seconds that the registry may take to check and store what it was sent.
_FINISH_SECONDS = 300.0
_MOST_RESUMES = 5
_UPLOAD_RANGE = re.compile(r"(?:bytes=)?0-(\d+)")

#: Gives the blob's bytes from an offset on.
Source = Callable[[int], AbstractContextManager[Iterable[bytes]]]


class Blobs(BlobReading):
    """Part of the client. Any worker thread."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        #: Uploads that callers left half way.
        self.unfinished = UnfinishedUploads()
        self._chunk = ChunkSize()

    # -- uploads, step by step

    def start_upload(self, repository: str, *, cancellation: Cancellation | None = None) -> Upload:
        """Open an upload session."""
        reply = self._post(repository, f"{repository_path(repository)}/blobs/uploads/", "", cancellation)
        return self._opened(repository, reply)

    def mount(
        self, repository: str, digest: str, source: str, *, cancellation: Cancellation | None = None
    ) -> Upload | None:
        """Take a blob over from the repository *source* of this registry: None if that worked, else an upload session
        to send it (registries answer so when they do not know it or do not allow it)."""
        path = f"{repository_path(repository)}/blobs/uploads/?mount={digest}&from={repository_path(source)}"
        reply = self._post(repository, path, source, cancellation)
        return None if reply.status == 201 else self._opened(repository, reply)

    def upload_offset(self, upload: Upload, *, cancellation: Cancellation | None = None) -> Upload:
        """*upload* as the registry knows it: its confirmed bytes and new location. Raises NotInRegistry if the
        session is gone."""
        reply = self._session.fetch(
            "GET",
            upload.location,
            scopes=push_scope(upload.repository),
            subject=f"{upload.repository} (upload)",
            ok=(200, 202, 204),
            cancellation=cancellation,
        )
        return self._moved(
            upload, reply.headers.get("Location", ""), reply.headers.get("Range", ""), reply.url, None
        )

    def upload_chunk(
        self, upload: Upload, data: Iterable[bytes], length: int, *, cancellation: Cancellation | None = None
    ) -> Upload:
        """Send *length* bytes at the session's offset. Returns the session with what the registry confirms: trust only
        that. Raises BodySpentError if the sign-in ran out just then, RegistryUnreachable, NotInRegistry (gone)."""
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
            ok=(200, 201, 202, 204),
            repeatable=False,
            read_seconds=_FINISH_SECONDS,
            cancellation=cancellation,
        ) as reply:
            return self._moved(
                upload, reply.headers.get("Location", ""), reply.headers.get("Range", ""), reply.url, length
            )

    def finish_upload(
        self,
        upload: Upload,
        digest: str,
        data: Iterable[bytes] = (),
        length: int = 0,
        *,
        cancellation: Cancellation | None = None,
    ) -> None:
        """End the session: its bytes, and the last *length* of *data*, are the blob *digest*.

        Raises VerificationFailed if the registry finds another digest.
        """
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(length)}
        if length and upload.offset:
            headers["Content-Range"] = f"{upload.offset}-{upload.offset + length - 1}"
        subject = f"{upload.repository}@{digest}"
        try:
            self._session.open(
                "PUT",
                with_query(upload.location, f"digest={digest}"),
                scopes=push_scope(upload.repository),
                headers=headers,
                body=pieces(data) if length else b"",
                subject=subject,
                ok=(200, 201, 202, 204),
                repeatable=False,
                read_seconds=_FINISH_SECONDS,
                cancellation=cancellation,
            ).close()
        except UnexpectedReply as error:
            if "DIGEST_INVALID" not in error.detail:
                raise
            raise VerificationFailed(
                "What arrived at the registry is not what was sent.",
                subject=subject,
                advice="Try again. If it happens again, a proxy in between damages content.",
                detail=error.detail,
            ) from error

    def abort_upload(self, upload: Upload, *, cancellation: Cancellation | None = None) -> None:
        """Tell the registry to throw away what was sent. A registry that does not want to know is left alone."""
        with contextlib.suppress(NotInRegistry, UnexpectedReply):
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
        source: Source,
        *,
        mount_from: str = "",
        chunk: int | None = None,
        confirmed: Callable[[Upload], None] | None = None,
        resume: Upload | None = None,
        check: bool = True,
        cancellation: Cancellation | None = None,
    ) -> BlobOutcome:
        """Bring a blob of *size* bytes into *repository*: mounted if *mount_from* has it, skipped if it is there
        (*check*), else sent in chunks (of *chunk* bytes, or of what takes a moment). Resumes by itself at completed
        chunks, and starts again where the session is lost. Asked to stop, it does so at the next completed chunk.

        *source* gives the bytes from an offset on, and is asked again when resuming. *confirmed* hears each session
        state that :meth:`upload_blob` can be called with again as *resume*. Raises VerificationFailed.
        """
        opened: Upload | None = None
        if mount_from and mount_from != repository:
            # First, for a registry that can needs no more than this one question.
            opened = self.mount(repository, digest, mount_from, cancellation=cancellation)
            if opened is None:
                return BlobOutcome.MOUNTED
        if check and self.blob_size(repository, digest, for_push=True, cancellation=cancellation) is not None:
            if opened is not None:
                self.abort_upload(opened, cancellation=cancellation)
            return BlobOutcome.SKIPPED
        upload = resume
        if upload is not None:
            try:
                upload = self.upload_offset(upload, cancellation=cancellation)
            except (NotInRegistry, UnexpectedReply):
                upload = None  # forgotten, or not its own any more
        upload = upload or opened

        resumes = 0

        def noted(state: Upload) -> None:
            nonlocal upload, resumes
            upload, resumes = state, 0  # earlier locations are stale
            if confirmed is not None:
                confirmed(state)

        while True:
            if upload is None or upload.offset > size:
                upload = self.start_upload(repository, cancellation=cancellation)
            try:
                self._send(upload, digest, size, source, chunk, noted, cancellation)
                return BlobOutcome.UPLOADED
            except (
                RegistryUnreachable,
                RegistryFailure,
                NotInRegistry,
                RateLimited,
                UnexpectedReply,
                BodySpentError,
            ) as error:
                resumes += 1
                wait = 0.2 * resumes
                if isinstance(error, RateLimited):
                    wait = SHORT_WAIT + 1 if error.retry_after is None else error.retry_after
                if wait > SHORT_WAIT or (isinstance(error, UnexpectedReply) and not self._passes(error)):
                    raise
                # The end may have arrived although its answer did not.
                if self.blob_size(repository, digest, for_push=True, cancellation=cancellation) is not None:
                    return BlobOutcome.UPLOADED
                if resumes > _MOST_RESUMES:
                    if isinstance(error, BodySpentError):
                        raise failures.unexpected(
                            self._session.config,
                            "it wants a new sign-in all the time",
                            f"{repository}@{digest}",
                        ) from error
                    raise
            pause(wait, cancellation)
            upload = self._alive(upload, cancellation)

    def _send(
        self,
        upload: Upload,
        digest: str,
        size: int,
        source: Source,
        chunk: int | None,
        noted: Callable[[Upload], None],
        cancellation: Cancellation | None,
    ) -> None:
        def sized() -> int:
            return max(self._chunk.bytes if chunk is None else chunk, upload.chunk_min, 1)

        while size - upload.offset > sized():
            with source(upload.offset) as data:
                cutter = Cutter(data)
                while size - upload.offset > (length := sized()):
                    before, begun = upload.offset, time.monotonic()
                    upload = self.upload_chunk(upload, cutter.take(length), length, cancellation=cancellation)
                    self._chunk.learn(length, time.monotonic() - begun)
                    noted(upload)
                    if cancellation is not None and cancellation.stopping:
                        raise Cancelled
                    if upload.offset != before + length:
                        break  # it kept less than it was sent: begin again from there
                else:
                    # The last part goes along with the end, which saves a request.
                    rest = size - upload.offset
                    self.finish_upload(upload, digest, cutter.take(rest), rest, cancellation=cancellation)
                    return
        rest, begun = size - upload.offset, time.monotonic()
        with source(upload.offset) if rest else contextlib.nullcontext(()) as data:
            self.finish_upload(upload, digest, Cutter(data).take(rest), rest, cancellation=cancellation)
        self._chunk.learn(rest, time.monotonic() - begun)

    def _passes(self, error: UnexpectedReply) -> bool:
        """Whether another try may do better: from the registry's own offset, or with smaller chunks."""
        return error.detail.startswith("HTTP 416") or (
            error.detail.startswith("HTTP 413") and self._chunk.shrink()
        )

    def _alive(self, upload: Upload, cancellation: Cancellation | None) -> Upload | None:
        """The session at its last completed chunk, None if it is lost (distribution ends one that was cut)."""
        try:
            return self.upload_offset(upload, cancellation=cancellation)
        except (NotInRegistry, UnexpectedReply):
            return None

    def _post(self, repository: str, path: str, source: str, cancellation: Cancellation | None) -> Document:
        # Doing it twice leaves an unused session behind, which registries clear away.
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
                self._session.config, "it opens an upload and does not say where", repository
            )
        least = reply.headers.get("OCI-Chunk-Min-Length", "")
        return Upload(
            repository,
            self._joined(reply.url, location, repository),
            0,
            int(least) if least.isascii() and least.isdigit() and len(least) < 12 else 0,
        )

    def _moved(self, upload: Upload, location: str, span: str, url: str, sent: int | None) -> Upload:
        """The location changes with each answer, and Range tells the last byte that was kept: ``0-0`` is also what
        distribution says for none. *sent*: bytes just sent; None for a question."""
        found = _UPLOAD_RANGE.fullmatch(span.strip())
        offset = int(found[1]) + 1 if found else upload.offset + (sent or 0)
        if offset == 1 and upload.offset + (sent or 0) != 1:
            offset = 0
        new = self._joined(url, location, upload.repository) if location else upload.location
        return replace(upload, location=new, offset=offset)

    def _joined(self, url: str, location: str, subject: str) -> str:
        try:
            return joined(url, location)
        except ValueError:
            raise failures.unexpected(
                self._session.config, "its upload has an address that cannot be used", subject
            ) from None
