"""Records the tags that are changed without a transfer: given and removed in an engine or the library, removed from a
registry."""

from __future__ import annotations

import contextlib
import logging
import uuid
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from longshore.application.stores import id_of, open_store
from longshore.errors import EngineFailure, ImageUnknown, LongshoreError, NotInLibrary
from longshore.oci.reference import Reference
from longshore.text import plain
from longshore.transfers.tag_changes import TagChange, TagOperation, TagRecorder, recorded
from longshore.transfers.transfer import EnginePlace, RegistryPlace

if TYPE_CHECKING:
    from longshore.application.clients import Clients
    from longshore.application.requests import LocalPlace
    from longshore.application.stores import Store
    from longshore.cancellation import Cancellation
    from longshore.engine.model import EngineInfo, ImageDetails
    from longshore.library.model import LibraryDetails
    from longshore.oci.disk_usage import DiskUsage
    from longshore.oci.local_image import LocalImage
    from longshore.oci.manifest import Index, Manifest
    from longshore.registry.client import RegistryClient

_log = logging.getLogger(__name__)


def recording_store(
    place: LocalPlace, clients: Clients, operation: TagOperation | None = None, *, group: str = ""
) -> RecordingStore:
    """The store at *place* for whoever gives or removes tags there; does not connect. See :class:`RecordingStore`."""
    return RecordingStore(open_store(place, clients), place, clients.recorder, operation, group=group)


class RecordingStore:
    """A :class:`~longshore.application.stores.Store` whose changes of tags are recorded before they are made.

    *operation*: what the changes are recorded as, if not as tags given and removed. *group*: changes with the same
    group are undone together; "" makes a group of this object's changes.
    """

    def __init__(
        self,
        store: Store,
        place: LocalPlace,
        recorder: TagRecorder,
        operation: TagOperation | None = None,
        *,
        group: str = "",
        undoes: str = "",
    ) -> None:
        self._store = store
        self._place = place
        self._recorder = recorder
        self._operation = operation
        self._group = group or uuid.uuid4().hex
        self._undoes = undoes
        self.probe: Callable[[], EngineInfo | None] = store.probe
        self.images: Callable[[], list[LocalImage]] = store.images
        self.events: Callable[[Cancellation], Generator[object]] = store.events
        self.usage: Callable[..., DiskUsage] = store.usage

    def image(self, name: str, /) -> ImageDetails | LibraryDetails:
        """See Store."""
        return self._store.image(name)

    def tag(self, source: str, target: Reference) -> None:
        """See Store. Raises EngineFailure if the place reports success and did nothing."""
        name = target.with_default_tag()
        before, origins = self.points_to(name)
        after = self._id_of(source)
        changes = []
        if not target.digest and before != after:
            operation = self._operation or TagOperation.TAG
            changes = [self._change(name, operation, before, after, origins)]
        with self._recorded(changes):
            self._store.tag(source, target)
            now = self._look(name) if changes and after is not None else None
            if now is not None and now != after and now in (before, ""):
                raise EngineFailure(
                    "The tag was not given, although no error was reported.",
                    subject=name.familiar,
                    advice="Check the engine, or a proxy in front of it.",
                )

    def remove(self, name: str, /, force: bool = False) -> object:
        """See Store. An image that is removed by its id loses all its tags.

        Raises EngineFailure if the place reports success and removed nothing.
        """
        changes = []
        for tag in self._tags_of(name):
            before, origins = self.points_to(tag)
            if before:
                operation = self._operation or TagOperation.REMOVE
                changes.append(self._change(tag, operation, before, "", origins))
        with self._recorded(changes):
            removed = self._store.remove(name, force=force)
            tags = [change.reference for change in changes]
            if any(self._look(tag) for tag in tags) or (not tags and self._still_there(name)):
                raise EngineFailure(
                    "Nothing was removed, although no error was reported.",
                    subject=plain(name, 300),
                    advice="Check the engine, or a proxy in front of it.",
                )
        if not changes and name.startswith("sha256:"):
            self._recorder.lost(self._group)
        return removed

    def points_to(self, name: Reference) -> tuple[str, tuple[str, ...]]:
        """The id of the image that the tag *name* points to, "" for none, and the digests that it was pulled by.

        Raises LongshoreError.
        """
        try:
            found = self._store.image(str(name))
        except (ImageUnknown, NotInLibrary):
            return "", ()
        return id_of(found), _origins(found, name)

    def _look(self, name: Reference) -> str | None:
        """What the tag *name* points to, "" for none, None if the place does not say."""
        try:
            return self.points_to(name)[0]
        except LongshoreError as error:
            _log.info("it is not known what %s points to: %s", name, error)
            return None

    def _still_there(self, name: str) -> bool:
        """Whether an engine still has the image with the id *name*, which has no tag."""
        if not isinstance(self._place, EnginePlace) or not name.startswith("sha256:"):
            return False  # other names by digest may be those of another row
        try:
            self._store.image(name)
        except LongshoreError as error:
            _log.info("%s is not there: %s", name, error)
            return False
        return True

    def _id_of(self, source: str) -> str | None:
        if source.startswith("sha256:"):
            return source
        try:
            return id_of(self._store.image(source))
        except LongshoreError:
            return None  # whoever changes the tag reports it better

    def _tags_of(self, name: str) -> list[Reference]:
        """The tags that are removed with *name*."""
        if not name.startswith("sha256:"):
            reference = Reference.parse(name).with_default_tag()
            return [] if reference.digest else [reference]
        found = [
            image.reference
            for image in self._store.images()
            if image.image_id == name and image.reference is not None
        ]
        return [one for one in found if one.tag and not one.digest]

    def _change(
        self,
        name: Reference,
        operation: TagOperation,
        before: str,
        after: str | None,
        origins: tuple[str, ...],
    ) -> TagChange:
        return TagChange(
            self._place,
            name,
            operation,
            before,
            after,
            group=self._group,
            undoes=self._undoes,
            origins=origins,
        )

    def _recorded(
        self, changes: Sequence[TagChange]
    ) -> contextlib.AbstractContextManager[dict[TagChange, str | None]]:
        return recorded(self._recorder, changes, lambda change: self._look(change.reference))


@contextlib.contextmanager
def removing_tags(
    recorder: TagRecorder,
    client: RegistryClient,
    repository: Reference,
    tags: Mapping[str, str],
    operation: TagOperation = TagOperation.REMOVE,
    *,
    known: Sequence[Manifest | Index] = (),
    reading: bool = True,
    group: str = "",
    undoes: str = "",
) -> Iterator[None]:
    """Record that *tags* of a registry's *repository* are removed, around the block that removes them.

    *tags*: each with the digest that it points to. Their manifests are read (without those in *known*) and kept,
    because a registry may delete them with their last tag. *reading* False: none is read, because the registry keeps
    them, and Docker Hub counts a request for one as a pull. If the block raises, the registry is asked which tags it
    still has. Worker threads.
    """
    place = RegistryPlace(repository.domain)
    manifests: dict[str, Manifest | Index | None] = {one.digest: one for one in known}
    for digest in tags.values():
        if digest not in manifests:
            manifests[digest] = _read(client, repository, digest) if reading else None
    group = group or uuid.uuid4().hex
    changes = [
        TagChange(
            place,
            repository.with_digest(None).with_tag(tag),
            operation,
            digest,
            "",
            group=group,
            undoes=undoes,
            manifest=manifests[digest],
        )
        for tag, digest in tags.items()
    ]

    def look(change: TagChange) -> str | None:
        try:
            found = client.head(repository.path, change.reference.tag)
        except Exception as error:  # the reason why the block failed matters more
            _log.info("it is not known what %s points to: %r", change.reference, error)
            return None
        return "" if found is None else found.digest

    with recorded(recorder, changes, look):
        yield


def _read(client: RegistryClient, repository: Reference, digest: str) -> Manifest | Index | None:
    try:
        return client.manifest(repository.path, digest)
    except LongshoreError as error:
        _log.info("the manifest %s can't be kept: %s", digest, error)
        return None


def _origins(found: ImageDetails | LibraryDetails, name: Reference) -> tuple[str, ...]:
    from longshore.library.model import LibraryDetails

    if isinstance(found, LibraryDetails):
        names = dict.fromkeys([name, *found.references])
        return tuple(str(replace(one, tag=None, digest=found.image.digest)) for one in names)
    return found.repo_digests
