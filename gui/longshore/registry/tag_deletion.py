"""Deletes tags, each in the best way that its registry has. Blocking; worker threads.

A registry deletes a manifest by its digest, and that removes every tag of the digest (distribution-spec, "Deleting
Manifests"). To delete one tag and keep its image and its other tags there are three ways (:class:`Way`): the
registry's own deletion of tags ("Deleting tags", optional), the API of its vendor, or a small manifest of ours: the tag
is moved to one that nothing else points to, and that manifest is deleted. regclient does the latter
(``scheme/reg/tag.go``).

Some registries delete the image too when they are asked to delete a tag. So this is tried with a manifest of our own
first, and what a registry deletes in excess is put back.
"""

from __future__ import annotations

import contextlib
import enum
import logging
import secrets
from collections.abc import Iterator, Sequence
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING

from longshore.cancellation import Cancellation
from longshore.errors import (
    AccessDenied,
    LongshoreError,
    NotInRegistry,
    TagMoved,
    UnexpectedReply,
    VerificationFailed,
)
from longshore.oci.digest import sha256_of, valid_digest
from longshore.oci.manifest import DOCKER_LIST, DOCKER_MANIFEST, Index, Manifest
from longshore.registry import failures
from longshore.registry.substitutes import substitute

if TYPE_CHECKING:
    from longshore.registry.client import RegistryClient
    from longshore.registry.latecomers import Latecomers
    from longshore.registry.vendors.protocol import Lister

_log = logging.getLogger(__name__)


class Way(enum.Enum):
    """How a tag is deleted. All but IMAGE keep its image and its other tags."""

    #: The registry deletes the tag (distribution-spec 1.1, "Deleting tags").
    TAG = "tag"
    #: The API of the registry's vendor deletes the tag.
    VENDOR = "vendor"
    #: The tag is moved to a small manifest of ours, and that is deleted.
    SUBSTITUTE = "substitute"
    #: The image is deleted by its digest, with all its tags.
    IMAGE = "image"


class TagDeletion:
    """Deletes tags of *repository*. One thread; every call blocks.

    *lister*: knows the API of the registry's vendor; without it that is not used. All methods raise RegistryError and
    its subclasses, and Cancelled, but never between the two halves of a deletion.
    """

    def __init__(
        self,
        client: RegistryClient,
        repository: str,
        *,
        lister: Lister | None = None,
        cancellation: Cancellation | None = None,
    ) -> None:
        self._client = client
        self._repository = repository
        self._lister = lister
        self._cancellation = cancellation or Cancellation()
        self._way: Way | None = None
        self._tried = False

    def way(self) -> Way:
        """The way to delete a tag and keep its image; IMAGE if there is none. Changes nothing; asks only once."""
        if self._way is None:
            self._way = self._found_way()
        return self._way

    def _found_way(self) -> Way:
        client, repository, cancellation = self._client, self._repository, self._cancellation
        if client.deletes_tags(repository, cancellation=cancellation):
            return Way.TAG
        if self._vendor_deletes():
            return Way.VENDOR
        if client.deletes_manifests(repository, cancellation=cancellation) and self._accepts_pushes():
            return Way.SUBSTITUTE
        return Way.IMAGE

    def _vendor_deletes(self) -> bool:
        try:
            return self._lister is not None and self._lister.deletes_tags(cancellation=self._cancellation)
        except LongshoreError:
            return False

    def _accepts_pushes(self) -> bool:
        try:
            upload = self._client.start_upload(self._repository, cancellation=self._cancellation)
        except failures.REFUSALS:
            return False
        with suppress(*failures.REFUSALS):
            self._client.abort_upload(upload, cancellation=self._cancellation)
        return True

    def try_out(self) -> None:
        """Check with a manifest of our own that the way works; only once, and before the first deletion of a tag alone.

        Raises AccessDenied if the registry does not allow deletion. A registry that deletes more than the tag gets a
        substitute from now on.
        """
        if self._tried:
            return
        way = self.way()
        if way is Way.TAG and not self._keeps_images():
            way = Way.SUBSTITUTE
        if way in (Way.SUBSTITUTE, Way.IMAGE):
            raw, media_type = self._substitute("", docker=False)
            digest = sha256_of(raw)
            self._put(digest, raw, media_type)
            self._client.delete_manifest(self._repository, digest, cancellation=self._cancellation)
            way = Way.SUBSTITUTE
        self._way, self._tried = way, True

    def _keeps_images(self) -> bool:
        """Whether the registry deletes a tag and keeps its manifest. Believed if it accepts no push to try it with."""
        trial = f"longshore-trial-{secrets.token_hex(16)}"
        try:
            raw, media_type = self._substitute(trial, docker=False)
            self._put(trial, raw, media_type)
        except failures.REFUSALS:
            return True
        digest = sha256_of(raw)
        try:
            with suppress(*failures.REFUSALS):
                self._client.delete_tag(self._repository, trial, cancellation=self._cancellation)
            return self._digest(trial) is None and self._digest(digest) == digest
        finally:
            with suppress(*failures.REFUSALS):
                self._client.delete_manifest(self._repository, digest, cancellation=self._cancellation)

    # -- one tag

    def delete_tags(self, digest: str, tags: Sequence[str], staying: Sequence[str] = ()) -> Iterator[str]:
        """Delete *tags*, which point to *digest*, keep their image, and yield each that is gone.

        One that is gone already is yielded, too. Raises TagMoved if one points to another image, before it is changed;
        VerificationFailed if the registry does something else than it reports. *staying*: other tags of the image; they
        and the image are checked at the end, and put back if the registry deleted them.
        """
        self.try_out()
        way = self.way()
        image = None
        kept = [tag for tag in staying if self._digest(tag) == digest]
        try:
            for tag in tags:
                self._cancellation.raise_if_cancelled()
                now = self._digest(tag)
                if now is not None:
                    self._expect(tag, now, digest)
                    if image is None and way is not Way.VENDOR:
                        image = self._client.manifest(
                            self._repository, digest, cancellation=self._cancellation
                        )
                    self._delete_one(way, tag, digest, image)
                yield tag
        finally:
            if image is not None and way is Way.TAG:
                with self._uncancelled():
                    self._put_back_lost(image, kept, tags[0])

    def _delete_one(self, way: Way, tag: str, digest: str, image: Manifest | Index | None) -> None:
        moved_to = None
        if way is Way.SUBSTITUTE and image is not None:
            docker = image.media_type in (DOCKER_MANIFEST, DOCKER_LIST)
            moved_to = self._substitute(tag, docker=docker)
            self._expect(tag, self._digest(tag), digest)
        with self._uncancelled():
            with suppress(NotInRegistry):
                if moved_to is not None and image is not None:
                    self._take_away(tag, image, *moved_to)
                else:
                    self._delete_tag(way, tag, digest)
            self._check_gone(tag, digest)
        _log.info("deleted the tag %s (%s)", self._named(tag), digest)

    def _delete_tag(self, way: Way, tag: str, digest: str) -> None:
        try:
            if way is Way.VENDOR and self._lister is not None:
                self._lister.delete_tag(self._repository, tag, digest, cancellation=self._cancellation)
            else:
                self._client.delete_tag(self._repository, tag, cancellation=self._cancellation)
        except (AccessDenied, UnexpectedReply) as error:
            # Immutable tags cannot be deleted either.
            found = failures.of_tag(error, self._client.registry, self._named(tag), tag)
            raise found from (None if found is error else error)

    def _take_away(self, tag: str, image: Manifest | Index, raw: bytes, media_type: str) -> None:
        """Move *tag* from *image* to the manifest *raw* and delete that; after an error, move it back."""
        try:
            self._put(tag, raw, media_type)
            self._client.delete_manifest(self._repository, sha256_of(raw), cancellation=self._cancellation)
            if self._digest(tag) == sha256_of(raw):
                # go-containerregistry's registry keeps the tags of a deleted digest. No image can be lost by now.
                self._client.delete_manifest(self._repository, tag, cancellation=self._cancellation)
        except LongshoreError:
            self._put_back(tag, image)
            raise
        if self._digest(tag) == sha256_of(raw):
            raise self._still_there(tag)

    def _put_back(self, tag: str, image: Manifest | Index) -> None:
        try:
            self._put(tag, image.raw, image.media_type)
        except LongshoreError as error:
            raise VerificationFailed(
                "The tag {tag} could be neither deleted nor put back.",
                subject=self._named(tag),
                advice="Its image is still there as {digest}.",
                detail=error.message,
                arguments={"tag": tag, "digest": image.digest},
            ) from error

    def _put_back_lost(self, image: Manifest | Index, staying: Sequence[str], deleted: str) -> None:
        lost = [name for name in (image.digest, *staying) if self._digest(name) is None]
        try:
            # A registry that deletes the manifest when it is asked to delete a tag still has the blobs.
            for name in lost:
                self._put(name, image.raw, image.media_type)
        except LongshoreError as error:
            raise VerificationFailed(
                "The registry also removed other tags of the image.",
                subject=self._named(deleted),
                advice="Push the image again under these tags.",
                detail="\n".join([*lost, error.message]),
            ) from error

    # -- an image with all its tags

    def delete_image(self, digest: str, tags: Sequence[str], latecomers: Latecomers | None = None) -> None:
        """Delete the image *digest* with all its tags, which are *tags*.

        An image that is gone already is no error. Raises TagMoved if one of *tags* points to another image, or if one
        of *latecomers* needs this one; then nothing was changed.
        """
        for tag in tags:
            now = self._digest(tag)
            if now is not None:
                # Somebody may have pushed meanwhile: only what was shown may be removed.
                self._expect(tag, now, digest)
        # Right before the deletion: what is pushed after this is lost.
        new = latecomers.needing(digest) if latecomers is not None else []
        new = [tag for tag in new if tag not in tags]
        if new:
            raise TagMoved(
                "The new tag {tag} needs this image.",
                subject=self._named(tags[0] if tags else ""),
                advice="The image and its tags were not removed. Check again.",
                arguments={"tag": new[0]},
            )
        names = [tag for tag in tags if not valid_digest(tag)]
        with self._uncancelled():
            try:
                with suppress(NotInRegistry):
                    self._client.delete_manifest(self._repository, digest, cancellation=self._cancellation)
            except AccessDenied:
                if not self._vendor_deletes():
                    raise
                # Docker Hub deletes tags, but no manifests.
                for tag in names:
                    self._delete_one(Way.VENDOR, tag, digest, None)
            for tag in names:
                if self._digest(tag) == digest:
                    # crane's registry keeps the tags of a deleted manifest.
                    with suppress(*failures.REFUSALS):
                        self._client.delete_tag(self._repository, tag, cancellation=self._cancellation)
                    self._check_gone(tag, digest)
        _log.info("deleted %s@%s with %s tags", self._named(""), digest, len(names))

    # -- shared

    @contextlib.contextmanager
    def _uncancelled(self) -> Iterator[None]:
        """From here on a tag may not be what it was until it is gone: a cancellation waits for that."""
        asked, self._cancellation = self._cancellation, Cancellation()
        try:
            yield
        finally:
            self._cancellation = asked

    def _digest(self, name: str) -> str | None:
        found = self._client.head(self._repository, name, cancellation=self._cancellation)
        return None if found is None else found.digest

    def _expect(self, tag: str, now: str | None, digest: str) -> None:
        if now != digest:
            raise TagMoved(
                "The tag {tag} was moved to another image meanwhile.",
                subject=self._named(tag),
                advice="It was not removed. Check again.",
                arguments={"tag": tag},
            )

    def _check_gone(self, tag: str, digest: str) -> None:
        now = self._digest(tag)
        if now == digest:
            raise self._still_there(tag)
        if now is not None:
            raise TagMoved(
                "The tag {tag} was pushed again meanwhile.", subject=self._named(tag), arguments={"tag": tag}
            )

    def _still_there(self, tag: str) -> VerificationFailed:
        return VerificationFailed(
            "The registry accepted the removal of {tag}, but still has the tag.",
            subject=self._named(tag),
            advice="Check again later: it may use a cache.",
            arguments={"tag": tag},
        )

    def _put(self, name: str, raw: bytes, media_type: str) -> None:
        self._client.put_manifest(self._repository, name, raw, media_type, cancellation=self._cancellation)

    def _named(self, tag: str) -> str:
        return f"{self._client.registry.host}/{self._repository}" + (f":{tag}" if tag else "")

    def _substitute(self, tag: str, *, docker: bool) -> tuple[bytes, str]:
        """A manifest that nothing else points to, and its media type; its two blobs are stored."""
        made = substitute(tag, docker=docker)
        for data in made.blobs:
            self._client.upload_blob(
                self._repository,
                sha256_of(data),
                len(data),
                lambda offset, data=data: nullcontext([data[offset:]]),  # type: ignore[misc]
                cancellation=self._cancellation,
            )
        return made.raw, made.media_type
