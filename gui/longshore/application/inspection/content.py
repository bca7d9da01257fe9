"""Reads manifests and configurations where they are kept: in registries, the library and archives."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from longshore.application.attached.kinds import predicate_of
from longshore.application.inspection.values import Attestation, PlatformSize
from longshore.errors import (
    DigestMismatch,
    InvalidContent,
    InvalidInput,
    InvalidManifest,
    NotInLibrary,
    NotInRegistry,
)
from longshore.oci.digest import Verifier
from longshore.oci.image_config import LARGEST_CONFIG, ImageConfig
from longshore.oci.manifest import Index, Manifest
from longshore.oci.platform import Platform
from longshore.side_by_side import ask_all
from longshore.transfers.transfer import RegistryPlace

if TYPE_CHECKING:
    from longshore.application.clients import Clients
    from longshore.cancellation import Cancellation
    from longshore.oci.descriptor import Descriptor
    from longshore.transfers.content.protocol import ContentReader
    from longshore.transfers.transfer import Endpoint

#: Most images of an index that are listed, as many attestations, and manifests that are read side by side.
_MOST = 64
_ASKERS = 4


class Inspection:
    """Reads one image. Blocks; one thread. Close it, or use it with ``with``.

    *platform*: the image of an index to look at. Raises UnsupportedTransfer for an engine, which shows neither manifest
    nor configuration: see
    ``inspecting.inspect``.
    """

    def __init__(
        self, end: Endpoint, clients: Clients, cancellation: Cancellation, platform: Platform | None = None
    ) -> None:
        from longshore.transfers.content.open import open_reader

        self._end = end
        self._cancellation = cancellation
        self._platform = platform
        self._reader: ContentReader = open_reader(end, clients)
        self._counts = counts_as_pull(end, clients)

    def __enter__(self) -> Inspection:
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.close()

    def top(self) -> Manifest | Index:
        """The manifest or index that the name points to."""
        reference = self._end.reference
        return self._manifest(
            self._end.image_id if reference is None else reference.with_default_tag().target
        )

    def image(self, top: Manifest | Index) -> Manifest:
        """The manifest of one image of *top*: of the chosen platform, otherwise of this machine's or the first.

        Raises InvalidInput if there is none of the chosen platform, InvalidManifest for an index without images.
        """
        seen: list[str] = []
        found = top
        while isinstance(found, Index):
            child = self._choice(found)
            if child.digest in seen or len(seen) > 3:
                raise InvalidManifest("The index contains only other indexes.", subject=self._end.name.shown)
            seen.append(child.digest)
            found = self._manifest(child.digest)
        if self._platform is not None and found is top:
            config = ImageConfig.from_bytes(self.config(found))
            if config.platform is not None and not self._platform.matches(config.platform):
                raise self._no_platform([config.platform])
        return found

    def config(self, image: Manifest) -> bytes:
        """The configuration of *image*, unchanged; at most 8 MiB. Raises DigestMismatch, InvalidManifest."""
        wanted = image.config
        if wanted.size > LARGEST_CONFIG:
            raise InvalidManifest("The configuration is too large to be shown.", subject=wanted.digest)
        verifier = Verifier(wanted.digest, wanted.size)
        out = bytearray()
        with self._reader.blob(wanted, cancellation=self._cancellation) as chunks:
            for chunk in chunks:
                verifier.update(chunk)
                out += chunk
                if len(out) > wanted.size:
                    break  # the verifier reports it
        verifier.finish()
        return bytes(out)

    @property
    def counts(self) -> bool:
        """Whether each manifest that is read counts as a pull, as on Docker Hub."""
        return self._counts

    def platforms(self, top: Index) -> tuple[PlatformSize, ...]:
        """The images of *top* without their sizes, at most 64. No request."""
        return tuple(PlatformSize(child.platform, child.digest, None) for child in top.images[:_MOST])

    def attestations(self, top: Index) -> tuple[Attestation, ...]:
        """The attestations of *top* without their sizes, at most 64. No request."""
        of = {child.digest: child.platform for child in top.images}
        found = (child for child in top.manifests if child.is_attestation)
        return tuple(
            Attestation(child.digest, subject, of.get(subject))
            for child in itertools.islice(found, _MOST)
            for subject in [child.attested]
        )

    def sizes(
        self, top: Index, known: Manifest | None = None
    ) -> tuple[tuple[PlatformSize, ...], tuple[Attestation, ...]]:
        """The images and attestations of *top* with their sizes. *known*: a manifest that is not read again.

        Each costs a request, several side by side. Docker Hub counts it as a pull, so the sizes are not read there.
        """
        platforms, attestations = self.platforms(top), self.attestations(top)
        if self._counts:
            return platforms, attestations
        digests = [*(one.digest for one in platforms), *(one.digest for one in attestations)]
        if known is not None:
            digests = [digest for digest in digests if digest != known.digest]
        read = self.manifests(digests)
        if known is not None:
            read[known.digest] = known
        return (
            tuple(
                replace(one, size=_size(read[one.digest]), config_digest=_config(read[one.digest]))
                for one in platforms
            ),
            tuple(
                replace(one, size=_size(read[one.digest]), predicate_types=_predicates(read[one.digest]))
                for one in attestations
            ),
        )

    def manifests(self, digests: Sequence[str]) -> dict[str, Manifest | None]:
        """The manifests of *digests*, several requests side by side; None for one that is missing or not an image."""
        found = ask_all(self._part, digests, self._cancellation, _ASKERS)
        return dict(zip(digests, found, strict=True))

    def _part(self, digest: str, cancellation: Cancellation) -> Manifest | None:
        try:
            found = self._reader.manifest(digest, cancellation=cancellation)
        except DigestMismatch:
            raise
        except (NotInRegistry, NotInLibrary, InvalidContent):
            return None  # an index may name images that were never pushed
        return found if isinstance(found, Manifest) else None

    def _manifest(self, name: str) -> Manifest | Index:
        return self._reader.manifest(name, cancellation=self._cancellation)

    def _choice(self, index: Index) -> Descriptor:
        if self._platform is not None:
            child = index.select(self._platform)
            if child is None:
                raise self._no_platform(index.platforms)
            return child
        child = index.select(Platform.host()) or next(iter(index.images), None)
        if child is None:
            raise InvalidManifest("The index has no images.", subject=self._end.name.shown)
        return child

    def _no_platform(self, have: Sequence[Platform]) -> InvalidInput:
        return InvalidInput(
            "The image has no such platform.",
            subject=str(self._platform),
            advice=f"It has {', '.join(map(str, have[:20]))}." if have else "",
        )


def counts_as_pull(end: Endpoint, clients: Clients) -> bool:
    """Whether each manifest that is read at *end* counts as a pull: Docker Hub. Does not connect."""
    return isinstance(end.place, RegistryPlace) and clients.registry(end.place.host).registry.is_hub


def _size(found: Manifest | None) -> int | None:
    return None if found is None else found.compressed_size


def _config(found: Manifest | None) -> str:
    return "" if found is None else found.config.digest


def _predicates(found: Manifest | None) -> tuple[str, ...]:
    if found is None:
        return ()
    types = (predicate_of(layer.annotations) for layer in found.layers[:_MOST])
    return tuple(dict.fromkeys(one for one in types if one))
