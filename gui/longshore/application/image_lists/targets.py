"""The names that the images of a list get on another registry: one rule for all of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from longshore.errors import InvalidInput, InvalidReference
from longshore.oci.reference import Reference

#: Keeps each path below the registry.
SAME_PATH = "{path}"
_FIELD = re.compile(r"\{([^{}]{0,40})\}|[{}]")
_FIELDS = ("path", "name", "registry")


class Mapped(NamedTuple):
    """A source and the name that it gets."""

    source: Reference
    target: Reference


def mapped(references: Iterable[Reference], destination: str, rule: str = SAME_PATH) -> list[Mapped]:
    """Each of *references*, once, with its name at *destination*: a registry, perhaps with a path (``host/team``).

    *rule*: the path below it. ``{path}`` is the source's path (``library/nginx``), ``{name}`` its last part
    (``nginx``), ``{registry}`` its registry, as a path may have it (``localhost-5000``). The tag stays. A source with
    tag and digest is the image of that digest and gets the tag; one with only a digest keeps that.

    Raises InvalidInput for a rule or destination that makes no names, and if two different images would get one name.
    """
    domain, below = _destination(destination)
    _check_rule(rule)
    found: dict[Reference, Mapped] = {}
    for reference in references:
        source = reference.with_default_tag()
        path = _path(source, rule)
        try:
            target = Reference(domain, f"{below}{path}", source.tag, None if source.tag else source.digest)
        except InvalidReference as error:
            raise InvalidInput(
                "The rule {rule} gives {image} an invalid name: {why}",
                arguments={"rule": rule, "image": source.familiar, "why": error.message},
            ) from None
        before = found.setdefault(target, Mapped(source, target))
        if before.source != source:
            raise InvalidInput(
                "{one} and {other} would both become {target}.",
                advice="Choose a rule that keeps them apart, for example {registry}/{path}.",
                arguments={
                    "one": before.source.familiar,
                    "other": source.familiar,
                    "target": target.familiar,
                },
            )
    return list(found.values())


def _destination(text: str) -> tuple[str, str]:
    """The registry of *text*, and the path below it, with a slash at its end if there is one."""
    domain, slash, path = text.strip().rstrip("/").partition("/")
    # The constructor checks both; its error names the wrong part.
    Reference(domain, path if slash else "any")
    return domain, f"{path}/" if slash else ""


def _check_rule(rule: str) -> None:
    for field in _FIELD.finditer(rule):
        if field[1] not in _FIELDS:
            raise InvalidInput(
                "The rule contains {field}, which has no meaning there.",
                subject=rule,
                advice="A rule may contain {path}, {name} and {registry}.",
                arguments={"field": field[0]},
            )
    if "{path}" not in rule and "{name}" not in rule:
        raise InvalidInput(
            "The rule gives all images the same name.",
            subject=rule,
            advice="A rule contains {path} or {name}, for example mirror/{path}.",
        )


def _path(source: Reference, rule: str) -> str:
    values = {
        "path": source.path,
        "name": source.path.rpartition("/")[2],
        "registry": re.sub(r"[^a-z0-9.-]+", "-", source.domain.lower()).strip("-."),
    }
    return _FIELD.sub(lambda field: values[field[1]], rule)
