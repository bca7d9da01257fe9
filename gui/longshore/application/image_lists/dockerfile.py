"""Dockerfiles: the images of ``FROM``, ``COPY --from`` and ``RUN --mount=from``."""

from __future__ import annotations

from collections.abc import Mapping

from longshore.application.image_lists.model import Entry, Text
from longshore.building.dockerfile import Stages, escape_of, instructions
from longshore.errors import InvalidInput


def dockerfile_entries(text: Text, arguments: Mapping[str, str]) -> list[Entry]:
    """The images of a Dockerfile. *arguments*: build arguments, which replace the defaults of ``ARG``.

    Stages and ``scratch`` are no images. Raises InvalidInput for a here-document without an end, and for a file
    without ``FROM``.
    """
    escape = escape_of(text.text)
    stages = Stages(text.text, arguments, escape)
    entries: list[Entry] = []
    for instruction in instructions(text.text, escape):
        stages.take(instruction)
        for named in stages.named[len(entries) :]:
            if named.value is None:
                assert named.problem is not None
                entries.append(text.unresolved(named.start, named.end, named.where, named.problem))
            else:
                entries.append(text.entry(named.start, named.end, named.where, named.value, tail=named.tail))
    if not stages.count:
        raise InvalidInput("This is not a Dockerfile: it has no FROM.")
    return entries
