"""Kubernetes manifests, and any other YAML: every ``image:`` with a text, wherever it is.

Containers of all kinds have their image in a field of that name (Kubernetes API reference, Container v1 core), and so
do most custom resources that start containers. Where the field means something else is listed here.
"""

from __future__ import annotations

from typing import NamedTuple

from longshore.application.image_lists.model import Entry, Text
from longshore.application.image_lists.yaml_nodes import (
    Mapping,
    Node,
    Scalar,
    Sequence,
    documents,
    no_text_problem,
    template_problem,
)
from longshore.errors import InvalidInput
from longshore.text import plain

_IMAGE = "image"
#: Fields with an ``image`` that is no container image: a block device of Ceph (RBDVolumeSource).
_OTHER = ("rbd",)
_CONTAINERS = {
    "containers": "container",
    "initContainers": "init container",
    "ephemeralContainers": "ephemeral container",
}


class _Place(NamedTuple):
    """A node to look at. *key*: of the nearest mapping above it. *owner*: the object it is in (``Pod/web``)."""

    node: Node
    key: str
    owner: str


def kubernetes_entries(text: Text) -> list[Entry]:
    """The images of all documents. Raises InvalidInput if the file is not YAML, or exceeds the limits."""
    found: dict[int, Entry] = {}  # by place: an alias names an image again
    for root in documents(text, needed=_IMAGE):
        waiting = [_Place(root, "", "")]
        seen: set[int] = set()
        while waiting:
            place = waiting.pop()
            if id(place.node) in seen:  # an alias, perhaps of a node around it
                continue
            seen.add(id(place.node))
            if isinstance(place.node, Sequence):
                waiting += [place._replace(node=one) for one in place.node.items]
            elif isinstance(place.node, Mapping):
                for entry in _mapping(text, place.node, place, waiting):
                    found.setdefault(entry.span.start, entry)
    return [found[start] for start in sorted(found)]


def _mapping(text: Text, node: Mapping, place: _Place, waiting: list[_Place]) -> list[Entry]:
    kind, metadata = node.text("kind"), node.get("metadata")
    is_object = bool(kind and node.text("apiVersion"))
    owner = place.owner
    if is_object:
        name = metadata.text("name") if isinstance(metadata, Mapping) else ""
        owner = plain(f"{kind}/{name}" if name else kind, 200)
    found = []
    for key, value in node.pairs:
        name = key.value if isinstance(key, Scalar) else ""
        if name == _IMAGE and place.key not in _OTHER:
            found += _image(text, value, _where(node, place.key, owner))
        if name == "status" and is_object:
            continue  # what was pulled, not what is wanted
        waiting.append(_Place(value, name, owner))
    return found


def _where(node: Mapping, key: str, owner: str) -> str:
    name = node.text("name")
    part = _CONTAINERS.get(key, "")
    named = plain(" ".join(filter(None, (part or (key if not name else ""), name))), 200)
    return ", ".join(filter(None, (owner, named)))


def _image(text: Text, value: Node, where: str) -> list[Entry]:
    if isinstance(value, Scalar):
        if "{{" in text.text[value.start : value.end]:
            return [text.unresolved(value.start, value.end, where, template_problem())]
        if value.value in ("", "null", "~"):
            problem = InvalidInput("The image is empty.")
            return [text.unresolved(value.start, value.end, where, problem)]
        if not value.text:
            return [text.unresolved(value.start, value.end, where, no_text_problem())]
        if "$(" in value.value or "${" in value.value:
            problem = InvalidInput(
                "The image contains a variable, which Kubernetes does not replace.",
                advice="Replace the variable first, for example with envsubst.",
            )
            return [text.unresolved(value.start, value.end, where, problem)]
        return [text.entry(value.start, value.end, where, value.value)]
    if isinstance(value, Mapping):
        volume = value.get("reference")  # a volume with the files of an image (ImageVolumeSource)
        if isinstance(volume, Scalar):
            return _image(text, volume, where)
        parts = value.get("repository") or (value.get("name") if value.get("tag") is not None else None)
        if isinstance(parts, Scalar):
            problem = InvalidInput(
                "The image is written in separate fields, which are not combined.",
                advice="Render the chart first, for example with helm template.",
            )
            return [text.unresolved(parts.start, parts.end, where, problem)]
    return []
