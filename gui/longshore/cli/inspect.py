"""``inspect``: one image, wherever it is."""

from __future__ import annotations

import argparse
import contextlib
from typing import TYPE_CHECKING

from longshore.application import places
from longshore.cli import exit_codes, inspect_attached, inspect_compare, inspect_files
from longshore.cli.moving import platform_of
from longshore.cli.output import Output
from longshore.cli.streams import write_bytes
from longshore.errors import EngineError, EngineUnavailable, InvalidInput
from longshore.transfers.transfer import EnginePlace, LibraryPlace, RegistryPlace

if TYPE_CHECKING:
    from longshore.application.inspection.access import PullCommand
    from longshore.application.inspection.sharing import KnownImage
    from longshore.application.inspection.values import Inspected
    from longshore.application.session import Session
    from longshore.cancellation import Cancellation
    from longshore.cli.inspect_output import Shown
    from longshore.oci.reference import Reference
    from longshore.transfers.transfer import Endpoint

_EPILOG = f"""\
{places.HELP}
--raw prints the manifest or index exactly as it is stored, so that sha256sum returns its digest; --config does the same
with the configuration. Values that look like secrets are hidden, except in --config.
An image of an engine has neither: save it, or inspect it in its registry.

{inspect_attached.HELP}
{inspect_compare.HELP}
{inspect_files.EPILOG}
examples:
  longshore inspect alpine
  longshore inspect --platform linux/arm64 ghcr.io/org/app:1.2 --json
  longshore inspect --raw registry.example:5000/team/app:1.0 | sha256sum
  longshore inspect docker-daemon:app:dev
  longshore inspect --attached ghcr.io/org/app:1.2
  longshore inspect --compare ghcr.io/org/app:1.3 docker-daemon:app:dev
  longshore inspect --packages --format csv ghcr.io/org/app:1.2 > packages.csv
  longshore inspect --scan docker-daemon:app:dev
{inspect_files.EXAMPLES}"""


def add(command: str, parser: argparse.ArgumentParser) -> None:
    """See ``parser.Group``."""
    parser.epilog = _EPILOG
    parser.add_argument("reference", metavar="REF", help="the image")
    parser.add_argument(
        "--platform",
        metavar="OS/ARCH",
        type=platform_of,
        help="the image of this platform (default: this machine's, or the first)",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--raw",
        action="store_true",
        help="print the manifest or index, unchanged; with --platform, that platform's manifest",
    )
    which.add_argument("--config", action="store_true", help="print the configuration, unchanged")
    inspect_files.add_options(parser, which)
    parser.add_argument(
        "--shared",
        action="store_true",
        help="also show which layers are on this machine, which images share them, and the base image by its layers",
    )
    parser.add_argument(
        "--who-can-pull",
        action="store_true",
        help="also ask the registry whether anyone can pull it: one request without signing in",
    )
    inspect_attached.add(parser, which)
    inspect_compare.add(parser)
    parser.add_argument(
        "--show-secrets", action="store_true", help="show all values, also those that look like secrets"
    )
    parser.set_defaults(run=inspect)


def inspect(session: Session, arguments: argparse.Namespace, output: Output) -> int:
    """Run ``longshore inspect``."""
    from longshore.application.inspection import inspecting
    from longshore.cancellation import Cancellation
    from longshore.cli.inspect_output import lines, values

    if arguments.compare and (arguments.raw or arguments.config or arguments.attached or arguments.findings):
        raise InvalidInput("--compare can only be combined with --packages, --platform and --show-secrets.")
    attached = inspect_attached.asked(arguments)
    files = inspect_files.asked(arguments)
    named = places.parse_place(arguments.reference, session)
    if arguments.shared:
        with contextlib.suppress(EngineUnavailable):
            session.engine()
    session.check_engines()
    end = places.end_of(named, session)
    if arguments.compare:
        return inspect_compare.run(session, arguments, output, end)
    if attached:
        return inspect_attached.run(session, arguments, output, end)
    if files:
        return inspect_files.run(session, arguments, end, output)
    if arguments.raw or arguments.config:
        write_bytes(_read(session, arguments, end))
        return exit_codes.DONE
    if arguments.who_can_pull and not isinstance(end.place, RegistryPlace):
        raise InvalidInput(
            "Only a registry says who can pull.",
            subject=end.name.shown,
            advice="Name the image in its registry.",
        )
    cancellation = Cancellation()
    found = inspecting.inspect(end, session.clients, cancellation, arguments.platform)
    shown = _shown(found, session, arguments, cancellation)
    output.record("inspection", values(shown))
    if output.quiet:
        output.result(found.digest or found.image_id)
        return exit_codes.DONE
    for line in lines(shown):
        output.line(line)
    return exit_codes.DONE


def _shown(
    found: Inspected, session: Session, arguments: argparse.Namespace, cancellation: Cancellation
) -> Shown:
    """*found* with what the arguments ask for besides."""
    from longshore.application.inspection.access import who_can_pull
    from longshore.application.inspection.sharing import layer_report
    from longshore.cli.inspect_output import Shown

    known = _known(found, session, cancellation) if arguments.shared else []
    report = layer_report(found, known)
    seen = report.shared if arguments.shared else ()
    end = found.end
    reference = end.reference if isinstance(end.place, RegistryPlace) else None
    asked = reference is not None and arguments.who_can_pull
    return Shown(
        found,
        arguments.show_secrets,
        report.base,
        tuple(layer.here for layer in seen),
        report.names if arguments.shared else (),
        who_can_pull(reference, session.clients, cancellation) if asked and reference is not None else None,
        None if reference is None else _command(reference, found),
    )


def _command(reference: Reference, found: Inspected) -> PullCommand | None:
    from longshore.application.inspection.access import command_of

    return command_of(reference, found.artifact_type, found.digest)


def _known(found: Inspected, session: Session, cancellation: Cancellation) -> list[KnownImage]:
    """The images beside which the layers are seen: those of the image's own place, else of the engine and the library.

    An engine that is not running has none, unless the image is its own.
    """
    from longshore.application.inspection.sharing import known_images

    place = found.end.place
    if isinstance(place, EnginePlace | LibraryPlace):
        return known_images(place, session.clients, cancellation)
    known = known_images(session.library(), session.clients, cancellation)
    with contextlib.suppress(EngineError):
        known += known_images(session.engine(), session.clients, cancellation)
    return known


def _read(session: Session, arguments: argparse.Namespace, end: Endpoint) -> bytes:
    """The manifest or the configuration. Raises InvalidInput for an engine."""
    from longshore.application.inspection.content import Inspection
    from longshore.cancellation import Cancellation

    if isinstance(end.place, EnginePlace):
        raise InvalidInput(
            "An engine does not show the manifest and the configuration of an image.",
            subject=end.name.shown,
            advice="Inspect the image in its registry, or save it and inspect the archive.",
        )
    with Inspection(end, session.clients, Cancellation(), arguments.platform) as inspection:
        top = inspection.top()
        if arguments.config:
            return inspection.config(inspection.image(top))
        return top.raw if arguments.platform is None else inspection.image(top).raw
