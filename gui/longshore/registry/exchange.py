"""One question to a registry or its token service, and its answer: retried, redirected, bounded, explained."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from longshore.oci.errors import RegistryUnreachable
from longshore.registry import failures
from longshore.registry.config import RegistryConfig
from longshore.registry.cutting import pause, raise_if_cut
from longshore.registry.transport import Transport

_MAX_REDIRECTS = 5
_MAX_TRIES = 3
#: Seconds of Retry-After that are waited out here; longer ones are told to the caller.
_SHORT_WAIT = 3.0
#: Seconds before the second try; the third waits twice that.
_BREATH = 0.3
#: Statuses that may be gone a moment later. 501 and 505 stay.
_PASSING = (500, 502, 503, 504)
#: Seconds for one answer: a server that sends a byte now and then never runs into the limit between two pieces.
LONGEST_ANSWER = 120.0
_PIECE = 1 << 16
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that was read to its end. *body* is empty for HEAD."""

    status: int
    headers: urllib3.HTTPHeaderDict
    body: bytes


def origin(parts: SplitResult) -> tuple[str, str, int | None]:
    """Scheme, host and port, with the port that the scheme stands for. Raises ValueError for an odd port."""
    return parts.scheme, (parts.hostname or "").lower(), parts.port or _DEFAULT_PORTS.get(parts.scheme)


class Exchange:
    """Asks on behalf of one registry. Thread-safe; blocking; cut by the watch around it."""

    def __init__(
        self, config: RegistryConfig, transport: Transport, *, longest_answer: float = LONGEST_ANSWER
    ) -> None:
        self._config = config
        self._transport = transport
        self._longest = longest_answer

    def ask(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        *,
        limit: int,
        body: bytes | None = None,
        follow: bool = True,
    ) -> Reply:
        """The answer to one idempotent request, whatever its status; tried again a few times where that may help.

        *limit*: bytes of a good answer's body; errors are cut off earlier. Redirects are followed without the
        Authorization header once they leave the origin, and never from https to http. Raises
        RegistryUnreachable, TlsFailed, UnexpectedReply, Cancelled.
        """
        for tried in count(1):
            reply = self._followed(method, url, headers, body, limit, follow)
            wait = failures.retry_after(reply.headers) if reply.status in (429, 503) else None
            if reply.status not in _PASSING and wait is None:
                return reply
            if tried >= _MAX_TRIES or (wait is not None and wait > _SHORT_WAIT):
                return reply
            pause(wait if wait is not None else _BREATH * tried)
        raise AssertionError("unreachable")

    def first(self, url: str, connect_seconds: float | None = None) -> Reply:
        """One GET, tried once. Raises urllib3's errors and OSError as they are, UnexpectedReply, Cancelled."""
        answer = self._transport.send("GET", url, {}, connect_seconds=connect_seconds)
        return self._read(answer, "GET", 1 << 20)[0]

    def explained(self, error: BaseException, url: str) -> Exception:
        """The LongshoreError for what :meth:`first` raised."""
        return failures.of_connection(
            error, self._config, url, lambda: self._transport.peer_certificate(url)
        )

    def _followed(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, limit: int, follow: bool
    ) -> Reply:
        for _ in range(_MAX_REDIRECTS + 1):
            reply, location = self._once(method, url, headers, body, limit)
            if location is None or not follow:
                return reply
            try:
                here = urlsplit(url)
                target = urlsplit(urljoin(url, location))
                moved = origin(target) != origin(here)
            except ValueError:
                raise failures.unexpected(self._config, "it redirects to an address that is none") from None
            if target.scheme not in ("http", "https") or not target.hostname:
                raise failures.unexpected(self._config, "it redirects to an address that is none")
            if here.scheme == "https" and target.scheme == "http":
                raise failures.unexpected(self._config, "it redirects to an address that is not encrypted")
            if moved:
                headers = {name: value for name, value in headers.items() if name.lower() != "authorization"}
            url = target._replace(fragment="").geturl()
        raise failures.unexpected(self._config, "it redirects without end")

    def _once(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, limit: int
    ) -> tuple[Reply, str | None]:
        for tried in count(1):
            try:
                return self._read(self._transport.send(method, url, headers, body), method, limit)
            except (HTTPError, OSError, ValueError) as error:
                raise_if_cut()
                # A kept connection that the other side has closed meanwhile fails at its first byte.
                if failures.is_cut_off(error) and tried < _MAX_TRIES:
                    continue
                raise self.explained(error, url) from error
        raise AssertionError("unreachable")

    def _read(self, answer: Any, method: str, limit: int) -> tuple[Reply, str | None]:
        """The answer, and where it redirects to. The connection is given back, or closed if anything is left."""
        try:
            location = answer.get_redirect_location() or None
            body = b"" if method == "HEAD" else self._body(answer, limit)
        except BaseException:
            answer.close()
            raise
        answer.release_conn()
        return Reply(answer.status, answer.headers, body), location

    def _body(self, answer: Any, limit: int) -> bytes:
        good = answer.status == 200
        limit = limit if good else min(limit, failures.LARGEST_ERROR)
        deadline = time.monotonic() + self._longest
        body = bytearray()
        while piece := answer.read1(_PIECE, decode_content=True):
            body += piece
            if len(body) > limit:
                if good:
                    raise failures.unexpected(self._config, f"more than {limit >> 20} MiB in one answer")
                answer.close()
                return bytes(body[:limit])
            if time.monotonic() > deadline:
                raise RegistryUnreachable(
                    f"{failures.called(self._config)} sends too slowly.",
                    registry=self._config.host,
                    advice="Try again later, or check your network and proxy.",
                    detail=f"{len(body)} bytes in {self._longest:g} seconds",
                )
        return bytes(body)
