"""Changes of tags as the tag history records them, and the protocol of what records them.

A change is announced before it is made, and settled when it is known what the tag points to afterwards. Whoever changes
a tag uses :func:`recorded`, or :meth:`TagRecorder.announce` and :meth:`TagRecorder.settle` for many tags at once.
"""

from __future__ import annotations

import contextlib
import enum
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from longshore.oci.manifest import Index, Manifest
    from longshore.oci.reference import Reference
    from longshore.transfers.transfer import Place


class TagOperation(enum.Enum):
    """What changed a tag. The values are kept in the tag history: never rename."""

    PUSH = "push"
    COPY = "copy"
    PULL = "pull"
    LOAD = "load"
    BUILD = "build"
    TAG = "tag"
    REMOVE = "remove"
    CLEAN_UP = "clean up"
    MIRROR = "mirror"
    UNDO = "undo"
    SEEN = "seen"  # somebody else changed it: Longshore only saw the result


@dataclass(frozen=True, slots=True)
class TagChange:
    """A change of the tag *reference* in *place* (an engine, a registry or the library).

    *before*, *after*: the digest that the tag points to (an image ID in an engine), "" for no such tag, None if that is
    not known (*after*: not yet). *transfer*: the id of the transfer that makes it. *group*: changes with the same group
    are undone together. *undoes*: the id of the recorded change that this one undoes. *manifest*: what *before* names,
    kept because a registry is about to delete it. *origins*: references by digest from which registries may have the
    content of *before*.
    """

    place: Place
    reference: Reference
    operation: TagOperation
    before: str | None
    after: str | None = None
    transfer: str = ""
    group: str = ""
    undoes: str = ""
    manifest: Manifest | Index | None = field(default=None, compare=False)
    origins: tuple[str, ...] = ()


class TagRecorder(Protocol):
    """Records changes of tags. Thread-safe; the calls block for as long as a disk does and never raise."""

    def announce(self, changes: Sequence[TagChange]) -> list[str]:
        """Record *changes* that are about to be made, and return their ids.

        They are on disk when this returns; if nothing can be written now, they are kept in memory and written later.
        """

    def settle(self, found: Mapping[str, str | None]) -> None:
        """Record what the tags of announced changes point to afterwards, by the ids of the changes.

        A tag that points to what it did before was not changed: its record is dropped. None: not known.
        """

    def saw(self, place: Place, found: Mapping[Reference, str], asked: float) -> None:
        """Record that tags of *place* were found to point to these digests, where that is news about a known tag.

        *asked*: when the place was asked at the earliest (``time.monotonic``); what was changed since is no news.
        """

    def lost(self, group: str) -> None:
        """Record that the action *group* removed an image without a name, which no undo brings back."""


class NoRecorder:
    """Records nothing."""

    def announce(self, changes: Sequence[TagChange]) -> list[str]:
        """See TagRecorder."""
        return [""] * len(changes)

    def settle(self, found: Mapping[str, str | None]) -> None:
        """See TagRecorder."""

    def saw(self, place: Place, found: Mapping[Reference, str], asked: float) -> None:
        """See TagRecorder."""

    def lost(self, group: str) -> None:
        """See TagRecorder."""


#: For programs that keep no history.
NO_RECORDER = NoRecorder()


@contextlib.contextmanager
def recorded(
    recorder: TagRecorder,
    changes: Sequence[TagChange],
    look: Callable[[TagChange], str | None],
) -> Iterator[dict[TagChange, str | None]]:
    """Record *changes* around the block that makes them.

    The block may put into the yielded dict what a tag points to afterwards; a change that it leaves out made the tag
    what its ``after`` says. If the block raises, *look* is called for each of the others, which returns what the tag
    points to now, or None if that cannot be asked. It must not raise.
    """
    ids = recorder.announce(changes)
    found: dict[TagChange, str | None] = {}
    try:
        yield found
    except BaseException:
        now = {change: found[change] if change in found else look(change) for change in changes}
        recorder.settle({key: now[change] for key, change in zip(ids, changes, strict=True)})
        raise
    recorder.settle({key: found.get(change, change.after) for key, change in zip(ids, changes, strict=True)})
