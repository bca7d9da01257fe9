"""``outdated``: find images whose tag moved in its registry, or that have a newer version."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from longshore.application import places
from longshore.application.session import Session
from longshore.cli import exit_codes
from longshore.cli.list_files import file_options, list_reader, no_images, read_file, warn_of_unused
from longshore.cli.lists import code_of
from longshore.cli.output import Output, error_values
from longshore.cli.updates import look_options
from longshore.errors import InvalidInput, LongshoreError
from longshore.language import tr
from longshore.oci.digest import short
from longshore.oci.reference import Reference

if TYPE_CHECKING:
    from longshore.application.states import Compared, Here
    from longshore.application.updates.model import Held
    from longshore.application.updates.outdated import Newer

_EPILOG = """\
States: in sync, newer (the tag points to another image now), differs (the tag points to an image that is not newer),
only here, only there, unknown. A newer version is a higher version tag of the same track: 16.4 is followed by 16.5,
3.12-slim by 3.13-slim. What is snoozed with longshore update --snooze, or younger than --min-age, is shown and does
not count.

exit codes:
  0  all images are in step
  1  something is newer, or a tag points to an image that is not newer
  2  wrong usage, or the file names no images
  3  some or all images could not be compared
  4  the registry refused (sign in)

examples:
  longshore outdated
  longshore outdated --tags-only nginx:1 ghcr.io/org/app
  longshore outdated -f compose.yaml --min-age 7d
"""


def add(command: str, parser: argparse.ArgumentParser) -> None:
    """See ``parser.Group``."""
    parser.epilog = _EPILOG
    parser.add_argument("images", metavar="IMAGE", nargs="*", help="only these (default: all images here)")
    parser.add_argument("-f", "--file", metavar="FILE", type=Path, help="the images that this file names")
    parser.add_argument(
        "--from",
        dest="source",
        choices=("engine", "library"),
        default="engine",
        help="where images are compared (default: engine)",
    )
    parser.add_argument(
        "--tags-only", action="store_true", help="do not look for newer versions, which reads lists of tags"
    )
    look_options(parser)
    # The exit code says it without being asked now; scripts may still ask.
    parser.add_argument("--check", action="store_true", help=argparse.SUPPRESS)
    file_options(parser)
    parser.set_defaults(run=outdated)


def outdated(session: Session, arguments: argparse.Namespace, output: Output) -> int:
    """Run ``longshore outdated``."""
    from longshore.application import states
    from longshore.application.updates import outdated as updates
    from longshore.application.updates.planning import Wanted
    from longshore.application.updates.snoozes import Snoozes
    from longshore.cancellation import Cancellation

    if arguments.file is not None and arguments.images:
        raise InvalidInput("Name either images or a file.")
    errors: list[LongshoreError] = []
    if arguments.file is None:
        only = [places.local_reference(text) for text in arguments.images]
        heres = _local(session, arguments.source, only, output, errors)
    else:
        heres = _of_file(session, arguments, output, errors)
    snoozes = Snoozes(session.settings)
    wanted = Wanted(
        versions=not arguments.tags_only,
        major=arguments.major,
        minimum_age=snoozes.minimum_age if arguments.min_age is None else arguments.min_age,
        snoozes=snoozes.all(),
    )
    compared = states.compare(session.clients, heres, Cancellation())
    found = updates.look(session.clients, compared, wanted, Cancellation(), _tags_here(heres))
    _show(found, output)
    bad = 0
    for one in found:
        error = one.compared.error if one.compared.failed else one.error
        if error is not None:
            output.error(error, at=one.compared.here.reference.familiar)
            errors.append(error)
            bad += 1
    if any(one.outdated for one in found):
        return exit_codes.FAILED
    return code_of(errors, good=len(found) - bad, compares=True)


def _tags_here(heres: Sequence[Here]) -> dict[str, list[str]]:
    """The tags of the local images, by repository."""
    tags: dict[str, list[str]] = {}
    for here in heres:
        if here.present:
            tags.setdefault(here.reference.name, []).append(here.reference.tag or "")
    return tags


def _local(
    session: Session, source: str, only: Sequence[Reference], output: Output, errors: list[LongshoreError]
) -> list[Here]:
    """The local images. An engine that does not respond is printed and added to *errors*."""
    from longshore.application.states import lists_only_proof, of_images
    from longshore.application.stores import open_store

    place = session.library() if source == "library" else session.engine()
    session.check_engines()
    try:
        store = open_store(place, session.clients)
        sure = lists_only_proof(store.probe())
        images = store.images()
    except LongshoreError as error:
        output.error(error)
        errors.append(error)
        return []
    return of_images(images, picked=source == "library", sure=sure, only=only)


def _of_file(
    session: Session, arguments: argparse.Namespace, output: Output, errors: list[LongshoreError]
) -> list[Here]:
    """The pinned digests of a file, and local images for the tags that it does not pin. Errors are printed and added to
    *errors*."""
    from longshore.application.states import of_pinned

    found = read_file(list_reader(session, arguments), arguments.file)
    warn_of_unused(arguments, [found], output)
    if not found.entries:
        raise no_images(found.name)
    unpinned: list[Reference] = []
    heres: dict[Reference, Here] = {}
    for entry in found.entries:
        reference = entry.reference
        if entry.unresolved and entry.problem is not None:
            output.error(entry.problem, at=f"{found.name}:{entry.span.line}: {entry.written}")
            errors.append(entry.problem)
        elif reference is None or entry.built:
            continue
        elif reference.digest is None:
            unpinned.append(reference)
        elif reference.tag is not None:
            heres[reference] = of_pinned(reference)
        else:
            words = tr("{image} has a digest and no tag, so there is nothing to compare.")
            output.warning(f"{found.name}:{entry.span.line}: {words.format(image=reference.familiar)}")
    if unpinned:
        local = _local(session, arguments.source, unpinned, output, errors)
        heres |= {here.reference: here for here in local}
    return list(heres.values())


def _show(found: Sequence[Newer], output: Output) -> None:
    for newer in found:
        one = newer.compared
        output.record(
            "state",
            {
                "reference": str(one.here.reference),
                "state": one.state.value,
                "here": list(one.here.digests),
                "there": one.digest or None,
                "held": None if newer.held is None else newer.held.value,
                "newer_version": newer.version or None,
                "newer_version_held": None if newer.version_held is None else newer.version_held.value,
                "reason": None if one.error is None else error_values(one.error),
            },
        )
    output.table(
        ("IMAGE", "STATE", "NEWER VERSION", "HERE", "REGISTRY"),
        [
            (
                newer.compared.here.reference.familiar,
                _noted(newer.compared.state.value, newer.held),
                _noted(newer.version, newer.version_held),
                _here(newer.compared),
                short(newer.compared.digest),
            )
            for newer in found
        ],
        spare=(3, 4),
    )
    for newer in found:
        one = newer.compared
        if one.error is not None and not one.failed:
            output.line(f"{one.here.reference.familiar}: {one.error.message}")


def _noted(words: str, held: Held | None) -> str:
    return words if held is None else f"{words} ({tr(held.value)})"


def _here(one: Compared) -> str:
    digests = one.here.digests
    return short(one.digest if one.digest in digests else digests[0] if digests else "")
