"""Compares images here with the images that their tags point to in the registry now."""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from longshore.application.tag_digests import bare, tag_digests
from longshore.errors import InvalidInput, LongshoreError, NotInRegistry
from longshore.oci.manifest import MANIFESTS
from longshore.oci.reference import DOCKER_HUB, Reference
from longshore.registry.failures import REFUSALS
from longshore.side_by_side import ask_all

if TYPE_CHECKING:
    from longshore.application.clients import Clients
    from longshore.cancellation import Cancellation
    from longshore.engine.model import EngineInfo
    from longshore.oci.local_image import LocalImage
    from longshore.registry.model import TagDetails
    from longshore.transfers.tag_changes import TagRecorder

_OFFICIAL = "library/"
#: The registry that Podman writes before names that were only built.
_LOCAL = "localhost"
#: Why a state is not known.
NEVER_MOVED = (
    "There is no digest to compare: the image was never pulled or pushed, or was pulled as another platform of one "
    "that was here."
)
ONE_PLATFORM = "The image may be one platform of the tag's image, whose list of platforms was not read."
NO_TAG = "No tag points to this image here; the registry still has it under its digest."
NOT_READ = "It may be the same image under another digest: its configuration was not read."
NO_DATES = "The tag points to another image, and the dates that show which is newer are not known."


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
    there, or pushed. *sure*: that proves it; containerd's store and Podman make such digests up for images that no
    registry has seen. *present*: there is a local image. *created*: its date. *image_id*: by which its place knows it,
    "" if there is none. *picked*: it may be one platform of its tag's index, as in the library. *asked_for*: the user
    named it, so that a failure is reported.
    """

    reference: Reference
    digests: tuple[str, ...] = ()
    known: bool = False
    sure: bool = True
    present: bool = False
    created: datetime | None = None
    image_id: str = ""
    picked: bool = False
    asked_for: bool = False


@dataclass(frozen=True, slots=True)
class There:
    """What a registry reported about a reference.

    *digest*: what it points to, "" if that is not known. *details*: None if they were not read. *error*: why the digest
    is not known; NotInRegistry if there is no such tag. *asked*: when. *before*: what the tag was seen to point to
    earlier.
    """

    digest: str = ""
    details: TagDetails | None = None
    error: LongshoreError | None = None
    asked: datetime | None = None
    before: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Compared:
    """A reference and its state. *digest*: the digest that the tag points to now, "" if it is not known. *error*: why
    the state is not known. *failed*: this is a failure to report. *created*: the date of the registry's image, None if
    it is not known. *asked*: when the registry was asked, None if it was not."""

    here: Here
    state: State
    digest: str = ""
    error: LongshoreError | None = None
    failed: bool = False
    created: datetime | None = None
    asked: datetime | None = None


def lists_only_proof(info: EngineInfo | None) -> bool:
    """Whether the digests that a place lists prove where its images come from (see ``Here.sure``). None: the
    library."""
    from longshore.engine.model import ImageStore

    return info is None or info.store is ImageStore.CLASSIC


def here_of(image: LocalImage, *, picked: bool, sure: bool = True) -> Here | None:
    """What is known of *image*, None without a reference. *picked*, *sure*: see Here."""
    if image.reference is None:
        return None
    named = bare(image.reference)
    names = (named.name, named.familiar_name)
    found = [entry.rpartition("@") for entry in image.repo_digests]
    own = named.digest is not None
    return Here(
        named,
        tuple(
            dict.fromkeys([*(digest for _, _, digest in found), *([named.digest] if named.digest else [])])
        ),
        known=own or any(name in names for name, _, _ in found),
        sure=sure or own,
        present=True,
        created=image.created,
        image_id=image.image_id,
        picked=picked,
    )


def of_images(
    images: Iterable[LocalImage], *, picked: bool, sure: bool = True, only: Collection[Reference] = ()
) -> list[Here]:
    """The tags of *images*, sorted by name. *only*: these references, in their order, also those without an image.
    *picked*, *sure*: see Here."""
    found: dict[Reference, Here] = {}
    for image in images:
        one = here_of(image, picked=picked, sure=sure)
        if one is not None and one.reference.tag is not None:
            found[one.reference] = one
    if not only:
        return [found[name] for name in sorted(found)]
    wanted = dict.fromkeys(map(bare, only))
    return [replace(found.get(one, Here(one)), asked_for=True) for one in wanted]


def of_pinned(reference: Reference) -> Here:
    """The digest of *reference*, which a file pins to its tag and digest."""
    return Here(bare(reference), (reference.digest or "",), known=True, asked_for=True)


def compare(clients: Clients, heres: Iterable[Here], cancellation: Cancellation) -> list[Compared]:
    """The state of each of *heres*, in their order. Asks registries side by side; blocks; raises Cancelled.

    One HEAD a tag. Where the digest differs, the dates decide whether the registry's image is newer; on Docker Hub
    only if they are known, because reading a manifest there counts as a pull.
    """
    wanted = [with_pull(clients.recorder, one) for one in heres]
    asked = [one for one in wanted if not ours_alone(one)]
    digests = tag_digests(clients, [one.reference for one in asked], cancellation)

    def decide(one: Here, part: Cancellation) -> Compared:
        if ours_alone(one):
            return judge(one, There())
        now = digests[bare(one.reference)]
        if isinstance(now, LongshoreError):
            return judge(one, There(error=now))
        there = There(now)
        if one.known or one.digests:
            one, there = read(clients, one, there, part)
        return judge(one, there)

    return ask_all(decide, wanted, cancellation)


def lacks_pull(one: Here) -> bool:
    """Whether :func:`with_pull` may know more of *one*. Any thread."""
    return one.present and one.sure and not (one.known or one.digests or one.picked)


def with_pull(recorder: TagRecorder, one: Here) -> Here:
    """*one*, with the digests by which it was pulled here, where its engine keeps them with another image. Blocks."""
    if not lacks_pull(one):
        return one
    from longshore.application.tag_history.pulls import pulled_digests

    digests = pulled_digests(recorder, one.reference, one.image_id)
    return replace(one, digests=digests, known=True) if digests else one


def read(clients: Clients, one: Here, there: There, cancellation: Cancellation) -> tuple[Here, There]:
    """*one* and *there* with what decides about a tag that moved: its details and both dates, as far as they can be
    read without a pull of Docker Hub. Blocks; raises Cancelled."""
    if there.digest in (*one.digests, one.image_id):
        return one, there
    reference = one.reference
    hub = reference.domain == DOCKER_HUB
    client = clients.registry(reference.domain)
    try:
        details = client.tag_details(reference.path, reference.target, cheaply=hub, cancellation=cancellation)
        if details.digest == there.digest:
            there = replace(there, details=details)
        if one.created is None and one.digests and not hub:
            created = client.tag_details(reference.path, one.digests[0], cancellation=cancellation).created
            one = replace(one, created=created)
    except LongshoreError:
        pass  # the digests are known to differ; only the dates are not
    return one, there


def ours_alone(one: Here) -> bool:
    """Whether no registry has it and none needs to hear its name.

    That is a name without a registry, which means Docker Hub, of an image that never came from there; in doubt only one
    that nobody but Docker can push. And Podman's ``localhost/``.
    """
    reference = one.reference
    if one.asked_for or not one.present:
        return False
    if reference.domain == DOCKER_HUB and not one.known:
        return one.sure or _official(reference)
    return reference.domain == _LOCAL


def judge(one: Here, there: There) -> Compared:
    """The state of *one*, by what its registry reported. Asks nobody; any thread."""
    if ours_alone(one):
        return Compared(one, State.ONLY_HERE)
    if there.error is not None:
        return replace(_without_digest(one, there.error), asked=there.asked)
    now, details = there.digest, there.details
    created = None if details is None else details.created
    found = partial(Compared, one, digest=now, created=created, asked=there.asked)
    if one.reference.tag is None and one.present and not one.asked_for:
        # An update leaves the image before behind like this: a registry that keeps it proves nothing about its tag.
        return found(State.UNKNOWN, error=InvalidInput(NO_TAG))
    if now in (*one.digests, one.image_id):
        return found(State.IN_SYNC)
    if not one.present and not one.known:
        return found(State.ONLY_THERE)
    same = None if details is None else same_image(details, one.image_id, one.digests, picked=one.picked)
    if same:
        return found(State.IN_SYNC)
    unknown = partial(found, State.UNKNOWN)
    # containerd's store lists one digest for all names of an image, under one of them.
    if not one.known and (one.sure or not one.digests):
        return unknown(error=InvalidInput(NEVER_MOVED))
    seen = not set(there.before).isdisjoint((*one.digests, one.image_id))
    proved = one.sure or seen or _official(one.reference)
    if same is None and one.present and one.picked:
        return unknown(error=InvalidInput(ONE_PLATFORM))
    if details is not None and same is None and one.present and not proved:
        return unknown(error=InvalidInput(NOT_READ))
    if created is None or one.created is None:
        # The tag pointed to this image and moved; without that, the image may just as well be the newer one.
        return found(State.NEWER) if proved else unknown(error=InvalidInput(NO_DATES))
    theirs, ours = _aware(created), _aware(one.created)
    older = theirs < ours or (theirs == ours and not proved)
    return found(State.DIFFERS if older else State.NEWER)


def _official(reference: Reference) -> bool:
    return reference.domain == DOCKER_HUB and reference.path.startswith(_OFFICIAL)


def _without_digest(one: Here, error: LongshoreError) -> Compared:
    if isinstance(error, NotInRegistry) and one.present:
        return Compared(one, State.ONLY_HERE)
    if isinstance(error, REFUSALS) and one.present and not one.asked_for:
        if _official(one.reference):
            return Compared(one, State.ONLY_HERE)  # all official images are public
        # A registry that refuses an image that never came from it may only hide that it has none.
        return Compared(one, State.UNKNOWN, error=error, failed=one.known)
    return Compared(one, State.UNKNOWN, error=error, failed=True)


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
