"""The tags beside an image that hold what is attached to it. Pure; any thread.

``sha256-<hex>`` is the fallback of registries that do not list referrers (distribution-spec, "Referrers Tag Schema");
with ``.sig``, ``.att`` or ``.sbom`` behind it, it is cosign's (cosign, specs/SIGNATURE_SPEC.md, ATTESTATION_SPEC.md,
SBOM_SPEC.md).
"""

from __future__ import annotations

import re

SIGNATURE = ".sig"
ATTESTATION = ".att"
SBOM = ".sbom"
#: The endings of cosign's tags.
COSIGN = (SIGNATURE, ATTESTATION, SBOM)

_ATTACHED = re.compile(r"sha256-([0-9a-f]{64})(?:\.(?:sig|att|sbom))?")
# Other programs use endings of their own.
_DIGEST_LIKE = re.compile(r"sha(?:256|512)-[0-9a-f]{64,128}(?:\..{1,128})?")


def tag_for(digest: str, ending: str = "") -> str:
    """The tag for what is attached to the image *digest*. *ending*: one of :data:`COSIGN`; "": the fallback tag."""
    algorithm, _, encoded = digest.partition(":")
    return f"{algorithm[:32]}-{encoded[:64]}{ending}"


def image_of(tag: str) -> str:
    """The digest of the image that the content of *tag* is attached to; "" for every other tag."""
    found = _ATTACHED.fullmatch(tag)
    return f"sha256:{found[1]}" if found else ""


def is_digest_like(tag: str) -> bool:
    """Whether *tag* is named after a digest, whatever its ending: such tags are hidden from lists of images."""
    return _DIGEST_LIKE.fullmatch(tag) is not None
