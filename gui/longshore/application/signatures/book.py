"""The user's keys and rules, in ``keys.json`` of the configuration folder.

::

    {"version": 1,
     "keys": [{"scope": "registry.example.com/team/*", "name": "release@example.com", "pem": "-----BEGIN PUBLIC …"},
              {"scope": "ghcr.io/org/*", "name": "ann@example.com", "identity": "ann@example.com",
               "issuer": "https://accounts.google.com"}],
     "only_signed": ["registry.example.com/team/*"]}

A file of its own: damaged settings are set aside and forgotten, but a rule that protects must not be lost like that.
While this file cannot be read, nothing is fetched from registries.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from longshore.application.signatures.public_keys import LARGEST_KEY, PublicKey, parse_public_key
from longshore.application.signatures.scopes import Scope, parse_scope
from longshore.errors import InvalidInput, LongshoreError
from longshore.oci.reference import Reference
from longshore.shared_files import SharedFile, json_object, read_file
from longshore.text import plain

_VERSION = 1
_LARGEST = 1 << 20
#: Most keys and most rules.
MOST = 200
#: Most characters of the name that is shown for a key, and of an identity or issuer.
LONGEST_NAME = 80
_LONGEST_IDENTITY = 500
#: Seconds to wait for another program that changes the file.
_PATIENCE = 5.0


@dataclass(frozen=True, slots=True)
class Key:
    """A signer whom the user trusts for some repositories: a public key, or the identity of a keyless signer.

    *name*: shown for it. *pem*: the key, "" for an *identity*, as *issuer* (an OpenID Connect provider) certifies it.
    """

    scope: Scope
    name: str
    pem: str = ""
    identity: str = ""
    issuer: str = ""

    @property
    def public_key(self) -> PublicKey:
        """The key. Raises InvalidInput, which names it, for an identity and for a PEM text that is not a key."""
        try:
            return parse_public_key(self.pem.encode())
        except InvalidInput as error:
            # Somebody has edited the file: the name says which key to add again.
            raise InvalidInput(
                error.message, subject=f"{self.name} ({self.scope})", advice="Add the key again."
            ) from error

    def to_json(self) -> dict[str, Any]:
        """The key as in the file."""
        values = {"pem": self.pem, "identity": self.identity, "issuer": self.issuer}
        return {
            "scope": str(self.scope),
            "name": self.name,
            **{key: text for key, text in values.items() if text},
        }


@dataclass(frozen=True, slots=True)
class Keys:
    """All keys and rules at one moment. *only_signed*: where only images with a trusted signature are fetched."""

    keys: tuple[Key, ...] = ()
    only_signed: tuple[Scope, ...] = ()

    def of(self, reference: Reference) -> tuple[Key, ...]:
        """The keys for the repository of *reference*."""
        return tuple(key for key in self.keys if key.scope.covers(reference))

    def rule(self, reference: Reference) -> Scope | None:
        """The rule that allows only signed images in the repository of *reference*, None if there is none."""
        return next((scope for scope in self.only_signed if scope.covers(reference)), None)


class KeyBook:
    """The keys and rules in the file *path*, which several programs share. Thread-safe; blocks briefly."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = SharedFile(path, largest=_LARGEST)
        self._lock = threading.Lock()
        self._seen: tuple[int, int, int] | None = None
        self._keys = Keys()

    def read(self) -> Keys:
        """The current keys and rules. Raises LongshoreError if the file cannot be read or is damaged."""
        with self._lock:
            try:
                status = self.path.stat()
                seen = (status.st_mtime_ns, status.st_ino, status.st_size)
                if seen != self._seen:
                    self._keys = _parsed(read_file(self.path, _LARGEST))
                    self._seen = seen
            except FileNotFoundError:
                self._seen, self._keys = None, Keys()
            except (OSError, ValueError) as error:
                self._seen = None
                raise self._unreadable(error) from error
            return self._keys

    def add(self, key: Key) -> bool:
        """Add *key*. It replaces one of the same scope and name; returns True if there was one.

        Raises LongshoreError if the file cannot be written.
        """
        replaced = False

        def change(document: dict[str, Any]) -> None:
            nonlocal replaced
            kept = [entry for entry in document["keys"] if not _is(entry, key.scope, key.name)]
            replaced = len(kept) < len(document["keys"])
            if len(kept) >= MOST:
                raise InvalidInput("There can be at most {count} keys.", arguments={"count": MOST})
            document["keys"] = [*kept, key.to_json()]

        self._change(change)
        return replaced

    def remove(self, scope: Scope, name: str = "") -> int:
        """Remove the keys of *scope*, or only the one called *name*. Returns how many there were. The rule stays.

        Raises LongshoreError as :meth:`add`.
        """
        removed = 0

        def change(document: dict[str, Any]) -> None:
            nonlocal removed
            kept = [entry for entry in document["keys"] if not _is(entry, scope, name)]
            removed = len(document["keys"]) - len(kept)
            document["keys"] = kept

        self._change(change)
        return removed

    def set_only_signed(self, scope: Scope, on: bool) -> None:
        """Set or drop the rule for *scope*. Raises LongshoreError as :meth:`add`."""

        def change(document: dict[str, Any]) -> None:
            others = [text for text in document["only_signed"] if parse_scope(text) != scope]
            if on and len(others) >= MOST:
                raise InvalidInput("There can be at most {count} rules.", arguments={"count": MOST})
            document["only_signed"] = [*others, str(scope)] if on else others

        self._change(change)

    def _change(self, change: Callable[[dict[str, Any]], None]) -> None:
        def merge(raw: bytes | None) -> bytes | None:
            if raw is not None:
                _parsed(raw)  # a damaged file is never replaced by a program
            document = json_object(raw) if raw is not None else {}
            document = {"version": _VERSION, "keys": [], "only_signed": [], **document}
            change(document)
            return json.dumps(document, indent=2).encode() + b"\n"

        try:
            self._file.change(merge, patience=_PATIENCE)
        except InvalidInput:
            raise
        except ValueError as error:
            raise self._unreadable(error) from error
        except OSError as error:
            raise LongshoreError(
                "The keys were not saved: {reason}.",
                subject=str(self.path),
                advice="Check the folder and the disk.",
                arguments={"reason": error.strerror or str(error)},
            ) from error

    def _unreadable(self, error: Exception) -> LongshoreError:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        return LongshoreError(
            "The file with your keys and rules for signatures can't be read, so nothing is fetched from registries.",
            subject=str(self.path),
            advice="Repair the file. If you delete it, its keys and rules are gone.",
            detail=reason,
        )


class _DamagedError(ValueError):
    """The file is JSON, but not a list of keys and rules that this Longshore understands."""


def _parsed(raw: bytes) -> Keys:
    """The keys and rules in *raw*. Raises ValueError, with a sentence."""
    document = json_object(raw)
    if document.get("version", _VERSION) != _VERSION:
        raise _DamagedError("It was written by a newer Longshore.")
    entries, rules = document.get("keys", []), document.get("only_signed", [])
    if not isinstance(entries, list) or not isinstance(rules, list):
        raise _DamagedError("Keys and rules must be lists.")
    if len(entries) > MOST or len(rules) > MOST:
        raise _DamagedError("It has too many keys or rules.")
    return Keys(tuple(_key(entry) for entry in entries), tuple(_scope(text) for text in rules))


def _key(entry: object) -> Key:
    if not isinstance(entry, dict):
        raise _DamagedError("A key must be an object.")
    values = {name: entry.get(name, "") for name in ("name", "pem", "identity", "issuer")}
    if not all(isinstance(value, str) and len(value) <= LARGEST_KEY for value in values.values()):
        raise _DamagedError("The fields of a key must be texts.")
    if bool(values["pem"]) == bool(values["identity"]):
        raise _DamagedError("A key needs either a public key or an identity.")
    return Key(_scope(entry.get("scope")), **(values | {"name": plain(values["name"], LONGEST_NAME)}))


def _scope(text: object) -> Scope:
    try:
        if isinstance(text, str):
            return parse_scope(text)
    except LongshoreError as error:
        raise _DamagedError(f"{error.message} {error.subject}") from error
    raise _DamagedError("The scope of a key or rule must be a text.")


def _is(entry: object, scope: Scope, name: str) -> bool:
    key = _key(entry)
    return key.scope == scope and name in ("", key.name)


def key_of_file(scope: Scope, path: Path, name: str = "") -> Key:
    """The key in the PEM file *path*, named *name* or as the file. Blocks briefly. Raises InvalidInput."""
    try:
        raw = read_file(path, LARGEST_KEY)
    except OSError as error:
        raise InvalidInput(
            "The key can't be read: {reason}.",
            subject=str(path),
            arguments={"reason": error.strerror or str(error)},
        ) from error
    try:
        found = parse_public_key(raw)
    except InvalidInput as error:
        error.subject = error.subject or plain(str(path), 500)
        raise
    return Key(scope, checked_name(name or path.stem), found.pem)


def key_of_identity(scope: Scope, identity: str, issuer: str, name: str = "") -> Key:
    """The keyless signer *identity*, certified by *issuer*. Raises InvalidInput."""
    for text in (identity, issuer):
        if not text or len(text) > _LONGEST_IDENTITY or not text.isprintable() or text != text.strip():
            raise InvalidInput(
                "An identity needs the name in its certificate and the address of its issuer.",
                advice="For example: ann@example.com and https://accounts.google.com",
            )
    return Key(scope, checked_name(name or identity), "", identity, issuer)


def checked_name(name: str) -> str:
    """*name*, if it can be shown for a key. Raises InvalidInput."""
    shown = plain(name, LONGEST_NAME)
    if not shown or shown != name.strip():
        raise InvalidInput(
            "A key's name has 1 to {count} characters, and no control characters.",
            arguments={"count": LONGEST_NAME},
        )
    return shown
