"""One copy, from its plan to its verification."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

from longshore.cancellation import Cancellation, Cancelled
from longshore.errors import LongshoreError, VerificationFailed
from longshore.oci.descriptor import Descriptor
from longshore.oci.digest import short, valid_digest
from longshore.oci.layer import BlobOutcome, LayerProgress, LayerState
from longshore.oci.manifest import Index, Manifest, type_of_artifact
from longshore.registry.failures import REFUSALS
from longshore.side_by_side import ask_all, first_failure
from longshore.text import plain
from longshore.transfers.content.protocol import ContentReader, ContentWriter
from longshore.transfers.progress.meter import PlannedLayer
from longshore.transfers.tag_changes import TagChange
from longshore.transfers.transfer import ArchivePlace, Endpoint, NoteKind, Phase, Plan
from longshore.transfers.ways.copying.selection import wanted_platforms
from longshore.transfers.ways.copying.source import BlobSource, SourceFailedError
from longshore.transfers.ways.copying.turns import Turns
from longshore.transfers.ways.copying.walk import Content, walk
from longshore.transfers.ways.planning import plan_of
from longshore.transfers.ways.tag_records import change_of, changing, tag_now
from longshore.transfers.ways.way import Job

_log = logging.getLogger(__name__)

#: Blobs of one image that move in parallel.
SIDE_BY_SIDE = 6
#: Most characters of an artifact's type that are shown.
_LONGEST_TYPE = 200
#: Seconds that the other blobs have to reach a good stopping point after one has failed.
STOP_SECONDS = 3.0

_STATES = {
    BlobOutcome.UPLOADED: LayerState.DONE,
    BlobOutcome.SKIPPED: LayerState.SKIPPED,
    BlobOutcome.MOUNTED: LayerState.MOUNTED,
}


class CopyWork:
    """One attempt at a copy between two opened places. Belongs to the job's thread and starts helper threads."""

    def __init__(
        self,
        job: Job,
        reader: ContentReader,
        writer: ContentWriter,
        turns: Turns,
        source: str | None = None,
    ) -> None:
        """*source*: the image's name for *reader*, if it is not the one of the request's source."""
        self._job = job
        self._turns = turns
        self._reader = reader
        self._writer = writer
        self._source_name = source_name(job.request.source) if source is None else source
        self._content: Content | None = None
        self._name = ""
        #: Within one registry, blobs are mounted without asking for them first.
        self._near = bool(reader.host) and reader.host == writer.host
        self._there: set[str] = set()  # digests of manifests and blobs that the destination has
        self._current: str | None = None  # the digest that the destination's name points to now
        self._unseen: LongshoreError | None = None  # why the destination does not say which manifests it has

    # -- before the first byte

    def plan(self) -> Plan:
        """Read the parts of the image, and ask which of them the destination has."""
        job = self._job
        cancellation = job.cancellation
        job.progress.enter(Phase.CHECKING)
        request = job.request
        options = dict(request.options)
        self._content = content = walk(
            self._reader,
            self._source_name,
            platform=request.platform,
            platforms=wanted_platforms(request.options),
            referrers=options.get("referrers") == "1",
            subject=request.source.name.shown,
            cancellation=cancellation,
        )
        self._name = _destination_name(request.destination) or content.top.digest
        layers = content.layers.values()
        job.progress.expect(PlannedLayer(layer.digest, layer.size, here=self._near) for layer in layers)
        self._ask(content, cancellation)
        for digest in content.layers:
            self._tell(digest, LayerState.SKIPPED if digest in self._there else LayerState.WAITING)
        return plan_of(
            [
                PlannedLayer(layer.digest, layer.size, here=self._near or layer.digest in self._there)
                for layer in layers
            ],
            estimated=self._near and not self._there >= content.layers.keys(),  # a mount may be refused
            digest=content.top.digest,
        )

    def _ask(self, content: Content, cancellation: Cancellation) -> None:
        """Ask which manifests and blobs the destination has. A present manifest has its blobs too: it was checked."""
        writer = self._writer

        def existing(name: str, cancellation: Cancellation) -> str | None:
            if self._unseen is not None:
                return None
            try:
                return writer.manifest_digest(name, cancellation=cancellation)
            except REFUSALS as error:
                # Only an optimisation failed. The writes will show whether we may write.
                _log.info("%s/%s does not report what it has: %s", writer.host, writer.repository, error)
                self._unseen = error
                return None

        manifests = {found.digest: found for found in content.manifests}
        names = [self._name, *(digest for digest in manifests if digest != self._name)]
        found = dict(zip(names, ask_all(existing, names, cancellation), strict=True))
        self._current = found[self._name]
        for digest, manifest in manifests.items():
            if digest in (found.get(digest), self._current):
                self._there.add(digest)
                if isinstance(manifest, Manifest):
                    self._there |= {blob.digest for blob in (manifest.config, *manifest.layers)}

        def has(digest: str, cancellation: Cancellation) -> bool:
            self._tell(digest, LayerState.CHECKING)
            return writer.blob_size(digest, cancellation=cancellation) is not None

        if self._near and self._reader.repository == writer.repository:
            self._there |= content.blobs.keys()
        asked = [] if self._near else [digest for digest in content.blobs if digest not in self._there]
        answers = ask_all(has, asked, cancellation)
        self._there |= {digest for digest, there in zip(asked, answers, strict=True) if there}

    # -- the copy

    def run(self) -> str:
        """Copy blobs, then manifests from the children up, the name last.

        Returns the digest that the name then points to.
        """
        job, content = self._job, self._content
        assert content is not None
        job.progress.enter(None)
        missing = [blob for digest, blob in content.blobs.items() if digest not in self._there]
        self._move(missing)
        self._put(content)
        job.progress.enter(Phase.VERIFYING)
        self._writer.commit(cancellation=job.cancellation)
        self._verify(content.top.digest)
        self._note(
            content, changed=bool(missing) or not {found.digest for found in content.manifests} <= self._there
        )
        return content.top.digest

    def _move(self, blobs: Iterable[Descriptor]) -> None:
        """Copy *blobs*, the largest first, so that no large one is left for the end. The first failure ends all."""
        ordered = sorted(blobs, key=lambda blob: -blob.size)
        if not ordered:
            return
        with (
            self._job.cancellation.below() as cancellation,
            ThreadPoolExecutor(min(SIDE_BY_SIDE, len(ordered)), thread_name_prefix="transfers-copy") as pool,
        ):
            futures = [pool.submit(self._bring, blob, cancellation) for blob in ordered]
            failed = first_failure(wait(futures, return_when=FIRST_EXCEPTION).done)
            if failed is not None:
                # A transient failure is retried: then the data sent by the others is of use.
                cancellation.ask_to_stop()
                if getattr(failed, "transient", False):
                    wait(futures, STOP_SECONDS)
                cancellation.cancel()
        failed = failed or first_failure(futures)
        if failed is not None:
            raise failed
        if any(future.exception() is not None for future in futures):
            raise Cancelled

    def _bring(self, blob: Descriptor, cancellation: Cancellation) -> None:
        if cancellation.stopping:
            raise Cancelled
        if not self._writer.host:  # the library and archives handle this themselves
            self._send(blob, cancellation)
            return
        place = (self._writer.host, self._writer.repository, blob.digest)
        with self._turns.take(place, cancellation) as waited:
            if waited and self._writer.blob_size(blob.digest, cancellation=cancellation) is not None:
                self._tell(blob.digest, LayerState.SKIPPED)
            else:
                self._send(blob, cancellation)

    def _send(self, blob: Descriptor, cancellation: Cancellation) -> None:
        source = BlobSource(
            self._reader,
            blob,
            bandwidth=self._job.clients.bandwidth,
            told=lambda count: self._tell(blob.digest, LayerState.TRANSFERRING, count, blob.size),
            patient=bool(self._writer.host),
            # Other places hash what they write; a registry reports a mismatch only at the end.
            hashing=bool(self._writer.host),
            cancellation=cancellation,
        )
        try:
            outcome = self._writer.write_blob(
                blob,
                source,
                mount_from=self._reader.mountable(blob.digest, self._writer.host),
                cancellation=cancellation,
            )
        except SourceFailedError as failed:
            raise failed.error from failed
        self._tell(blob.digest, _STATES[outcome])

    def _put(self, content: Content) -> None:
        for found in content.below:
            self._store(found, found.digest)
        if content.beside:
            # Before the name moves, so that nobody finds the image without its signatures.
            self._store(content.top, content.top.digest)
            for name, found in content.beside:
                if name != found.digest or name not in self._there:
                    self._writer.put_manifest(found, name, cancellation=self._job.cancellation)
        if self._current != content.top.digest:
            with changing(self._job, *self._changes(content.top.digest)):
                self._writer.put_manifest(content.top, self._name, cancellation=self._job.cancellation)

    def _changes(self, digest: str) -> list[TagChange]:
        """The change of the destination's tag, for the tag history.

        The tag may have been moved since the plan was made. Names in other programs' layouts are no tags.
        """
        job, wanted = self._job, self._job.request.destination
        if (
            isinstance(wanted.place, ArchivePlace)
            or wanted.reference is None
            or valid_digest(self._name)
            or job.request.ref_name
        ):
            return []
        name = wanted.reference.with_digest(None).with_tag(self._name)
        before, origins = tag_now(job, wanted.place, name)
        if before is not None:
            self._current = before or None
        return [change_of(job, name, before, digest, origins=origins)]

    def _store(self, found: Manifest | Index, name: str) -> None:
        if found.digest not in self._there:
            self._writer.put_manifest(found, name, cancellation=self._job.cancellation)

    def _verify(self, digest: str) -> None:
        try:
            now = self._writer.manifest_digest(self._name, cancellation=self._job.cancellation)
        except REFUSALS as error:
            # It accepted the manifest, and its response had the right digest.
            self._job.tell(NoteKind.NOT_VERIFIED, error.message)
            return
        if now == digest:
            return
        raise VerificationFailed(
            "The destination's tag points to a different image from the one copied."
            if now
            else "The image was copied, but the destination does not have it.",
            subject=str(self._job.request.destination.reference or self._name),
            advice="Someone else may have changed this tag just now. Check it, or copy again.",
            detail=f"copied: {digest}\nat the destination: {now or 'nothing'}",
        )

    def _note(self, content: Content, *, changed: bool) -> None:
        job, top = self._job, content.top
        if self._current is not None and self._current != top.digest:
            job.tell(NoteKind.OVERWRITTEN, self._current)
        elif self._current is not None and not changed:
            job.tell(NoteKind.UP_TO_DATE)
        if artifact := type_of_artifact(top):
            job.tell(NoteKind.ARTIFACT, plain(artifact, _LONGEST_TYPE))
        if content.picked is not None:
            job.tell(NoteKind.PICKED, str(content.picked))
        if content.pruned:
            job.tell(NoteKind.PLATFORMS, top.digest)
        if content.gone:
            job.tell(NoteKind.ATTESTATIONS_GONE, str(len(content.gone)))
        if content.unlisted:
            job.tell(NoteKind.REFERRERS_UNKNOWN, content.unlisted)
        if content.foreign:
            job.tell(NoteKind.FOREIGN, str(len(content.foreign)))
        if content.beside:
            job.tell(NoteKind.REFERRERS, str(len(content.beside)))

    def _tell(
        self, digest: str, state: LayerState, current: int | None = None, total: int | None = None
    ) -> None:
        if self._content is not None and digest in self._content.layers:
            self._job.progress.feed(LayerProgress(short(digest), state, current, total))


def source_name(endpoint: Endpoint) -> str:
    """The name to ask the source for: a digest or a tag."""
    return endpoint.image_id if endpoint.reference is None else endpoint.reference.target


def _destination_name(endpoint: Endpoint) -> str:
    """The name at the destination; empty: only the digest."""
    reference = endpoint.reference
    if reference is None:
        return ""
    return reference.with_default_tag().tag or ""
