"""Reads software bills of materials: SPDX 2.2, 2.3 and 3.0, and CycloneDX 1.3 to 1.6, as JSON. Pure; any thread."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from longshore.application.attached.fields import LONGEST, as_list, as_object, as_text, objects
from longshore.oci.image_config import parse_time

_NOTHING = ("NOASSERTION", "NONE", "")


@dataclass(frozen=True, slots=True)
class Package:
    """One package. *purl*: its package URL, *type*: the type that it names (``deb``, ``pypi``). All texts come from
    whoever made the SBOM: clean them before they are shown."""

    name: str
    version: str = ""
    licence: str = ""
    purl: str = ""

    @property
    def type(self) -> str:
        """The ecosystem, as the package URL names it; "" without one (package-url/purl-spec)."""
        scheme, _, rest = self.purl.partition(":")
        return rest.lstrip("/").partition("/")[0][:40] if scheme == "pkg" else ""


@dataclass(frozen=True, slots=True)
class Sbom:
    """What an SBOM says. *format*: ``SPDX 2.3``, ``CycloneDX 1.5``. *tool*: what made it."""

    format: str
    packages: tuple[Package, ...]
    tool: str = ""
    created: datetime | None = None


def sbom_of(document: Mapping[str, Any]) -> Sbom | None:
    """The SBOM in *document*; None if it is none."""
    version = document.get("spdxVersion")
    if isinstance(version, str):
        return _spdx(document, version)
    if document.get("bomFormat") == "CycloneDX":
        return _cyclonedx(document)
    graph = document.get("@graph")
    if isinstance(graph, list):
        return _spdx_3([one for one in graph if isinstance(one, dict)])
    return None


def _made(name: str, packages: Iterable[Package], tool: str, created: datetime | None) -> Sbom:
    # All of them: what the document may hold is limited (foreign_json.ATTACHED), and a list that ends early would say
    # that a package is not in the image.
    return Sbom(name, tuple(packages), tool, created)


# -- SPDX 2 (spdx.github.io/spdx-spec/v2.3)


def _spdx(document: Mapping[str, Any], version: str) -> Sbom:
    creation = as_object(document.get("creationInfo"))
    tools = [
        one.partition(":")[2].strip()
        for one in as_list(creation.get("creators"))
        if isinstance(one, str) and one.startswith("Tool:")
    ]
    return _made(
        f"SPDX {version.removeprefix('SPDX-')[:20]}",
        (
            Package(
                as_text(one.get("name")),
                as_text(one.get("versionInfo")),
                _licence(one.get("licenseConcluded")) or _licence(one.get("licenseDeclared")),
                _purl(one),
            )
            for one in objects(document.get("packages"))
            # The first package of many SBOMs is the image itself.
            if one.get("primaryPackagePurpose") != "CONTAINER" and as_text(one.get("name"))
        ),
        _tool(tools[0]) if tools else "",
        parse_time(creation.get("created")),
    )


def _purl(package: Mapping[str, Any]) -> str:
    for one in objects(package.get("externalRefs")):
        if one.get("referenceType") == "purl":
            return as_text(one.get("referenceLocator"))
    return ""


def _tool(text: str) -> str:
    """``syft-1.18.1`` as ``syft 1.18.1``."""
    name, dash, version = text.rpartition("-")
    return f"{name} {version}"[:100] if dash and version[:1].isdigit() else text[:100]


def _licence(value: object) -> str:
    text = as_text(value)
    return "" if text in _NOTHING else text


# -- SPDX 3 (spdx.github.io/spdx-spec/v3.0): a graph of objects that name each other


def _spdx_3(graph: list[dict[str, Any]]) -> Sbom | None:
    creation = next((one for one in graph if one.get("type") == "CreationInfo"), None)
    packages = [one for one in graph if one.get("type") == "software_Package"]
    if creation is None and not packages:
        return None
    creation = creation or {}
    expressions = {
        as_text(one.get("spdxId")): as_text(one.get("simplelicensing_licenseExpression"))
        for one in graph
        if one.get("type") == "simplelicensing_LicenseExpression"
    }
    licences: dict[str, str] = {}
    for one in graph:
        if one.get("relationshipType") in ("hasConcludedLicense", "hasDeclaredLicense"):
            to = one.get("to")
            for target in to if isinstance(to, list) else [to]:
                found = _licence(expressions.get(as_text(target), ""))
                if found:
                    licences.setdefault(as_text(one.get("from")), found)
    tools = [as_text(one.get("name")) for one in graph if one.get("type") == "Tool"]
    return _made(
        f"SPDX {as_text(creation.get('specVersion'))[:20] or '3.0'}",
        (
            Package(
                as_text(one.get("name")),
                as_text(one.get("software_packageVersion")),
                licences.get(as_text(one.get("spdxId")), ""),
                as_text(one.get("software_packageUrl")),
            )
            for one in packages
            if as_text(one.get("name"))
        ),
        _tool(tools[0]) if tools else "",
        parse_time(creation.get("created")),
    )


# -- CycloneDX (cyclonedx.org/docs)


def _cyclonedx(document: Mapping[str, Any]) -> Sbom:
    metadata = as_object(document.get("metadata"))
    tools = metadata.get("tools")
    # A list up to 1.4, and an object with components from 1.5 on.
    listed = tools if isinstance(tools, list) else as_object(tools).get("components")
    tool = next(objects(listed), {})
    return _made(
        f"CycloneDX {as_text(document.get('specVersion'))[:20]}".strip(),
        (
            Package(
                # Maven and npm name a component by its group and its name.
                "/".join(part for part in (as_text(one.get("group")), as_text(one.get("name"))) if part)[
                    :LONGEST
                ],
                as_text(one.get("version")),
                _cyclonedx_licence(one.get("licenses")),
                as_text(one.get("purl")),
            )
            for one in _components(document)
            if one.get("type") != "file" and as_text(one.get("name"))
        ),
        f"{as_text(tool.get('name'))} {as_text(tool.get('version'))}".strip()[:100],
        parse_time(metadata.get("timestamp")),
    )


def _components(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """All components, those inside another right behind it."""
    todo = [objects(document.get("components"))]
    while todo:
        one = next(todo[-1], None)
        if one is None:
            todo.pop()
            continue
        yield one
        if one.get("components"):
            todo.append(objects(one["components"]))


def _cyclonedx_licence(value: object) -> str:
    names = []
    for one in islice(objects(value), 20):
        inner = as_object(one.get("license"))
        name = as_text(one.get("expression")) or as_text(inner.get("id")) or as_text(inner.get("name"))
        if name:
            names.append(name)
    return " AND ".join(dict.fromkeys(names))[:LONGEST]
