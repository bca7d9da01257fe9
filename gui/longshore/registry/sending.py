"""Sends one blob: in chunks, resumed where the registry says, restarted if the session is lost."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Protocol

from urllib3.exceptions import ProtocolError, ReadTimeoutError

from longshore.cancellation import Cancellation, Cancelled
from longshore.errors import (
    LongshoreError,
    NotInRegistry,
    RateLimited,
    RegistryFailure,
    RegistryUnreachable,
    UnexpectedReply,
    VerificationFailed,
)
from longshore.oci.descriptor import OpenBlob
from longshore.registry import failures
from longshore.registry.config import RegistryConfig
from longshore.registry.habits import Habits
from longshore.registry.model import Upload
from longshore.registry.pieces import Cutter
from longshore.registry.session import SHORT_WAIT, BodySpentError, pause


class Uploads(Protocol):
    """The requests of an upload; :class:`longshore.registry.blobs.Blobs` implements them."""

    def start_upload(self, repository: str, *, cancellation: Cancellation | None = None) -> Upload:
        """Open an upload session."""

    def has_blob(self, repository: str, digest: str, *, cancellation: Cancellation | None = None) -> bool:
        """True if the blob is known to be in the repository."""

    def upload_chunk(
        self, upload: Upload, data: Iterable[bytes], length: int, *, cancellation: Cancellation | None = None
    ) -> Upload:
        """Send *length* bytes at the session's offset."""

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
        """End the session with the last *length* bytes."""

    def upload_offset(self, upload: Upload, *, cancellation: Cancellation | None = None) -> Upload:
        """*upload* as the registry reports it."""


#: Failures in a row without progress beyond the furthest byte, after which the error is raised.
_MOST_RESUMES = 5
#: Statuses of registries that accept a blob only in one piece.
_NO_PATCH = ("HTTP 405", "HTTP 501")


class MisplacedError(Exception):
    """The registry expects other bytes next (416). *upload*: its new location; *kept*: bytes that it reports to have,
    None if it does not report them."""

    def __init__(self, upload: Upload, kept: int | None) -> None:
        super().__init__("416")
        self.upload = upload
        self.kept = kept


class Sending:
    """The upload of one blob to *repository*. One thread."""

    def __init__(
        self,
        blobs: Uploads,
        config: RegistryConfig,
        habits: Habits,
        repository: str,
        digest: str,
        size: int,
        source: OpenBlob,
        chunk: int | None,
        confirmed: Callable[[Upload], None] | None,
        cancellation: Cancellation | None,
    ) -> None:
        self._blobs = blobs
        self._config = config
        self._habits = habits
        self._repository = repository
        self._digest = digest
        self._size = size
        self._source = source
        self._chunk = chunk
        self._confirmed = confirmed
        self._cancellation = cancellation
        self._upload: Upload | None = None
        self._resumes = 0
        self._furthest = 0
        #: True: trust the count of accepted bytes. False: trust the Range of the responses.
        self._counting = habits.counts_itself
        self._disagreed = False  # the two counts differed in this session
        #: Set once the other count has failed: the registry refused the blob that was sent by it.
        self._refused: VerificationFailed | None = None

    def run(self, resume: Upload | None, opened: Upload | None) -> None:
        """Send the blob: resume *resume* if the registry still knows that session, else use *opened*, else open a new
        session. Raises errors that retries did not overcome, Cancelled."""
        if resume is not None:
            self._upload = self._last_completed(resume)
        self._upload = self._upload or opened
        while True:
            if self._upload is None or self._upload.offset > self._size:
                self._upload = self._blobs.start_upload(self._repository, cancellation=self._cancellation)
                self._disagreed = False
            try:
                self._send(self._upload)
                if self._disagreed:
                    self._habits.counts_itself = self._counting
                return
            except MisplacedError as refused:
                self._count(failures.unexpected(self._config, "it reports wrong upload positions"))
                self._upload = self._moved(refused)
            except VerificationFailed as error:
                # The registry ignores Content-Range, and the sender trusted the wrong one of the two counts.
                if not self._disagreed or self._refused is not None:
                    raise
                self._refused, self._counting = error, not self._counting
                self._upload = None
            except (
                RegistryUnreachable,
                RegistryFailure,
                NotInRegistry,
                RateLimited,
                UnexpectedReply,
                BodySpentError,
            ) as error:
                if self._overcome(error):
                    return
                self._upload = self._last_completed(self._upload)

    def _overcome(self, error: LongshoreError | BodySpentError) -> bool:
        """Wait for the next try after *error*; True if the blob has arrived despite it. Raises final errors."""
        if isinstance(error, UnexpectedReply) and not self._passes(error):
            raise error
        unused = self._upload is not None and self._upload.elsewhere and self._furthest == 0
        if unused and isinstance(error, NotInRegistry | RegistryUnreachable):
            # Unknown here: the registry may mean the other host that it names. Unreachable there: use this host again.
            self._habits.at_home = not isinstance(error, NotInRegistry)
            self._upload = None  # nothing was sent in this session, and asking for it would fail the same way
        wait = 0.2 * (self._resumes + 1)
        if isinstance(error, RateLimited):
            wait = SHORT_WAIT + 1 if error.retry_after is None else error.retry_after
            if wait > SHORT_WAIT:
                raise error
        silent = _silent(error)
        try:
            # The last chunk may have arrived although its response did not.
            if self._blobs.has_blob(self._repository, self._digest, cancellation=self._cancellation):
                return True
        except LongshoreError:
            if silent is None:
                raise
        if silent is not None:
            # No retry here: each one costs a whole timeout. The next attempt resumes after the confirmed bytes.
            raise failures.silent_upload(self._config, self._subject, silent) from error
        if isinstance(error, BodySpentError):
            error = failures.unexpected(self._config, "it keeps requesting a new sign-in", self._subject)
        self._count(error)
        pause(wait, self._cancellation)
        return False

    def _count(self, error: LongshoreError) -> None:
        self._resumes += 1
        if self._resumes > _MOST_RESUMES:
            raise error

    def _noted(self, state: Upload) -> None:
        self._upload = state  # earlier locations are invalid
        if state.offset > self._furthest:
            # Only a new furthest byte counts as progress: a session that is lost repeatedly would never end.
            self._furthest, self._resumes = state.offset, 0
        if self._confirmed is not None:
            self._confirmed(state)

    def _send(self, upload: Upload) -> None:
        while self._size - upload.offset > self._sized(upload):
            with self._source(upload.offset) as data:
                cutter = Cutter(data)
                while self._size - upload.offset > (length := self._sized(upload)):
                    begin, begun = upload.offset, time.monotonic()
                    expected = begin + length
                    upload = self._blobs.upload_chunk(
                        upload, cutter.take(length), length, cancellation=self._cancellation
                    )
                    self._habits.chunk.learn(length, time.monotonic() - begun)
                    if upload.offset != expected:
                        upload = self._settled(upload, begin, expected)
                    self._noted(upload)
                    if self._cancellation is not None and self._cancellation.stopping:
                        raise Cancelled
                    if upload.offset != expected:
                        break  # it kept less than was sent: continue from there
                else:
                    # The last chunk is sent with the final request, which saves one.
                    rest = self._size - upload.offset
                    self._finish(upload, cutter.take(rest), rest)
                    return
        rest, begun = self._size - upload.offset, time.monotonic()
        with self._source(upload.offset) if rest else contextlib.nullcontext(()) as data:
            self._finish(upload, Cutter(data).take(rest), rest)
        self._habits.chunk.learn(rest, time.monotonic() - begun)

    def _settled(self, upload: Upload, begin: int, expected: int) -> Upload:
        """Where to continue if bytes from *begin* to *expected* were accepted but the response's Range differs."""
        self._disagreed = True
        if upload.offset <= begin and not self._counting:
            # By its Range, the registry would accept these bytes and not keep them, again and again.
            if self._refused is not None:
                raise self._refused
            self._counting = True
        return replace(upload, offset=expected) if self._counting else upload

    def _sized(self, upload: Upload) -> int:
        if not self._habits.patches:
            return self._size
        return max(self._habits.chunk.bytes if self._chunk is None else self._chunk, upload.chunk_min, 1)

    def _finish(self, upload: Upload, data: Iterable[bytes], length: int) -> None:
        self._blobs.finish_upload(
            upload, self._digest, data, length, whole=self._size, cancellation=self._cancellation
        )

    def _moved(self, refused: MisplacedError) -> Upload | None:
        """Where to continue after a 416: at the offset that it reports, or else after the accepted bytes."""
        upload = refused.upload
        at = refused.kept
        if at is None or at == upload.offset:
            at = upload.sent
        if at == upload.offset:
            return self._last_completed(upload)
        self._counting = at == upload.sent
        return replace(upload, offset=at)

    def _passes(self, error: UnexpectedReply) -> bool:
        """True if another try may succeed: with smaller chunks, or in one piece."""
        if error.detail.startswith("HTTP 413"):
            return self._habits.chunk.shrink()
        no_patch = error.detail.startswith(_NO_PATCH) or "UNSUPPORTED" in error.detail
        if no_patch and self._habits.patches and not self._furthest:
            self._habits.patches = False
            return True
        return False

    def _last_completed(self, upload: Upload | None) -> Upload | None:
        """The session at its last completed chunk, None if it is lost (distribution ends a session that was cut)."""
        if upload is None:
            return None
        try:
            now = self._blobs.upload_offset(upload, cancellation=self._cancellation)
        except failures.REFUSALS:
            return None
        if now.offset > now.sent:
            return replace(now, sent=now.offset)  # a chunk whose response was lost
        return replace(now, offset=now.sent) if self._counting else now

    @property
    def _subject(self) -> str:
        return f"{self._repository}@{self._digest}"


def _silent(error: LongshoreError | BodySpentError) -> str | None:
    """How the registry fell silent in *error*: it accepted no more bytes ("sending") or did not respond ("answer")."""
    cause = error.__cause__
    if isinstance(cause, ReadTimeoutError):
        return "answer"
    if isinstance(cause, ProtocolError) and len(cause.args) > 1:
        cause = cause.args[1]
    return "sending" if isinstance(cause, TimeoutError) else None
