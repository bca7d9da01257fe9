"""Compares the tags of two repositories. No manifest is read twice, and none at all for tags that are in step."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta

from longshore.application.mirrors.plan import HeldTag, MirrorTag, TagState
from longshore.application.mirrors.rules import MirrorRule
from longshore.cancellation import Cancellation, Cancelled
from longshore.errors import InvalidContent, LongshoreError, NotInRegistry
from longshore.oci.descriptor import Descriptor
from longshore.oci.manifest import Index, Manifest
from longshore.registry.client import RegistryClient
from longshore.registry.failures import REFUSALS
from longshore.side_by_side import ask_all
from longshore.transfers.content.protocol import ContentReader, ContentWriter
from longshore.transfers.errors import NoPlatform
from longshore.transfers.ways.copying.walk import Content, top_of, walk_down


@dataclass(frozen=True, slots=True)
class Looked:
    """A tag, and its content if it is to be copied."""

    tag: MirrorTag | HeldTag
    content: Content | None = None


class ReadOnce:
    """A reader of a repository that reads each manifest once, however many tags and indexes name it. Thread-safe."""

    def __init__(self, reader: ContentReader) -> None:
        self._reader = reader
        self.host = reader.host
        self.repository = reader.repository
        self._lock = threading.Lock()
        self._digests: dict[str, str] = {}
        self._found: dict[str, Future[Manifest | Index]] = {}

    def point(self, tag: str, digest: str) -> None:
        """From now on *tag* is read by its digest."""
        self._digests[tag] = digest

    def manifest(self, name: str, *, cancellation: Cancellation) -> Manifest | Index:
        """See ContentReader."""
        digest = self._digests.get(name, name)
        if ":" not in digest:
            return self._reader.manifest(name, cancellation=cancellation)
        while True:
            with self._lock:
                found = self._found.get(digest)
                mine = found is None
                if found is None:
                    found = self._found[digest] = Future()
            if mine:
                return self._read(digest, found, cancellation)
            try:
                return found.result()
            except Cancelled:  # of whoever read it: an image that failed ends all of its own requests
                if cancellation.stopping:
                    raise

    def _read(
        self, digest: str, found: Future[Manifest | Index], cancellation: Cancellation
    ) -> Manifest | Index:
        try:
            manifest = self._reader.manifest(digest, cancellation=cancellation)
        except BaseException as error:
            with self._lock:
                del self._found[digest]
            found.set_exception(error)
            raise
        found.set_result(manifest)
        return manifest

    def blob(
        self, wanted: Descriptor, offset: int = 0, *, cancellation: Cancellation
    ) -> AbstractContextManager[Iterable[bytes]]:
        """See ContentReader."""
        return self._reader.blob(wanted, offset, cancellation=cancellation)

    def referrers(
        self, digest: str, *, refused: Callable[[LongshoreError], None], cancellation: Cancellation
    ) -> list[Descriptor]:
        """See ContentReader."""
        return self._reader.referrers(digest, refused=refused, cancellation=cancellation)

    def mountable(self, digest: str, host: str) -> str:
        """See ContentReader."""
        return self._reader.mountable(digest, host)

    def close(self) -> None:
        """See ContentReader."""
        self._reader.close()


class Comparison:
    """Compares tags; its methods except :meth:`weigh` run in several threads. *now*: from when ages count."""

    def __init__(
        self,
        rule: MirrorRule,
        client: RegistryClient,
        reader: ReadOnce,
        writer: ContentWriter,
        now: datetime,
        done: Callable[[], None],
    ) -> None:
        self._rule = rule
        self._client = client
        self._reader = reader
        self._writer = writer
        self._newest_allowed = now - timedelta(days=rule.minimum_age_days)
        self._done = done

    def look(self, tag: str, cancellation: Cancellation) -> Looked:
        """The state of *tag*."""
        try:
            return self._compare(tag, cancellation)
        except NoPlatform as error:
            return Looked(MirrorTag(tag, TagState.OTHER_PLATFORMS, error=error))
        except (InvalidContent, NotInRegistry) as error:
            return Looked(MirrorTag(tag, TagState.UNREADABLE, error=error))
        finally:
            self._done()

    def _compare(self, tag: str, cancellation: Cancellation) -> Looked:
        rule, reader, writer = self._rule, self._reader, self._writer
        # HEAD requests do not count towards the pull limits of registries.
        head = self._client.head(reader.repository, tag, cancellation=cancellation)
        if head is not None:
            reader.point(tag, head.digest)
        current = writer.manifest_digest(tag, cancellation=cancellation) or ""
        in_step = head is not None and head.digest == current
        if in_step and not rule.platforms and not rule.referrers:
            return Looked(MirrorTag(tag, TagState.SAME, current, current))
        if rule.minimum_age_days and not in_step:
            created = self._created(tag, cancellation)
            if created is None or created > self._newest_allowed:
                return Looked(HeldTag(tag, created))
        top, pruned, _ = top_of(
            reader,
            tag,
            platforms=rule.platforms,
            subject=rule.ends[0].with_tag(tag).familiar,
            cancellation=cancellation,
        )
        digest = top.digest
        if current == digest and not rule.referrers:
            return Looked(MirrorTag(tag, TagState.SAME, digest, current))
        content = walk_down(
            reader,
            top,
            pruned=pruned,
            chosen=bool(rule.platforms),
            referrers=rule.referrers,
            cancellation=cancellation,
        )
        digest = content.top.digest  # differs from the source if attestations are gone
        if current == digest and not rule.referrers:
            return Looked(MirrorTag(tag, TagState.SAME, digest, current))
        state = TagState.DIFFERS if current else TagState.MISSING
        if current == digest:
            complete = all(
                writer.manifest_digest(name, cancellation=cancellation) == found.digest
                for name, found in content.beside
            )
            state = TagState.SAME if complete else TagState.UNSIGNED
        return Looked(MirrorTag(tag, state, digest, current), None if state is TagState.SAME else content)

    def _created(self, tag: str, cancellation: Cancellation) -> datetime | None:
        """When the image of *tag* was made: of an index, its first image that the rule includes."""
        found = self._reader.manifest(tag, cancellation=cancellation)
        if isinstance(found, Index):
            wanted = self._rule.platforms
            images = [
                one
                for one in found.images
                if not wanted or (one.platform and any(each.matches(one.platform) for each in wanted))
            ]
            if not images:
                return None
            found = self._reader.manifest(images[0].digest, cancellation=cancellation)
        if not isinstance(found, Manifest):
            return None
        try:
            return self._client.config(self._reader.repository, found, cancellation=cancellation).created
        except (InvalidContent, NotInRegistry):
            return None  # an artifact: its configuration is of another kind

    def weigh(self, looked: Sequence[Looked], cancellation: Cancellation) -> tuple[MirrorTag, ...]:
        """The tags with their bytes, each content counted for the first tag that needs it."""
        writer = self._writer
        contents = [one.content for one in looked if one.content is not None]
        manifests = {found.digest: found for content in contents for found in content.manifests}

        def existing(digest: str, cancellation: Cancellation) -> str | None:
            try:
                return writer.manifest_digest(digest, cancellation=cancellation)
            except REFUSALS:
                return None  # then its blobs are checked one by one

        found = ask_all(existing, list(manifests), cancellation)
        # A present manifest has its blobs too.
        there: set[str] = set()
        for manifest, digest in zip(manifests.values(), found, strict=True):
            if digest == manifest.digest and isinstance(manifest, Manifest):
                there |= {blob.digest for blob in (manifest.config, *manifest.layers)}
        needed = {digest for content in contents for digest in content.blobs}
        if self._reader.host == writer.host:
            there |= needed  # will be mounted
        asked = list(needed - there)
        sizes = ask_all(lambda digest, part: writer.blob_size(digest, cancellation=part), asked, cancellation)
        there |= {digest for digest, size in zip(asked, sizes, strict=True) if size is not None}
        weighed = []
        for one in looked:
            tag = one.tag
            if isinstance(tag, HeldTag):
                continue
            if one.content is not None:
                blobs = one.content.blobs
                moves = sum(blob.size for digest, blob in blobs.items() if digest not in there)
                there |= blobs.keys()
                size = sum(blob.size for blob in blobs.values())
                tag = MirrorTag(tag.tag, tag.state, tag.digest, tag.current, size, moves)
            weighed.append(tag)
        return tuple(weighed)
