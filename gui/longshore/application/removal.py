"""What goes when images are removed from an engine or the library, and removal from registries, which is planned by
``registry.removal``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from longshore.errors import ImageInUse, VerificationFailed
from longshore.oci.digest import valid_digest
from longshore.oci.reference import Reference
from longshore.transfers.tag_changes import TagOperation

if TYPE_CHECKING:
    from longshore.application.clients import Clients
    from longshore.application.stores import Store
    from longshore.oci.image_name import ImageName
    from longshore.oci.local_image import LocalImage
    from longshore.registry.removal import RemovalPlan


@dataclass(frozen=True, slots=True)
class LocalRemoval:
    """The removal of one name, or of an image without a name.

    *staying*: number of other names of the image that stay; without any, the image is deleted. *last*: with this name.
    """

    image: LocalImage
    staying: int
    last: bool

    @property
    def containers(self) -> int:
        """Number of containers that keep an engine from deleting the image; 0 if it is not deleted."""
        return 0 if self.staying else self.image.in_use


def plan(listed: Iterable[LocalImage], chosen: Collection[ImageName]) -> list[LocalRemoval]:
    """Return what is removed with *chosen*, in the order of *listed*.

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
        out.append(
            LocalRemoval(image, staying, last=not staying and seen[image.image_id] == removed[image.image_id])
        )
    return out


def carry_out(store: Store, removal: LocalRemoval, listed: Iterable[LocalImage], *, force: bool) -> None:
    """Remove what *removal* says. *listed*: the place's images now. Blocks.

    Raises VerificationFailed if the name has been moved to another image since the plan was made, or an image without a
    name has got one; ImageInUse unless *force*; and what the store raises.
    """
    image = removal.image
    if removal.containers and not force:
        # An engine would refuse only the last name, and the others would be gone.
        raise ImageInUse(
            "Containers use the image.",
            subject=image.name.shown,
            advice="Remove the containers first, or force the removal if they are stopped.",
        )
    for now in listed:
        if now.reference is not None and now.reference == image.reference and now.image_id != image.image_id:
            raise VerificationFailed(
                "The name was moved to another image meanwhile.",
                subject=image.name.shown,
                advice="It was not removed. Check again.",
            )
        if image.reference is None and now.image_id == image.image_id and now.reference is not None:
            # The id names the image with all its names.
            raise VerificationFailed(
                "The image has got a name meanwhile.",
                subject=now.name.shown,
                advice="It was not removed. Check again.",
            )
    store.remove(image.name.asked, force=force)


def remove_tags(
    clients: Clients, plan: RemovalPlan, operation: TagOperation = TagOperation.REMOVE, *, group: str = ""
) -> None:
    """Carry out *plan* at a registry, and record it. Blocks; raises what ``registry.removal.remove`` does.

    *group*: removals with the same group are undone together.
    """
    from longshore.application.tag_history.recording import removing_tags
    from longshore.registry.removal import remove

    client = clients.registry(plan.host)
    tags = {tag: digest for digest, names in plan.digests for tag in names if not valid_digest(tag)}
    repository = Reference(plan.host, plan.repository, None, None)
    with removing_tags(clients.recorder, client, repository, tags, operation, group=group):
        remove(client, plan, lister=clients.lister(plan.host))
