"""The OCI image layout: its files, and how its ``index.json`` names images (image-spec image-layout.md,
annotations.md). The library keeps a layout in a folder, an oci-archive keeps one in a tar.

Each name is written twice. ``org.opencontainers.image.ref.name`` holds the whole reference, as crane and podman write
it and as skopeo looks it up (``oci:FOLDER:NAME``): a tag alone would not tell the ``latest`` of one repository from
that of another. Only a person who names a folder or a tar as skopeo does chooses another ``ref.name``, which skopeo
then finds. ``io.containerd.image.name`` holds it too, because containerd and docker read that one on load.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from longshore.errors import InvalidLayout, InvalidManifest, InvalidReference
from longshore.oci.descriptor import Descriptor
from longshore.oci.digest import check_digest
from longshore.oci.foreign_json import Bounds, parse_json
from longshore.oci.manifest import OCI_INDEX
from longshore.oci.reference import Reference
from longshore.text import plain

LAYOUT_FILE = "oci-layout"
INDEX_FILE = "index.json"
BLOBS = "blobs"
LAYOUT_VERSION = "1.0.0"
#: Most bytes read from each of the two files. An entry has 250 to 500, so this allows some 40,000 to 60,000 images.
LARGEST_LAYOUT_FILE = 64 * 1024
LARGEST_INDEX = 16 * 1024 * 1024
#: An entry written by Longshore has 3 objects and some 20 values.
_BOUNDS = Bounds(values=2_000_000, containers=400_000)

REF_NAME = "org.opencontainers.image.ref.name"
IMAGE_NAME = "io.containerd.image.name"
_NAMES = (REF_NAME, IMAGE_NAME)


def blob_path(digest: str) -> str:
    """The path of a blob, relative to the layout: ``blobs/sha256/<hex>``. Any thread.

    Never leads out of the layout: raises InvalidReference unless *digest* is a digest of a registered algorithm.
    """
    algorithm, _, encoded = check_digest(digest).partition(":")
    return f"{BLOBS}/{algorithm}/{encoded}"


def layout_file() -> bytes:
    """The content of the file ``oci-layout``."""
    return json.dumps({"imageLayoutVersion": LAYOUT_VERSION}).encode()


def check_layout_file(raw: bytes) -> None:
    """Raise InvalidLayout unless *raw* marks a layout of version 1."""
    document = _document(raw, LAYOUT_FILE, LARGEST_LAYOUT_FILE)
    version = document.get("imageLayoutVersion")
    if not isinstance(version, str) or version.partition(".")[0] != "1":
        raise InvalidLayout(
            "The version of the image layout is not supported.",
            detail=f"imageLayoutVersion is {plain(repr(version), 80)} instead of {LAYOUT_VERSION}",
        )


@dataclass(frozen=True, slots=True)
class LayoutEntry:
    """One entry of ``index.json``: an image and its name in the layout. Immutable, any thread.

    *reference*: the name as a reference, None if there is no name or only a tag. *ref_name*: the annotation unchanged,
    untrusted, "" without one. *fields*: the JSON as it was read, so that writing it again loses nothing.
    """

    descriptor: Descriptor
    reference: Reference | None = None
    ref_name: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict, hash=False, compare=False, repr=False)

    @classmethod
    def named(cls, descriptor: Descriptor, reference: Reference | None, ref_name: str = "") -> LayoutEntry:
        """An entry for *descriptor* with the name *reference*, or without a name. Earlier names are removed.

        *ref_name*: what other tools look up, if it is not the whole reference.
        """
        annotations = {key: text for key, text in descriptor.annotations.items() if key not in _NAMES}
        if reference is not None:
            annotations |= {REF_NAME: ref_name or str(reference), IMAGE_NAME: str(reference)}
        bare = replace(descriptor, annotations=annotations)
        return cls(bare, reference, annotations.get(REF_NAME, ""), bare.to_json())

    def renamed(self, reference: Reference | None) -> LayoutEntry:
        """The same image under another name. All other fields of the entry are kept."""
        entry = LayoutEntry.named(self.descriptor, reference)
        annotations = entry.fields.get("annotations")
        fields = {key: value for key, value in self.fields.items() if key != "annotations"}
        return replace(entry, fields=fields | ({"annotations": annotations} if annotations else {}))


@dataclass(frozen=True, slots=True)
class LayoutIndex:
    """The content of ``index.json``: the images of a layout. Immutable, any thread.

    An image with two names has two entries. An entry without a name keeps its digest in the layout.
    """

    entries: tuple[LayoutEntry, ...] = ()
    fields: Mapping[str, Any] = field(default_factory=dict, hash=False, compare=False, repr=False)

    @classmethod
    def parse(cls, raw: bytes) -> LayoutIndex:
        """Parse *raw*. Raises InvalidLayout if it is not an index or is too large."""
        document = _document(raw, INDEX_FILE, LARGEST_INDEX)
        listed = document.get("manifests")
        if document.get("schemaVersion") != 2 or not isinstance(listed, list | None):
            raise InvalidLayout(
                "The image layout's index is broken.", detail=f"{INDEX_FILE} is not an image index"
            )
        try:
            entries = tuple(_entries(listed or []))
        except InvalidManifest as error:
            raise InvalidLayout("The image layout's index is broken.", detail=error.detail) from error
        return cls(entries, {key: value for key, value in document.items() if key != "manifests"})

    def to_bytes(self) -> bytes:
        """The file's content."""
        document = {"schemaVersion": 2, "mediaType": OCI_INDEX, **self.fields}
        document["manifests"] = [dict(entry.fields) or entry.descriptor.to_json() for entry in self.entries]
        try:
            return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
        except UnicodeEncodeError:  # half of a surrogate pair, which only an escape can express
            return json.dumps(document, separators=(",", ":")).encode()

    def find(self, reference: Reference) -> LayoutEntry | None:
        """The entry with exactly this name, or else an entry with the digest of *reference*, if it has one."""
        for entry in self.entries:
            if entry.reference == reference:
                return entry
        if reference.digest is None:
            return None
        return next((entry for entry in self.entries if entry.descriptor.digest == reference.digest), None)

    def find_ref_name(self, ref_name: str) -> LayoutEntry | None:
        """The first entry with exactly this text as its ``ref.name``, as skopeo finds it."""
        return next((entry for entry in self.entries if ref_name and entry.ref_name == ref_name), None)

    def with_entry(self, entry: LayoutEntry) -> LayoutIndex:
        """A copy with *entry*, which replaces the entry of the same name or an unnamed entry of the same image."""
        kept: list[LayoutEntry] = []
        place = None
        for other in self.entries:
            same = entry.reference is not None and other.reference == entry.reference
            # As another tool has named it: no reference, only the text.
            same = same or (
                other.reference is None and bool(other.ref_name) and other.ref_name == entry.ref_name
            )
            if same or (other.reference is None and not other.ref_name and _same(other, entry)):
                place = len(kept) if place is None else place
                continue
            kept.append(other)
        kept.insert(len(kept) if place is None else place, entry)
        return replace(self, entries=tuple(kept))

    def without(self, *gone: LayoutEntry) -> LayoutIndex:
        """A copy without the entries *gone*."""
        left_out = set(gone)  # thousands of entries can be removed at once
        return replace(self, entries=tuple(entry for entry in self.entries if entry not in left_out))


def _same(one: LayoutEntry, other: LayoutEntry) -> bool:
    return one.descriptor.digest == other.descriptor.digest


def _entries(listed: list[Any]) -> Iterator[LayoutEntry]:
    for number, item in enumerate(listed):
        descriptor = Descriptor.from_json(item, what=f"{INDEX_FILE}: manifests[{number}]")
        ref_name = descriptor.annotations.get(REF_NAME, "")
        reference = _reference(descriptor.annotations.get(IMAGE_NAME, "")) or _reference(ref_name)
        yield LayoutEntry(descriptor, reference, ref_name, item)


def _reference(text: str) -> Reference | None:
    """The reference in an annotation; None for a tag alone, which names no repository."""
    if not any(mark in text for mark in "/:@"):
        return None
    try:
        return Reference.parse(text).with_default_tag()
    except InvalidReference:
        return None


def _document(raw: bytes, name: str, largest: int) -> dict[str, Any]:
    if len(raw) > largest:
        raise InvalidLayout(
            "The image layout is broken.", detail=f"{name} has {len(raw)} bytes; the limit is {largest}"
        )
    try:
        document = parse_json(raw, _BOUNDS)
    except ValueError as error:
        raise InvalidLayout("The image layout is broken.", detail=f"{name}: {error}") from error
    if not isinstance(document, dict):
        raise InvalidLayout("The image layout is broken.", detail=f"{name} is not a JSON object")
    return document
