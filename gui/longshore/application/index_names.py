"""The name that is offered for an index of several images. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from longshore.oci.reference import Reference

#: What tags of single platforms end or begin with: ``1.0-arm64``, ``linux-amd64``, ``v2_armv7``.
_PLATFORM = re.compile(
    r"(?i)(?:(?:^|[-_.])(?:linux|windows|amd64|x86_64|386|i386|arm64(?:v8)?|aarch64|arm(?:v?[5-8])?|armhf|ppc64le|s390x|riscv64"
    r"|loong64|mips64le|v[5-8]))+(?=$|[-_.])"
)


def index_name(references: Sequence[Reference]) -> Reference | None:
    """A name for an index of *references*: the repository of the first, and its tag without a platform.

    Without a tag if that differs from image to image: ``latest`` may be another image's. None without references.
    """
    if not references:
        return None
    tags = {plain_tag(reference.tag or "") for reference in references}
    first = references[0]
    tag = tags.pop() if len(tags) == 1 else ""
    return Reference(first.domain, first.path, tag or None)


def plain_tag(tag: str) -> str:
    """*tag* without the platform in it: ``1.0`` for ``1.0-linux-arm64``; "" if nothing is left."""
    return _PLATFORM.sub("", tag[:128]).strip("-_.")
