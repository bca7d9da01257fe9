"""Reads the images of an archive, and checks all its claims about them against its content.

A docker-archive lists them in ``manifest.json`` (moby image/spec, “Combined Image JSON + Filesystem Changeset Format”),
an oci-archive in ``index.json`` (image-spec image-layout.md). Engines from 25.0 on write both into one tar:
:mod:`longshore.archives.merging` merges them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from longshore.archives import failures
from longshore.archives.compression import Compression
from longshore.archives.merging import joined, merged, references_of, remarks_on
from longshore.archives.model import Archived, ArchivedImage, ArchiveFormat, Listing
from longshore.archives.scan import MANIFEST_FILE, Contents, Member
from longshore.archives.tarstream import oversized, within
from longshore.cancellation import Cancellation
from longshore.errors import ArchiveDamaged, InvalidContent, InvalidLayout, InvalidReference, LongshoreError
from longshore.oci.descriptor import Descriptor
from longshore.oci.image_config import ImageConfig
from longshore.oci.layout import INDEX_FILE, LAYOUT_FILE, LayoutEntry, LayoutIndex, check_layout_file
from longshore.oci.manifest import (
    DOCKER_CONFIG,
    OCI_CONFIG,
    OCI_LAYER,
    OCI_LAYER_GZIP,
    OCI_LAYER_ZSTD,
    OCI_MANIFEST,
    Index,
    Manifest,
    parse_manifest,
)
from longshore.text import plain

__all__ = ["Archived", "ArchivedImage", "Listing", "images_of", "made_manifest"]

#: The errors of parsing an invalid document.
_READ_WRONG = (InvalidContent, InvalidLayout, InvalidReference)
_IMAGE_CONFIGS = (OCI_CONFIG, DOCKER_CONFIG)
_LAYER_TYPES = {
    Compression.NONE: OCI_LAYER,
    Compression.GZIP: OCI_LAYER_GZIP,
    Compression.ZSTD: OCI_LAYER_ZSTD,
}
#: The maximum nesting of indexes below index.json.
_DEEPEST = 3
#: The maximum number of images and indexes, counted each time they are listed; and the number of layers that count as
#: one image.
_MOST_IMAGES = 10_000
_LIGHTER = 20


def images_of(contents: Contents, subject: str, cancellation: Cancellation) -> Listing:
    """The images in *contents*.

    Raises ArchiveDamaged if one is incomplete, NotAnArchive if there are none, and Cancelled. If docker's list is
    present too, broken entries of ``index.json`` are skipped, as the engines do.
    """
    reading = _Reading(contents, subject, cancellation)
    here = contents.members
    try:
        docker = list(reading.docker()) if MANIFEST_FILE in here else []
        # Some tools write an index.json without the marker; the marker without an index is no layout.
        oci = reading.oci(lenient=bool(docker)) if INDEX_FILE in here else []
    except _READ_WRONG as error:
        raise _as_damage(error, subject) from error
    found, differ = merged(oci, docker) if oci and docker else (oci or docker, False)
    if not found and LAYOUT_FILE in here and INDEX_FILE not in here:
        raise failures.incomplete(subject, f"{INDEX_FILE} is missing")
    if not found:
        raise failures.empty(subject, "it lists no images")
    kind = ArchiveFormat.DOCKER if MANIFEST_FILE in here else ArchiveFormat.OCI
    remarks = remarks_on(contents, differ=differ or (bool(docker) and reading.broken), absent=reading.absent)
    return Listing(kind, tuple(joined(found)), reading.documents, remarks)


def made_manifest(config: Member, layers: list[Descriptor]) -> Manifest:
    """A manifest for an image without one; deterministic."""
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": Descriptor(OCI_CONFIG, config.digest, config.size).to_json(),
        "layers": [layer.to_json() for layer in layers],
    }
    found = parse_manifest(json.dumps(document, separators=(",", ":")).encode(), OCI_MANIFEST)
    assert isinstance(found, Manifest)
    return found


def _as_damage(error: LongshoreError, subject: str) -> ArchiveDamaged:
    if isinstance(error, ArchiveDamaged):
        return error
    return failures.damaged(subject, f"{error.message} {error.detail}".strip())


class _Reading:
    """The state of reading one archive.

    *broken*: an entry of index.json was skipped. *absent*: digests that index.json lists and the archive does not have.
    """

    def __init__(self, contents: Contents, subject: str, cancellation: Cancellation) -> None:
        self.broken = False
        self.absent: list[str] = []
        self._contents = contents
        self._subject = subject
        self._cancellation = cancellation
        self._names = 0
        self._members = contents.by_digest()
        self._configs: dict[str, ImageConfig] = {}
        self._manifests: dict[tuple[str, str], Manifest | Index] = {}
        self._walked = 0
        self.documents = {contents.members[name].digest: raw for name, raw in contents.documents.items()}

    # A hostile list may name the same large document a hundred thousand times: each is read once.

    def _count(self, images: int) -> None:
        self._cancellation.raise_if_cancelled()
        self._walked += images
        if self._walked > _MOST_IMAGES:
            raise failures.excessive(self._subject, f"more than {_MOST_IMAGES} images, or too many layers")

    def _config(self, digest: str, raw: bytes) -> ImageConfig:
        if digest not in self._configs:
            self._configs[digest] = ImageConfig.from_bytes(raw)
        return self._configs[digest]

    def _manifest(self, wanted: Descriptor) -> Manifest | Index:
        raw, key = self._content(wanted), (wanted.digest, wanted.media_type)
        if key not in self._manifests:
            self._manifests[key] = parse_manifest(raw, wanted.media_type)
        return self._manifests[key]

    # -- docker-archive

    def docker(self) -> Iterator[Archived]:
        rows: Any = json.loads(self._named(MANIFEST_FILE))
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise failures.damaged(self._subject, f"{MANIFEST_FILE} is not a list of images")
        for row in rows:
            self._count(1)
            config_name, layer_names, tags = (
                row.get("Config"),
                row.get("Layers") or [],
                row.get("RepoTags") or [],
            )
            if (
                not isinstance(config_name, str)
                or not isinstance(layer_names, list)
                or not isinstance(tags, list)
                or not all(isinstance(text, str) for text in (*layer_names, *tags))
            ):
                raise failures.damaged(self._subject, f"{MANIFEST_FILE} describes an image in an unknown way")
            self._count(len(layer_names) // _LIGHTER)
            self._names += len(tags)
            if self._names > self._contents.limits.references:
                raise failures.excessive(
                    self._subject, f"more than {self._contents.limits.references} image names"
                )
            member = self._file(config_name)
            raw = self._named(config_name)
            self._check_name(config_name, member.digest)
            config = self._config(member.digest, raw)
            layers = [self._file(name) for name in layer_names]
            self._check_layers(config, layers)
            described = [
                Descriptor(_LAYER_TYPES[layer.compression], layer.digest, layer.size) for layer in layers
            ]
            manifest = made_manifest(member, described)
            self.documents |= {manifest.digest: manifest.raw, manifest.config.digest: raw}
            image = ArchivedImage(manifest, config, raw, config.platform)
            yield Archived(references_of(tags), manifest, (image,), made=True)

    def _named(self, name: str) -> bytes:
        """The document that the archive itself calls *name*."""
        raw = self._contents.documents.get(self._file(name).name)
        if raw is None:
            raise failures.damaged(self._subject, f"“{plain(name, 120)}” is not JSON, or is too large")
        return raw

    def _file(self, name: str) -> Member:
        if problem := oversized(name, self._contents.limits):
            raise failures.excessive(self._subject, f"an image refers to a file with {problem}")
        inside = within("", name)
        if inside is None:
            raise failures.hostile(
                self._subject, f"an image refers to “{plain(name, 200)}”, outside the archive"
            )
        found = self._contents.find(inside)
        if found is None:
            raise failures.incomplete(self._subject, f"“{plain(name, 200)}” is missing")
        return found

    def _check_name(self, name: str, digest: str) -> None:
        """Check the digest in a configuration's name, in every form that docker and others have used."""
        stem = name.rpartition("/")[2].removesuffix(".json")
        if (
            len(stem) == 64
            and all(char in "0123456789abcdef" for char in stem)
            and digest != f"sha256:{stem}"
        ):
            raise failures.damaged(self._subject, f"“{plain(name, 120)}” hashes to {digest}")

    def _check_layers(self, config: ImageConfig, layers: list[Member]) -> None:
        if len(config.diff_ids) != len(layers):
            raise failures.damaged(
                self._subject,
                f"an image lists {len(config.diff_ids)} layers, and the archive has {len(layers)} of them",
            )
        for diff_id, layer in zip(config.diff_ids, layers, strict=True):
            if layer.diff_id != diff_id:
                raise failures.damaged(
                    self._subject,
                    f"the layer “{plain(layer.name, 120)}” is {layer.diff_id} instead of {diff_id}",
                )

    # -- oci-archive

    def oci(self, *, lenient: bool) -> list[Archived]:
        """The entries of index.json. *lenient*: skip broken entries, since there is another list."""
        found = []
        try:
            if LAYOUT_FILE in self._contents.members:
                check_layout_file(self._named(LAYOUT_FILE))
            entries = LayoutIndex.parse(self._named(INDEX_FILE)).entries
        except (*_READ_WRONG, ArchiveDamaged):
            if not lenient:
                raise
            self.broken, entries = True, ()
        for entry in entries:
            try:
                found.append(self._listed(entry))
            except _NoManifest as error:
                self.broken = True
                if not lenient:
                    self.absent.append(entry.descriptor.digest)
                if not lenient and len(self.absent) == len(entries):
                    raise error from None
            except (*_READ_WRONG, ArchiveDamaged):
                if not lenient:
                    raise
                self.broken = True
        return found

    def _listed(self, entry: LayoutEntry) -> Archived:
        if entry.descriptor.digest not in self._members:
            what = self._absent(entry.descriptor)
            raise _NoManifest(what.message, subject=what.subject, advice=what.advice, detail=what.detail)
        below = _Below()
        top = self._walk(entry.descriptor, below, 0)
        if below.missing and not below.images:
            raise failures.incomplete(self._subject, f"no platform of {top.digest} is complete")
        return Archived(
            () if entry.reference is None else (entry.reference,),
            top,
            tuple(below.images),
            tuple(below.missing),
            indexes=tuple(index for index in below.indexes if index.digest != top.digest),
            ref_names=(entry.ref_name,) if entry.ref_name else (),
        )

    def _walk(self, wanted: Descriptor, below: _Below, depth: int) -> Manifest | Index:
        self._count(1)
        found = self._manifest(wanted)
        if isinstance(found, Manifest):
            below.images.append(self._image(found, wanted))
            return found
        below.indexes.append(found)
        if depth >= _DEEPEST:
            raise failures.excessive(self._subject, "indexes are nested too deeply")
        for child in found.manifests:
            try:
                self._walk(child, below, depth + 1)
            except _Absent:
                below.missing.append(child)
        if not depth and not below.images and not below.missing:
            raise failures.incomplete(self._subject, f"the index {found.digest} is empty")
        return found

    def _image(self, manifest: Manifest, wanted: Descriptor) -> ArchivedImage:
        raw = self._content(manifest.config)
        here: list[Member] = []
        for layer in manifest.layers:
            member = self._members.get(layer.digest)
            if member is None and not layer.urls:
                raise self._absent(layer)
            if member is not None and member.size != layer.size:
                raise failures.damaged(
                    self._subject, f"{layer.digest} has {member.size} bytes instead of {layer.size}"
                )
            if member is not None:
                here.append(member)
        whole = len(here) == len(manifest.layers)
        if manifest.config.media_type not in _IMAGE_CONFIGS:
            return ArchivedImage(manifest, None, raw, wanted.platform, whole)
        config = self._config(manifest.config.digest, raw)
        platform = wanted.platform or config.platform
        # Signatures and attestations have configurations of images, but layers that are not tars.
        tars = all(".tar" in layer.media_type for layer in manifest.layers)
        if tars and not wanted.is_attestation and whole and config.diff_ids:
            self._check_layers(config, here)
        return ArchivedImage(manifest, config, raw, platform, whole)

    def _content(self, wanted: Descriptor) -> bytes:
        """The document that *wanted* describes."""
        raw = self.documents.get(wanted.digest)
        if raw is None:
            if wanted.digest in self._members:
                raise failures.damaged(self._subject, f"{wanted.digest} is not JSON, or is too large")
            raise self._absent(wanted)
        if len(raw) != wanted.size:
            raise failures.damaged(
                self._subject, f"{wanted.digest} has {len(raw)} bytes instead of {wanted.size}"
            )
        return raw

    def _absent(self, wanted: Descriptor) -> LongshoreError:
        what = failures.incomplete(self._subject, f"{wanted.digest} is missing")
        return _Absent(what.message, subject=what.subject, advice=what.advice, detail=what.detail)


@dataclass(slots=True)
class _Below:
    """The content below an entry of index.json."""

    images: list[ArchivedImage] = field(default_factory=list)
    missing: list[Descriptor] = field(default_factory=list)
    indexes: list[Index] = field(default_factory=list)


class _Absent(ArchiveDamaged):
    """A part is missing; within an index that need not be an error."""


class _NoManifest(ArchiveDamaged):
    """An entry of index.json has no manifest in the archive; the engines load the others."""
