"""Progress rows for the layers of an image while an engine's stream of the whole image passes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from longshore.archives.scan import StreamedFile
from longshore.oci.digest import short
from longshore.oci.layer import LayerProgress, LayerState
from longshore.transfers.progress.progress import Progress

#: Bytes of a layer between two progress reports.
_STEP = 1 << 20


class StreamRows:
    """Reports the layers, whose *diff_ids* it expects, to *progress*. One thread.

    *last*: the state of a layer after it has passed. Engines before version 25 name the files of layers by ids of their
    own: those appear in the order of the stream, which need not be the order in the image.
    """

    def __init__(
        self, progress: Progress, diff_ids: Iterable[str], last: LayerState = LayerState.DONE
    ) -> None:
        self._progress = progress
        self._last = last
        self._waiting = list(dict.fromkeys(diff_ids))

    def skip(self, streamed: StreamedFile) -> None:
        """Skip a layer that the destination has and the engine sends anyway."""
        row = self._row(streamed)
        streamed.skip()
        self._feed(row, LayerState.SKIPPED)

    def counted(self, streamed: StreamedFile) -> Iterator[bytes]:
        """The bytes of *streamed*, reporting progress as they pass."""
        row = self._row(streamed)
        seen = told = 0
        for piece in streamed:
            yield piece
            seen += len(piece)
            if seen - told >= _STEP:
                told = seen
                self._feed(row, LayerState.TRANSFERRING, seen, streamed.size)
        self._feed(row, LayerState.TRANSFERRING, seen, streamed.size)
        self._feed(row, self._last)

    def _row(self, streamed: StreamedFile) -> str:
        named = f"sha256:{streamed.name.rpartition('/')[2].removesuffix('.tar')}"
        if named in self._waiting:
            self._waiting.remove(named)
            return named
        return self._waiting.pop(0) if self._waiting and streamed.may_be_layer else ""

    def _feed(
        self, row: str, state: LayerState, current: int | None = None, total: int | None = None
    ) -> None:
        if row:
            self._progress.feed(LayerProgress(short(row), state, current, total))
