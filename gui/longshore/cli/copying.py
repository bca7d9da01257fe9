"""``copy``: images between any two places."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from longshore.application import places, requests
from longshore.application.session import Session
from longshore.cli import list_files
from longshore.cli.moving import REPLACE, platform_of, run
from longshore.cli.output import Output
from longshore.errors import InvalidInput, LongshoreError
from longshore.language import tr
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.transfers.transfer import EnginePlace, RegistryPlace, TransferRequest

_COPY = f"""\
{places.HELP}
examples:
  longshore copy alpine:3.20 registry.example:5000/mirror/alpine:3.20
  longshore copy --referrers ghcr.io/org/app:1.2 registry.example:5000/app:1.2
  longshore copy --tags '1.* !*-rc*' ghcr.io/org/app registry.example:5000/app
  longshore copy -f compose.yaml registry.example:5000/mirror
  longshore copy ghcr.io/org/app:1.2 oci-archive:app.tar
  longshore copy docker-daemon:app:dev library:app:dev
"""


def add(command: str, parser: argparse.ArgumentParser) -> None:
    """See ``parser.Group``."""
    parser.epilog = _COPY
    parser.add_argument(
        "source", metavar="SOURCE", nargs="?", help="the image, or with --all-tags or --tags a repository"
    )
    parser.add_argument("destination", metavar="DESTINATION", help="where to; without a name, the source's")
    parser.add_argument(
        "--platform",
        metavar="OS/ARCH",
        type=platform_of,
        action="append",
        default=[],
        dest="platforms",
        help="only this platform of the image (may be repeated)",
    )
    parser.add_argument("--referrers", action="store_true", help="also signatures, SBOMs and other referrers")
    parser.add_argument("--force", action="store_true", help="replace an existing archive")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--all-tags", action="store_true", help="all tags of the repository")
    which.add_argument(
        "--tags", metavar="PATTERNS", help="the tags that match, such as '1.* !*-rc*' (! excludes)"
    )
    list_files.add_list(parser)
    parser.add_argument(
        "--map",
        metavar="RULE",
        default="{path}",
        help="with -f: the path below DESTINATION, made of {path}, {name} and {registry} (default: {path})",
    )
    parser.set_defaults(run=copy)


def copy(session: Session, arguments: argparse.Namespace, output: Output) -> int:
    """Run ``longshore copy``."""
    if arguments.file is not None:
        return _copy_list(session, arguments, output)
    if arguments.source is None:
        raise InvalidInput("No image is named.", advice="Name the source, or a file with -f.")
    source = places.parse_place(arguments.source, session)
    destination = places.parse_destination(arguments.destination, session)
    if arguments.all_tags or arguments.tags is not None:
        return _copy_tags(session, arguments, source, destination, output)
    if not arguments.force:
        places.check_free(destination.place, REPLACE)
    end = places.end_of(source, session)
    request = places.request_between(end, destination, arguments.platforms, referrers=arguments.referrers)
    if isinstance(destination.place, EnginePlace):
        session.clients.engine(destination.place.address).probe()  # the queue would wait for it
    if arguments.platforms and isinstance(destination.place, RegistryPlace):
        _warn_of_losses(session, request, arguments.platforms, output)
    return run(session, [request], output)


def _warn_of_losses(
    session: Session, request: TransferRequest, platforms: Sequence[Platform], output: Output
) -> None:
    """Warn if the destination's tag points to an index with other platforms than those that are copied."""
    from longshore.application import pushes
    from longshore.cancellation import Cancellation

    target = request.destination.reference
    if target is None:
        return
    try:
        there = pushes.existing(session.clients, target, Cancellation())
    except LongshoreError:
        return  # the copy reports it
    if there is None or all(any(one.matches(other) for other in platforms) for one in there.platforms):
        return
    words = tr(
        "{name} has {there} now; after this copy, only {sent}."
        " To keep all: longshore undo, then copy without --platform."
    )
    found = {
        "{name}": target.familiar,
        "{there}": pushes.names(there.platforms),
        "{sent}": pushes.names(platforms),
    }
    for name, value in found.items():
        words = words.replace(name, value)
    output.warning(words)


def _copy_list(session: Session, arguments: argparse.Namespace, output: Output) -> int:
    """Copy the images of ``-f FILE`` to a registry."""
    from longshore.application.image_lists.targets import mapped

    if arguments.source is not None or arguments.all_tags or arguments.tags is not None:
        raise InvalidInput("With -f, name only the registry to copy to.")
    registry = arguments.destination.removeprefix("docker://")
    if places.has_transport(registry):
        raise InvalidInput(
            "The images of a file are copied to a registry.",
            subject=arguments.destination,
            advice="To put them into the engine or the library, use longshore pull -f.",
        )
    references, codes = list_files.references_of(session, arguments, output)
    pairs = mapped(references, registry, arguments.map)
    wanted = [
        requests.copy(one.source, one.target, arguments.platforms, referrers=arguments.referrers)
        for one in pairs
    ]
    return run(session, wanted, output, codes)


def _copy_tags(
    session: Session,
    arguments: argparse.Namespace,
    source: places.NamedPlace,
    destination: places.NamedPlace,
    output: Output,
) -> int:
    from longshore.application.mirrors.planning import plan_mirror
    from longshore.application.mirrors.rules import MirrorRule
    from longshore.cancellation import Cancellation

    repositories: list[Reference] = []
    for named in (source, destination):
        reference = named.reference
        if not isinstance(named.place, RegistryPlace) or reference is None:
            raise InvalidInput("Many tags are copied from registry to registry.", subject=named.name)
        if reference.tag is not None or reference.digest is not None:
            raise InvalidInput(
                "With --all-tags or --tags, name repositories.",
                subject=named.name,
                advice="Leave out the tag.",
            )
        repositories.append(reference)
    rule = MirrorRule(
        "copy",
        repositories[0],
        repositories[1],
        tuple((arguments.tags or "*").replace(",", " ").split()),
        tuple(arguments.platforms),
        arguments.referrers,
    )
    plan = plan_mirror(rule, session.clients, cancellation=Cancellation())
    if not plan.tags:
        raise InvalidInput(
            "No tag matches.",
            subject=repositories[0].familiar,
            advice=f"See longshore tags {repositories[0].familiar}.",
        )
    codes = []
    for tag in plan.tags:
        if tag.error is not None:
            output.error(tag.error)
            codes.append(1)
        elif not tag.copies:
            output.line(f"Already up to date: {repositories[1].with_tag(tag.tag).familiar}")
            codes.append(0)
    return run(session, plan.requests(), output, codes)
