"""Normalises the event streams of pull and push for all engines.

Engines differ in their reports (dockerd's two image stores, Podman), and some are wrong. The normalised stream has
:class:`LayerProgress`, :class:`Note` and :class:`OnePlatform`, then :class:`Finished` once, or an error is raised. No
SDK, no I/O; a normaliser is used by one thread.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from longshore.engine.attempt import Attempt
from longshore.engine.sentences import error_of
from longshore.oci.layer import LayerProgress, LayerState
from longshore.text import plain

# Every repetition is bounded: the lines are foreign, and of any length. int() accepts all matched digits.
_DIGEST = re.compile(r"[a-z0-9]{1,32}:[0-9a-f]{32,128}")
_PUSHED = re.compile(rf"\S{{1,1000}}: digest: ({_DIGEST.pattern})(?: size: ([0-9]{{1,18}})(?![0-9]))?")
_RETRYING = re.compile(r"Retrying in ([0-9]{1,9}) seconds?")
_MOUNTED = "Mounted from "
_ID = re.compile(r"[0-9a-f]{12,64}")
#: Upper bound for plausible numbers of bytes: no file is larger.
_MOST = 2**63 - 1

_STATES = {
    "Pulling fs layer": LayerState.WAITING,
    "Preparing": LayerState.WAITING,
    "Waiting": LayerState.WAITING,
    "Downloading": LayerState.TRANSFERRING,
    "Pushing": LayerState.TRANSFERRING,
    "Verifying Checksum": LayerState.CHECKING,
    "Download complete": LayerState.TRANSFERRED,
    "Extracting": LayerState.EXTRACTING,
    "Pull complete": LayerState.DONE,
    "Pushed": LayerState.DONE,
    "Already exists": LayerState.SKIPPED,
    "Layer already exists": LayerState.SKIPPED,
}
#: States that can be the last but never the first report about a layer: Podman ends with such a line about the image
#: itself.
_LAST_WORDS = frozenset({"Download complete", "Pull complete"})
_ROUTINE = ("Pulling from ", "The push refers to repository", "Pulling repository ", "Trying to pull ")


@dataclass(frozen=True, slots=True)
class Note:
    """Other text from the engine, made safe to show."""

    text: str


@dataclass(frozen=True, slots=True)
class OnePlatform:
    """A push took one platform's image instead of the whole index: the engine does not have the others.

    *platform*: of the pushed image, made safe to show.
    """

    platform: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The end of a successful stream.

    *digest*: of the manifest or index, if the engine reports it; *size*: of its JSON, in bytes. *up_to_date*: the
    engine already had everything (pull).
    """

    digest: str | None = None
    size: int | None = None
    up_to_date: bool = False


StreamEvent = LayerProgress | Note | OnePlatform | Finished


def unpacking(line: Mapping[str, Any]) -> LayerProgress | None:
    """How far a classic engine that loads an archive has unpacked a layer; None for any other line.

    Seen with 20.10 and 28.5: ``Loading layer``, the id of the diffID, bytes of the tar.
    """
    detail, layer_id = line.get("progressDetail"), line.get("id")
    if line.get("status") != "Loading layer" or not isinstance(detail, dict):
        return None
    current, total = detail.get("current"), detail.get("total")
    if not isinstance(layer_id, str) or not _ID.fullmatch(layer_id):
        return None
    current, total = _count(current), _count(total)
    if current is None or not total:
        return None
    if current >= total:
        return LayerProgress(layer_id, LayerState.DONE)
    return LayerProgress(layer_id, LayerState.EXTRACTING, current, total)


class Normaliser:
    """Converts the engine's events of one pull or push to ours."""

    def __init__(self, attempt: Attempt) -> None:
        self.attempt = attempt
        self._last: dict[str, LayerProgress] = {}
        self._totals: dict[tuple[str, LayerState], int] = {}
        self._arrived: dict[str, int] = {}
        self._digest: str | None = None
        self._size: int | None = None
        self._up_to_date = False

    def feed(self, event: Mapping[str, Any]) -> Iterator[LayerProgress | Note | OnePlatform]:
        """Our events for *event*, usually one or none. Raises the LongshoreError that it reports."""
        self._raise_error(event)
        aux = event.get("aux")
        if isinstance(aux, Mapping):
            yield from self._aux(aux)
        status = event.get("status")
        if not isinstance(status, str):
            return
        layer_id = event.get("id")
        detail = event.get("progressDetail")
        detail = detail if isinstance(detail, Mapping) else None
        if isinstance(layer_id, str) and layer_id and not status.startswith(_ROUTINE):
            progress = self._layer(layer_id, status, detail)
            if progress is not None:
                yield progress
                return
            if status in _LAST_WORDS or detail is not None:
                return
        yield from self._line(status.strip())

    def finish(self) -> Finished:
        """The result of a successful stream. Raises EngineFailure for a push that did not report a digest."""
        if self.attempt.pushing and self._digest is None:
            raise error_of("no digest", self.attempt)
        return Finished(self._digest, self._size, self._up_to_date)

    # -- helpers

    def _raise_error(self, event: Mapping[str, Any]) -> None:
        detail = event.get("errorDetail")
        # "error" is deprecated in favour of errorDetail since API 1.48; Podman has sent it alone.
        text = detail.get("message") if isinstance(detail, Mapping) else None
        text = text or event.get("error")
        if detail is not None or text:
            from longshore.engine.failures import classify  # late: most pulls and pushes succeed

            raise classify(str(text or ""), self.attempt)

    def _aux(self, aux: Mapping[str, Any]) -> Iterator[OnePlatform]:
        digest, size = aux.get("Digest"), aux.get("Size")
        if aux.get("manifestPushedInsteadOfIndex"):
            selected = aux.get("selectedManifest")
            selected = selected if isinstance(selected, Mapping) else {}
            digest, size = selected.get("digest"), selected.get("size")
            yield OnePlatform(plain(_platform_of(selected)))
        if isinstance(digest, str) and _DIGEST.fullmatch(digest):
            self._digest = digest
            size = _count(size)
            self._size = self._size if size is None else size

    def _line(self, status: str) -> Iterator[Note]:
        """Process a line about the whole image."""
        pushed = _PUSHED.match(status)
        if pushed is not None:
            if self._digest is None:
                self._digest = pushed[1]
                self._size = int(pushed[2]) if pushed[2] else None
        elif status.startswith("Digest: "):
            named = status.removeprefix("Digest: ").strip()
            self._digest = named if _DIGEST.fullmatch(named) else None
        elif status.startswith("Status: "):
            self._up_to_date = "is up to date" in status
        elif status and not status.startswith(_ROUTINE):
            yield Note(plain(status, 500))

    def _layer(self, name: str, status: str, detail: Mapping[str, Any] | None) -> LayerProgress | None:
        """Process a line about a layer; None if it is about no layer, or reports nothing new."""
        layer_id = name.rpartition(":")[2][:12]
        before = self._last.get(layer_id)
        state = _STATES.get(status)
        # There are thousands of lines a second of the common kind.
        retrying = _RETRYING.match(status) if state is None else None
        if retrying is not None and before is not None:
            # Its state and bytes stay as they were: it continues from there.
            progress = replace(before, retrying_in=int(retrying[1]))
        elif retrying is not None:
            progress = LayerProgress(layer_id, LayerState.WAITING, retrying_in=int(retrying[1]))
        elif state is None and status.startswith(_MOUNTED):
            progress = LayerProgress(layer_id, LayerState.MOUNTED)
        elif state is None or not _ID.fullmatch(layer_id) or (before is None and status in _LAST_WORDS):
            return None
        else:
            progress = self._bytes(layer_id, state, detail or {})
        if progress == before:
            return None  # engines repeat events ten times a second
        self._last[layer_id] = progress
        return progress

    def _bytes(self, layer_id: str, state: LayerState, detail: Mapping[str, Any]) -> LayerProgress:
        # containerd's store counts an extraction in seconds.
        counted = not detail.get("units")
        current = _count(detail.get("current")) if counted else None
        total = _count(detail.get("total")) if counted else None
        if total == 0:
            total = None
        # Classic engines also report a full bar when they give up a connection. The layer's next state shows that
        # everything arrived, so a full bar counts no further than the one before.
        full = state is LayerState.TRANSFERRING and current is not None and current == total
        whole = self._totals.get((layer_id, state))
        if whole is not None:
            if total is not None and total < whole and current is not None and not self.attempt.pushing:
                # Resumed after a cut: from now on the classic store counts only the rest.
                current += whole - total
            total = max(total or 0, whole)
        if total is not None:
            self._totals[layer_id, state] = total
        if full:
            current = self._arrived.get(layer_id, 0)
        if current is not None and total is not None:
            current = min(current, total)
        if state is LayerState.TRANSFERRING and current is not None:
            self._arrived[layer_id] = current
        return LayerProgress(layer_id, state, current, total)


def _count(value: object) -> int | None:
    """A number of bytes, None for anything else. The engine uses -1 for unknown."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST else None


def _platform_of(descriptor: Mapping[str, Any]) -> str:
    platform = descriptor.get("platform")
    if not isinstance(platform, Mapping):
        return "platform unknown"
    return "/".join(str(platform[key]) for key in ("os", "architecture", "variant") if platform.get(key))
