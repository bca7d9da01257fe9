"""``remove``: from engines, the library and registries, after showing all that goes."""

from __future__ import annotations

import argparse
import sys
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from longshore.application import places
from longshore.application import removal as local
from longshore.application.image_names import find_image
from longshore.application.tag_history.recording import recording_store
from longshore.cli import exit_codes
from longshore.cli.output import Output, error_values
from longshore.cli.streams import report
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

_EPILOG = """\
A tag is removed; the image goes with its last tag. An ID names the image with all its tags.

A registry that removes only whole images also removes the other tags of the image. They are listed, and with --yes
they are removed only if --force is given.

An engine removes an image that stopped containers use only with --force. Docker keeps these containers, Podman removes
them, too. While a container of the image is running, no engine removes it.

REF can also name its place: docker://NAME, docker-daemon:NAME, library:NAME, oci:FOLDER:NAME.

examples:
  longshore remove app:dev
  longshore remove --from library --yes app:1.0 app:1.1
  longshore remove --from registry --dry-run registry.example:5000/team/app:1.0-rc1
"""
#: Names in a sentence before the rest is counted.
_NAMED = 8


def add(command: str, parser: argparse.ArgumentParser) -> None:
    """See ``parser.Group``."""
    parser.epilog = _EPILOG
    parser.add_argument("references", metavar="REF", nargs="+", help="an image, by its name, digest or ID")
    parser.add_argument(
        "--from",
        dest="source",
        choices=("engine", "library", "registry"),
        default="engine",
        help="where from (default: the engine)",
    )
    parser.add_argument(
        "--yes", "-y", action="store_true", help="do not ask; required where nobody can answer"
    )
    parser.add_argument(
        "--force",
        action="store_true",
        help="although stopped containers use the image, or other tags of a registry are affected",
    )
    parser.add_argument("--dry-run", action="store_true", help="only show what would be removed")
    parser.set_defaults(run=remove)


@dataclass(slots=True)
class _Row:
    """A name that goes. *named*: the user named it. *values*: its fields in JSON, without the state."""

    name: str
    effect: str
    values: dict[str, Any]
    named: bool = True
    is_tag: bool = True


@dataclass(slots=True)
class _Action:
    """Names that go together. *doubts*: what else is affected, in sentences; --yes alone does not accept it. *notes*:
    what else there is to know, in sentences. *caution*: what else happens, accepted with --force. *taken*: containers
    that the engine removes, too.
    """

    place: Place
    rows: list[_Row]
    run: Callable[[], None]
    doubts: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    caution: str = ""
    taken: Sequence[Container] = ()


def remove(session: Session, arguments: argparse.Namespace, output: Output) -> int:
    """Run ``longshore remove``."""
    actions, failures = _plan(session, arguments)
    codes = [exit_codes.of_error(error) for error in failures]
    if not actions and len(failures) == 1:
        raise failures[0]
    for error in failures:
        output.error(error)
    if not actions:
        return exit_codes.of_codes(codes)
    asks = not (arguments.yes or arguments.dry_run)
    if not output.quiet or asks or arguments.dry_run:
        _show(output, actions)
    if asks or arguments.dry_run:
        for action in actions:
            _record(output, action, "planned")
    if arguments.dry_run:
        return exit_codes.of_codes([*codes, *(exit_codes.DONE for _ in actions)])
    if asks and not _agreed(actions, output):
        output.line("Nothing was removed.")
        return exit_codes.FAILED
    for action in actions:
        try:
            if arguments.yes and action.doubts and not arguments.force:
                raise LongshoreError(
                    " ".join(action.doubts),
                    subject=action.rows[0].name,
                    advice="Nothing was removed. Add --force to accept this.",
                )
            action.run()
        except LongshoreError as error:
            output.error(error)
            _record(output, action, "failed", error)
            codes.append(exit_codes.of_error(error))
        else:
            _record(output, action, "removed")
            for row in action.rows:
                if output.quiet:
                    output.result(row.name)
                else:
                    output.line(f"Removed: {row.name}")
            if action.taken:
                output.line(containers.also_removed(action.taken))
            codes.append(exit_codes.DONE)
    return exit_codes.of_codes(codes)


# -- the plan


def _plan(session: Session, arguments: argparse.Namespace) -> tuple[list[_Action], list[LongshoreError]]:
    """What to do, and the errors of names for which there is nothing to do."""
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
    actions: list[_Action] = []
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
) -> list[_Action]:
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

    def action(one: local.LocalRemoval) -> _Action:
        def run() -> None:
            local.carry_out(store, one, store.images(), force=force)

        # The engine refuses while one of them is running.
        forced = force and one.last and bool(one.holders) and not one.running
        caution = containers.consequence(podman=podman) if forced else ""
        taken = one.holders if forced and podman else ()
        return _Action(place, [_local_row(place, one, taken=bool(taken))], run, caution=caution, taken=taken)

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


def _local_row(place: LocalPlace, one: local.LocalRemoval, *, taken: bool = False) -> _Row:
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
    return _Row(
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
) -> list[_Action]:
    """The removals from one repository, one for each manifest. Raises LongshoreError if it cannot be looked at."""
    from dataclasses import replace

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

    def action(digest: str, names: tuple[str, ...]) -> _Action:
        part = replace(plan, digests=((digest, names),))
        rows = [_registry_row(repository, plan, digest, name) for name in names]
        rows.sort(key=lambda row: not row.named)
        others = [row.name for row in rows if not row.named]
        doubts = [] if digest in plan.alone else _doubts(plan, others)

        def run() -> None:
            local.remove_tags(session.clients, part, group=group)

        return _Action(RegistryPlace(repository.domain), rows, run, doubts, notes)

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


def _registry_row(repository: Reference, plan: RemovalPlan, digest: str, name: str) -> _Row:
    is_tag = not valid_digest(name)
    named = name in plan.chosen
    reference = repository.with_tag(name) if is_tag else repository.with_digest(name)
    if digest in plan.alone:
        effect = "tag; the image is kept"
    elif named:
        effect = f"tag and image {text.short_digest(digest)}" if is_tag else "image"
    else:
        effect = "tag of the same image"
    return _Row(
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


# -- shown and asked


def _show(output: Output, actions: Sequence[_Action]) -> None:
    output.table(
        ("NAME", "FROM", "REMOVES"),
        [
            (row.name, place_values(action.place)["place"], row.effect)
            for action in actions
            for row in action.rows
        ],
    )
    for doubt in dict.fromkeys(doubt for action in actions for doubt in action.doubts):
        output.warning(doubt)
    for note in dict.fromkeys(note for action in actions for note in action.notes):
        output.line(note)
    for caution in dict.fromkeys(action.caution for action in actions if action.caution):
        output.warning(caution)
    if any(isinstance(action.place, RegistryPlace) for action in actions):
        output.line("Space is freed at the registry's next garbage collection.")


def _record(output: Output, action: _Action, state: str, error: LongshoreError | None = None) -> None:
    for row in action.rows:
        values = {**row.values, "state": state, "error": None if error is None else error_values(error)}
        output.record("removal", values)


def _agreed(actions: Sequence[_Action], output: Output) -> bool:
    """Ask. Raises InvalidInput where nobody can answer."""
    rows = [row for action in actions for row in action.rows]
    if output.as_json or not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise InvalidInput(
            "Nothing was removed, because nobody can be asked here.",
            advice="Add --yes to remove what is listed.",
        )
    report(f"Remove {counted(rows)}? [y/N] ")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


class Row(Protocol):
    """A row that is removed."""

    @property
    def is_tag(self) -> bool:
        """Whether it is a tag; otherwise an image."""


def counted(rows: Sequence[Row]) -> str:
    """Return the number of *rows* in words: ``3 tags and 1 image``."""
    tags = sum(row.is_tag for row in rows)
    others = len(rows) - tags
    found = [
        *(["1 tag" if tags == 1 else f"{tags:,} tags"] if tags else []),
        *([text.images(others)] if others else []),
    ]
    return " and ".join(found)
