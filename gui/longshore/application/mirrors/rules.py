"""What a mirror copies, from where to where: one rule, and the rules saved in the settings."""

from __future__ import annotations

import dataclasses
import enum
from dataclasses import dataclass
from typing import Any

from longshore.application.mirrors.patterns import check, matches
from longshore.application.mirrors.repositories import (
    Namespace,
    RepositoryPattern,
    parse_namespace,
    parse_source,
)
from longshore.errors import InvalidInput, LongshoreError
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.settings import Settings
from longshore.transfers.transfer import Endpoint, Operation, RegistryPlace, TransferRequest

_KEY = "mirrors"
#: The prefix of tags that hold an image's signatures; they are copied as referrers, not by themselves.
BESIDE = "sha256-"
#: The prefix of tags that keep what deleted extras pointed to; see :mod:`.extras`. No rule is about them.
BACKUP = "longshore-backup-"
#: Most days of a minimum age, and most tags that a rule can be limited to.
LONGEST_AGE = 36_500
LARGEST_NEWEST = 100_000


class Extras(enum.Enum):
    """What to do with tags of the destination that the source no longer has. The values are saved: never rename."""

    KEEP = "keep"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class MirrorRule:
    """A rule for mirroring the tags of a repository, or some of them, to another repository. Immutable, any thread.

    *source*, *destination*: registry and path, without tag; or a pattern for many repositories and the namespace of
    their copies. There, each repository keeps its path below the pattern's fixed part: ``hub.example/team/*`` to
    ``mirror.example/copies`` copies ``hub.example/team/app`` to ``mirror.example/copies/app``.

    *tags*: patterns (``*``, ``1.*``, ``v#.#``, see :mod:`.patterns`; case-sensitive); one that begins with ``!``
    excludes what it matches. Tags of the form ``sha256-…`` are left out unless a pattern begins like that. *platforms*:
    only these platforms of indexes; none: all, verbatim. *referrers*: also copy signatures and the like.

    *newest*: only that many of the tags with a number in them, the newest by version in natural order (1.10 after 1.9,
    a release after its candidates); 0 for all. Tags without a number, such as ``latest``, are no versions and do not
    count. *minimum_age_days*: only images made at least that many days ago, by their own date; images without a date
    are then left out. *newest* counts only images that are old enough. *extras*: see :class:`Extras`.

    Raises InvalidInput for an invalid rule.
    """

    name: str
    source: Reference | RepositoryPattern
    destination: Reference | Namespace
    tags: tuple[str, ...] = ("*",)
    platforms: tuple[Platform, ...] = ()
    referrers: bool = False
    newest: int = 0
    minimum_age_days: int = 0
    extras: Extras = Extras.KEEP

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise InvalidInput("A rule needs a name.")
        if isinstance(self.source, RepositoryPattern) is isinstance(self.destination, Reference):
            raise InvalidInput(
                "A pattern for repositories needs a namespace as its destination.", subject=self.source.name
            )
        if isinstance(self.source, Reference) and self.source.name == self.destination.name:
            raise InvalidInput(
                "Source and destination are the same repository.",
                subject=self.source.familiar_name,
                advice="Choose another repository or registry to copy to.",
            )
        if (
            isinstance(self.source, RepositoryPattern)
            and self.source.domain == self.destination.domain
            and self.source.namespace == self.destination.path
        ):
            raise InvalidInput(
                "Source and destination are the same repositories.",
                subject=self.source.name,
                advice="Choose another registry or namespace to copy to.",
            )
        if not any(pattern and not pattern.startswith("!") for pattern in self.tags):
            raise InvalidInput("A rule needs a tag pattern.", advice="Use * for all tags.")
        for pattern in self.tags:
            check(pattern.removeprefix("!"))
        _check_number("newest", self.newest, LARGEST_NEWEST)
        _check_number("minimum_age_days", self.minimum_age_days, LONGEST_AGE)

    @property
    def ends(self) -> tuple[Reference, Reference]:
        """Source and destination of a rule for one repository. Raises InvalidInput for a pattern."""
        if isinstance(self.source, RepositoryPattern) or isinstance(self.destination, Namespace):
            raise InvalidInput("This rule is for many repositories.", subject=self.source.name)
        return self.source, self.destination

    def at(self, path: str) -> MirrorRule:
        """The rule for one repository, *path*, of those that a pattern matches. Raises InvalidInput."""
        if isinstance(self.source, Reference) or isinstance(self.destination, Reference):
            return self
        below = path.removeprefix(f"{self.source.namespace}/") if self.source.namespace else path
        return dataclasses.replace(
            self, source=Reference(self.source.domain, path), destination=self.destination.below(below)
        )

    def matches(self, tag: str) -> bool:
        """Whether the rule's patterns include *tag*."""
        if tag.startswith(BACKUP):
            return False
        takes = [pattern for pattern in self.tags if not pattern.startswith("!")]
        if tag.startswith(BESIDE):
            takes = [pattern for pattern in takes if pattern.startswith(BESIDE)]
        return any(matches(pattern, tag) for pattern in takes) and not any(
            matches(pattern[1:], tag) for pattern in self.tags if pattern.startswith("!")
        )

    def request(self, tag: str) -> TransferRequest:
        """The transfer that copies *tag*. Raises InvalidInput for a rule for many repositories."""
        source, destination = (end.with_tag(tag) for end in self.ends)
        options = {
            "platforms": ",".join(map(str, self.platforms)),
            "referrers": "1" if self.referrers else "",
        }
        return TransferRequest(
            Operation.COPY,
            Endpoint(RegistryPlace(source.domain), source),
            Endpoint(RegistryPlace(destination.domain), destination),
            options=tuple(sorted((key, value) for key, value in options.items() if value)),
        )

    def to_json(self) -> dict[str, Any]:
        """The rule as plain data for the settings."""
        data: dict[str, Any] = {
            "name": self.name,
            "source": self.source.name,
            "destination": self.destination.name,
            "tags": list(self.tags),
        }
        if self.platforms:
            data["platforms"] = [str(platform) for platform in self.platforms]
        if self.referrers:
            data["referrers"] = True
        if self.newest:
            data["newest"] = self.newest
        if self.minimum_age_days:
            data["minimum_age_days"] = self.minimum_age_days
        if self.extras is not Extras.KEEP:
            data["extras"] = self.extras.value
        return data

    @staticmethod
    def from_json(data: dict[str, Any]) -> MirrorRule:
        """The rule from *data*.

        Raises ValueError, TypeError, KeyError, AttributeError or a LongshoreError on invalid data.
        """
        source = parse_source(data["source"])
        many = isinstance(source, RepositoryPattern)
        return MirrorRule(
            name=str(data["name"]),
            source=source,
            destination=(parse_namespace if many else _repository)(data["destination"]),
            tags=tuple(str(pattern) for pattern in data.get("tags", ["*"])),
            platforms=tuple(Platform.parse(text) for text in data.get("platforms", [])),
            referrers=data.get("referrers") is True,
            newest=data.get("newest", 0),
            minimum_age_days=data.get("minimum_age_days", 0),
            extras=Extras(data.get("extras", "keep")),
        )


def _repository(text: str) -> Reference:
    return Reference.parse(text).with_tag(None).with_digest(None)


def _check_number(key: str, value: object, most: int) -> None:
    if type(value) is not int or not 0 <= value <= most:
        raise InvalidInput("{key} must be a number from 0 to {most}.", arguments={"key": key, "most": most})


class MirrorRules:
    """The saved rules, by name. Any thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def all(self) -> list[MirrorRule]:
        """All rules, in the order in which they were first saved. An invalid entry is skipped."""
        found: dict[str, MirrorRule] = {}
        for data in self._settings.get(_KEY, []):
            rule = _read(data)
            if rule is not None:
                found.setdefault(rule.name, rule)
        return list(found.values())

    def save(self, rule: MirrorRule) -> None:
        """Add *rule*, or replace the rule of the same name."""

        def merge(entries: list[Any]) -> list[Any]:
            places = [place for place, data in enumerate(entries) if _name(data) == rule.name]
            if not places:
                return [*entries, rule.to_json()]
            return [
                rule.to_json() if place == places[0] else data
                for place, data in enumerate(entries)
                if place not in places[1:]
            ]

        self._settings.update(_KEY, merge, [])

    def remove(self, name: str) -> None:
        """Delete the rule called *name*."""
        self._settings.update(_KEY, lambda entries: [data for data in entries if _name(data) != name], [])


def _read(data: Any) -> MirrorRule | None:
    try:
        return MirrorRule.from_json(data)
    except (LongshoreError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _name(data: Any) -> str | None:
    rule = _read(data)
    return rule.name if rule is not None else None
