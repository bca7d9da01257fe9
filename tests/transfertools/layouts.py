"""Images for the library's tests: small, with correct digests, and stored as a transfer stores them."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from longshore.cancellation import Cancellation
from longshore.library.leases import Lease
from longshore.library.library import Library
from longshore.oci.descriptor import Descriptor
from longshore.oci.digest import sha256_of
from longshore.oci.manifest import (
    OCI_CONFIG,
    OCI_INDEX,
    OCI_LAYER,
    OCI_MANIFEST,
    Index,
    Manifest,
    parse_manifest,
)
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.transfers.transfer import (
    Endpoint,
    LibraryPlace,
    Operation,
    RegistryPlace,
    TransferRequest,
)

NAME = Reference.parse("127.0.0.1:5000/team/app:1")
CREATED = "2024-05-06T07:08:09Z"


def noise(size: int, seed: object) -> bytes:
    """Return *size* pseudo-random bytes, the same for the same seed."""
    return hashlib.shake_256(repr(seed).encode()).digest(size)


@dataclass(frozen=True)
class Made:
    """An image: its manifest, and its blobs by digest."""

    manifest: Manifest
    blobs: dict[str, bytes]

    @property
    def digests(self) -> set[str]:
        return {self.manifest.digest, *self.blobs}


def image(*layers: bytes, platform: str = "linux/amd64", subject: Descriptor | None = None) -> Made:
    """Return an image with these layers."""
    system, architecture = platform.split("/")
    config = json.dumps(
        {
            "architecture": architecture,
            "os": system,
            "created": CREATED,
            "rootfs": {"type": "layers", "diff_ids": [sha256_of(layer) for layer in layers]},
        }
    ).encode()
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": Descriptor(OCI_CONFIG, sha256_of(config), len(config)).to_json(),
        "layers": [Descriptor(OCI_LAYER, sha256_of(layer), len(layer)).to_json() for layer in layers],
    }
    if subject is not None:
        document["subject"] = subject.to_json()
        document["artifactType"] = "application/vnd.example.signature"
    manifest = parse_manifest(json.dumps(document).encode(), OCI_MANIFEST)
    assert isinstance(manifest, Manifest)
    return Made(manifest, {sha256_of(blob): blob for blob in (config, *layers)})


def index(*children: tuple[str, Made]) -> Index:
    """Return an index of these images, each with its platform."""
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [
            made.manifest.descriptor.to_json()
            | {"platform": dict(zip(("os", "architecture"), name.split("/"), strict=True))}
            for name, made in children
        ],
    }
    found = parse_manifest(json.dumps(document).encode(), OCI_INDEX)
    assert isinstance(found, Index)
    return found


def whole(blob: bytes) -> object:
    """Return a source with the complete *blob*."""

    @contextlib.contextmanager
    def source(offset: int) -> Iterator[Iterable[bytes]]:
        yield (blob[at : at + 1000] for at in range(offset, len(blob), 1000))

    return source


def put_blobs(library: Library, made: Made, lease: Lease) -> None:
    """Store the blobs of an image in the library."""
    for part in (made.manifest.config, *made.manifest.layers):
        library.receive(part, whole(made.blobs[part.digest]), lease, Cancellation())  # type: ignore[arg-type]


def put(library: Library, made: Made, name: Reference | None = NAME) -> str:
    """Store an image in the library under a name."""
    lease = library.lease()
    try:
        put_blobs(library, made, lease)
        return library.put(made.manifest, lease, name)
    finally:
        lease.close()


def put_index(library: Library, found: Index, *images: Made, name: Reference = NAME) -> str:
    """Store an index in the library, with these of its images."""
    lease = library.lease()
    try:
        for made in images:
            put_blobs(library, made, lease)
            library.put(made.manifest, lease)
        return library.put(found, lease, name)
    finally:
        lease.close()


def blobs_of(library: Library) -> set[str]:
    """Return the digests of the blobs in the folder."""
    return {f"sha256:{path.name}" for path in (library.path / "blobs" / "sha256").iterdir()}


@dataclass(frozen=True)
class OnDisk:
    """The files in a library's folder. *partial*: bytes of interrupted downloads."""

    bytes: int
    blobs: int
    partial: int


def on_disk(library: Library) -> OnDisk:
    """Return what the folder contains now; files may come and go meanwhile."""

    def sizes(pattern: str) -> list[int]:
        found = []
        for path in library.path.glob(pattern):
            with contextlib.suppress(FileNotFoundError):
                found.append(path.lstat().st_size)
        return found

    blobs = sizes("blobs/*/*")
    return OnDisk(sum(blobs), len(blobs), sum(sizes(".longshore/ingest/*.part")))


HOST = str(Platform.host())


def place(name: str | Library, reference: str = "") -> Endpoint:
    """Return an endpoint: a library and a reference in it, or a reference at its registry."""
    if isinstance(name, Library):
        return Endpoint(LibraryPlace(name.path), Reference.parse(reference))
    return Endpoint(RegistryPlace(Reference.parse(name).domain), Reference.parse(name))


def moving(
    operation: Operation, source: Endpoint, target: Endpoint, platform: Platform | None = None, **options: str
) -> TransferRequest:
    """Return a request of any kind."""
    return TransferRequest(operation, source, target, platform, tuple(sorted(options.items())))


def pull_into(
    source: str, library: Library, platform: Platform | None = None, **options: str
) -> TransferRequest:
    """Return a request to pull into a library, under the same name."""
    return moving(Operation.PULL, place(source), place(library, source), platform, **options)


def push_from(library: Library, source: str, target: str, **options: str) -> TransferRequest:
    """Return a request to push an image of a library, by its name."""
    return moving(Operation.PUSH, place(library, source), place(target), **options)
