"""Requests to one registry: over the right scheme, signed, redirected safely, retried."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

import urllib3
from urllib3.exceptions import HTTPError

from longshore.cancellation import Cancellation
from longshore.credentials import Credential
from longshore.errors import LongshoreError
from longshore.oci.foreign_json import LISTING, parse_json
from longshore.registry import connecting, failures
from longshore.registry.addresses import joined, origin
from longshore.registry.auth import Authorizer, Scopes, Signed
from longshore.registry.challenge import parse_challenges
from longshore.registry.config import RegistryConfig
from longshore.registry.pull_budget import PullBudget, read_budget
from longshore.registry.scheme import Scheme, was_cut
from longshore.registry.tls import UnusableFiles
from longshore.registry.transport import Body, Reply, Transport

T = TypeVar("T")

_MAX_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MAX_TRIES = 3
_BACKOFF = 0.3
#: Most seconds of Retry-After that are waited here; with longer ones the error is raised.
SHORT_WAIT = 5.0
_LARGEST_TOKEN_REPLY = 1 << 20
_REPEATED = frozenset({429, 500, 502, 503, 504})
#: Statuses with which registries respond to a missing or stale sign-in.
_REFUSED = frozenset({400, 401, 403})
#: Beginnings of error codes (distribution-spec, "Error Codes") that are about the content, not about the sender.
_ABOUT_CONTENT = (
    b"BLOB_",
    b"DIGEST_INVALID",
    b"MANIFEST_",
    b"NAME_",
    b"PAGINATION_",
    b"RANGE_INVALID",
    b"SIZE_INVALID",
    b"TAG_INVALID",
    b"UNSUPPORTED",
)


@dataclass(frozen=True, slots=True)
class Document:
    """A reply whose body has been read. *url*: where it came from."""

    status: int
    headers: urllib3.HTTPHeaderDict
    body: bytes
    url: str


class _PassingError(Exception):
    """An error that is worth another try after *wait* seconds."""

    def __init__(self, error: LongshoreError, wait: float | None) -> None:
        super().__init__(error.message)
        self.error = error
        self.wait = wait


class _BrokenError(Exception):
    """The transport failed with *error* on the way to *url*."""

    def __init__(self, error: Exception, url: str) -> None:
        super().__init__(url)
        self.error = error
        self.url = url


class BodySpentError(Exception):
    """The sign-in was renewed while a body that can be read only once was sent: the caller sends it again."""


class Session:
    """Sends requests to one registry.

    Thread-safe, blocking, cancellable. Raises RegistryError and its subclasses, CredentialsError, Cancelled.
    """

    def __init__(
        self,
        config: RegistryConfig,
        transport: Transport,
        credentials: Callable[[str], Credential | None],
        *,
        offline: bool = False,
    ) -> None:
        self.config = config
        self._transport = transport
        self.auth = Authorizer(config, credentials, self._ask_token_service, offline=offline)
        #: The pulls that the registry still allows, as it last reported.
        self.budget: PullBudget | None = None
        #: How often the registry has asked for slower requests: with 429, or by Retry-After with an error.
        self.slowed = 0
        self._scheme = Scheme(config, transport, lambda base: self.url("", base))

    # -- requests

    def fetch(
        self,
        method: str,
        path: str,
        *,
        scopes: Scopes = (),
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        limit: int = failures.LARGEST_ERROR,
        subject: str = "",
        ok: tuple[int, ...] = (200,),
        repeatable: bool = True,
        read_seconds: float | None = None,
        outright: bool = False,
        cancellation: Cancellation | None = None,
    ) -> Document:
        """Send one request and return its whole response, at most *limit* bytes. *path*: below ``/v2/``, or a URL.

        *ok*: the statuses that are not errors. *repeatable*: sending it twice is harmless. *outright*: send the
        credential although the registry has not asked for one.
        """

        def once() -> Document:
            with self._signed(
                method, path, scopes, headers or {}, body, subject, ok, read_seconds, cancellation, outright
            ) as reply:
                found, more = (b"", False) if method == "HEAD" else _read(reply, limit)
                if more:
                    raise failures.unexpected(self.config, f"a response exceeds {limit >> 10} KiB", subject)
                return Document(reply.status, reply.headers, found, reply.url)

        return self._tried(once, repeatable, cancellation)

    def open(
        self,
        method: str,
        path: str,
        *,
        scopes: Scopes = (),
        headers: Mapping[str, str] | None = None,
        body: Body = None,
        subject: str = "",
        ok: tuple[int, ...] = (200,),
        repeatable: bool = True,
        read_seconds: float | None = None,
        cancellation: Cancellation | None = None,
    ) -> Reply:
        """Send a request like :meth:`fetch`, but leave the body unread; the caller closes the reply.

        An iterable *body* is never sent twice (see :class:`BodySpentError`).
        """
        return self._tried(
            lambda: self._signed(
                method, path, scopes, headers or {}, body, subject, ok, read_seconds, cancellation
            ),
            repeatable,
            cancellation,
        )

    def json(self, document: Document, subject: str = "") -> dict[str, Any]:
        """Parse the JSON object in *document*. Raises UnexpectedReply."""
        try:
            found = parse_json(document.body, LISTING)
        except ValueError as error:
            raise failures.no_json(self.config, document.headers, document.body, error, subject) from None
        if not isinstance(found, dict):
            raise failures.unexpected(self.config, "the response is not a JSON object", subject)
        return found

    def _tried(self, once: Callable[[], T], repeatable: bool, cancellation: Cancellation | None) -> T:
        tries = 0
        while True:
            tries += 1
            wait = _BACKOFF * tries
            cause: Exception
            try:
                return once()
            except _PassingError as passing:
                error, cause = passing.error, passing
                wait = passing.wait if passing.wait is not None else wait
                again = wait <= SHORT_WAIT
            except UnusableFiles as unusable:
                raise connecting.of_files(unusable, self.config) from unusable
            except _BrokenError as broken:
                cause = broken.error
                if not connecting.elsewhere(broken.url, self.config):
                    self._scheme.unsettle()
                shown = partial(self._transport.peer_certificate, cancellation=cancellation)
                error = connecting.of_connection(cause, self.config, broken.url, shown)
                again = was_cut(cause)
            if not (again and repeatable) or tries >= _MAX_TRIES:
                raise error from cause
            pause(wait, cancellation)

    def _signed(
        self,
        method: str,
        path: str,
        scopes: Scopes,
        headers: Mapping[str, str],
        body: Body,
        subject: str,
        ok: tuple[int, ...],
        read_seconds: float | None,
        cancellation: Cancellation | None,
        outright: bool = False,
    ) -> Reply:
        with _at(""):
            base = self._scheme.settled(cancellation)
        url = path if "://" in path else self.url(path, base)
        own = origin(url) == origin(base)
        signed = Signed(None, None)
        if own:
            signed = self.auth.outright(cancellation) if outright else self.auth.sign(scopes, cancellation)
        reply = self._follow(method, url, headers, signed, body, read_seconds, cancellation)
        if own and reply.status in _REFUSED and reply.status not in ok and origin(reply.url) == origin(base):
            with reply:
                said, _ = _read(reply, failures.LARGEST_ERROR)
            replayable = body is None or isinstance(body, bytes)
            again = self._signed_anew(reply, said, scopes, signed, replayable, cancellation)
            if again is None:
                raise self._status_error(reply, said, subject, signed)
            if not replayable:
                raise BodySpentError
            signed = again
            reply = self._follow(method, url, headers, signed, body, read_seconds, cancellation)
        if own and "/manifests/" in url:
            self.budget = read_budget(reply.headers, datetime.now(UTC)) or self.budget
        if reply.status in ok:
            self.auth.answered = True
            signed.taken()
            return reply
        with reply:
            said, _ = _read(reply, failures.LARGEST_ERROR)
        if origin(reply.url) != origin(base) and reply.status in (401, 403):
            raise connecting.refused_by_storage(self.config, reply.status, reply.url, said, subject)
        error = self._status_error(reply, said, subject, signed)
        if reply.status in _REPEATED:
            wait = failures.retry_after(reply.headers)
            if reply.status == 429 or wait is not None:
                self.slowed += 1
            raise _PassingError(error, wait)
        raise error

    def _signed_anew(
        self,
        reply: Reply,
        said: bytes,
        scopes: Scopes,
        refused: Signed,
        replayable: bool,
        cancellation: Cancellation | None,
    ) -> Signed | None:
        """The next signature to try after *reply* with the body *said* refused *refused*; None if there is no other."""
        again = None
        if reply.status == 401:
            challenges = parse_challenges(reply.headers.getlist("WWW-Authenticate"))
            again = self.auth.renew(challenges, scopes, refused, cancellation)
        elif not replayable or any(code in said for code in _ABOUT_CONTENT):
            return None
        return again or self.auth.instead_of_stale(scopes, refused, cancellation)

    def _status_error(self, reply: Reply, said: bytes, subject: str, signed: Signed) -> LongshoreError:
        challenge = self.auth.challenge
        if reply.status in (401, 403) and signed.credential is None and self.auth.broken is not None:
            return self.auth.broken
        return failures.of_status(
            reply.status,
            reply.headers,
            said,
            self.config,
            subject=subject,
            credential=signed.credential,
            basic=challenge is not None and challenge.scheme == "basic",
        )

    def _follow(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        signed: Signed,
        body: Body,
        read_seconds: float | None,
        cancellation: Cancellation | None,
    ) -> Reply:
        """Send and follow redirects: without Authorization to other origins, never from https to http."""
        asked = url
        sent = dict(headers)
        if signed.header is not None:
            sent["Authorization"] = signed.header
        for _ in range(_MAX_REDIRECTS + 1):
            with _at(url):
                reply = self._transport.send(
                    method, url, sent, body, cancellation=cancellation, read_seconds=read_seconds
                )
            location = reply.headers.get("Location", "")
            if reply.status not in _REDIRECTS or not location:
                return reply
            with reply:
                _read(reply, failures.LARGEST_ERROR)
            try:
                url = joined(url, location)
                start, there = origin(asked), origin(url)
            except ValueError:
                raise failures.unexpected(
                    self.config, "it redirects to an address that is not valid"
                ) from None
            if start[0] == "https" and there[0] == "http":
                raise connecting.misnamed(self.config, url, "redirects to an unencrypted address")
            if there != start:
                sent.pop("Authorization", None)
            replayable = body is None or isinstance(body, bytes)
            if method not in ("GET", "HEAD") and not (
                reply.status in (307, 308) and there == start and replayable
            ):
                raise failures.unexpected(self.config, "it redirects a write request")
        raise failures.unexpected(self.config, "it redirects too often")

    def _ask_token_service(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        cancellation: Cancellation | None,
    ) -> tuple[int, Mapping[str, str], bytes]:
        base = self.base(cancellation)
        try:
            url = joined(base, url)
            encrypted = origin(url)[0] == "https"
        except ValueError:
            raise failures.unexpected(self.config, "the address of its token service is not valid") from None
        if base.startswith("https:") and not encrypted:
            # The secret would be sent unencrypted although the registry itself is encrypted.
            raise connecting.misnamed(self.config, url, "names an unencrypted token service")

        def once() -> tuple[int, Mapping[str, str], bytes]:
            authorization = Signed(headers.get("Authorization"), None)
            plain = {key: value for key, value in headers.items() if key != "Authorization"}
            with self._follow(method, url, plain, authorization, body, None, cancellation) as reply:
                said, _ = _read(reply, _LARGEST_TOKEN_REPLY)
                wait = failures.retry_after(reply.headers)
                if reply.status in _REPEATED and (wait is None or wait <= SHORT_WAIT) and tries.pop():
                    raise _PassingError(
                        failures.unexpected(self.config, "its token service responds with errors"), wait
                    )
                return reply.status, reply.headers, said

        # The last response is returned unchanged: the caller knows best what it means.
        tries = [False, *[True] * (_MAX_TRIES - 1)]

        return self._tried(once, True, cancellation)

    # -- where the registry is

    def url(self, path: str, base: str | None = None) -> str:
        """The address of *path* below ``/v2/``."""
        prefix = f"/{self.config.prefix}" if self.config.prefix else ""
        return f"{self._scheme.base if base is None else base}{prefix}/v2/{path}"

    def base(self, cancellation: Cancellation | None) -> str:
        """``https://host`` or ``http://host``. Probes for it if it is not known."""

        def once() -> str:
            with _at(""):
                return self._scheme.settled(cancellation)

        return self._tried(once, True, cancellation)

    def close(self) -> None:
        """Close idle connections."""
        self._transport.close()


@contextlib.contextmanager
def _at(url: str) -> Iterator[None]:
    """Convert transport errors into _BrokenError for *url*; "" means the registry itself."""
    try:
        yield
    except (HTTPError, OSError) as broken:
        raise _BrokenError(broken, url) from broken


def _read(reply: Reply, limit: int) -> tuple[bytes, bool]:
    with _at(reply.url):
        return reply.read(limit)


def pause(seconds: float, cancellation: Cancellation | None) -> None:
    """Wait for *seconds*. Raises Cancelled as soon as *cancellation* is cancelled."""
    if cancellation is None:
        threading.Event().wait(seconds)
    else:
        cancellation.wait(seconds)
        cancellation.raise_if_cancelled()
