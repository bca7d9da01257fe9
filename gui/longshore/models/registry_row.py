"""The parts of a registry's node: what the tree is told of it, its rows, and how far its listings have come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from longshore.errors import LongshoreError
from longshore.models import sieve, text
from longshore.models.columns import NodeAction, NodeKind, NodeState
from longshore.models.text import tr
from longshore.naturalsort import NaturalKey, natural_key
from longshore.oci.reference import DOCKER_HUB, Reference

if TYPE_CHECKING:
    from longshore.registry.config import RegistryConfig
    from longshore.registry.model import RepositoryInfo


@dataclass(frozen=True, slots=True)
class RegistryEntry:
    """A registry as the tree shall show it. *user*: who is signed in, "" for nobody.

    *recent*: repositories known from the history, the latest first. *auth*: what the registry asks for: ``none``,
    ``basic``, ``bearer``, "" while that is not known. *trouble*: why nobody can tell who is signed in (a broken helper
    or file), None if nothing is wrong.
    """

    config: RegistryConfig
    title: str = ""
    pinned: tuple[str, ...] = ()
    recent: tuple[str, ...] = ()
    user: str = ""
    auth: str = ""
    trouble: LongshoreError | None = None

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
    """A row below a registry: a repository, the note, or a link.

    *listed*: some listing had it (a pinned or recent one may be in none). *stale*: the listing that runs has not had
    it yet. *recent*: its place among the recent ones, -1 for none. *info*: what the vendor tells of it.
    """

    __slots__ = (
        "action",
        "haystack",
        "info",
        "kind",
        "line",
        "listed",
        "natural",
        "path",
        "pinned",
        "recent",
        "reference",
        "stale",
        "tag_count",
    )

    def __init__(self, reference: Reference | None, action: NodeAction = NodeAction.NONE) -> None:
        self.reference = reference
        self.action = action
        if reference is not None:
            self.kind = NodeKind.REPOSITORY
        else:
            self.kind = NodeKind.LINK if action else NodeKind.NOTE
        self.path = "" if reference is None else reference.path
        self.haystack = "" if reference is None else sieve.haystack([reference.name])
        self.natural: NaturalKey = natural_key(self.path)
        #: What a note or a link says. Kept, since it must not change while views hear of rows that come and go.
        self.line = ""
        self.pinned = False
        self.listed = False
        self.stale = False
        self.recent = -1
        self.info: RepositoryInfo | None = None
        self.tag_count: int | None = None

    @property
    def from_history(self) -> bool:
        """Nothing but the history knows it."""
        return self.recent >= 0 and not self.listed and not self.pinned

    @property
    def stars(self) -> int | None:
        """As the vendor counts them."""
        return self.info.stars if self.info is not None else None

    def tell(self, info: RepositoryInfo | None) -> bool:
        """Take over what a listing tells of it; True if that changes the row."""
        if info is None or info == self.info:
            return False
        self.info = info
        if info.tag_count is not None:
            self.tag_count = info.tag_count
        return True


class Course:
    """How far a listing, or a search, has come."""

    def __init__(self) -> None:
        self.generation = 0
        self.state = NodeState.IDLE
        self.has_more = False
        self.total: int | None = None
        self.error: LongshoreError | None = None

    def begin(self, generation: int) -> None:
        """From the first page."""
        self.generation = generation
        self.state, self.error, self.has_more = NodeState.LOADING, None, False

    def paged(self, has_more: bool, total: int | None) -> None:
        """A page came."""
        self.state, self.has_more = NodeState.READY, has_more
        if total is not None or not has_more:
            self.total = total

    def failed(self, state: NodeState, error: LongshoreError) -> None:
        """It ends here; what came stays."""
        self.state, self.error, self.has_more = state, error, False


class Search(Course):
    """What the registry finds for *query*, in its own order, in place of the listing."""

    def __init__(self, query: str) -> None:
        super().__init__()
        self.query = query
        self.found: dict[str, Child] = {}
