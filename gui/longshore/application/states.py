"""Compares images here with the images that their tags point to in the registry now."""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from longshore.application.tag_digests import bare, tag_digests
from longshore.errors import InvalidInput, InvalidReference, LongshoreError, NotInRegistry
from longshore.oci.manifest import MANIFESTS
from longshore.oci.reference import DOCKER_HUB, Reference
from longshore.registry.failures import REFUSALS
from longshore.side_by_side import ask_all

if TYPE_CHECKING:
    from longshore.application.clients import Clients
    from longshore.cancellation import Cancellation
    from longshore.oci.local_image import LocalImage
    from longshore.registry.model import TagDetails

_OFFICIAL = "library/"


class State(enum.Enum):
    """The states of the column State. The values are printed and part of the JSON: never rename."""

    IN_SYNC = "in sync"
    #: The tag points to another image than when this one was pulled or pinned.
    NEWER = "newer"
    ONLY_HERE = "only here"
    ONLY_THERE = "only there"
    #: The tag points to an older image.
    DIFFERS = "differs"
    UNKNOWN = "unknown"

    @property
    def outdated(self) -> bool:
        """Whether the tag points to another image than the one here."""
        return self in (State.NEWER, State.DIFFERS)


@dataclass(frozen=True, slots=True)
class Here:
    """What is known of a reference here: a local image, or the digest that a file pins it to.

    *digests*: all by which a registry may know it. *known*: one of them is of this repository: it was pulled from
    there, or pushed. *present*: there is a local image. *created*: its date. *image_id*: by which its place knows it,
    "" if there is none. *picked*: it may be one platform of its tag's index, as in the library. *asked_for*: the user
    named it, so that a failure is reported.
    """

    reference: Reference
    digests: tuple[str, ...] = ()
    known: bool = False
    present: bool = False
    created: datetime | None = None
    image_id: str = ""
    picked: bool = False
    asked_for: bool = False


@dataclass(frozen=True, slots=True)
class Compared:
    """A reference and its state. *digest*: the digest that the tag points to now, "" if it is not known. *error*: why
    the state is not known. *failed*: this is a failure to report."""

    here: Here
    state: State
    digest: str = ""
    error: LongshoreError | None = None
    failed: bool = False


def of_images(images: Iterable[LocalImage], *, picked: bool, only: Collection[Reference] = ()) -> list[Here]:
    """The tags of *images*, sorted by name. *only*: these references, in their order, also those without an image.
    *picked*: see Here."""
    found: dict[Reference, Here] = {}
    for image in images:
        if image.reference is not None and image.reference.tag is not None:
            named = bare(image.reference)
            names = [entry.rpartition("@") for entry in image.repo_digests]
            found[named] = Here(
                named,
                tuple(dict.fromkeys(digest for _, _, digest in names)),
                known=any(_is_repository(name, named) for name, _, _ in names),
                present=True,
                created=image.created,
                image_id=image.image_id,
                picked=picked,
            )
    if not only:
        return [found[name] for name in sorted(found)]
    wanted = dict.fromkeys(map(bare, only))
    return [replace(found.get(one, Here(one)), asked_for=True) for one in wanted]


def of_pinned(reference: Reference) -> Here:
    """The digest of *reference*, which a file pins to its tag and digest."""
    return Here(bare(reference), (reference.digest or "",), known=True, asked_for=True)


def _is_repository(name: str, reference: Reference) -> bool:
    try:
        return Reference.parse(name).name == reference.name
    except InvalidReference:
        return False


def compare(clients: Clients, heres: Iterable[Here], cancellation: Cancellation) -> list[Compared]:
    """The state of each of *heres*, in their order. Asks registries side by side; blocks; raises Cancelled.

    One HEAD a tag. Where the digest differs, the dates decide whether the registry's image is newer; on Docker Hub
    only if they are known, because reading a manifest there counts as a pull.
    """
    wanted = list(heres)
    asked = [one for one in wanted if not _ours_alone(one)]
    digests = tag_digests(clients, [one.reference for one in asked], cancellation)

    def decide(one: Here, part: Cancellation) -> Compared:
        if _ours_alone(one):
            return Compared(one, State.ONLY_HERE)
        now = digests[bare(one.reference)]
        if isinstance(now, LongshoreError):
            return _without_digest(one, now)
        if now in (*one.digests, one.image_id):
            return Compared(one, State.IN_SYNC, now)
        if not one.present and not one.known:
            return Compared(one, State.ONLY_THERE, now)
        return _moved(clients, one, now, part)

    return ask_all(decide, wanted, cancellation)


def _ours_alone(one: Here) -> bool:
    """Whether it is a bare name that never came from Docker Hub: nobody but Docker can push there, and the registry
    need not hear the name."""
    reference = one.reference
    official = reference.domain == DOCKER_HUB and reference.path.startswith(_OFFICIAL)
    return official and one.present and not one.known and not one.asked_for


def _without_digest(one: Here, error: LongshoreError) -> Compared:
    if isinstance(error, NotInRegistry) and one.present:
        return Compared(one, State.ONLY_HERE)
    # A registry that refuses an image that never came from it may only hide that it has none.
    hidden = isinstance(error, REFUSALS) and one.present and not one.known and not one.asked_for
    return Compared(one, State.UNKNOWN, error=error, failed=not hidden)


def _moved(clients: Clients, one: Here, now: str, cancellation: Cancellation) -> Compared:
    """The state of an image with another digest than the tag's."""
    reference = one.reference
    hub = reference.domain == DOCKER_HUB
    client = clients.registry(reference.domain)
    details: TagDetails | None = None
    created = one.created
    try:
        details = client.tag_details(reference.path, reference.target, cheaply=hub, cancellation=cancellation)
        if created is None and one.digests and not hub:
            created = client.tag_details(reference.path, one.digests[0], cancellation=cancellation).created
    except LongshoreError:
        pass  # the digests are known to differ; only the dates are not
    same = None if details is None else same_image(details, one.image_id, one.digests, picked=one.picked)
    if same:
        return Compared(one, State.IN_SYNC, now)
    if not one.known:
        problem = InvalidInput("The image was never pulled or pushed: there is no digest to compare.")
        return Compared(one, State.UNKNOWN, now, problem)
    if same is None and one.present:
        problem = InvalidInput(
            "The image may be one platform of the tag's image, whose list of platforms was not read."
            if one.picked
            else "It may be the same image under another digest: its configuration was not read."
        )
        return Compared(one, State.UNKNOWN, now, problem)
    there = details.created if details is not None else None
    older = there is not None and created is not None and _aware(there) < _aware(created)
    return Compared(one, State.DIFFERS if older else State.NEWER, now)


def same_image(details: TagDetails, image_id: str, digests: Collection[str], *, picked: bool) -> bool | None:
    """Whether *details* are those of a local image, None if they do not tell. *digests*, *picked*: see Here.

    Who compresses layers again, as Podman does with each push, gets another manifest for the same image: its
    configuration tells, whose digest is the image's id wherever images are unpacked.
    """
    if details.digest == image_id or details.digest in digests or not set(details.images).isdisjoint(digests):
        return True
    if details.config and details.config == image_id:
        return True
    if picked:
        return None if not details.images and details.media_type not in MANIFESTS else False
    by_config = image_id not in digests  # a containerd store has manifests' digests for ids
    return None if by_config and details.media_type in MANIFESTS and not details.config else False


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
