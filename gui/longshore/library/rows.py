"""The images of a library as rows and details."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from longshore.errors import LongshoreError
from longshore.library.blobs import Contents
from longshore.library.collecting import Collector
from longshore.library.folder import LayoutFolder
from longshore.library.model import LibraryDetails, LibraryImage, LibraryPlatform
from longshore.oci.descriptor import Descriptor
from longshore.oci.image_config import ImageConfig
from longshore.oci.layout import LayoutEntry, LayoutIndex
from longshore.oci.manifest import ACCEPT, DOCKER_FOREIGN_LAYER, Index, Manifest
from longshore.oci.platform import Platform
from longshore.text import plain

#: The maximum nesting of indexes, and the maximum number of manifests read per image. Parts beyond count as missing,
#: since nothing is known about them.
DEEPEST = 8
MOST_MANIFESTS = 2_000
#: How often the list is read again because an image was removed during the reading.
_TRIES = 3


@dataclass(frozen=True, slots=True)
class _Part:
    """One manifest of an image: the only one, or a child of its index; *manifest* is None if it is unreadable."""

    platform: Platform | None
    digest: str
    size: int
    manifest: Manifest | None


@dataclass(slots=True)
class _Tree:
    """An image with everything it refers to.

    *sizes*: the required size of each content; None if no size would do, because it is unreadable or is referred to
    with two sizes.
    """

    parts: list[_Part] = field(default_factory=list)
    sizes: dict[str, int | None] = field(default_factory=dict)

    def need(self, part: Descriptor) -> None:
        """Add a content that the image refers to."""
        known = self.sizes.setdefault(part.digest, part.size)
        if known != part.size:
            self.sizes[part.digest] = None


class Rows:
    """Reads the rows and details of a library. Thread-safe; blocks."""

    def __init__(self, folder: LayoutFolder, contents: Contents, collector: Collector) -> None:
        self._folder = folder
        self._contents = contents
        self._collector = collector

    def images(self) -> list[LibraryImage]:
        """See Library."""
        for _ in range(_TRIES):
            index = self._folder.index()
            rows = self._images(index)
            # Missing contents may belong to an image that was removed during the reading.
            if not any(row.missing for row in rows) or self._folder.index() == index:
                break
        return sorted(rows, key=lambda row: (row.reference is None, row.reference or row.name or row.digest))

    def _images(self, index: LayoutIndex) -> list[LibraryImage]:
        if not index.entries:
            return []
        sizes = self._contents.sizes()
        known: dict[str, LibraryImage] = {}
        rows = []
        for entry in index.entries:
            digest = entry.descriptor.digest
            if digest not in known:
                known[digest] = self._row(entry, self._tree(digest), sizes)
            rows.append(self._renamed(known[digest], entry))
        return rows

    def details(self, entry: LayoutEntry) -> LibraryDetails:
        """See Library."""
        sizes = self._contents.sizes()
        digest = entry.descriptor.digest
        self._contents.manifest(digest)  # raises its error
        tree = self._tree(digest)
        shown = self._shown(tree.parts)
        index = self._folder.index()
        return LibraryDetails(
            image=self._renamed(self._row(entry, tree, sizes), entry),
            references=tuple(
                one.reference
                for one in index.entries
                if one.reference is not None and one.descriptor.digest == digest
            ),
            platforms=tuple(self._platform(part, sizes) for part in tree.parts),
            config=None if shown is None else self._config(shown),
            layers=() if shown is None else shown.layers,
            referrers=tuple(self.referrers(digest)),
        )

    def referrers(self, digest: str) -> list[Descriptor]:
        """See Library."""
        found: dict[str, Descriptor] = {}
        for entry in self._folder.index().entries:
            subject = self._collector.subject_of(entry)
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
        """The manifest's descriptor, with its platform if its configuration is present and has one."""
        config = self._config(manifest)
        return replace(manifest.descriptor, platform=None if config is None else config.platform)

    def _row(self, entry: LayoutEntry, tree: _Tree, sizes: Mapping[str, int]) -> LibraryImage:
        """The row of an image, regardless of its name."""
        shown = self._shown(tree.parts)
        config = None if shown is None else self._config(shown)
        platforms = [
            part.platform for part in tree.parts if part.platform is not None and part.platform.known
        ]
        return LibraryImage(
            reference=None,
            name="",
            digest=entry.descriptor.digest,
            media_type=entry.descriptor.media_type,
            created=None if config is None else config.created,
            size=sum(sizes.get(each, 0) for each in tree.sizes),
            platforms=tuple(dict.fromkeys(platforms)),
            missing=sum(size is None or sizes.get(each) != size for each, size in tree.sizes.items()),
        )

    def _renamed(self, row: LibraryImage, entry: LayoutEntry) -> LibraryImage:
        return replace(
            row,
            reference=entry.reference,
            name=plain(entry.ref_name) if entry.reference is None else "",
            media_type=entry.descriptor.media_type,
            subject=self._collector.attached_to(entry),
            artifact_type=plain(entry.descriptor.artifact_type),
        )

    def _tree(self, digest: str) -> _Tree:
        """The manifests of an image in the order of its indexes, without attestations, and everything they refer to."""
        tree = _Tree()
        # The children of each index, the last first: the next one is taken from the end.
        todo: list[tuple[Descriptor, Platform | None, int]] = []
        try:
            top = self._contents.manifest(digest)
        except LongshoreError:
            tree.sizes[digest] = None
            return tree
        tree.need(top.descriptor)
        if isinstance(top, Manifest):
            config = self._config(top)
            self._take(tree, top.descriptor, None if config is None else config.platform, top)
        else:
            todo += [(child, None, 1) for child in reversed(top.images)]
        read: dict[str, Manifest | Index | None] = {digest: top}
        while todo:
            child, above, depth = todo.pop()
            if child.media_type not in ACCEPT:
                continue
            tree.need(child)
            platform = child.platform or above
            again = child.digest in read
            if not again:
                bounded = depth <= DEEPEST and len(read) < MOST_MANIFESTS
                read[child.digest] = self._manifest(child) if bounded else None
            found = read[child.digest]
            if not isinstance(found, Index):
                self._take(tree, child, platform, found)
            elif not again:  # otherwise 30 indexes that refer to each other twice would give 2^30 paths
                todo += [(each, platform, depth + 1) for each in reversed(found.images)]
        return tree

    def _take(
        self, tree: _Tree, named: Descriptor, platform: Platform | None, manifest: Manifest | None
    ) -> None:
        tree.parts.append(_Part(platform, named.digest, named.size, manifest))
        if manifest is None:
            tree.sizes[named.digest] = None
            return
        for part in _contents_of(manifest):
            tree.need(part)

    def _manifest(self, child: Descriptor) -> Manifest | Index | None:
        try:
            return self._contents.manifest(child.digest)
        except LongshoreError:
            return None

    def _config(self, manifest: Manifest) -> ImageConfig | None:
        try:
            return self._contents.config(manifest)
        except LongshoreError:
            return None

    def _shown(self, parts: Iterable[_Part]) -> Manifest | None:
        """The manifest whose date and configuration represent the image: this machine's, or the first."""
        here = [part for part in parts if part.manifest is not None]
        for wanted in Platform.host().runs():
            for part in here:
                if part.platform is not None and wanted.matches(part.platform):
                    return part.manifest
        return here[0].manifest if here else None

    def _platform(self, part: _Part, sizes: Mapping[str, int]) -> LibraryPlatform:
        named = {part.digest: part.size}
        if part.manifest is not None:
            named |= {each.digest: each.size for each in _contents_of(part.manifest)}
        return LibraryPlatform(
            part.platform,
            part.digest,
            sum(sizes.get(each, 0) for each in named),
            part.manifest is not None and all(sizes.get(each) == size for each, size in named.items()),
        )


def _contents_of(manifest: Manifest) -> list[Descriptor]:
    # Foreign layers are fetched from elsewhere: an image without them is complete.
    return [part for part in (manifest.config, *manifest.layers) if not is_foreign(part)]


def is_foreign(part: Descriptor) -> bool:
    """Whether only the layer's vendor may distribute it (OCI image-spec, "Non-Distributable Layers")."""
    return (
        bool(part.urls) or part.media_type == DOCKER_FOREIGN_LAYER or ".nondistributable." in part.media_type
    )
