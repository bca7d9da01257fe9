"""What ``inspect`` prints: lines for people, and an object in JSON."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from longshore.application.inspection.access import PullAccess, PullCommand
from longshore.application.inspection.secrets import environment, masked, masked_line, masked_words
from longshore.application.inspection.sharing import BaseImage
from longshore.cli.transfer_values import place_values
from longshore.words import inspection as inspection_words
from longshore.words import text, times
from longshore.words import transfers as words
from longshore.words.artifacts import artifact_name

if TYPE_CHECKING:
    from datetime import datetime

    from longshore.application.inspection.values import Inspected
    from longshore.oci.image_config import HealthCheck


@dataclass(frozen=True, slots=True)
class Shown:
    """An image, and what was asked besides.

    *secrets*: values that look like secrets are shown. *present* and *others*: of each layer, whether a place of this
    machine has it, and the names of other images there that share it; empty if that was not asked. *access*: None if
    it was not asked. *command*: None for an image of no registry.
    """

    found: Inspected
    secrets: bool = False
    base: BaseImage | None = None
    present: tuple[bool | None, ...] = ()
    others: tuple[tuple[str, ...], ...] = ()
    access: PullAccess | None = None
    command: PullCommand | None = None

    @property
    def variables(self) -> list[tuple[str, str]]:
        """The environment."""
        return environment(self.found.run.environment, secrets=self.secrets)

    def words(self, command: Sequence[str]) -> list[str]:
        """The words of a command."""
        return list(command) if self.secrets else masked_words(command)

    @property
    def health_check(self) -> HealthCheck | None:
        """The health check."""
        check = self.found.run.health_check
        return None if check is None else replace(check, test=tuple(self.words(check.test)))

    def pairs(self, named: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        """Labels, annotations or settings."""
        if self.secrets:
            return list(named)
        return [(name, masked(name.rpartition(".")[2], masked(name, value))) for name, value in named]

    def line(self, created_by: str) -> str:
        """A line of the history."""
        return created_by if self.secrets else masked_line(created_by)


def values(shown: Shown) -> dict[str, Any]:
    """An image in JSON. Sizes in bytes; null: not known there."""
    found = shown.found
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
        "entrypoint": shown.words(run.entrypoint),
        "command": shown.words(run.command),
        "user": run.user or None,
        "working_directory": run.working_directory or None,
        "environment": dict(shown.variables),
        "ports": list(run.ports),
        "volumes": list(run.volumes),
        "health_check": None if shown.health_check is None else _health_check(shown.health_check),
        "stop_signal": run.stop_signal or None,
        "settings": dict(shown.pairs(found.settings)),
        "labels": dict(shown.pairs(found.labels)),
        "annotations": dict(shown.pairs(found.annotations)),
        "layers": [
            {
                "digest": one.name,
                "diff_id": one.diff_id or None,
                "size_compressed": one.size,
                "size_on_disk": one.size_on_disk,
                "media_type": one.media_type or None,
                "present": shown.present[number] if shown.present else None,
                "shared_with": list(shown.others[number]) if shown.others else [],
            }
            for number, one in enumerate(found.layers)
        ],
        "history": [
            {
                "created": _moment(one.entry.created),
                "created_by": shown.line(one.entry.created_by),
                "comment": one.entry.comment or None,
                "layer": one.layer,
            }
            for one in found.steps
            if one.entry is not None
        ],
        "history_fits": found.history_fits,
        "base": None if shown.base is None else _base(shown.base),
        "access": None if shown.access is None else shown.access.access.value,
        "pull_command": None if shown.command is None else shown.command.by_tag,
        "pull_command_by_digest": None if shown.command is None else shown.command.by_digest or None,
    }


def _base(base: BaseImage) -> dict[str, Any]:
    return {
        "name": base.name or None,
        "digest": base.digest or None,
        "image_id": base.image_id or None,
        "layers": base.layers,
        "labelled": base.labelled,
    }


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


def lines(shown: Shown) -> Iterator[str]:
    """The lines for people; empty fields are left out."""
    found = shown.found
    run = found.run
    end = found.end
    yield from _field("Name", words.image_name(end) or words.end_text(end, is_source=True))
    yield from _field("Digest", found.digest)
    yield from _field("Image ID", found.image_id)
    yield from _fields("Known as", found.repo_digests)
    yield from _field("Media type", found.media_type)
    if found.artifact_type and artifact_name(found.artifact_type) != text.safe(found.artifact_type, 200):
        yield from _field("Kind", artifact_name(found.artifact_type))
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
    yield from _field("Base image", inspection_words.base_image(shown.base))
    if shown.access is not None:
        yield from _field("Who can pull", inspection_words.who_can_pull(shown.access))
    if shown.command is not None:
        yield from _field("Pull command", shown.command.by_tag)
        yield from _field("", shown.command.by_digest)
        if shown.command.only_here:
            yield from _field("", inspection_words.only_here())
    yield from _field("Entrypoint", shlex.join(shown.words(run.entrypoint)))
    yield from _field("Command", shlex.join(shown.words(run.command)))
    yield from _field("User", run.user)
    yield from _field("Folder", run.working_directory)
    yield from _field("Ports", ", ".join(run.ports))
    yield from _field("Volumes", ", ".join(run.volumes))
    yield from _field("Health check", inspection_words.health_check(shown.health_check))
    yield from _field("Stop signal", run.stop_signal)
    yield from _fields("Environment", [f"{name}={value}" for name, value in shown.variables])
    yield from _fields("Labels", [f"{name}={value}" for name, value in shown.pairs(found.labels)])
    yield from _fields("Annotations", [f"{name}={value}" for name, value in shown.pairs(found.annotations)])
    yield from _fields("Layers", list(_steps(shown)))


def _steps(shown: Shown) -> Iterator[str]:
    """History and layers, the lowest first, each line of the history below its layer."""
    found = shown.found
    for step in found.steps:
        line = "" if step.entry is None else inspection_words.instruction(shown.line(step.entry.created_by))
        if step.layer is None:
            yield f"{'':<15}{line}"
            continue
        layer = found.layers[step.layer]
        parts = (
            layer.name,
            f"{text.size(layer.size)} compressed" if layer.size is not None else "",
            f"{text.size(layer.size_on_disk)} on disk" if layer.size_on_disk is not None else "",
            inspection_words.presence(shown.present[step.layer]) if shown.present else "",
        )
        yield "  ".join(part for part in parts if part)
        if shown.others and shown.others[step.layer]:
            yield f"{'':<15}{inspection_words.shared_with(shown.others[step.layer])}"
        if line:
            yield f"{'':<15}{line}"
    if not found.history_fits:
        yield inspection_words.history_does_not_fit()


def _field(name: str, value: str) -> Iterator[str]:
    if value:
        yield f"{name + ':' if name else '':<15}{text.safe(value, 2000)}"


def _fields(name: str, values: Sequence[str]) -> Iterator[str]:
    if values:
        yield f"{name}:"
    for value in values:
        yield f"  {text.safe(value, 2000)}"
