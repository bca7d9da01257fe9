"""What goes when images are removed from an engine or the library, and removal from registries, which is planned by
``registry.removal``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from longshore.application.stores import id_of, open_store
from longshore.errors import ImageInUse, VerificationFailed
from longshore.oci.digest import valid_digest
from longshore.oci.reference import Reference
from longshore.transfers.tag_changes import TagOperation
from longshore.transfers.transfer import EnginePlace

if TYPE_CHECKING:
    from longshore.application.clients import Clients
    from longshore.application.requests import LocalPlace
    from longshore.application.stores import Store
    from longshore.engine.container_model import Container
    from longshore.oci.image_name import ImageName
    from longshore.oci.local_image import LocalImage
    from longshore.registry.removal import RemovalPlan

#: Containers to name in an error.
MOST_NAMED = 8


@dataclass(frozen=True, slots=True)
class LocalRemoval:
    """The removal of one name, or of an image without a name.

    *staying*: number of other names of the image that stay; without any, the image is deleted. *last*: with this name.
    *users*: the containers made from the image, None if only their number is known.
    """

    image: LocalImage
    staying: int
    last: bool
    users: tuple[Container, ...] | None = None

    @property
    def containers(self) -> int:
        """Number of containers that keep an engine from deleting the image; 0 if it is not deleted."""
        if self.staying:
            return 0
        return self.image.in_use if self.users is None else len(self.users)

    @property
    def holders(self) -> tuple[Container, ...]:
        """The containers that keep an engine from deleting the image, as far as they are known."""
        return () if self.staying else self.users or ()

    @property
    def running(self) -> tuple[Container, ...]:
        """Those whose processes exist: while they do, no engine deletes the image, even by force."""
        return tuple(each for each in self.holders if each.state.alive)


def look(place: LocalPlace, clients: Clients, chosen: Collection[ImageName]) -> list[LocalRemoval]:
    """Return what is removed with *chosen* from *place*, with its containers. Blocks. Raises LongshoreError."""
    listed = open_store(place, clients).images()
    return plan(listed, chosen, containers_of(place, clients, listed))


def containers_of(
    place: LocalPlace, clients: Clients, listed: Iterable[LocalImage]
) -> dict[str, list[Container]]:
    """Return the containers of *place* by the id of their image; none in the library. Blocks. Raises LongshoreError."""
    listed = list(listed)
    if not isinstance(place, EnginePlace) or not any(image.in_use for image in listed):
        return {}
    from longshore.engine.containers import by_image

    return by_image(clients.engine(place.address).containers.all(), listed)


def takes_containers(store: Store) -> bool:
    """Whether a forced removal from *store* also removes the stopped containers of the image, as Podman's does.

    May block. Raises LongshoreError.
    """
    from longshore.engine.model import ImageStore

    info = store.probe()
    return info is not None and info.store is ImageStore.PODMAN


def plan(
    listed: Iterable[LocalImage],
    chosen: Collection[ImageName],
    users: Mapping[str, Sequence[Container]] | None = None,
) -> list[LocalRemoval]:
    """Return what is removed with *chosen*, in the order of *listed*.

    *users*: see :func:`containers_of`; None: not known.

    A name with a reference means that reference; an id alone means the image, with all its names.
    """
    listed = list(listed)
    references = {name.reference for name in chosen if name.reference is not None}
    whole = {name.image_id for name in chosen if name.reference is None}
    going = [image for image in listed if image.reference in references or image.image_id in whole]
    names = Counter(image.image_id for image in listed)
    removed = Counter(image.image_id for image in going)
    seen: Counter[str] = Counter()
    out = []
    for image in going:
        seen[image.image_id] += 1
        staying = names[image.image_id] - removed[image.image_id]
        last = not staying and seen[image.image_id] == removed[image.image_id]
        used = None if users is None else tuple(users.get(image.image_id, ()))
        out.append(LocalRemoval(image, staying, last, used))
    return out


def carry_out(store: Store, removal: LocalRemoval, listed: Iterable[LocalImage], *, force: bool) -> None:
    """Remove what *removal* says. *listed*: the place's images now. Blocks.

    *force*: although stopped containers use the image. Docker keeps them, Podman removes them with it. A forced removal
    names the image's id: engines then refuse while a container runs, where by a name they take the name and keep the
    image.

    Raises VerificationFailed if the name has been moved to another image since the plan was made, or the image has got
    another name; ImageInUse for containers that run, and for others unless *force*; and what the store raises.
    """
    image = removal.image
    if removal.containers and (removal.running or not force):
        # An engine would refuse only the last name, and the others would be gone.
        raise _in_use(removal)
    by_id = image.reference is None or bool(removal.containers and removal.last)
    for now in listed:
        if now.reference is None:
            continue
        if now.reference == image.reference and now.image_id != image.image_id:
            raise _moved(image)
        if by_id and now.image_id == image.image_id and now.reference != image.reference:
            raise _renamed(now.name.shown)
    _compare(store, image, by_id)
    store.remove(image.image_id if by_id else image.name.asked, force=by_id and bool(removal.containers))


def _compare(store: Store, image: LocalImage, by_id: bool) -> None:
    """Ask *store* once more, right before the removal: a list may be older than a change, and a change cost an image.

    Raises as :func:`carry_out`.
    """
    found = store.image(image.image_id if by_id else image.name.asked)
    if id_of(found) != image.image_id:
        raise _moved(image)
    for name in found.references if by_id else ():
        if name.tag and name != image.reference:
            raise _renamed(name.familiar)


def _moved(image: LocalImage) -> VerificationFailed:
    return VerificationFailed(
        "The name was moved to another image meanwhile.",
        subject=image.name.shown,
        advice="It was not removed. Check again.",
    )


def _renamed(name: str) -> VerificationFailed:
    """The error for an image that would be removed by its id, which names it with all its names."""
    return VerificationFailed(
        "The image has got a name meanwhile.", subject=name, advice="It was not removed. Check again."
    )


def _in_use(removal: LocalRemoval) -> ImageInUse:
    """The error for an image that containers use: which, and what to do."""
    shown = removal.image.name.shown
    if removal.running:
        return ImageInUse(
            f"A running container uses the image: {_names(removal.running)}.",
            subject=shown,
            advice="Stop and remove the container first.",
        )
    named = f": {_names(removal.holders)}" if removal.holders else ""
    return ImageInUse(
        f"Containers use the image{named}.",
        subject=shown,
        advice="Remove the containers first, or force the removal if they are stopped.",
    )


def _names(containers: Sequence[Container]) -> str:
    names = [each.name or each.id[:12] for each in containers[:MOST_NAMED]]
    return ", ".join([*names, "…"] if len(containers) > MOST_NAMED else names)


def remove_tags(
    clients: Clients, plan: RemovalPlan, operation: TagOperation = TagOperation.REMOVE, *, group: str = ""
) -> None:
    """Carry out *plan* at a registry, and record it. Blocks; raises what ``registry.removal.remove`` does.

    *group*: removals with the same group are undone together.
    """
    from longshore.application.tag_history.recording import removing_tags
    from longshore.registry.removal import remove

    client = clients.registry(plan.host)
    # What an interrupted removal left is nothing to get back.
    tags = {
        tag: digest
        for digest, names in plan.digests
        for tag in names
        if not valid_digest(tag) and tag not in plan.leftovers
    }
    repository = Reference(plan.host, plan.repository, None, None)
    with removing_tags(clients.recorder, client, repository, tags, operation, group=group):
        remove(client, plan, lister=clients.lister(plan.host))
