"""The verdict on one attached signature, with the user's keys; that on an image is by ``signatures.gate``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from longshore.application.attached.kinds import Kind
from longshore.application.attached.reading import content
from longshore.application.signatures.documents import (
    LARGEST_BUNDLE,
    SIMPLE_SIGNING,
    UnreadableSignature,
    bundle,
    simple_signing,
)
from longshore.application.signatures.finding import Found
from longshore.application.signatures.verifying import Verdict, judge

if TYPE_CHECKING:
    from longshore.application.attached.finding import Attachment
    from longshore.application.signatures.book import Key
    from longshore.cancellation import Cancellation
    from longshore.transfers.content.protocol import ContentReader

#: The kinds that can be verified.
SIGNATURES = (Kind.SIGNATURE, Kind.BUNDLE)


def verdict_of(
    attachment: Attachment,
    reader: ContentReader,
    keys: Sequence[Key],
    overall: Callable[[], Verdict],
    cancellation: Cancellation,
) -> Verdict | None:
    """The verdict on *attachment* as a signature of the image that it is attached to; None if it holds no signature.

    *keys*: the user's for the repository. *overall*: returns the verdict on the image; it is that of signatures without
    a key, which only cosign verifies. Blocks. Raises InvalidContent if the document is damaged, RegistryError and the
    like, InvalidInput for a damaged key, Cancelled.
    """
    document = attachment.document
    if document is None or attachment.kind not in SIGNATURES:
        return None
    found = Found()
    if document.size > LARGEST_BUNDLE:
        found.unreadable.append("it is too large")
    else:
        raw = content(attachment, reader, cancellation)
        try:
            if document.media_type == SIMPLE_SIGNING:
                found.signatures.append(simple_signing(raw, document.annotations))
            elif attachment.kind is Kind.BUNDLE or "sigstore.bundle" in document.media_type:
                found.signatures += bundle(raw)
            else:
                found.others = True
        except UnreadableSignature as error:
            found.unreadable.append(str(error))
    if found.signatures and all(one.certificate for one in found.signatures):
        return overall()
    if not found.signatures and attachment.kind is Kind.BUNDLE and not found.unreadable:
        return None
    return judge(
        found,
        attachment.subject,
        keys,
        lambda: reader.manifest(attachment.subject, cancellation=cancellation).raw,
        None,
    )
