"""The credentials in Docker's ``config.json`` (docker/cli, cli/config/configfile/file.go)."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from longshore.credentials.credential import Credential, is_text
from longshore.credentials.names import host_of, key_of, nearness
from longshore.errors import CredentialsError
from longshore.shared_files import DidNotLast, LockBusy, NotAnObject, json_object, read_file

_AUTHS, _STORE, _HELPERS = "auths", "credsStore", "credHelpers"
#: Bytes of the largest file that is read; real ones have a few kilobytes.
LARGEST = 4 << 20
# The fields of an entry that are written here; its other fields are kept.
_SECRETS = ("auth", "username", "password", "identitytoken", "registrytoken")


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """One reading of the file. Invalid parts raise CredentialsError only when they are needed. Any thread.

    *values*: the whole file, for writing it back. *found*: False if there is no file or it has no text: an empty
    file, which a full disk or a power cut leaves behind, counts as absent. *empty*: True for such a file.
    """

    path: Path
    values: Mapping[str, Any] = field(repr=False)
    found: bool = True
    empty: bool = False

    @classmethod
    def read(cls, path: Path) -> ConfigFile:
        """Read the file. Raises CredentialsError if it cannot be read or is damaged."""
        try:
            raw = read_file(path, LARGEST)
        except FileNotFoundError:
            return cls(path, {}, found=False)
        except OSError as error:
            raise _unreadable(path, _sentence(error)) from error
        return cls.parse(path, raw)

    @classmethod
    def parse(cls, path: Path, raw: bytes | None) -> ConfigFile:
        """Parse *raw*, the text of the file *path* (None: no file). Raises CredentialsError if it is damaged."""
        if raw is None or not raw.strip():
            return cls(path, {}, found=False, empty=raw is not None)
        try:
            return cls(path, json_object(raw))
        except NotAnObject as error:
            raise _unreadable(path, str(error)) from None

    def text(self) -> bytes:
        """The file as the docker CLI writes it."""
        return json.dumps(self.values, indent="\t").encode()

    def helper_name(self, registry: str) -> str:
        """The name of the helper configured for *registry*, empty for none. Raises CredentialsError."""
        helpers = self._part(_HELPERS)
        for key in (key_of(registry), registry):
            if key in helpers:
                return _text(helpers[key], self.path, f"{_HELPERS}: {key}", registry)
        return _text(self.values.get(_STORE), self.path, _STORE, registry)

    @property
    def mentions_credentials(self) -> bool:
        """True if anybody is signed in or a helper is configured; `docker login` then looks for no default helper."""
        return any(self.values.get(part) for part in (_AUTHS, _STORE, _HELPERS))

    def helpers(self) -> list[str]:
        """The names of all configured helpers, each once. Raises CredentialsError."""
        named = [(_STORE, self.values.get(_STORE))]
        named += [(f"{_HELPERS}: {key}", name) for key, name in self._part(_HELPERS).items()]
        found = [_text(name, self.path, what, what) for what, name in named]
        return list(dict.fromkeys(name for name in found if name))

    def all_keys(self) -> list[str]:
        """The keys of all registries that the file mentions. Raises CredentialsError."""
        return [*self._part(_AUTHS), *self._part(_HELPERS)]

    @property
    def has_secrets(self) -> bool:
        """True if the file itself contains a secret. Raises CredentialsError."""
        entries = self._part(_AUTHS).values()
        return any(isinstance(entry, dict) and any(map(entry.get, _SECRETS)) for entry in entries)

    def keys(self, registry: str) -> list[str]:
        """The keys of the entries for *registry*, the best match first. Raises CredentialsError."""
        return _matching(self._part(_AUTHS), registry)

    def credential(self, registry: str) -> Credential | None:
        """The credential in the file for *registry*, None without one. Raises CredentialsError for a broken entry."""
        return _find(self._part(_AUTHS), registry, self.path)

    def with_credential(
        self, registry: str, credential: Credential | None, *, helper: str = ""
    ) -> ConfigFile:
        """The file after a sign-in: with the secret, or with an empty entry if a helper stores it.

        *credential*: None for an empty entry, by which the docker CLI remembers who is signed in. *helper*: becomes
        ``credsStore`` if given. Raises CredentialsError for values that the format cannot hold.
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
        """The file after a sign-out."""
        gone = self.keys(registry)
        if not gone:
            return self
        left = {key: entry for key, entry in self._part(_AUTHS).items() if key not in gone}
        return ConfigFile(self.path, {**self.values, _AUTHS: left})

    def meaning(self, registry: str) -> dict[str, Any]:
        """The decoded entries for *registry* by key, however they are written. Raises CredentialsError."""
        auths = self._part(_AUTHS)
        return {key: _meaning(auths[key], self.path) for key in self.keys(registry)}

    def meaning_apart_from(self, registry: str) -> dict[str, Any]:
        """The decoded entries for all other registries. Raises CredentialsError."""
        mine = self.keys(registry)
        return {
            key: _meaning(entry, self.path) for key, entry in self._part(_AUTHS).items() if key not in mine
        }

    def _part(self, name: str) -> Mapping[str, Any]:
        part = self.values.get(name)
        if part is None:
            return {}
        if not isinstance(part, dict):
            raise _unreadable(self.path, f"“{name}” is not an object.")
        return part


def legacy_credential(path: Path, registry: str) -> Credential | None:
    """The credential in ``~/.dockercfg``, which Docker reads without a ``config.json``. Raises CredentialsError."""
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
    """Decode one entry; None for an empty one, whose credential is in a helper."""
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
        secret = secret.strip("\0")  # padding of very old versions
    if not all(map(is_text, (user, secret, token))):
        raise _broken_entry(path, registry)
    found = Credential(user, "" if token else secret, token)
    return found or None


def _meaning(entry: object, path: Path) -> object:
    try:
        return _decode(entry, path, "")
    except CredentialsError:
        return entry


def _encode(credential: Credential, path: Path, registry: str) -> dict[str, str]:
    user, token = credential.username, credential.identity_token
    if not user and not token:
        # The docker CLI rejects the whole file because of an entry without a user name.
        raise _cannot_hold(path, registry, "no user name")
    if ":" in user:
        raise _cannot_hold(path, registry, "a colon in the user name")
    if not all(map(is_text, (user, credential.secret, token))):
        raise _cannot_hold(path, registry, "characters that are not valid Unicode")
    joined = f"{user}:{'' if token else credential.secret}".encode()
    entry = {"auth": base64.b64encode(joined).decode()} if user else {}
    return entry | ({"identitytoken": token} if token else {})


def _text(value: object, path: Path, what: str, registry: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise CredentialsError(
            "The name of a credential helper in Docker's config.json can't be read.",
            subject=registry,
            advice=f"Repair {path}.",
            detail=f"“{what}” is not text.",
        )
    return value


def _broken_entry(path: Path, registry: str) -> CredentialsError:
    return CredentialsError(
        f"The sign-in for {registry} in Docker's {path.name} is broken.",
        subject=registry,
        advice="Sign in again, or sign out.",
        detail=f"{path}: the entry of {registry} under “auths” can't be read.",
    )


def _cannot_hold(path: Path, registry: str, what: str) -> CredentialsError:
    return CredentialsError(
        f"Docker's {path.name} can't store a sign-in with {what}.",
        subject=registry,
        advice="Set up a credential helper, or sign in until Longshore closes.",
    )


def _sentence(error: OSError) -> str:
    why = error.strerror or str(error)
    return f"{why[:1].upper()}{why[1:]}."


def _unreadable(path: Path, why: str) -> CredentialsError:
    return CredentialsError(
        f"Docker's {path.name} can't be read.",
        subject=str(path),
        advice="Repair it or move it away, or sign in until Longshore closes.",
        detail=why,
    )


def unwritable(path: Path, error: OSError) -> CredentialsError:
    """The error for a file that could not be changed."""
    advice = "Check the permissions of its folder, or sign in until Longshore closes."
    if isinstance(error, DidNotLast):
        advice = "Close the program that overwrites it and try again, or sign in until Longshore closes."
    elif isinstance(error, LockBusy):
        advice = "Close other Longshore windows and try again, or sign in until Longshore closes."
    return CredentialsError(
        f"Docker's {path.name} could not be changed.",
        subject=str(path),
        advice=advice,
        detail=_sentence(error),
    )
