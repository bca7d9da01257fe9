"""Registry to library: a copy of one platform, as users expect of a pull, unless all are requested."""

from __future__ import annotations

from dataclasses import replace

from longshore.oci.platform import Platform
from longshore.transfers.transfer import Operation, Plan, TransferRequest
from longshore.transfers.ways.copying import CopyWay
from longshore.transfers.ways.way import Job

#: The value of a pull's option ``platforms`` for the whole index, unchanged.
ALL = "all"


class LibraryPull(CopyWay):
    """See CopyWay. A pull without a platform takes the image for containers on this machine, as a local engine would.

    The option ``platforms`` = ``all`` takes all platforms, and keeps the digest of the index.
    """

    def plan(self, job: Job) -> Plan | None:
        """See CopyWay."""
        return super().plan(replace(job, request=for_library(job.request)))


def for_library(request: TransferRequest) -> TransferRequest:
    """*request* with explicit platforms."""
    options = dict(request.options)
    if options.get("platforms") == ALL:
        del options["platforms"]
        return replace(request, options=tuple(sorted(options.items())))
    if request.operation is Operation.PULL and request.platform is None and not options.get("platforms"):
        return replace(request, platform=Platform.host())
    return request
