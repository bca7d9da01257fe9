"""Compose files: ``services.*.image``.

Source: compose-spec, 05-services.md (image, build, extends), 10-fragments.md (anchors and ``<<``), 14-include.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from longshore.application.image_lists.model import Entry, Text
from longshore.application.image_lists.yaml_nodes import (
    Mapping,
    Scalar,
    Sequence,
    documents,
    no_text_problem,
    template_problem,
)
from longshore.errors import InvalidInput
from longshore.text import plain
from longshore.variables import Lookup, expand


def is_compose(root: object) -> bool:
    """Whether a document is a compose file and not a Kubernetes object."""
    return (
        isinstance(root, Mapping)
        and root.get("apiVersion") is None
        and (isinstance(root.get("services"), Mapping) or isinstance(root.get("include"), Sequence))
    )


def compose_entries(text: Text, lookup: Lookup) -> list[Entry]:
    """The images of the services. *lookup*: the variables. Raises InvalidInput if it is not a compose file."""
    found: list[Entry] = []
    roots = list(documents(text))
    if not any(map(is_compose, roots)):
        raise InvalidInput("This is not a compose file: it has no services.")
    for root in roots:
        if isinstance(root, Mapping):
            found += _included(text, root)
            found += _services(text, root, lookup)
    return sorted(found, key=lambda entry: entry.span.start)


def _included(text: Text, root: Mapping) -> Iterator[Entry]:
    """Other files, which are not read: their images are named as missing."""
    for key, value in root.pairs:
        if isinstance(key, Scalar) and key.value == "include" and isinstance(value, Sequence):
            problem = InvalidInput(
                "Included files are not read.", advice="Name each of them as a file of its own."
            )
            yield text.unresolved(key.start, key.end, "include", problem)


def _services(text: Text, root: Mapping, lookup: Lookup) -> Iterator[Entry]:
    services = root.get("services")
    if not isinstance(services, Mapping):
        return
    images: dict[int, tuple[Scalar, list[str], bool]] = {}
    for key, service in services.pairs:
        if not isinstance(key, Scalar) or not isinstance(service, Mapping):
            continue
        name = plain(key.value, 100)
        image, built = service.get("image"), service.get("build") is not None
        if isinstance(image, Scalar) and image.value not in ("", "null", "~"):
            # Services that share an image by an anchor have it at one place in the text.
            _, names, before = images.get(id(image), (image, [], False))
            images[id(image)] = (image, [*names, name], built or before)
        elif built:
            problem = InvalidInput("The image of the service is built and has no name.")
            entry = text.unresolved(key.start, key.end, f"service {name}", problem)
            yield replace(entry, built=True)
        elif service.get("provider") is None:  # such a service is no container
            problem = (
                InvalidInput("The image comes from the service that this one extends.")
                if service.get("extends") is not None
                else InvalidInput("The service has neither an image nor a build.")
            )
            yield text.unresolved(key.start, key.end, f"service {name}", problem)
    for image, names, built in images.values():
        where = f"service {names[0]}" if len(names) == 1 else f"services {', '.join(names)}"
        yield _image(text, image, where, lookup, built=built)


def _image(text: Text, image: Scalar, where: str, lookup: Lookup, *, built: bool) -> Entry:
    if "{{" in text.text[image.start : image.end]:
        return text.unresolved(image.start, image.end, where, template_problem())
    if not image.text:
        return replace(text.unresolved(image.start, image.end, where, no_text_problem()), built=built)
    try:
        value, tail = expand(image.value, lookup)
    except InvalidInput as error:
        found = text.unresolved(image.start, image.end, where, error)
        return replace(found, built=built)
    # The tail can be extended only if it is the end of the text as it is written.
    literal = tail is None or text.text[image.start : image.end].endswith(tail)
    return text.entry(image.start, image.end, where, value, tail=tail if literal else "", built=built)
