"""Texts of errors in the user's language, and the remedies offered for them. The only place that makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from longshore import language
from longshore.errors import InvalidManifest, Remedy
from longshore.language import tr
from longshore.text import filled, plain
from longshore.words.text import safe

if TYPE_CHECKING:
    from collections.abc import Callable

    from longshore.errors import LongshoreError
    from longshore.transfers.transfer import TransferSnapshot

#: The catalogue's context for the sentences of errors.
_CONTEXT = "errors"


def message(error: LongshoreError) -> str:
    """Return what happened; in English if there is no translation."""
    return _translated(error, error.sentences[0], error.message)


def advice(error: LongshoreError) -> str:
    """Return what to do about it, "" if there is no advice."""
    return _translated(error, error.sentences[1], error.advice)


def _translated(error: LongshoreError, sentence: str, english: str) -> str:
    shown = language.current().translate(_CONTEXT, sentence)
    return english if shown == sentence else plain(filled(shown, error.arguments), 500)


def told(error: LongshoreError) -> str:
    """Return what happened and what to do, in one line."""
    return f"{message(error)} {advice(error)}".strip()


def whole(error: LongshoreError) -> str:
    """Return the full text in several lines, with the other side's own words."""
    return "\n".join(part for part in (message(error), advice(error), error.detail) if part)


class Offer(NamedTuple):
    """A remedy for an error. *host*: the registry it concerns, "" for none.

    *button*, *notice*, *menu*: its label on a button beside the error, on a notice's button, and in a menu.
    """

    remedy: Remedy
    host: str
    button: str
    notice: str
    menu: str


def offer(error: LongshoreError, name: str = "") -> Offer:
    """Return the offer for *error*. *name*: the title of its registry."""
    pin, library, retry = tr("Pin a repository by name…"), tr("Download via the library"), tr("Retry")
    keys = tr("Keys…")
    certificate, settings, sign_in = tr("Certificate…"), tr("Settings…"), tr("Sign in to {registry}…")
    button, notice, menu = {
        Remedy.RETRY: (retry, retry, retry),
        Remedy.SIGN_IN: (tr("Sign in…"), sign_in, sign_in),
        Remedy.CERTIFICATE: (certificate, certificate, tr("Certificate of {registry}…")),
        Remedy.SETTINGS: (settings, settings, tr("Settings of {registry}…")),
        Remedy.PIN: (pin, pin, pin),
        Remedy.LIBRARY: (library, library, library),
        Remedy.KEYS: (keys, keys, tr("Keys of {registry}…")),
    }[error.remedy]
    named = safe(name or error.registry, 80)
    notice, menu = (words.replace("{registry}", named) for words in (notice, menu))
    return Offer(error.remedy, error.registry, button, notice, menu)


def offer_of(snapshot: TransferSnapshot, name_of: Callable[[str], str] = str) -> Offer | None:
    """Return the offer for a failed transfer, other than a retry. *name_of*: returns the title of a host."""
    from longshore.transfers.transfer import State  # needed with the first transfer, not at start

    error = snapshot.error
    if error is None or snapshot.state is not State.FAILED:
        return None
    if error.remedy is Remedy.LIBRARY:
        # Temporary problems end with the next attempt; what the engine cannot take, it never will.
        useful = snapshot.attempt > 1 or isinstance(error, InvalidManifest)
        return offer(error) if useful and snapshot.request.source.reference else None
    if not error.registry or error.remedy in (Remedy.RETRY, Remedy.PIN):
        return None
    return offer(error, name_of(error.registry))


def notice(snapshot: TransferSnapshot, offered: Offer) -> str:
    """Return the sentence that introduces what is *offered* for *snapshot*."""
    error, reference = snapshot.error, snapshot.request.source.reference
    if offered.remedy is Remedy.KEYS and error is not None and reference is not None:
        # A rule refuses one image of several: which one is not clear from the place of the notice.
        words = tr("{image} was refused. {reason}").replace("{reason}", message(error))
        return words.replace("{image}", safe(reference.familiar))
    if offered.remedy is not Remedy.LIBRARY or reference is None:
        return message(error) if error is not None else ""
    if isinstance(error, InvalidManifest):
        words = tr("The engine can't take {image}. The library can store what is not a container image.")
        return words.replace("{image}", safe(reference.familiar))
    words = tr(
        "The engine could not pull {image} in {count} attempts. The library keeps what is downloaded "
        "when the connection is lost, and can then load the image into the engine."
    )
    return words.replace("{count}", str(snapshot.attempt)).replace("{image}", safe(reference.familiar))
