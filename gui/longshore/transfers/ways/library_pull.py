"""Registry to library: a copy of one platform, as everybody expects of a pull, unless all are asked for."""

from __future__ import annotations

from dataclasses import replace

from longshore.oci.platform import Platform
from longshore.transfers.transfer import Operation, Plan, TransferRequest
from longshore.transfers.ways.copying import CopyWay
from longshore.transfers.ways.way import Job

#: The option ``platforms`` of a pull of the whole index, byte by byte.
ALL = "all"


class LibraryPull(CopyWay):
    """See CopyWay. A pull that names no platform takes the image for containers on this machine, for that is what
    an engine here would take; the option ``platforms`` = ``all`` takes all of them, and the digest of the index."""

    def plan(self, job: Job) -> Plan | None:
        """See CopyWay."""
        return super().plan(replace(job, request=for_library(job.request)))


def for_library(request: TransferRequest) -> TransferRequest:
    """*request* with the platforms that it means."""
    options = dict(request.options)
    if options.get("platforms") == ALL:
        del options["platforms"]
        return replace(request, options=tuple(sorted(options.items())))
    if request.operation is Operation.PULL and request.platform is None and not options.get("platforms"):
        return replace(request, platform=Platform.host())
    return request
