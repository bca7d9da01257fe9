"""What an image is made of, in words: lines of its history, its health check, its attestations."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from longshore.language import tr
from longshore.oci.image_config import HealthCheck
from longshore.words import text, times

#: How builders write a step: docker's classic one (``/bin/sh -c #(nop)  CMD``, ``|1 A=b /bin/sh -c make``) and BuildKit
#: (``RUN /bin/sh -c make # buildkit``, ``RUN |1 A=b /bin/sh -c make``).
_SHELL = "/bin/sh -c "
_NOP = "#(nop)"
_BUILDKIT = re.compile(r"\s*#\s*buildkit\s*\Z")
_LONGEST = 2_000


def instruction(created_by: str) -> str:
    """A line of a history as it is in a Dockerfile, safe to show; "" for an empty one."""
    line = _BUILDKIT.sub("", text.safe(created_by, _LONGEST))
    before, shell, after = line.partition(_SHELL)
    if not shell:
        return line
    after = after.strip()
    if not before and after.startswith(_NOP):
        return after.removeprefix(_NOP).strip()
    # Build arguments precede the shell; their values may be secrets.
    if before in ("", "RUN ") or before.startswith(("|", "RUN |")):
        return f"RUN {after}"
    return line


def health_check(check: HealthCheck | None) -> str:
    """The command of a health check and how often it runs; "" without one."""
    if check is None:
        return ""
    if not check.command:
        return tr("turned off")
    command = check.command[0] if check.test[0] == "CMD-SHELL" else shlex.join(check.command)
    if check.interval:
        return tr("{0}, every {1}").format(text.safe(command, 1_000), times.duration(check.interval))
    return text.safe(command, 1_000)


def predicates(types: Sequence[str]) -> str:
    """What an attestation has, by the types of its predicates: ``SBOM, provenance``."""
    return ", ".join(dict.fromkeys(_predicate(one) for one in types))


def _predicate(kind: str) -> str:
    if kind.startswith("https://slsa.dev/provenance"):
        return tr("provenance")
    if kind.startswith(("https://spdx.dev/", "https://cyclonedx.org/")):
        return tr("SBOM")
    return text.safe(kind, 100)


def history_does_not_fit() -> str:
    """Why the lines of a history are not shown beside the layers."""
    return tr("The history does not match the layers, so its lines are listed after them.")
