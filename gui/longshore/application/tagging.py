"""What happens to tags when local images get further names."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from longshore.errors import InvalidInput, InvalidReference, LongshoreError
from longshore.oci.grammar import DOCKER_HUB, OFFICIAL
from longshore.oci.image_name import ImageName
from longshore.oci.reference import Reference

if TYPE_CHECKING:
    from longshore.application.stores import Store
    from longshore.oci.local_image import LocalImage

#: A name to give: the image, and its further reference with a tag.
Wanted = tuple[ImageName, Reference]


class Effect(enum.Enum):
    """What giving a name changes."""

    NEW = enum.auto()  # nothing has it
    SAME = enum.auto()  # the image has it already
    MOVED = enum.auto()  # it is taken from another image, which keeps other names
    LAST = enum.auto()  # it is taken from another image, which has no other name
    TWICE = enum.auto()  # another of the wanted names is the same


@dataclass(frozen=True, slots=True)
class NewName:
    """One name and its effect. *other*: the image that has the name now, if another one has."""

    image: ImageName
    target: Reference
    effect: Effect
    other: ImageName | None = None

    @property
    def changes(self) -> bool:
        """Whether there is anything to do."""
        return self.effect in (Effect.NEW, Effect.MOVED, Effect.LAST)


def parse_name(text: str) -> Reference:
    """Return the name that a person typed, with ``latest`` if it has no tag. Raises InvalidReference, InvalidInput."""
    name = Reference.parse_input(text)
    if name.digest is not None:
        raise InvalidInput(
            "A digest can't be used as a name.", subject=text, advice="Enter a name and a tag: name:tag."
        )
    return name.with_default_tag()


def derived(source: Reference, prefix: str, tag: str) -> Reference:
    """Return the name of *source* with another registry and another tag; "" keeps what it has.

    *prefix*: a registry, below which the whole path stays, or a registry or Docker Hub's namespace with a path, below
    which the last part of the name is put, as where several images are dropped on a repository. Raises
    InvalidReference.
    """
    name = source.with_digest(None)
    prefix = prefix.strip().rstrip("/")
    if prefix:
        try:
            above = Reference.parse(f"{prefix}/x")
        except InvalidReference:
            Reference.parse(prefix)  # its error quotes what was typed
            raise
        folder = above.path.rpartition("/")[0]
        path = source.path
        if above.domain == DOCKER_HUB and folder == OFFICIAL:
            folder = ""
        elif folder:
            path = f"{folder}/{path.rpartition('/')[2]}"
        elif source.domain == DOCKER_HUB:
            path = path.removeprefix(f"{OFFICIAL}/")  # it has a meaning only there
        name = Reference(above.domain, path, name.tag)
    return (name.with_tag(tag.strip()) if tag.strip() else name).with_default_tag()


def plan(listed: Iterable[LocalImage], wanted: Sequence[Wanted]) -> list[NewName]:
    """Return what giving the *wanted* names changes, in their order. *listed*: the images of the place."""
    listed = list(listed)
    holders = {image.reference: image for image in listed if image.reference is not None}
    names = Counter(image.image_id for image in listed)
    asked = Counter(target for _, target in wanted)
    taken = Counter(holders[target].image_id for target in asked if target in holders)
    out = []
    for image, target in wanted:
        holder = holders.get(target)
        if asked[target] > 1:
            effect = Effect.TWICE
        elif holder is None:
            effect = Effect.NEW
        elif holder.image_id == image.image_id:
            effect = Effect.SAME
        else:
            stays = names[holder.image_id] > taken[holder.image_id]
            effect = Effect.MOVED if stays else Effect.LAST
        other = holder.name if effect in (Effect.MOVED, Effect.LAST) and holder is not None else None
        out.append(NewName(image, target, effect, other))
    return out


def carry_out(store: Store, wanted: Iterable[Wanted]) -> None:
    """Give all *wanted* names. Blocks. A name that fails does not stop the others; then raises the first error."""
    failure: LongshoreError | None = None
    for image, target in wanted:
        try:
            store.tag(image.asked, target)
        except LongshoreError as error:
            failure = failure or error
    if failure is not None:
        raise failure
