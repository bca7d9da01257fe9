"""Runs transfers to their end, for callers that wait: a command, a script."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from longshore.application.session import Session
    from longshore.transfers.queue.queue import TransferQueue
    from longshore.transfers.transfer import TransferRequest, TransferSnapshot

#: Seconds between two looks at what changed, and at most until a signal is heeded.
LOOK = 0.1
#: Seconds between the first two looks; doubles up to LOOK, so that a short transfer is over at once.
FIRST_LOOK = 0.005


class Run:
    """Transfers of one command. Call :meth:`wait` or :meth:`resume` in one thread.

    :meth:`cancel` and :meth:`stop` only set a flag, so that a signal's handler may call them.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._news = threading.Event()
        self._cancelled = False
        self._stopped = False

    def cancel(self) -> None:
        """Cancel all transfers."""
        self._cancelled = True

    def stop(self) -> None:
        """End, and leave what is unfinished Interrupted, to be resumed later."""
        self._stopped = True

    def wait(
        self,
        requests: Sequence[TransferRequest],
        changed: Callable[[list[TransferSnapshot]], None],
        *,
        left: Sequence[str] = (),
    ) -> list[TransferSnapshot]:
        """Run *requests* and return their last snapshots, in the same order; equal requests are one transfer.

        *left*: rows that ended programs left unfinished, for some of *requests* or for what is done by now. The first
        are resumed in place of new rows, the others leave the queue.

        *changed* is called in this thread with the rows that changed, at first more often, then at most ten times a
        second. Some rows are unfinished if :meth:`stop` was called. An exception in this thread (of *changed*,
        KeyboardInterrupt) cancels them.
        """
        queue = self._session.queue(self._news.set)
        mine = self._taken(queue, left, set(requests)) if left else {}
        rows = list(dict.fromkeys(mine.get(request) or queue.add(request) for request in requests))
        return self._until_the_end(queue, rows, changed)

    def resume(
        self, ids: Sequence[str], changed: Callable[[list[TransferSnapshot]], None]
    ) -> list[TransferSnapshot]:
        """Resume the rows *ids* that ended programs left unfinished; otherwise as :meth:`wait`.

        Rows that another program has taken over meanwhile are left to it: they are not in the result. Of rows with
        equal requests, the first is resumed and the others leave the queue.
        """
        queue = self._session.queue(self._news.set)
        mine = self._taken(queue, ids)
        return self._until_the_end(queue, list(mine.values()), changed)

    def _taken(
        self, queue: TransferQueue, ids: Sequence[str], wanted: Collection[TransferRequest] | None = None
    ) -> dict[TransferRequest, str]:
        """Take over and resume the rows *ids* (only for the requests *wanted*), and drop the others of them."""
        rows: dict[TransferRequest, str] = {}
        for row in queue.adopt(ids):
            request = queue.request(row)
            if wanted is None or request in wanted:
                rows.setdefault(request, row)
        # Before the first look at them, which would take an Interrupted row for one that has ended.
        queue.retry(rows.values())
        queue.clear_finished()
        return rows

    def _until_the_end(
        self, queue: TransferQueue, rows: list[str], changed: Callable[[list[TransferSnapshot]], None]
    ) -> list[TransferSnapshot]:
        try:
            return self._wait(queue, rows, changed)
        except BaseException:
            queue.cancel(rows)
            raise

    def _wait(
        self, queue: TransferQueue, rows: list[str], changed: Callable[[list[TransferSnapshot]], None]
    ) -> list[TransferSnapshot]:
        pause = FIRST_LOOK
        latest: dict[str, TransferSnapshot] = {}
        cancelled = False
        self._news.set()  # changes that another run left do not wake this one
        while not self._stopped:
            if self._news.wait(LOOK):
                time.sleep(pause)  # changes come by the hundred
                pause = min(pause * 2, LOOK)
                self._news.clear()
                found = [one for one in queue.take_changes().snapshots if one.id in rows]
                latest |= {one.id: one for one in found}
                if found:
                    changed(found)
            if self._cancelled and not cancelled:
                cancelled = True
                queue.cancel(rows)
            if all(row in latest and latest[row].state.finished for row in rows):
                break
        return [latest[row] for row in rows if row in latest]
