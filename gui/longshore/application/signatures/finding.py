"""Finds the signatures of an image beside it: cosign's tag ``sha256-<hex>.sig``, and its referrers.

Unlike :mod:`longshore.application.attached.finding`, it reads nothing but signatures of this one manifest, and an error
of the place is an error: a transfer waits for the answer, and must not take a refusal for an absence.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from longshore.application.attached.kinds import Kind, kind_of_part
from longshore.application.signatures.documents import (
    BUNDLE,
    LARGEST_BUNDLE,
    LARGEST_PAYLOAD,
    SIMPLE_SIGNING,
    Signature,
    UnreadableSignature,
    bundle,
    simple_signing,
)
from longshore.errors import InvalidContent, LongshoreError, NotInLibrary, NotInRegistry
from longshore.oci.attached_tags import SIGNATURE, tag_for
from longshore.oci.digest import Verifier
from longshore.oci.manifest import MANIFESTS, Manifest

if TYPE_CHECKING:
    from longshore.cancellation import Cancellation
    from longshore.oci.descriptor import Descriptor
    from longshore.transfers.content.protocol import ContentReader

#: Most manifests and most layers that are read for one image; what exceeds it is not looked at, and said.
MOST_MANIFESTS = 50
MOST_LAYERS = 100
#: Signatures by the Notary Project, which Longshore does not verify.
_NOTARY = "application/vnd.cncf.notary.signature"


@dataclass(slots=True)
class Found:
    """The signatures beside an image. *unreadable*: why others could not be read; *unlisted*: why the place does not
    list referrers, "" if it does; *more*: there are more than were read; *others*: there are signatures of kinds that
    are not read here."""

    signatures: list[Signature] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    unlisted: str = ""
    more: bool = False
    others: bool = False


def find(reader: ContentReader, digest: str, cancellation: Cancellation) -> Found:
    """Read all signatures of the image *digest* in the repository of *reader*. Blocks.

    Raises LongshoreError if the place cannot be asked, Cancelled.
    """
    found = Found()
    layers = 0
    for manifest in _manifests(reader, digest, found, cancellation):
        found.others |= _NOTARY in (manifest.artifact_type, manifest.config.media_type)
        for layer in manifest.layers:
            if layer.media_type != SIMPLE_SIGNING and not layer.media_type.startswith(BUNDLE):
                continue
            if layers >= MOST_LAYERS:
                found.more = True
                return found
            layers += 1
            try:
                found.signatures += _read(reader, layer, cancellation)
            except UnreadableSignature as error:
                found.unreadable.append(str(error))
            except (NotInRegistry, NotInLibrary):
                found.unreadable.append("a part of it is missing")
            except InvalidContent as error:
                found.unreadable.append(error.message)
    return found


def _manifests(
    reader: ContentReader, digest: str, found: Found, cancellation: Cancellation
) -> list[Manifest]:
    """The manifests that may contain signatures of the image."""
    names = [tag_for(digest, SIGNATURE)]

    def refused(error: LongshoreError) -> None:
        found.unlisted = error.message

    listed = reader.referrers(digest, refused=refused, cancellation=cancellation)
    names += [one.digest for one in listed if _may_sign(one)]
    if len(names) > MOST_MANIFESTS:
        found.more = True
    manifests: list[Manifest] = []
    for name in dict.fromkeys(names[:MOST_MANIFESTS]):
        try:
            one = reader.manifest(name, cancellation=cancellation)
        except (NotInRegistry, NotInLibrary):
            continue
        except InvalidContent as error:
            found.unreadable.append(error.message)
            continue
        if isinstance(one, Manifest):
            manifests.append(one)
    return manifests


def _may_sign(one: Descriptor) -> bool:
    """Whether a referrer may be a signature: its type says so, or it has none."""
    if one.media_type not in MANIFESTS:
        return False
    kind = kind_of_part((one.artifact_type,), one.annotations)
    return kind in (Kind.SIGNATURE, Kind.BUNDLE) or (kind is Kind.OTHER and not one.artifact_type)


def _read(reader: ContentReader, layer: Descriptor, cancellation: Cancellation) -> list[Signature]:
    """The signatures in *layer*. Raises UnreadableSignature, LongshoreError."""
    simple = layer.media_type == SIMPLE_SIGNING
    if layer.size > (LARGEST_PAYLOAD if simple else LARGEST_BUNDLE):
        raise UnreadableSignature("it is too large")
    verifier, raw = Verifier(layer.digest, layer.size), bytearray()
    with reader.blob(layer, cancellation=cancellation) as pieces:
        for piece in pieces:
            verifier.update(piece)
            raw += piece
            if len(raw) > layer.size:
                break  # the verifier reports it
    verifier.finish()
    return [simple_signing(bytes(raw), layer.annotations)] if simple else bundle(bytes(raw))
