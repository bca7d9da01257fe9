"""The names under which an engine takes an image from Longshore itself, over loopback, before it gets its true name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from longshore.oci.reference import Reference

_PATH = re.compile(r"longshore-[0-9a-f]{32}/image")
_HOST = re.compile(r"127\.0\.0\.1:[0-9]{1,5}")


def is_passing(reference: Reference | None) -> bool:
    """Whether *reference* is such a name, of this program or of another Longshore."""
    return (
        reference is not None
        and _PATH.fullmatch(reference.path) is not None
        and _HOST.fullmatch(reference.domain) is not None
    )
