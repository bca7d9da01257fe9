"""Reads SLSA provenance, versions 0.2 and 1.0 (slsa.dev/spec/v0.2/provenance, slsa.dev/spec/v1.0/provenance)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from longshore.application.attached.fields import as_object, as_text, objects
from longshore.oci.image_config import parse_time

_COMMITS = ("gitCommit", "sha1")
_BUILDKIT = ("https://mobyproject.org/buildkit@v1#metadata", "buildkit_metadata")


@dataclass(frozen=True, slots=True)
class Provenance:
    """Who built an image from what. *version*: of SLSA. *source*: the repository, *revision*: the commit, *ref*: the
    branch or tag, *entry_point*: the workflow or Dockerfile in it. "" and None: not said. All texts come from whoever
    attached it, and the statement may not be signed: clean them before they are shown."""

    version: str
    builder: str = ""
    build_type: str = ""
    source: str = ""
    revision: str = ""
    ref: str = ""
    entry_point: str = ""
    run: str = ""
    started: datetime | None = None
    finished: datetime | None = None
    materials: int = 0


def provenance_of(document: Mapping[str, Any], predicate: str) -> Provenance | None:
    """The provenance in *document*, the predicate of a statement of the type *predicate*; None if it is none."""
    if not predicate.startswith("https://slsa.dev/provenance/"):
        return None
    version = predicate.rpartition("/")[2].removeprefix("v")[:10]
    return _v1(document, version) if "buildDefinition" in document else _v02(document, version)


def _v1(document: Mapping[str, Any], version: str) -> Provenance:
    definition, details = as_object(document.get("buildDefinition")), as_object(document.get("runDetails"))
    parameters, metadata = as_object(definition.get("externalParameters")), as_object(details.get("metadata"))
    workflow, config = as_object(parameters.get("workflow")), as_object(parameters.get("configSource"))
    dependencies = list(objects(definition.get("resolvedDependencies")))
    source, ref = _source(as_text(workflow.get("repository")) or as_text(config.get("uri")))
    own_source = as_text(parameters.get("source"))
    source = source or _source(own_source)[0]
    built = next((one for one in dependencies if _commit(one)), {})
    if not source:
        source, ref = _source(as_text(built.get("uri")))
    vcs = _vcs(metadata)
    return Provenance(
        "1.0" if version == "1" else version,
        as_text(as_object(details.get("builder")).get("id")),
        as_text(definition.get("buildType")),
        as_text(vcs.get("source")) or source,
        as_text(vcs.get("revision")) or _commit(config) or _commit(built),
        as_text(workflow.get("ref")) or ref,
        as_text(workflow.get("path")) or as_text(config.get("path")),
        as_text(metadata.get("invocationId")),
        parse_time(metadata.get("startedOn")),
        parse_time(metadata.get("finishedOn")),
        len(dependencies),
    )


def _v02(document: Mapping[str, Any], version: str) -> Provenance:
    invocation, metadata = as_object(document.get("invocation")), as_object(document.get("metadata"))
    config = as_object(invocation.get("configSource"))
    materials = list(objects(document.get("materials")))
    vcs = _vcs(metadata)
    source, ref = _source(as_text(config.get("uri")))
    built = next((one for one in materials if _commit(one)), {})
    if not source:
        source, ref = _source(as_text(built.get("uri")))
    return Provenance(
        version,
        as_text(as_object(document.get("builder")).get("id")),
        as_text(document.get("buildType")),
        as_text(vcs.get("source")) or source,
        as_text(vcs.get("revision")) or _commit(config) or _commit(built),
        ref,
        as_text(config.get("entryPoint")),
        as_text(metadata.get("buildInvocationId")),
        parse_time(metadata.get("buildStartedOn")),
        parse_time(metadata.get("buildFinishedOn")),
        len(materials),
    )


def _vcs(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """What BuildKit noted about the checkout (moby/buildkit docs/attestations/slsa-provenance.md)."""
    for key in _BUILDKIT:
        found = as_object(as_object(metadata.get(key)).get("vcs"))
        if found:
            return found
    return {}


def _source(uri: str) -> tuple[str, str]:
    """The repository and the branch or tag of ``git+https://host/path@refs/heads/main`` or ``…git#main``."""
    text = uri.removeprefix("git+")
    before, mark, after = text.rpartition("@")
    # The name of a user stands before an @, too.
    if mark and "/" in before.partition("://")[2]:
        return before, after
    before, mark, after = text.partition("#")
    return (before, after.partition(":")[0]) if mark else (text, "")


def _commit(source: Mapping[str, Any]) -> str:
    digest = as_object(source.get("digest"))
    return next((as_text(digest[key]) for key in _COMMITS if as_text(digest.get(key))), "")
