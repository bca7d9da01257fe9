"""Archives from public bug reports, loaded into every kind of engine.

Docker's classic store is the reference: from each archive Longshore loads the same images as ``docker load`` there.
Other engines get these images too, even if their own load would load fewer (containerd's store believes a wrong
``index.json``, Podman keeps only one of several images without names).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import docker
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
    docker_list,
    docker_parts,
    document,
    layer,
    oci_parts,
    replaced,
    without,
    write,
)
from longshore.engine.address import EngineAddress, Origin
from longshore.transfers.queue.queue import TransferQueue
from longshore.transfers.transfer import NoteKind, State
from testbed.engine import PrivateEngine
from transfertools import Eye
from transfertools.archives import in_archive, in_engine, moving

Make = Callable[..., tuple[TransferQueue, Eye]]
#: The layers of an image, and its names.
Loaded = tuple[tuple[str, ...], tuple[str, ...]]

CLASSIC = ("debian", "newer")
ONE = Image(names=("docker.io/odd/one:1",))
OTHER = layer("other")
TWO = Image(layers=(OTHER,), names=("docker.io/odd/two:2",))
SWAPPED = Image(names=TWO.names), Image(layers=(OTHER,), names=ONE.names)
NAMELESS = Image(layers=(layer("aa"),), names=()), Image(layers=(layer("bb"),), names=())
LATER = Image(names=("docker.io/odd/later:1",))


def listed(*images: bytes, name: str = "") -> bytes:
    named = {"annotations": {"io.containerd.image.name": name}} if name else {}
    manifests = [descriptor(OCI_MANIFEST, image, **named) for image in images]
    return document({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests})


def wrong_layers() -> list[Part]:
    manifest = document(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": descriptor(OCI_CONFIG, ONE.config),
            "layers": [descriptor(OCI_LAYER, data) for data in ONE.blobs[::-1]],
        }
    )
    parts = without(oci_parts(ONE), blob(ONE.manifest)[0])
    return [*replaced(parts, "index.json", listed(manifest, name=ONE.names[0])), blob(manifest)]


def with_apple_doubles() -> list[Part]:
    parts: list[Part] = []
    for part in oci_parts(ONE):
        assert isinstance(part, tuple)
        folder, slash, name = part[0].rpartition("/")
        parts += [(f"{folder}{slash}._{name}", b"\0\5\x16\7" + bytes(160)), part]
    return parts


def without_manifest(image: Image) -> list[Part]:
    return without(oci_parts(ONE, TWO), blob(image.manifest)[0])


#: By report: the archive, its compression, the images that are loaded, and the notes.
CASES: dict[str, tuple[Callable[[], list[Part]], str, tuple[Image, ...], set[NoteKind]]] = {
    "moby 51389, 47232: two by digest": (
        lambda: [
            *replaced(oci_parts(*NAMELESS), "index.json", listed(NAMELESS[1].manifest)),
            docker_list(*NAMELESS),
        ],
        "none",
        NAMELESS,
        {NoteKind.LISTS_DIFFER},
    ),
    "moby 47150: layers in another order": (
        lambda: [*wrong_layers(), docker_list(ONE)],
        "none",
        (ONE,),
        {NoteKind.LISTS_DIFFER},
    ),
    "names that the lists give to different images": (
        lambda: [*oci_parts(ONE, TWO), docker_list(*SWAPPED)],
        "none",
        SWAPPED,
        {NoteKind.LISTS_DIFFER},
    ),
    "moby 9327: xz": (lambda: docker_parts(ONE), "xz", (ONE,), set()),
    "moby 9327: bzip2": (lambda: docker_parts(ONE), "bzip2", (ONE,), set()),
    "orbstack 2059: what macOS adds": (
        lambda: [*with_apple_doubles(), docker_list(ONE)],
        "none",
        (ONE,),
        {NoteKind.FILES_IGNORED},
    ),
    "an absent manifest, and both lists": (
        lambda: [*without_manifest(TWO), docker_list(ONE, TWO)],
        "none",
        (ONE, TWO),
        {NoteKind.LISTS_DIFFER},
    ),
    "a file twice": (
        lambda: [*docker_parts(ONE), docker_parts(ONE)[0]],
        "none",
        (ONE,),
        {NoteKind.FILE_TWICE},
    ),
    "manifest.json twice": (
        lambda: [*docker_parts(ONE), docker_parts(LATER)[-1]],
        "none",
        (LATER,),
        {NoteKind.FILE_TWICE},
    ),
}
#: Pure OCI layouts, which Docker's classic store does not load at all.
LAYOUTS: dict[str, tuple[Callable[[], list[Part]], tuple[Image, ...], set[NoteKind]]] = {
    "orbstack 2059: what macOS adds": (with_apple_doubles, (ONE,), {NoteKind.FILES_IGNORED}),
    "an absent manifest": (lambda: without_manifest(TWO), (ONE,), {NoteKind.ABSENT}),
    "index.json twice": (
        lambda: [*oci_parts(ONE, TWO), ("index.json", listed(TWO.manifest, name=TWO.names[0]))],
        (TWO,),
        {NoteKind.FILE_TWICE},
    ),
}


def emptied(client: docker.APIClient) -> None:
    """Remove all images that other tests have left here, repeatedly, because some are based on others."""
    kept: list[str] = []
    while (there := sorted(image["Id"] for image in client.images(all=True))) != kept:
        kept = there
        for each in there:
            with contextlib.suppress(docker.errors.NotFound, docker.errors.APIError):
                client.remove_image(each, force=True)
    assert not kept, "the engine does not release its images"


def held(client: docker.APIClient) -> list[Loaded]:
    found = []
    for image in client.images():
        layers = client.inspect_image(image["Id"])["RootFS"]["Layers"]
        names = [name for name in image["RepoTags"] or () if name != "<none>:<none>"]
        found.append((tuple(layers), tuple(sorted(name.removeprefix("docker.io/") for name in names))))
    return sorted(found)


def as_loaded(*images: Image) -> list[Loaded]:
    return sorted(
        (
            tuple(digest_of(each) for each in image.layers),
            tuple(sorted(name.removeprefix("docker.io/") for name in image.names)),
        )
        for image in images
    )


def loaded_by_us(
    make_queue: Make, engine: PrivateEngine, path: Path, images: tuple[Image, ...]
) -> set[NoteKind]:
    """Load *path*, check that the engine then has *images* and nothing else, and return the notes."""
    queue, eye = make_queue()
    address = EngineAddress(engine.flavour, engine.host, Origin.OPTION)
    done = eye.until(queue.add(moving(in_archive(path), in_engine(address))), State.SUCCEEDED, 60)
    with contextlib.closing(engine.client()) as client:
        assert held(client) == as_loaded(*images)
        emptied(client)
    # Rows of engines that keep images unpacked have this note; another test checks it.
    return {note.kind for note in done.notes} - {NoteKind.DIGEST_NOT_KEPT}


@pytest.mark.parametrize("case", CASES)
def test_as_docker_load(make_queue: Make, any_engine: PrivateEngine, tmp_path: Path, case: str) -> None:
    parts, packed, images, notes = CASES[case]
    path = write(tmp_path, parts(), packed)
    with contextlib.closing(any_engine.client()) as client:
        emptied(client)
        if any_engine.flavour in CLASSIC:
            with path.open("rb") as file:
                list(client.load_image(file))
            assert held(client) == as_loaded(*images)
            emptied(client)
    assert loaded_by_us(make_queue, any_engine, path, images) == notes


@pytest.mark.parametrize("case", LAYOUTS)
def test_layouts(make_queue: Make, any_engine: PrivateEngine, tmp_path: Path, case: str) -> None:
    parts, images, notes = LAYOUTS[case]
    with contextlib.closing(any_engine.client()) as client:
        emptied(client)
    found = loaded_by_us(make_queue, any_engine, write(tmp_path, parts()), images)
    assert found == notes
