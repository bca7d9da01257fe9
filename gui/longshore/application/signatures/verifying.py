"""Verifies the signatures of an image with the keys that the user trusts for its repository."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from longshore.application.signatures.finding import Found, find
from longshore.errors import LongshoreError
from longshore.oci.digest import sha256_of
from longshore.text import plain

if TYPE_CHECKING:
    from longshore.application.signatures.book import Key
    from longshore.application.signatures.documents import Signature
    from longshore.application.signatures.scopes import Scope
    from longshore.cancellation import Cancellation
    from longshore.transfers.content.protocol import ContentReader

#: Verifies the keyless signatures of the image as those of an identity: returns "" or why it does not.
Keyless = Callable[["Key"], str]


class SignatureState(enum.Enum):
    """What is known about the signatures of an image. The values are printed as JSON: never rename."""

    SIGNED = "signed"  # by one of the user's keys
    UNSIGNED = "unsigned"
    BROKEN = "broken"  # there are signatures, and none of them is one of this image by one of the keys
    UNVERIFIED = "unverified"  # there are signatures that nothing here can verify
    UNKNOWN = "unknown"  # the place could not be asked


class Reason(enum.Enum):
    """Why an image is not SIGNED. The values are printed as JSON: never rename."""

    OTHER_KEY = "other key"  # made with another key, or altered
    OTHER_IMAGE = (
        "other image"  # a signature by one of the keys, but of another image: ``detail`` is its digest
    )
    UNREADABLE = "unreadable"  # ``detail`` says why
    NO_KEY = "no key"  # signed with a key, and the user named none for this repository
    KEYLESS = "keyless"  # only keyless signatures, and the user named no identity
    NO_COSIGN = "no cosign"  # the program that verifies keyless signatures is missing
    NOT_CONFIRMED = "not confirmed"  # cosign did not verify a keyless signature: ``detail`` has its words
    OTHER_FORMAT = "other format"  # signatures of a kind that is not verified here (Notary Project)
    COUNTED = "counted"  # not read in the background: Docker Hub counts it as a pull
    UNLISTED = "unlisted"  # the place does not list referrers: ``detail`` says why
    TOO_MANY = "too many"  # more signatures than are read, and none of those read is trusted


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the signatures of the image *digest* prove.

    *index*: whether it is an index; a signature of one covers all its platforms. *name*, *scope*: of the key that
    signed it. *signed_as*: the image's name in that signature, "" if it says none; a copy keeps the name of its
    original. *reason*: None for SIGNED and UNSIGNED. *detail*: safe to show.
    """

    digest: str
    state: SignatureState
    name: str = ""
    scope: Scope | None = None
    signed_as: str = ""
    reason: Reason | None = None
    detail: str = ""
    index: bool = False

    @property
    def signed(self) -> bool:
        """Whether one of the user's keys signed it."""
        return self.state is SignatureState.SIGNED


def verify(
    reader: ContentReader,
    digest: str,
    keys: Sequence[Key],
    cancellation: Cancellation,
    *,
    keyless: Keyless | None = None,
) -> Verdict:
    """Read and verify the signatures of the image *digest* in the repository of *reader*. Blocks.

    *keys*: those for this repository. *keyless*: None if cosign is not installed. Raises LongshoreError if the place
    cannot be asked, InvalidInput for a damaged key, Cancelled.
    """
    found = find(reader, digest, cancellation)
    manifest: list[bytes] = []

    def content() -> bytes:
        if not manifest:
            manifest.append(reader.manifest(digest, cancellation=cancellation).raw)
        return manifest[0]

    return judge(found, digest, keys, content, keyless)


def unknown(digest: str, error: LongshoreError) -> Verdict:
    """The verdict if the place could not be asked."""
    return Verdict(digest, SignatureState.UNKNOWN, detail=plain(f"{error.message} {error.advice}", 500))


def judge(
    found: Found, digest: str, keys: Sequence[Key], manifest: Callable[[], bytes], keyless: Keyless | None
) -> Verdict:
    """The verdict on the signatures *found*. *manifest*: returns the verified bytes of the image's manifest."""
    named = [key for key in keys if key.pem]
    other_image = ""
    by_key = [one for one in found.signatures if not one.certificate]
    for signature in by_key:
        for key in named:
            if not _made_by(key, signature, digest, manifest):
                continue
            if digest in signature.digests:
                return Verdict(digest, SignatureState.SIGNED, key.name, key.scope, signature.reference)
            other_image = other_image or signature.digests[0]
    if other_image:
        return Verdict(digest, SignatureState.BROKEN, reason=Reason.OTHER_IMAGE, detail=other_image)
    without_key = len(by_key) < len(found.signatures)
    if without_key:
        verdict = _by_identity(digest, [key for key in keys if key.identity], keyless)
        if verdict.signed or not (by_key and named):
            return verdict
    if found.more:
        return Verdict(digest, SignatureState.BROKEN, reason=Reason.TOO_MANY)
    if by_key and named:
        return Verdict(digest, SignatureState.BROKEN, reason=Reason.OTHER_KEY)
    if by_key:
        return Verdict(digest, SignatureState.UNVERIFIED, reason=Reason.NO_KEY)
    if found.unreadable:
        return Verdict(digest, SignatureState.BROKEN, reason=Reason.UNREADABLE, detail=found.unreadable[0])
    if found.others:
        return Verdict(digest, SignatureState.UNVERIFIED, reason=Reason.OTHER_FORMAT)
    if found.unlisted:
        return Verdict(digest, SignatureState.UNKNOWN, reason=Reason.UNLISTED, detail=found.unlisted)
    return Verdict(digest, SignatureState.UNSIGNED)


def _made_by(key: Key, signature: Signature, digest: str, manifest: Callable[[], bytes]) -> bool:
    if signature.message is not None:
        return key.public_key.verifies(signature.value, signature.message)
    if digest not in signature.digests:
        return False  # of another manifest, whose bytes are not here
    raw = manifest()
    # The claim above is a sha256, and so is what registries verify: both are about these bytes.
    return sha256_of(raw) == digest and key.public_key.verifies(signature.value, raw)


def _by_identity(digest: str, identities: Sequence[Key], keyless: Keyless | None) -> Verdict:
    if not identities:
        return Verdict(digest, SignatureState.UNVERIFIED, reason=Reason.KEYLESS)
    if keyless is None:
        return Verdict(digest, SignatureState.UNVERIFIED, reason=Reason.NO_COSIGN)
    words = ""
    for key in identities:
        problem = keyless(key)
        if not problem:
            return Verdict(digest, SignatureState.SIGNED, key.name, key.scope)
        words = words or problem
    return Verdict(digest, SignatureState.UNVERIFIED, reason=Reason.NOT_CONFIRMED, detail=words)
