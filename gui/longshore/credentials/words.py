"""What a helper says: understood, but never repeated where it could hold a secret.

The standard helpers print their errors where they print secrets, to standard output. So that is only compared with
known words; what a person gets to read is ours, and the helper's standard error without the secrets in use.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from longshore.secrecy import HIDDEN

#: Characters of a helper's error that are looked at; real ones have one line.
LOOKED_AT = 2000
#: Characters below which a word of an answer hides nothing.
_SHORTEST = 4

_THINGS = ("credential", "credentials", "entry", "item", "key", "password", "secret")
_KEPT_THINGS = frozenset({*_THINGS, "account", "login", "server", "user", "registry"})
_NOTHING = tuple(
    f"{none} {kind}{thing} "
    for none in ("no", "without")
    for kind in ("", "stored ", "saved ", "matching ", "such ")
    for thing in _THINGS
)
# The same words about a program or file that is missing mean a broken helper.
_MISSING_PROGRAM = ("executable", "command not found", "no such file", "$path", "keyring daemon")

#: What helpers complain about, and how it is said here; the first that fits.
_KNOWN = (
    (("executable", "command not found", "no such file"), "A program that it needs is not installed."),
    (("not initialized", "store is empty"), "Its password store is not initialized."),
    (("locked", "unlock"), "The keyring is locked."),
    (
        ("d-bus", "dbus", "autolaunch", "secret service", "secrets was not provided"),
        "No keyring service is running.",
    ),
    (("cancel", "dismissed"), "The request was cancelled in the keyring's own window."),
    (("gpg", "decrypt", "pinentry"), "GnuPG could not decrypt or encrypt."),
    (("denied", "not permitted", "not allowed"), "Access was denied."),
    (("is full", "no space"), "The keyring or its disk is full."),
)


def says_not_found(words: str) -> bool:
    """True if a helper's words for a failure mean that it keeps nothing for this server.

    "credentials not found in native keychain" is the standard; helpers of vendors have words of their own.
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
    """A sentence of ours for what a helper complains about, "" if nobody can say without repeating it."""
    text = words[:LOOKED_AT].lower()
    return next((ours for theirs, ours in _KNOWN if any(each in text for each in theirs)), "")


def words_of(answer: str) -> set[str]:
    """Every word of *answer* that could be a secret: a helper that explains itself may print it twice."""
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
