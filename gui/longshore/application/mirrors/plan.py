"""The plan of a mirror: what running its rule would do, to be shown before anything is copied or deleted."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from longshore.application.mirrors.rules import MirrorRule
from longshore.errors import LongshoreError
from longshore.transfers.transfer import TransferRequest


class TagState(enum.Enum):
    """The state of a source tag at the destination."""

    SAME = "same"
    MISSING = "missing"
    DIFFERS = "differs"  # the destination's tag points to another image, and would be overwritten
    UNSIGNED = "unsigned"  # the image is the same, but some of its referrers are missing
    OTHER_PLATFORMS = "other-platforms"  # the image lacks platforms of the rule, and is left out
    UNREADABLE = "unreadable"  # cannot be copied: the error says why


@dataclass(frozen=True, slots=True)
class MirrorTag:
    """One tag of a plan. Sizes in compressed bytes, including configurations.

    *digest*: what the tag would point to; *current*: what it points to at the destination now. *size*: of the whole
    image, 0 if unchanged. *bytes_to_move*: content that neither the destination nor an earlier tag of the plan has.
    *error*: why it is unreadable or left out.
    """

    tag: str
    state: TagState
    digest: str = ""
    current: str = ""
    size: int = 0
    bytes_to_move: int = 0
    error: LongshoreError | None = None

    @property
    def copies(self) -> bool:
        """Whether the plan copies it."""
        return self.state in (TagState.MISSING, TagState.DIFFERS, TagState.UNSIGNED)


@dataclass(frozen=True, slots=True)
class HeldTag:
    """A tag that the rule leaves for later, because its image is too new or has no date (*created* is None)."""

    tag: str
    created: datetime | None


@dataclass(frozen=True, slots=True)
class ExtraTag:
    """A tag of the destination that no source has. *digest*: what it points to; "" if the rule keeps extras."""

    tag: str
    digest: str = ""


@dataclass(frozen=True, slots=True)
class MirrorPlan:
    """The work of running *rule*, from the state of both registries when they were asked. *tags*: in natural order.

    *rule* is for one repository. *held*: tags that are too new. *extras*: tags of the destination that the rule
    includes and neither its source nor another rule has, in natural order; *extras_unknown* says why they could
    not be determined. Both are empty unless they were asked for.
    """

    rule: MirrorRule
    tags: tuple[MirrorTag, ...]
    held: tuple[HeldTag, ...] = ()
    extras: tuple[ExtraTag, ...] = ()
    extras_unknown: str = ""

    @property
    def bytes_to_move(self) -> int:
        """The bytes of all tags together, each content counted once."""
        return sum(tag.bytes_to_move for tag in self.tags)

    def count(self, state: TagState) -> int:
        """The number of tags in *state*."""
        return sum(tag.state is state for tag in self.tags)

    def requests(self, chosen: Iterable[str] | None = None) -> list[TransferRequest]:
        """The transfers for tags that are missing or differ, or for those of them among *chosen*."""
        wanted = None if chosen is None else set(chosen)
        return [
            self.rule.request(tag.tag)
            for tag in self.tags
            if tag.copies and (wanted is None or tag.tag in wanted)
        ]


@dataclass(frozen=True, slots=True)
class FailedRepository:
    """A repository of a pattern that could not be planned, and why."""

    rule: MirrorRule
    error: LongshoreError


@dataclass(frozen=True, slots=True)
class RulePlan:
    """The plans of all repositories of *rule*, which may be a pattern, in the order of their paths."""

    rule: MirrorRule
    repositories: tuple[MirrorPlan, ...]
    failed: tuple[FailedRepository, ...] = ()

    @property
    def bytes_to_move(self) -> int:
        """The bytes of all repositories; content that several of them share is counted for each."""
        return sum(plan.bytes_to_move for plan in self.repositories)

    def requests(self) -> list[TransferRequest]:
        """The transfers of all repositories."""
        return [request for plan in self.repositories for request in plan.requests()]
