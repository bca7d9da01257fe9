"""Signs requests in: Basic (RFC 7617) and Bearer tokens (distribution, "Token Authentication Specification")."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from longshore.credentials import Credential
from longshore.oci.errors import SignInFailed
from longshore.registry import failures
from longshore.registry.challenge import Challenge
from longshore.registry.config import RegistryConfig, is_loopback
from longshore.registry.cutting import turn
from longshore.registry.exchange import Exchange, Reply

#: A token without expires_in lives this long (the specification's default), in seconds.
DEFAULT_LIFE = 60.0
#: A token is not used in its last seconds: the request may take that long to arrive.
MARGIN = 5.0
_LONGEST_LIFE = 86_400.0
_LARGEST_TOKEN_REPLY = 1 << 20
_LARGEST_TOKEN = 64 * 1024
#: Tokens kept; one repository needs one.
_MOST_TOKENS = 1000
#: Scopes that a registry may demand beyond ours.
_MOST_SCOPES = 8
_LONGEST_SCOPE = 512

Scopes = tuple[str, ...]


@dataclass(slots=True)
class _Token:
    value: str = field(repr=False)
    good_until: float


class Authorizer:
    """Knows how a registry wants to be signed in to, once it has said so. Thread-safe; token requests block."""

    def __init__(
        self, config: RegistryConfig, exchange: Exchange, credentials: Callable[[str], Credential | None]
    ) -> None:
        self._config = config
        self._exchange = exchange
        self._credentials = credentials
        self._lock = threading.Lock()
        #: Held while the credential is looked up, so that a helper runs once.
        self._looking = threading.Lock()
        self._challenge: Challenge | None = None
        #: By user and scopes.
        self._tokens: dict[tuple[str, Scopes], _Token] = {}
        #: One request at a time for each token, or a dozen threads would ask for the same.
        self._fetching: dict[Scopes, threading.Lock] = {}
        #: What the registry has demanded for our scopes, where that is more.
        self._demanded: dict[Scopes, Scopes] = {}
        self._credential: Credential | None = None
        self._credential_known = False

    @property
    def scheme(self) -> str:
        """``none``, ``basic`` or ``bearer``, as far as known."""
        challenge = self._challenge
        return challenge.scheme if challenge is not None else "none"

    @property
    def signed_in(self) -> bool:
        """True if there is a credential for this registry and it has been looked up."""
        return bool(self._credential)

    def credential(self) -> Credential | None:
        """The credential, looked up once. May run a helper. Raises CredentialsError, Cancelled."""
        with turn(self._looking):
            if not self._credential_known:
                self._credential = self._credentials(self._config.host)
                self._credential_known = True
            return self._credential

    def learn(self, challenges: list[Challenge], scopes: Scopes) -> bool:
        """Take over what a 401 to a request for *scopes* demands; Bearer before Basic.

        False if there is nothing that we can do.
        """
        usable = [c for c in challenges if c.scheme == "basic" or (c.scheme == "bearer" and "realm" in c.parameters)]
        if not usable:
            return False
        usable.sort(key=lambda c: c.scheme != "bearer")
        chosen = usable[0]
        wanted = chosen.parameters.get("scope", "").split()
        extra = [scope for scope in dict.fromkeys(wanted) if scope not in scopes and len(scope) <= _LONGEST_SCOPE]
        with self._lock:
            self._challenge = chosen
            if extra:
                _make_room(self._demanded)
                self._demanded[scopes] = (*scopes, *extra[:_MOST_SCOPES])
        return True

    def header(self, scopes: Scopes, *, rejected: str | None = None) -> str | None:
        """The Authorization header for a request that needs *scopes*; None for none.

        *rejected*: the header that the registry has just refused. Raises SignInFailed, what the token service's
        failures become, CredentialsError, Cancelled.
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
            wanted = self._demanded.get(scopes, scopes)
            key = (credential.username if credential else "", wanted)
            if len(self._fetching) >= _MOST_TOKENS:
                self._fetching.clear()
            fetching = self._fetching.setdefault(wanted, threading.Lock())
        with turn(fetching):
            with self._lock:
                token = self._tokens.get(key)
            if token is None or token.good_until <= time.monotonic() or f"Bearer {token.value}" == rejected:
                token = self._fetch(challenge, wanted, credential)
                with self._lock:
                    _make_room(self._tokens)
                    self._tokens[key] = token
        return f"Bearer {token.value}"

    # -- the token service

    def _fetch(self, challenge: Challenge, scopes: Scopes, credential: Credential | None) -> _Token:
        realm = challenge.parameters["realm"]
        self._check_realm(realm)
        service = challenge.parameters.get("service", "")
        if not credential:
            return self._token(self._get(realm, service, scopes, None), credential)
        if credential.identity_token:
            grant = {"grant_type": "refresh_token", "refresh_token": credential.identity_token}
            reply = self._post(realm, service, scopes, grant)
            if reply.status not in (404, 405):
                return self._token(reply, credential)
            if not credential.secret:
                raise SignInFailed(
                    f"The token service of {failures.called(self._config)} takes no identity tokens.",
                    registry=self._config.host,
                    advice="Sign in… with user name and password, or an access token as the password.",
                    detail=f"token service: HTTP {reply.status}",
                )
        reply = self._get(realm, service, scopes, credential)
        if reply.status in (404, 405):
            grant = {"grant_type": "password", "username": credential.username, "password": credential.secret}
            reply = self._post(realm, service, scopes, grant)
        return self._token(reply, credential)

    def _check_realm(self, realm: str) -> None:
        try:
            parts = urlsplit(realm)
            host, _ = parts.hostname, parts.port
        except ValueError:
            host = None
        if not host or parts.scheme not in ("https", "http") or "@" in parts.netloc:
            raise failures.unexpected(self._config, "it names no usable token service")
        if parts.scheme == "http" and not (self._config.insecure or is_loopback(host)):
            # The secret would travel unencrypted, which the user has not allowed.
            raise failures.unexpected(self._config, "its token service is not encrypted")

    def _get(self, realm: str, service: str, scopes: Scopes, credential: Credential | None) -> Reply:
        query = [("service", service)] if service else []
        query += [("scope", scope) for scope in scopes]
        headers = {}
        if credential:
            query.append(("account", credential.username))
            headers["Authorization"] = "Basic " + _basic(credential.username, credential.secret)
        joint = "&" if urlsplit(realm).query else "?"
        url = f"{realm}{joint}{urlencode(query)}" if query else realm
        return self._exchange.ask("GET", url, headers, limit=_LARGEST_TOKEN_REPLY, follow=False)

    def _post(self, realm: str, service: str, scopes: Scopes, grant: dict[str, str]) -> Reply:
        form = {**grant, "service": service, "scope": " ".join(scopes), "client_id": "longshore"}
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        body = urlencode(form).encode()
        return self._exchange.ask("POST", realm, headers, limit=_LARGEST_TOKEN_REPLY, body=body, follow=False)

    def _token(self, reply: Reply, credential: Credential | None) -> _Token:
        if reply.status != 200:
            raise self._refused(reply, credential)
        try:
            document = json.loads(reply.body)
            value = document.get("token") or document.get("access_token")
            life = document.get("expires_in")
        except (ValueError, AttributeError, RecursionError):
            value, life = None, None
        # Anything but visible ASCII would end the header, or begin another.
        if not isinstance(value, str) or not 0 < len(value) <= _LARGEST_TOKEN or not _visible(value):
            raise failures.unexpected(self._config, "its token service gives no token")
        seconds = DEFAULT_LIFE
        if isinstance(life, (int, float)) and life > 0:
            seconds = float(min(life, _LONGEST_LIFE))
        return _Token(value, time.monotonic() + max(seconds - MARGIN, 1.0))

    def _refused(self, reply: Reply, credential: Credential | None) -> Exception:
        if reply.status in (400, 401, 403) and credential:
            return SignInFailed(
                f"{failures.called(self._config)} refuses the user name or the password.",
                registry=self._config.host,
                advice="Sign in… again.",
                detail=f"token service: HTTP {reply.status}",
            )
        return failures.of_status(
            reply.status,
            reply.headers,
            reply.body,
            self._config,
            subject=self._config.host,
            signed_in=bool(credential),
        )


def _make_room(kept: dict[tuple[str, Scopes], _Token] | dict[Scopes, Scopes]) -> None:
    """Forget what is oldest: everything here can be asked for again."""
    while len(kept) >= _MOST_TOKENS:
        kept.pop(next(iter(kept)))  # type: ignore[call-overload]


def _visible(text: str) -> bool:
    return all("!" <= char <= "~" for char in text)


def _basic(user: str, secret: str) -> str:
    return base64.b64encode(f"{user}:{secret}".encode()).decode()
