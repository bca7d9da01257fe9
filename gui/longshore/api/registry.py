"""A registry, as programs see it."""

from __future__ import annotations

import os
from types import TracebackType
from typing import TYPE_CHECKING, Self

from longshore.api.manifest import Manifest, has_platform, public
from longshore.api.transferring import OnProgress, Result, name_of, platform_of, transfer
from longshore.application.session import Session
from longshore.cancellation import Cancellation
from longshore.errors import InvalidInput, InvalidRegistryName
from longshore.oci.descriptor import Descriptor
from longshore.oci.manifest import Index
from longshore.oci.platform import Platform
from longshore.oci.reference import DOCKER_HUB, Reference
from longshore.registry.config import parse_registry
from longshore.transfers.errors import no_platform
from longshore.words.front_ends import for_programs

if TYPE_CHECKING:
    from longshore.registry.client import RegistryClient


class Registry:
    """The registry at *host*: ``docker.io``, ``ghcr.io``, ``registry.example:5000``; ``http://host`` without TLS.

    Signs in with the credentials that ``docker login`` or Longshore stored, and uses the user's settings for this
    registry (certificates). Nothing is connected before the first call. A context manager, which closes it.

    Images are named as the registry names them (``org/app:1.2``, ``org/app@sha256:…``), in full, or by a Reference.
    May be used from several threads at once. Every call blocks, and raises LongshoreError (see ``longshore.errors``) or
    Cancelled.
    """

    @for_programs()
    def __init__(self, host: str = DOCKER_HUB) -> None:
        config = parse_registry(str(name_of(host)))
        if config.namespace:
            raise InvalidRegistryName(
                "A registry is named by its host.", subject=host, advice=f"Use {config.host}."
            )
        self.host = config.host
        self._closed = False
        self._session = Session(dict(os.environ), registries=[config], history=False)
        self._registry = self._session.clients.registry(self.host)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Registry({self.host!r})"

    def close(self) -> None:
        """Close idle connections. Running calls continue; new ones raise InvalidInput."""
        self._closed = True
        self._session.close()

    def _check_open(self) -> None:
        if self._closed:
            raise InvalidInput("This Registry is closed.", subject=self.host, advice="Make another one.")

    @property
    def _client(self) -> RegistryClient:
        self._check_open()
        return self._registry

    @for_programs()
    def reference(self, image: str | Reference) -> Reference:
        """The full reference of *image*. Raises InvalidReference, or InvalidInput if it is in another registry."""
        image = name_of(image)
        if isinstance(image, str):
            first, slash, _ = image.partition("/")
            if slash and ":" in first and first != self.host:  # a port: no part of a path
                image = Reference.parse(image)
            else:
                image = Reference.parse(f"{self.host}/{image.removeprefix(f'{self.host}/')}")
        if image.domain != self.host:
            raise InvalidInput("The image is in another registry.", subject=str(image))
        return image

    @for_programs()
    def tags(self, repository: str | Reference, *, cancellation: Cancellation | None = None) -> list[str]:
        """All tags of *repository*, in the registry's order. One request a page."""
        path = self.reference(repository).path
        found: dict[str, None] = {}
        page: str | None = None
        while True:
            listed = self._client.tags(path, page, cancellation=cancellation)
            found |= dict.fromkeys(listed.items)
            page = listed.next
            if page is None:
                return list(found)

    @for_programs()
    def repositories(self, *, cancellation: Cancellation | None = None) -> list[str]:
        """All repositories of the registry's catalogue. Raises ListingUnsupported if it has none for this user."""
        found: dict[str, None] = {}
        page: str | None = None
        while True:
            listed = self._client.repositories(page, 1000, cancellation=cancellation)
            found |= dict.fromkeys(listed.items)
            page = listed.next
            if page is None:
                return list(found)

    @for_programs()
    def head(self, image: str | Reference, *, cancellation: Cancellation | None = None) -> Descriptor | None:
        """Digest, size and media type of *image* (default tag ``latest``), without its content; None if there is none.

        One request, which Docker Hub does not count as a pull.
        """
        return self._client.head(self.reference(image), cancellation=cancellation)

    @for_programs()
    def manifest(
        self,
        image: str | Reference,
        *,
        platform: str | Platform | None = None,
        cancellation: Cancellation | None = None,
    ) -> Manifest:
        """The manifest of *image* (default tag ``latest``), verified; with *platform* that of its image for it.

        One request, one more for *platform*, and one more for the platform of a single image, which only its
        configuration names. Raises NotInRegistry; InvalidManifest for content that cannot be read, and if no image is
        for *platform*.
        """
        named = self.reference(image)
        found = self._client.manifest(named, cancellation=cancellation)
        if platform is not None and isinstance(found, Index):
            wanted = platform_of(platform)
            child = found.select(wanted)
            if child is None:
                raise no_platform([wanted], found.platforms, str(named))
            found = self._client.manifest(named.path, child.digest, cancellation=cancellation)
        if isinstance(found, Index):
            return public(found)
        of_image: Platform | None = None
        if has_platform(found):
            of_image = self._client.config(named, found, cancellation=cancellation).platform
        if platform is not None and of_image is not None and not platform_of(platform).matches(of_image):
            raise no_platform([platform_of(platform)], [of_image], str(named))
        return public(found, of_image)

    @for_programs()
    def copy(
        self,
        image: str | Reference,
        destination: str | Reference,
        *,
        platform: str | Platform | None = None,
        referrers: bool = False,
        replace: bool = False,
        history: bool = False,
        progress: OnProgress | None = None,
        cancellation: Cancellation | None = None,
    ) -> Result:
        """Copy *image* from this registry to any *destination*; see :func:`longshore.transfer`."""
        self._check_open()
        return transfer(
            self.reference(image),
            destination,
            platform=platform,
            referrers=referrers,
            replace=replace,
            history=history,
            progress=progress,
            cancellation=cancellation,
        )
