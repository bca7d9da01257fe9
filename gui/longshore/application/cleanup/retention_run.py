"""Carries out a retention plan to the letter: only ticked tags go, each only if it is still what the plan shows.

Blocking; worker threads. The repository is read again right before: a tag that was moved is kept, and a tag that
somebody gave to an image meanwhile keeps it, up to the moment of its deletion. Afterwards the tags are listed once more
and compared with the plan.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Generator, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from longshore.application.cleanup.retention import Deletion, Outcome, RetentionPlan, outcome
from longshore.application.cleanup.tags import RepositoryContents, read_repository
from longshore.application.tag_history.recording import removing_tags
from longshore.cancellation import Cancellation, Cancelled
from longshore.errors import (
    InvalidContent,
    LongshoreError,
    NotInRegistry,
    TagImmutable,
    TagMoved,
    VerificationFailed,
)
from longshore.oci.attached_tags import image_of
from longshore.registry.latecomers import Latecomers
from longshore.registry.tag_deletion import TagDeletion, Way
from longshore.registry.tag_reading import all_tags
from longshore.transfers.tag_changes import TagOperation

if TYPE_CHECKING:
    from longshore.application.clients import Clients

#: What concerns one tag only: the others can be removed.
_OF_ONE_TAG = (TagMoved, TagImmutable, NotInRegistry, InvalidContent)


@dataclass(slots=True)
class RetentionResult:
    """What a run did, compared with its plan.

    *removed*: the tags that are gone; *already*: of these, those that were gone before. *kept*: tags of the plan that
    were kept, each with the reason, without those that the plan itself says are blocked. *left*: tags of the plan that
    were not reached, because of *error* or because the run was *cancelled*. *vanished*: tags that are gone although the
    plan has them not. *unchecked*: why the tags could not be compared with the plan afterwards. *freed*: the compressed
    bytes that nothing kept needs, of what was removed.
    """

    removed: list[str] = field(default_factory=list)
    already: list[str] = field(default_factory=list)
    kept: dict[str, LongshoreError] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)
    vanished: list[str] = field(default_factory=list)
    error: LongshoreError | None = None
    unchecked: LongshoreError | None = None
    cancelled: bool = False
    freed: int = 0

    @property
    def as_planned(self) -> bool:
        """Whether exactly the plan was carried out."""
        return not (self.kept or self.left or self.vanished or self.error or self.unchecked or self.cancelled)


def carry_out(
    clients: Clients,
    plan: RetentionPlan,
    ticked: Collection[str],
    cancellation: Cancellation,
    told: Callable[[int, int], None] = lambda done, total: None,
    *,
    group: str = "",
) -> RetentionResult:
    """Remove the tags *ticked* of *plan* and what belongs to their images, and nothing else.

    *told* receives the numbers of tags done and of all. *group*: what has the same group is undone together. Errors and
    a cancellation end up in the result, except those before anything was changed. Blocks. Raises RegistryError,
    CredentialsError, Cancelled.
    """
    steps = carrying_out(clients, plan, ticked, cancellation, told, group=group)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: RetentionResult = end.value
            return result


def carrying_out(
    clients: Clients,
    plan: RetentionPlan,
    ticked: Collection[str],
    cancellation: Cancellation,
    told: Callable[[int, int], None] = lambda done, total: None,
    *,
    group: str = "",
) -> Generator[str, None, RetentionResult]:
    """Like :func:`carry_out`, but yield each tag as soon as it is gone, and return the result."""
    wanted = plan.outcome(ticked)
    result = RetentionResult()
    if not wanted.deletions:
        return result
    now = read_repository(clients, plan.contents.repository, cancellation, known=plan.contents)
    steps = _still_valid(plan, wanted, now, result)
    deletion = TagDeletion(
        clients.registry(now.repository.domain),
        now.repository.path,
        lister=clients.lister(now.repository.domain),
        cancellation=cancellation,
    )
    latecomers = Latecomers(
        clients.registry(now.repository.domain),
        now.repository.path,
        {one.tag: one.digest for one in now.tags},
        cancellation,
        just_read=True,
    )
    yield from result.removed
    total, group = len(wanted.tags), group or uuid.uuid4().hex
    pending = [tag for step in steps.deletions for tag in step.tags]
    try:
        for step in steps.deletions:
            cancellation.raise_if_cancelled()
            yield from _carry_out_step(clients, now, deletion, latecomers, step, result, pending, group)
            told(total - len(pending), total)
    except LongshoreError as error:
        result.error = error
    except Cancelled:
        result.cancelled = True
    result.left = pending
    _verify(clients, now, latecomers, result)
    done = outcome(now, set(result.removed))
    result.freed = sum(done.going.values())
    return result


def _still_valid(
    plan: RetentionPlan, wanted: Outcome, now: RepositoryContents, result: RetentionResult
) -> Outcome:
    """What of *wanted* is still as planned in *now*; the rest goes to *result*."""
    before = {one.tag: one.digest for one in plan.contents.tags}
    there = {one.tag: one.digest for one in now.tags}
    chosen = set(wanted.tags)
    for tag in wanted.tags:
        if tag not in there:
            result.removed.append(tag)
            result.already.append(tag)
            chosen.discard(tag)
        elif there[tag] != before[tag]:
            chosen.discard(tag)
            result.kept[tag] = TagMoved(
                "The tag {tag} was moved to another image meanwhile.",
                subject=_named(now, tag),
                advice="It was not removed. Make a new plan.",
                arguments={"tag": tag},
            )
    steps = outcome(now, {tag for tag in chosen if not image_of(tag)}, plan.pinned)
    result.kept |= {tag: _needed(plan, tag, by) for tag, by in steps.blocked.items()}
    # Signatures of an image that stays now, and none that the plan did not show.
    allowed = [
        Deletion(one.digest, tags, one.whole, one.staying)
        for one in steps.deletions
        if (tags := tuple(tag for tag in one.tags if tag in chosen)) and (tags == one.tags or not one.whole)
    ]
    reached = {tag for one in allowed for tag in one.tags}
    for tag in chosen - reached - result.kept.keys():
        result.kept[tag] = LongshoreError("It belongs to an image that is kept.", subject=_named(now, tag))
    return Outcome(tuple(allowed), steps.companions, steps.blocked, steps.going, steps.kept, steps.indexes)


def _carry_out_step(
    clients: Clients,
    now: RepositoryContents,
    deletion: TagDeletion,
    latecomers: Latecomers,
    step: Deletion,
    result: RetentionResult,
    pending: list[str],
    group: str,
) -> Iterator[str]:
    """Delete the tags of *step* and yield them; each goes from *pending* to *result*.

    Raises what concerns more than these tags.
    """
    recording = removing_tags(
        clients.recorder,
        clients.registry(now.repository.domain),
        now.repository,
        dict.fromkeys(step.tags, step.digest),
        TagOperation.CLEAN_UP,
        reading=deletion.way() is not Way.VENDOR,
        group=group,
    )
    try:
        # What an interrupted removal left is nothing to get back.
        with nullcontext() if now.leftovers.issuperset(step.tags) else recording:
            for tag in _gone(deletion, latecomers, step):
                pending.remove(tag)
                result.removed.append(tag)
                yield tag
    except _OF_ONE_TAG as error:
        for tag in [one for one in step.tags if one in pending]:
            pending.remove(tag)
            result.kept[tag] = error


def _gone(deletion: TagDeletion, latecomers: Latecomers, step: Deletion) -> Iterator[str]:
    if step.whole:
        deletion.delete_image(step.digest, step.tags, latecomers)
        yield from step.tags
    else:
        yield from deletion.delete_tags(step.digest, step.tags, step.staying)


def _verify(
    clients: Clients, now: RepositoryContents, latecomers: Latecomers, result: RetentionResult
) -> None:
    """Compare the repository's list of tags with *result*, which is complete also where that is not possible."""
    client = clients.registry(now.repository.domain)
    try:
        there = set(all_tags(client, now.repository.path, Cancellation()))
    except NotInRegistry:
        there = set()  # the last tag is gone, and the repository with it
    except LongshoreError as error:
        result.unchecked = error
        return
    # The registry may have deleted a tag, and then refused to say so.
    gone = [tag for tag in result.left if tag not in there]
    result.removed += gone
    result.left = [tag for tag in result.left if tag in there]
    if gone and not result.left:
        result.unchecked, result.error = result.error, None
    for tag in [one for one in result.removed if one in there]:
        try:
            head = client.head(now.repository.path, tag)
        except LongshoreError as error:
            result.unchecked = error
            continue
        if head is None:
            continue  # some registries list a tag without an image
        result.removed.remove(tag)
        result.kept[tag] = VerificationFailed(
            "The registry has the tag {tag} again, or still.",
            subject=_named(now, tag),
            advice="Check again later: it may use a cache.",
            arguments={"tag": tag},
        )
    expected = dict.fromkeys([*(one.tag for one in now.tags), *latecomers.found])
    removed = set(result.removed)
    result.vanished = [tag for tag in expected if tag not in removed and tag not in there]


def _needed(plan: RetentionPlan, tag: str, by: Collection[str]) -> LongshoreError:
    shown = ", ".join(list(by)[:5]) + (", …" if len(by) > 5 else "")
    return LongshoreError(
        "It was kept, because this registry deletes only whole images and {tags} needs this one.",
        subject=_named(plan.contents, tag),
        arguments={"tags": shown},
    )


def _named(contents: RepositoryContents, tag: str) -> str:
    return contents.repository.with_tag(tag).familiar
