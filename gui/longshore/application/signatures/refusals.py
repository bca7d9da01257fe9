"""Why a rule refuses an image, and what to do about it; ``words.errors`` translates it."""

from __future__ import annotations

from longshore.application.signatures.verifying import Reason, Verdict
from longshore.errors import NotSigned, Sentence
from longshore.oci.reference import Reference

_UNSIGNED = Sentence(
    NotSigned,
    "The image is not signed, and only signed images are allowed.",
    "Ask its publisher for a signature, or change the rule in Keys….",
)
_ANY = Sentence(
    NotSigned,
    "The signature was not verified, and only signed images are allowed.",
    "Change the keys or the rule in Keys….",
)
_SENTENCES = {
    Reason.OTHER_KEY: Sentence(
        NotSigned,
        "The signature is not by one of your keys, or it was altered.",
        "If its publisher has a new key, add it in Keys….",
    ),
    Reason.OTHER_IMAGE: Sentence(
        NotSigned,
        "The signature belongs to another image.",
        "Don't use this image. Tell its publisher.",
    ),
    Reason.NO_KEY: Sentence(
        NotSigned,
        "The image is signed, but you have no key for {repository}.",
        "Add its publisher's key in Keys….",
    ),
    Reason.KEYLESS: Sentence(
        NotSigned,
        "The signature is keyless, and you trust no identity for {repository}.",
        "Name the identity with longshore keys add --identity.",
    ),
    Reason.NO_COSIGN: Sentence(
        NotSigned,
        "The signature is keyless, and only the program cosign can verify it.",
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
        repository=reference.familiar_name,
    )
