"""An archive as source or destination of a copy: what is chosen, what is listed, what counts as present."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest

from archivetools import (
    OCI_INDEX,
    OCI_MANIFEST,
    Image,
    blob,
    descriptor,
    digest_of,
    docker_parts,
    document,
    oci_parts,
    replaced,
    write,
)
from longshore.application.clients import Clients
from longshore.archives.archive import open_archive
from longshore.cancellation import Cancellation
from longshore.errors import ArchiveError, LongshoreError, NotInRegistry
from longshore.oci.descriptor import OpenBlob
from longshore.oci.layer import BlobOutcome
from longshore.oci.reference import Reference
from longshore.registry.config import RegistryConfig
from longshore.transfers.content.archive import ArchiveContentWriter, ArchiveReader
from longshore.transfers.content.choice import chosen, named
from longshore.transfers.content.library import LibraryReader, LibraryWriter
from longshore.transfers.content.open import open_reader, open_writer
from longshore.transfers.content.registry import RegistryReader, RegistryWriter
from longshore.transfers.errors import UnsupportedTransfer
from longshore.transfers.transfer import ArchivePlace, Endpoint, EnginePlace, LibraryPlace, RegistryPlace
from transfertools import ENGINE
from transfertools.layouts import NAME, Made, image, noise

ONE, TWO = Image(names=("team/app:1", "team/app:old")), Image((b"two" * 500,), names=("team/app:2",))
NAMELESS = Image(names=())


def end(path: Path, name: str = "", image_id: str = "") -> Endpoint:
    return Endpoint(ArchivePlace(path, "oci"), Reference.parse(name) if name else None, image_id)


def test_an_image_is_found_by_any_of_its_names_or_its_id(tmp_path: Path) -> None:
    path = write(tmp_path, docker_parts(ONE, TWO))
    archive = open_archive(path, cancellation=Cancellation())
    one, two = archive.listing.archived
    for name, wanted in (("team/app:1", one), ("team/app:old", one), ("team/app:2", two)):
        assert chosen(archive, end(path, name)) == [wanted]
    assert chosen(archive, end(path, image_id=two.top.digest)) == [two]
    assert chosen(archive, end(path)) == [one, two]
    for missing in (end(path, "team/app:3"), end(path, image_id="sha256:" + "0" * 64)):
        with pytest.raises(ArchiveError) as caught:
            chosen(archive, missing)
        assert "team/app:old" in caught.value.detail


def test_the_only_image_without_a_name_is_meant_by_any_tag_but_not_by_another_digest(tmp_path: Path) -> None:
    archive = open_archive(write(tmp_path, docker_parts(NAMELESS)), cancellation=Cancellation())
    (only,) = archive.listing.archived
    assert named(archive, Reference.parse("any/name")) == only
    assert named(archive, Reference.parse(f"any/name@{only.top.digest}")) == only
    assert named(archive, Reference.parse("any/name@sha256:" + "0" * 64)) is None
    two = open_archive(
        write(tmp_path, docker_parts(NAMELESS, Image((b"x" * 900,), names=())), name="two"),
        cancellation=Cancellation(),
    )
    assert named(two, Reference.parse("any/name")) is None


def test_what_an_archive_lists_beside_an_image_refers_to_that_image_only(tmp_path: Path) -> None:
    data = b"signed"
    signature = document(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": descriptor("application/vnd.oci.empty.v1+json", b"{}"),
            "layers": [descriptor("application/x-signature", data)],
            "subject": descriptor(OCI_MANIFEST, ONE.manifest),
        }
    )
    listed = [descriptor(OCI_MANIFEST, raw) for raw in (ONE.manifest, TWO.manifest, signature)]
    index = document({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed})
    parts = replaced(oci_parts(ONE, TWO), "index.json", index)
    path = write(tmp_path, [*parts, *map(blob, (data, b"{}", signature))])
    reader = ArchiveReader(end(path), ArchivePlace(path, "oci"))
    refused: list[LongshoreError] = []
    for about, found in ((ONE.manifest, [digest_of(signature)]), (TWO.manifest, []), (signature, [])):
        referring = reader.referrers(digest_of(about), refused=refused.append, cancellation=Cancellation())
        assert [one.digest for one in referring] == found
    assert not refused


def test_an_image_with_its_signature_is_one_image(tmp_path: Path) -> None:
    digest = digest_of(ONE.manifest)
    tag = f"{digest.replace(':', '-')}.sig"
    # cosign's signature is an image by its form.
    signature = Image((b"signed" * 100,), names=(f"team/app:{tag}",))
    path = write(tmp_path, oci_parts(ONE, signature))
    reader = ArchiveReader(end(path), ArchivePlace(path, "oci"))
    stop = Cancellation()
    assert reader.manifest("", cancellation=stop).digest == digest
    assert reader.manifest(tag, cancellation=stop).digest == digest_of(signature.manifest)
    with pytest.raises(NotInRegistry):
        reader.manifest(tag.replace(".sig", ".att"), cancellation=stop)
    path = write(tmp_path, oci_parts(ONE, TWO, signature), name="two")
    with pytest.raises(ArchiveError, match="several images"):
        ArchiveReader(end(path), ArchivePlace(path, "oci")).manifest("", cancellation=stop)


def whole(blob: bytes) -> OpenBlob:
    return lambda offset: contextlib.nullcontext([blob[offset:]])


def save(path: Path, made: Made, reference: Reference | None, name: str, form: str = "oci") -> None:
    stop = Cancellation()
    writer = ArchiveContentWriter(Endpoint(ArchivePlace(path, form), reference), ArchivePlace(path, form))
    with contextlib.closing(writer):
        for part in (made.manifest.config, *made.manifest.layers):
            assert writer.blob_size(part.digest, cancellation=stop) is None
            for outcome in (BlobOutcome.UPLOADED, BlobOutcome.SKIPPED):
                data = whole(made.blobs[part.digest])
                assert writer.write_blob(part, data, mount_from="", cancellation=stop) is outcome
            assert writer.blob_size(part.digest, cancellation=stop) == part.size
        assert writer.manifest_digest(name, cancellation=stop) is None
        assert writer.put_manifest(made.manifest, name, cancellation=stop) == made.manifest.digest
        for asked in (name, made.manifest.digest):
            assert writer.manifest_digest(asked, cancellation=stop) == made.manifest.digest
        assert not path.exists()
        writer.commit(cancellation=stop)


@pytest.mark.parametrize("form", ["oci", "docker"])
@pytest.mark.parametrize("tagged", [True, False], ids=["by tag", "by digest"])
def test_what_is_saved_is_read_back_under_its_name(tmp_path: Path, form: str, tagged: bool) -> None:
    made, path = image(noise(3000, "one"), noise(500, "two")), tmp_path / "saved.tar"
    save(path, made, NAME if tagged else None, "1" if tagged else made.manifest.digest, form)
    (one,) = open_archive(path, cancellation=Cancellation()).listing.archived
    assert one.top.digest == made.manifest.digest
    assert one.references == ((NAME,) if tagged else ())
    assert [path.name for path in tmp_path.iterdir()] == ["saved.tar"]


def test_each_kind_of_place_is_opened_by_its_own(tmp_path: Path) -> None:
    clients = Clients(os.environ, RegistryConfig)
    reference = Reference.parse("127.0.0.1:1/team/app:1")
    registry = Endpoint(RegistryPlace("127.0.0.1:1"), reference)
    library = Endpoint(LibraryPlace(tmp_path / "library"), reference)
    archive = Endpoint(ArchivePlace(tmp_path / "a.tar", "oci"), reference)
    try:
        for place, reads, writes in (
            (registry, RegistryReader, RegistryWriter),
            (library, LibraryReader, LibraryWriter),
            (archive, ArchiveReader, ArchiveContentWriter),
        ):
            with contextlib.closing(open_reader(place, clients)) as reader:
                assert type(reader) is reads
            with contextlib.closing(open_writer(place, clients)) as writer:
                assert type(writer) is writes
            at_registry = ("127.0.0.1:1", "team/app") if place is registry else ("", "")
            assert (reader.host, reader.repository) == (writer.host, writer.repository) == at_registry
        for none in (Endpoint(EnginePlace(ENGINE), reference), Endpoint(RegistryPlace("127.0.0.1:1"), None)):
            for opened in (open_reader, open_writer):
                with pytest.raises(UnsupportedTransfer):
                    opened(none, clients)
    finally:
        clients.close()
