"""The plan of ``remove``: what goes from an engine, the library or a registry, and what else that affects."""

from __future__ import annotations

import argparse
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from longshore.application import places
from longshore.application import removal as local
from longshore.application.image_names import find_image
from longshore.application.tag_history.recording import recording_store
from longshore.cli.transfer_values import place_values
from longshore.errors import InvalidInput, LongshoreError, NotInRegistry, VerificationFailed
from longshore.oci.digest import valid_digest
from longshore.oci.reference import Reference
from longshore.transfers.transfer import EnginePlace, LibraryPlace, Place, RegistryPlace
from longshore.words import containers, text
from longshore.words import retention as words

if TYPE_CHECKING:
    from longshore.application.requests import LocalPlace
    from longshore.application.session import Session
    from longshore.engine.container_model import Container
    from longshore.oci.image_name import ImageName
    from longshore.oci.local_image import LocalImage
    from longshore.registry.removal import RemovalPlan

#: Names in a sentence before the rest is counted.
_NAMED = 8


@dataclass(slots=True)
class RemovalRow:
    """A name that goes. *named*: the user named it. *values*: its fields in JSON, without the state."""

    name: str
    effect: str
    values: dict[str, Any]
    named: bool = True
    is_tag: bool = True


@dataclass(slots=True)
class RemovalAction:
    """Names that go together. *doubts*: what else is affected, in sentences; --yes alone does not accept it. *notes*:
    what else there is to know, in sentences. *caution*: what else happens, accepted with --force. *taken*: containers
    that the engine removes, too.
    """

    place: Place
    rows: list[RemovalRow]
    run: Callable[[], None]
    doubts: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    caution: str = ""
    taken: Sequence[Container] = ()


def plan_removals(
    session: Session, arguments: argparse.Namespace
) -> tuple[list[RemovalAction], list[LongshoreError]]:
    """What *arguments* ask for, and the errors of names for which there is nothing to do. Blocks."""
    failures: list[LongshoreError] = []
    here: dict[LocalPlace, list[str]] = {}
    there: dict[tuple[str, str], list[Reference]] = {}
    for typed in arguments.references:
        try:
            named = _named(session, arguments.source, typed)
            place = named.place
            if isinstance(place, RegistryPlace):
                reference = Reference.parse_input(named.name).with_default_tag()
                there.setdefault((reference.domain, reference.path), []).append(reference)
            elif isinstance(place, EnginePlace | LibraryPlace) and named.name:
                here.setdefault(place, []).append(named.name)
            else:
                raise InvalidInput(
                    "This does not name an image that can be removed.",
                    subject=typed,
                    advice="Use the name of an image of an engine, the library, an oci: folder or a registry.",
                )
        except LongshoreError as error:
            failures.append(error)
    session.check_engines()
    actions: list[RemovalAction] = []
    for local_place, names in here.items():
        try:
            actions += _local_actions(session, local_place, names, failures, force=arguments.force)
        except LongshoreError as error:
            failures.append(error)
    for references in there.values():
        try:
            actions += _registry_actions(session, references, failures)
        except LongshoreError as error:
            failures.append(error)
    return actions, failures


def _named(session: Session, source: str, typed: str) -> places.NamedPlace:
    if source == "registry" or places.has_transport(typed):
        return places.parse_place(typed, session)
    return places.NamedPlace(session.library() if source == "library" else session.engine(), typed)


def _local_actions(
    session: Session, place: LocalPlace, names: Sequence[str], failures: list[LongshoreError], *, force: bool
) -> list[RemovalAction]:
    from longshore.application.places import unknown_image

    store = recording_store(place, session.clients)
    listed = store.images()
    chosen: dict[ImageName, None] = {}
    for name in names:
        try:
            found = _find(listed, name)
            if found is None:
                raise unknown_image(session, place, name)
            if found.reference is not None and all(image.name != found for image in listed):
                raise InvalidInput(
                    "The image has this digest, but not as a name of its own.",
                    subject=name,
                    advice=f"Name one of its tags, or the image by its ID: {found.short}.",
                )
            chosen[found] = None
        except LongshoreError as error:
            failures.append(error)

    def action(one: local.LocalRemoval) -> RemovalAction:
        def run() -> None:
            local.carry_out(store, one, store.images(), force=force)

        # The engine refuses while one of them is running.
        forced = force and one.last and bool(one.holders) and not one.running
        caution = containers.consequence(podman=podman) if forced else ""
        taken = one.holders if forced and podman else ()
        return RemovalAction(
            place, [_local_row(place, one, taken=bool(taken))], run, caution=caution, taken=taken
        )

    users = local.containers_of(place, session.clients, listed)
    going = local.plan(listed, chosen, users)
    podman = force and any(one.holders for one in going) and local.takes_containers(store)
    return [action(one) for one in going]


def _find(listed: Sequence[LocalImage], name: str) -> ImageName | None:
    """The image that *name* means. A name with tag and digest is the tag, if it points to that digest."""
    plain_name, at, digest = name.rpartition("@")
    if not (at and valid_digest(digest) and Reference.parse_input(name).tag):
        return find_image(listed, name)
    found = find_image(listed, plain_name)
    for image in listed:
        if image.name == found and digest not in (
            image.image_id,
            *(one.rpartition("@")[2] for one in image.repo_digests),
        ):
            raise _moved(name)
    return found


def _moved(name: str) -> VerificationFailed:
    return VerificationFailed("The tag points to another image.", subject=name, advice="It was not removed.")


def _local_row(place: LocalPlace, one: local.LocalRemoval, *, taken: bool = False) -> RemovalRow:
    """The row of *one*. *taken*: its containers are removed with it."""
    image = one.image
    is_tag = image.reference is not None
    if not one.last:
        effect = "tag; the image is kept" if one.staying else "tag"
    else:
        effect = f"{'tag and ' if is_tag else ''}image {image.name.short}"
    if taken:
        what = "the container" if len(one.holders) == 1 else "these containers:"
        effect += f", and {what} {containers.named(one.holders)}"
    elif one.containers:
        effect += f", used by {containers.named(one.holders) or text.containers(one.containers)}"
    return RemovalRow(
        image.name.shown if is_tag else image.image_id,
        effect,
        {
            **place_values(place),
            "reference": None if image.reference is None else str(image.reference),
            "image_id": image.image_id,
            "digest": None,
            "named": True,
            "deletes_image": not one.staying,
            "containers": one.containers if isinstance(place, EnginePlace) else None,
            "used_by": [
                {"name": each.name, "id": each.id, "state": each.state.value, "running": each.state.alive}
                for each in one.holders
            ],
            "removes_containers": taken,
            "incomplete": [],
            "unchecked": 0,
        },
        is_tag=is_tag,
    )


def _registry_actions(
    session: Session, references: Sequence[Reference], failures: list[LongshoreError]
) -> list[RemovalAction]:
    """The removals from one repository, one for each manifest. Raises LongshoreError if it cannot be looked at."""

    from longshore.cancellation import Cancellation
    from longshore.registry import removal

    repository = references[0].with_tag(None).with_digest(None)
    client = session.clients.registry(repository.domain)
    lister = session.clients.lister(repository.domain)
    # With tag and digest, it is the tag, if it points to that digest.
    targets = list(dict.fromkeys(reference.tag or reference.target for reference in references))
    plan = removal.look(client, repository.path, targets, Cancellation(), lister=lister)
    digests = {name: digest for digest, names in plan.digests for name in names}
    for reference in references:
        found = digests.get(reference.tag or reference.target)
        if reference.digest is not None and found not in (reference.digest, None):
            raise _moved(reference.familiar)
        if found is None:
            failures.append(
                NotInRegistry(
                    "The registry has no such tag.",
                    registry=repository.domain,
                    subject=reference.familiar,
                    advice=f"See longshore tags {repository.familiar_name}.",
                )
            )

    group = uuid.uuid4().hex
    others_left = sorted(plan.leftovers.difference(plan.chosen))
    notes = [words.leftovers(repository, others_left)] if others_left else []

    def action(digest: str, names: tuple[str, ...]) -> RemovalAction:
        part = replace(plan, digests=((digest, names),))
        rows = [_registry_row(repository, plan, digest, name) for name in names]
        rows.sort(key=lambda row: not row.named)
        others = [row.name for row in rows if not row.named]
        doubts = [] if digest in plan.alone else _doubts(plan, others)

        def run() -> None:
            local.remove_tags(session.clients, part, group=group)

        return RemovalAction(RegistryPlace(repository.domain), rows, run, doubts, notes)

    return [action(digest, names) for digest, names in plan.digests]


def _doubts(plan: RemovalPlan, others: Sequence[str]) -> list[str]:
    """What else is affected by deleting a manifest with the tags *others*."""
    doubts = []
    if others:
        doubts.append(f"This registry removes images, not tags: {_list(others)} would be removed, too.")
    if plan.broken:
        doubts.append(f"Tags that contain this image would become incomplete: {_list(plan.broken)}.")
    if plan.unknown:
        doubts.append(f"{plan.unknown:,} tags could not be checked: they may be removed, too.")
    return doubts


def _list(names: Sequence[str]) -> str:
    shown = ", ".join(text.safe(name) for name in names[:_NAMED])
    return shown if len(names) <= _NAMED else f"{shown} and {len(names) - _NAMED:,} more"


def _registry_row(repository: Reference, plan: RemovalPlan, digest: str, name: str) -> RemovalRow:
    is_tag = not valid_digest(name)
    named = name in plan.chosen
    reference = repository.with_tag(name) if is_tag else repository.with_digest(name)
    if digest in plan.alone:
        effect = "tag; the image is kept"
    elif named:
        effect = f"tag and image {text.short_digest(digest)}" if is_tag else "image"
    else:
        effect = "tag of the same image"
    return RemovalRow(
        text.safe(reference.familiar, 600),
        effect,
        {
            **place_values(RegistryPlace(repository.domain)),
            "reference": str(reference),
            "image_id": None,
            "digest": digest,
            "named": named,
            "deletes_image": digest not in plan.alone,
            "containers": None,
            "incomplete": [] if digest in plan.alone else list(plan.broken),
            "unchecked": 0 if digest in plan.alone else plan.unknown,
        },
        named=named,
        is_tag=is_tag,
    )
