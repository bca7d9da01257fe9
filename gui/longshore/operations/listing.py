"""Fills the right pane: repositories page by page, the tags of a repository, their details."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from longshore.application.clients import Clients
from longshore.application.listings import MOST_REPOSITORIES, MOST_TAGS, endless
from longshore.application.registries import RegistryBook
from longshore.cancellation import Cancellation, Cancelled
from longshore.errors import LongshoreError, NotInRegistry
from longshore.models.columns import NodeState
from longshore.models.registries import RegistryModel
from longshore.models.tags import TagModel
from longshore.oci.reference import DEFAULT_TAG, Reference
from longshore.operations.tag_details import DetailsReader
from longshore.operations.tasks import Tasks
from longshore.registry.kinds import TELLS_UNTAGGED, kind_of_host

if TYPE_CHECKING:
    from longshore.registry.listing import Lister, RepositoryInfo, TagInfo
    from longshore.registry.model import Page

#: Maximum pages of tags to read for a choice of tags.
_CHOICE_PAGES = 20
#: Tags that the table adds in one turn of the event loop.
_PIECE = 1000
#: Seconds between two of them: without a pause the next one would be added before the window reacts to anything else.
_BREATH = 0.005


@dataclass(slots=True)
class _Course:
    """A listing or search in progress. *running* cancels the page that is being read."""

    generation: int
    query: str = ""
    next: str | None = None
    count: int = 0
    running: Cancellation | None = None


class Listing:
    """Use cases of the registry pane. GUI thread; requests run in worker threads.

    A newer listing of the same node cancels the older one.
    """

    def __init__(
        self,
        clients: Clients,
        tasks: Tasks,
        book: RegistryBook,
        registries: RegistryModel,
        tags: TagModel,
        on_error: Callable[[str, LongshoreError], None],
    ) -> None:
        self._clients = clients
        self._tasks = tasks
        self._book = book
        self._registries = registries
        self._tags = tags
        self._on_error = on_error
        #: By host: the listing, and the search that is shown instead.
        self._listings: dict[str, _Course] = {}
        self._searches: dict[str, _Course] = {}
        self._tag_work: Cancellation | None = None
        self._tag_place: tuple[str, str] | None = None
        self._details = DetailsReader(clients, tasks, tags)
        registries.page_requested.connect(self._page_requested)
        tags.untagged_wanted.connect(self._read_untagged)

    # -- repositories

    def list_repositories(self, host: str) -> None:
        """List the repositories of *host* from the first page. Ends a search."""
        self._overtake(self._listings.pop(host, None))
        self._overtake(self._searches.pop(host, None))
        course = self._listings[host] = _Course(self._registries.begin_listing(host))
        self._start_page(host, course)

    def search(self, host: str, query: str) -> None:
        """Show the results of *host* for *query* in place of its listing, which continues afterwards."""
        self._overtake(self._searches.pop(host, None))
        course = self._searches[host] = _Course(self._registries.begin_search(host, query), query)
        self._start_page(host, course)

    def leave_search(self, host: str) -> None:
        """Show the listing of *host* again."""
        self._overtake(self._searches.pop(host, None))
        self._registries.end_search(host)

    def refresh(self, host: str) -> None:
        """Refresh the search results or the listing of *host*, whichever is shown."""
        course = self._searches.get(host)
        if course is not None and self._registries.searched(host) == course.query:
            self.search(host, course.query)
        else:
            self.list_repositories(host)

    def refresh_all(self) -> None:
        """Refresh all registries that have been listed, and the tags."""
        for host in self._registries.hosts:
            if self._registries.state(host) is not NodeState.IDLE:
                self.refresh(host)
        self.refresh_tags()

    def _overtake(self, course: _Course | None) -> None:
        if course is not None and course.running is not None:
            course.running.cancel()
            course.running = None

    def _page_requested(self, host: str, generation: int) -> None:
        for courses in (self._searches, self._listings):
            course = courses.get(host)
            if course is not None and course.generation == generation:
                if course.running is None:
                    self._start_page(host, course)
                return
        self.list_repositories(host)

    def _start_page(self, host: str, course: _Course) -> None:
        if not course.generation:
            return
        if course.count >= MOST_REPOSITORIES:
            self._registries.fail(host, course.generation, endless(host, "repositories", course.count))
            return

        def ask(cancellation: Cancellation) -> tuple[Lister, Page[RepositoryInfo]]:
            lister = self._clients.lister(host)
            return lister, lister.repositories(course.next, course.query, cancellation=cancellation)

        def show(answer: tuple[Lister, Page[RepositoryInfo]]) -> None:
            lister, found = answer
            course.running = None
            course.next = found.next
            course.count += len(found.items)
            more = found.next is not None
            self._registries.set_make(host, lister.kind, searches=lister.searches)
            self._registries.append_page(host, course.generation, found.items, more, found.total)

        def fail(error: LongshoreError) -> None:
            course.running = None
            self._registries.fail(host, course.generation, error)
            self._on_error(host, error)

        course.running = self._tasks.run(
            self._tasks.listing, ask, done=show, failed=fail, name=f"list {host}"
        )

    # -- tags

    def list_tags(self, host: str, repository: str) -> None:
        """Show the tags of *repository*. All pages are read, because order and filter need all of them."""
        self.stop_tags()
        self._tag_place = (host, repository)
        chosen = self._registries.chosen_kind(host)
        make = (self._registries.make(host) or kind_of_host(host)) if chosen == "auto" else chosen
        self._tags.set_tells_untagged(make in TELLS_UNTAGGED)
        generation = self._tags.reset(host, repository)
        work = self._tag_work = self._tasks.cancellation()
        self._details.begin(host, repository, generation, work)
        self._tasks.spawn(self._all_tags(host, repository, generation, work), f"tags {repository}")

    def _read_untagged(self, generation: int) -> None:
        """Read the images of the shown repository that no tag points to, because a filter shows them."""
        if self._tag_place is None or self._tag_work is None:
            return
        host, repository = self._tag_place
        work = self._tag_work

        def fail(error: LongshoreError) -> None:
            if not work.cancelled:
                self._tags.fail(generation, error)

        self._tasks.run(
            self._tasks.listing,
            lambda _: self._clients.lister(host).untagged(repository, cancellation=work),
            done=lambda found: self._tags.set_untagged(generation, found),
            failed=fail,
            name="untagged images",
        )

    def refresh_tags(self) -> None:
        """Read the shown tags again."""
        if self._tag_place is not None:
            self.list_tags(*self._tag_place)

    @property
    def tag_place(self) -> tuple[str, str] | None:
        """Host and repository of the shown tags."""
        return self._tag_place

    def stop_tags(self) -> None:
        """Stop the work on the shown tags."""
        if self._tag_work is not None:
            self._tag_work.cancel()
            self._tasks.release(self._tag_work)
            self._tag_work = None
        self._tag_place = None
        self._details.stop()

    async def _all_tags(self, host: str, repository: str, generation: int, work: Cancellation) -> None:
        page: str | None = None
        count = 0
        waiting: list[TagInfo] = []
        while True:

            def ask(page: str | None = page) -> Page[TagInfo]:
                return self._clients.lister(host).tags(repository, page, cancellation=work)

            try:
                found = await self._tasks.call(self._tasks.listing, ask)
            except Cancelled:
                return
            except LongshoreError as error:
                await self._take_tags(generation, waiting, work, more=True, total=None)
                self._tags_stopped(host, generation, work, error)
                return
            page = found.next
            waiting += found.items
            # The table is sorted again each time, so small pages are gathered once there are many tags.
            if page is None or len(waiting) * 10 >= count:
                count += len(waiting)
                await self._take_tags(generation, waiting, work, more=page is not None, total=found.total)
                waiting = []
            if work.cancelled:
                return
            if page is None:
                self._registries.set_tag_count(host, repository, self._tags.total)
                return
            if count >= MOST_TAGS:
                self._tags_stopped(host, generation, work, endless(host, "tags", count))
                return

    async def _take_tags(
        self, generation: int, tags: list[TagInfo], work: Cancellation, *, more: bool, total: int | None
    ) -> None:
        """Add *tags* to the table in pieces: ten thousand at once would block the window."""
        for start in range(0, max(len(tags), 1), _PIECE):
            if work.cancelled:
                return
            rest = more or start + _PIECE < len(tags)
            self._tags.append_tags(generation, tags[start : start + _PIECE], rest, total)
            await asyncio.sleep(_BREATH)

    def _tags_stopped(self, host: str, generation: int, work: Cancellation, error: LongshoreError) -> None:
        if not work.cancelled:
            self._tags.fail(generation, error)
            self._on_error(host, error)

    # -- for the use cases

    def find_tags(
        self,
        repository: Reference,
        done: Callable[[list[str]], None],
        failed: Callable[[LongshoreError], None],
    ) -> None:
        """Find the tags of *repository*, to choose one instead of ``latest`` (only the first pages).

        *done* is called in the GUI thread; with an empty list if ``latest`` exists, or if there are no tags.
        """

        def ask(cancellation: Cancellation) -> list[str]:
            host, path = repository.domain, repository.path
            if self._clients.registry(host).head(path, DEFAULT_TAG, cancellation=cancellation) is not None:
                return []
            names: list[str] = []
            page: str | None = None
            with contextlib.suppress(NotInRegistry):
                for _ in range(_CHOICE_PAGES):
                    found = self._clients.lister(host).tags(path, page, cancellation=cancellation)
                    names.extend(tag.name for tag in found.items)
                    page = found.next
                    if page is None:
                        break
            return names

        self._tasks.run(self._tasks.listing, ask, done=done, failed=failed, name="find tags")
