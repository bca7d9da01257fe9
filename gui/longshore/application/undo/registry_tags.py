"""Puts back a registry's tags: the manifest is written under the tag, nothing else moves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from longshore.application.tag_history.recording import removing_tags
from longshore.application.undo import sentences
from longshore.application.undo.goal import Goal, How, Verdict
from longshore.application.undo.sources import find_source
from longshore.errors import LongshoreError
from longshore.oci.manifest import Index, Manifest
from longshore.registry.tag_deletion import TagDeletion, Way
from longshore.side_by_side import ask_all
from longshore.transfers.tag_changes import TagChange, recorded
from longshore.transfers.transfer import LibraryPlace, RegistryPlace

if TYPE_CHECKING:
    from longshore.application.clients import Clients
    from longshore.application.tag_history.history import TagHistory
    from longshore.cancellation import Cancellation
    from longshore.registry.client import RegistryClient

#: Requests to the registry at a time.
_AT_ONCE = 8
#: Most manifests of one image that are looked for.
_MOST = 500


class RegistryTags:
    """Tags of registries. Thread-safe; every call blocks and raises LongshoreError, Cancelled."""

    def __init__(self, clients: Clients, history: TagHistory) -> None:
        self._clients = clients
        self._history = history

    def check(self, goal: Goal, library: LibraryPlace, cancellation: Cancellation) -> Verdict:
        """How the tag of *goal* can be put back. A few requests; more if the registry no longer has the image."""
        place, name, digest = goal.place, goal.reference, goal.digest
        assert isinstance(place, RegistryPlace)
        client = self._clients.registry(place.host)
        found = client.head(name.path, name.tag, for_push=True, cancellation=cancellation)
        now = "" if found is None else found.digest
        moved = goal.loses(now)
        if digest == now or digest is None:
            sentence = sentences.SAME if digest else sentences.NO_TAG
            sentence = sentences.UNKNOWN if digest is None else sentence
            return Verdict(goal, None, now, sentence(str(name.familiar), tag=name.tag))
        if digest == "":
            if self._deletion(goal, cancellation).way() is Way.IMAGE:
                return Verdict(goal, None, now, sentences.NOT_ALONE(name.familiar, tag=name.tag))
            return Verdict(goal, How.REMOVE, now, moved=moved)
        if client.head(name.path, digest, for_push=True, cancellation=cancellation) is not None:
            there = client.manifest(name.path, digest, cancellation=cancellation)
        else:
            there = None
        kept = self._needed(client, name.path, digest, there, cancellation)
        if kept:
            return Verdict(goal, How.TAG, now, moved=moved, manifests=tuple(kept))
        request = find_source(goal, now, self._clients, self._history, library, cancellation)
        if request is not None:
            return Verdict(goal, How.TRANSFER, now, moved=moved, request=request)
        if there is not None:
            # Registries may take an index without all of its children, as they may have had it.
            return Verdict(goal, How.TAG, now, moved=moved, manifests=(there,))
        why = sentences.GONE if kept is None else sentences.INCOMPLETE
        return Verdict(goal, None, now, why(name.familiar, registry=place.host, digest=_short(digest)))

    def _needed(
        self,
        client: RegistryClient,
        repository: str,
        digest: str,
        there: Manifest | Index | None,
        cancellation: Cancellation,
    ) -> list[Manifest | Index] | None:
        """The manifests that the registry needs to have the image again, children first, from those that were kept.

        *there*: the image's own manifest if the registry still has it: it may have lost children of an index. None if
        the image is neither there nor kept; empty if the registry no longer has all of the rest.
        """
        top = there or self._history.manifest(digest)
        if top is None:
            return None
        if isinstance(there, Manifest):
            return [there]
        wanted: dict[str, Manifest | Index] = {}
        blobs: dict[str, None] = {}
        todo = [digest]
        while todo:
            each = todo.pop()
            found = top if each == digest else self._history.manifest(each)
            if found is None or len(wanted) == _MOST:
                return []
            wanted[each] = found
            if isinstance(found, Manifest):
                blobs |= dict.fromkeys(part.digest for part in (found.config, *found.layers) if not part.urls)
                continue
            children = [one.digest for one in found.manifests if one.digest not in wanted]

            todo += self._missing(client, repository, children, cancellation)

        def has_blob(blob: str, part: Cancellation) -> bool:
            return client.blob_size(repository, blob, for_push=True, cancellation=part) is not None

        if not all(ask_all(has_blob, list(blobs), cancellation, _AT_ONCE)):
            return []
        return list(reversed(wanted.values()))

    def carry_out(self, verdict: Verdict, cancellation: Cancellation) -> None:
        """Write or remove the tag, and verify it. Raises TagMoved if it is not what *verdict* found."""
        goal = verdict.goal
        place, name = goal.place, goal.reference
        assert isinstance(place, RegistryPlace)
        client = self._clients.registry(place.host)
        now = self._now(client, goal, cancellation)
        if now != verdict.now:
            raise sentences.MOVED(name.familiar, tag=name.tag)
        if verdict.how is How.REMOVE:
            self._remove(client, goal, now, cancellation)
        else:
            self._put(client, goal, now, verdict.manifests, cancellation)

    def _put(
        self,
        client: RegistryClient,
        goal: Goal,
        now: str,
        manifests: Sequence[Manifest | Index],
        cancellation: Cancellation,
    ) -> None:
        name, top = goal.reference, manifests[-1]
        for one in manifests[:-1]:
            client.put_manifest(name.path, one.digest, one.raw, one.media_type, cancellation=cancellation)
        change = TagChange(
            goal.place, name, goal.operation, now, goal.digest, group=goal.group, undoes=goal.undoes
        )
        with recorded(self._clients.recorder, [change], lambda _: self._unsure(client, goal)):
            try:
                client.put_manifest(
                    name.path, name.tag or "", top.raw, top.media_type, cancellation=cancellation
                )
            except LongshoreError as error:
                children = [one.digest for one in top.manifests] if isinstance(top, Index) else []
                if self._missing(client, name.path, children, cancellation):
                    raise sentences.INCOMPLETE(
                        name.familiar, registry=name.domain, digest=_short(top.digest)
                    ) from error
                raise
            if self._now(client, goal, cancellation) != goal.digest:
                raise sentences.NOT_DONE(name.familiar, tag=name.tag)

    def _missing(
        self, client: RegistryClient, repository: str, digests: Sequence[str], cancellation: Cancellation
    ) -> list[str]:
        """Those of the manifests *digests* that the registry does not have."""

        def is_there(digest: str, part: Cancellation) -> bool:
            return client.head(repository, digest, for_push=True, cancellation=part) is not None

        there = ask_all(is_there, digests, cancellation, _AT_ONCE)
        return [digest for digest, one in zip(digests, there, strict=True) if not one]

    def _remove(self, client: RegistryClient, goal: Goal, now: str, cancellation: Cancellation) -> None:
        name = goal.reference
        repository = name.with_tag(None)
        with removing_tags(
            self._clients.recorder,
            client,
            repository,
            {name.tag or "": now},
            goal.operation,
            group=goal.group,
            undoes=goal.undoes,
        ):
            for _ in self._deletion(goal, cancellation).delete_tags(now, [name.tag or ""]):
                pass

    def _deletion(self, goal: Goal, cancellation: Cancellation) -> TagDeletion:
        host = goal.reference.domain
        return TagDeletion(
            self._clients.registry(host),
            goal.reference.path,
            lister=self._clients.lister(host),
            cancellation=cancellation,
        )

    def _now(self, client: RegistryClient, goal: Goal, cancellation: Cancellation) -> str:
        found = client.head(goal.reference.path, goal.reference.tag, for_push=True, cancellation=cancellation)
        return "" if found is None else found.digest

    def _unsure(self, client: RegistryClient, goal: Goal) -> str | None:
        from longshore.cancellation import Cancellation

        try:
            return self._now(client, goal, Cancellation())
        except Exception:
            return None


def _short(digest: str) -> str:
    return digest.partition(":")[2][:12]
