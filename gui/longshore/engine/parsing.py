"""Converts the engine's responses about itself and its images to our nouns. Pure: no I/O, any thread.

Field names are those of the Engine API (moby api/docs). Missing or invalid fields are left out rather than refused,
since one strange image must not hide the others.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from longshore.engine.model import (
    EngineEvent,
    EngineInfo,
    EventKind,
    ImageDetails,
    ImagePlatform,
    ImageStore,
    SwarmNode,
)
from longshore.errors import InvalidReference
from longshore.oci.local_image import LocalImage
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference

_log = logging.getLogger(__name__)

Json = Mapping[str, Any]


def engine_info(version: Json, info: Json) -> EngineInfo:
    """The engine's data from ``/version`` and ``/info``."""
    version, info = _mapping(version), _mapping(info)
    system = str(info.get("OSType") or version.get("Os") or "linux")
    architecture = str(info.get("Architecture") or version.get("Arch") or "")
    registries = _mapping(info.get("RegistryConfig"))
    return EngineInfo(
        name=str(info.get("Name") or ""),
        version=str(version.get("Version") or info.get("ServerVersion") or ""),
        os=system,
        architecture=architecture,
        platform=Platform.of(system, architecture),
        store=_store(version, info),
        mirrors=tuple(_strings(registries.get("Mirrors"))),
        swarm_manager=_mapping(info.get("Swarm")).get("ControlAvailable") is True,
    )


def swarm_nodes(nodes: Iterable[object], info: Json) -> list[SwarmNode]:
    """The nodes from ``/nodes`` and ``/info``, sorted by name."""
    own = _mapping(_mapping(info).get("Swarm")).get("NodeID")
    found = []
    for each in nodes:
        node = _mapping(each)
        name = str(_mapping(node.get("Description")).get("Hostname") or node.get("ID") or "")
        if name:
            found.append(
                SwarmNode(
                    name,
                    manager=_mapping(node.get("Spec")).get("Role") == "manager",
                    ready=_mapping(node.get("Status")).get("State") == "ready",
                    own=bool(own) and node.get("ID") == own,
                )
            )
    return sorted(found, key=lambda node: (node.name, not node.own))


def _store(version: Json, info: Json) -> ImageStore:
    components = [_mapping(each).get("Name") for each in _list(version.get("Components"))]
    if "Podman Engine" in components:
        return ImageStore.PODMAN
    for row in _list(info.get("DriverStatus")):
        if _list(row)[:2] == ["driver-type", "io.containerd.snapshotter.v1"]:
            return ImageStore.CONTAINERD
    return ImageStore.CLASSIC


def local_images(images: Iterable[object], containers: Iterable[object]) -> list[LocalImage]:
    """One row per reference, from ``/images/json`` and ``/containers/json?all=1``."""
    rows = [each for each in images if isinstance(each, Mapping)]
    in_use = _in_use(rows, [each for each in containers if isinstance(each, Mapping)])
    found: list[LocalImage] = []
    for image in rows:
        image_id = str(image.get("Id") or "")
        if not image_id:
            continue
        digests = _digests(image)
        references = _references(image, digests)
        row = LocalImage(
            reference=None,
            image_id=image_id,
            created=from_seconds(image.get("Created")),
            size=_size(image),
            in_use=in_use[image_id],
            repo_digests=digests,
            # A name that is not a reference is a name all the same.
            dangling=not references and not digests and not _tags(image),
            labels=tuple(sorted((str(k), str(v)) for k, v in _mapping(image.get("Labels")).items())),
        )
        found += [_named(row, each) for each in references] or [row]
    return found


def _named(row: LocalImage, reference: Reference) -> LocalImage:
    return LocalImage(
        reference=reference,
        image_id=row.image_id,
        created=row.created,
        size=row.size,
        in_use=row.in_use,
        repo_digests=row.repo_digests,
        labels=row.labels,
    )


def _references(image: Json, digests: tuple[str, ...]) -> list[Reference]:
    """The names of an image: its tags, and digests in repositories without a tag.

    Untagged images have null, nothing or ``<none>:<none>`` as tags, depending on the API version; containerd's store
    lists ``repository@digest`` among the tags.
    """
    named = _tags(image)
    tags = _parsed(each for each in named if "@" not in each)
    by_digest = _parsed(each for each in named if "@" in each)
    if not tags and not by_digest:
        by_digest = _parsed(digests)
    repositories = {each.name for each in tags}
    unique = dict.fromkeys([*tags, *(each for each in by_digest if each.name not in repositories)])
    return list(unique)


def _digests(image: Json) -> tuple[str, ...]:
    """The digests of an image in repositories; first those by which it was pulled.

    Podman lists that of an index and that of the manifest below it, sorted; the one of the index is its ``Digest``.
    """
    found = [each for each in _strings(image.get("RepoDigests")) if not each.startswith("<none>")]
    return tuple(sorted(found, key=lambda each: each.rpartition("@")[2] != image.get("Digest")))


def _tags(image: Json) -> list[str]:
    """The names of an image as the engine has them, without digests of repositories."""
    return [each for each in _strings(image.get("RepoTags")) if not each.startswith("<none>")]


def _parsed(names: Iterable[str]) -> list[Reference]:
    found = []
    for name in names:
        try:
            found.append(Reference.parse(name))
        except InvalidReference as error:
            _log.info("an image name of the engine is not a reference: %s", error.subject)
    return found


def _in_use(images: list[Json], containers: Iterable[Json]) -> Counter[str]:
    """The number of containers by image id."""
    ids = {str(image.get("Id")) for image in images}
    names = {tag: str(image.get("Id")) for image in images for tag in _strings(image.get("RepoTags"))}
    found: Counter[str] = Counter()
    for container in containers:
        image_id = str(container.get("ImageID") or "")
        if image_id not in ids:
            # containerd's store may name the platform's manifest here, but the index in the list.
            name = str(container.get("Image") or "")
            image_id = names.get(name) or names.get(f"{name}:latest") or image_id
        found[image_id] += 1
    return found


def image_details(data: Json) -> ImageDetails:
    """The details from ``/images/NAME/json``."""
    config = _mapping(data.get("Config") or data.get("ContainerConfig"))
    digests = tuple(_strings(data.get("RepoDigests")))
    system, architecture = str(data.get("Os") or ""), str(data.get("Architecture") or "")
    return ImageDetails(
        image_id=str(data.get("Id") or ""),
        references=tuple(_references(data, digests)),
        repo_digests=digests,
        created=_from_text(data.get("Created")),
        size=_size(data),
        platform=Platform.of(
            system, architecture, str(data.get("Variant") or ""), str(data.get("OsVersion") or "")
        )
        if system and architecture
        else None,
        diff_ids=tuple(_strings(_mapping(data.get("RootFS")).get("Layers"))),
        labels=tuple(sorted((str(k), str(v)) for k, v in _mapping(config.get("Labels")).items())),
        environment=tuple(_strings(config.get("Env"))),
        entrypoint=tuple(_strings(config.get("Entrypoint"))),
        command=tuple(_strings(config.get("Cmd"))),
        working_directory=str(config.get("WorkingDir") or ""),
        user=str(config.get("User") or ""),
        ports=tuple(sorted(str(each) for each in _mapping(config.get("ExposedPorts")))),
        author=str(data.get("Author") or ""),
        platforms=tuple(_platforms(data.get("Manifests"))),
        partial=_partial(data.get("Manifests")),
        volumes=tuple(sorted(str(each) for each in _mapping(config.get("Volumes")))),
    )


def _partial(manifests: object) -> bool:
    """Whether no platform's image is complete.

    In a pull, dockerd 28 skips layers that it has unpacked from another image, where they are compressed differently.
    """
    images = [_mapping(each) for each in _list(manifests)]
    images = [each for each in images if each.get("Kind") == "image"]
    return bool(images) and not any(each.get("Available") is True for each in images)


def _platforms(manifests: object) -> Iterator[ImagePlatform]:
    """The platforms from ``Manifests`` (API 1.48), without attestations."""
    for each in _list(manifests):
        image = _mapping(_mapping(each).get("ImageData"))
        named = _mapping(image.get("Platform"))
        system, architecture = str(named.get("os") or ""), str(named.get("architecture") or "")
        if not system or not architecture:
            continue
        content = _mapping(_mapping(each).get("Size")).get("Content")
        yield ImagePlatform(
            Platform.of(
                system, architecture, str(named.get("variant") or ""), str(named.get("os.version") or "")
            ),
            here=_mapping(each).get("Available") is True,
            size=_bytes(content),
            digest=str(_mapping(each).get("ID") or ""),
        )


#: Actions that change the list of images, by type. Everything else (e.g. an exec in a container) is ignored.
EVENT_ACTIONS = {
    EventKind.IMAGE: frozenset(
        {"create", "delete", "import", "load", "loadimage", "prune", "pull", "remove", "tag", "untag"}
    ),
    EventKind.CONTAINER: frozenset({"commit", "create", "destroy", "remove"}),
}


def engine_event(data: Json) -> EngineEvent | None:
    """The event from a line of ``/events``; None if it does not change the list of images."""
    try:
        kind = EventKind(data.get("Type"))
    except ValueError:
        return None
    action = str(data.get("Action") or "")
    if action not in EVENT_ACTIONS.get(kind, ()):
        return None
    actor = _mapping(data.get("Actor"))
    attributes = _mapping(actor.get("Attributes"))
    about = str(actor.get("ID") or "")
    name = attributes.get("image") if kind is EventKind.CONTAINER else attributes.get("name")
    if action == "pull":
        name = about  # here "name" lacks the tag
    return EngineEvent(kind, action, about, "" if not name or str(name).startswith("sha256:") else str(name))


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _mapping(value: object) -> Json:
    return value if isinstance(value, Mapping) else {}


def _strings(value: object) -> list[str]:
    """A list of texts; a single text counts as one, as in old images' entry points."""
    if isinstance(value, str):
        return [value]
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _size(image: Json) -> int:
    return _bytes(image.get("Size"))


def _bytes(value: object) -> int:
    """A number of bytes; 0 if invalid, or more than any disk has."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**63 else 0


def from_seconds(value: object) -> datetime | None:
    """A time from Unix seconds; None for the zero times of reproducible builds and unknown dates."""
    if not isinstance(value, int | float) or value <= 0:
        return None
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, OSError, ValueError):
        return None


def _from_text(value: object) -> datetime | None:
    """A time from RFC 3339; fromisoformat truncates nanoseconds; None for zero times, as above."""
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    return found if found.year > 1970 else None
