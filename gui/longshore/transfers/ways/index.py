"""Makes one index of images of several platforms: from registries, the library, archives and engines.

What an engine has is saved into a temporary image layout first, because it gives out whole images only. Then the parts
are a place to copy from like any other, so that missing content is mounted or moved, and all of it is verified.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from longshore.errors import InvalidInput, LongshoreError
from longshore.transfers.content.joined import JOINED, JoinedReader
from longshore.transfers.content.open import open_reader, open_writer
from longshore.transfers.index_parts import is_replacing, parts_of
from longshore.transfers.progress.progress import Progress
from longshore.transfers.tag_changes import NO_RECORDER
from longshore.transfers.transfer import Endpoint, EnginePlace, LibraryPlace, Phase, Plan, TransferRequest
from longshore.transfers.ways.copying.turns import Turns
from longshore.transfers.ways.copying.work import CopyWork, source_name
from longshore.transfers.ways.way import Job, Later

if TYPE_CHECKING:
    from longshore.transfers.content.protocol import ContentReader

_KEY = "index"


class IndexWay:
    """See Way. The request's option ``parts`` has the images; see :mod:`longshore.transfers.index_parts`."""

    extracts = False
    pausable = False

    def __init__(self) -> None:
        self._turns = Turns()

    def plan(self, job: Job) -> Plan | Later | None:
        """Read all manifests; later, if images have to be saved by an engine first."""
        try:
            parts = _parts(job)
            if any(isinstance(part.place, EnginePlace) for part in parts):
                return Later.PLAN
            work = self._work(job, parts)
            plan = work.plan()
        except LongshoreError as error:
            job.left[_KEY] = error
            return None
        job.left[_KEY] = work
        return plan

    def run(self, job: Job) -> str:
        """Copy the images, write the index, and verify that the destination's name points to it."""
        found = job.left.get(_KEY)
        if isinstance(found, LongshoreError):
            raise found
        if isinstance(found, CopyWork):
            return found.run()
        work = self._work(job, [_out_of_engine(job, part) for part in _parts(job)])
        job.planned(work.plan())
        return work.run()

    def _work(self, job: Job, parts: list[Endpoint]) -> CopyWork:
        readers: list[tuple[str, ContentReader, str]] = []
        for part in parts:
            reader = open_reader(part, job.clients, job.tell)
            job.closing.callback(reader.close)
            readers.append((part.name.shown, reader, source_name(part)))
        writer = open_writer(job.request.destination, job.clients, job.request.ref_name)
        job.closing.callback(writer.close)
        return CopyWork(
            job, JoinedReader(readers, replacing=is_replacing(job.request)), writer, self._turns, JOINED
        )


def _parts(job: Job) -> list[Endpoint]:
    parts = list(parts_of(job.request))
    if not parts:
        raise InvalidInput("The list of images is damaged.", advice="Make the index again.")
    return parts


def _out_of_engine(job: Job, part: Endpoint) -> Endpoint:
    """*part* in a temporary image layout, if it is an engine's; removed when the attempt is over."""
    if not isinstance(part.place, EnginePlace):
        return part
    from longshore.transfers.ways.out_of_engine import OutOfEngine
    from longshore.transfers.ways.sinks import LibrarySink

    folder = job.closing.enter_context(tempfile.TemporaryDirectory(prefix="longshore-index-"))
    place = LibraryPlace(Path(folder) / "layout")
    request = TransferRequest(job.request.operation, part, Endpoint.of(place, part.name))
    job.progress.enter(Phase.MOVING)
    # The rows of the transfer are those of the copy: the progress of the save is nobody's.
    saving = replace(
        job,
        request=request,
        progress=Progress(extracts=False),
        left={},
        recorder=NO_RECORDER,
        planned=_ignore,
    )
    digest = OutOfEngine(LibrarySink).run(saving)
    return Endpoint(place, part.reference, digest)


def _ignore(plan: Plan | None) -> None:
    pass
