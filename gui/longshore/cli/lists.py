"""``lock``: pin the images of a file."""

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
from longshore.oci.reference import Reference

if TYPE_CHECKING:
    from longshore.application.image_lists.locking import Outcome
    from longshore.application.image_lists.model import Entry, ImageList
    from longshore.application.image_lists.reading import ListReader

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


def add(command: str, parser: argparse.ArgumentParser) -> None:
    """See ``parser.Group``."""
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
    return code_of([one.error for one in bad], good=len(good), compares=check)


def code_of(errors: Sequence[LongshoreError | None], *, good: int, compares: bool) -> int:
    """*compares*: 1 is kept for what a comparison found, so that scripts can tell it from a registry that is down."""
    failed = [exit_codes.FAILED if error is None else exit_codes.of_error(error) for error in errors]
    code = exit_codes.of_codes([*failed, *[exit_codes.DONE] * good])
    return exit_codes.SOME_FAILED if compares and code == exit_codes.FAILED else code
