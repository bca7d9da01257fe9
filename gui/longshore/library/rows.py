"""The images of a library as rows and details."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from longshore.library.contents import Contents
from longshore.library.folder import LayoutFolder
from longshore.library.model import LibraryDetails, LibraryImage, LibraryPlatform
from longshore.oci.descriptor import Descriptor
from longshore.oci.errors import InvalidContent, LibraryDamaged, LongshoreError, NotInLibrary
from longshore.oci.image_config import ImageConfig
from longshore.oci.layout import LayoutEntry
from longshore.oci.manifest import ACCEPT, DOCKER_FOREIGN_LAYER, Index, Manifest
from longshore.oci.platform import Platform
from longshore.oci.text import plain

_UNREADABLE = (NotInLibrary, LibraryDamaged, InvalidContent)


@dataclass(frozen=True, slots=True)
class _Part:
    """One manifest of an image: the only one, or a child of its index; *manifest* None if it is not here."""

    platform: Platform | None
    digest: str
    manifest: Manifest | None


class Rows:
    """Reads what is shown of a library. Thread-safe; blocks."""

    def __init__(self, folder: LayoutFolder, contents: Contents) -> None:
        self._folder = folder
        self._contents = contents

    def images(self) -> list[LibraryImage]:
        """See Library."""
        index = self._folder.index()
        if not index.entries:
            return []
        sizes = self._contents.sizes()
        rows = [self._row(entry, sizes) for entry in index.entries]
        return sorted(rows, key=lambda row: (row.reference is None, row.reference or row.name or row.digest))

    def details(self, entry: LayoutEntry) -> LibraryDetails:
        """See Library."""
        sizes = self._contents.sizes()
        digest = entry.descriptor.digest
        self._contents.manifest(digest)  # for its error
        parts = self._parts(digest)
        shown = self._shown(parts)
        index = self._folder.index()
        return LibraryDetails(
            image=self._row(entry, sizes),
            references=tuple(
                one.reference
                for one in index.entries
                if one.reference is not None and one.descriptor.digest == digest
            ),
            platforms=tuple(self._platform(part, sizes) for part in parts),
            config=None if shown is None else self._config(shown),
            layers=() if shown is None else shown.layers,
            referrers=tuple(self.referrers(digest)),
        )

    def referrers(self, digest: str) -> list[Descriptor]:
        """See Library."""
        found: dict[str, Descriptor] = {}
        for entry in self._folder.index().entries:
            subject = self._contents.subject_of(entry)
            if subject is None or subject.digest != digest:
                continue
            manifest = self._contents.manifest(entry.descriptor.digest)
            kind = manifest.artifact_type
            if not kind and isinstance(manifest, Manifest):
                kind = manifest.config.media_type  # distribution-spec, "Listing Referrers"
            found[manifest.digest] = replace(
                manifest.descriptor, artifact_type=kind, annotations=manifest.annotations
            )
        return list(found.values())

    def with_platform(self, manifest: Manifest) -> Descriptor:
        """The manifest's descriptor, with its platform where its configuration is here and names one."""
        config = self._config(manifest)
        return replace(manifest.descriptor, platform=None if config is None else config.platform)

    def _row(self, entry: LayoutEntry, sizes: Mapping[str, int]) -> LibraryImage:
        digest = entry.descriptor.digest
        parts = self._parts(digest)
        named = {digest}
        for part in parts:
            named.add(part.digest)
            if part.manifest is not None:
                named.update(_contents_of(part.manifest))
        shown = self._shown(parts)
        config = None if shown is None else self._config(shown)
        platforms = [part.platform for part in parts if part.platform is not None and part.platform.known]
        return LibraryImage(
            reference=entry.reference,
            name=plain(entry.ref_name) if entry.reference is None else "",
            digest=digest,
            media_type=entry.descriptor.media_type,
            created=None if config is None else config.created,
            size=sum(sizes.get(each, 0) for each in named),
            platforms=tuple(dict.fromkeys(platforms)),
            missing=sum(each not in sizes for each in named),
            subject=self._contents.attached_to(entry),
            artifact_type=plain(entry.descriptor.artifact_type),
        )

    def _parts(self, digest: str) -> list[_Part]:
        """The manifests of an image, attestations left out, in the order of its index."""
        try:
            found = self._contents.manifest(digest)
        except _UNREADABLE:
            return []
        if isinstance(found, Manifest):
            config = self._config(found)
            return [_Part(None if config is None else config.platform, digest, found)]
        return [
            _Part(child.platform, child.digest, self._manifest(child))
            for child in found.images
            if child.media_type in ACCEPT
        ]

    def _manifest(self, child: Descriptor) -> Manifest | None:
        try:
            found = self._contents.manifest(child.digest)
        except _UNREADABLE:
            return None
        return None if isinstance(found, Index) else found

    def _config(self, manifest: Manifest) -> ImageConfig | None:
        try:
            return self._contents.config(manifest)
        except LongshoreError:
            return None

    def _shown(self, parts: Iterable[_Part]) -> Manifest | None:
        """The manifest whose date and configuration stand for the image: this machine's, or the first."""
        here = [part for part in parts if part.manifest is not None]
        for wanted in Platform.host().runs():
            for part in here:
                if part.platform is not None and wanted.matches(part.platform):
                    return part.manifest
        return here[0].manifest if here else None

    def _platform(self, part: _Part, sizes: Mapping[str, int]) -> LibraryPlatform:
        named = {part.digest} | (set() if part.manifest is None else _contents_of(part.manifest))
        return LibraryPlatform(
            part.platform,
            part.digest,
            sum(sizes.get(each, 0) for each in named),
            part.manifest is not None and all(each in sizes for each in named),
        )


def _contents_of(manifest: Manifest) -> set[str]:
    # Foreign layers are fetched from elsewhere: that they are not here is no lack.
    return {part.digest for part in (manifest.config, *manifest.layers) if not is_foreign(part)}


def is_foreign(part: Descriptor) -> bool:
    """Whether a layer is one that only its own vendor may hand out (OCI image-spec, "Non-Distributable Layers")."""
    return (
        bool(part.urls) or part.media_type == DOCKER_FOREIGN_LAYER or ".nondistributable." in part.media_type
    )
