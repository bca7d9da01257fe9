"""A transfer that makes one index of several images: which images, kept in the request's options."""

from __future__ import annotations

import json
from collections.abc import Sequence

from longshore.errors import InvalidInput, LongshoreError
from longshore.transfers.journal.codec import endpoint_from_json, endpoint_to_json
from longshore.transfers.transfer import PARTS, Endpoint, Operation, TransferRequest

#: Most images of one index.
MOST_PARTS = 64


class IndexParts:
    """Stands for the source of such a transfer in the table of ways."""


def index_request(parts: Sequence[Endpoint], destination: Endpoint) -> TransferRequest:
    """The transfer that makes an index of *parts*, in this order, at *destination*. Raises InvalidInput without parts,
    with too many, and with one of them twice."""
    if not parts or len(parts) > MOST_PARTS:
        raise InvalidInput(f"An index is made of 1 to {MOST_PARTS} images.")
    for part in parts:
        if parts.count(part) > 1:
            raise InvalidInput("An image is named twice.", subject=part.name.shown)
    kept = json.dumps([endpoint_to_json(part) for part in parts], separators=(",", ":"), sort_keys=True)
    return TransferRequest(Operation.COPY, parts[0], destination, options=((PARTS, kept),))


def parts_of(request: TransferRequest) -> tuple[Endpoint, ...]:
    """The images of the index that *request* makes; empty for every other transfer, and if the option is damaged."""
    kept = dict(request.options).get(PARTS)
    if kept is None:
        return ()
    try:
        return tuple(endpoint_from_json(part) for part in json.loads(kept)[:MOST_PARTS])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, LongshoreError):
        return ()
