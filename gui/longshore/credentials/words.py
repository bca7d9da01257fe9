"""Interprets a helper's output, without repeating what may contain a secret.

The standard helpers print their errors to standard output, where they also print secrets. So that output is only
compared with known words. People see our own messages, and the helper's standard error without the secrets in use.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from longshore.secrecy import HIDDEN

#: Characters of a helper's error that are examined; real ones have one line.
LOOKED_AT = 2000
#: Shortest word of a response that is hidden, in characters.
_SHORTEST = 4

_THINGS = ("credential", "credentials", "entry", "item", "key", "password", "secret")
_KEPT_THINGS = frozenset({*_THINGS, "account", "login", "server", "user", "registry"})
_NOTHING = tuple(
    f"{none} {kind}{thing} "
    for none in ("no", "without")
    for kind in ("", "stored ", "saved ", "matching ", "such ")
    for thing in _THINGS
)
# With these words, the same messages are about a missing program or file: the helper is broken.
_MISSING_PROGRAM = ("executable", "command not found", "no such file", "$path", "keyring daemon")

#: Known complaints of helpers and our messages for them; the first match is used.
_KNOWN = (
    (("executable", "command not found", "no such file"), "A program that it needs is not installed."),
    (("not initialized", "store is empty"), "Its password store is not initialized."),
    (("locked", "unlock"), "The keyring is locked."),
    (
        ("d-bus", "dbus", "autolaunch", "secret service", "secrets was not provided"),
        "No keyring service is running.",
    ),
    (("cancel", "dismissed"), "The request was cancelled in the keyring's window."),
    (("gpg", "decrypt", "pinentry"), "GnuPG could not decrypt or encrypt."),
    (("denied", "not permitted", "not allowed"), "Access was denied."),
    (("is full", "no space"), "The keyring or its disk is full."),
)


def says_not_found(words: str) -> bool:
    """True if a helper's words for a failure mean that it has no entry for this server.

    "credentials not found in native keychain" is the standard; helpers of vendors use other words.
    """
    text = words[:LOOKED_AT].lower()
    if any(word in text for word in _MISSING_PROGRAM):
        return False
    return any(_line_says_not_found(line) for line in text.splitlines())


def _line_says_not_found(line: str) -> bool:
    tokens = re.findall(r"[a-z]+", line)
    spaced = f" {' '.join(tokens)} "
    if " not logged in " in spaced or any(f" {nothing}" in spaced for nothing in _NOTHING):
        return True
    ends = [spaced.rfind(words) for words in (" not found ", " not be found ")]
    return not _KEPT_THINGS.isdisjoint(spaced[: max(ends)].split()) if max(ends) >= 0 else False


def known_trouble(words: str) -> str:
    """Our message for a helper's complaint, "" if it is unknown."""
    text = words[:LOOKED_AT].lower()
    return next((ours for theirs, ours in _KNOWN if any(each in text for each in theirs)), "")


def words_of(answer: str) -> set[str]:
    """Every word of *answer* that could be a secret: a helper's error may repeat it."""
    return {word for word in re.split(r'[\s"{}:,]+', answer) if len(word) >= _SHORTEST} - {
        "ServerURL",
        "Username",
        "Secret",
    }


def without(text: str, secrets: Iterable[str]) -> str:
    """*text* with each of *secrets* replaced by ``***``, the longest first."""
    for secret in sorted(secrets, key=len, reverse=True):
        if secret:
            text = text.replace(secret, HIDDEN)
    return text
