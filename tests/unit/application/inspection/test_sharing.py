"""Which layers a place has, with whom they are shared, and the base image."""

from __future__ import annotations

from pathlib import Path

from longshore.application.inspection.sharing import (
    BASE_DIGEST,
    BASE_NAME,
    BaseImage,
    KnownImage,
    SharedLayer,
    base_image,
    names_of,
    present_layers,
    shared_layers,
)
from longshore.application.inspection.values import Inspected, Layer
from longshore.oci.reference import Reference
from longshore.transfers.transfer import Endpoint, LibraryPlace

END = Endpoint(LibraryPlace(Path("/l")), Reference.parse("a:1"))
DIGEST = f"sha256:{'1' * 64}"
DEBIAN = KnownImage("debian", ("debian:12",), ("d1",))
PYTHON = KnownImage("python", ("python:3",), ("d1", "d2"))
UNNAMED = KnownImage("unnamed", (), ("d1", "d2"))
OTHER = KnownImage("other", ("other:1",), ("x", "d2"))
APP = KnownImage("app", ("app:1",), ("d1", "d2", "d3"))


def image(*diff_ids: str, blobs: tuple[str, ...] = (), **more: object) -> Inspected:
    names = blobs or ("",) * len(diff_ids)
    layers = tuple(Layer(blob, diff_id=diff_id) for blob, diff_id in zip(names, diff_ids, strict=True))
    return Inspected(END, layers=layers, **more)  # type: ignore[arg-type]


def test_an_unpacked_layer_is_the_same_only_on_the_same_layers() -> None:
    found = image("d1", "d2", "d3", image_id="app")
    assert shared_layers(found, [APP, DEBIAN, PYTHON, OTHER]) == (
        SharedLayer(True, ("debian", "python")),
        SharedLayer(True, ("python",)),
        SharedLayer(True),
    )
    remote = image("d1", "new", config_digest="c")
    assert shared_layers(remote, [DEBIAN, OTHER]) == (SharedLayer(True, ("debian",)), SharedLayer(False))


def test_compressed_layers_are_the_same_by_their_digests() -> None:
    library = KnownImage("in-library", ("web:1",), blobs=frozenset({"b2"}))
    found = image("", "", blobs=("b1", "b2"))
    assert shared_layers(found, [library]) == (SharedLayer(False), SharedLayer(True, ("in-library",)))


def test_what_cannot_be_known_is_not_said() -> None:
    library = KnownImage("in-library", blobs=frozenset({"b2"}))
    assert shared_layers(image("d1"), [library]) == (SharedLayer(None),)
    assert shared_layers(image("d1"), []) == (SharedLayer(False),)
    assert present_layers(image("d1"), image("", blobs=("b1",))) == (None,)


def test_the_same_image_elsewhere() -> None:
    local = image("d1", "d2", "d3")
    assert present_layers(local, image("d1", "d2", blobs=("b1", "b2"))) == (True, True, False)
    assert present_layers(image("", blobs=("b1",)), image("", blobs=("b2",))) == (False,)


def test_the_base_image_has_the_most_equal_layers() -> None:
    found = image("d1", "d2", "d3")
    assert base_image(found, [DEBIAN, UNNAMED, PYTHON, OTHER, APP]) == BaseImage(
        "python:3", image_id="python", layers=2
    )
    assert base_image(found, [UNNAMED]) == BaseImage("", image_id="unnamed", layers=2)
    assert base_image(found, [OTHER, APP]) is None
    assert base_image(image("", "d2", blobs=("b1", "b2")), [DEBIAN]) is None


def test_a_label_names_the_base_image() -> None:
    labels = ((BASE_DIGEST, DIGEST), (BASE_NAME, "docker.io/library/debian:12"))
    found = image("d1", "d2", labels=labels)
    assert base_image(found) == BaseImage("debian:12", DIGEST, labelled=True)
    assert base_image(found, [DEBIAN]) == BaseImage("debian:12", DIGEST, "debian", 1, labelled=True)
    # A label may lie: without its layers it is not the image of that name.
    moved = KnownImage("debian", ("debian:12",), ("newer",))
    assert base_image(found, [moved]) == BaseImage("debian:12", DIGEST, labelled=True)
    odd = image("d1", "d2", labels=((BASE_DIGEST, "x"), (BASE_NAME, "no reference")))
    assert base_image(odd, []) is None
    annotated = image("d1", annotations=((BASE_NAME, "b:2"),), labels=labels)
    assert base_image(annotated) == BaseImage("b:2", DIGEST, labelled=True)


def test_names() -> None:
    assert names_of(["python", "unnamed", "gone"], [PYTHON, UNNAMED]) == ("python:3", "unnamed", "gone")
    assert len(names_of(["x"] * 50, [], most=3)) == 3
