"""Archives for tests, made by the standard library's tarfile: sound ones, and ones that no honest program makes."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import json
import lzma
import tarfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from longshore.archives.zstd import ZstdCompressor

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"

PACKERS: Mapping[str, Callable[[bytes], bytes]] = {
    "none": lambda data: data,
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "zstd": lambda data: _zstd(data),
}
#: What whole archives are read from as well, and layers are not.
ARCHIVE_PACKERS: Mapping[str, Callable[[bytes], bytes]] = {
    **PACKERS,
    "xz": lzma.compress,
    "bzip2": bz2.compress,
}
SUFFIXES = {"none": ".tar", "gzip": ".tar.gz", "zstd": ".tar.zst"}
ARCHIVE_SUFFIXES = {**SUFFIXES, "xz": ".tar.xz", "bzip2": ".tar.bz2"}


def _zstd(data: bytes) -> bytes:
    packer = ZstdCompressor()
    return packer.compress(data) + packer.flush()


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def hex_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def document(value: object) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


def layer(text: str = "layer", size: int = 2000) -> bytes:
    """A tar with one file in it."""
    return tar_of([(f"{text}.txt", (text * (size // len(text) + 1)).encode()[:size])])


Part = tuple[str, bytes] | tarfile.TarInfo


def tar_of(parts: Iterable[Part], format: int = tarfile.GNU_FORMAT) -> bytes:
    """A tar of files, and of entries without content as they are given."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format) as tar:
        for part in parts:
            if isinstance(part, tarfile.TarInfo):
                tar.addfile(part)
                continue
            info = tarfile.TarInfo(part[0])
            info.size = len(part[1])
            tar.addfile(info, io.BytesIO(part[1]))
    return out.getvalue()


def entry(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    """An entry without content."""
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = target
    return info


@dataclass
class Image:
    """An image by its uncompressed layers. *packed*: how the layers stand in the archive."""

    layers: Sequence[bytes] = (layer("one"), layer("two"))
    platform: tuple[str, str] = ("linux", "amd64")
    names: Sequence[str] = ("team/app:1",)
    packed: str = "none"
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def config(self) -> bytes:
        return document(
            {
                "os": self.platform[0],
                "architecture": self.platform[1],
                "config": {"Cmd": ["/nothing"], "Labels": dict(self.labels)},
                "rootfs": {"type": "layers", "diff_ids": [digest_of(each) for each in self.layers]},
            }
        )

    @property
    def blobs(self) -> list[bytes]:
        return [PACKERS[self.packed](each) for each in self.layers]

    @property
    def manifest(self) -> bytes:
        kind = OCI_LAYER + {"none": "", "gzip": "+gzip", "zstd": "+zstd"}[self.packed]
        return document(
            {
                "schemaVersion": 2,
                "mediaType": OCI_MANIFEST,
                "config": descriptor(OCI_CONFIG, self.config),
                "layers": [descriptor(kind, blob) for blob in self.blobs],
            }
        )


def descriptor(kind: str, data: bytes, **more: object) -> dict[str, object]:
    return {"mediaType": kind, "digest": digest_of(data), "size": len(data), **more}


def blob(data: bytes) -> tuple[str, bytes]:
    return f"blobs/sha256/{hex_of(data)}", data


def docker_parts(*images: Image) -> list[Part]:
    """As skopeo writes a docker-archive: layers by their digests, the list at the end."""
    parts: dict[str, bytes] = {}
    rows = []
    for image in images:
        names = []
        for data in image.blobs:
            names.append(f"{hex_of(data)}.tar")
            parts[names[-1]] = data
        parts[f"{hex_of(image.config)}.json"] = image.config
        rows.append(
            {"Config": f"{hex_of(image.config)}.json", "RepoTags": list(image.names) or None, "Layers": names}
        )
    parts["manifest.json"] = document(rows)
    return list(parts.items())


def docker_list(*images: Image) -> Part:
    """docker's list of images whose blobs are in an OCI layout, as engines from 25.0 on write it."""
    rows = [
        {
            "Config": blob(image.config)[0],
            "RepoTags": list(image.names) or None,
            "Layers": [blob(data)[0] for data in image.blobs],
        }
        for image in images
    ]
    return "manifest.json", document(rows)


def oci_parts(*images: Image, index: bool = False) -> list[Part]:
    """An OCI layout; with *index* the images are one for several platforms, of the first one's names."""
    parts: dict[str, bytes] = {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}'}
    listed = []
    children = []
    for image in images:
        for data in (*image.blobs, image.config, image.manifest):
            parts.update((blob(data),))
        platform = {"os": image.platform[0], "architecture": image.platform[1]}
        children.append(descriptor(OCI_MANIFEST, image.manifest, platform=platform))
        for name in image.names or ("",):
            named = {"annotations": {"org.opencontainers.image.ref.name": name}} if name else {}
            listed.append(descriptor(OCI_MANIFEST, image.manifest, **named))
    if index:
        inner = document({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": children})
        parts.update((blob(inner),))
        named = {"annotations": {"org.opencontainers.image.ref.name": images[0].names[0]}}
        listed = [descriptor(OCI_INDEX, inner, **named)]
    parts["index.json"] = document({"schemaVersion": 2, "manifests": listed})
    return list(parts.items())


def write(folder: Path, parts: Iterable[Part], packed: str = "none", name: str = "archive") -> Path:
    """The archive of *parts* as a file."""
    path = folder / f"{name}{ARCHIVE_SUFFIXES[packed]}"
    path.write_bytes(ARCHIVE_PACKERS[packed](tar_of(parts)))
    return path


def without(parts: Sequence[Part], name: str) -> list[Part]:
    """*parts* but the file called *name*; there must be one."""
    left = [part for part in parts if isinstance(part, tarfile.TarInfo) or part[0] != name]
    assert len(left) < len(parts)
    return left


def replaced(parts: Sequence[Part], name: str, data: bytes) -> list[Part]:
    """*parts* with other content for the file called *name*."""
    return [*without(parts, name), (name, data)]
