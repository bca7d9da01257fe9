"""``pull`` and ``push``, and how all commands run transfers."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from longshore.application import requests
from longshore.application.places import local_end, parse_destination
from longshore.application.requests import LocalPlace
from longshore.application.running import Run
from longshore.application.session import Session
from longshore.cli import exit_codes, list_files
from longshore.cli.interrupting import signals
from longshore.cli.output import Output
from longshore.cli.progress import report_unfinished, shown
from longshore.errors import InvalidInput, LongshoreError
from longshore.language import tr
from longshore.library.model import LibraryDetails
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.text import plain
from longshore.transfers.transfer import (
    Endpoint,
    EnginePlace,
    LibraryPlace,
    RegistryPlace,
    TransferRequest,
    TransferSnapshot,
)

if TYPE_CHECKING:
    from longshore.engine.model import ImageDetails

_PULL = """\
examples:
  longshore pull alpine
  longshore pull --platform linux/arm64 ghcr.io/org/app:1.2
  longshore pull --to library --all-platforms postgres:16
  longshore pull --engine default --engine build-farm team/app:1.0
  longshore pull -f compose.yaml
"""
_PUSH = """\
examples:
  longshore push registry.example:5000/team/app:1.0
  longshore push app:dev registry.example:5000/team/app:1.0 registry.example:5000/team/app:latest
  longshore push --from library --no-overwrite app:dev registry.example:5000/team/app:dev
"""

#: The advice where the archive to write exists.
REPLACE = "Use --force to replace it."


def add(command: str, parser: argparse.ArgumentParser) -> None:
    """See ``parser.Group``."""
    if command == "pull":
        parser.epilog = _PULL
        parser.add_argument(
            "references", metavar="REF", nargs="*", help="an image, such as ghcr.io/org/app:1.2"
        )
        list_files.add_list(parser)
        parser.add_argument(
            "--to", choices=("engine", "library"), default="engine", help="where to (default: the engine)"
        )
        parser.add_argument(
            "--platform", metavar="OS/ARCH", type=platform_of, help="this platform, such as linux/arm64"
        )
        parser.add_argument(
            "--all-platforms", action="store_true", help="the whole image, unchanged (library only)"
        )
        parser.add_argument(
            "--native", action="store_true", help="let the engine fetch the layers itself (engines only)"
        )
        parser.add_argument(
            "--only-signed", action="store_true", help="fail unless signed by a key of longshore keys"
        )
        parser.set_defaults(run=pull)
    else:
        parser.epilog = _PUSH
        parser.add_argument("image", metavar="IMAGE", help="an image of the engine, by its name or ID")
        parser.add_argument(
            "targets",
            metavar="TARGET",
            nargs="*",
            help="the references to push it to (default: its own name)",
        )
        parser.add_argument(
            "--from",
            dest="source",
            choices=("engine", "library"),
            default="engine",
            help="where it is (default: the engine)",
        )
        parser.add_argument(
            "--no-overwrite",
            action="store_true",
            help="fail if a target's tag exists, unless the push surely keeps its digest",
        )
        parser.set_defaults(run=push)


def platform_of(text: str) -> Platform:
    """A platform from the command line, for argparse."""
    from longshore.oci.known_platforms import parse_known

    try:
        return parse_known(text)
    except LongshoreError as error:
        raise argparse.ArgumentTypeError(f"{error.message} {error.advice}".strip()) from error


def pull(session: Session, arguments: argparse.Namespace, output: Output) -> int:
    """Run ``longshore pull``."""
    to_library = arguments.to == "library"
    if arguments.all_platforms and not to_library:
        raise InvalidInput("An engine pulls one platform.", advice="Use --to library with --all-platforms.")
    if arguments.all_platforms and arguments.platform:
        raise InvalidInput("--platform and --all-platforms exclude each other.", advice="Use one of them.")
    if arguments.native and to_library:
        raise InvalidInput(
            "Only an engine has a pull of its own.", advice="Leave out --native or --to library."
        )
    references = [Reference.parse_input(text) for text in arguments.references]
    if not references and arguments.file is None:
        raise InvalidInput("No image is named.", advice="Name one: longshore pull alpine")
    codes: list[int] = []
    if arguments.file is not None:
        listed, codes = list_files.references_of(session, arguments, output)
        references = list(dict.fromkeys([*references, *listed]))
    places: list[LocalPlace] = []
    for place in [session.library()] if to_library else session.engines():
        try:
            if isinstance(place, EnginePlace):
                # The queue would wait for an engine that is not running.
                session.clients.engine(place.address).probe()
            places.append(place)
        except LongshoreError as error:
            output.error(error)
            codes += [exit_codes.of_error(error)] * len(references)
    wanted = [
        requests.pull(
            reference,
            place,
            arguments.platform,
            whole=arguments.all_platforms,
            only_signed=arguments.only_signed,
            native=arguments.native,
        )
        for place in places
        for reference in references
    ]
    return run(session, wanted, output, codes)


def push(session: Session, arguments: argparse.Namespace, output: Output) -> int:
    """Run ``longshore push``."""
    place: LocalPlace = session.library() if arguments.source == "library" else session.engine()
    source = local_end(session, place, arguments.image)
    if not arguments.targets and source.reference is None:
        raise InvalidInput("The image has no name.", subject=arguments.image, advice="Name the target too.")
    targets = [_target(text, session) for text in arguments.targets]
    if not targets and source.reference is not None:
        targets = [source.reference.with_default_tag().with_digest(None)]
    chosen, codes = _checked(session, source, targets, output, keep=arguments.no_overwrite)
    ended = _run(session, [requests.push(source, target) for target in chosen], output)
    for row in ended:
        target = row.request.destination.reference
        before = chosen.get(target) if target is not None else None
        if before and row.digest and row.digest != before:
            assert target is not None
            # The same image in a manifest that the engine made anew.
            words = tr("{name}: the push changed the tag's digest. It was {digest} before.")
            output.warning(words.format(name=target.familiar, digest=before))
    return code_of(ended, codes)


def _target(text: str, session: Session) -> Reference:
    named = parse_destination(text, session)
    if not isinstance(named.place, RegistryPlace) or named.reference is None:
        raise InvalidInput(
            "Images are pushed to registries.",
            subject=plain(text, 200),
            advice="Use longshore copy for this place.",
        )
    return named.reference.with_default_tag()


def _checked(
    session: Session, source: Endpoint, targets: Sequence[Reference], output: Output, *, keep: bool
) -> tuple[dict[Reference, str], list[int]]:
    """The *targets* to push to, after warnings about tags that move and platforms that are lost.

    With each, the digest that its tag has now, "" for none or if it was warned about. With *keep*, tags that would move
    are left out; the exit codes of those come second.
    """
    from longshore.application import pushes
    from longshore.cancellation import Cancellation

    chosen: dict[Reference, str] = {}
    codes: list[int] = []
    details, own = _known(session, source)
    for target in targets:
        try:
            there = pushes.existing(session.clients, target, Cancellation())
            moves = there is not None and there.digest not in own
            if there is None or not keep:
                kept = True
            elif isinstance(details, LibraryDetails):
                kept = not moves
            else:
                kept = pushes.keeps_digest(session.clients, details, target, there, Cancellation())
        except LongshoreError as error:
            if keep:
                output.error(error)
                codes.append(exit_codes.of_error(error))
            else:
                chosen[target] = ""  # its row reports the error, or the engine reaches what we do not
            continue
        if not kept:
            message = (
                "The tag points to another image, and --no-overwrite keeps it."
                if moves
                else "The push may change the tag's digest, and --no-overwrite keeps it."
            )
            output.error(
                LongshoreError(
                    message,
                    subject=target.familiar,
                    advice="Push to another tag, or leave out --no-overwrite.",
                )
            )
            codes.append(exit_codes.FAILED)
            continue
        chosen[target] = "" if there is None or moves else there.digest
        if moves:
            output.warning(
                tr("{name}: replaces the image that this tag points to.").format(name=target.familiar)
            )
        platforms = () if there is None else there.platforms
        if isinstance(details, LibraryDetails):
            lost = pushes.lost_from_library(details, platforms)
        else:
            lost = pushes.lost(details, platforms)
        if lost.lacking:
            words = tr("Only {sent} will be pushed: the engine lacks the other platforms of {name}.")
            output.warning(words.format(name=source.name.shown, sent=pushes.names(lost.sent)))
            whole = None if isinstance(details, LibraryDetails) else pushes.whole_source(details, target)
            if whole is not None:
                words = tr("To copy all of them: longshore copy {source} {target}")
                words = words.replace("{source}", whole.with_tag(None).familiar)
                output.warning(words.replace("{target}", target.familiar))
        if lost.gone:
            words = tr("{name} has {there} now; after this push, only {sent}.")
            output.warning(
                words.format(
                    name=target.familiar, there=pushes.names(platforms), sent=pushes.names(lost.sent)
                )
            )
            transport = "library" if isinstance(details, LibraryDetails) else "docker-daemon"
            line = f"longshore index --replace {target.familiar} {target.familiar} {transport}:{source.name.copied}"
            output.warning(tr("To keep the others: longshore undo, then {line}").replace("{line}", line))
    return chosen, codes


def _known(session: Session, source: Endpoint) -> tuple[ImageDetails | LibraryDetails, set[str]]:
    """The details of *source*, and the digests that it has in registries."""
    place = source.place
    if isinstance(place, EnginePlace):
        details = session.clients.engine(place.address).image(source.name.asked)
        return details, {details.image_id, *(name.rpartition("@")[2] for name in details.repo_digests)}
    assert isinstance(place, LibraryPlace)
    kept = session.clients.library(place.path).details(source.reference or source.image_id)
    return kept, {kept.image.digest}


def run(
    session: Session,
    wanted: Sequence[TransferRequest],
    output: Output,
    codes: Sequence[int] = (),
    *,
    left: Sequence[str] = (),
) -> int:
    """Run transfers, show them, and return the exit code. *codes*: of parts of the command that ended before.

    *left*: rows of ended programs, see Run.wait.
    """
    return code_of(_run(session, wanted, output, left), codes)


def _run(
    session: Session, wanted: Sequence[TransferRequest], output: Output, left: Sequence[str] = ()
) -> Sequence[TransferSnapshot]:
    """Run transfers, show them, and return how they ended."""
    session.check_engines()
    if not wanted and not left:
        return ()
    running = Run(session)
    with shown(output) as changed, signals(running):
        ended = running.wait(wanted, changed, left=left)
    report_unfinished(ended, output)
    return ended


def code_of(ended: Sequence[TransferSnapshot], codes: Sequence[int]) -> int:
    """The exit code for transfers and for the parts of the command that ended before them with *codes*."""
    of_transfers = exit_codes.of(ended)
    if not codes or of_transfers == exit_codes.INTERRUPTED:
        return of_transfers
    return exit_codes.of_codes([*codes, *(exit_codes.of([one]) for one in ended)])
