"""Places as people type them: the names of image layouts as skopeo reads and writes them."""

from __future__ import annotations

import json
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import longshore
from longshore.application import places
from longshore.application.session import Session
from longshore.errors import ArchiveError, InvalidInput, InvalidReference, NotInLibrary
from longshore.library.library import Library
from longshore.oci.layout import IMAGE_NAME, INDEX_FILE, REF_NAME
from longshore.oci.reference import Reference
from longshore.transfers.transfer import ArchivePlace, Endpoint, LibraryPlace
from transfertools.layouts import image, put

APP = Reference.parse("r.io/team/app:1")
ONE, TWO = image(b"one"), image(b"two")


@pytest.fixture
def session() -> Iterator[Session]:
    opened = Session(dict(os.environ), history=False)
    yield opened
    opened.close()


def names(raw: str) -> dict[str, tuple[str | None, str]]:
    """The names and digests of a layout's images, by what skopeo looks up."""
    listed = [(entry.get("annotations", {}), entry["digest"]) for entry in json.loads(raw)["manifests"]]
    return {found.get(REF_NAME, ""): (found.get(IMAGE_NAME), digest) for found, digest in listed}


def in_folder(folder: Path) -> dict[str, tuple[str | None, str]]:
    return names((folder / INDEX_FILE).read_text())


def in_archive(file: Path) -> dict[str, tuple[str | None, str]]:
    with tarfile.open(file) as tar:
        index = tar.extractfile(INDEX_FILE)
        assert index is not None
        return names(index.read().decode())


def skopeos(folder: Path, **images: str) -> Path:
    """A layout as skopeo writes it: with names (the keys) that are only the texts that a person typed."""
    library = Library(folder)
    for name, digest in images.items():
        put(library, {ONE.manifest.digest: ONE, TWO.manifest.digest: TWO}[digest], APP.with_tag(name))
    index = json.loads((folder / INDEX_FILE).read_text())
    for entry in index["manifests"]:
        name = entry["annotations"].pop(IMAGE_NAME).rpartition(":")[2]
        entry["annotations"] = {REF_NAME: name}
    (folder / INDEX_FILE).write_text(json.dumps(index))
    return folder


def packed(folder: Path, file: Path) -> Path:
    with tarfile.open(file, "w") as tar:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.name.startswith("."):
                tar.add(path, path.relative_to(folder))
    return file


def test_a_literal_name_is_found_in_a_folder_and_in_an_archive(tmp_path: Path, session: Session) -> None:
    folder = skopeos(tmp_path / "sk", v1=ONE.manifest.digest, V2=TWO.manifest.digest)
    file = packed(folder, tmp_path / "sk.tar")
    for name, made in (("v1", ONE), ("V2", TWO)):
        digest = made.manifest.digest
        end = places.end_of(places.parse_place(f"oci:{folder}:{name}", session), session)
        assert end == Endpoint(LibraryPlace(folder), None, digest)
        end = places.end_of(places.parse_place(f"oci-archive:{file}:{name}", session), session)
        assert end == Endpoint(ArchivePlace(file, "oci"), None, digest)
        for source in (f"oci:{folder}:{name}", f"oci-archive:{file}:{name}"):
            copied = longshore.transfer(source, f"oci:{tmp_path}/copied:new", replace=True)
            assert copied.digest == digest
            assert in_folder(tmp_path / "copied") == {"new": ("docker.io/library/new:latest", digest)}
    with pytest.raises(NotInLibrary):
        longshore.transfer(f"oci:{folder}:v3", "library:x")
    with pytest.raises(ArchiveError):
        longshore.transfer(f"oci-archive:{file}:v3", "library:x")
    with pytest.raises(InvalidReference):
        longshore.transfer(f"oci-archive:{file}:V3", "library:x")


def test_a_literal_name_comes_before_a_reference_that_is_typed_the_same(
    tmp_path: Path, session: Session
) -> None:
    folder = skopeos(tmp_path / "both", v1=ONE.manifest.digest)
    put(Library(folder), TWO, Reference.parse("v1:latest"))

    def digest(text: str) -> str:
        return places.end_of(places.parse_place(text, session), session).image_id

    assert digest(f"oci:{folder}:v1") == ONE.manifest.digest
    assert digest(f"oci:{folder}:v1:latest") == TWO.manifest.digest
    assert digest(f"oci:{folder}:docker.io/library/v1:latest") == TWO.manifest.digest
    assert digest(f"oci:{folder}:{ONE.manifest.digest}") == ONE.manifest.digest


@pytest.mark.parametrize("name", ["multi", "multi:2", "team/app:1"])
def test_a_destination_has_the_name_that_was_typed_and_its_reference(name: str, tmp_path: Path) -> None:
    source = tmp_path / "source"
    digest = put(Library(source), ONE, APP)
    whole = str(Reference.parse(name).with_default_tag())
    for _ in range(2):
        longshore.transfer(f"oci:{source}:{APP}", f"oci:{tmp_path}/lay:{name}")
    longshore.transfer(f"oci:{tmp_path}/lay:{name}", f"oci-archive:{tmp_path}/lay.tar:{name}")
    assert in_folder(tmp_path / "lay") == {name: (whole, digest)}
    assert in_archive(tmp_path / "lay.tar") == {name: (whole, digest)}
    # The library and every way without such a name keep whole references.
    longshore.transfer(f"oci-archive:{tmp_path}/lay.tar:{name}", f"library:{name}")
    assert in_folder(longshore.Library().path)[whole] == (whole, digest)
    longshore.transfer(f"oci:{source}:{APP}", f"oci:{tmp_path}/own")
    assert in_folder(tmp_path / "own") == {str(APP): (str(APP), digest)}


def test_a_literal_name_moves_and_is_added_to_an_image_that_is_there(tmp_path: Path) -> None:
    folder = skopeos(tmp_path / "sk", multi=ONE.manifest.digest)
    source = tmp_path / "source"
    put(Library(source), TWO, APP)
    moved = longshore.transfer(f"oci:{source}:{APP}", f"oci:{folder}:multi")
    assert [(note.kind.value, note.text) for note in moved.notes] == [("overwritten", ONE.manifest.digest)]
    assert in_folder(folder) == {"multi": ("docker.io/library/multi:latest", TWO.manifest.digest)}
    # A layout of an earlier version has the whole reference: skopeo would not find it.
    earlier = tmp_path / "earlier"
    put(Library(earlier), TWO, Reference.parse("multi:latest"))
    longshore.transfer(f"oci:{source}:{APP}", f"oci:{earlier}:multi")
    assert in_folder(earlier) == {"multi": ("docker.io/library/multi:latest", TWO.manifest.digest)}


def test_a_folder_that_is_missing_or_has_other_images(tmp_path: Path) -> None:
    folder = skopeos(tmp_path / "sk", v1=ONE.manifest.digest, v2=TWO.manifest.digest)
    put(Library(folder), TWO, APP)
    for source in (f"oci:{tmp_path}/none:1", f"oci:{tmp_path}/none"):
        with pytest.raises(NotInLibrary, match="The folder does not exist") as caught:
            longshore.transfer(source, "library:x")
        assert caught.value.subject == f"{tmp_path}/none"
    with pytest.raises(NotInLibrary, match="The folder has no such image") as caught:
        longshore.transfer(f"oci:{folder}:v3", "library:x")
    assert (caught.value.subject, caught.value.advice) == (f"{folder}:v3", f"It has: {APP}, v1, v2")
    with pytest.raises(NotInLibrary, match="The folder has no such image") as caught:
        longshore.Library(folder).push("r.io/other:1", "r.io/other:1")
    assert caught.value.subject == f"{folder}:r.io/other:1"
    with pytest.raises(NotInLibrary, match="The library has no such image"):
        longshore.transfer("library:v3", "library:x")


def test_a_place_is_no_image_to_compare() -> None:
    assert str(places.local_reference("docker:24")) == "docker.io/library/docker:24"
    for text in ("oci:folder", "library:web:1", "docker-daemon:web:1", "docker://r.io/web:1"):
        with pytest.raises(InvalidInput, match="are compared"):
            places.local_reference(text)
