"""Several images as one index: what ``buildx imagetools create`` makes, as a place to copy from."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TYPE_CHECKING

from longshore.errors import InvalidInput, InvalidManifest, NotInLibrary, NotInRegistry
from longshore.oci.descriptor import Descriptor
from longshore.oci.digest import Verifier, sha256_of
from longshore.oci.image_config import LARGEST_CONFIG, ImageConfig
from longshore.oci.manifest import (
    ACCEPT,
    DOCKER_CONFIG,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_INDEX,
    Index,
    Manifest,
)
from longshore.side_by_side import ask_all

if TYPE_CHECKING:
    from longshore.cancellation import Cancellation
    from longshore.errors import LongshoreError
    from longshore.oci.platform import Platform
    from longshore.transfers.content.protocol import ContentReader

#: The annotation of an attestation with the digest of its image.
_SUBJECT = "vnd.docker.reference.digest"
#: Most images and attestations, as of any image that is copied.
_MOST_CHILDREN = 2_000
#: The name of the index for :meth:`JoinedReader.manifest`.
JOINED = ""


class JoinedReader:
    """See ContentReader. The images of *parts* as one index: each a name for errors, a reader, and its name there.

    An index among them brings all its images and their attestations. *replacing*: a later image takes the place of an
    earlier one of the same platform; otherwise they are refused. Owns the readers.
    """

    def __init__(self, parts: Sequence[tuple[str, ContentReader, str]], *, replacing: bool = False) -> None:
        self._parts = parts
        self._replacing = replacing
        self._lock = threading.Lock()
        self._owners: dict[str, ContentReader] = {}
        self._read: dict[str, Manifest | Index] = {}
        self._index: Index | None = None
        hosts = {reader.host for _, reader, _ in parts}
        repositories = {reader.repository for _, reader, _ in parts}
        self.host = hosts.pop() if len(hosts) == 1 else ""
        self.repository = repositories.pop() if self.host and len(repositories) == 1 else ""

    def manifest(self, name: str, *, cancellation: Cancellation) -> Manifest | Index:
        """See ContentReader. Raises InvalidInput for two images of one platform, or one that names none."""
        if name == JOINED:
            if self._index is None:
                self._index = self._joined(cancellation)
            return self._index
        with self._lock:
            known = self._read.pop(name, None)
        if known is not None:
            return known
        reader = self._owner(name)
        found = reader.manifest(name, cancellation=cancellation)
        self._own(found, reader)
        return found

    def blob(
        self, wanted: Descriptor, offset: int = 0, *, cancellation: Cancellation
    ) -> AbstractContextManager[Iterable[bytes]]:
        """See ContentReader."""
        return self._owner(wanted.digest).blob(wanted, offset, cancellation=cancellation)

    def referrers(
        self, digest: str, *, refused: Callable[[LongshoreError], None], cancellation: Cancellation
    ) -> list[Descriptor]:
        """See ContentReader. A new index has none."""
        if self._index is not None and digest == self._index.digest:
            return []
        return self._owner(digest).referrers(digest, refused=refused, cancellation=cancellation)

    def mountable(self, digest: str, host: str) -> str:
        """See ContentReader."""
        return self._owner(digest).mountable(digest, host)

    def close(self) -> None:
        """See ContentReader."""
        for _, reader, _ in self._parts:
            reader.close()

    def _owner(self, digest: str) -> ContentReader:
        with self._lock:
            found = self._owners.get(digest)
        if found is None:
            raise InvalidManifest("The image has no such part.", subject=digest)
        return found

    def _own(self, found: Manifest | Index, reader: ContentReader) -> None:
        parts = found.manifests if isinstance(found, Index) else (found.config, *found.layers)
        with self._lock:
            for digest in (found.digest, *(part.digest for part in parts)):
                self._owners.setdefault(digest, reader)

    def _joined(self, cancellation: Cancellation) -> Index:
        rows: dict[str, tuple[str, Descriptor]] = {}
        for name, reader, asked in self._parts:
            found = reader.manifest(asked, cancellation=cancellation)
            self._own(found, reader)
            if isinstance(found, Index):
                if not found.images:
                    raise InvalidInput("It has no images, so it can't be part of an index.", subject=name)
                children = found.manifests
            else:
                platform = _platform_of(found, reader, name, cancellation)
                children = (Descriptor(found.media_type, found.digest, len(found.raw), platform),)
            for child in children:
                rows.setdefault(child.digest, (name, child))
        found_rows = list(rows.values())
        if len(found_rows) > _MOST_CHILDREN:
            raise InvalidManifest("The image is too complex.", detail="too many manifests")
        if self._replacing:
            found_rows = _latest(found_rows)
        _check_platforms(found_rows)
        # As imagetools: the images first, in the order in which they were named.
        ordered = sorted((child for _, child in found_rows), key=lambda child: child.is_attestation)
        return joined_index(ask_all(self._as_it_is, ordered, cancellation))

    def _as_it_is(self, child: Descriptor, cancellation: Cancellation) -> Descriptor:
        """*child* with the size and type that its manifest has: another index may say anything about it, and engines
        believe the index."""
        if child.media_type not in ACCEPT:
            return child
        try:
            found = self.manifest(child.digest, cancellation=cancellation)
        except (NotInRegistry, NotInLibrary):
            return child  # copying says what is missing
        with self._lock:
            self._read[child.digest] = found
        return replace(child, media_type=found.media_type, size=len(found.raw))


def joined_index(children: Sequence[Descriptor]) -> Index:
    """An index of *children*: Docker's manifest list if all are Docker's manifests, otherwise OCI's. Pure."""
    docker = all(child.media_type == DOCKER_MANIFEST for child in children)
    media_type = DOCKER_LIST if docker else OCI_INDEX
    document = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "manifests": [child.to_json() for child in children],
    }
    raw = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
    return Index(media_type, tuple(children), raw, sha256_of(raw))


def _latest(rows: Sequence[tuple[str, Descriptor]]) -> list[tuple[str, Descriptor]]:
    """*rows* without images that a later one of the same platform replaces, and without their attestations."""
    gone = {
        one.digest
        for (_, one), (_, other) in itertools.combinations(rows, 2)
        if not one.is_attestation
        and not other.is_attestation
        and one.platform is not None
        and other.platform is not None
        and one.platform.matches(other.platform)
    }
    return [
        (name, child)
        for name, child in rows
        if child.digest not in gone and child.annotations.get(_SUBJECT, "") not in gone
    ]


def _check_platforms(rows: Sequence[tuple[str, Descriptor]]) -> None:
    """Raise InvalidInput if an engine could not choose between two images."""
    images = [(name, child) for name, child in rows if not child.is_attestation]
    for name, child in images:
        if child.platform is None:
            raise InvalidInput("An image in it names no platform.", subject=name)
        if not str(child.platform).isprintable():
            raise InvalidInput("An image in it names a platform that does not exist.", subject=name)
    for (first, one), (second, other) in itertools.combinations(images, 2):
        assert one.platform is not None and other.platform is not None
        if one.platform.matches(other.platform):
            raise InvalidInput(
                "Two of the images are for the same platform, {platform}.",
                subject=second,
                advice="Leave out one of them: {first} and {second}." if first != second else "Leave it out.",
                arguments={"platform": str(one.platform), "first": first, "second": second},
            )


def _platform_of(found: Manifest, reader: ContentReader, name: str, cancellation: Cancellation) -> Platform:
    """The platform that the configuration of an image names. Raises InvalidInput."""
    config = found.config
    if config.media_type not in (OCI_CONFIG, DOCKER_CONFIG) or found.artifact_type:
        raise InvalidInput("It is not an image, so it can't be part of an index.", subject=name)
    if config.size > LARGEST_CONFIG:
        raise InvalidManifest("The image's configuration is too large.", subject=name)
    verifier = Verifier(config.digest, config.size)
    raw = bytearray()
    with reader.blob(config, cancellation=cancellation) as pieces:
        for piece in pieces:
            verifier.update(piece)
            raw += piece
    verifier.finish()
    platform = ImageConfig.from_bytes(bytes(raw)).platform
    if platform is None:
        raise InvalidInput("It names no platform, so it can't be part of an index.", subject=name)
    return platform
