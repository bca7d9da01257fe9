"""Podman's own pull, which alone can fetch over plain HTTP.

Its Docker-compatible endpoint ignores ``tlsVerify`` (seen with 4.3), so that a registry without TLS would have to be in
the engine's configuration.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from longshore.engine.attempt import Attempt
from longshore.engine.stream import Finished

if TYPE_CHECKING:
    from longshore.oci.platform import Platform

#: https://docs.podman.io/en/latest/_static/api.html, libpod API: POST /libpod/images/pull.
PATH = "/v4.0.0/libpod/images/pull"


def query(reference: str, platform: Platform | None) -> dict[str, str]:
    """The parameters of a pull of *reference* over plain HTTP."""
    found = {"reference": reference, "tlsVerify": "false"}
    if platform is not None:
        found |= {"OS": platform.os, "Arch": platform.architecture, "Variant": platform.variant or ""}
    return found


class PodmanPull:
    """Reads the stream of such a pull, which reports no bytes. Used as Normaliser is."""

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt
        self._pulled = False

    def feed(self, event: Mapping[str, Any]) -> Iterator[Finished]:
        """No events. Raises the LongshoreError that *event* reports."""
        if error := event.get("error"):
            from longshore.engine.failures import classify  # late: most pulls succeed

            raise classify(str(error), self._attempt)
        self._pulled = self._pulled or bool(event.get("images") or event.get("id"))
        return iter(())

    def finish(self) -> Finished:
        """The result of a successful stream. Raises EngineFailure if it names no image."""
        if not self._pulled:
            from longshore.engine.failures import classify

            raise classify("the engine reported no image", self._attempt)
        return Finished()
