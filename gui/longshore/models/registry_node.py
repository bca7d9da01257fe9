"""What stands behind the rows of Registries: a registry, its repositories, and the note that explains it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from longshore.models import ordering, text
from longshore.models.columns import NodeKind, NodeState, RegistryColumn, Tone
from longshore.models.text import tr
from longshore.oci.errors import InvalidReference, LongshoreError, SignInFailed, SignInRequired
from longshore.oci.naturalsort import NaturalKey, natural_key
from longshore.oci.reference import DOCKER_HUB, Reference

if TYPE_CHECKING:
    from longshore.registry.config import RegistryConfig


@dataclass(frozen=True, slots=True)
class RegistryEntry:
    """A registry as the tree shall show it. *user*: who is signed in, "" for nobody.

    *auth*: what the registry asks for: ``none``, ``basic``, ``bearer``, "" while that is not known.
    """

    config: RegistryConfig
    title: str = ""
    pinned: tuple[str, ...] = ()
    user: str = ""
    auth: str = ""

    @property
    def host(self) -> str:
        """The registry as in references."""
        return self.config.host

    @property
    def name(self) -> str:
        """What the row shows."""
        return text.safe(self.title) or (
            tr("Docker Hub") if self.host == DOCKER_HUB else text.safe(self.host)
        )


class Child:
    """A row below a registry: a repository, or the note.

    *listed*: some listing had it (a pinned one may be in none). *stale*: the listing that runs has not had it yet.
    """

    __slots__ = (
        "haystack",
        "key",
        "kind",
        "listed",
        "natural",
        "path",
        "pinned",
        "reference",
        "stale",
        "tag_count",
    )

    def __init__(self, reference: Reference | None) -> None:
        self.reference = reference
        self.kind = NodeKind.NOTE if reference is None else NodeKind.REPOSITORY
        self.path = "" if reference is None else reference.path
        self.haystack = "" if reference is None else reference.name.casefold()
        self.natural: NaturalKey = natural_key(self.path)
        self.pinned = False
        self.listed = False
        self.stale = False
        self.tag_count: int | None = None


class RegistryNode:
    """A registry and the state of its listing. *serial* is its identity in model indexes."""

    def __init__(self, entry: RegistryEntry, serial: int) -> None:
        self.entry = entry
        self.serial = serial
        self.generation = 0
        self.state = NodeState.IDLE
        self.has_more = False
        self.total: int | None = None
        self.error: LongshoreError | None = None
        self.repositories: dict[str, Child] = {}
        self.rows: list[Child] = []
        self.note = Child(None)
        #: What the note says. Kept, since it must not change while views hear of rows that come and go.
        self.line = ""
        self.set_pins(entry.pinned)

    @property
    def host(self) -> str:
        """The registry as in references."""
        return self.entry.host

    # -- content

    def child(self, path: str) -> Child | None:
        """The repository at *path*, made if it is not there; None for what cannot be the name of one."""
        found = self.repositories.get(path)
        if found is None:
            try:
                reference = Reference(self.host, path)
            except InvalidReference:
                return None
            # Docker Hub's "postgres" is "library/postgres": a name may say less than the path.
            found = self.repositories.setdefault(reference.path, Child(reference))
        return found

    def set_pins(self, pinned: Iterable[str]) -> set[Child]:
        """Take over the pins; the rows whose mark changed."""
        wanted = {child.path for path in pinned if (child := self.child(path)) is not None}
        changed: set[Child] = set()
        for path, child in list(self.repositories.items()):
            if child.pinned is not (path in wanted):
                child.pinned = path in wanted
                changed.add(child)
            if not child.pinned and not child.listed:
                del self.repositories[path]
        return changed

    def found(self, path: str) -> None:
        """The repository at *path* is there."""
        child = self.child(path)
        if child is not None:
            child.listed, child.stale = True, False

    def begin(self) -> int:
        """A new listing begins; rows stay until it says otherwise."""
        self.generation += 1
        self.state, self.error = NodeState.LOADING, None
        self.has_more = False
        for child in self.repositories.values():
            child.stale = True
        return self.generation

    def append(self, names: list[str], has_more: bool, total: int | None) -> None:
        """One page of the listing."""
        for name in names:
            self.found(name)
        if not has_more:
            gone = {path for path, child in self.repositories.items() if child.stale}
        elif names and names == sorted(names):
            # A sorted listing passed these by: they are no more.
            gone = {path for path, child in self.repositories.items() if child.stale and path < names[-1]}
        else:
            gone = set()
        for path in gone:
            if self.repositories[path].pinned:
                self.repositories[path].listed = False
            else:
                del self.repositories[path]
        self.state = NodeState.READY
        self.has_more, self.total = has_more, total

    def target(self, needles: tuple[str, ...], *, descending: bool, by_count: bool) -> list[Child]:
        """The rows to show: filtered, sorted, the note last. Pinned ones first."""
        rows = [child for child in self.repositories.values() if ordering.matches(child.haystack, needles)]
        rows.sort(key=lambda child: child.natural, reverse=descending and not by_count)
        if by_count:
            rows = ordering.ordered(rows, lambda child: child.tag_count, descending=descending)
        rows.sort(key=lambda child: not child.pinned)
        self.line = self._note_text(bool(rows))
        if self.line:
            rows.append(self.note)
        return rows

    # -- text

    def _note_text(self, any_rows: bool) -> str:
        """The sentence that explains the node where its rows do not."""
        if self.state is NodeState.LOADING or (self.state is NodeState.READY and self.has_more):
            return tr("Loading…") if not any_rows or self.state is NodeState.LOADING else tr("More…")
        if self.state is NodeState.NO_CATALOGUE:
            return tr("No catalogue: this registry does not list its repositories. Pin one by its name.")
        if self.state is NodeState.FAILED and self.error is not None:
            if isinstance(self.error, SignInRequired | SignInFailed):
                return f"{self.error.message} — {tr('Sign in…')}"
            return f"{self.error.message} — {tr('Retry')}"
        if self.state is NodeState.READY and not any_rows:
            return tr("No repository matches the filter") if self.repositories else tr("Empty")
        return ""

    def note_advice(self) -> str:
        """More than the note says, for its tooltip."""
        if self.error is None:
            return ""
        return "\n".join(part for part in (self.error.message, self.error.advice, self.error.detail) if part)

    def count_text(self) -> str:
        """What the column Tags says of the registry."""
        pinned = sum(child.pinned for child in self.repositories.values())
        listed = sum(child.listed and not child.stale for child in self.repositories.values())
        if self.state is NodeState.READY:
            if not self.has_more:
                return text.repositories(len(self.repositories))
            total = f"{self.total:,}" if self.total and self.total > listed else tr("many")
            return tr("{count} of {total}").replace("{count}", f"{listed:,}").replace("{total}", total)
        if self.state is NodeState.LOADING:
            return tr("loading…")
        if pinned:
            return text.pinned(pinned)
        return tr("not listed") if self.state in (NodeState.FAILED, NodeState.NO_CATALOGUE) else ""

    def signed_in(self) -> tuple[str, Tone]:
        """What the column Signed in says, and what it means."""
        if self.entry.user:
            return text.safe(self.entry.user, 100), Tone.GOOD
        if isinstance(self.error, SignInRequired | SignInFailed) or self.entry.auth == "basic":
            return tr("Sign in…"), Tone.ACTIVE
        if self.entry.auth == "none":
            return tr("not needed"), Tone.NONE
        return (tr("anonymous"), Tone.NONE) if self.entry.auth == "bearer" else ("", Tone.NONE)

    def text(self, child: Child | None, column: int) -> str:
        """What a cell shows: of the registry itself, or of one of its rows."""
        if child is None:
            if column == RegistryColumn.NAME:
                return self.entry.name
            return self.count_text() if column == RegistryColumn.TAGS else self.signed_in()[0]
        if column == RegistryColumn.NAME:
            return child.path if child.reference is not None else self.line
        if column == RegistryColumn.TAGS and child.tag_count is not None:
            return f"{child.tag_count:,}"
        return ""

    def whole(self, child: Child | None, column: int) -> str:
        """The whole story of a cell, as plain text."""
        if column != RegistryColumn.NAME:
            return self.text(child, column)
        if child is None:
            parts = [self.entry.name, self.host if self.host != self.entry.name else "", self.note_advice()]
            return "\n".join(part for part in parts if part)
        return child.reference.familiar if child.reference is not None else self.note_advice() or self.line
