"""Puts back tags of an engine or the library."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from longshore.application.stores import open_store
from longshore.application.tag_history.recording import RecordingStore
from longshore.application.undo import sentences
from longshore.application.undo.goal import Goal, How, Verdict
from longshore.application.undo.sources import find_source
from longshore.errors import ImageUnknown, LibraryError, LongshoreError
from longshore.library.rows import is_foreign
from longshore.oci.manifest import Index
from longshore.transfers.tag_changes import TagChange, recorded
from longshore.transfers.transfer import EnginePlace, LibraryPlace

if TYPE_CHECKING:
    from longshore.application.clients import Clients
    from longshore.application.tag_history.history import TagHistory
    from longshore.cancellation import Cancellation
    from longshore.library.library import Library


class LocalTags:
    """Tags of engines and libraries. Thread-safe; every call blocks and raises LongshoreError, Cancelled."""

    def __init__(self, clients: Clients, history: TagHistory) -> None:
        self._clients = clients
        self._history = history

    def check(self, goal: Goal, library: LibraryPlace, cancellation: Cancellation) -> Verdict:
        """How the tag of *goal* can be put back. Asks the engine or reads the library; others only if it has no such
        image."""
        name, digest = goal.reference, goal.digest
        store = self._store(goal)
        now, _ = store.points_to(name)
        moved = goal.loses(now)
        if digest is None:
            return Verdict(goal, None, now, sentences.UNKNOWN(name.familiar, tag=name.tag))
        if digest == now:
            sentence = sentences.SAME if digest else sentences.NO_TAG
            return Verdict(goal, None, now, sentence(name.familiar, tag=name.tag))
        if digest == "":
            same = [image for image in store.images() if image.image_id == now]
            last = len(same) < 2
            if last and any(image.in_use for image in same):
                return Verdict(goal, None, now, sentences.IN_USE(name.familiar, tag=name.tag))
            return Verdict(goal, How.REMOVE, now, moved=moved, deletes_image=last)
        cancellation.raise_if_cancelled()
        if self._has(goal, digest):
            return Verdict(goal, How.TAG, now, moved=moved)
        request = find_source(goal, now, self._clients, self._history, library, cancellation)
        if request is not None:
            return Verdict(goal, How.TRANSFER, now, moved=moved, request=request)
        in_engine = isinstance(goal.place, EnginePlace)
        why = sentences.NOT_IN_ENGINE if in_engine else sentences.NOT_IN_LIBRARY
        return Verdict(goal, None, now, why(name.familiar, digest=digest.partition(":")[2][:12]))

    def _has(self, goal: Goal, digest: str) -> bool:
        match goal.place:
            case EnginePlace(address):
                try:
                    self._clients.engine(address).image(digest)
                except ImageUnknown:
                    return False
                return True
            case LibraryPlace(path):
                library = self._clients.library(path)
                return library.check() and _whole(library, digest)
            case _:
                return False

    def carry_out(self, verdict: Verdict, cancellation: Cancellation) -> None:
        """Give or remove the tag, and verify it. Raises TagMoved if it is not what *verdict* found."""
        goal = verdict.goal
        name, store = goal.reference, self._store(goal)
        now, _ = store.points_to(name)
        if now != verdict.now:
            raise sentences.MOVED(name.familiar, tag=name.tag)
        cancellation.raise_if_cancelled()
        digest = goal.digest or ""
        if verdict.how is How.REMOVE:
            store.remove(str(name))
        elif isinstance(goal.place, LibraryPlace):
            self._name_in_library(goal, goal.place, now)
        else:
            store.tag(digest, name)
        if store.points_to(name)[0] != digest:
            raise sentences.NOT_DONE(name.familiar, tag=name.tag)

    def _name_in_library(self, goal: Goal, place: LibraryPlace, now: str) -> None:
        """The index gets an entry for content that it may not list any more."""
        library, digest = self._clients.library(place.path), goal.digest or ""
        change = TagChange(
            place, goal.reference, goal.operation, now, digest, group=goal.group, undoes=goal.undoes
        )

        def look(change: TagChange) -> str | None:
            try:
                entry = library.find(change.reference)
            except LongshoreError:
                return None
            return "" if entry is None else entry.descriptor.digest

        with contextlib.closing(library.lease()) as lease:
            library.hold(lease, digest)
            if not _whole(library, digest):  # it went before it was held
                raise sentences.NOT_IN_LIBRARY(goal.reference.familiar, digest=digest.partition(":")[2][:12])
            with recorded(self._clients.recorder, [change], look):
                library.put(library.manifest(digest), lease, goal.reference)

    def _store(self, goal: Goal) -> RecordingStore:
        assert isinstance(goal.place, EnginePlace | LibraryPlace)
        return RecordingStore(
            open_store(goal.place, self._clients),
            goal.place,
            self._clients.recorder,
            goal.operation,
            group=goal.group,
            undoes=goal.undoes,
        )


def _whole(library: Library, digest: str) -> bool:
    """Whether all contents of an image are in *library*; of an index, those of the platforms that it has.

    An index needs one platform at least: the library also keeps what was pulled for one platform only.
    """
    try:
        found = library.manifest(digest)
    except LibraryError:
        return False
    if isinstance(found, Index):
        there = [one.digest for one in found.manifests if library.blob_size(one.digest) is not None]
        return bool(there) and all(_whole(library, one) for one in there)
    return all(
        is_foreign(part) or library.blob_size(part.digest) == part.size
        for part in (found.config, *found.layers)
    )
