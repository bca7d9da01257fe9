"""Digests that only the tag history knows: of an image that an engine pulled as another platform of one it had.

A classic Docker keeps the digest of an index with the first image that was pulled from it, and not with the image of
another platform that takes the tag.
"""

from __future__ import annotations

from longshore.application.tag_history.history import TagHistory
from longshore.application.tag_news import TagNews
from longshore.oci.reference import Reference
from longshore.transfers.tag_changes import TagOperation, TagRecorder

#: Most pulls of one tag, one platform after another.
_MOST = 10


def pulled_digests(recorder: TagRecorder, reference: Reference, image_id: str) -> tuple[str, ...]:
    """The digests by which an engine pulled *image_id* as the tag *reference*, if it lists none in its repository.

    It was then pulled by a digest that the image before it had. () if it was not pulled here. Blocks.
    """
    if isinstance(recorder, TagNews):
        recorder = recorder.recorder
    if not isinstance(recorder, TagHistory):
        return ()
    names = (reference.name, reference.familiar_name)
    for _ in range(_MOST):
        pull = next(
            (
                record
                for record in recorder.with_digest(image_id)
                if record.after == image_id
                and record.reference == reference
                and record.operation is TagOperation.PULL
                and not record.open
            ),
            None,
        )
        if pull is None:
            return ()
        origins = [origin.rpartition("@") for origin in pull.origins]
        if own := tuple(digest for name, _, digest in origins if name in names):
            return own
        image_id = pull.before or ""
    return ()
