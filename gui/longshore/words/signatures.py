"""Sentences about signatures of images."""

from __future__ import annotations

from longshore.application.signatures.verifying import Reason, SignatureState, Verdict
from longshore.language import tr
from longshore.words import text

#: Reasons that end when the user adds a key.
HELPED_BY_KEYS = frozenset({Reason.NO_KEY, Reason.OTHER_KEY})


def state_text(verdict: Verdict) -> str:
    """Return the state in a word or two: ``signed by release@acme.io``, ``unsigned``, …"""
    if verdict.signed:
        return tr("signed by {name}").replace("{name}", text.safe(verdict.name, 80))
    return state_word(verdict.state)


def state_word(state: SignatureState) -> str:
    """Return the word of a state."""
    return {
        SignatureState.SIGNED: tr("signed"),
        SignatureState.UNSIGNED: tr("unsigned"),
        SignatureState.BROKEN: tr("broken"),
        SignatureState.UNVERIFIED: tr("unverified"),
        SignatureState.UNKNOWN: tr("not known"),
    }[state]


def signer_text(verdict: Verdict) -> str:
    """Return whose key signed an image, where *Signature* stands before it: ``by release@acme.io, key of acme/*``."""
    scope = verdict.scope.short if verdict.scope is not None else ""
    words = tr("by {name}, key of {scope}") if scope else tr("by {name}")
    return words.replace("{scope}", text.safe(scope, 200)).replace("{name}", text.safe(verdict.name, 80))


def explanation(verdict: Verdict, reference: str = "") -> str:
    """Return what a verdict means, in one or two sentences. *reference*: the image's name, if it has one."""
    if verdict.signed:
        scope = verdict.scope.short if verdict.scope is not None else ""
        words = tr("Verified by {name}, key of {scope}.") if scope else tr("Verified by {name}.")
        parts = [
            words.replace("{scope}", text.safe(scope, 200)).replace("{name}", text.safe(verdict.name, 80))
        ]
        if verdict.index:
            parts.append(tr("The signature covers all platforms."))
        other = verdict.signed_as and not _names(verdict.signed_as, reference)
        if other:
            parts.append(tr("It was signed as {name}.").replace("{name}", text.safe(verdict.signed_as)))
        return " ".join(parts)
    if verdict.state is SignatureState.UNSIGNED:
        return tr("No signature was found.")
    detail = text.safe(verdict.detail, 500)
    if verdict.reason is None:
        return detail
    return {
        Reason.OTHER_KEY: tr("Signed with a key that is not among yours, or the signature was altered."),
        Reason.OTHER_IMAGE: tr("The signature belongs to another image: {detail}"),
        Reason.UNREADABLE: tr("The signature can't be read: {detail}."),
        Reason.NO_KEY: tr("Signed with a key, and you have no key for this repository."),
        Reason.KEYLESS: tr("Signed without a key, and you trust no identity for this repository."),
        Reason.NO_COSIGN: tr(
            "Signed without a key: only the program cosign can verify that, and it was not found."
        ),
        Reason.NOT_CONFIRMED: tr("cosign did not verify the signature: {detail}"),
        Reason.OTHER_FORMAT: tr("Signed by the Notary Project's tools, which Longshore does not verify."),
        Reason.COUNTED: tr(
            "Docker Hub counts reading signatures as a pull. Open Details, or use longshore verify."
        ),
        Reason.UNLISTED: tr("The registry does not list signatures: {detail}"),
        Reason.TOO_MANY: tr("There are too many signatures; none of those read is by one of your keys."),
    }[verdict.reason].replace("{detail}", detail)


def _names(signed_as: str, reference: str) -> bool:
    """Whether *signed_as* names the repository of *reference*, with or without a tag."""
    name = reference.partition("@")[0]
    head, colon, tag = name.rpartition(":")
    name = head if colon and "/" not in tag else name
    return not name or signed_as == name or signed_as.startswith((f"{name}:", f"{name}@"))
