"""A transfer that makes one index of several images: which images, kept in the request's options."""

from __future__ import annotations

import json
from collections.abc import Sequence

from longshore.errors import InvalidInput, LongshoreError
from longshore.transfers.journal.codec import endpoint_from_json, endpoint_to_json
from longshore.transfers.transfer import PARTS, REF_NAME, Endpoint, Operation, TransferRequest

#: The option by which a later image takes the place of an earlier one of the same platform.
REPLACING = "replacing"
#: Most images of one index.
MOST_PARTS = 64


class IndexParts:
    """Stands for the source of such a transfer in the table of ways."""


def index_request(
    parts: Sequence[Endpoint], destination: Endpoint, *, replacing: bool = False, ref_name: str = ""
) -> TransferRequest:
    """The transfer that makes an index of *parts*, in this order, at *destination*.

    *replacing*: a later image takes the place of an earlier one of the same platform; otherwise they are refused.
    *ref_name*: the destination's name in an image layout, if it is not the whole reference. Raises InvalidInput without
    parts, with too many, and with one of them twice.
    """
    if not parts or len(parts) > MOST_PARTS:
        raise InvalidInput(f"An index is made of 1 to {MOST_PARTS} images.")
    for part in parts:
        if parts.count(part) > 1:
            raise InvalidInput("An image is named twice.", subject=part.name.shown)
    kept = json.dumps([endpoint_to_json(part) for part in parts], separators=(",", ":"), sort_keys=True)
    options = {PARTS: kept, REF_NAME: ref_name, REPLACING: "1" if replacing else ""}
    return TransferRequest(
        Operation.COPY, parts[0], destination, options=tuple(each for each in options.items() if each[1])
    )


def parts_of(request: TransferRequest) -> tuple[Endpoint, ...]:
    """The images of the index that *request* makes; empty for every other transfer, and if the option is damaged."""
    kept = dict(request.options).get(PARTS)
    if kept is None:
        return ()
    try:
        return tuple(endpoint_from_json(part) for part in json.loads(kept)[:MOST_PARTS])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, LongshoreError):
        return ()


def is_replacing(request: TransferRequest) -> bool:
    """Whether a later image takes the place of an earlier one of the same platform."""
    return dict(request.options).get(REPLACING) == "1"
