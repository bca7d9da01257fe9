"""HTTP to a vendor's own API: JSON, bounded, to one origin only. Blocking, thread-safe, cancellable."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

import urllib3

from longshore.cancellation import Cancellation
from longshore.credentials import Credential
from longshore.registry import failures
from longshore.registry.challenge import next_link
from longshore.registry.config import RegistryConfig
from longshore.registry.cutting import cuttable
from longshore.registry.exchange import Exchange, Reply, origin
from longshore.registry.transport import Transport

#: Bytes of one answer that are read at most.
LARGEST_ANSWER = 8 << 20
_MAX_REDIRECTS = 3
_REDIRECTS = (301, 302, 303, 307, 308)


@dataclass(frozen=True, slots=True)
class Answer:
    """A success. *data* is its JSON; *target* what was asked for in the end."""

    data: Any
    headers: urllib3.HTTPHeaderDict
    target: str


class VendorApi:
    """The API at *base* (``https://host`` and perhaps a path) of the registry *config*.

    *transport* is closed with it. Nothing is ever sent to another origin: redirects and links that lead elsewhere are
    refused, so what a caller puts into its headers reaches *base* only.
    """

    def __init__(self, base: str, transport: Transport, config: RegistryConfig) -> None:
        self._base = base.rstrip("/")
        self._transport = transport
        self._exchange = Exchange(config, transport)
        self._config = config

    def get(
        self,
        target: str,
        headers: Mapping[str, str] | None = None,
        *,
        subject: str = "",
        cancellation: Cancellation | None = None,
    ) -> Answer:
        """GET *target*, a path with its query. Raises RegistryError and below, Cancelled."""
        sent = {"Accept": "application/json", **(headers or {})}
        with cuttable(cancellation):
            for _ in range(_MAX_REDIRECTS + 1):
                reply = self._exchange.ask(
                    "GET", self._base + target, sent, limit=LARGEST_ANSWER, follow=False
                )
                if reply.status not in _REDIRECTS or "Location" not in reply.headers:
                    return self._good(reply, target, subject, signed_in=bool(headers))
                # GitHub moves what was renamed to another path of the same API.
                target = self.local(reply.headers["Location"], target)
        raise failures.unexpected(self._config, "it redirects without end")

    def post(
        self,
        target: str,
        document: Mapping[str, Any] | None = None,
        form: Mapping[str, str] | None = None,
        *,
        cancellation: Cancellation | None = None,
    ) -> Answer:
        """POST credentials, as JSON or as a form. Raises RegistryError and below, Cancelled."""
        if document is not None:
            body, kind = json.dumps(document).encode(), "application/json"
        else:
            body, kind = urlencode(form or {}).encode(), "application/x-www-form-urlencoded"
        sent = {"Accept": "application/json", "Content-Type": kind}
        with cuttable(cancellation):
            reply = self._exchange.ask(
                "POST", self._base + target, sent, limit=LARGEST_ANSWER, body=body, follow=False
            )
        return self._good(reply, target, "", signed_in=True)

    def link(self, answer: Answer) -> str | None:
        """The next page by the Link header (RFC 8288), None on the last one. Raises UnexpectedReply."""
        found = next_link(", ".join(answer.headers.getlist("Link")))
        return None if found is None else self.local(found, answer.target)

    def local(self, url: str, here: str = "/") -> str:
        """*url*, which an answer named, as a target of this API. Raises UnexpectedReply if it is elsewhere."""
        base = urlsplit(self._base)
        try:
            target = urlsplit(urljoin(self._base + here, url))
            same = origin(target) == origin(base)
        except ValueError:
            raise failures.unexpected(self._config, "the address of the next page is none") from None
        if not same:
            raise failures.unexpected(self._config, "the next page is on another host")
        path = target.path or "/"
        if base.path and not path.startswith(base.path + "/"):
            raise failures.unexpected(self._config, "the next page is outside of its API")
        return path[len(base.path) :] + (f"?{target.query}" if target.query else "")

    def close(self) -> None:
        """Close idle connections."""
        self._transport.close()

    def _good(self, reply: Reply, target: str, subject: str, *, signed_in: bool) -> Answer:
        if reply.status != 200:
            raise failures.of_status(
                reply.status,
                reply.headers,
                reply.body,
                self._config,
                subject=subject or self._config.host,
                signed_in=signed_in,
            )
        try:
            return Answer(json.loads(reply.body), reply.headers, target)
        except (ValueError, RecursionError):
            raise failures.unexpected(self._config, "it sends no JSON") from None


def basic(credential: Credential) -> dict[str, str]:
    """A Basic header (RFC 7617)."""
    both = f"{credential.username}:{credential.secret or credential.identity_token}"
    return {"Authorization": "Basic " + base64.b64encode(both.encode()).decode()}


def bearer(token: str) -> dict[str, str]:
    """A Bearer header (RFC 6750). Empty for what cannot stand in a header."""
    return {"Authorization": f"Bearer {token}"} if token.isascii() and token.isprintable() and token else {}
