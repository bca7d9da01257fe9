"""Docker's ``config.json``: the parts of it that are about credentials (docker/cli, cli/config/configfile/file.go)."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from longshore.credentials.credential import Credential
from longshore.credentials.names import host_of, key_of, nearness
from longshore.oci.errors import CredentialsError
from longshore.settings import write_atomically

_AUTHS, _STORE, _HELPERS = "auths", "credsStore", "credHelpers"
# The fields of an entry that are written here; others in it are kept.
_SECRETS = ("auth", "username", "password", "identitytoken", "registrytoken")


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """One reading of the file. Odd parts raise CredentialsError only when they are needed. Any thread.

    *values*: the whole file as it was, for writing it back. *found*: False if there is none.
    """

    path: Path
    values: Mapping[str, Any] = field(repr=False)
    found: bool = True

    @classmethod
    def read(cls, path: Path) -> ConfigFile:
        """Read the file; one that is missing or empty has no values. Raises CredentialsError if it is broken."""
        try:
            raw = path.read_bytes()
        except FileNotFoundError:
            return cls(path, {}, found=False)
        except OSError as error:
            raise _unreadable(path, error.strerror or str(error)) from error
        if not raw.strip():
            return cls(path, {})
        try:
            values = json.loads(raw)
        except json.JSONDecodeError as error:
            # The place, never the text: it holds secrets.
            why = f"Not JSON at line {error.lineno}, column {error.colno}."
            raise _unreadable(path, why) from None
        except (ValueError, RecursionError):
            raise _unreadable(path, "Not JSON.") from None
        if not isinstance(values, dict):
            raise _unreadable(path, "Not a JSON object.")
        return cls(path, values)

    def helper_name(self, registry: str) -> str:
        """The name of the helper that is configured for *registry*, empty for none. Raises CredentialsError."""
        helpers = self._part(_HELPERS)
        for key in (key_of(registry), registry):
            if key in helpers:
                return _text(helpers[key], self.path, f"{_HELPERS}: {key}", registry)
        return _text(self.values.get(_STORE), self.path, _STORE, registry)

    @property
    def mentions_credentials(self) -> bool:
        """True if somebody is signed in or a helper is configured: `docker login` then looks for no default one."""
        return any(self.values.get(part) for part in (_AUTHS, _STORE, _HELPERS))

    def keys(self, registry: str) -> list[str]:
        """The keys of the entries for *registry*, the one that fits best first. Raises CredentialsError."""
        return _matching(self._part(_AUTHS), registry)

    def credential(self, registry: str) -> Credential | None:
        """What stands in the file for *registry*. Raises CredentialsError if its entry is broken."""
        return _find(self._part(_AUTHS), registry, self.path)

    def with_credential(
        self, registry: str, credential: Credential | None, *, helper: str = ""
    ) -> ConfigFile:
        """The file as it is to be after a sign-in: with the secret, or with an empty entry if a helper keeps it
        (*credential* None), which is how the docker CLI remembers who is signed in.

        *helper*: becomes ``credsStore`` if given. Raises CredentialsError for what the format cannot hold.
        """
        auths = dict(self._part(_AUTHS))
        key = key_of(registry)
        old = auths.get(key)
        entry = (
            {name: value for name, value in old.items() if name not in _SECRETS}
            if isinstance(old, dict)
            else {}
        )
        if credential is not None:
            entry |= _encode(credential, self.path, registry)
        for other in self.keys(registry):
            if other != key:
                del auths[other]
        auths[key] = entry
        values = {**self.values, _AUTHS: auths}
        return ConfigFile(self.path, {**values, _STORE: helper} if helper else values)

    def without(self, registry: str) -> ConfigFile:
        """The file as it is to be after a sign-out."""
        gone = self.keys(registry)
        if not gone:
            return self
        left = {key: entry for key, entry in self._part(_AUTHS).items() if key not in gone}
        return ConfigFile(self.path, {**self.values, _AUTHS: left})

    def write(self) -> None:
        """Write it as the docker CLI does: tabs, mode 0600, a symbolic link followed. Raises CredentialsError."""
        try:
            write_atomically(self.path, json.dumps(self.values, indent="\t").encode(), 0o600)
        except OSError as error:
            raise CredentialsError(
                "Docker's config.json could not be written.",
                subject=str(self.path),
                advice="Check the rights of its folder, or keep the sign-in for this run only.",
                detail=error.strerror or str(error),
            ) from error

    def _part(self, name: str) -> Mapping[str, Any]:
        part = self.values.get(name)
        if part is None:
            return {}
        if not isinstance(part, dict):
            raise _unreadable(self.path, f"“{name}” is not an object.")
        return part


def legacy_credential(path: Path, registry: str) -> Credential | None:
    """From ``~/.dockercfg``, which Docker reads where there is no ``config.json``. Raises CredentialsError."""
    return _find(ConfigFile.read(path).values, registry, path)


def _find(auths: Mapping[str, Any], registry: str, path: Path) -> Credential | None:
    for key in _matching(auths, registry):
        found = _decode(auths[key], path, registry)
        if found is not None:
            return found
    return None


def _matching(auths: Mapping[str, Any], registry: str) -> list[str]:
    wanted = host_of(key_of(registry))
    return sorted((key for key in auths if host_of(key) == wanted), key=lambda key: nearness(key, registry))


def _decode(entry: object, path: Path, registry: str) -> Credential | None:
    """What one entry holds; None for the empty ones that stand for a helper."""
    if not isinstance(entry, dict):
        raise _broken_entry(path, registry)
    texts = ["" if entry.get(name) is None else entry[name] for name in _SECRETS]
    if not all(isinstance(text, str) for text in texts):
        raise _broken_entry(path, registry)
    auth, user, secret, token, _ = texts
    if auth:
        try:
            decoded = base64.b64decode(auth.replace("\n", "").replace("\r", ""), validate=True).decode()
        except (binascii.Error, ValueError):
            raise _broken_entry(path, registry) from None
        user, colon, secret = decoded.partition(":")
        if not colon:
            raise _broken_entry(path, registry)
        secret = secret.strip("\0")  # padding of ancient versions
    found = Credential(user, "" if token else secret, token)
    return found or None


def _encode(credential: Credential, path: Path, registry: str) -> dict[str, str]:
    user, token = credential.username, credential.identity_token
    if not user and not token:
        # The docker CLI refuses the whole file over an entry without user name.
        raise _cannot_hold(path, registry, "no user name")
    if ":" in user:
        raise _cannot_hold(path, registry, "a colon in the user name")
    joined = f"{user}:{'' if token else credential.secret}".encode()
    entry = {"auth": base64.b64encode(joined).decode()} if user else {}
    return entry | ({"identitytoken": token} if token else {})


def _text(value: object, path: Path, what: str, registry: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise CredentialsError(
            "Docker's config.json names a credential helper in a way that cannot be read.",
            subject=registry,
            advice=f"Repair {path}.",
            detail=f"“{what}” is not a text.",
        )
    return value


def _broken_entry(path: Path, registry: str) -> CredentialsError:
    return CredentialsError(
        f"The sign-in for {registry} in Docker's {path.name} is broken.",
        subject=registry,
        advice="Sign in again, or sign out.",
        detail=f"{path}: the entry of {registry} under “auths” cannot be read.",
    )


def _cannot_hold(path: Path, registry: str, what: str) -> CredentialsError:
    return CredentialsError(
        f"Docker's {path.name} cannot hold a sign-in with {what}.",
        subject=registry,
        advice="Keep the sign-in for this run only, or set up a credential helper.",
    )


def _unreadable(path: Path, why: str) -> CredentialsError:
    return CredentialsError(
        f"Docker's {path.name} cannot be read.",
        subject=str(path),
        advice="Repair it or move it away. Signing in for this run only works without it.",
        detail=why,
    )
