"""``inspect``: one image, wherever it is."""

from __future__ import annotations

import argparse
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
from longshore.words import inspection as inspection_words
from longshore.words import text, times
from longshore.words import transfers as words

if TYPE_CHECKING:
    from datetime import datetime

    from longshore.application.inspection.values import Inspected
    from longshore.application.session import Session
    from longshore.oci.image_config import HealthCheck
    from longshore.transfers.transfer import Endpoint

_EPILOG = f"""\
{places.HELP}
--raw prints the manifest or index exactly as it is stored, so that sha256sum returns its digest; --config does the same
with the configuration. Values that look like secrets are hidden, except in --config.
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
    from longshore.application.inspection import inspecting
    from longshore.application.inspection.secrets import environment
    from longshore.cancellation import Cancellation

    named = places.parse_place(arguments.reference, session)
    session.check_engines()
    end = places.end_of(named, session)
    if arguments.raw or arguments.config:
        write_bytes(_read(session, arguments, end))
        return exit_codes.DONE
    found = inspecting.inspect(end, session.clients, Cancellation(), arguments.platform)
    shown = environment(found.run.environment, secrets=arguments.show_secrets)
    output.record("inspection", _values(found, shown, secrets=arguments.show_secrets))
    if output.quiet:
        output.result(found.digest or found.image_id)
        return exit_codes.DONE
    for line in _lines(found, shown, secrets=arguments.show_secrets):
        output.line(line)
    return exit_codes.DONE


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


def _values(found: Inspected, variables: list[tuple[str, str]], *, secrets: bool) -> dict[str, Any]:
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
        "attestations": [
            {
                "digest": one.digest,
                "subject": one.subject or None,
                "platform": None if one.platform is None else str(one.platform),
                "size_compressed": one.size,
                "predicate_types": list(one.predicate_types),
            }
            for one in found.attestations
        ],
        "manifest_digest": found.manifest_digest or None,
        "config_digest": found.config_digest or None,
        "platform": None if found.platform is None else str(found.platform),
        "created": _moment(found.created),
        "author": found.author or None,
        "entrypoint": list(run.entrypoint),
        "command": list(run.command),
        "user": run.user or None,
        "working_directory": run.working_directory or None,
        "environment": dict(variables),
        "ports": list(run.ports),
        "volumes": list(run.volumes),
        "health_check": None if run.health_check is None else _health_check(run.health_check),
        "stop_signal": run.stop_signal or None,
        "settings": dict(found.settings),
        "labels": dict(found.labels),
        "annotations": dict(found.annotations),
        "layers": [
            {
                "digest": one.name,
                "diff_id": one.diff_id or None,
                "size_compressed": one.size,
                "size_on_disk": one.size_on_disk,
                "media_type": one.media_type or None,
            }
            for one in found.layers
        ],
        "history": [
            {
                "created": _moment(one.entry.created),
                "created_by": _line(one.entry.created_by, secrets=secrets),
                "comment": one.entry.comment or None,
                "layer": one.layer,
            }
            for one in found.steps
            if one.entry is not None
        ],
        "history_fits": found.history_fits,
    }


def _line(created_by: str, *, secrets: bool) -> str:
    from longshore.application.inspection.secrets import masked_line

    return created_by if secrets else masked_line(created_by)


def _health_check(check: HealthCheck) -> dict[str, Any]:
    return {
        "test": list(check.test),
        "interval": check.interval,
        "timeout": check.timeout,
        "start_period": check.start_period,
        "retries": check.retries,
    }


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else times.aware(moment).isoformat()


def _lines(found: Inspected, variables: list[tuple[str, str]], *, secrets: bool) -> Iterator[str]:
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
    yield from _fields(
        "Attestations",
        [
            "  ".join(
                part
                for part in (
                    f"for {one.platform or one.subject or 'an unknown image'}",
                    inspection_words.predicates(one.predicate_types),
                    f"{text.size(one.size)} compressed" if one.size is not None else "",
                )
                if part
            )
            for one in found.attestations
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
    yield from _field("Health check", inspection_words.health_check(run.health_check))
    yield from _field("Stop signal", run.stop_signal)
    yield from _fields("Environment", [f"{name}={value}" for name, value in variables])
    yield from _fields("Labels", [f"{name}={value}" for name, value in found.labels])
    yield from _fields("Annotations", [f"{name}={value}" for name, value in found.annotations])
    yield from _fields("Layers", list(_steps(found, secrets=secrets)))


def _steps(found: Inspected, *, secrets: bool) -> Iterator[str]:
    """History and layers, the lowest first, each line of the history below its layer."""
    for step in found.steps:
        line = (
            ""
            if step.entry is None
            else inspection_words.instruction(_line(step.entry.created_by, secrets=secrets))
        )
        if step.layer is None:
            yield f"{'':<15}{line}"
            continue
        layer = found.layers[step.layer]
        sizes = (
            f"{text.size(layer.size)} compressed" if layer.size is not None else "",
            f"{text.size(layer.size_on_disk)} on disk" if layer.size_on_disk is not None else "",
        )
        yield "  ".join(part for part in (layer.name, *sizes) if part)
        if line:
            yield f"{'':<15}{line}"
    if not found.history_fits:
        yield inspection_words.history_does_not_fit()


def _field(name: str, value: str) -> Iterator[str]:
    if value:
        yield f"{name + ':':<15}{text.safe(value, 2000)}"


def _fields(name: str, values: Sequence[str]) -> Iterator[str]:
    if values:
        yield f"{name}:"
    for value in values:
        yield f"  {text.safe(value, 2000)}"
