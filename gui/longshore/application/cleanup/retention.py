"""The retention plan of a registry's repository: which tags go, how, and what that frees. Pure: no I/O, any thread."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from longshore.application.cleanup.retention_rules import RetentionRules, TagReason, matching, protected
from longshore.application.cleanup.tags import RepositoryContents, RepositoryTag
from longshore.oci.attached_tags import image_of
from longshore.registry.tag_deletion import Way

#: Tags of which it is enough to know some.
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class RetentionRow:
    """A tag that can be ticked. *siblings*: all other tags of its image."""

    tag: RepositoryTag
    reason: TagReason
    siblings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Deletion:
    """Tags of one image that are deleted together. *whole*: with their image, because nothing else needs it; otherwise
    only the tags are deleted, and *staying* are the other tags of the image."""

    digest: str
    tags: tuple[str, ...]
    whole: bool
    staying: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happens if certain tags are ticked.

    *deletions*: in the order in which they are made. *companions*: tags of signatures and the like that go with their
    images. *blocked*: ticked tags that cannot be removed, because the registry deletes only whole images, each with the
    tags that need the image. *going*, *kept*: the blobs, with compressed bytes, of images that are deleted and of those
    that stay. *indexes*: some of the deleted images have several platforms. *unread*: tags that stay and could not be
    read. They may need any image, so no image is deleted.
    """

    deletions: tuple[Deletion, ...]
    companions: tuple[str, ...]
    blocked: Mapping[str, tuple[str, ...]]
    going: Mapping[str, int]
    kept: Mapping[str, int]
    indexes: bool = False
    unread: tuple[str, ...] = ()

    @property
    def tags(self) -> tuple[str, ...]:
        """Exactly the tags that go."""
        return tuple(tag for one in self.deletions for tag in one.tags)


@dataclass(frozen=True)
class RetentionPlan:
    """The tags of one repository that rules remove. Immutable; any thread.

    *undated*: tags that are kept only because the dates of their images are not known. *pinned*: tags that the user has
    pinned, which are never removed.
    """

    contents: RepositoryContents
    rules: RetentionRules
    rows: tuple[RetentionRow, ...]
    undated: int = 0
    pinned: tuple[str, ...] = ()

    def outcome(self, ticked: Collection[str]) -> Outcome:
        """What happens if *ticked*, tags of :attr:`rows`, are removed."""
        return outcome(self.contents, {row.tag.tag for row in self.rows} & set(ticked), self.pinned)

    def unique(self) -> dict[str, int]:
        """The compressed bytes of each image, by digest, that no other image of the repository needs."""
        digests = {one.digest for one in self.contents.tags}
        blobs = {digest: self.contents.blobs(self.contents.below(digest)) for digest in digests}
        users = Counter(blob for found in blobs.values() for blob in found)
        return {
            digest: sum(size for blob, size in found.items() if users[blob] == 1)
            for digest, found in blobs.items()
        }

    @property
    def all(self) -> tuple[str, ...]:
        """The tags of all rows."""
        return tuple(row.tag.tag for row in self.rows)


def make(
    contents: RepositoryContents,
    rules: RetentionRules,
    now: datetime | None = None,
    *,
    pins: Collection[str] = (),
) -> RetentionPlan:
    """The plan for the repository *contents*. *now*: from when ages count. *pins*: the pinned references, in full.

    Raises InvalidInput for unusable rules.
    """
    rules.check()
    repository = contents.repository
    pinned = [
        one.tag
        for one in contents.tags
        if str(repository.with_tag(one.tag)) in pins or str(repository.with_digest(one.digest)) in pins
    ]
    never = contents.leftovers.union(pinned)
    found = matching(rules, [one for one in contents.tags if one.tag not in never], now)
    for tag in contents.leftovers.difference(pinned):
        if not protected(rules, tag):
            found.tags[tag] = TagReason(leftover=True)
    names = _by_digest(contents.tags)
    rows = tuple(
        RetentionRow(one, found.tags[one.tag], tuple(tag for tag in names[one.digest] if tag != one.tag))
        for one in contents.tags
        if one.tag in found.tags
    )
    return RetentionPlan(contents, rules, rows, found.undated, tuple(pinned))


def outcome(contents: RepositoryContents, ticked: Collection[str], pinned: Collection[str] = ()) -> Outcome:
    """What happens if exactly the tags *ticked* of *contents* are to go, with what belongs to their images, but none of
    *pinned*."""
    names = _by_digest(contents.tags)
    going = {one.tag for one in contents.tags if one.tag in ticked}
    blocked: dict[str, tuple[str, ...]] = {}
    while True:
        companions = _companions(contents, going).difference(pinned)
        held = _held(contents, going | companions)
        shared = {one.digest for one in contents.tags if one.tag in going and one.digest in held}
        if contents.way is not Way.IMAGE or not shared:
            break
        # What stays may hold others: look again.
        for digest in shared:
            needed = [tag for tag in names[digest] if tag not in going] or sorted(held[digest])
            stuck = [tag for tag in names[digest] if tag in going]
            blocked |= dict.fromkeys(stuck, tuple(needed))
            going -= set(stuck)
    if contents.way is Way.IMAGE:
        companions -= {one.tag for one in contents.tags if one.digest in held}
    every = going | companions
    deletions = [
        Deletion(
            digest,
            tuple(tag for tag in tags if tag in every),
            digest not in held,
            tuple(tag for tag in tags if tag not in every),
        )
        for digest, tags in names.items()
        if every.intersection(tags)
    ]
    # An index first, because some registries refuse to delete what an index names; referrers after their image.
    deletions.sort(key=lambda one: (bool(companions.intersection(one.tags)), not _is_index(contents, one)))
    whole = {one.digest for one in deletions if one.whole}
    staying: set[str] = set()
    for digest in names:
        if digest not in whole:
            staying |= contents.below(digest)
    leaving = {below for digest in whole for below in contents.below(digest)} - staying
    kept = contents.blobs(staying)
    return Outcome(
        tuple(deletions),
        tuple(one.tag for one in contents.tags if one.tag in companions),
        blocked,
        {blob: size for blob, size in contents.blobs(leaving).items() if blob not in kept},
        kept,
        any(one.whole and _is_index(contents, one) for one in deletions),
        tuple(_unread(contents, every)),
    )


def freed(outcomes: Iterable[Outcome]) -> int:
    """The compressed bytes that nothing kept needs after several repositories of one registry; each blob once."""
    outcomes = list(outcomes)
    going: dict[str, int] = {}
    for one in outcomes:
        going.update(one.going)
    return sum(size for blob, size in going.items() if all(blob not in one.kept for one in outcomes))


def _by_digest(tags: Iterable[RepositoryTag]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in tags:
        found.setdefault(one.digest, []).append(one.tag)
    return found


def _held(contents: RepositoryContents, going: Collection[str]) -> dict[str, set[str]]:
    """The digests that tags other than *going* need, each with these tags."""
    below: dict[str, set[str]] = {}
    held: dict[str, set[str]] = {}
    for one in contents.tags:
        if one.tag in going:
            continue
        if one.digest not in below:
            below[one.digest] = contents.below(one.digest)
        for digest in below[one.digest]:
            held.setdefault(digest, set()).add(one.tag)
    unread = _unread(contents, going)
    if unread:
        for one in contents.tags:
            for digest in contents.below(one.digest):
                held.setdefault(digest, set()).update(unread[:_SHOWN])
    return held


def _unread(contents: RepositoryContents, going: Collection[str]) -> list[str]:
    """The tags other than *going* that could not be read, and may need any image."""
    return [
        one.tag
        for one in contents.tags
        if contents.unread
        and one.tag not in going
        and not contents.unread.isdisjoint(contents.below(one.digest))
    ]


def _companions(contents: RepositoryContents, going: Collection[str]) -> set[str]:
    """The tags of signatures and the like whose image is deleted with the tags *going*."""
    beside = {one.tag: image_of(one.tag) for one in contents.tags if image_of(one.tag)}
    held = _held(contents, {*going, *beside})
    lost: set[str] = set()
    for one in contents.tags:
        if one.tag in going and one.digest not in held:
            lost |= contents.below(one.digest)
    return {tag for tag, subject in beside.items() if subject in lost and subject not in held}


def _is_index(contents: RepositoryContents, one: Deletion) -> bool:
    parts = contents.parts.get(one.digest)
    return parts is not None and bool(parts.children)
