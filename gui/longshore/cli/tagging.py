"""``tag``: gives an image more names, in an engine, the library or a registry's repository."""

from __future__ import annotations

import argparse
import uuid
from typing import TYPE_CHECKING

from longshore.application import places
from longshore.application.tagging import parse_name
from longshore.cli import exit_codes
from longshore.cli.output import Output, error_values
from longshore.cli.transfer_values import place_values
from longshore.errors import InvalidInput, LongshoreError, NotInRegistry
from longshore.oci.reference import Reference
from longshore.transfers.tag_changes import TagOperation
from longshore.transfers.transfer import EnginePlace, LibraryPlace, RegistryPlace
from longshore.words.tag_history import digest_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from longshore.application.requests import LocalPlace
    from longshore.application.session import Session

    #: Gives a name, and returns the digest that the name pointed to before ("" for none) and points to now.
    Give = Callable[[Reference], tuple[str, str]]

_EPILOG = """\
A tag moves from any image that had it; what it pointed to is kept in the tag history: see longshore undo.

In a registry, tags are given within one repository, and nothing is moved. Between repositories use longshore copy.
SOURCE can also name its place: docker://NAME, docker-daemon:NAME, library:NAME, oci:FOLDER:NAME.

examples:
  longshore tag app:dev app:1.0 registry.example:5000/team/app:1.0
  longshore tag --from library app:dev app:1.0
  longshore tag --from registry registry.example:5000/team/app:1.0 registry.example:5000/team/app:latest
"""


def add(command: str, parser: argparse.ArgumentParser) -> None:
    """See ``parser.Group``."""
    parser.epilog = _EPILOG
    parser.add_argument("source", metavar="SOURCE", help="an image, by its name, digest or ID")
    parser.add_argument("targets", metavar="TARGET", nargs="+", help="a name that it gets")
    parser.add_argument(
        "--from",
        dest="place",
        choices=("engine", "library", "registry"),
        default="engine",
        help="where the image is (default: the engine)",
    )
    parser.set_defaults(run=tag)


def tag(session: Session, arguments: argparse.Namespace, output: Output) -> int:
    """Run ``longshore tag``."""
    targets = [parse_name(text) for text in arguments.targets]
    named = _named(session, arguments.place, arguments.source)
    session.check_engines()
    if isinstance(named.place, RegistryPlace):
        give = _in_registry(session, named.place, named.name, targets)
    elif isinstance(named.place, EnginePlace | LibraryPlace):
        give = _in_store(session, named.place, named.name)
    else:
        raise InvalidInput(
            "Images of archives have no other names.",
            subject=arguments.source,
            advice="Load the archive, or copy the image to another place.",
        )
    codes = []
    for target in targets:
        values = {**place_values(named.place), "reference": str(target)}
        try:
            before, after = give(target)
        except LongshoreError as error:
            output.error(error, at=target.familiar if len(targets) > 1 else "")
            failed = {"before": None, "digest": None, "state": "failed", "error": error_values(error)}
            output.record("tagged", values | failed)
            codes.append(exit_codes.of_error(error))
            continue
        output.record(
            "tagged", {**values, "before": before, "digest": after, "state": "tagged", "error": None}
        )
        if output.quiet:
            output.result(target.familiar)
        else:
            moved = f" (before: {digest_text(before)})" if before not in ("", after) else ""
            output.line(f"Tagged: {target.familiar}{moved}")
        codes.append(exit_codes.DONE)
    return exit_codes.of_codes(codes)


def _named(session: Session, place: str, typed: str) -> places.NamedPlace:
    if place == "registry" or places.has_transport(typed):
        return places.parse_place(typed, session)
    return places.NamedPlace(session.library() if place == "library" else session.engine(), typed)


def _in_store(session: Session, place: LocalPlace, text: str) -> Give:
    from longshore.application.image_names import find_image
    from longshore.application.tag_history.recording import recording_store

    store = recording_store(place, session.clients)
    image = find_image(store.images(), text) if text else None
    if image is None:
        raise places.unknown_image(session, place, text)

    def give(name: Reference) -> tuple[str, str]:
        before, _ = store.points_to(name)
        store.tag(image.asked, name)
        return before, store.points_to(name)[0]

    return give


def _in_registry(session: Session, place: RegistryPlace, text: str, targets: list[Reference]) -> Give:
    from longshore.application.undo import sentences
    from longshore.application.undo.goal import Goal
    from longshore.application.undo.undo import Undo
    from longshore.cancellation import Cancellation

    source = Reference.parse_input(text).with_default_tag()
    for target in targets:
        if target.name != source.name:
            raise InvalidInput(
                "Tags are given within one repository of a registry.",
                subject=target.familiar,
                advice=f"Use longshore copy {source.familiar} {target.familiar}.",
            )
    undoing = Undo(session.clients, session.tag_history, session.library)
    cancellation = Cancellation()
    found = session.clients.registry(place.host).head(source.path, source.target, cancellation=cancellation)
    if found is None:
        raise NotInRegistry(
            "The registry has no such tag.",
            registry=place.host,
            subject=source.familiar,
            advice=f"See longshore tags {source.familiar_name}.",
        )
    group = uuid.uuid4().hex

    def give(name: Reference) -> tuple[str, str]:
        goal = Goal(place, name, found.digest, operation=TagOperation.TAG, group=group)
        verdict = undoing.check(goal, cancellation)
        if verdict.now == found.digest:
            return found.digest, found.digest
        if verdict.request is not None:
            raise sentences.MOVED(name.familiar, tag=name.tag)  # it was deleted meanwhile
        undoing.carry_out(verdict, cancellation)
        return verdict.now or "", found.digest

    return give
