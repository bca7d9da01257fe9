"""Files of images as an argument: ``-f FILE`` of several commands, and the files of ``lock``."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from longshore.application.session import Session
from longshore.cli import exit_codes
from longshore.cli.output import Output
from longshore.errors import InvalidInput
from longshore.language import tr
from longshore.oci.reference import Reference
from longshore.text import plain

if TYPE_CHECKING:
    from longshore.application.image_lists.model import ImageList
    from longshore.application.image_lists.reading import ListReader

#: The file name that means standard input or output.
STREAM = Path("-")


def file_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of every command that reads a file of images; :func:`list_reader` reads them."""
    parser.add_argument(
        "--kind",
        choices=("compose", "kubernetes", "dockerfile", "list"),
        help="what the file is (default: by its name and content)",
    )
    parser.add_argument(
        "--build-arg",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="a build argument for a Dockerfile (repeatable)",
    )


def add_list(parser: argparse.ArgumentParser) -> None:
    """Add ``-f FILE`` and its options to a command that takes images."""
    parser.add_argument(
        "-f",
        "--file",
        metavar="FILE",
        type=Path,
        help="the images that a compose file, Kubernetes manifest, Dockerfile or list names (-: standard input)",
    )
    file_options(parser)


def references_of(
    session: Session, arguments: argparse.Namespace, output: Output
) -> tuple[list[Reference], list[int]]:
    """The images of ``-f FILE``, and an exit code for each that is not known; those are reported.

    Images that are built from the file are left out. Raises InvalidInput.
    """
    found = read_file(list_reader(session, arguments), arguments.file)
    warn_of_unused(arguments, [found], output)
    codes = []
    for entry in found.entries:
        if entry.unresolved and entry.problem is not None:
            output.error(entry.problem, at=f"{found.name}:{entry.span.line}: {entry.written}")
            codes.append(exit_codes.FAILED)
    references = dict.fromkeys(
        entry.reference.with_default_tag()
        for entry in found.entries
        if entry.reference is not None and not entry.built
    )
    if not found.entries:
        raise no_images(found.name)
    if not references and not codes:
        words = tr("{file} names only images that are built, so there is nothing to pull.")
        output.warning(words.format(file=found.name))
    return list(references), codes


def no_images(name: str) -> InvalidInput:
    """The error about files without images. *name*: the file, "" for several."""
    return InvalidInput("The file names no images.", subject=name)


def list_reader(session: Session, arguments: argparse.Namespace) -> ListReader:
    """The reader that *arguments* ask for. Raises InvalidInput."""
    from longshore.application.image_lists.model import Kind
    from longshore.application.image_lists.reading import ListReader

    given: dict[str, str] = {}
    for text in arguments.build_arg:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise InvalidInput("A build argument is NAME=VALUE.", subject=text)
        given[name] = value
    return ListReader(session.environ, Kind(arguments.kind) if arguments.kind else None, given)


def read_file(reader: ListReader, path: Path) -> ImageList:
    """The images that the file *path* names, ``-`` for standard input. Raises InvalidInput."""
    from longshore.application.image_lists.reading import LARGEST

    with contextlib.suppress(OSError):
        if path.is_fifo():  # also what a shell makes of <(command)
            raise InvalidInput(
                "A pipe given as a file is not read, because it may block for ever.",
                subject=str(path),
                advice="Use - as the file, and send the list to standard input.",
            )
    return reader.parse(sys.stdin.buffer.read(LARGEST + 1), path) if path == STREAM else reader.read(path)


def warn_of_unused(arguments: argparse.Namespace, found: Sequence[ImageList], output: Output) -> None:
    """Name the build arguments that no Dockerfile has: a name with a mistake would change nothing."""
    if not arguments.build_arg:
        return
    from longshore.application.image_lists.model import Kind
    from longshore.building.dockerfile import declared_arguments

    known: set[str] = set()
    for one in found:
        if one.kind is Kind.DOCKERFILE:
            known |= declared_arguments(one.text)
    given = dict.fromkeys(text.partition("=")[0] for text in arguments.build_arg)
    for name in given:
        if name not in known:
            words = tr("The build argument {name} is not used: no ARG has this name.")
            output.warning(words.format(name=plain(name, 100)))
