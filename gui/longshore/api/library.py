"""The library of images on disk, as programs see it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from longshore.api.manifest import Manifest, has_platform, public
from longshore.api.transferring import REPLACE, OnProgress, Result, name_of, opened, platform_of, run
from longshore.application import places, requests
from longshore.application.session import Session
from longshore.cancellation import Cancellation
from longshore.errors import InvalidInput
from longshore.library.library import Library as Folder
from longshore.library.model import LibraryImage
from longshore.oci.manifest import Index
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.transfers.transfer import ArchivePlace, Endpoint, LibraryPlace
from longshore.words.front_ends import for_programs


class Library:
    """An OCI image layout in a folder, which needs no engine, and which other programs may use at the same time.

    *path*: the folder; by default the library that the window and the command line use. The first pull creates it.

    Images are named by references or by their digest (``sha256:…``). May be used from several threads and processes at
    once. Every call blocks and raises LongshoreError (see ``longshore.errors``). The options of transfers are those of
    :func:`longshore.transfer`.
    """

    @for_programs()
    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        if path is None:
            with opened() as session:
                self._place = session.library()
        else:
            self._place = LibraryPlace(Path(path).absolute())
        self._folder = Folder(self._place.path)

    def __repr__(self) -> str:
        return f"Library({str(self.path)!r})"

    @property
    def path(self) -> Path:
        """The absolute path of the folder."""
        return self._place.path

    @for_programs()
    def images(self) -> list[LibraryImage]:
        """All images, sorted by name, without signatures and SBOMs, which belong to an image."""
        return [image for image in self._folder.images() if not image.subject]

    @for_programs()
    def manifest(self, image: str | Reference) -> Manifest:
        """The manifest of *image*. Raises NotInLibrary, LibraryDamaged."""
        found = self._folder.manifest(self._folder.entry(_named(image)).descriptor.digest)
        if isinstance(found, Index) or not has_platform(found):
            return public(found)
        return public(found, self._folder.config(found).platform)

    @for_programs()
    def pull(
        self,
        image: str | Reference,
        *,
        platform: str | Platform | None = None,
        all_platforms: bool = False,
        history: bool = False,
        progress: OnProgress | None = None,
        cancellation: Cancellation | None = None,
    ) -> Result:
        """Pull *image* from its registry, under the same name: its image for this machine's platform, or *platform*;
        with *all_platforms* the whole image, unchanged."""
        if all_platforms and platform is not None:
            raise InvalidInput(
                "A platform and all platforms exclude each other.", advice="Choose one of them."
            )
        wanted = None if platform is None else platform_of(platform)
        image = name_of(image)
        reference = image if isinstance(image, Reference) else Reference.parse(image)
        with opened(history=history) as session:
            request = requests.pull(reference, self._place, wanted, whole=all_platforms)
            return run(session, request, progress, cancellation)

    @for_programs()
    def push(
        self,
        image: str | Reference,
        target: str | Reference | None = None,
        *,
        history: bool = False,
        progress: OnProgress | None = None,
        cancellation: Cancellation | None = None,
    ) -> Result:
        """Push *image* as *target*, a reference in any registry; by default under its own name."""
        with self._source(image, history=history) as (session, source):
            if target is None:
                if source.reference is None:
                    raise InvalidInput(
                        "The image has no name.", subject=str(image), advice="Name the target."
                    )
                target = source.reference
            target = name_of(target)
            if isinstance(target, str):
                places.check_target(target)
            named = target if isinstance(target, Reference) else Reference.parse(target)
            request = requests.push(source, named.with_default_tag())
            return run(session, request, progress, cancellation)

    @for_programs()
    def save(
        self,
        image: str | Reference,
        file: str | os.PathLike[str],
        *,
        format: str = "docker",
        platform: str | Platform | None = None,
        replace: bool = False,
        history: bool = False,
        progress: OnProgress | None = None,
        cancellation: Cancellation | None = None,
    ) -> Result:
        """Save *image* to an archive, of the *format* ``docker`` (as ``docker save``) or ``oci``.

        The file appears under its name when it is complete. Raises InvalidInput if it exists, unless *replace*.
        """
        if format not in ("docker", "oci"):
            raise InvalidInput("The format is docker or oci.", subject=format)
        archive = ArchivePlace(Path(file).absolute(), format)
        if not replace:
            places.check_free(archive, REPLACE)
        wanted = None if platform is None else platform_of(platform)
        with self._source(image, history=history) as (session, source):
            request = requests.save(source, archive, wanted)
            return run(session, request, progress, cancellation)

    @for_programs()
    def remove(self, image: str | Reference) -> int:
        """Remove a name (for a digest: all names of the image), and return the bytes freed on disk."""
        return self._folder.remove(_named(image)).bytes

    @contextmanager
    def _source(self, image: str | Reference, *, history: bool) -> Iterator[tuple[Session, Endpoint]]:
        """A session, and *image* as the source of a transfer. Raises NotInLibrary."""
        with opened(history=history) as session:
            yield session, places.local_end(session, self._place, str(name_of(image)))


def _named(image: str | Reference) -> Reference | str:
    image = name_of(image)
    if isinstance(image, Reference) or image.startswith("sha256:"):
        return image
    return Reference.parse(image)
