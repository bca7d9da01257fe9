"""``index``: one index of images of several platforms."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from longshore.application import places, requests
from longshore.cli.moving import REPLACE, run
from longshore.cli.output import Output
from longshore.errors import InvalidInput
from longshore.transfers.transfer import Endpoint, EnginePlace

if TYPE_CHECKING:
    from longshore.application.session import Session

_EPILOG = f"""\
Each source is an image of one platform, or an index, all of whose images are taken with their attestations. Content
that the destination does not have is mounted or moved first; existing images are not changed. Two images of one
platform are refused unless --replace is given. What the tag pointed to before is kept in the tag history: see longshore
undo.

{places.HELP}
examples:
  longshore index ghcr.io/org/app:1.0 ghcr.io/org/app:1.0-amd64 ghcr.io/org/app:1.0-arm64
  longshore index registry.example:5000/team/app:1.0 docker-daemon:app:amd64 docker-daemon:app:arm64
  longshore index --replace ghcr.io/org/app:1.0 ghcr.io/org/app:1.0 docker-daemon:app:dev
  longshore index oci-archive:app.tar:app:1.0 library:app:amd64 ghcr.io/org/app:1.0-arm64
"""


def add(command: str, parser: argparse.ArgumentParser) -> None:
    """See ``parser.Group``."""
    parser.epilog = _EPILOG
    parser.add_argument("destination", metavar="DEST", help="the name of the index, with its tag")
    parser.add_argument("sources", metavar="SRC", nargs="+", help="an image of it")
    parser.add_argument(
        "--replace",
        action="store_true",
        help="a later image takes the place of an earlier one of the same platform",
    )
    parser.add_argument("--force", action="store_true", help="replace an existing archive")
    parser.set_defaults(run=index)


def index(session: Session, arguments: argparse.Namespace, output: Output) -> int:
    """Run ``longshore index``."""
    named = places.parse_destination(arguments.destination, session)
    if isinstance(named.place, EnginePlace):
        raise InvalidInput(
            "An engine takes images of one platform.",
            subject=arguments.destination,
            advice="Make the index in a registry, in the library or in an archive.",
        )
    if not arguments.force:
        places.check_free(named.place, REPLACE)
    parts = [places.end_of(places.parse_place(text, session), session) for text in arguments.sources]
    session.check_engines()
    end = Endpoint(named.place, named.reference)
    request = requests.index(parts, end, replacing=arguments.replace, ref_name=named.ref_name)
    return run(session, [request], output)
