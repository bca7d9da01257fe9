"""A token server for registries: real HTTP, real signatures, and permissions that a test can change.

It follows distribution's "Docker Registry v2 authentication via central service": GET with Basic or
without, and POST as in OAuth2 with ``grant_type`` of ``password`` or ``refresh_token``.
"""

from __future__ import annotations

import base64
import fnmatch
import json
import secrets
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal, Self
from urllib.parse import parse_qs, urlsplit

from testbed.crypto import key_id, make_authority, sign

ReplyKey = Literal["token", "access_token", "both"]
ANONYMOUS = ""
EVERYTHING = frozenset({"pull", "push", "delete", "*"})
CLOCK_SKEW = 10


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """One request for a token, and the status of its response. Contains no secret."""

    method: str
    grant: str
    account: str
    scopes: tuple[str, ...]
    status: int


class TokenServer:
    """Issues tokens for the registries that trust it.

    Args:
        root: folder for its key and certificate.
        users: names and passwords. A user may do everything until `grant` restricts it.
        issuer: the ``iss`` of its tokens.
        service: the ``service`` (``aud``) of the registries.
        expires_in: life of a token in seconds; can be changed at any time.
        reply_key: the field of the token in the reply; the specification allows both names.
        rsa: sign with RS256 instead of ES256.

    Attributes may be changed while it runs, by any thread.
    """

    def __init__(
        self,
        root: Path,
        *,
        users: Mapping[str, str] | None = None,
        issuer: str = "longshore-testbed",
        service: str = "longshore-registry",
        expires_in: int = 300,
        reply_key: ReplyKey = "token",
        rsa: bool = False,
        supports_post: bool = True,
    ) -> None:
        self.root = root
        self.users = dict(users or {})
        self.issuer = issuer
        self.service = service
        self.expires_in = expires_in
        self.reply_key: ReplyKey = reply_key
        self.rsa = rsa
        self.supports_post = supports_post
        self.refresh_tokens: dict[str, str] = {}
        self._grants: dict[str, list[tuple[str, frozenset[str]]]] = {}
        self._failures: list[tuple[int, dict[str, str], bytes]] = []
        self._requests: list[TokenRequest] = []
        self._lock = threading.Lock()
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None
        self._key_id = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def realm(self) -> str:
        """The URL in the registries' challenges."""
        assert self._server is not None, "the token server has not been started"
        return f"http://127.0.0.1:{self._server.server_address[1]}/token"

    @property
    def certificate(self) -> Path:
        """The root bundle with which registries verify its signatures."""
        return self.root / "ca.crt"

    @property
    def requests(self) -> list[TokenRequest]:
        with self._lock:
            return list(self._requests)

    def registry_settings(self) -> dict[str, object]:
        """The ``auth.token`` part of a registry's configuration."""
        return {
            "realm": self.realm,
            "service": self.service,
            "issuer": self.issuer,
            "rootcertbundle": str(self.certificate),
        }

    def grant(self, user: str, repositories: str, actions: Iterable[str]) -> None:
        """Limit ``user`` (`ANONYMOUS` for none) to its grants.

        ``repositories`` is a glob such as ``team/*``; ``catalog`` means the catalogue. The first grant of a
        known user removes its initial right to everything.
        """
        with self._lock:
            self._grants.setdefault(user, []).append((repositories, frozenset(actions)))

    def revoke(self, user: str) -> None:
        """Remove all grants; a known user may then do everything again."""
        with self._lock:
            self._grants.pop(user, None)

    def fail_next(
        self, status: int, times: int = 1, headers: Mapping[str, str] | None = None, body: bytes = b"{}"
    ) -> None:
        """Answer the next ``times`` requests with ``status`` and nothing useful."""
        with self._lock:
            self._failures += [(status, dict(headers or {}), body)] * times

    def start(self) -> None:
        """Make a key if there is none, and listen on a free port of 127.0.0.1."""
        if self._server is not None:
            return
        key = self.root / "ca.key"
        if not key.exists():
            make_authority(self.root, "Longshore testbed tokens", rsa=self.rsa)
        self._key_id = key_id(key)
        server = _Server(("127.0.0.1", 0), _Handler)
        server.owner = self
        self._server = server
        self._thread = threading.Thread(
            target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="testbed-token-server"
        )
        self._thread.daemon = True
        self._thread.start()

    def close(self) -> None:
        """Stop listening and wait for the requests in progress."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
        self._server = self._thread = None

    def make_token(self, user: str, scopes: Iterable[str], *, expires_in: int | None = None) -> str:
        """A signed JWT with the part of ``scopes`` granted to ``user``; also for tests that need one directly."""
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": user,
            "aud": self.service,
            "exp": now + (self.expires_in if expires_in is None else expires_in),
            "nbf": now - CLOCK_SKEW,
            "iat": now,
            "jti": secrets.token_hex(8),
            "access": [access for scope in scopes for access in self._access(user, scope)],
        }
        header = {"typ": "JWT", "alg": "RS256" if self.rsa else "ES256", "kid": self._key_id}
        signed = f"{_encode(header)}.{_encode(claims)}"
        signature = sign(self.root / "ca.key", signed.encode(), rsa=self.rsa)
        return f"{signed}.{_base64url(signature)}"

    # -- for the handler -------------------------------------------------------------------------------

    def _access(self, user: str, scope: str) -> list[dict[str, object]]:
        """The granted part of one scope, ``type:name:actions``; a name may contain colons (a port)."""
        kind, _, rest = scope.partition(":")
        name, _, wanted = rest.rpartition(":")
        actions = [action for action in wanted.split(",") if self._may(user, name, action)]
        return [{"type": kind, "name": name, "actions": actions}] if actions else []

    def _may(self, user: str, name: str, action: str) -> bool:
        with self._lock:
            grants = self._grants.get(user)
        if grants is None:
            return user in self.users
        return any(fnmatch.fnmatchcase(name, pattern) and action in actions for pattern, actions in grants)

    def _knows(self, user: str, password: str) -> bool:
        return user in self.users and secrets.compare_digest(self.users[user].encode(), password.encode())

    def _take_failure(self) -> tuple[int, dict[str, str], bytes] | None:
        with self._lock:
            return self._failures.pop(0) if self._failures else None

    def _note(self, request: TokenRequest) -> None:
        with self._lock:
            self._requests.append(request)

    def _refresh_token(self, user: str) -> str:
        token = secrets.token_urlsafe(16)
        with self._lock:
            self.refresh_tokens[token] = user
        return token

    def _reply(self, user: str, scopes: list[str], *, offline: bool) -> dict[str, object]:
        token = self.make_token(user, scopes)
        keys = ["token", "access_token"] if self.reply_key == "both" else [self.reply_key]
        reply: dict[str, object] = dict.fromkeys(keys, token)
        reply["expires_in"] = self.expires_in
        reply["issued_at"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        if offline:
            reply["refresh_token"] = self._refresh_token(user)
        return reply


class _Server(ThreadingHTTPServer):
    owner: TokenServer
    daemon_threads = False


class _Handler(BaseHTTPRequestHandler):
    # One request per connection: no thread waits for a second one when the server stops.
    protocol_version = "HTTP/1.0"
    timeout = 10
    server: _Server

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        scopes = [part for scope in query.get("scope", []) for part in scope.split()]
        user, allowed = self._basic_user()
        offline = query.get("offline_token", [""])[0] == "true"
        self._answer(
            "basic" if user else "anonymous", user, scopes, allowed=allowed, offline=offline and bool(user)
        )

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode())
        owner = self.server.owner
        scopes = [part for scope in form.get("scope", []) for part in scope.split()]
        grant = form.get("grant_type", [""])[0]
        if not owner.supports_post:
            self._send(405, {}, b"")
            owner._note(TokenRequest("POST", grant, "", tuple(scopes), 405))
            return
        if grant == "refresh_token":
            user = owner.refresh_tokens.get(form.get("refresh_token", [""])[0], "")
            allowed = bool(user)
        else:
            user = form.get("username", [""])[0]
            allowed = grant == "password" and owner._knows(user, form.get("password", [""])[0])
        offline = form.get("access_type", [""])[0] == "offline"
        self._answer(grant, user, scopes, allowed=allowed, offline=offline, oauth=True)

    def _answer(
        self, grant: str, user: str, scopes: list[str], *, allowed: bool, offline: bool, oauth: bool = False
    ) -> None:
        owner = self.server.owner
        failure = owner._take_failure()
        if failure is not None:
            status, headers, body = failure
        elif not allowed:
            status, headers = 401, {"WWW-Authenticate": 'Basic realm="Longshore testbed tokens"'}
            body = b'{"errors":[{"code":"UNAUTHORIZED","message":"incorrect username or password"}]}'
        else:
            reply = owner._reply(user, scopes, offline=offline)
            if oauth:
                # RFC 6749 has only this name; distribution's own clients read it from a POST.
                reply.setdefault("access_token", reply.get("token"))
                reply["scope"] = " ".join(scopes)
            status, headers, body = 200, {}, json.dumps(reply).encode()
        owner._note(TokenRequest(self.command, grant, user, tuple(scopes), status))
        self._send(status, headers, body)

    def _send(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _basic_user(self) -> tuple[str, bool]:
        """The user of the Authorization header, and whether the request is allowed."""
        kind, _, value = self.headers.get("Authorization", "").partition(" ")
        if not kind:
            return ANONYMOUS, True
        try:
            user, _, password = base64.b64decode(value).decode().partition(":")
        except ValueError:
            return ANONYMOUS, False
        return user, kind.lower() == "basic" and self.server.owner._knows(user, password)

    def log_message(self, *_: object) -> None:
        """Log nothing; `TokenServer.requests` has everything."""


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _encode(value: Mapping[str, object]) -> str:
    return _base64url(json.dumps(value, separators=(",", ":")).encode())
