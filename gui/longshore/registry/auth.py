"""Signs requests: Basic (RFC 7617) and Bearer tokens (distribution, "Token Authentication Specification" and "OAuth2
Token Authentication").

Credentials are sent only to their registry and to the token service that it names.
"""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlencode, urlsplit

from longshore.cancellation import Cancellation, holding
from longshore.credentials import Credential
from longshore.errors import CredentialsError, LongshoreError
from longshore.oci.foreign_json import SMALL, parse_json
from longshore.registry import failures
from longshore.registry.challenge import Challenge
from longshore.registry.config import RegistryConfig
from longshore.secrecy import keep_out

Scopes = tuple[str, ...]

#: Seconds that a token without expires_in is valid (the specification's default).
DEFAULT_LIFE = 60.0
#: Seconds before its expiry in which a token is not used: requests and bodies take time to arrive.
MARGIN = 10.0
#: Most tokens kept; each repository needs one.
_MOST_TOKENS = 500
#: Seconds after which a credential is looked up again: the docker CLI may have signed in meanwhile.
_CREDENTIAL_SECONDS = 120.0
#: The same after a helper failed. Sooner, because the user may have fixed it; not at once, because it may have hung.
_BROKEN_SECONDS = 5.0
_CLIENT_ID = "longshore"
#: Most characters of a token; servers accept no longer headers.
_LONGEST_TOKEN = 1 << 15


class Fetch(Protocol):
    """Sends a request to a token service; returns status, headers, bounded body. Raises LongshoreError, Cancelled."""

    def __call__(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        cancellation: Cancellation | None,
    ) -> tuple[int, Mapping[str, str], bytes]: ...


@dataclass(slots=True)
class _Token:
    value: str
    good_until: float
    credential: Credential | None
    #: True once the registry has accepted it. If it is refused after that, it has become invalid early.
    taken: bool = False

    def good(self) -> bool:
        return time.monotonic() < self.good_until


@dataclass(frozen=True, slots=True)
class Signed:
    """How one request is signed. *header*: the value of Authorization, None for anonymous."""

    header: str | None
    credential: Credential | None
    token: _Token | None = None

    def taken(self) -> None:
        """Record that the registry accepted the request."""
        if self.token is not None:
            self.token.taken = True

    def __repr__(self) -> str:
        return f"Signed({'…' if self.header else None})"


class Authorizer:
    """Signs requests as the registry demands, once it has sent a challenge. Thread-safe; may block."""

    def __init__(
        self,
        config: RegistryConfig,
        credentials: Callable[[str], Credential | None],
        fetch: Fetch,
        *,
        offline: bool = False,
    ) -> None:
        """*offline*: request a refresh token to keep, as a sign-in does."""
        self._config = config
        self._credentials = credentials
        self._fetch = fetch
        self._offline = offline
        self._lock = threading.Lock()
        self._challenge: Challenge | None = None
        self._tokens: dict[Scopes, _Token] = {}
        self._wanted: dict[Scopes, Scopes] = {}  # by our scopes: those that the registry then asked for
        self._fetching: dict[Scopes, threading.Lock] = {}
        self._credential: tuple[Credential | None, float] | None = None
        self._looking = threading.Lock()
        self._rotated: dict[str, str] = {}
        #: True once the registry has served a request.
        self.answered = False
        #: Why the stored credential cannot be read; all requests are then anonymous.
        self.broken: CredentialsError | None = None
        #: The refresh token that an *offline* authorizer received, to keep instead of the password; or "".
        self.refresh_token = ""

    @property
    def challenge(self) -> Challenge | None:
        """The registry's challenge, None if it has not sent one."""
        return self._challenge

    @property
    def user(self) -> str:
        """The user of the credential that was looked up last; "" for none, or if its name says nothing."""
        with self._lock:
            known = self._credential
        name = "" if known is None or known[0] is None else known[0].username
        return "" if name.startswith("<") else name

    def forget(self) -> None:
        """Look the credential up again next time, and drop all tokens."""
        with self._lock:
            self._tokens.clear()
            self._credential = None
            self._rotated.clear()

    def sign(self, scopes: Scopes, cancellation: Cancellation | None) -> Signed:
        """The signature for a request that needs *scopes*, as far as the registry is known.

        Raises SignInFailed and other errors of the token service, Cancelled.
        """
        challenge = self._challenge
        if challenge is None:
            return Signed(None, None)
        if challenge.scheme == "basic":
            return self.outright(cancellation)
        token = self._token(challenge, scopes, cancellation)
        return Signed(f"Bearer {token.value}", token.credential, token)

    def outright(self, cancellation: Cancellation | None) -> Signed:
        """The credential itself by Basic, for the registry only."""
        credential = self._look_up(cancellation)
        if not credential:
            return Signed(None, None)
        secret = credential.secret or credential.identity_token
        return Signed("Basic " + _basic(credential.username, secret), credential)

    def renew(
        self, challenges: list[Challenge], scopes: Scopes, refused: Signed, cancellation: Cancellation | None
    ) -> Signed | None:
        """The next signature to try after a 401 for *refused*, None if there is no other."""
        known = [one for one in challenges if one.scheme == "basic" or (one.scheme == "bearer" and one.realm)]
        # An unusable realm is an error only if the registry offers nothing else.
        usable = [one for one in known if one.scheme == "basic" or _usable(one.realm)] or known
        if not usable:
            return None
        # Tokens before passwords, as in the engine.
        challenge = min(usable, key=lambda one: one.scheme != "bearer")
        asked = tuple(challenge.parameters.get("scope", "").split())
        with self._lock:
            self._challenge = challenge
            if asked and len(asked) <= 16:
                self._wanted[scopes] = _joined(scopes, asked)
            token = self._tokens.get(scopes)
            if token is not None and f"Bearer {token.value}" == refused.header:
                del self._tokens[scopes]
            if refused.header is not None and self._credential is not None:
                self._credential = (self._credential[0], 0.0)
        again = self.sign(scopes, cancellation)
        return None if again.header is None or again.header == refused.header else again

    def instead_of_stale(
        self, scopes: Scopes, refused: Signed, cancellation: Cancellation | None
    ) -> Signed | None:
        """A new signature after a refusal without a challenge, if the token may have become invalid early; else None.

        Registries restart and revoke tokens, machines sleep, and the response to a stale token varies (401 without a
        challenge, 403, 400). A token that was never accepted is refused for another reason.
        """
        token = refused.token
        if token is None or not token.taken:
            return None
        with self._lock:
            if self._tokens.get(scopes) is token:
                del self._tokens[scopes]
        again = self.sign(scopes, cancellation)
        return None if again.header is None or again.header == refused.header else again

    def _look_up(self, cancellation: Cancellation | None) -> Credential | None:
        with self._lock:
            known = self._credential
        if known is not None and time.monotonic() < known[1]:
            return known[0]
        with holding(self._looking, cancellation):  # helpers are slow: one call serves all waiting threads
            with self._lock:
                known = self._credential
            if known is None or time.monotonic() >= known[1]:
                known = self._look_now(known)
            return known[0]

    def _look_now(self, before: tuple[Credential | None, float] | None) -> tuple[Credential | None, float]:
        found, broken = None, None
        try:
            found = self._credentials(self._config.host) or None
        except CredentialsError as error:
            # Public content stays readable; the error is raised if the registry then requires a sign-in.
            broken = error
        with self._lock:
            if before is not None and before[0] != found:
                self._tokens.clear()  # they belong to another user
            seconds = _CREDENTIAL_SECONDS if broken is None else _BROKEN_SECONDS
            self._credential = (found, time.monotonic() + seconds)
            self.broken = broken
            known = self._credential
        if found is not None:
            keep_out(found.secret, found.username)
            keep_out(found.identity_token, found.username)
        return known

    # -- tokens

    def _token(self, challenge: Challenge, scopes: Scopes, cancellation: Cancellation | None) -> _Token:
        self._look_up(cancellation)  # the user may have changed
        with self._lock:
            token = self._tokens.get(scopes)
            if token is not None and token.good():
                return token
            fetching = self._fetching.setdefault(scopes, threading.Lock())
        with holding(fetching, cancellation):  # many threads need the same token at once: one requests it
            with self._lock:
                token = self._tokens.get(scopes)
                wanted = self._wanted.get(scopes, scopes)
            if token is not None and token.good():
                return token
            token = self._ask(challenge, wanted, cancellation)
            with self._lock:
                self._fetching.pop(scopes, None)
                while len(self._tokens) >= _MOST_TOKENS:
                    del self._tokens[next(iter(self._tokens))]
                while len(self._wanted) > 2 * _MOST_TOKENS:
                    del self._wanted[next(iter(self._wanted))]
                self._tokens[scopes] = token
            return token

    def _ask(self, challenge: Challenge, scopes: Scopes, cancellation: Cancellation | None) -> _Token:
        realm = challenge.realm
        self._check_realm(realm)
        service = challenge.parameters.get("service", "")
        credential = self._look_up(cancellation)
        if credential is None:
            status, headers, body = self._get(realm, service, scopes, None, cancellation)
        elif credential.identity_token:
            with self._lock:
                refresh = self._rotated.get(credential.identity_token, credential.identity_token)
            grant = {"grant_type": "refresh_token", "refresh_token": refresh}
            status, headers, body = self._post(realm, service, scopes, grant, cancellation)
        else:
            status, headers, body = self._get(realm, service, scopes, credential, cancellation)
            if status in (404, 405):
                grant = {
                    "grant_type": "password",
                    "username": credential.username,
                    "password": credential.secret,
                }
                status, headers, body = self._post(realm, service, scopes, grant, cancellation)
        if status != 200:
            raise self._refused(status, headers, body, credential)
        return self._read(body, credential)

    def _check_realm(self, realm: str) -> None:
        if not _usable(realm):
            raise failures.unexpected(self._config, "the address of its token service is not valid")

    def _get(
        self,
        realm: str,
        service: str,
        scopes: Scopes,
        credential: Credential | None,
        cancellation: Cancellation | None,
    ) -> tuple[int, Mapping[str, str], bytes]:
        query = [("service", service)] if service else []
        query += [("scope", scope) for scope in scopes]
        headers = {}
        if credential is not None:
            query += [("account", credential.username), ("client_id", _CLIENT_ID)]
            query += [("offline_token", "true")] if self._offline else []
            headers["Authorization"] = "Basic " + _basic(credential.username, credential.secret)
        joint = "&" if "?" in realm else "?"
        return self._fetch(
            "GET", realm + joint + urlencode(query) if query else realm, headers, None, cancellation
        )

    def _post(
        self,
        realm: str,
        service: str,
        scopes: Scopes,
        grant: dict[str, str],
        cancellation: Cancellation | None,
    ) -> tuple[int, Mapping[str, str], bytes]:
        form = {**grant, "service": service, "client_id": _CLIENT_ID}
        if self._offline:
            form["access_type"] = "offline"
        if scopes:
            form["scope"] = " ".join(scopes)
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._fetch("POST", realm, headers, urlencode(form).encode(), cancellation)

    def _refused(
        self, status: int, headers: Mapping[str, str], body: bytes, credential: Credential | None
    ) -> LongshoreError:
        if credential is None and status in (400, 401, 403) and self.broken is not None:
            return self.broken
        return failures.of_status(
            status, headers, body, self._config, subject="", credential=credential, token_service=True
        )

    def _read(self, body: bytes, credential: Credential | None) -> _Token:
        try:
            reply = parse_json(body, SMALL)
        except ValueError:
            reply = None
        if not isinstance(reply, dict):
            raise failures.unexpected(self._config, "its token service does not return JSON")
        value = reply.get("token") or reply.get("access_token")
        if (
            not isinstance(value, str)
            or not value.isascii()
            or not value.isprintable()
            or len(value) > _LONGEST_TOKEN
        ):
            raise failures.unexpected(self._config, "its token service returns no token")
        life = reply.get("expires_in")
        seconds = float(life) if isinstance(life, int | float) and 0 < life < 1e9 else DEFAULT_LIFE
        # A service may replace the refresh token on every use.
        rotated = reply.get("refresh_token")
        keep_out(value)
        keep_out(rotated if isinstance(rotated, str) else "")
        if credential is not None and isinstance(rotated, str) and rotated:
            with self._lock:
                if credential.identity_token:
                    self._rotated[credential.identity_token] = rotated
                elif self._offline:
                    self.refresh_token = rotated
        return _Token(value, time.monotonic() + seconds - min(MARGIN, seconds / 3), credential)


def _joined(scopes: Scopes, asked: Scopes) -> Scopes:
    """The scopes to request: those that the registry *asked* for, plus the actions that we will need.

    A read (pull) comes before a write (pull,push), so one token serves both. If the registry names other resources
    than we do (it may know a repository by another name), its scopes are used.
    """
    ours = {scope.rpartition(":")[0]: scope.rpartition(":")[2] for scope in scopes}
    theirs = {scope.rpartition(":")[0]: scope.rpartition(":")[2] for scope in asked}
    if not theirs.keys() <= ours.keys():
        return asked
    both = {
        name: dict.fromkeys([*actions.split(","), *theirs.get(name, actions).split(",")])
        for name, actions in ours.items()
    }
    return tuple(f"{name}:{','.join(actions)}" for name, actions in both.items())


def _usable(realm: str) -> bool:
    try:
        parts = urlsplit(realm)
        return parts.scheme in ("https", "http") and bool(parts.hostname) and parts.username is None
    except ValueError:
        return False


def _basic(user: str, secret: str) -> str:
    return base64.b64encode(f"{user}:{secret}".encode()).decode()
