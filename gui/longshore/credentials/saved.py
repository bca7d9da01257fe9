"""Checks whether a saved sign-in is still in ``config.json``, or a stale write of another program undid it.

The docker CLI reads the whole file when it starts and writes the whole file back when it ends, minutes later if it
asks for a password in between. Changes that others save meanwhile are lost, and neither program notices.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from longshore.credentials.config_file import ConfigFile

# Older docker CLIs add their name there on every write, so a change of it means nothing.
_NO_SIGN = frozenset({"auths", "HttpHeaders"})


class Fate(enum.Enum):
    """The state of a saved sign-in."""

    KEPT = "kept"
    #: The file is as if the sign-in had never been saved, and something else in it changed too.
    OVERWRITTEN = "overwritten"
    #: Somebody signed out, or signed in as another user.
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class SavedSignIn:
    """A sign-in for *registry* as it was written to the file. Immutable, any thread.

    *before*, *entries*: the registry's entries before and after. *others*: everything else in the file. *helper*: the
    helper that the sign-in set as ``credsStore``, "" for none.
    """

    registry: str
    helper: str
    before: Mapping[str, Any] = field(repr=False)
    entries: Mapping[str, Any] = field(repr=False)
    others: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, registry: str, helper: str, before: ConfigFile, after: ConfigFile) -> SavedSignIn:
        """The change from *before* to *after*. Raises CredentialsError."""
        mine = before.meaning(registry), after.meaning(registry)
        return cls(registry, helper, *mine, _others(after, registry, helper))

    def fate(self, config: ConfigFile) -> Fate:
        """The state by *config*, a later reading of the file. Raises CredentialsError.

        ``docker logout`` and ``docker login`` for the registry change only its own entry, and must not be undone. A
        stale write is made to change something else, so something else has changed too.
        """
        found = config.meaning(self.registry)
        helper_lost = bool(self.helper) and config.values.get("credsStore") != self.helper
        if found == self.entries and not helper_lost:
            return Fate.KEPT
        undone = found in (self.before, self.entries)
        now = _others(config, self.registry, self.helper)
        others_changed = now["auths"] != self.others["auths"] or any(
            # The docker CLI drops keys that it does not know, so a missing key means nothing.
            name not in self.others or self.others[name] != value
            for name, value in now.items()
        )
        return Fate.OVERWRITTEN if undone and others_changed else Fate.CHANGED

    def beside(self, config: ConfigFile) -> SavedSignIn:
        """The same sign-in, with everything else taken from *config*."""
        return replace(self, others=_others(config, self.registry, self.helper))


def _others(config: ConfigFile, registry: str, helper: str) -> dict[str, Any]:
    ours = {*_NO_SIGN, "credsStore"} if helper else _NO_SIGN
    rest = {name: value for name, value in config.values.items() if name not in ours}
    return {**rest, "auths": config.meaning_apart_from(registry)}
