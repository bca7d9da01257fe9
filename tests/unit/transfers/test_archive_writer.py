"""An archive as the destination of a copy: what its lists name, and what becomes of it after an error."""

from __future__ import annotations

import contextlib
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from longshore.archives.compression import Compression, Packer
from longshore.cancellation import Cancellation, Cancelled
from longshore.errors import RegistryUnreachable
from longshore.oci.descriptor import Descriptor, OpenBlob
from longshore.oci.digest import sha256_of
from longshore.oci.layer import BlobOutcome
from longshore.oci.manifest import OCI_LAYER, OCI_MANIFEST, Index, Manifest, parse_manifest
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.transfers.content import archive as module
from longshore.transfers.content.archive import ArchiveContentWriter
from longshore.transfers.errors import UnsupportedTransfer
from longshore.transfers.transfer import ArchivePlace, Endpoint
from transfertools.layouts import NAME, Made, image, index, noise

ONE = image(noise(3000, "one"), noise(500, "two"))
AMD = image(noise(900, "amd"))
ARM = image(noise(700, "arm"), platform="linux/arm64")
BOTH = index(("linux/amd64", AMD), ("linux/arm64", ARM))
SIGNATURE = image(noise(100, "signature"), subject=ONE.manifest.descriptor)
STOP = Cancellation()


def other_config(made: Made, kind: str) -> Made:
    """*made*, whose configuration is of another *kind*."""
    document = json.loads(made.manifest.raw)
    document["config"]["mediaType"] = kind
    manifest = parse_manifest(json.dumps(document).encode(), OCI_MANIFEST)
    assert isinstance(manifest, Manifest)
    return Made(manifest, made.blobs)


ARTIFACT = other_config(ONE, "application/vnd.example.chart")


def whole(blob: bytes) -> OpenBlob:
    return lambda offset: contextlib.nullcontext([blob[offset:]])


class Archive:
    """An archive that is being written."""

    def __init__(
        self, folder: Path, form: str = "docker", reference: Reference | None = NAME, ref_name: str = ""
    ) -> None:
        self.path = folder / "saved.tar"
        place = ArchivePlace(self.path, form)
        self.writer = ArchiveContentWriter(Endpoint(place, reference), place, ref_name)

    def blobs(self, made: Made) -> None:
        for part in (made.manifest.config, *made.manifest.layers):
            self.blob(part, made.blobs[part.digest])

    def blob(self, part: Descriptor, data: bytes) -> BlobOutcome:
        return self.writer.write_blob(part, whole(data), mount_from="", cancellation=STOP)

    def put(self, found: Manifest | Index, name: str = "") -> str:
        return self.writer.put_manifest(found, name or found.digest, cancellation=STOP)

    def commit(self) -> None:
        with contextlib.closing(self.writer):
            self.writer.commit(cancellation=STOP)

    def names(self) -> list[str]:
        with tarfile.open(self.path) as tar:
            return tar.getnames()

    def document(self, name: str) -> Any:
        with tarfile.open(self.path) as tar:
            found = tar.extractfile(name)
            assert found is not None
            return json.load(found)

    def file(self, name: str) -> bytes:
        with tarfile.open(self.path) as tar:
            found = tar.extractfile(name)
            assert found is not None
            return found.read()

    def entries(self) -> list[tuple[str, str | None]]:
        """The digests in index.json, and their names."""
        return [
            (entry["digest"], entry.get("annotations", {}).get("org.opencontainers.image.ref.name"))
            for entry in self.document("index.json")["manifests"]
        ]


def blob_path(digest: str) -> str:
    return f"blobs/sha256/{digest[7:]}"


@pytest.mark.parametrize("form", ["oci", "docker"])
def test_only_a_docker_archive_has_dockers_list(tmp_path: Path, form: str) -> None:
    archive = Archive(tmp_path, form)
    archive.blobs(ONE)
    archive.put(ONE.manifest, "1")
    archive.commit()
    assert archive.entries() == [(ONE.manifest.digest, str(NAME))]
    assert ("manifest.json" in archive.names()) is (form == "docker")
    if form == "docker":
        assert archive.document("manifest.json") == [
            {
                "Config": blob_path(ONE.manifest.config.digest),
                "RepoTags": [str(NAME)],
                "Layers": [blob_path(layer.digest) for layer in ONE.manifest.layers],
            }
        ]


def test_an_oci_archive_takes_anything(tmp_path: Path) -> None:
    archive = Archive(tmp_path, "oci")
    archive.blobs(ARTIFACT)
    archive.put(ARTIFACT.manifest, "1")
    archive.commit()
    assert archive.entries() == [(ARTIFACT.manifest.digest, str(NAME))]


def test_a_docker_archive_takes_only_images(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    archive.blobs(ARTIFACT)
    with pytest.raises(UnsupportedTransfer, match="only images"):
        archive.put(ARTIFACT.manifest, "1")
    with pytest.raises(UnsupportedTransfer):  # half an entry is in it
        archive.writer.commit(cancellation=STOP)
    archive.writer.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "kind",
    ["application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"],
)
def test_both_kinds_of_configurations_are_images(tmp_path: Path, kind: str) -> None:
    archive = Archive(tmp_path)
    made = other_config(ONE, kind)
    archive.blobs(made)
    archive.put(made.manifest, "1")
    archive.commit()
    assert len(archive.document("manifest.json")) == 1


def test_a_signature_is_listed_without_a_name_and_not_for_docker(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    archive.blobs(ONE)
    archive.put(ONE.manifest, "1")
    signature = other_config(SIGNATURE, "application/vnd.example.signature")
    archive.blobs(signature)
    archive.put(signature.manifest)
    archive.commit()
    assert archive.entries() == [(ONE.manifest.digest, str(NAME)), (signature.manifest.digest, None)]
    assert len(archive.document("manifest.json")) == 1


@pytest.mark.parametrize(
    ("host", "listed"),
    [("linux/arm64", ARM), ("linux/amd64", AMD), ("linux/s390x", AMD)],  # else the first
)
def test_docker_s_list_names_one_platform(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, listed: Made
) -> None:
    monkeypatch.setattr(Platform, "host", staticmethod(lambda: Platform.parse(host)))
    archive = Archive(tmp_path)
    for made in (AMD, ARM):
        archive.blobs(made)
        archive.put(made.manifest)
    archive.put(BOTH, "1")
    archive.commit()
    assert archive.entries() == [(BOTH.digest, str(NAME))]
    (row,) = archive.document("manifest.json")
    assert row["Config"] == blob_path(listed.manifest.config.digest)


def test_an_index_whose_images_are_not_there_is_no_image(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    with contextlib.closing(archive.writer), pytest.raises(UnsupportedTransfer):
        archive.put(BOTH, "1")


def test_the_last_manifest_is_the_image_if_none_has_a_name(tmp_path: Path) -> None:
    archive = Archive(tmp_path, reference=None)
    for made in (AMD, ONE):
        archive.blobs(made)
        archive.put(made.manifest)
    archive.commit()
    assert archive.entries() == [(ONE.manifest.digest, None)]
    assert [row["RepoTags"] for row in archive.document("manifest.json")] == [None]


def test_parts_of_an_image_with_a_name_are_not_listed(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    archive.blobs(ONE)
    archive.put(ONE.manifest, "1")
    archive.blobs(AMD)
    archive.put(AMD.manifest)
    archive.commit()
    assert archive.entries() == [(ONE.manifest.digest, str(NAME))]


def test_further_tags_and_what_other_tools_call_the_first(tmp_path: Path) -> None:
    archive = Archive(tmp_path, ref_name="mine")
    archive.blobs(ONE)
    archive.put(ONE.manifest, "1")
    archive.put(ONE.manifest, "old")
    archive.commit()
    assert archive.entries() == [
        (ONE.manifest.digest, "mine"),
        (ONE.manifest.digest, str(NAME.with_tag("old"))),
    ]
    (row,) = archive.document("manifest.json")
    assert row["RepoTags"] == [str(NAME), str(NAME.with_tag("old"))]


def test_a_tag_without_a_reference_has_no_full_name(tmp_path: Path) -> None:
    archive = Archive(tmp_path, reference=None)
    archive.blobs(ONE)
    archive.put(ONE.manifest, "1")
    assert archive.writer.manifest_digest("1", cancellation=STOP) == ONE.manifest.digest
    archive.commit()
    assert archive.entries() == [(ONE.manifest.digest, None)]


# -- layers in zstd


PLAIN = noise(4000, "plain") + bytes(5000)


def in_zstd() -> tuple[Descriptor, bytes, Made]:
    packer = Packer(Compression.ZSTD)
    packed = packer.feed(PLAIN) + packer.end()
    layer = Descriptor(f"{OCI_LAYER}+zstd", sha256_of(packed), len(packed))
    document = json.loads(ONE.manifest.raw) | {"layers": [layer.to_json()]}
    manifest = parse_manifest(json.dumps(document).encode(), OCI_MANIFEST)
    assert isinstance(manifest, Manifest)
    return layer, packed, Made(manifest, ONE.blobs | {layer.digest: packed})


@pytest.mark.parametrize("form", ["oci", "docker"])
def test_engines_that_cannot_read_zstd_find_the_layer_plain(tmp_path: Path, form: str) -> None:
    layer, packed, made = in_zstd()
    archive = Archive(tmp_path, form)
    archive.blobs(made)
    assert archive.blob(layer, packed) is BlobOutcome.SKIPPED
    archive.put(made.manifest, "1")
    archive.commit()
    assert archive.file(blob_path(layer.digest)) == packed
    plain = blob_path(sha256_of(PLAIN))
    assert (plain in archive.names()) is (form == "docker")
    if form == "docker":
        assert archive.file(plain) == PLAIN
        assert archive.document("manifest.json")[0]["Layers"] == [plain]
    assert [path.name for path in tmp_path.iterdir()] == ["saved.tar"]


def test_unpacking_can_be_cancelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layer, packed, _ = in_zstd()
    monkeypatch.setattr(module, "BLOCK", 1000)
    archive, cancellation = Archive(tmp_path), Cancellation()

    def opened(offset: int) -> Any:
        def pieces() -> Iterator[bytes]:
            yield packed
            cancellation.cancel()

        return contextlib.nullcontext(pieces())

    with contextlib.closing(archive.writer), pytest.raises(Cancelled):
        archive.writer.write_blob(layer, opened, mount_from="", cancellation=cancellation)


# -- errors


def test_after_an_error_every_writer_fails_with_it(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    first, second = ONE.manifest.layers
    error = RegistryUnreachable("away", registry="one.example")

    def fails(offset: int) -> Any:
        raise error

    with pytest.raises(RegistryUnreachable):
        archive.writer.write_blob(first, fails, mount_from="", cancellation=STOP)
    assert archive.writer.blob_size(first.digest, cancellation=STOP) is None
    for call in (
        lambda: archive.blob(second, ONE.blobs[second.digest]),
        lambda: archive.put(ONE.manifest, "1"),
        lambda: archive.writer.commit(cancellation=STOP),
    ):
        with pytest.raises(RegistryUnreachable) as caught:
            call()
        assert caught.value is error
    archive.writer.close()
    assert list(tmp_path.iterdir()) == []


def test_a_closed_archive_takes_nothing_more(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    archive.blobs(ONE)
    archive.writer.close()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(Cancelled):
        archive.put(ONE.manifest, "1")


def test_a_cancelled_writer_begins_nothing_and_spoils_nothing(tmp_path: Path) -> None:
    archive, cancelled = Archive(tmp_path), Cancellation()
    cancelled.cancel()
    layer = ONE.manifest.layers[0]
    with pytest.raises(Cancelled):
        archive.writer.write_blob(
            layer, whole(ONE.blobs[layer.digest]), mount_from="", cancellation=cancelled
        )
    assert list(tmp_path.iterdir()) == []
    archive.blobs(ONE)
    archive.put(ONE.manifest, "1")
    archive.commit()
    assert archive.path.exists()
