"""The parts of a registry's node: its entry, its rows, and the progress of its listings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from longshore.errors import LongshoreError
from longshore.models import sieve
from longshore.models.columns import NodeAction, NodeKind, NodeState
from longshore.naturalsort import NaturalKey, natural_key
from longshore.oci.reference import Reference, registry_name
from longshore.words import text

if TYPE_CHECKING:
    from longshore.registry.config import RegistryConfig
    from longshore.registry.model import RepositoryInfo


@dataclass(frozen=True, slots=True)
class RegistryEntry:
    """The data of a registry in the tree. *user*: who is signed in, "" for nobody.

    *recent*: repositories known from the history, the latest first. *auth*: the registry's authentication: ``none``,
    ``basic``, ``bearer``, "" while unknown. *trouble*: why it is unknown who is signed in (a broken helper or file),
    None if nothing is wrong.
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
        """The registry, written as in references."""
        return self.config.host

    @property
    def name(self) -> str:
        """The title of the row."""
        return text.safe(self.title) or text.safe(registry_name(self.host))


class Child:
    """A row below a registry: a repository, the note, or a link.

    *listed*: a listing has returned it (a pinned or recent one may be in none). *stale*: the running listing has not
    returned it yet. *recent*: its position among the recent ones, -1 for none. *info*: the vendor's data about it.
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
        #: Text of a note or a link. Stored, because it must not change while views process added and removed rows.
        self.line = ""
        self.pinned = False
        self.listed = False
        self.stale = False
        self.recent = -1
        self.info: RepositoryInfo | None = None
        self.tag_count: int | None = None

    @property
    def from_history(self) -> bool:
        """True if it is known only from the history."""
        return self.recent >= 0 and not self.listed and not self.pinned

    @property
    def stars(self) -> int | None:
        """The stars that the vendor counts."""
        return self.info.stars if self.info is not None else None

    def tell(self, info: RepositoryInfo | None) -> bool:
        """Take over a listing's data about it; return True if the row changes."""
        if info is None or info == self.info:
            return False
        self.info = info
        if info.tag_count is not None:
            self.tag_count = info.tag_count
        return True


class Course:
    """The progress of a listing or a search."""

    def __init__(self) -> None:
        self.generation = 0
        self.state = NodeState.IDLE
        self.has_more = False
        self.total: int | None = None
        self.error: LongshoreError | None = None

    def begin(self, generation: int) -> None:
        """Begin with the first page."""
        self.generation = generation
        self.state, self.error, self.has_more = NodeState.LOADING, None, False

    def paged(self, has_more: bool, total: int | None) -> None:
        """Note that a page arrived."""
        self.state, self.has_more = NodeState.READY, has_more
        if total is not None or not has_more:
            self.total = total

    def failed(self, state: NodeState, error: LongshoreError) -> None:
        """End with *error*; loaded rows stay."""
        self.state, self.error, self.has_more = state, error, False


class Search(Course):
    """The registry's results for *query*, in its own order, in place of the listing."""

    def __init__(self, query: str) -> None:
        super().__init__()
        self.query = query
        self.found: dict[str, Child] = {}
