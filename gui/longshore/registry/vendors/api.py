"""HTTP to a vendor's own API: bounded JSON, from one origin only. Blocking, thread-safe, cancellable."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import urllib3
from urllib3.exceptions import HTTPError, ProtocolError

from longshore.cancellation import Cancellation
from longshore.credentials import Credential
from longshore.errors import RegistryError
from longshore.oci.foreign_json import LISTING, parse_json
from longshore.registry import connecting, failures
from longshore.registry.addresses import joined, origin
from longshore.registry.challenge import next_link
from longshore.registry.config import RegistryConfig
from longshore.registry.session import SHORT_WAIT, pause
from longshore.registry.tls import UnusableFiles
from longshore.registry.transport import Transport

#: Most bytes read of one response.
LARGEST_ANSWER = 8 << 20
_MAX_REDIRECTS = 3
_REDIRECTS = (301, 302, 303, 307, 308)
_MAX_TRIES = 3
_BACKOFF = 0.3
#: Statuses that may be temporary.
_PASSING = (429, 500, 502, 503, 504)


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful response. *data*: its JSON; *target*: what was requested, after redirects."""

    data: Any
    headers: urllib3.HTTPHeaderDict
    target: str


class VendorApi:
    """The API at *base* (``https://host``, optionally with a path) of the registry *config*.

    :meth:`close` also closes *transport*. Nothing is ever sent to another origin: redirects and links that lead
    elsewhere are refused, so the caller's headers reach only *base*.
    """

    def __init__(self, base: str, transport: Transport, config: RegistryConfig) -> None:
        self._base = base.rstrip("/")
        self._transport = transport
        self._config = config

    def get(
        self,
        target: str,
        headers: Mapping[str, str] | None = None,
        credential: Credential | None = None,
        *,
        subject: str = "",
        cancellation: Cancellation | None = None,
    ) -> Answer:
        """GET *target*, a path with its query. *credential*: the one in *headers*, to explain a refusal.

        Raises RegistryError and its subclasses, Cancelled.
        """
        sent = {"Accept": "application/json", **(headers or {})}
        for _ in range(_MAX_REDIRECTS + 1):
            status, got, body = self._tried("GET", target, sent, None, cancellation)
            if status not in _REDIRECTS or "Location" not in got:
                return self._good(status, got, body, target, subject, credential)
            # GitHub redirects renamed objects to another path of the same API.
            target = self.local(got["Location"], target)
        raise failures.unexpected(self._config, "it redirects too often")

    def post(
        self,
        target: str,
        credential: Credential,
        document: Mapping[str, Any] | None = None,
        form: Mapping[str, str] | None = None,
        *,
        cancellation: Cancellation | None = None,
    ) -> Answer:
        """POST *credential*'s parts, as JSON or as a form, for a token.

        Raises RegistryError and its subclasses, Cancelled.
        """
        if document is not None:
            body, kind = json.dumps(document).encode(), "application/json"
        else:
            body, kind = urlencode(form or {}).encode(), "application/x-www-form-urlencoded"
        sent = {"Accept": "application/json", "Content-Type": kind}
        status, got, said = self._tried("POST", target, sent, body, cancellation)
        return self._good(status, got, said, target, "", credential)

    def delete(
        self,
        target: str,
        headers: Mapping[str, str],
        credential: Credential | None,
        *,
        subject: str = "",
        cancellation: Cancellation | None = None,
    ) -> None:
        """DELETE *target*, which may be sent twice. Raises as :meth:`get`; NotInRegistry if it does not exist."""
        sent = {"Accept": "application/json", **headers}
        status, got, body = self._tried("DELETE", target, sent, None, cancellation)
        if status not in (200, 202, 204):
            raise failures.of_status(status, got, body, self._config, subject=subject, credential=credential)

    def link(self, answer: Answer) -> str | None:
        """The next page by the Link header (RFC 8288), None on the last one. Raises UnexpectedReply."""
        found = next_link(", ".join(answer.headers.getlist("Link")))
        return None if found is None else self.local(found, answer.target)

    def local(self, url: str, here: str = "/") -> str:
        """*url*, from a response, as a target of this API. Raises UnexpectedReply if it is elsewhere."""
        base = urlsplit(self._base)
        try:
            found = joined(self._base + here, url)
            same = origin(found) == origin(self._base)
        except ValueError:
            raise failures.unexpected(self._config, "the address of its next page is not valid") from None
        if not same:
            raise failures.unexpected(self._config, "its next page is on another host")
        target = urlsplit(found)
        path = target.path or "/"
        if base.path and not path.startswith(base.path + "/"):
            raise failures.unexpected(self._config, "its next page is outside its API")
        return path[len(base.path) :] + (f"?{target.query}" if target.query else "")

    def close(self) -> None:
        """Close idle connections."""
        self._transport.close()

    def _good(
        self,
        status: int,
        headers: urllib3.HTTPHeaderDict,
        body: bytes,
        target: str,
        subject: str,
        credential: Credential | None,
    ) -> Answer:
        if status != 200:
            raise failures.of_status(
                status, headers, body, self._config, subject=subject, credential=credential
            )
        try:
            return Answer(parse_json(body, LISTING), headers, target)
        except ValueError as error:
            raise failures.no_json(self._config, headers, body, error) from None

    def _tried(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes | None,
        cancellation: Cancellation | None,
    ) -> tuple[int, urllib3.HTTPHeaderDict, bytes]:
        """Send, with retries. Sending twice is harmless here: requests are for listings, tokens and deletions."""
        tries = 0
        while True:
            tries += 1
            try:
                status, got, said = self._once(method, target, headers, body, cancellation)
            except UnusableFiles as unusable:
                raise connecting.of_files(unusable, self._config) from unusable
            except (HTTPError, OSError) as broken:
                # A kept connection that the other side has closed meanwhile fails on its first byte.
                if isinstance(broken, ProtocolError | ConnectionResetError) and tries < _MAX_TRIES:
                    continue
                found = connecting.of_connection(broken, self._config, self._base)
                if isinstance(found, RegistryError):
                    found.registry = self._config.host
                raise found from broken
            wait = failures.retry_after(got)
            if status not in _PASSING or (status == 429 and wait is None) or tries >= _MAX_TRIES:
                return status, got, said
            if wait is not None and wait > SHORT_WAIT:
                return status, got, said
            pause(wait if wait is not None else _BACKOFF * tries, cancellation)

    def _once(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes | None,
        cancellation: Cancellation | None,
    ) -> tuple[int, urllib3.HTTPHeaderDict, bytes]:
        with self._transport.send(
            method, self._base + target, headers, body, cancellation=cancellation
        ) as reply:
            limit = LARGEST_ANSWER if reply.status == 200 else failures.LARGEST_ERROR
            said, more = reply.read(limit)
            if more and reply.status == 200:
                raise failures.unexpected(self._config, f"a response exceeds {limit >> 20} MiB")
            return reply.status, reply.headers, said


def basic(credential: Credential) -> dict[str, str]:
    """A Basic header (RFC 7617)."""
    both = f"{credential.username}:{credential.secret or credential.identity_token}"
    return {"Authorization": "Basic " + base64.b64encode(both.encode()).decode()}


def bearer(token: str) -> dict[str, str]:
    """A Bearer header (RFC 6750). Empty if *token* is not valid in a header."""
    return {"Authorization": f"Bearer {token}"} if token.isascii() and token.isprintable() and token else {}
