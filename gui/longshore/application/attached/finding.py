"""Finds what is attached to an image, wherever the image is.

There are three ways to attach: a referrer names the image as its subject (distribution-spec, "Listing Referrers", or
its fallback tag), cosign's tags are named after the image's digest (``sha256-<hex>.sig``), and BuildKit adds manifests
to the image's index (moby/buildkit, docs/attestations/attestation-storage.md).
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from longshore.application.attached.kinds import Kind, kind_of_part, predicate_of
from longshore.errors import (
    InvalidContent,
    InvalidInput,
    InvalidReference,
    LongshoreError,
    NotInLibrary,
    NotInRegistry,
)
from longshore.oci.attached_tags import COSIGN, tag_for
from longshore.oci.descriptor import Descriptor
from longshore.oci.image_config import parse_time
from longshore.oci.manifest import ACCEPT, OCI_EMPTY, Index, Manifest
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.registry.failures import REFUSALS
from longshore.side_by_side import ask_all
from longshore.transfers.content.open import open_reader
from longshore.transfers.transfer import Endpoint, EnginePlace, RegistryPlace

if TYPE_CHECKING:
    from longshore.application.clients import Clients
    from longshore.cancellation import Cancellation
    from longshore.transfers.content.protocol import ContentReader

#: Most images of an index whose attachments are looked for; each costs up to four requests.
MOST_IMAGES = 8
#: Most manifests of attachments that are read; more are listed as the place lists them.
MOST_READ = 100
#: Most attachments of one image.
MOST = 1_000
#: The order of what is attached to one image.
_RANKS = {
    kind: number
    for number, kind in enumerate(
        (Kind.SIGNATURE, Kind.BUNDLE, Kind.SBOM, Kind.PROVENANCE, Kind.SCAN, Kind.VEX)
    )
}
_CREATED = "org.opencontainers.image.created"


class How(enum.Enum):
    """How something is attached. The values are those of the JSON output: never rename."""

    REFERRER = "referrer"
    TAG = "tag"
    INDEX = "index"


@dataclass(frozen=True, slots=True)
class Attachment:
    """One document that is attached to an image; a manifest with several documents gives several.

    *subject*: the digest of the manifest that it is attached to, *platform*: that image's, if it is one of an index.
    *manifest*: the digest of the manifest that holds it; *tag*: the tag of that manifest, for ``How.TAG``. *document*:
    the blob with its content, whose annotations have cosign's signature; None if the manifest has none, could not be
    read or was not read. *size*: bytes of the document, of the manifest without one. *predicate*: the type of an
    in-toto statement, as far as annotations name it. *annotations*: of the manifest and the document. All texts come
    from whoever attached it: clean them before they are shown.
    """

    kind: Kind
    how: How
    subject: str
    manifest: str
    artifact_type: str
    media_type: str
    size: int
    platform: Platform | None = None
    tag: str = ""
    document: Descriptor | None = None
    created: datetime | None = None
    predicate: str = ""
    annotations: tuple[tuple[str, str], ...] = ()

    @property
    def digest(self) -> str:
        """The digest of the document, or of the manifest if there is no document."""
        return self.manifest if self.document is None else self.document.digest


@dataclass(frozen=True, slots=True)
class Found:
    """What is attached to an image.

    *end*: where the image was looked at; for an image of an engine, its registry. *digest*: of the image. *images*: the
    manifests whose attachments were looked for, the image itself first. *attachments*: by image, signatures first.
    *unlisted*: why the place may have more than this, "" if it listed all. *left_out*: attachments beyond the limits.
    """

    end: Endpoint
    digest: str
    images: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    unlisted: str = ""
    left_out: int = 0

    def of(self, *kinds: Kind) -> tuple[Attachment, ...]:
        """The attachments of these kinds, in order."""
        return tuple(one for one in self.attachments if one.kind in kinds)


@dataclass(frozen=True, slots=True)
class _Holder:
    """A manifest that may hold documents. *listed*: its descriptor as the place lists it. *read*: its manifest."""

    how: How
    subject: str
    listed: Descriptor
    tag: str = ""
    read: Manifest | None = None


def find(
    end: Endpoint,
    clients: Clients,
    cancellation: Cancellation,
    platform: Platform | None = None,
    endings: Sequence[str] = COSIGN,
) -> Found:
    """What is attached to the image at *end*. Blocks.

    *platform*: of an index, only what is attached to this platform's image and to the index itself. *endings*: of the
    tags of cosign to look for. Reads manifests; Docker Hub counts that as pulls. For an image of an engine, looks at
    the registry that the engine knows it from. Raises NotInRegistry and the like, and InvalidInput for an image of an
    engine that comes from no registry.
    """
    ends = with_attachments(end, clients)
    reader = open_reader(ends[0], clients)
    try:
        tops = {one: reader.manifest(_target(one), cancellation=cancellation) for one in ends}
        # Podman knows an image by the digests of its index and of its own manifest: the index has more.
        chosen = next((one for one, top in tops.items() if isinstance(top, Index)), ends[0])
        return find_in(reader, chosen, tops[chosen], cancellation, platform, endings)
    finally:
        reader.close()


def _target(end: Endpoint) -> str:
    reference = end.reference
    return end.image_id if reference is None else reference.with_default_tag().target


def with_attachments(end: Endpoint, clients: Clients) -> list[Endpoint]:
    """Where the attachments of the image at *end* are: *end* itself, or for an engine the registry it was pulled from
    or pushed to, in one repository by at most two digests. May ask the engine. Raises InvalidInput if it comes from no
    registry."""
    if not isinstance(end.place, EnginePlace):
        return [end]
    image = clients.engine(end.place.address).image(end.name.asked)
    known = registries_of(end.reference, image.repo_digests)
    if not known:
        raise InvalidInput(
            "An engine keeps no signatures or SBOMs, and this image has not been in a registry.",
            subject=end.name.shown,
            advice="Push the image first, or scan it.",
        )
    first = known[0]
    same = [one for one in known if (one.domain, one.path) == (first.domain, first.path)]
    return [Endpoint(RegistryPlace(one.domain), one) for one in same[:2]]


def registries_of(own: Reference | None, repo_digests: Iterable[str]) -> list[Reference]:
    """The names with digests by which registries have an image of an engine; first that of the repository of *own*."""
    known: list[Reference] = []
    for text in repo_digests:
        try:
            known.append(Reference.parse(text))
        except InvalidReference:
            continue
    return sorted(known, key=lambda one: own is None or (one.domain, one.path) != (own.domain, own.path))


def find_in(
    reader: ContentReader,
    end: Endpoint,
    top: Manifest | Index,
    cancellation: Cancellation,
    platform: Platform | None = None,
    endings: Sequence[str] = COSIGN,
) -> Found:
    """Like :func:`find`, for a *top* that was already read from *reader*, which is open on *end*. Blocks."""
    finder = _Finder(reader, cancellation)
    images = [top.digest]
    platforms: dict[str, Platform | None] = {}
    holders: list[_Holder] = []
    if isinstance(top, Index):
        children = list(top.images)
        if platform is not None:
            chosen = top.select(platform)
            children = [] if chosen is None else [chosen]
        images += [one.digest for one in children[:MOST_IMAGES] if one.media_type in ACCEPT]
        platforms = {one.digest: one.platform for one in children}
        for child in top.manifests:
            about = child.attested
            if child.is_attestation and (platform is None or about in platforms):
                holders.append(_Holder(How.INDEX, about or top.digest, child))
    asked = list(dict.fromkeys(images))
    for found in ask_all(lambda one, part: finder.beside(one, endings, part), asked, cancellation):
        holders += found
    left_out = max(len(holders) - MOST, 0)
    attachments: list[Attachment] = []
    for holder in finder.read(holders[:MOST]):
        documents = list(_documents(holder, platforms.get(holder.subject)))
        left_out += max(len(attachments) + len(documents) - MOST, 0)
        attachments += documents[: MOST - len(attachments)]
    order = {digest: number for number, digest in enumerate(asked)}
    attachments = sorted(
        _once(attachments),
        key=lambda one: (order.get(one.subject, len(order)), _RANKS.get(one.kind, len(_RANKS))),
    )
    return Found(end, top.digest, tuple(asked), tuple(attachments), finder.unlisted, left_out)


def _once(found: Iterable[Attachment]) -> Iterable[Attachment]:
    """Each document of a subject once: some programs attach in two ways at once."""
    seen: set[tuple[str, str, str]] = set()
    for one in found:
        key = (one.subject, one.manifest, one.digest)
        if key not in seen:
            seen.add(key)
            yield one


class _Finder:
    """Reads what one place lists. Thread-safe."""

    def __init__(self, reader: ContentReader, cancellation: Cancellation) -> None:
        self._reader = reader
        self._cancellation = cancellation
        self.unlisted = ""

    def beside(self, digest: str, endings: Sequence[str], cancellation: Cancellation) -> list[_Holder]:
        """The referrers of *digest*, and the manifests of cosign's tags."""
        found: list[_Holder] = []
        try:
            listed = self._reader.referrers(digest, refused=self._refused, cancellation=cancellation)
        except (*REFUSALS, InvalidContent) as error:
            self._refused(error)
            listed = []
        found += [_Holder(How.REFERRER, digest, one) for one in listed]
        for ending in endings:
            tag = tag_for(digest, ending)
            read = self._manifest(tag, cancellation)
            # An archive with one image returns it for every name.
            if isinstance(read, Manifest) and read.digest != digest:
                found.append(_Holder(How.TAG, digest, read.descriptor, tag, read))
        return found

    def read(self, holders: Sequence[_Holder]) -> list[_Holder]:
        """*holders* with their manifests, as far as the limit allows and they can be read."""
        wanted = [one for one in holders if one.read is None][:MOST_READ]
        digests = list(dict.fromkeys(one.listed.digest for one in wanted if one.listed is not None))
        got = dict(zip(digests, ask_all(self._manifest, digests, self._cancellation), strict=True))
        out = []
        for one in holders:
            known = got.get(one.listed.digest)
            out.append(replace(one, read=known) if isinstance(known, Manifest) and one.read is None else one)
        return out

    def _manifest(self, name: str, cancellation: Cancellation) -> Manifest | Index | None:
        try:
            return self._reader.manifest(name, cancellation=cancellation)
        except (NotInRegistry, NotInLibrary):
            return None  # no such tag; or the list names what was removed since
        except (*REFUSALS, InvalidContent) as error:
            self._refused(error)
            return None

    def _refused(self, error: LongshoreError) -> None:
        self.unlisted = self.unlisted or error.message


def _documents(holder: _Holder, platform: Platform | None) -> Iterable[Attachment]:
    """The documents that a manifest holds; one without document for a manifest that holds none or was not read."""
    listed, read = holder.listed, holder.read
    annotations = dict(listed.annotations)
    artifact = listed.artifact_type
    config = ""
    if read is not None:
        annotations |= read.annotations
        artifact = read.artifact_type or artifact
        config = read.config.media_type
        artifact = artifact or (config if config != OCI_EMPTY else "")

    def made(media_type: str, size: int, more: Mapping[str, str], document: Descriptor | None) -> Attachment:
        every = {**annotations, **more}
        return Attachment(
            kind_of_part((media_type, artifact, config), every),
            holder.how,
            holder.subject,
            listed.digest,
            artifact,
            media_type,
            size,
            platform,
            holder.tag,
            document,
            parse_time(every.get(_CREATED)),
            predicate_of(every),
            tuple(sorted(every.items())),
        )

    parts = [] if read is None else [one for one in read.layers if one.media_type != OCI_EMPTY]
    if not parts:
        yield made(listed.media_type, listed.size, {}, None)
    for part in parts:
        yield made(part.media_type, part.size, part.annotations, part)
