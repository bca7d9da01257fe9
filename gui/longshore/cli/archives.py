"""``save`` and ``load``: images to and from archives."""

from __future__ import annotations

import argparse

from longshore.application import requests
from longshore.application.places import (
    NamedPlace,
    archive_path,
    check_free,
    local_end,
    parse_destination,
    request_between,
)
from longshore.application.session import Session
from longshore.cli.moving import REPLACE, platform_of, run
from longshore.cli.output import Output
from longshore.errors import InvalidInput
from longshore.oci.reference import Reference
from longshore.transfers.transfer import ArchivePlace, Endpoint, EnginePlace, LibraryPlace, RegistryPlace

_SAVE = """\
examples:
  longshore save alpine:latest -o alpine.tar
  longshore save --from library --format oci postgres:16 -o postgres.tar
  longshore save --from registry ghcr.io/org/app:1.2 -o app.tar.zst
"""
_LOAD = """\
examples:
  longshore load alpine.tar
  longshore load --to library a.tar b.tar.gz
  longshore load app.tar --to registry.example:5000/team/app:1.2
  longshore load app.tar --to library:app:dev
"""


def add(command: str, parser: argparse.ArgumentParser) -> None:
    """See ``parser.Group``."""
    if command == "save":
        parser.epilog = _SAVE
        parser.add_argument("image", metavar="IMAGE", help="the image, by its name or ID")
        parser.add_argument("-o", "--output", metavar="FILE", required=True, help="the archive to write")
        parser.add_argument(
            "--from",
            dest="source",
            choices=("engine", "library", "registry"),
            default="engine",
            help="where it is (default: the engine)",
        )
        parser.add_argument(
            "--format", choices=("docker", "oci"), default="docker", help="its format (default: docker)"
        )
        parser.add_argument("--platform", metavar="OS/ARCH", type=platform_of, help="only this platform")
        parser.add_argument("--force", action="store_true", help="replace an existing file")
        parser.set_defaults(run=save)
    else:
        parser.epilog = _LOAD
        parser.add_argument("files", metavar="FILE", nargs="+", help="an archive, compressed or not")
        parser.add_argument(
            "--to",
            metavar="PLACE",
            default="engine",
            help="engine (default), library, a reference to push to, or a place as in longshore copy",
        )
        parser.set_defaults(run=load)


def save(session: Session, arguments: argparse.Namespace, output: Output) -> int:
    """Run ``longshore save``."""
    archive = ArchivePlace(archive_path(arguments.output), arguments.format)
    if not arguments.force:
        check_free(archive, REPLACE)
    if arguments.source == "registry":
        reference = Reference.parse_input(arguments.image).with_default_tag()
        source = Endpoint(RegistryPlace(reference.domain), reference)
    else:
        place = session.library() if arguments.source == "library" else session.engine()
        source = local_end(session, place, arguments.image)
    request = requests.save(source, archive, arguments.platform)
    return run(session, [request], output)


def load(session: Session, arguments: argparse.Namespace, output: Output) -> int:
    """Run ``longshore load``."""
    from longshore.application.archives import images_in
    from longshore.cancellation import Cancellation

    archives = [ArchivePlace(archive_path(file)) for file in arguments.files]
    if arguments.to in ("engine", "library"):
        target = NamedPlace(session.library() if arguments.to == "library" else session.engine(), "")
    else:
        target = parse_destination(arguments.to, session)
        check_free(target.place, "Choose another file.")
    place = target.place
    if isinstance(place, EnginePlace):
        session.clients.engine(place.address).probe()  # the queue would wait for one that is not running
    if target.name or isinstance(place, ArchivePlace):
        if len(archives) > 1:
            raise InvalidInput("Several archives cannot have one target.", advice="Load them one by one.")
        found = images_in(archives[0], Cancellation())
        if len({end.image_id for end in found}) > 1:
            raise InvalidInput(
                "The archive has several images.",
                subject=str(archives[0].path),
                advice="Load it into the library and push its images from there.",
            )
        return run(session, [request_between(found[0], target)], output)
    if isinstance(place, EnginePlace):
        return run(session, [requests.load(Endpoint(one, None), place) for one in archives], output)
    assert isinstance(place, LibraryPlace)
    ends = [end for one in archives for end in images_in(one, Cancellation())]
    return run(session, [requests.load(end, place) for end in ends], output)
