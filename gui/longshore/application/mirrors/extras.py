"""Deletes tags of the destination that the source no longer has, one by one, each with a backup.

A registry deletes by digest, and that removes every tag of the digest (distribution-spec, "Deleting Manifests"; its
deletion by tag is optional, and some registries delete the image too). So the image of a tag is never deleted: it gets
a backup tag, then the tag is moved to a small manifest of our own that nothing else points to, and that manifest is
deleted. regclient deletes tags in the same way (``scheme/reg/tag.go``). Other tags of the same image stay, and the
backup tag restores what was deleted.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

from longshore.application.mirrors.plan import ExtraTag, RulePlan
from longshore.application.mirrors.rules import BACKUP, MirrorRule
from longshore.cancellation import Cancellation
from longshore.errors import InvalidInput, LongshoreError, VerificationFailed
from longshore.oci.descriptor import Descriptor
from longshore.oci.digest import sha256_of
from longshore.oci.grammar import LARGEST_TAG
from longshore.oci.manifest import (
    DOCKER_CONFIG,
    DOCKER_LAYER_GZIP,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_LAYER,
    OCI_MANIFEST,
    Index,
    Manifest,
    parse_manifest,
)
from longshore.oci.reference import Reference
from longshore.registry.client import RegistryClient
from longshore.transfers.clients import Clients

#: Tags that one run deletes at most, unless the caller allows more.
MOST_DELETES = 10
_MARK = "longshore-deleted-tag"
_EMPTY = b"{}"
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
    anything is changed if the registry does not allow deletion, TagImmutable, VerificationFailed if a tag was moved
    meanwhile, Cancelled between two tags. Blocks; worker threads.
    """
    repository = rule.ends[1]
    deletion = _Deletion(clients.registry(repository.domain), repository, cancellation)
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
    def __init__(self, client: RegistryClient, repository: Reference, cancellation: Cancellation) -> None:
        self._client = client
        self._repository = repository
        self._path = repository.path
        self._cancellation = cancellation

    def try_out(self) -> None:
        """Store and delete a manifest without a tag. Raises AccessDenied if the registry does not allow deletion."""
        raw, media_type = self._substitute("", docker=False)
        digest = sha256_of(raw)
        self._put(digest, raw, media_type)
        self._client.delete_manifest(self._path, digest, cancellation=self._cancellation)

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
        left = isinstance(image, Manifest) and image.annotations.get(_MARK) == tag and _is_empty(image)
        backup = "" if left else backup_tag(tag, digest)
        if backup:
            self._put(backup, image.raw, image.media_type)
            self._expect(backup, digest)
        raw, media_type = self._substitute(tag, docker=image.media_type in (DOCKER_MANIFEST, DOCKER_LIST))
        self._expect(tag, digest)
        # From here on the tag is not what it was until it is gone: a cancellation waits for that.
        asked, self._cancellation = self._cancellation, Cancellation()
        try:
            self._take_away(tag, backup, image, raw, media_type)
            if backup:
                self._expect(backup, digest)
        finally:
            self._cancellation = asked
        _log.info("deleted %s (%s), backup %s", self._repository.with_tag(tag), digest, backup or "none")
        return DeletedTag(self._repository, tag, digest, backup)

    def _take_away(self, tag: str, backup: str, image: Manifest | Index, raw: bytes, media_type: str) -> None:
        """Move *tag* from *image* to the manifest *raw* and delete that; after an error, move it back."""
        try:
            self._put(tag, raw, media_type)
            self._client.delete_manifest(self._path, sha256_of(raw), cancellation=self._cancellation)
            if self._digest(tag) == sha256_of(raw):
                # go-containerregistry's registry keeps the tags of a deleted digest. No image can be lost by now.
                self._client.delete_manifest(self._path, tag, cancellation=self._cancellation)
        except LongshoreError:
            self._put_back(tag, backup, image)
            raise
        if self._digest(tag) == sha256_of(raw):
            raise VerificationFailed(
                "The registry accepted the deletion of {tag}, but still has the tag.",
                subject=str(self._repository.with_tag(tag)),
                advice="Its image has the tag {backup} now.",
                arguments={"tag": tag, "backup": backup},
            )
        self._expect(tag, None)

    def _put_back(self, tag: str, backup: str, image: Manifest | Index) -> None:
        try:
            self._put(tag, image.raw, image.media_type)
        except LongshoreError as error:
            raise VerificationFailed(
                "The tag {tag} could be neither deleted nor put back.",
                subject=str(self._repository.with_tag(tag)),
                advice="Its image has the tag {backup} now. The next run deletes the tag.",
                detail=error.message,
                arguments={"tag": tag, "backup": backup},
            ) from error

    def _digest(self, tag: str) -> str | None:
        found = self._client.head(self._path, tag, for_push=True, cancellation=self._cancellation)
        return None if found is None else found.digest

    def _expect(self, tag: str, digest: str | None) -> None:
        if self._digest(tag) != digest:
            raise VerificationFailed(
                "The tag {tag} was changed by somebody else meanwhile.",
                subject=str(self._repository.with_tag(tag)),
                advice="Nothing more was deleted. Make a new plan.",
                arguments={"tag": tag},
            )

    def _put(self, name: str, raw: bytes, media_type: str) -> None:
        self._client.put_manifest(self._path, name, raw, media_type, cancellation=self._cancellation)

    def _substitute(self, tag: str, *, docker: bool) -> tuple[bytes, str]:
        """A manifest that nothing else points to, and its media type; its two blobs are stored."""
        config = json.dumps(
            {
                "architecture": "amd64",
                "os": "linux",
                "config": {"Labels": {_MARK: tag, "nonce": os.urandom(16).hex()}},
                "rootfs": {"type": "layers", "diff_ids": [sha256_of(_EMPTY)]},
            }
        ).encode()
        parts = [
            Descriptor(DOCKER_CONFIG if docker else OCI_CONFIG, sha256_of(config), len(config)),
            Descriptor(DOCKER_LAYER_GZIP if docker else OCI_LAYER, sha256_of(_EMPTY), len(_EMPTY)),
        ]
        for part, data in zip(parts, (config, _EMPTY), strict=True):
            self._client.upload_blob(
                self._path,
                part.digest,
                part.size,
                lambda offset, data=data: nullcontext([data[offset:]]),  # type: ignore[misc]
                cancellation=self._cancellation,
            )
        media_type = DOCKER_MANIFEST if docker else OCI_MANIFEST
        raw = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": media_type,
                "config": parts[0].to_json(),
                "layers": [parts[1].to_json()],
                "annotations": {_MARK: tag},
            }
        ).encode()
        return parse_manifest(raw, media_type).raw, media_type


def _is_empty(image: Manifest) -> bool:
    return [layer.digest for layer in image.layers] == [sha256_of(_EMPTY)]
