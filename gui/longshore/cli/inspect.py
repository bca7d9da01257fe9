"""``inspect``: one image, wherever it is."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from longshore.application import places
from longshore.cli import exit_codes
from longshore.cli.moving import platform_of
from longshore.cli.output import Output
from longshore.cli.streams import write_bytes
from longshore.cli.transfer_values import place_values
from longshore.errors import InvalidInput
from longshore.transfers.transfer import EnginePlace
from longshore.words import text, times
from longshore.words import transfers as words

if TYPE_CHECKING:
    from longshore.application.inspection import Inspected
    from longshore.application.session import Session
    from longshore.transfers.transfer import Endpoint

#: Takes the place of a value that looks like a secret.
HIDDEN = "••••"
#: Names of variables whose values look like secrets.
_SECRET = re.compile(
    r"(?i)(passw|passphrase|secret|token|credential|api_?key|access_?key|private_?key|auth(?!or))"
)
#: ``user:password@`` in an address.
_USER = re.compile(r"(?<=://)[^/@\s:]{0,200}:[^/@\s]{1,500}(?=@)")
_EPILOG = f"""\
{places.HELP}
--raw prints the manifest or index exactly as it is stored, so that sha256sum returns its digest; --config does the same
with the configuration. Values of variables that look like secrets are hidden, except in --config.
An image of an engine has neither: save it, or inspect it in its registry.

examples:
  longshore inspect alpine
  longshore inspect --platform linux/arm64 ghcr.io/org/app:1.2 --json
  longshore inspect --raw registry.example:5000/team/app:1.0 | sha256sum
  longshore inspect docker-daemon:app:dev
"""


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
    parser.add_argument("--show-secrets", action="store_true", help="show all values of variables")
    parser.set_defaults(run=inspect)


def inspect(session: Session, arguments: argparse.Namespace, output: Output) -> int:
    """Run ``longshore inspect``."""
    from longshore.application import inspection
    from longshore.cancellation import Cancellation

    named = places.parse_place(arguments.reference, session)
    session.check_engines()
    end = places.end_of(named, session)
    if arguments.raw or arguments.config:
        write_bytes(_read(session, arguments, end))
        return exit_codes.DONE
    found = inspection.inspect(end, session.clients, Cancellation(), arguments.platform)
    shown = environment(found.run.environment, secrets=arguments.show_secrets)
    output.record("inspection", _values(found, shown))
    if output.quiet:
        output.result(found.digest or found.image_id)
        return exit_codes.DONE
    for line in _lines(found, shown):
        output.line(line)
    return exit_codes.DONE


def _read(session: Session, arguments: argparse.Namespace, end: Endpoint) -> bytes:
    """The manifest or the configuration. Raises InvalidInput for an engine."""
    from longshore.application.inspection import Inspection
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


def environment(variables: Sequence[str], *, secrets: bool) -> list[tuple[str, str]]:
    """Names and values of *variables* (``NAME=value``). Values that look like secrets are hidden unless *secrets*."""
    out = []
    for variable in variables:
        name, _, value = variable.partition("=")
        if value and not secrets:
            value = HIDDEN if _SECRET.search(name[:300]) else _USER.sub(HIDDEN, value)
        out.append((name, value))
    return out


def _values(found: Inspected, variables: list[tuple[str, str]]) -> dict[str, Any]:
    """An image in JSON. Sizes in bytes; null: not known there."""
    run = found.run
    return {
        **place_values(found.end.place),
        "reference": None if found.end.reference is None else str(found.end.reference),
        "digest": found.digest or None,
        "media_type": found.media_type or None,
        "artifact_type": found.artifact_type or None,
        "image_id": found.image_id or None,
        "repo_digests": list(found.repo_digests),
        "size_on_disk": found.size_on_disk,
        "size_compressed": found.size_compressed,
        "platforms": [
            {
                "platform": None if one.platform is None else str(one.platform),
                "digest": one.digest or None,
                "size_compressed": one.size,
                "present": one.here,
            }
            for one in found.platforms
        ],
        "manifest_digest": found.manifest_digest or None,
        "config_digest": found.config_digest or None,
        "platform": None if found.platform is None else str(found.platform),
        "created": None if found.created is None else times.aware(found.created).isoformat(),
        "author": found.author or None,
        "entrypoint": list(run.entrypoint),
        "command": list(run.command),
        "user": run.user or None,
        "working_directory": run.working_directory or None,
        "environment": dict(variables),
        "ports": list(run.ports),
        "volumes": list(run.volumes),
        "labels": dict(found.labels),
        "annotations": dict(found.annotations),
        "layers": [
            {"digest": one.digest, "size_compressed": one.size, "media_type": one.media_type or None}
            for one in found.layers
        ],
    }


def _lines(found: Inspected, variables: list[tuple[str, str]]) -> Iterator[str]:
    """The lines for people; empty fields are left out."""
    run = found.run
    end = found.end
    yield from _field("Name", words.image_name(end) or words.end_text(end, is_source=True))
    yield from _field("Digest", found.digest)
    yield from _field("Image ID", found.image_id)
    yield from _fields("Known as", found.repo_digests)
    yield from _field("Media type", found.media_type)
    yield from _field("Artifact type", found.artifact_type)
    yield from _fields(
        "Platforms",
        [
            "  ".join(
                part
                for part in (
                    "unknown" if one.platform is None else str(one.platform),
                    one.digest,
                    f"{text.size(one.size)} compressed" if one.size is not None else "",
                    "not present" if one.here is False else "",
                )
                if part
            )
            for one in found.platforms
        ],
    )
    yield from _field("Platform", "" if found.platform is None else str(found.platform))
    if found.platforms:
        yield from _field("Manifest", found.manifest_digest)
    yield from _field("Config", found.config_digest)
    if found.size_compressed is not None:
        yield from _field("Size", f"{text.size(found.size_compressed)} compressed")
    if found.size_on_disk is not None:
        yield from _field("Size", f"{text.size(found.size_on_disk)} on disk")
    if found.created is not None:
        yield from _field("Created", f"{times.moment_text(found.created)} ({times.age(found.created)})")
    yield from _field("Author", found.author)
    yield from _field("Entrypoint", shlex.join(run.entrypoint))
    yield from _field("Command", shlex.join(run.command))
    yield from _field("User", run.user)
    yield from _field("Folder", run.working_directory)
    yield from _field("Ports", ", ".join(run.ports))
    yield from _field("Volumes", ", ".join(run.volumes))
    yield from _fields("Environment", [f"{name}={value}" for name, value in variables])
    yield from _fields("Labels", [f"{name}={value}" for name, value in found.labels])
    yield from _fields("Annotations", [f"{name}={value}" for name, value in found.annotations])
    yield from _fields(
        "Layers",
        [
            f"{one.digest}  {text.size(one.size)} compressed" if one.size is not None else one.digest
            for one in found.layers
        ],
    )


def _field(name: str, value: str) -> Iterator[str]:
    if value:
        yield f"{name + ':':<15}{text.safe(value, 2000)}"


def _fields(name: str, values: Sequence[str]) -> Iterator[str]:
    if values:
        yield f"{name}:"
    for value in values:
        yield f"  {text.safe(value, 2000)}"
