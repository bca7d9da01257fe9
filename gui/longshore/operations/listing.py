"""Fills the right pane: registries page by page, the tags of a repository, their details."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from longshore.cancellation import Cancellation, Cancelled
from longshore.models.columns import NodeState
from longshore.models.registry_model import RegistryModel
from longshore.models.tag_model import TagModel
from longshore.oci.errors import LongshoreError
from longshore.oci.reference import Reference
from longshore.operations.book import RegistryBook
from longshore.operations.services import Services
from longshore.operations.tasks import Tasks

_log = logging.getLogger(__name__)

#: Repositories asked for at once; registries cap it at 1,000 and some refuse more.
PAGE = 200
#: Tag details in flight at once.
DETAILS = 12
#: Pages of tags read before we stop and say so.
MAX_TAG_PAGES = 1000


class Listing:
    """Use cases of the registry pane. GUI thread; the requests run in worker threads and can be overtaken: a newer
    listing of the same node cancels the older one."""

    def __init__(
        self,
        services: Services,
        tasks: Tasks,
        book: RegistryBook,
        registries: RegistryModel,
        tags: TagModel,
        on_error: Callable[[str, LongshoreError], None],
    ) -> None:
        self._services = services
        self._tasks = tasks
        self._book = book
        self._registries = registries
        self._tags = tags
        self._on_error = on_error
        self._running: dict[str, Cancellation] = {}
        self._next: dict[str, str | None] = {}
        self._tag_work: Cancellation | None = None
        self._tag_place: tuple[str, str] | None = None
        self._details_queue: list[str] = []
        self._details_asked: set[str] = set()
        self._details_running = 0
        registries.page_wanted.connect(self._page_wanted)
        tags.details_wanted.connect(self._details_wanted)

    # -- repositories

    def list_repositories(self, host: str) -> None:
        """List the repositories of *host* from the first page."""
        self._overtake(host)
        generation = self._registries.begin_listing(host)
        self._next.pop(host, None)
        self._start_page(host, generation, None)

    def refresh_all(self) -> None:
        """List again every registry that has been listed, and the tags shown."""
        for host in self._registries.hosts:
            if self._registries.state(host) is not NodeState.IDLE:
                self.list_repositories(host)
        self.refresh_tags()

    def _overtake(self, host: str) -> None:
        old = self._running.pop(host, None)
        if old is not None:
            old.cancel()
            self._tasks.release(old)

    def _page_wanted(self, host: str, generation: int) -> None:
        if host in self._running:
            return
        if host in self._next:
            self._start_page(host, generation, self._next[host])
        else:
            self.list_repositories(host)

    def _start_page(self, host: str, generation: int, page: str | None) -> None:
        cancellation = self._running[host] = self._tasks.cancellation()
        self._tasks.spawn(self._page(host, generation, page, cancellation), f"list {host}")

    async def _page(self, host: str, generation: int, page: str | None, cancellation: Cancellation) -> None:
        def ask() -> Any:
            client = self._services.registry(host)
            return client.repositories(page, PAGE, cancellation=cancellation)

        try:
            found = await self._tasks.call(self._tasks.listing, ask)
        except Cancelled:
            return
        except LongshoreError as error:
            if not cancellation.cancelled:
                self._registries.fail(host, generation, error)
                self._on_error(host, error)
            return
        finally:
            if self._running.get(host) is cancellation:
                del self._running[host]
            self._tasks.release(cancellation)
        self._next[host] = found.next
        self._registries.append_page(host, generation, found.items, found.next is not None, found.total)

    # -- tags

    def list_tags(self, host: str, repository: str) -> None:
        """Show the tags of *repository*; every page is read, since order and filter work over all of them."""
        self.stop_tags()
        self._tag_place = (host, repository)
        generation = self._tags.reset(host, repository)
        self._tag_work = self._tasks.cancellation()
        self._tasks.spawn(self._all_tags(host, repository, generation, self._tag_work), f"tags {repository}")

    def refresh_tags(self) -> None:
        """Read the tags shown once more."""
        if self._tag_place is not None:
            self.list_tags(*self._tag_place)

    @property
    def tag_place(self) -> tuple[str, str] | None:
        """Host and repository of the tags shown."""
        return self._tag_place

    def stop_tags(self) -> None:
        """Show no tags, and stop the work on them."""
        if self._tag_work is not None:
            self._tag_work.cancel()
            self._tasks.release(self._tag_work)
            self._tag_work = None
        self._tag_place = None
        self._details_queue.clear()
        self._details_asked.clear()

    async def _all_tags(self, host: str, repository: str, generation: int, work: Cancellation) -> None:
        page: str | None = None
        for _ in range(MAX_TAG_PAGES):

            def ask(page: str | None = page) -> Any:
                return self._services.registry(host).tags(repository, page, cancellation=work)

            try:
                found = await self._tasks.call(self._tasks.listing, ask)
            except Cancelled:
                return
            except LongshoreError as error:
                if not work.cancelled:
                    self._tags.fail(generation, error)
                    self._on_error(host, error)
                return
            if work.cancelled:
                return
            self._tags.append_tags(generation, found.items, found.next is not None)
            page = found.next
            if page is None:
                return

    def _details_wanted(self, generation: int, names: list[str]) -> None:
        if self._tag_work is None or self._tag_place is None or generation != self._tags.generation:
            return
        fresh = [name for name in names if name not in self._details_asked]
        self._details_asked.update(fresh)
        # What is on the screen now goes before what was on it a moment ago.
        self._details_queue[:0] = fresh
        while self._details_queue and self._details_running < DETAILS:
            self._details_running += 1
            self._tasks.spawn(self._details(*self._tag_place, generation, self._tag_work), "tag details")

    async def _details(self, host: str, repository: str, generation: int, work: Cancellation) -> None:
        try:
            while self._details_queue and not work.cancelled:
                name = self._details_queue.pop(0)

                def ask(name: str = name) -> Any:
                    return self._services.registry(host).tag_details(repository, name, cancellation=work)

                try:
                    details = await self._tasks.call(self._tasks.listing, ask)
                except Cancelled:
                    return
                except LongshoreError as error:
                    if not work.cancelled:
                        self._tags.details_failed(generation, name, error)
                    continue
                if not work.cancelled:
                    self._tags.set_details(generation, details)
        finally:
            self._details_running -= 1

    # -- for the use cases

    async def tag_names(self, host: str, repository: str, cancellation: Cancellation) -> list[str]:
        """Every tag of *repository* (at most the first pages' worth). Raises LongshoreError, Cancelled."""

        def ask() -> list[str]:
            client = self._services.registry(host)
            names: list[str] = []
            page: str | None = None
            for _ in range(20):
                found = client.tags(repository, page, cancellation=cancellation)
                names.extend(found.items)
                page = found.next
                if page is None:
                    break
            return names

        return await self._tasks.call(self._tasks.listing, ask)

    async def exists(self, reference: Reference) -> bool:
        """Whether its registry has *reference*. Raises LongshoreError."""

        def ask() -> bool:
            wanted = reference.digest or reference.tag or "latest"
            return self._services.registry(reference.domain).head(reference.path, wanted) is not None

        return await self._tasks.call(self._tasks.listing, ask)
