"""Deletes tags of the destination that the source no longer has, one by one, each with a backup.

The image of a tag is never deleted: it gets a backup tag, and then only the tag is deleted (``registry.tag_deletion``).
Other tags of the same image stay, and the backup tag restores what was deleted.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from longshore.application.clients import Clients
from longshore.application.mirrors.plan import ExtraTag, RulePlan
from longshore.application.mirrors.rules import BACKUP, MirrorRule
from longshore.application.tag_history.recording import removing_tags
from longshore.cancellation import Cancellation
from longshore.errors import InvalidInput, LongshoreError, TagMoved, VerificationFailed
from longshore.oci.grammar import LARGEST_TAG
from longshore.oci.reference import Reference
from longshore.registry.substitutes import is_substitute
from longshore.registry.tag_deletion import TagDeletion
from longshore.transfers.tag_changes import TagOperation

#: Tags that one run deletes at most, unless the caller allows more.
MOST_DELETES = 10
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DeletedTag:
    """A deleted *tag* of *repository*: *digest* is what it pointed to, and *backup* the tag that points to it now."""

    repository: Reference
    tag: str
    digest: str
    backup: str


@dataclass(frozen=True, slots=True)
class KeptTag:
    """A *tag* of *repository* that was not deleted although the plan has it, because it is not what it was then."""

    repository: Reference
    tag: str
    reason: LongshoreError


def check_deletions(plans: Sequence[RulePlan], most: int) -> int:
    """The number of extra tags in *plans*. Raises InvalidInput if it is more than *most*. Any thread."""
    count = sum(len(one.extras) for plan in plans for one in plan.repositories)
    if count > most:
        raise InvalidInput(
            "{count} extra tags would be deleted, but at most {most} are allowed. None was deleted.",
            subject=plans[0].rule.destination.name if len(plans) == 1 else "",
            advice="Check that the source is complete. To delete them all, use --max-deletes {count}.",
            arguments={"count": count, "most": most},
        )
    return count


def delete_extras(
    rule: MirrorRule,
    extras: Sequence[ExtraTag],
    clients: Clients,
    *,
    others: Sequence[MirrorRule] = (),
    cancellation: Cancellation,
) -> Iterator[DeletedTag | KeptTag]:
    """Delete *extras* of the plan of *rule*, which is for one repository, and yield each when it is gone.

    A tag that is gone already is skipped. One that points to another image than in the plan, or that the source of
    *rule* or of the rules *others* has now, is kept. Stops at the first error and raises it: AccessDenied before
    anything is changed if the registry does not allow deletion, TagImmutable, TagMoved if a tag was moved meanwhile,
    Cancelled between two tags. Blocks; worker threads.
    """
    repository = rule.ends[1]
    deletion = _Deletion(clients, repository, cancellation)
    if extras:
        with _about(repository, extras[0].tag):
            deletion.try_out()
    for extra in extras:
        cancellation.raise_if_cancelled()
        with _about(repository, extra.tag):
            source = _source_of(extra.tag, (rule, *others), clients, cancellation)
            done = deletion.keep_for(extra.tag, source) if source else deletion.delete(extra)
        if done is not None:
            yield done


@contextmanager
def _about(repository: Reference, tag: str) -> Iterator[None]:
    """Errors name *tag*, and not a repository or a digest that nobody has seen."""
    try:
        yield
    except LongshoreError as error:
        error.subject = repository.with_tag(tag).familiar
        raise


def _source_of(
    tag: str, rules: Sequence[MirrorRule], clients: Clients, cancellation: Cancellation
) -> Reference | None:
    """The source that has *tag* now, of those whose rules include it."""
    for rule in rules:
        source = rule.ends[0]
        client = clients.registry(source.domain)
        if rule.matches(tag) and client.head(source.path, tag, cancellation=cancellation) is not None:
            return source
    return None


def backup_tag(tag: str, digest: str) -> str:
    """The tag that keeps the image *digest* after its *tag* was deleted. The digest keeps cut names apart."""
    return f"{BACKUP}{digest.partition(':')[2][:12]}-{tag}"[:LARGEST_TAG]


class _Deletion:
    """Deletes extra tags of one repository, each with a backup tag."""

    def __init__(self, clients: Clients, repository: Reference, cancellation: Cancellation) -> None:
        self._recorder = clients.recorder
        self._group = uuid.uuid4().hex
        self._client = clients.registry(repository.domain)
        self._repository = repository
        self._path = repository.path
        self._cancellation = cancellation
        self._tags = TagDeletion(
            self._client,
            repository.path,
            lister=clients.lister(repository.domain),
            cancellation=cancellation,
        )

    def try_out(self) -> None:
        """See TagDeletion. Raises AccessDenied if the registry does not allow deletion."""
        self._tags.try_out()

    def keep_for(self, tag: str, source: Reference) -> KeptTag:
        """*tag*, which *source* has now."""
        reason = LongshoreError(
            "It was not deleted, because {source} has this tag now.",
            subject=self._repository.with_tag(tag).familiar,
            arguments={"source": source.familiar_name},
        )
        return KeptTag(self._repository, tag, reason)

    def delete(self, extra: ExtraTag) -> DeletedTag | KeptTag | None:
        tag = extra.tag
        digest = self._digest(tag)
        if digest is None:
            return None
        if digest != extra.digest:
            reason = LongshoreError(
                "It was not deleted, because it points to another image than in the plan.",
                subject=self._repository.with_tag(tag).familiar,
            )
            return KeptTag(self._repository, tag, reason)
        image = self._client.manifest(self._path, digest, cancellation=self._cancellation)
        # A run that was killed may have left its own manifest there, after the backup was made.
        backup = "" if is_substitute(image, tag) else backup_tag(tag, digest)
        if backup:
            self._client.put_manifest(
                self._path, backup, image.raw, image.media_type, cancellation=self._cancellation
            )
            self._expect(backup, digest)
        try:
            with removing_tags(
                self._recorder,
                self._client,
                self._repository,
                {tag: digest} if backup else {},
                TagOperation.MIRROR,
                known=[image],
                group=self._group,
            ):
                for _ in self._tags.delete_tags(digest, [tag], [backup] if backup else []):
                    pass
        except TagMoved:
            raise
        except VerificationFailed as error:
            raise VerificationFailed(
                error.sentences[0],
                subject=error.subject,
                advice="Its image has the tag {backup} now.",
                detail=error.detail,
                arguments={**error.arguments, "backup": backup},
            ) from error
        if backup:
            self._expect(backup, digest, Cancellation())  # what is deleted is reported
        _log.info("deleted %s (%s), backup %s", self._repository.with_tag(tag), digest, backup or "none")
        return DeletedTag(self._repository, tag, digest, backup)

    def _digest(self, tag: str, cancellation: Cancellation | None = None) -> str | None:
        found = self._client.head(
            self._path, tag, for_push=True, cancellation=cancellation or self._cancellation
        )
        return None if found is None else found.digest

    def _expect(self, backup: str, digest: str, cancellation: Cancellation | None = None) -> None:
        if self._digest(backup, cancellation) != digest:
            raise VerificationFailed(
                "The backup tag {tag} does not point to the image.",
                subject=str(self._repository.with_tag(backup)),
                advice="Nothing more was deleted. Make a new plan.",
                arguments={"tag": backup},
            )
