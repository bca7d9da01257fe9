"""``lock`` and ``outdated``: pin the images of a file, and find images that a registry has newer."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from longshore.application.session import Session
from longshore.cancellation import Cancellation
from longshore.cli import exit_codes
from longshore.cli.list_files import (
    STREAM,
    file_options,
    list_reader,
    no_images,
    read_file,
    warn_of_unused,
)
from longshore.cli.output import Output, error_values
from longshore.cli.streams import write_bytes
from longshore.errors import InvalidInput, LongshoreError
from longshore.language import tr
from longshore.oci.digest import short
from longshore.oci.reference import Reference

if TYPE_CHECKING:
    from longshore.application.image_lists.locking import Outcome
    from longshore.application.image_lists.model import Entry, ImageList
    from longshore.application.image_lists.reading import ListReader
    from longshore.application.states import Compared, Here

_LOCK_EPILOG = """\
FILE is a compose file, Kubernetes manifests (any YAML or JSON with "image:"), a Dockerfile, or a list with one
reference a line; "-" reads standard input and writes standard output. Only the references change. Variables that may
change a tag are replaced by their values; what cannot be resolved is named on standard error.

Each image that is pinned is read from its registry and compared with its digest. On Docker Hub, where that counts as a
pull, the registry is only asked whether it has the digest.

exit codes:
  0  all images are pinned
  1  nothing could be pinned or written; with --check: an image is not pinned, or its tag has moved
  2  wrong usage, or no image is named
  3  some images could not be resolved or asked for; with --check: some or all could not be asked for
  4  the registry refused (sign in)

examples:
  longshore lock compose.yaml
  longshore lock --update Dockerfile
  longshore lock --check compose.yaml deploy/*.yaml
"""
_OUTDATED_EPILOG = """\
States: in sync, newer (the tag points to another image now), differs (the tag points to an older image), only here,
only there, unknown.

exit codes:
  0  all images were compared, outdated or not
  1  with --check: an image is outdated
  2  wrong usage, or the file names no images
  3  some or all images could not be compared
  4  the registry refused (sign in)

examples:
  longshore outdated
  longshore outdated nginx:1 ghcr.io/org/app
  longshore outdated -f compose.yaml --check
"""


def add(command: str, parser: argparse.ArgumentParser) -> None:
    """See ``parser.Group``."""
    if command == "lock":
        parser.epilog = _LOCK_EPILOG
        parser.add_argument("files", metavar="FILE", nargs="+", type=Path, help="a file that names images")
        parser.add_argument(
            "--check",
            action="store_true",
            help="write nothing; fail if an image is not pinned or its tag moved",
        )
        parser.add_argument("--update", action="store_true", help="also renew the digests of pinned images")
        parser.add_argument("--output", metavar="FILE", type=Path, help="write here instead (one FILE only)")
        file_options(parser)
        parser.set_defaults(run=lock)
    else:
        parser.epilog = _OUTDATED_EPILOG
        parser.add_argument(
            "images", metavar="IMAGE", nargs="*", help="only these (default: all images here)"
        )
        parser.add_argument("-f", "--file", metavar="FILE", type=Path, help="the images that this file names")
        parser.add_argument(
            "--from",
            dest="source",
            choices=("engine", "library"),
            default="engine",
            help="where images are compared (default: engine)",
        )
        parser.add_argument("--check", action="store_true", help="exit with 1 if an image is outdated")
        file_options(parser)
        parser.set_defaults(run=outdated)


def lock(session: Session, arguments: argparse.Namespace, output: Output) -> int:
    """Run ``longshore lock``."""
    from longshore.application.image_lists import locking
    from longshore.application.tag_digests import tag_digests, verified

    files: list[Path] = list(dict.fromkeys(arguments.files))
    streamed = _to_stream(arguments, output)
    reader = list_reader(session, arguments)
    found = [read_file(reader, path) for path in files]
    warn_of_unused(arguments, found, output)
    again = arguments.check or arguments.update
    wanted = [reference for one in found for reference in locking.to_ask(one, again=again)]
    digests = tag_digests(session.clients, wanted, Cancellation())
    if not arguments.check:
        pins: dict[Reference, str] = {}
        for one in found:
            pins |= locking.to_pin(one, digests, update=arguments.update)
        digests |= verified(session.clients, pins, Cancellation())
    outcomes: list[Outcome] = []
    for path, one in zip(files, found, strict=True):
        if arguments.check:
            results = locking.check(one, digests)
        else:
            text, results = locking.lock(
                one, digests, partial(_parsed, reader, path), update=arguments.update
            )
            _write(path, arguments.output, one.text, text)
        if not results and len(found) > 1:
            output.warning(tr("{file} names no images.").format(file=one.name))
        for result in results:
            _report(one, result, output, silent=streamed)
        outcomes += results
    if not outcomes:
        raise no_images(found[0].name if len(found) == 1 else "")
    return _lock_code(outcomes, check=arguments.check)


def _to_stream(arguments: argparse.Namespace, output: Output) -> bool:
    """Whether the file goes to standard output, which then has room for nothing else. Raises InvalidInput."""
    files: list[Path] = arguments.files
    if len(files) > 1 and (arguments.output is not None or STREAM in files):
        raise InvalidInput("Standard input and --output are for one file at a time.")
    if arguments.check:
        return False
    streamed = (arguments.output or files[0]) == STREAM
    if streamed and output.as_json:
        raise InvalidInput(
            "Standard output can't have both the file and the JSON.", advice="Name a file with --output."
        )
    return streamed


def _parsed(reader: ListReader, path: Path, text: str) -> ImageList:
    return reader.parse(text.encode(), path)


def _write(path: Path, target: Path | None, before: str, text: str) -> None:
    from longshore.application.image_lists.writing import write_back, write_new

    if (target or path) == STREAM:
        write_bytes(text.encode())
    elif target is not None:
        write_new(target, text, path)
    elif text != before:
        write_back(path, before, text)


def _report(found: ImageList, outcome: Outcome, output: Output, *, silent: bool) -> None:
    """Print the outcome of an entry: failures on standard error, findings of a check also with --quiet."""
    from longshore.application.image_lists.locking import Verdict

    entry, verdict = outcome.entry, outcome.verdict
    output.record(
        "lock",
        {
            **_place(found, entry),
            "state": verdict.value,
            "digest": outcome.digest or None,
            "error": None if outcome.error is None else error_values(outcome.error),
        },
    )
    image = entry.shown
    place = f"{found.name}:{entry.span.line}"
    match verdict:
        case Verdict.UNRESOLVED | Verdict.FAILED if outcome.error is not None:
            output.error(outcome.error, at=f"{place}: {image}")
        case Verdict.UNPINNED:
            words = tr("{image} is not pinned; its digest is {digest}.")
            output.result(f"{place}: {words.format(image=image, digest=outcome.digest)}")
        case Verdict.MOVED:
            words = tr("The tag of {image} points to {digest} now.")
            output.result(f"{place}: {words.format(image=image, digest=outcome.digest)}")
        case _ if silent:
            pass
        case Verdict.PINNED | Verdict.UPDATED:
            output.line(f"{place}: {image} → {outcome.digest}")
            if outcome.replaces_variables:
                words = tr("The variables of {text} were replaced by their values.")
                output.line(f"{place}: {words.format(text=entry.written)}")
        case Verdict.BUILT:
            words = tr("Built, not pulled: {service}")
            output.line(f"{place}: {words.format(service=entry.where)}")
        case _:
            output.line(f"{place}: {tr('{image} is already pinned.').format(image=image)}")


def _place(found: ImageList, entry: Entry) -> dict[str, object]:
    return {
        "file": found.name,
        "line": entry.span.line,
        "column": entry.span.column,
        "where": entry.where,
        "text": entry.written,
        "reference": None if entry.reference is None else str(entry.reference),
    }


def _lock_code(outcomes: Sequence[Outcome], *, check: bool) -> int:
    from longshore.application.image_lists.locking import Verdict

    bad = [one for one in outcomes if one.verdict in (Verdict.UNRESOLVED, Verdict.FAILED)]
    good = [one for one in outcomes if one.verdict is not Verdict.BUILT and one not in bad]
    if check and any(
        one.verdict in (Verdict.UNPINNED, Verdict.MOVED, Verdict.UNRESOLVED) for one in outcomes
    ):
        return exit_codes.FAILED
    return _code([one.error for one in bad], good=len(good), compares=check)


def _code(errors: Sequence[LongshoreError | None], *, good: int, compares: bool) -> int:
    """*compares*: 1 is kept for what a comparison found, so that scripts can tell it from a registry that is down."""
    failed = [exit_codes.FAILED if error is None else exit_codes.of_error(error) for error in errors]
    code = exit_codes.of_codes([*failed, *[exit_codes.DONE] * good])
    return exit_codes.SOME_FAILED if compares and code == exit_codes.FAILED else code


def outdated(session: Session, arguments: argparse.Namespace, output: Output) -> int:
    """Run ``longshore outdated``."""
    from longshore.application import states

    if arguments.file is not None and arguments.images:
        raise InvalidInput("Name either images or a file.")
    errors: list[LongshoreError] = []
    if arguments.file is None:
        only = [Reference.parse_input(text) for text in arguments.images]
        heres = _local(session, arguments.source, only, output, errors)
    else:
        heres = _of_file(session, arguments, output, errors)
    compared = states.compare(session.clients, heres, Cancellation())
    _show(compared, output)
    for one in compared:
        if one.failed and one.error is not None:
            output.error(one.error, at=one.here.reference.familiar)
            errors.append(one.error)
    if arguments.check and any(one.state.outdated for one in compared):
        return exit_codes.FAILED
    return _code(errors, good=sum(not one.failed for one in compared), compares=True)


def _local(
    session: Session, source: str, only: Sequence[Reference], output: Output, errors: list[LongshoreError]
) -> list[Here]:
    """The local images. An engine that does not respond is printed and added to *errors*."""
    from longshore.application.states import of_images
    from longshore.application.stores import open_store

    place = session.library() if source == "library" else session.engine()
    session.check_engines()
    try:
        images = open_store(place, session.clients).images()
    except LongshoreError as error:
        output.error(error)
        errors.append(error)
        return []
    return of_images(images, picked=source == "library", only=only)


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


def _show(compared: Sequence[Compared], output: Output) -> None:
    for one in compared:
        output.record(
            "state",
            {
                "reference": str(one.here.reference),
                "state": one.state.value,
                "here": list(one.here.digests),
                "there": one.digest or None,
                "reason": None if one.error is None else error_values(one.error),
            },
        )
    output.table(
        ("IMAGE", "STATE", "HERE", "REGISTRY"),
        [(one.here.reference.familiar, one.state.value, _here(one), short(one.digest)) for one in compared],
        spare=(2, 3),
    )
    for one in compared:
        if one.error is not None and not one.failed:
            output.line(f"{one.here.reference.familiar}: {one.error.message}")


def _here(one: Compared) -> str:
    digests = one.here.digests
    return short(one.digest if one.digest in digests else digests[0] if digests else "")
