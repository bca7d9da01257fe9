"""The credential of a sign-in."""

from __future__ import annotations

from dataclasses import dataclass, field

#: The user name under which helpers keep an identity token (docker/cli, cli/config/credentials/native_store.go).
TOKEN_USER = "<token>"


@dataclass(frozen=True, slots=True)
class Credential:
    """User name and secret, or an identity token (an OAuth2 refresh token). Immutable, any thread.

    Its repr shows no secret. False when it holds neither secret nor token.
    """

    username: str
    secret: str = field(repr=False)
    identity_token: str = field(default="", repr=False)

    def __bool__(self) -> bool:
        return bool(self.secret or self.identity_token)

    def auth_config(self) -> dict[str, str]:
        """The AuthConfig for the engine's ``X-Registry-Auth`` header (Engine API); {} is anonymous."""
        if self.identity_token:
            return {"identitytoken": self.identity_token}
        if self.secret:
            return {"username": self.username, "password": self.secret}
        return {}


def is_text(value: str) -> bool:
    """False if *value* contains half of a surrogate pair, which JSON can express but no header can."""
    return not any("\ud800" <= char <= "\udfff" for char in value)
