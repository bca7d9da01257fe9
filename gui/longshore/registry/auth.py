"""Signs requests in: Basic (RFC 7617) and Bearer tokens (distribution, "Token Authentication Specification")."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from longshore.credentials import Credential
from longshore.oci.errors import SignInFailed
from longshore.registry import failures
from longshore.registry.challenge import Challenge
from longshore.registry.config import RegistryConfig
from longshore.registry.transport import Transport

#: A token without expires_in lives this long (the specification's default), in seconds.
DEFAULT_LIFE = 60.0
#: A token is not used in its last seconds: the request may take that long to arrive.
MARGIN = 5.0
_LARGEST_TOKEN_REPLY = 1 << 20


@dataclass(slots=True)
class _Token:
    value: str
    good_until: float


class Authorizer:
    """Knows how a registry wants to be signed in to, once it has said so. Thread-safe; token requests block."""

    def __init__(
        self, config: RegistryConfig, transport: Transport, credentials: Callable[[str], Credential | None]
    ) -> None:
        self._config = config
        self._transport = transport
        self._credentials = credentials
        self._lock = threading.Lock()
        self._challenge: Challenge | None = None
        self._tokens: dict[tuple[str, ...], _Token] = {}
        self._credential: Credential | None = None
        self._credential_known = False

    @property
    def scheme(self) -> str:
        """``none``, ``basic`` or ``bearer``, as far as known."""
        return self._challenge.scheme if self._challenge is not None else "none"

    @property
    def signed_in(self) -> bool:
        """True if there is a credential for this registry and it has been looked up."""
        return bool(self._credential)

    def credential(self) -> Credential | None:
        """The credential, looked up once. May run a helper. Raises CredentialsError."""
        with self._lock:
            if self._credential_known:
                return self._credential
        found = self._credentials(self._config.host)
        with self._lock:
            self._credential, self._credential_known = found, True
        return found

    def learn(self, challenges: list[Challenge]) -> bool:
        """Take over what a 401 demands; Bearer before Basic. False if there is nothing we can do."""
        usable = [c for c in challenges if c.scheme == "basic" or (c.scheme == "bearer" and "realm" in c.parameters)]
        if not usable:
            return False
        usable.sort(key=lambda c: c.scheme != "bearer")
        with self._lock:
            self._challenge = usable[0]
        return True

    def header(self, scopes: tuple[str, ...], *, fresh: bool = False) -> str | None:
        """The Authorization header for a request that needs *scopes*; None for none.

        Raises SignInFailed, RegistryUnreachable and others of the token service, CredentialsError.
        """
        challenge = self._challenge
        if challenge is None:
            return None
        credential = self.credential()
        if challenge.scheme == "basic":
            if not credential:
                return None
            return "Basic " + _basic(credential.username, credential.secret or credential.identity_token)
        with self._lock:
            token = self._tokens.get(scopes)
        if token is None or fresh or token.good_until <= time.monotonic():
            token = self._fetch(challenge, scopes, credential)
            with self._lock:
                self._tokens[scopes] = token
        return f"Bearer {token.value}"

    # -- the token service

    def _fetch(self, challenge: Challenge, scopes: tuple[str, ...], credential: Credential | None) -> _Token:
        realm = challenge.parameters["realm"]
        parts = urlsplit(realm)
        if parts.scheme not in ("https", "http") or not parts.hostname:
            raise failures.unexpected(self._config, "it names no usable token service")
        if parts.scheme == "http" and not self._http_allowed():
            # The secret would travel unencrypted although the registry itself is encrypted.
            raise failures.unexpected(self._config, "its token service is not encrypted")
        service = challenge.parameters.get("service", "")
        wanted = scopes or tuple(challenge.parameters.get("scope", "").split())
        if credential and credential.identity_token:
            return self._post(realm, service, wanted, {"grant_type": "refresh_token", "refresh_token": credential.identity_token})
        status, body, headers = self._get(realm, service, wanted, credential)
        if status in (404, 405) and credential:
            form = {"grant_type": "password", "username": credential.username, "password": credential.secret}
            return self._post(realm, service, wanted, form)
        if status != 200:
            raise self._refused(status, body, headers, credential)
        return self._token(body)

    def _http_allowed(self) -> bool:
        return self._config.insecure or self._config.is_loopback

    def _get(self, realm: str, service: str, scopes: tuple[str, ...], credential: Credential | None) -> Any:
        query = [("service", service)] if service else []
        query += [("scope", scope) for scope in scopes]
        if credential:
            query.append(("account", credential.username))
        headers = {}
        if credential:
            headers["Authorization"] = "Basic " + _basic(credential.username, credential.secret)
        joint = "&" if urlsplit(realm).query else "?"
        return self._read(self._transport.send("GET", f"{realm}{joint}{urlencode(query)}" if query else realm, headers))

    def _post(self, realm: str, service: str, scopes: tuple[str, ...], grant: dict[str, str]) -> _Token:
        form = {**grant, "service": service, "scope": " ".join(scopes), "client_id": "longshore"}
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = self._transport.send("POST", realm, headers, urlencode(form).encode())
        status, body, got = self._read(answer)
        if status != 200:
            raise self._refused(status, body, got, self._credential)
        return self._token(body)

    @staticmethod
    def _read(answer: Any) -> Any:
        try:
            body = answer.read(_LARGEST_TOKEN_REPLY, decode_content=True)
        finally:
            answer.release_conn()
        return answer.status, body, answer.headers

    def _refused(self, status: int, body: bytes, headers: Any, credential: Credential | None) -> Exception:
        if status in (400, 401, 403) and credential:
            return SignInFailed(
                f"{failures.called(self._config)} refuses the user name or the password.",
                registry=self._config.host,
                advice="Sign in… again.",
                detail=f"token service: HTTP {status}",
            )
        return failures.of_status(
            status, headers, body, self._config, subject=self._config.host, signed_in=bool(credential)
        )

    def _token(self, body: bytes) -> _Token:
        try:
            reply = json.loads(body)
            value = reply.get("token") or reply.get("access_token")
            life = reply.get("expires_in")
        except (ValueError, AttributeError):
            value, life = None, None
        if not isinstance(value, str) or not value or any(char in value for char in "\r\n"):
            raise failures.unexpected(self._config, "its token service gives no token")
        seconds = float(life) if isinstance(life, (int, float)) and life > 0 else DEFAULT_LIFE
        return _Token(value, time.monotonic() + max(seconds - MARGIN, 1.0))


def _basic(user: str, secret: str) -> str:
    return base64.b64encode(f"{user}:{secret}".encode()).decode()
