"""What all ways that read or write an engine's tar must do: from library and archives into an engine, and back."""

from __future__ import annotations

import contextlib
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from archivetools import (
    OCI_CONFIG,
    OCI_INDEX,
    OCI_LAYER,
    OCI_MANIFEST,
    Image,
    Part,
    blob,
    descriptor,
    digest_of,
    document,
    layer,
    oci_parts,
    without,
    write,
)
from longshore.application.clients import Clients
from longshore.engine.address import EngineAddress, Origin
from longshore.engine.model import ImagePlatform
from longshore.errors import ImageUnknown, InvalidManifest
from longshore.library.library import Library
from longshore.oci.layer import LayerState
from longshore.oci.platform import Platform
from longshore.transfers.queue.queue import TransferQueue
from longshore.transfers.transfer import Endpoint, NoteKind, Phase, State
from testbed.engine import PrivateEngine
from transfertools import Eye, address_of
from transfertools.archives import in_archive, in_engine, in_library, moving

Make = Callable[..., tuple[TransferQueue, Eye]]
MB = 1_000_000
AMD, ARM, S390X = ("linux", "amd64"), ("linux", "arm64"), ("linux", "s390x")
STATEMENT = document({"_type": "https://in-toto.io/Statement/v1", "subject": []})
Start = Callable[[Path, str], Endpoint]


@pytest.fixture
def library(clients: Clients, tmp_path: Path) -> Library:
    return clients.library(tmp_path / "library")


@pytest.fixture(params=["archive", "library"])
def start(
    request: pytest.FixtureRequest, make_queue: Make, library: Library
) -> Callable[[Path, str], Endpoint]:
    """Return a function that puts an archive's image where the transfer starts."""
    if request.param == "archive":
        return lambda path, name: in_archive(path)

    def from_library(path: Path, name: str) -> Endpoint:
        with tarfile.open(path) as tar:
            tar.extractall(library.path, filter="data")
        return in_library(library, name)

    return from_library


def several(*images: Image) -> tuple[list[Part], bytes]:
    """Return an OCI layout with an index of *images* for several platforms, and the index."""
    parts = oci_parts(*images, index=True)
    (index,) = [part[1] for part in parts if isinstance(part, tuple) and OCI_INDEX.encode() in part[1]
                and part[0] != "index.json"]  # fmt: skip
    return parts, index


def image_of(platform: tuple[str, str], name: str, *, size: int = 30_000) -> Image:
    return Image(layers=(layer(f"{name} {platform}", size),), platform=platform, names=(name,))


def there(found: tuple[ImagePlatform, ...]) -> dict[Platform, bool]:
    return {one.platform: one.here for one in found}


def test_a_store_that_can_keep_them_gets_all_platforms(
    make_queue: Make, clients: Clients, containerd_engine: PrivateEngine, tmp_path: Path, start: Start
) -> None:
    name = "docker.io/tars/all:1"
    parts, index = several(image_of(AMD, name), image_of(ARM, name))
    address = address_of(containerd_engine.host)
    queue, eye = make_queue()
    request = moving(start(write(tmp_path, parts), name), in_engine(address))
    done = eye.until(queue.add(request), State.SUCCEEDED, 60)
    image = clients.engine(address).image(name)
    assert done.digest == image.image_id == digest_of(index)
    assert there(image.platforms) == {Platform(*AMD): True, Platform(*ARM): True}
    assert done.plan is not None and (done.plan.layers, done.plan.digest) == (2, digest_of(index))
    assert not done.notes
    clients.engine(address).remove(name)


def test_of_several_platforms_the_store_gets_those_that_are_whole(
    make_queue: Make, clients: Clients, containerd_engine: PrivateEngine, tmp_path: Path, start: Start
) -> None:
    """One platform has a layer only at its vendor's URL, another is completely absent."""
    name = "docker.io/tars/whole:1"
    whole, absent = image_of(AMD, name), image_of(S390X, name)
    foreign = image_of(ARM, name)
    data = foreign.layers[0]
    manifest = document(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": descriptor(OCI_CONFIG, foreign.config),
            "layers": [descriptor(OCI_LAYER, data, urls=["https://vendor.example/layer"])],
        }
    )
    index = document(
        {
            "schemaVersion": 2,
            "mediaType": OCI_INDEX,
            "manifests": [
                descriptor(OCI_MANIFEST, each, platform={"os": system, "architecture": architecture})
                for each, (system, architecture) in (
                    (whole.manifest, AMD),
                    (manifest, ARM),
                    (absent.manifest, S390X),
                )
            ],
        }
    )
    named = {"org.opencontainers.image.ref.name": name, "io.containerd.image.name": name}
    listed = document({"schemaVersion": 2, "manifests": [descriptor(OCI_INDEX, index, annotations=named)]})
    parts = [part for part in oci_parts(whole) if isinstance(part, tuple) and part[0] != "index.json"]
    parts += [blob(foreign.config), blob(manifest), blob(index), ("index.json", listed)]
    address = address_of(containerd_engine.host)
    queue, eye = make_queue()
    request = moving(start(write(tmp_path, parts), name), in_engine(address))
    done = eye.until(queue.add(request), State.SUCCEEDED, 60)
    image = clients.engine(address).image(name)
    assert done.digest == image.image_id == digest_of(index)
    assert there(image.platforms)[Platform(*AMD)]
    assert sum(there(image.platforms).values()) == 1
    clients.engine(address).remove(name)


def test_an_engine_that_keeps_one_platform_is_not_given_any_of_several_others(
    make_queue: Make, clients: Clients, testbed_engine: PrivateEngine, tmp_path: Path, start: Start
) -> None:
    name = "docker.io/tars/others:1"
    parts, _ = several(image_of(ARM, name), image_of(S390X, name))
    address = address_of(testbed_engine.host)
    queue, eye = make_queue()
    source = start(write(tmp_path, parts), name)
    failed = eye.until(queue.add(moving(source, in_engine(address))), State.FAILED, 60)
    assert isinstance(failed.error, InvalidManifest)
    assert failed.error.detail == "available: linux/arm64, linux/s390x"
    with pytest.raises(ImageUnknown):
        clients.engine(address).image(name)


def test_unpacking_is_a_part_of_the_bar(
    make_queue: Make, clients: Clients, testbed_engine: PrivateEngine, tmp_path: Path, start: Start
) -> None:
    name = "docker.io/tars/unpacking:1"
    # The layers are unique to this run, because an engine does not unpack layers that it already has.
    image = Image(layers=[layer(f"{number} {tmp_path}", 30 * MB) for number in range(2)], names=(name,))
    address = address_of(testbed_engine.host)
    queue, eye = make_queue()
    row = queue.add(moving(start(write(tmp_path, oci_parts(image)), name), in_engine(address)))
    eye.until(row, State.SUCCEEDED, 60)
    seen = eye.seen[row]
    assert Phase.EXTRACTING in {one.phase for one in seen}
    assert LayerState.EXTRACTING in {layer.state for one in seen for layer in one.layers}
    # The bar is not full when all is sent.
    sending = [one.permille or 0 for one in seen if one.phase is Phase.MOVING]
    assert sending and max(sending) <= 700
    # Unpacking is shown in the layers' own rows, not in new ones.
    assert {len(one.layers) for one in seen if one.layers} == {2}
    clients.engine(address).remove(name)


def test_the_layers_below_are_known_and_not_sent(
    make_queue: Make, clients: Clients, testbed_engine: PrivateEngine, tmp_path: Path, start: Start
) -> None:
    below, above = layer("tars below", 500_000), layer("tars above", 300_000)
    names = ("docker.io/tars/below:1", "docker.io/tars/above:1")
    images = (Image(layers=(below,), names=names[:1]), Image(layers=(below, above), names=names[1:]))
    address = address_of(testbed_engine.host)
    queue, eye = make_queue()
    for image in images:
        source = start(write(tmp_path, oci_parts(image)), image.names[0])
        done = eye.until(queue.add(moving(source, in_engine(address))), State.SUCCEEDED, 60)
    assert done.moved is not None and done.plan is not None
    assert (done.plan.here_layers, done.moved.layers_skipped, done.moved.layers_moved) == (1, 1, 1)
    for name in names:
        clients.engine(address).remove(name)


def with_provenance(image: Image) -> tuple[list[Part], bytes, bytes]:
    """Return an image as BuildKit pushes it: an index of the image and of an attestation, whose layer is JSON."""
    config = document({"architecture": "unknown", "os": "unknown", "rootfs": {"type": "layers"}})
    attestation = document(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": descriptor(OCI_CONFIG, config),
            "layers": [descriptor("application/vnd.in-toto+json", STATEMENT)],
        }
    )
    noted = {
        "vnd.docker.reference.type": "attestation-manifest",
        "vnd.docker.reference.digest": digest_of(image.manifest),
    }
    system, architecture = image.platform
    index = document(
        {
            "schemaVersion": 2,
            "mediaType": OCI_INDEX,
            "manifests": [
                descriptor(
                    OCI_MANIFEST, image.manifest, platform={"os": system, "architecture": architecture}
                ),
                descriptor(
                    OCI_MANIFEST,
                    attestation,
                    platform={"os": "unknown", "architecture": "unknown"},
                    annotations=noted,
                ),
            ],
        }
    )
    named = {"io.containerd.image.name": image.names[0]}
    listed = document({"schemaVersion": 2, "manifests": [descriptor(OCI_INDEX, index, annotations=named)]})
    parts = without(oci_parts(image), "index.json")
    parts += [blob(each) for each in (config, STATEMENT, attestation, index)]
    return [*parts, ("index.json", listed)], index, attestation


@pytest.mark.parametrize("target", ["library", "archive", "engine"])
def test_what_an_engine_keeps_beside_an_image_comes_along(
    make_queue: Make,
    clients: Clients,
    containerd_engine: PrivateEngine,
    library: Library,
    tmp_path: Path,
    target: str,
) -> None:
    name = f"docker.io/tars/provenance-{target}:1"
    parts, index, attestation = with_provenance(image_of(AMD, name))
    address = address_of(containerd_engine.host)
    queue, eye = make_queue()
    eye.until(queue.add(moving(in_archive(write(tmp_path, parts)), in_engine(address))), State.SUCCEEDED, 60)
    saved = tmp_path / "saved.tar"
    with contextlib.ExitStack() as stack:
        end = in_library(library, name) if target == "library" else in_archive(saved, name, "oci")
        if target == "engine":
            twin = stack.enter_context(PrivateEngine(tmp_path / "twin", flavour="containerd"))
            end = in_engine(EngineAddress("twin", twin.host, Origin.OPTION), name)
        done = eye.until(queue.add(moving(in_engine(address, name), end)), State.SUCCEEDED, 60)
        assert done.digest == digest_of(index)
        if target == "engine":
            with contextlib.closing(twin.client()) as client:
                tar = b"".join(client.get_image(name))
        elif target == "archive":
            tar = saved.read_bytes()
    if target == "library":
        assert library.blob_size(digest_of(STATEMENT)) == len(STATEMENT)
        assert library.manifest(digest_of(attestation)).raw == attestation
    else:
        with tarfile.open(fileobj=io.BytesIO(tar)) as files:
            assert {blob(attestation)[0], blob(STATEMENT)[0]} <= set(files.getnames())
    clients.engine(address).remove(name)


@pytest.mark.parametrize("target", ["library", "archive"])
def test_the_one_platform_that_an_engine_has_is_named(
    make_queue: Make,
    clients: Clients,
    containerd_engine: PrivateEngine,
    library: Library,
    tmp_path: Path,
    target: str,
) -> None:
    name = f"docker.io/tars/picked-{target}:1"
    here, away = image_of(AMD, name), image_of(ARM, name)
    parts, _ = several(here, away)
    path = write(tmp_path, without(parts, blob(away.manifest)[0]))
    address = address_of(containerd_engine.host)
    queue, eye = make_queue()
    eye.until(queue.add(moving(in_archive(path), in_engine(address))), State.SUCCEEDED, 60)
    end = in_library(library, name) if target == "library" else in_archive(tmp_path / "one.tar", name, "oci")
    done = eye.until(queue.add(moving(in_engine(address, name), end)), State.SUCCEEDED, 60)
    assert done.digest == digest_of(here.manifest)
    assert [(note.kind, note.text) for note in done.notes] == [(NoteKind.PICKED, "linux/amd64")]
    clients.engine(address).remove(name)
