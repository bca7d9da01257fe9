"""Copies manifests and blobs between places that hold content: registries, the library, archives."""

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

    Options of a request: ``referrers`` = ``1`` includes the image's referrers (signatures, SBOMs); ``platforms`` =
    ``linux/amd64,linux/arm64`` copies only those platforms of an index, which makes a new index. ``request.platform``
    copies only the image for that platform, under the destination's name. *pausable*: whether the destination keeps a
    partial copy; an archive is either complete or absent.
    """

    extracts = False

    def __init__(self, *, pausable: bool = True) -> None:
        self.pausable = pausable
        self._turns = Turns()

    def plan(self, job: Job) -> Plan | None:
        """Read all manifests of the image: the plan is exact, and :meth:`run` continues with them."""
        try:
            reader = open_reader(job.request.source, job.clients, job.tell)
            job.closing.callback(reader.close)
            writer = open_writer(job.request.destination, job.clients, job.request.ref_name)
            job.closing.callback(writer.close)
            work = CopyWork(job, reader, writer, self._turns)
            plan = work.plan()
        except LongshoreError as error:
            job.left[_KEY] = error
            return None
        job.left[_KEY] = work
        return plan

    def run(self, job: Job) -> str:
        """Copy, and verify that the destination's name points to the copied image."""
        found = job.left[_KEY]
        if isinstance(found, LongshoreError):
            raise found
        assert isinstance(found, CopyWork)
        return found.run()
