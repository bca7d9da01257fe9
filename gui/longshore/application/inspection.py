"""Looks at one image, wherever it is: its manifest, its configuration, and what they say about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from longshore.errors import DigestMismatch, InvalidContent, InvalidInput, NotInLibrary, NotInRegistry
from longshore.oci.digest import Verifier
from longshore.oci.image_config import LARGEST_CONFIG, ImageConfig, RunConfig
from longshore.oci.manifest import Index, Manifest
from longshore.oci.platform import Platform
from longshore.transfers.transfer import Endpoint, EnginePlace, RegistryPlace

if TYPE_CHECKING:
    from longshore.application.clients import Clients
    from longshore.cancellation import Cancellation
    from longshore.oci.descriptor import Descriptor
    from longshore.transfers.content.protocol import ContentReader

#: Most images of an index whose sizes are read.
_MOST_PLATFORMS = 64


@dataclass(frozen=True, slots=True)
class PlatformSize:
    """One image of an index. *size*: compressed bytes of configuration and layers, None if it was not read. *here*: an
    engine has it."""

    platform: Platform | None
    digest: str
    size: int | None
    here: bool | None = None


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer. *digest*: of the compressed layer, for an engine of the unpacked one. *size*: compressed bytes, None if
    the place does not report it."""

    digest: str
    size: int | None = None
    media_type: str = ""


@dataclass(frozen=True, slots=True)
class Inspected:
    """What was found out about an image. All texts come from whoever made the image: clean them before they are shown.

    *digest*: of the manifest or index; "" for an engine. *image_id*: of an engine. *size_on_disk*: in an engine.
    *platform*, *created* and what follows are of one image: the chosen platform's, this machine's, or the first.
    *artifact_type*: for something else than an image.
    """

    end: Endpoint
    digest: str = ""
    media_type: str = ""
    artifact_type: str = ""
    image_id: str = ""
    repo_digests: tuple[str, ...] = ()
    size_on_disk: int | None = None
    platforms: tuple[PlatformSize, ...] = ()
    manifest_digest: str = ""
    config_digest: str = ""
    platform: Platform | None = None
    size_compressed: int | None = None
    created: datetime | None = None
    author: str = ""
    run: RunConfig = field(default_factory=RunConfig)
    labels: tuple[tuple[str, str], ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()
    layers: tuple[Layer, ...] = ()


class Inspection:
    """Reads one image. Blocks; one thread. Close it, or use it with ``with``.

    *platform*: the image of an index to look at. Raises UnsupportedTransfer for an engine, which shows neither manifest
    nor configuration: see :func:`inspect`.
    """

    def __init__(
        self, end: Endpoint, clients: Clients, cancellation: Cancellation, platform: Platform | None = None
    ) -> None:
        from longshore.transfers.content.open import open_reader

        self._end = end
        self._cancellation = cancellation
        self._platform = platform
        self._reader: ContentReader = open_reader(end, clients)
        self._counts = (
            isinstance(end.place, RegistryPlace) and clients.registry(end.place.host).registry.is_hub
        )

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

        Raises InvalidInput if there is none of the chosen platform.
        """
        seen: list[str] = []
        found = top
        while isinstance(found, Index):
            child = self._choice(found)
            if child.digest in seen or len(seen) > 3:
                raise InvalidInput("The index contains only other indexes.", subject=self._end.name.shown)
            seen.append(child.digest)
            found = self._manifest(child.digest)
        if self._platform is not None and found is top:
            config = ImageConfig.from_bytes(self.config(found))
            if config.platform is not None and not self._platform.matches(config.platform):
                raise self._no_platform([config.platform])
        return found

    def config(self, image: Manifest) -> bytes:
        """The configuration of *image*, unchanged; at most 8 MiB. Raises DigestMismatch, InvalidInput."""
        wanted = image.config
        if wanted.size > LARGEST_CONFIG:
            raise InvalidInput("The configuration is too large to be shown.", subject=wanted.digest)
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

    def sizes(self, top: Manifest | Index) -> tuple[PlatformSize, ...]:
        """The images of *top* with their sizes; empty if it is a single one.

        Each costs a request. Docker Hub counts it as a pull, so the sizes are not read there.
        """
        if not isinstance(top, Index):
            return ()
        return tuple(
            PlatformSize(child.platform, child.digest, None if self._counts else self._size(child))
            for child in top.images[:_MOST_PLATFORMS]
        )

    def _size(self, child: Descriptor) -> int | None:
        try:
            found = self._manifest(child.digest)
        except DigestMismatch:
            raise
        except (NotInRegistry, NotInLibrary, InvalidContent):
            return None  # an index may name images that were never pushed
        return found.compressed_size if isinstance(found, Manifest) else None

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
            raise InvalidInput("The index has no images.", subject=self._end.name.shown)
        return child

    def _no_platform(self, have: Sequence[Platform]) -> InvalidInput:
        return InvalidInput(
            "The image has no such platform.",
            subject=str(self._platform),
            advice=f"It has {', '.join(map(str, have[:20]))}." if have else "",
        )


def inspect(
    end: Endpoint, clients: Clients, cancellation: Cancellation, platform: Platform | None = None
) -> Inspected:
    """Return all that is known about the image at *end*. Blocks.

    Raises LongshoreError: NotInRegistry and the like, InvalidInput without such a platform.
    """
    if isinstance(end.place, EnginePlace):
        return _of_engine(end, end.place, clients, platform)
    with Inspection(end, clients, cancellation, platform) as inspection:
        top = inspection.top()
        found = Inspected(
            end,
            digest=top.digest,
            media_type=top.media_type,
            artifact_type=top.artifact_type,
            annotations=tuple(sorted(top.annotations.items())),
        )
        if isinstance(top, Index) and not top.images:
            return found
        image = inspection.image(top)
        config = _config(inspection, image)
        return Inspected(
            end,
            digest=top.digest,
            media_type=top.media_type,
            artifact_type=found.artifact_type,
            platforms=inspection.sizes(top),
            manifest_digest=image.digest,
            config_digest=image.config.digest,
            platform=config.platform,
            size_compressed=image.compressed_size,
            created=config.created,
            author=config.author,
            run=config.run,
            labels=tuple(sorted(config.labels.items())),
            annotations=found.annotations,
            layers=tuple(Layer(one.digest, one.size, one.media_type) for one in image.layers),
        )


def _config(inspection: Inspection, image: Manifest) -> ImageConfig:
    """The configuration of *image*; empty for an artifact, whose configuration may be anything."""
    try:
        return ImageConfig.from_bytes(inspection.config(image))
    except DigestMismatch:
        raise
    except (NotInRegistry, NotInLibrary, InvalidContent, InvalidInput):
        return ImageConfig()


def _of_engine(end: Endpoint, place: EnginePlace, clients: Clients, platform: Platform | None) -> Inspected:
    found = clients.engine(place.address).image(end.name.asked)
    if platform is not None and found.platform is not None and not platform.matches(found.platform):
        raise InvalidInput(
            "An engine shows one platform of an image.",
            subject=str(platform),
            advice=f"It has {found.platform}.",
        )
    return Inspected(
        end,
        image_id=found.image_id,
        repo_digests=found.repo_digests,
        size_on_disk=found.size,
        platforms=tuple(
            PlatformSize(one.platform, "", one.size or None, one.here) for one in found.platforms
        ),
        platform=found.platform,
        created=found.created,
        author=found.author,
        run=RunConfig(
            found.entrypoint,
            found.command,
            found.environment,
            found.user,
            found.working_directory,
            found.ports,
        ),
        labels=found.labels,
        layers=tuple(Layer(digest) for digest in found.diff_ids),
    )
