"""The data behind the rows of Registries: a registry, its repositories, notes and links."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING

from longshore.errors import InvalidReference
from longshore.language import tr
from longshore.models import ordering
from longshore.models.columns import NodeAction, NodeState, RegistryColumn
from longshore.models.registry_row import Child, Course, RegistryEntry, Search
from longshore.models.sieve import Sieve
from longshore.oci.reference import Reference
from longshore.words import errors, text

if TYPE_CHECKING:
    from longshore.errors import LongshoreError
    from longshore.registry.model import RepositoryInfo

_MOST_UNUSABLE = 10_000
_NATURAL = operator.attrgetter("natural")


class RegistryNode:
    """A registry and the state of its listing. *serial* identifies it in model indexes."""

    def __init__(self, entry: RegistryEntry, serial: int) -> None:
        self.entry = entry
        self.serial = serial
        self._generations = 0
        self.listing = Course()
        self.search: Search | None = None
        #: The vendor's key in ``registry.listing``, "" before the first listing.
        self.kind = ""
        #: Whether the registry supports search.
        self.searches = entry.config.is_hub and entry.config.kind in ("auto", "hub")
        self.repositories: dict[str, Child] = {}
        #: How many of these the running listing has returned; -1 if that must be counted again.
        self._listed = -1
        #: Whether some repositories are pinned or in the history.
        self._marked = False
        self.rows: list[Child] = []
        self.note = Child(None)
        #: Listed names that no reference can have (mostly upper case), up to a limit.
        self.unusable: dict[str, None] = {}
        self.unusable_note = Child(None)
        self.links = {action: Child(None, action) for action in NodeAction if action}
        self.set_known(entry)

    @property
    def host(self) -> str:
        """The registry, written as in references."""
        return self.entry.host

    @property
    def course(self) -> Course:
        """The search if there is one, else the listing."""
        return self.search or self.listing

    @property
    def state(self) -> NodeState:
        """The state of the search or listing shown."""
        return self.course.state

    @property
    def error(self) -> LongshoreError | None:
        """The error of the search or listing shown."""
        return self.course.error

    @property
    def line(self) -> str:
        """The sentence that explains the node, "" if none is needed."""
        return self.note.line

    # -- content

    def _made(self, path: str) -> Child | None:
        try:
            return Child(Reference(self.host, path))
        except InvalidReference:
            return None

    def child(self, path: str) -> Child | None:
        """Return the repository at *path*, created if missing; None if *path* is not a valid name."""
        found = self.repositories.get(path)
        if found is None and (made := self._made(path)) is not None:
            # Docker Hub's "postgres" is "library/postgres": a name can be shorter than the path.
            found = self.repositories.setdefault(made.path, made)
        return found

    def set_known(self, entry: RegistryEntry) -> set[Child]:
        """Set the pinned and recent repositories; return the rows whose mark changed."""
        pinned = {child.path for path in entry.pinned if (child := self.child(path)) is not None}
        recent = [child.path for path in entry.recent if (child := self.child(path)) is not None]
        changed: set[Child] = set()
        self._listed, self._marked = -1, bool(pinned or recent)
        for path, child in list(self.repositories.items()):
            place = recent.index(path) if path in recent else -1
            if child.pinned is not (path in pinned) or child.recent != place:
                child.pinned, child.recent = path in pinned, place
                changed.add(child)
            if not child.pinned and not child.listed and place < 0:
                del self.repositories[path]
        return changed

    def found(self, path: str, info: RepositoryInfo | None = None) -> Child | None:
        """Note that the repository at *path* exists; return its row if *info* changed it."""
        child = self.child(path)
        if child is None:
            return None
        child.listed, child.stale = True, False
        self._listed = -1
        return child if child.tell(info) else None

    def begin(self) -> int:
        """Begin a new listing and return its generation; rows stay until it replaces them. A search ends."""
        self.search = None
        self._generations += 1
        self.listing.begin(self._generations)
        self._listed = -1
        self.unusable.clear()
        for child in self.repositories.values():
            child.stale = True
        return self._generations

    def begin_search(self, query: str) -> int:
        """Begin a search and return its generation; the listing is kept."""
        self._generations += 1
        self.search = Search(query)
        self.search.begin(self._generations)
        return self._generations

    def course_of(self, generation: int) -> Course | None:
        """Return the listing or search of *generation*, None if it is out of date."""
        if self.search is not None and self.search.generation == generation:
            return self.search
        return self.listing if self.listing.generation == generation else None

    def append(
        self, course: Course, items: Sequence[str | RepositoryInfo], has_more: bool, total: int | None
    ) -> set[Child]:
        """Add one page; return the existing rows that changed."""
        changed: set[Child] = set()
        if isinstance(course, Search):
            for item in items:
                name, info = (item, None) if isinstance(item, str) else (item.name, item)
                child = self._made(name)
                if child is not None:
                    course.found.setdefault(child.path, child).tell(info)
        else:
            names = []
            for item in items:
                name, info = (item, None) if isinstance(item, str) else (item.name, item)
                names.append(name)
                child = self.found(name, info)
                if child is not None:
                    changed.add(child)
                elif self._made(name) is None and len(self.unusable) < _MOST_UNUSABLE:
                    self.unusable[name] = None
            self._drop_gone(names, has_more)
        course.paged(has_more, total)
        return changed

    def _drop_gone(self, names: list[str], has_more: bool) -> None:
        if not has_more:
            gone = {path for path, child in self.repositories.items() if child.stale}
        elif names and names == sorted(names):
            # A sorted listing has skipped these: they no longer exist.
            gone = {path for path, child in self.repositories.items() if child.stale and path < names[-1]}
        else:
            gone = set()
        self._listed = -1
        for path in gone:
            child = self.repositories[path]
            if child.pinned or child.recent >= 0:
                child.listed = False
            else:
                del self.repositories[path]

    # -- rows

    def target(self, sieve: Sieve, filtered: str, *, descending: bool, column: int) -> list[Child]:
        """Return the rows to show: filtered (*sieve* is made from *filtered*) and sorted, then note and links.

        Pinned repositories come first, then those of the history if there is no complete listing.
        """
        if self.search is not None:
            rows = self._sorted(list(self.search.found.values()), descending, column)
            back = self.links[NodeAction.LEAVE_SEARCH]
            back.line = tr("Results for “{query}”. Show all repositories").replace(
                "{query}", text.safe(self.search.query, 60)
            )
            rows.insert(0, back)
        else:
            rows = self._passing(sieve)
            rows.sort(key=_NATURAL, reverse=descending and column <= RegistryColumn.NAME)
            rows = self._sorted(rows, descending, column if column > RegistryColumn.NAME else -1)
            if self._marked:
                rows.sort(key=_rank)
        self.unusable_note.line = self._unusable_text()
        if self.search is None and not sieve and self.unusable:
            rows.append(self.unusable_note)
        self.note.line = self._note_text(bool(rows), bool(sieve))
        if self.note.line:
            # The note about a stopped list comes before its rows: nobody looks for it after thousands.
            rows.insert(0 if self.state is NodeState.FAILED else len(rows), self.note)
        rows += self._links(filtered)
        return rows

    def _passing(self, sieve: Sieve) -> list[Child]:
        """Return the repositories that can be shown and pass the filter. Fast enough for ten thousand at every page."""
        rows = list(self.repositories.values())
        if self._marked and not self._incomplete:
            rows = [child for child in rows if not child.from_history]
        return sieve.passing(rows)

    @property
    def _incomplete(self) -> bool:
        """True if the listing does not include every repository."""
        return self.listing.state in (NodeState.NO_CATALOGUE, NodeState.FAILED) or self.entry.config.is_hub

    @staticmethod
    def _sorted(rows: list[Child], descending: bool, column: int) -> list[Child]:
        if column == RegistryColumn.NAME:
            return sorted(rows, key=_NATURAL, reverse=descending)
        if column == RegistryColumn.TAGS:
            return ordering.ordered(rows, lambda child: child.tag_count, descending=descending)
        if column == RegistryColumn.SIGNED_IN:
            return ordering.ordered(rows, lambda child: child.stars, descending=descending)
        return rows

    def _links(self, filtered: str) -> list[Child]:
        wanted: list[tuple[NodeAction, str]] = []
        if self.search is None and self.searches and filtered.strip():
            words = tr("Search {registry} for “{query}”")
            line = words.replace("{registry}", self.entry.name)
            wanted.append(
                (NodeAction.SEARCH, line.replace("{query}", text.safe(" ".join(filtered.split()), 60)))
            )
        if self.search is None and self.listing.state is NodeState.NO_CATALOGUE:
            if not self.entry.user and self.entry.auth != "none":
                wanted.append((NodeAction.SIGN_IN, tr("Sign in…")))
            wanted.append((NodeAction.PIN, tr("Pin a repository by name…")))
            wanted.append((NodeAction.PASTE, tr("Paste a reference…")))
        for action, line in wanted:
            self.links[action].line = line
        return [self.links[action] for action, _ in wanted]

    def _note_text(self, any_rows: bool, filtered: bool) -> str:
        """Return the sentence that explains the node if its rows do not."""
        course = self.course
        if course.state is NodeState.NO_CATALOGUE and course.error is not None:
            return errors.message(course.error)
        if course.state is NodeState.FAILED and course.error is not None:
            return f"{errors.message(course.error)} — {errors.offer(course.error).button}"
        if isinstance(course, Search):
            if course.state is NodeState.LOADING:
                return tr("Searching…") if not course.found else tr("Loading more…")
            if not course.found:
                return tr("Nothing found")
            return tr("More…") if course.has_more else ""
        if course.state is NodeState.LOADING or (course.state is NodeState.READY and course.has_more):
            if filtered:
                return tr("Searching the rest: {loaded}…").replace("{loaded}", self.loaded_text())
            return tr("Loading…") if not any_rows or course.state is NodeState.LOADING else tr("More…")
        if course.state is NodeState.READY and not any_rows:
            return tr("No repository matches the filter") if self.listed_count() else tr("No repositories")
        return ""

    def _unusable_text(self) -> str:
        count = len(self.unusable)
        name = text.safe(next(iter(self.unusable), ""), 80)
        if count == 1:
            return tr("{name} can't be pulled: image names must be lowercase").replace("{name}", name)
        words = tr("{count} repositories can't be pulled, such as {name}: image names must be lowercase")
        return words.replace("{count}", f"{count:,}").replace("{name}", name)

    # -- counts

    def listed_count(self) -> int:
        """Return the number of repositories that the current listing has returned so far."""
        if self.search is not None:
            return len(self.search.found)
        if self._listed < 0:
            self._listed = sum(child.listed and not child.stale for child in self.repositories.values())
        return self._listed

    def known_count(self) -> int:
        """Return the number of repositories to show without a filter."""
        return len(self._passing(Sieve())) if self._marked else len(self.repositories)

    def loaded_text(self) -> str:
        """Return how much of the listing is loaded: ``2,400 of 10,000 loaded``."""
        count, total = self.listed_count(), self.course.total
        if total is not None and total > count:
            words = tr("{count} of {total} loaded").replace("{total}", f"{total:,}")
        else:
            words = tr("{count} loaded")
        return words.replace("{count}", f"{count:,}")


def _rank(child: Child) -> int:
    if child.pinned:
        return -2_000_000
    return child.recent - 1_000_000 if child.from_history else 0
