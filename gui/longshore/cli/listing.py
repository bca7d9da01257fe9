"""``images`` and ``tags``: what the panes of the window show."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from longshore.application.stores import open_store
from longshore.cli import exit_codes
from longshore.cli.output import Output
from longshore.oci.reference import Reference

if TYPE_CHECKING:
    from longshore.application.session import Session


def add(command: str, parser: argparse.ArgumentParser) -> None:
    """See ``parser.Group``."""
    if command == "images":
        parser.add_argument("--from", dest="source", choices=("engine", "library"), default="engine")
        parser.set_defaults(run=images)
    else:
        parser.add_argument("repository", metavar="REPOSITORY", help="e.g. alpine or ghcr.io/org/app")
        parser.set_defaults(run=tags)


def images(session: Session, arguments: argparse.Namespace, output: Output) -> int:
    """Run ``longshore images``."""
    place = session.library() if arguments.source == "library" else session.engine()
    found = open_store(place, session.clients).images()
    for image in found:
        output.record(
            "image",
            {
                "reference": None if image.reference is None else str(image.reference),
                "id": image.image_id,
                "created": None if image.created is None else image.created.isoformat(),
                "size": image.size,
            },
        )
    output.table(
        ("REPOSITORY", "TAG", "IMAGE ID"),
        [
            (
                "<none>" if image.reference is None else image.reference.familiar_name,
                "<none>" if image.reference is None else image.reference.target,
                image.name.short,
            )
            for image in found
        ],
    )
    return exit_codes.DONE


def tags(session: Session, arguments: argparse.Namespace, output: Output) -> int:
    """Run ``longshore tags``."""
    repository = Reference.parse_input(arguments.repository)
    client = session.clients.registry(repository.domain)
    page = None
    while True:
        found = client.tags(repository.path, page)
        for tag in found.items:
            output.record("tag", {"repository": repository.name, "tag": tag})
            output.result(tag)
        if found.next is None:
            return exit_codes.DONE
        page = found.next
