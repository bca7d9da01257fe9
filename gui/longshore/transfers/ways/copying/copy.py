"""Between places that hold content (registries, the library, archives): our own copy of manifests and blobs."""

from __future__ import annotations

from longshore.errors import LongshoreError
from longshore.transfers.content.open import open_reader, open_writer
from longshore.transfers.transfer import Plan
from longshore.transfers.ways.copying.turns import Turns
from longshore.transfers.ways.copying.work import CopyWork
from longshore.transfers.ways.way import Job

_KEY = "copying"


class CopyWay:
    """See Way. For every pair of places that :mod:`longshore.transfers.content.open` can open.

    Options of a request: ``referrers`` = ``1`` takes along what refers to the image (signatures, SBOMs);
    ``platforms`` = ``linux/amd64,linux/arm64`` takes only those of an index, which then is another index.
    ``request.platform`` takes that image alone, and gives it the name. *pausable*: whether the destination keeps what
    it got when a copy ends half way; an archive is whole or not there.
    """

    extracts = False

    def __init__(self, *, pausable: bool = True) -> None:
        self.pausable = pausable
        self._turns = Turns()

    def plan(self, job: Job) -> Plan | None:
        """All manifests of the image are read here: the plan is exact, and :meth:`run` goes on with what it found."""
        try:
            reader = open_reader(job.request.source, job.clients, job.tell)
            job.closing.callback(reader.close)
            writer = open_writer(job.request.destination, job.clients)
            job.closing.callback(writer.close)
            work = CopyWork(job, reader, writer, self._turns)
            plan = work.plan()
        except LongshoreError as error:
            job.left[_KEY] = error
            return None
        job.left[_KEY] = work
        return plan

    def run(self, job: Job) -> str:
        """Copy, and see that the destination's name stands on what was copied."""
        found = job.left[_KEY]
        if isinstance(found, LongshoreError):
            raise found
        assert isinstance(found, CopyWork)
        return found.run()
