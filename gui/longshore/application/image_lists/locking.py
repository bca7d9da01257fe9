"""Pins the tags of a list to their digests: only the references change, every other character stays."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from longshore.application.image_lists.model import Entry, ImageList
from longshore.application.tag_digests import Found, bare
from longshore.errors import InvalidInput, LongshoreError
from longshore.oci.reference import DEFAULT_TAG, Reference

_TAG_AT_END = re.compile(r":[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$")


class Verdict(enum.Enum):
    """The result for an entry. The values are printed and part of the JSON: never rename."""

    #: It had no digest and gets one.
    PINNED = "pinned"
    #: Its tag has moved, and it gets the new digest.
    UPDATED = "updated"
    #: It has the digest already.
    UNCHANGED = "unchanged"
    #: By a check: it has no digest.
    UNPINNED = "not pinned"
    #: By a check: its tag points to another digest now.
    MOVED = "moved"
    #: It is built from the file, so that there is nothing to pin.
    BUILT = "built"
    #: It is not known which image is meant.
    UNRESOLVED = "unresolved"
    #: The registry did not say which digest the tag points to.
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """An entry and its result. *digest*: the digest that its tag points to now, "" if the registry was not asked.
    *error*: why it is unresolved, or failed."""

    entry: Entry
    verdict: Verdict
    digest: str = ""
    error: LongshoreError | None = None

    @property
    def replaces_variables(self) -> bool:
        """Whether the variables of the entry are replaced by their values."""
        # Without a "$" it was only written in another way, for example with JSON's "\\/".
        changed = self.verdict in (Verdict.PINNED, Verdict.UPDATED) and not _extendable(self.entry)
        return changed and "$" in self.entry.raw


class Locked(NamedTuple):
    """The text of a locked file, and the outcome of each entry."""

    text: str
    outcomes: list[Outcome]


def to_ask(found: ImageList, *, again: bool) -> list[Reference]:
    """The references whose digests are needed. *again*: also of those that are pinned."""
    wanted = []
    for entry in found.entries:
        reference = entry.reference
        if reference is None or entry.built or (reference.digest is not None and reference.tag is None):
            continue
        if reference.digest is None or again:
            wanted.append(bare(reference))
    return list(dict.fromkeys(wanted))


def to_pin(found: ImageList, digests: Mapping[Reference, Found], *, update: bool) -> dict[Reference, str]:
    """The digests that :func:`lock` would write, by the references of :func:`to_ask`."""
    outcomes = [_outcome(entry, digests, only_check=False, update=update) for entry in found.entries]
    return {
        bare(one.entry.reference): one.digest
        for one in outcomes
        if one.verdict in (Verdict.PINNED, Verdict.UPDATED) and one.entry.reference is not None
    }


def check(found: ImageList, digests: Mapping[Reference, Found]) -> list[Outcome]:
    """Find entries that are not pinned, or whose tag points to another digest now. *digests*: of :func:`to_ask` with
    *again*. A digest without a tag cannot move."""
    return [_outcome(entry, digests, only_check=True) for entry in found.entries]


def lock(
    found: ImageList,
    digests: Mapping[Reference, Found],
    read: Callable[[str], ImageList],
    *,
    update: bool = False,
) -> Locked:
    """The file with its tags pinned. *digests*: of :func:`to_ask`. *update*: renew pins whose tag has moved; without
    it, a pin stays, also where the same tag is pinned anew elsewhere.

    *read* parses a text like the file: the result is read again and compared. Raises InvalidInput if its references are
    not the expected ones, which can happen only where references are written in unusual ways.
    """
    outcomes = [_outcome(entry, digests, only_check=False, update=update) for entry in found.entries]
    parts: list[str] = []
    at = 0
    for outcome in outcomes:
        if outcome.verdict in (Verdict.PINNED, Verdict.UPDATED):
            span = outcome.entry.span
            parts += [found.text[at : span.start], pinned(outcome.entry, outcome.digest)]
            at = span.end
    text = "".join([*parts, found.text[at:]])
    if at and _meaning(read(text).entries) != [_wanted(outcome) for outcome in outcomes]:
        raise InvalidInput(
            "The file can't be changed without changing its meaning.",
            subject=found.name,
            advice="Write each reference on one line, without escapes.",
        )
    return Locked(text, outcomes)


def pinned(entry: Entry, digest: str) -> str:
    """The text of *entry* with *digest*: as it is written, with the digest at its end. Only variables that may change
    the tag are replaced by their values, because an engine that sees a digest ignores the tag."""
    reference = entry.reference
    if reference is None:
        raise ValueError("the entry has no reference")
    if not _extendable(entry):
        return reference.with_digest(None).with_tag(reference.tag or DEFAULT_TAG).familiar + f"@{digest}"
    written = entry.raw if reference.digest is None else entry.raw.rpartition("@")[0]
    return written + ("" if reference.tag else f":{DEFAULT_TAG}") + f"@{digest}"


def _extendable(entry: Entry) -> bool:
    """Whether tag and digest of *entry* are written without variables, so that its text can be kept."""
    reference, tail = entry.reference, entry.tail
    if reference is None or not tail:
        return False
    if reference.digest is not None:
        tail, at, digest = tail.rpartition("@")
        if not at or digest != reference.digest:
            return False
    if tail == entry.raw:
        return True
    return _TAG_AT_END.search(tail) is not None if reference.tag else "/" in tail


def _outcome(
    entry: Entry, digests: Mapping[Reference, Found], *, only_check: bool, update: bool = False
) -> Outcome:
    reference = entry.reference
    if entry.built:
        return Outcome(entry, Verdict.BUILT)
    if reference is None:
        return Outcome(entry, Verdict.UNRESOLVED, error=entry.problem)
    asked = only_check or update or reference.digest is None
    now = digests.get(bare(reference), "") if asked else ""
    if isinstance(now, LongshoreError):
        return Outcome(entry, Verdict.FAILED, error=now)
    if reference.digest is None:
        return Outcome(entry, Verdict.UNPINNED if only_check else Verdict.PINNED, now)
    if reference.tag is None or now in ("", reference.digest):
        return Outcome(entry, Verdict.UNCHANGED, now)
    return Outcome(entry, Verdict.MOVED if only_check else Verdict.UPDATED, now)


def _meaning(entries: tuple[Entry, ...]) -> list[Reference | None]:
    return [entry.reference for entry in entries]


def _wanted(outcome: Outcome) -> Reference | None:
    reference = outcome.entry.reference
    if reference is None or outcome.verdict not in (Verdict.PINNED, Verdict.UPDATED):
        return reference
    return reference.with_default_tag().with_digest(outcome.digest)
