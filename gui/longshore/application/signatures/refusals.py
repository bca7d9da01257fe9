"""Why a rule refuses an image, and what to do about it; ``words.errors`` translates it."""

from __future__ import annotations

from longshore.application.signatures.verifying import Reason, Verdict
from longshore.errors import NotSigned, Sentence
from longshore.oci.reference import Reference

_UNSIGNED = Sentence(
    NotSigned,
    "{image} is not signed, and only signed images of {repository} are allowed.",
    "Ask its publisher for a signature, or change the rule in Keys….",
)
_ANY = Sentence(
    NotSigned,
    "The signature of {image} was not verified, and only signed images of {repository} are allowed.",
    "Change the keys or the rule in Keys….",
)
_SENTENCES = {
    Reason.OTHER_KEY: Sentence(
        NotSigned,
        "{image} was signed with a key that is not among yours, or its signature was altered.",
        "If its publisher has a new key, add it in Keys….",
    ),
    Reason.OTHER_IMAGE: Sentence(
        NotSigned,
        "The signature beside {image} belongs to another image.",
        "Don't use this image. Tell its publisher.",
    ),
    Reason.NO_KEY: Sentence(
        NotSigned,
        "{image} is signed, but you have no key for {repository}.",
        "Add its publisher's key in Keys….",
    ),
    Reason.KEYLESS: Sentence(
        NotSigned,
        "{image} has a keyless signature, and you trust no identity for {repository}.",
        "Name the identity with longshore keys add --identity.",
    ),
    Reason.NO_COSIGN: Sentence(
        NotSigned,
        "{image} has a keyless signature, which only the program cosign can verify.",
        "Install cosign, then try again.",
    ),
}


def refusal(reference: Reference, verdict: Verdict) -> NotSigned:
    """The error for *reference*, whose *verdict* is not SIGNED."""
    reason = verdict.reason
    row = _UNSIGNED if reason is None else _SENTENCES.get(reason, _ANY)
    return row(
        reference.familiar,
        verdict.detail,
        registry=reference.domain,
        image=reference.familiar,
        repository=reference.familiar_name,
    )
