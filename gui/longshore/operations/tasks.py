"""The bridge from the Qt loop to worker threads: one pool per kind of work; every task is owned and ended here."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from longshore.cancellation import Cancellation, Cancelled
from longshore.errors import LongshoreError

_log = logging.getLogger(__name__)
_P = ParamSpec("_P")
_T = TypeVar("_T")


class Tasks:
    """Owns the executors and the coroutines. GUI thread only."""

    def __init__(self) -> None:
        #: For quick calls: inspect, tag, remove.
        self.quick = ThreadPoolExecutor(4, thread_name_prefix="longshore-quick")
        #: For registry listings: many in parallel, mostly waiting for the network.
        self.listing = ThreadPoolExecutor(16, thread_name_prefix="longshore-listing")
        #: For credential helpers, which may hang or prompt the user for up to half a minute.
        self.credentials = ThreadPoolExecutor(4, thread_name_prefix="longshore-credentials")
        #: For finding the engines that answer: the others take seconds to fail.
        self.engines = ThreadPoolExecutor(8, thread_name_prefix="longshore-engines")
        #: For tag details: readers run until all requested tags are read.
        self.details = ThreadPoolExecutor(16, thread_name_prefix="longshore-details")
        #: For work that lasts as long as the program: the event streams of engines.
        self.lasting = ThreadPoolExecutor(24, thread_name_prefix="longshore-events")
        #: For states of images: a few workers per registry, until all questions are answered.
        self.states = ThreadPoolExecutor(8, thread_name_prefix="longshore-states")
        #: For containers whose output is followed: each as long as it runs.
        self.runs = ThreadPoolExecutor(64, thread_name_prefix="longshore-runs")
        self._tasks: set[asyncio.Task[None]] = set()
        self._cancellations: set[Cancellation] = set()
        self._closed = False

    def spawn(self, coroutine: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None] | None:
        """Run *coroutine* on the loop and return its task, None after :meth:`close`. Exceptions are logged."""
        if self._closed:
            coroutine.close()
            return None
        task = asyncio.get_running_loop().create_task(coroutine, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if (
            not task.cancelled()
            and (error := task.exception()) is not None
            and not isinstance(error, Cancelled)
        ):
            _log.error("task %s failed", task.get_name(), exc_info=error)

    def run(
        self,
        pool: ThreadPoolExecutor,
        work: Callable[[Cancellation], _T],
        *,
        name: str,
        done: Callable[[_T], None] | None = None,
        failed: Callable[[LongshoreError], None] | None = None,
        finished: Callable[[_T], None] | None = None,
    ) -> Cancellation:
        """Do *work* in a thread of *pool*, then call *done* with its result or *failed* with its error.

        Returns at once; the callbacks run in the GUI thread. *work* gets the returned cancellation, which
        :meth:`close` cancels too. After a cancel, neither *done* nor *failed* is called. *finished* gets the result
        before *done*, even if the cancel came too late to stop *work*. Without *failed*, an error is logged.
        """
        cancellation = self.cancellation()

        async def run() -> None:
            try:
                result = await self.call(pool, work, cancellation)
            except Cancelled:
                return
            except LongshoreError as error:
                if failed is None:
                    _log.info("%s: %s", name, error)
                elif not cancellation.cancelled:
                    failed(error)
                return
            finally:
                self.release(cancellation)
            if finished is not None:
                finished(result)
            if done is not None and not cancellation.cancelled:
                done(result)

        if self.spawn(run(), name) is None:
            self.release(cancellation)
        return cancellation

    async def call(
        self, pool: ThreadPoolExecutor, function: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs
    ) -> _T:
        """Run *function* in a thread of *pool* and return its result.

        Raises LongshoreError and Cancelled unchanged. Any other exception is a bug: it is logged with its traceback and
        raised as a LongshoreError, so that the caller can show it.
        """
        try:
            return await asyncio.get_running_loop().run_in_executor(pool, lambda: function(*args, **kwargs))
        except (LongshoreError, Cancelled):
            raise
        except Exception as error:
            _log.exception("unexpected in %s", getattr(function, "__qualname__", function))
            raise LongshoreError(
                "Something unexpected went wrong.",
                advice="Try again; the log has the details.",
                detail=f"{type(error).__name__}: {error}",
            ) from error

    def cancellation(self) -> Cancellation:
        """Return a cancellation that :meth:`close` cancels too. Pass it to :meth:`release` when the work has ended."""
        cancellation = Cancellation()
        self._cancellations.add(cancellation)
        if self._closed:
            cancellation.cancel()
        return cancellation

    @contextlib.contextmanager
    def cancellable(self) -> Iterator[Cancellation]:
        """Context manager: a cancellation for the work inside, which :meth:`close` cancels too."""
        cancellation = self.cancellation()
        try:
            yield cancellation
        finally:
            self.release(cancellation)

    def release(self, cancellation: Cancellation) -> None:
        """Release *cancellation*, whose work has ended."""
        self._cancellations.discard(cancellation)

    def abandon(self) -> None:
        """Cancel all work without waiting for it, because the loop is ending."""
        self._closed = True
        for cancellation in list(self._cancellations):
            cancellation.cancel()
        for task in list(self._tasks):
            task.cancel()

    async def close(self) -> None:
        """Cancel all work, wait for its tasks, and end the threads."""
        self.abandon()
        while pending := set(self._tasks):
            # Repeatedly, because asyncio.wait_for of Python 3.11 swallows a cancel that arrives with its result, and a
            # task that waits in a loop would then run forever.
            await asyncio.wait(pending, timeout=0.2)
            for task in pending:
                task.cancel()
        pools = (
            self.quick,
            self.credentials,
            self.listing,
            self.details,
            self.states,
            self.lasting,
            self.engines,
            self.runs,
        )
        for pool in pools:
            pool.shutdown(wait=False, cancel_futures=True)
