"""Mirrors a whole repository, or the tags of a pattern, as one job: a saved rule, its plan, and its transfers.

To run a rule, plan it, which moves nothing and can be shown first, and add :meth:`MirrorPlan.requests` to the queue.
Running it again later copies new and changed tags.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from longshore.cancellation import Cancellation
from longshore.errors import InvalidContent, InvalidInput, LongshoreError, NotInRegistry
from longshore.naturalsort import natural_key
from longshore.oci.manifest import Manifest
from longshore.oci.platform import Platform
from longshore.oci.reference import DEFAULT_TAG, Reference
from longshore.registry.failures import REFUSALS
from longshore.settings import Settings
from longshore.side_by_side import ask_all
from longshore.transfers.content.open import open_reader, open_writer
from longshore.transfers.transfer import Endpoint, Operation, RegistryPlace, TransferRequest
from longshore.transfers.ways.copying.walk import Content, top_of, walk_down

if TYPE_CHECKING:
    from longshore.registry.client import RegistryClient
    from longshore.transfers.clients import Clients
    from longshore.transfers.content.protocol import ContentReader, ContentWriter

#: The maximum number of tags of one repository.
MOST_TAGS = 20_000
#: Tags compared in parallel.
SIDE_BY_SIDE = 4
_KEY = "mirrors"
#: The prefix of tags that hold an image's signatures; they are copied as referrers, not by themselves.
_BESIDE = "sha256-"


@dataclass(frozen=True, slots=True)
class MirrorRule:
    """A rule for mirroring the tags of a repository, or some of them, to another repository. Immutable, any thread.

    *source*, *destination*: registry and path, without tag. *tags*: patterns (``*``, ``1.*``, ``v[0-9]*``;
    case-sensitive); a pattern that begins with ``!`` excludes what it matches. Tags of the form ``sha256-…`` are left
    out unless a pattern begins like that. *platforms*: only these platforms of indexes; none: all, verbatim.
    *referrers*: also copy signatures and the like. Raises InvalidInput for an invalid rule.
    """

    name: str
    source: Reference
    destination: Reference
    tags: tuple[str, ...] = ("*",)
    platforms: tuple[Platform, ...] = ()
    referrers: bool = False

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise InvalidInput("A rule needs a name.")
        if self.source.name == self.destination.name:
            raise InvalidInput(
                "Source and destination are the same repository.",
                subject=self.source.familiar_name,
                advice="Choose another repository or registry to copy to.",
            )
        if not any(pattern and not pattern.startswith("!") for pattern in self.tags):
            raise InvalidInput("A rule needs a tag pattern.", advice="Use * for all tags.")

    def matches(self, tag: str) -> bool:
        """Whether the rule includes *tag*."""
        takes = [pattern for pattern in self.tags if not pattern.startswith("!")]
        if tag.startswith(_BESIDE):
            takes = [pattern for pattern in takes if pattern.startswith(_BESIDE)]
        return any(fnmatchcase(tag, pattern) for pattern in takes) and not any(
            fnmatchcase(tag, pattern[1:]) for pattern in self.tags if pattern.startswith("!")
        )

    def request(self, tag: str) -> TransferRequest:
        """The transfer that copies *tag*."""
        source, destination = self.source.with_tag(tag), self.destination.with_tag(tag)
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
        return data

    @staticmethod
    def from_json(data: dict[str, Any]) -> MirrorRule:
        """The rule from *data*.

        Raises ValueError, TypeError, KeyError, AttributeError or a LongshoreError on invalid data.
        """
        return MirrorRule(
            name=str(data["name"]),
            source=Reference.parse(data["source"]).with_tag(None).with_digest(None),
            destination=Reference.parse(data["destination"]).with_tag(None).with_digest(None),
            tags=tuple(str(pattern) for pattern in data.get("tags", ["*"])),
            platforms=tuple(Platform.parse(text) for text in data.get("platforms", [])),
            referrers=data.get("referrers") is True,
        )


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


class TagState(enum.Enum):
    """The state of a source tag at the destination."""

    SAME = "same"
    MISSING = "missing"
    DIFFERS = "differs"  # the destination's tag points to another image, and would be overwritten
    UNSIGNED = "unsigned"  # the image is the same, but some of its referrers are missing
    UNREADABLE = "unreadable"  # cannot be copied: the error says why


@dataclass(frozen=True, slots=True)
class MirrorTag:
    """One tag of a plan. Sizes in compressed bytes, including configurations.

    *digest*: what the tag would point to; *current*: what it points to at the destination now. *size*: of the whole
    image, 0 if unchanged. *bytes_to_move*: content that neither the destination nor an earlier tag of the plan has.
    """

    tag: str
    state: TagState
    digest: str = ""
    current: str = ""
    size: int = 0
    bytes_to_move: int = 0
    error: LongshoreError | None = None

    @property
    def copies(self) -> bool:
        """Whether the plan copies it."""
        return self.state in (TagState.MISSING, TagState.DIFFERS, TagState.UNSIGNED)


@dataclass(frozen=True, slots=True)
class MirrorPlan:
    """The work of running *rule*, from the state of both registries when they were asked. *tags*: in natural order."""

    rule: MirrorRule
    tags: tuple[MirrorTag, ...]

    @property
    def bytes_to_move(self) -> int:
        """The bytes of all tags together, each content counted once."""
        return sum(tag.bytes_to_move for tag in self.tags)

    def count(self, state: TagState) -> int:
        """The number of tags in *state*."""
        return sum(tag.state is state for tag in self.tags)

    def requests(self, chosen: Iterable[str] | None = None) -> list[TransferRequest]:
        """The transfers for tags that are missing or differ, or for those of them among *chosen*."""
        wanted = None if chosen is None else set(chosen)
        return [
            self.rule.request(tag.tag)
            for tag in self.tags
            if tag.copies and (wanted is None or tag.tag in wanted)
        ]


def plan_mirror(
    rule: MirrorRule,
    clients: Clients,
    *,
    cancellation: Cancellation,
    told: Callable[[int, int], None] = lambda done, total: None,
) -> MirrorPlan:
    """Compare source and destination, tag by tag. Moves nothing. Blocks; for a worker thread.

    *told* receives the number of tags done and the total, from several threads. An unreadable tag affects only itself.
    Raises Cancelled and the errors of listing and asking (a repository that does not exist, a required sign-in, a
    registry that does not respond).
    """
    tags = sorted((tag for tag in _listed(rule, clients, cancellation) if rule.matches(tag)), key=natural_key)
    # The reader and writer ignore the tag of an endpoint.
    reader = open_reader(rule.request(DEFAULT_TAG).source, clients)
    writer = open_writer(rule.request(DEFAULT_TAG).destination, clients)
    comparison = _Comparison(rule, clients.registry(rule.source.domain), reader, writer, len(tags), told)
    try:
        looked = ask_all(comparison.look, tags, cancellation, SIDE_BY_SIDE)
        return MirrorPlan(rule, comparison.weigh(looked, cancellation))
    finally:
        reader.close()
        writer.close()


def _listed(rule: MirrorRule, clients: Clients, cancellation: Cancellation) -> Sequence[str]:
    client = clients.registry(rule.source.domain)
    tags: dict[str, None] = {}
    page: str | None = None
    while True:
        found = client.tags(rule.source.path, page, cancellation=cancellation)
        tags.update(dict.fromkeys(found.items))
        page = found.next
        if page is None or len(tags) >= MOST_TAGS:
            return list(tags)[:MOST_TAGS]


@dataclass(frozen=True, slots=True)
class _Looked:
    """A tag, and its content if it is to be copied."""

    tag: MirrorTag
    content: Content | None = None


class _Comparison:
    """Compares tags; its methods except :meth:`weigh` run in several threads."""

    def __init__(
        self,
        rule: MirrorRule,
        client: RegistryClient,
        reader: ContentReader,
        writer: ContentWriter,
        total: int,
        told: Callable[[int, int], None],
    ) -> None:
        self._rule = rule
        self._client = client
        self._reader = reader
        self._writer = writer
        self._total = total
        self._told = told
        self._done: list[str] = []

    def look(self, tag: str, cancellation: Cancellation) -> _Looked:
        """The state of *tag*."""
        try:
            return self._compare(tag, cancellation)
        except (InvalidContent, NotInRegistry) as error:
            return _Looked(MirrorTag(tag, TagState.UNREADABLE, error=error))
        finally:
            self._done.append(tag)
            self._told(len(self._done), self._total)

    def _compare(self, tag: str, cancellation: Cancellation) -> _Looked:
        rule, writer = self._rule, self._writer
        current = writer.manifest_digest(tag, cancellation=cancellation) or ""
        if current and not rule.platforms and not rule.referrers:
            # A HEAD request does not count towards the pull limits of registries.
            found = self._client.head(rule.source.path, tag, cancellation=cancellation)
            if found is not None and found.digest == current:
                return _Looked(MirrorTag(tag, TagState.SAME, current, current))
        top, pruned, _ = top_of(self._reader, tag, platforms=rule.platforms, cancellation=cancellation)
        digest = top.digest
        if current == digest and not rule.referrers:
            return _Looked(MirrorTag(tag, TagState.SAME, digest, current))
        content = walk_down(
            self._reader,
            top,
            pruned=pruned,
            chosen=bool(rule.platforms),
            referrers=rule.referrers,
            cancellation=cancellation,
        )
        digest = content.top.digest  # differs from the source if attestations are gone
        if current == digest and not rule.referrers:
            return _Looked(MirrorTag(tag, TagState.SAME, digest, current))
        state = TagState.DIFFERS if current else TagState.MISSING
        if current == digest:
            complete = all(
                writer.manifest_digest(name, cancellation=cancellation) == found.digest
                for name, found in content.beside
            )
            state = TagState.SAME if complete else TagState.UNSIGNED
        return _Looked(MirrorTag(tag, state, digest, current), None if state is TagState.SAME else content)

    def weigh(self, looked: Sequence[_Looked], cancellation: Cancellation) -> tuple[MirrorTag, ...]:
        """The tags with their bytes, each content counted for the first tag that needs it."""
        writer = self._writer
        contents = [one.content for one in looked if one.content is not None]
        manifests = {found.digest: found for content in contents for found in content.manifests}

        def existing(digest: str, cancellation: Cancellation) -> str | None:
            try:
                return writer.manifest_digest(digest, cancellation=cancellation)
            except REFUSALS:
                return None  # then its blobs are checked one by one

        found = ask_all(existing, list(manifests), cancellation)
        # A present manifest has its blobs too.
        there: set[str] = set()
        for manifest, digest in zip(manifests.values(), found, strict=True):
            if digest == manifest.digest and isinstance(manifest, Manifest):
                there |= {blob.digest for blob in (manifest.config, *manifest.layers)}
        needed = {digest for content in contents for digest in content.blobs}
        if self._reader.host == writer.host:
            there |= needed  # will be mounted
        asked = list(needed - there)
        sizes = ask_all(lambda digest, part: writer.blob_size(digest, cancellation=part), asked, cancellation)
        there |= {digest for digest, size in zip(asked, sizes, strict=True) if size is not None}
        weighed = []
        for one in looked:
            tag = one.tag
            if one.content is not None:
                blobs = one.content.blobs
                moves = sum(blob.size for digest, blob in blobs.items() if digest not in there)
                there |= blobs.keys()
                size = sum(blob.size for blob in blobs.values())
                tag = MirrorTag(tag.tag, tag.state, tag.digest, tag.current, size, moves)
            weighed.append(tag)
        return tuple(weighed)
