"""Makes the plan of updates. Blocking; worker threads."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from longshore.application import states
from longshore.application.removal import containers_of
from longshore.application.states import Compared, Here, State
from longshore.application.stores import open_store
from longshore.application.tag_digests import bare
from longshore.application.updates import newer
from longshore.application.updates.model import Failure, Held, Kind, Update, UpdatePlan
from longshore.application.updates.snoozes import Snooze
from longshore.application.updates.versions import is_major
from longshore.application.updates.weighing import Form, Weigher, with_hub
from longshore.errors import LongshoreError, NotSigned
from longshore.naturalsort import natural_key
from longshore.oci.platform import Platform
from longshore.side_by_side import ask_all
from longshore.transfers.transfer import LibraryPlace

if TYPE_CHECKING:
    from longshore.application.clients import Clients
    from longshore.application.requests import LocalPlace
    from longshore.cancellation import Cancellation
    from longshore.engine.container_model import Container
    from longshore.oci.local_image import LocalImage
    from longshore.oci.reference import Reference

_log = logging.getLogger(__name__)

_Made = Update | Failure | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to look for. *moved*, *versions*: the kinds of updates. *major*: versions with another first number, too.

    *minimum_age*: in days. *snoozes*: see ``Snoozes.all``. *only*: these references; all if empty. *named*: what the
    user named, which is not held because it is snoozed or not newer. *now*: the time of the plan, if it is not now.
    """

    moved: bool = True
    versions: bool = True
    major: bool = False
    minimum_age: int = 0
    snoozes: Mapping[tuple[str, Kind], Snooze] = field(default_factory=dict)
    only: Collection[Reference] = ()
    named: Collection[Reference] = ()
    now: datetime | None = None

    @property
    def moment(self) -> datetime:
        """The time of the plan."""
        return self.now or datetime.now(UTC)

    @property
    def today(self) -> date:
        """The day of the plan."""
        return self.moment.date()

    def snoozed(self, reference: Reference, kind: Kind, seen: str) -> bool:
        """Whether the update of *reference* to *seen* is not to be offered now."""
        snooze = self.snoozes.get((str(reference), kind))
        return snooze is not None and snooze.holds(seen, self.today)

    def age_of(self, created: datetime | None) -> Held | None:
        """Why an image of that date is not offered, None if it is old enough."""
        if self.minimum_age <= 0:
            return None
        if created is None:
            return Held.NO_DATE
        aware = created if created.tzinfo is not None else created.replace(tzinfo=UTC)
        return Held.TOO_NEW if self.moment - aware < timedelta(days=self.minimum_age) else None

    def judged(self, update: Update) -> Update:
        """*update* with the reason why it is not offered now, if there is one."""
        held = None
        if update.reference not in self.named:
            if self.snoozed(update.reference, update.kind, update.seen):
                held = Held.SNOOZED
            elif update.not_newer:
                held = Held.NOT_NEWER
        return replace(update, held=held or self.age_of(update.created))


class _Contents:
    """The images of one place."""

    def __init__(self, place: LocalPlace, images: Sequence[LocalImage]) -> None:
        self.place = place
        self.images = images
        self.by_name = {bare(one.reference): one for one in images if one.reference and one.reference.tag}
        self.tags: dict[str, list[str]] = {}
        self._names: dict[str, list[Reference]] = {}
        for name, image in self.by_name.items():
            self.tags.setdefault(name.name, []).append(name.tag or "")
            self._names.setdefault(image.image_id, []).append(name)

    def others(self, reference: Reference) -> tuple[Reference, ...]:
        """The other tags of the image that *reference* names."""
        same = self._names[self.by_name[reference].image_id]
        return tuple(sorted(name for name in same if name != reference))


@dataclass(frozen=True, slots=True)
class _Found:
    """An image of *contents* that was compared."""

    contents: _Contents
    compared: Compared

    @property
    def reference(self) -> Reference:
        return self.compared.here.reference

    @property
    def image(self) -> LocalImage:
        return self.contents.by_name[self.reference]


def plan(
    clients: Clients,
    contents: Sequence[tuple[LocalPlace, Sequence[LocalImage]]],
    wanted: Wanted,
    cancellation: Cancellation,
    told: Callable[[int, int], None] = lambda _done, _all: None,
) -> UpdatePlan:
    """The updates of the images in the places *contents*. Blocks for the time of many requests; raises Cancelled.

    *told* gets, in any thread, the number of updates that are weighed and of all.
    """
    places = [_Contents(place, images) for place, images in contents]
    only = list(dict.fromkeys(map(bare, wanted.only)))
    named = set(map(bare, wanted.named))
    found = _compared(clients, places, set(only), named, cancellation)
    missing = [name for name in only if all(name not in place.by_name for place in places)]
    failures = [
        Failure(one.reference, one.compared.error, one.contents.place)
        for one in found
        if one.compared.error is not None and (one.compared.failed or only)
    ]
    making = _Making(clients, wanted)
    work: list[Callable[[Cancellation], _Made]] = []
    if wanted.moved:
        work += [partial(making.moved, one) for one in found if one.compared.state.outdated]
    if wanted.versions:
        versioned = [one for one in found if newer.has_versions(one.compared)]
        listed = newer.version_tags(clients, [one.reference for one in versioned], cancellation)
        for one in versioned:
            tags = listed[one.reference.name]
            if isinstance(tags, LongshoreError):
                failures.append(Failure(one.reference, tags, one.contents.place))
                continue
            here = one.contents.tags[one.reference.name]
            after = newer.candidates(one.reference.tag or "", tags, here, major=wanted.major)
            if after:
                work.append(partial(making.version, one, after))
    made = _done(work, cancellation, told)
    updates = [one for one in made if isinstance(one, Update)]
    failures += [one for one in made if isinstance(one, Failure)]
    users = _users(clients, places, updates)
    return UpdatePlan(
        tuple(sorted((_with_users(one, users) for one in updates), key=_order)),
        tuple(failures),
        tuple(missing),
        len(found),
        sum(one.compared.state is State.IN_SYNC for one in found),
        tuple(one.reference for one in found if one.compared.state is State.ONLY_HERE),
    )


def _done(
    work: Sequence[Callable[[Cancellation], _Made]],
    cancellation: Cancellation,
    told: Callable[[int, int], None],
) -> list[_Made]:
    """The results of *work*, done side by side."""
    lock = threading.Lock()
    ready = 0

    def do(one: Callable[[Cancellation], _Made], part: Cancellation) -> _Made:
        nonlocal ready
        result = one(part)
        with lock:
            ready += 1
            told(ready, len(work))
        return result

    return ask_all(do, work, cancellation)


def _compared(
    clients: Clients,
    places: Iterable[_Contents],
    only: Collection[Reference],
    named: Collection[Reference],
    cancellation: Cancellation,
) -> list[_Found]:
    """The images that are asked for, compared with their registries in one go: a tag is asked for once."""
    asked: list[tuple[_Contents, Here]] = []
    for one in places:
        library = isinstance(one.place, LibraryPlace)
        sure = library or _lists_only_proof(clients, one.place)
        for here in states.of_images(one.images, picked=library, sure=sure):
            if not only or here.reference in only:
                # A registry hears a name that is only here if the user typed it, and not because it was selected.
                asked.append((one, replace(here, asked_for=here.reference in named)))
    heard = states.compare(clients, [here for _, here in asked], cancellation)
    compared = with_hub(clients, heard, cancellation)
    return [_Found(one, result) for (one, _), result in zip(asked, compared, strict=True)]


def _lists_only_proof(clients: Clients, place: LocalPlace) -> bool:
    try:
        return states.lists_only_proof(open_store(place, clients).probe())
    except LongshoreError:
        return False


class _Making:
    """Makes the single updates of one plan. Any thread."""

    def __init__(self, clients: Clients, wanted: Wanted) -> None:
        self._clients = clients
        self._weigher = Weigher(clients)
        self._wanted = wanted

    def moved(self, one: _Found, cancellation: Cancellation) -> Update:
        """The update to the image that the tag points to now."""
        return self._weighed(one, Kind.MOVED, one.reference, one.compared.digest, cancellation)

    def version(self, one: _Found, tags: Sequence[str], cancellation: Cancellation) -> _Made:
        """The update to the newest of *tags* that is not held by age or signature, or else to the newest."""
        first: Update | None = None
        for tag in tags[: newer.LOOKED_AT]:
            target = one.reference.with_tag(tag)
            try:
                head = self._clients.registry(target.domain).head(target.path, tag, cancellation=cancellation)
            except LongshoreError as error:
                return Failure(one.reference, error, one.contents.place)
            if head is None:
                continue  # removed meanwhile
            update = self._weighed(one, Kind.VERSION, target, head.digest, cancellation)
            if update.held not in (Held.TOO_NEW, Held.NO_DATE, Held.NOT_SIGNED):
                return update
            first = first or update
        return first

    def _weighed(
        self, one: _Found, kind: Kind, target: Reference, digest: str, cancellation: Cancellation
    ) -> Update:
        contents, image, reference = one.contents, one.image, one.reference
        problem = None
        try:
            form = self._weigher.form(contents.place, image)
        except LongshoreError as error:
            form, problem = Form(Platform.host()), error
        weight = self._weigher.weigh(contents.place, contents.images, target, digest, form, cancellation)
        update = Update(
            contents.place,
            image,
            reference,
            kind,
            target,
            _own_digest(image, one.compared.here),
            digest,
            weight.fetch,
            weight.created,
            form.platform,
            form.whole,
            contents.others(reference),
            left_out=form.left_out,
            not_newer=kind is Kind.MOVED and one.compared.state is State.DIFFERS,
            major=kind is Kind.VERSION and is_major(reference.tag or "", target.tag or ""),
            problem=problem or weight.problem,
        )
        return admitted(self._clients, self._wanted.judged(update), cancellation)


def admitted(clients: Clients, update: Update, cancellation: Cancellation) -> Update:
    """*update*, held if the user's rules refuse its image. Blocks; raises Cancelled.

    Not asked at Docker Hub, which counts the reading of signatures as pulls: there the pull finds out.
    """
    if update.held is not None or update.counted:
        return update
    try:
        clients.gate.admit(update.request.source, clients, cancellation)
    except NotSigned:
        return replace(update, held=Held.NOT_SIGNED)
    except LongshoreError as error:
        return replace(update, problem=update.problem or error)
    return update


def _own_digest(image: LocalImage, here: Here) -> str:
    """The digest by which the registry knew the image *here*; the image's id if that is not known."""
    names = (here.reference.name, here.reference.familiar_name)
    named = [name.rpartition("@") for name in image.repo_digests]
    own = [digest for name, _, digest in named if name in names]
    # The tag history may know more than the engine.
    return next(iter(own or (here.digests if here.known else ())), image.image_id)


def _users(
    clients: Clients, places: Iterable[_Contents], updates: Iterable[Update]
) -> dict[LocalPlace, dict[str, list[Container]]]:
    """The containers of the places whose tags move, by the id of their image; none where they can't be listed."""
    moving = {one.place for one in updates if one.kind is Kind.MOVED}
    found: dict[LocalPlace, dict[str, list[Container]]] = {}
    for one in places:
        if one.place in moving:
            try:
                found[one.place] = containers_of(one.place, clients, one.images)
            except LongshoreError as error:
                _log.info("containers of %s are not known: %s", one.place, error)
    return found


def _with_users(update: Update, users: Mapping[LocalPlace, Mapping[str, Sequence[Container]]]) -> Update:
    if update.kind is not Kind.MOVED:
        return update  # the old tag stays
    return replace(update, containers=tuple(users.get(update.place, {}).get(update.image.image_id, ())))


def _order(update: Update) -> tuple[object, ...]:
    """By name, then the moved tag before the newer version; the places keep their order."""
    return (
        update.reference.familiar_name,
        natural_key(update.reference.tag or ""),
        update.kind is Kind.VERSION,
    )
