"""Images that are shown as complete are complete, and a library folder made by a stranger does no harm."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from longshore.errors import InvalidLayout, LibraryDamaged, LibraryError
from longshore.library import blobs, rows
from longshore.library.blobs import Contents
from longshore.library.collecting import Collector
from longshore.library.folder import LayoutFolder
from longshore.library.library import Library
from longshore.library.model import Freed
from longshore.oci import layout
from longshore.oci.descriptor import Descriptor
from longshore.oci.digest import sha256_of
from longshore.oci.manifest import OCI_INDEX, Index, Manifest, parse_manifest
from transfertools.layouts import NAME, Made, blobs_of, image, index, noise, put, put_index

ONE = image(noise(5000, "one"))
TWO = image(noise(4000, "two"), noise(100, "top"))
OTHER = NAME.with_tag("2")
LAYER, CONFIG, MANIFEST = ONE.manifest.layers[0].digest, ONE.manifest.config.digest, ONE.manifest.digest


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "library")


def blob(library: Library, digest: str) -> Path:
    return library.path / "blobs" / "sha256" / digest[7:]


def nested(child: Index | Made, depth: int = 1) -> list[Index]:
    """Nested indexes, the outermost last."""
    found: list[Index] = []
    inner = child.manifest.descriptor if isinstance(child, Made) else child.descriptor
    for _ in range(depth):
        document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [inner.to_json()]}
        parsed = parse_manifest(json.dumps(document).encode(), OCI_INDEX)
        assert isinstance(parsed, Index)
        found.append(parsed)
        inner = parsed.descriptor
    return found


def put_nested(library: Library, made: Made, *indexes: Index) -> None:
    put(library, made, OTHER)
    lease = library.lease()
    for each in indexes[:-1]:
        library.put(each, lease)
    library.put(indexes[-1], lease, NAME)
    lease.close()
    library.remove(OTHER)


# -- what is complete


@pytest.mark.parametrize("size", [0, 1, 2500, 4999, 5001])
@pytest.mark.parametrize("seen_before", [False, True])
def test_a_layer_of_another_size_is_missing(library: Library, size: int, seen_before: bool) -> None:
    put(library, ONE)
    if seen_before:
        assert library.images()[0].missing == 0
    os.truncate(blob(library, LAYER), size)
    (row,) = library.images()
    assert row.missing == 1
    assert row.size == len(ONE.manifest.raw) + ONE.manifest.config.size + size
    assert [part.whole for part in library.details(NAME).platforms] == [False]


@pytest.mark.parametrize("digest", [CONFIG, MANIFEST])
@pytest.mark.parametrize("seen_before", [False, True])
def test_a_document_that_lost_its_end_is_missing(library: Library, digest: str, seen_before: bool) -> None:
    put(library, ONE)
    if seen_before:
        assert library.images()[0].missing == 0
    else:
        library = Library(library.path)
    os.truncate(blob(library, digest), 0)
    assert library.images()[0].missing == 1
    assert library.images()[0].missing == 1
    put(library, ONE)
    assert library.images()[0].missing == 0


@pytest.mark.parametrize("lost", [LAYER, CONFIG, MANIFEST, "inner", "outer"])
def test_an_index_within_an_index_is_looked_through(library: Library, lost: str) -> None:
    first = index(("linux/amd64", ONE))
    (outer,) = nested(first)
    put_nested(library, ONE, first, outer)
    (row,) = library.images()
    assert (row.missing, [str(each) for each in row.platforms]) == (0, ["linux/amd64"])
    assert row.size == sum(library.blob_size(each) or 0 for each in blobs_of(library))
    (part,) = library.details(NAME).platforms
    assert (part.digest, part.whole) == (MANIFEST, True)
    blob(library, {"inner": first.digest, "outer": outer.digest}.get(lost, lost)).unlink()
    assert library.images()[0].missing == 1


def test_an_index_within_an_index_has_the_platform_that_it_is_listed_for(library: Library) -> None:
    child = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [ONE.manifest.descriptor.to_json()]}
    inner = parse_manifest(json.dumps(child).encode(), OCI_INDEX)
    listed = inner.descriptor.to_json() | {"platform": {"os": "linux", "architecture": "s390x"}}
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [listed]}
    outer = parse_manifest(json.dumps(document).encode(), OCI_INDEX)
    assert isinstance(inner, Index) and isinstance(outer, Index)
    put_nested(library, ONE, inner, outer)
    assert [str(each) for each in library.images()[0].platforms] == ["linux/s390x"]


def test_what_is_no_image_in_an_index_hides_none_after_it(library: Library) -> None:
    strange = Descriptor("application/vnd.example", sha256_of(b"x"), 1).to_json()
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [strange, ONE.manifest.descriptor.to_json()],
    }
    outer = parse_manifest(json.dumps(document).encode(), OCI_INDEX)
    assert isinstance(outer, Index)
    put_nested(library, ONE, outer)
    assert [part.digest for part in library.details(NAME).platforms] == [MANIFEST]


@pytest.mark.parametrize("config", [b"no JSON", b"[]", b""])
def test_an_image_with_a_configuration_that_is_none_is_kept_without_a_platform(
    library: Library, config: bytes
) -> None:
    described = Descriptor("application/vnd.example.config", sha256_of(config), len(config))
    document = json.loads(ONE.manifest.raw) | {"config": described.to_json()}
    manifest = parse_manifest(json.dumps(document).encode(), None)
    assert isinstance(manifest, Manifest)
    put(library, Made(manifest, ONE.blobs | {described.digest: config}))
    (row,) = library.images()
    assert (row.digest, row.platforms, row.created, row.missing) == (manifest.digest, (), None, 0)
    assert library.entry(NAME).descriptor.platform is None


def test_what_is_attached_has_its_kind(library: Library) -> None:
    """A manifest without a kind of its own has that of its configuration; an index has none."""
    put(library, ONE)
    subject = {"subject": ONE.manifest.descriptor.to_json()}
    bare = json.loads(ONE.manifest.raw) | subject
    documents = [
        bare,
        bare | {"artifactType": "application/vnd.example"},
        {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []} | subject,
        {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [], "artifactType": "text/x"} | subject,
    ]
    with contextlib.closing(library.lease()) as lease:
        for document in documents:
            library.put(parse_manifest(json.dumps(document).encode(), None), lease, None)
    kinds = [one.artifact_type for one in library.details(NAME).referrers]
    assert kinds == [ONE.manifest.config.media_type, "application/vnd.example", "", "text/x"]


def test_a_platform_counts_the_bytes_that_are_here(library: Library) -> None:
    put_index(library, index(("linux/amd64", ONE), ("linux/arm64", TWO)), ONE)
    here, gone = library.details(NAME).platforms
    assert (here.size, here.whole) == (len(ONE.manifest.raw) + ONE.manifest.config.size + 5000, True)
    assert (gone.size, gone.whole) == (0, False)


def test_a_child_that_cannot_be_read_is_not_whole_whatever_its_size(library: Library) -> None:
    put_index(library, index(("linux/amd64", ONE), ("linux/arm64", TWO)), ONE, TWO)
    path = blob(library, TWO.manifest.digest)
    path.write_bytes(b"x" + path.read_bytes()[1:])
    parts = Library(library.path).details(NAME).platforms
    assert [part.whole for part in parts] == [True, False]


def test_a_damaged_manifest_that_cannot_be_removed_is_not_shown_as_whole(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blobs, "_PATIENCE", 0.01)
    put(library, ONE)
    assert library.images()[0].missing == 0  # remembered from now on
    raw = ONE.manifest.raw
    blob(library, MANIFEST).write_bytes(b" " + raw[1:])
    with (
        LayoutFolder(library.path).blobs_lock(shared=True),
        pytest.raises(LibraryDamaged, match="is damaged"),
        library.read(ONE.manifest.descriptor) as chunks,
    ):
        for _ in chunks:
            pass
    assert library.images()[0].missing == 1


def test_no_damaged_byte_is_the_last(library: Library) -> None:
    """A reader that knows the size may stop at the last byte, so the content is checked before that."""
    put(library, ONE)
    blob(library, LAYER).write_bytes(noise(5000, "other"))
    received = b""
    with pytest.raises(LibraryDamaged), library.read(ONE.manifest.layers[0]) as chunks:
        for chunk in chunks:
            received += chunk
    assert len(received) < 5000


def test_an_image_for_no_machine_of_this_kind_is_shown_all_the_same(library: Library) -> None:
    strange = image(noise(100, "strange"), platform="plan9/mips")
    put(library, strange)
    details = library.details(NAME)
    assert details.layers == strange.manifest.layers
    assert details.config is not None and details.config.platform is not None
    assert str(details.config.platform) == "plan9/mips"


def test_only_so_many_documents_are_remembered(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    put(library, ONE)
    put(library, TWO, OTHER)
    library = Library(library.path)
    monkeypatch.setattr(blobs, "_REMEMBERED", 1)
    opened: list[str] = []
    open_blob = LayoutFolder.open_blob

    def counted(self: LayoutFolder, digest: str) -> Any:
        opened.append(digest)
        return open_blob(self, digest)

    monkeypatch.setattr(LayoutFolder, "open_blob", counted)
    for made in (ONE, ONE, TWO, TWO, ONE):
        library.manifest(made.manifest.digest)
    assert opened == [ONE.manifest.digest, TWO.manifest.digest, ONE.manifest.digest]


@pytest.mark.parametrize(("depth", "missing"), [(rows.DEEPEST, 0), (rows.DEEPEST + 1, 1), (40, 1)])
def test_nesting_is_followed_to_a_depth(library: Library, depth: int, missing: int) -> None:
    put_nested(library, ONE, *nested(ONE, depth))
    assert library.images()[0].missing == missing
    assert library.remove(NAME).blobs == depth + len(ONE.digests)
    assert blobs_of(library) == set()


def test_indexes_that_name_each_other_twice_are_read_once(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seven levels, each with its child twice: 128 paths, seven documents."""
    levels: list[Index] = []
    inner = ONE.manifest.descriptor
    for _ in range(7):
        twice = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [inner.to_json()] * 2}
        parsed = parse_manifest(json.dumps(twice).encode(), OCI_INDEX)
        assert isinstance(parsed, Index)
        levels.append(parsed)
        inner = parsed.descriptor
    put_nested(library, ONE, *levels)
    asked: list[str] = []
    manifest = Contents.manifest

    def counted(self: Contents, digest: str, **named: Any) -> Any:
        asked.append(digest)
        return manifest(self, digest, **named)

    monkeypatch.setattr(Contents, "manifest", counted)
    (row,) = library.images()
    assert row.missing == 0
    assert len(asked) <= 10


def test_one_image_is_read_to_a_number_of_manifests(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_index(library, index(("linux/amd64", ONE), ("linux/arm64", TWO)), ONE, TWO)
    monkeypatch.setattr(rows, "MOST_MANIFESTS", 3)
    assert library.images()[0].missing == 0
    monkeypatch.setattr(rows, "MOST_MANIFESTS", 2)
    assert library.images()[0].missing == 1


def test_a_child_of_two_platforms_is_shown_for_both(library: Library) -> None:
    put_index(library, index(("linux/amd64", ONE), ("linux/arm64", ONE)), ONE)
    (row,) = library.images()
    assert [str(each) for each in row.platforms] == ["linux/amd64", "linux/arm64"]
    assert [part.whole for part in library.details(NAME).platforms] == [True, True]


@pytest.mark.parametrize("size", [len(ONE.manifest.raw) - 1, len(ONE.manifest.raw) + 1, 0])
def test_an_index_that_has_another_size_for_its_child_is_not_whole(library: Library, size: int) -> None:
    document = json.loads(index(("linux/amd64", ONE)).raw)
    document["manifests"][0]["size"] = size
    found = parse_manifest(json.dumps(document).encode(), OCI_INDEX)
    assert isinstance(found, Index)
    put_index(library, found, ONE)
    assert library.images()[0].missing == 1
    assert [part.whole for part in library.details(NAME).platforms] == [False]


def test_an_image_that_goes_while_the_list_is_read_is_not_shown_as_damaged(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(library, ONE)
    put(library, TWO, OTHER)
    other = Library(library.path)
    sizes = Contents.sizes

    def removing(self: Contents) -> dict[str, int]:
        monkeypatch.setattr(Contents, "sizes", sizes)
        other.remove(NAME)
        return sizes(self)

    monkeypatch.setattr(Contents, "sizes", removing)
    assert [(row.reference, row.missing) for row in library.images()] == [(OTHER, 0)]


# -- folders made by strangers


@pytest.mark.parametrize("digest", [LAYER, CONFIG, MANIFEST])
@pytest.mark.parametrize("make", ["fifo", "link", "folder", "link to nowhere"])
def test_what_is_no_file_harms_one_image_only(
    library: Library, tmp_path: Path, digest: str, make: str
) -> None:
    put(library, ONE)
    put(library, TWO, OTHER)
    library = Library(library.path)
    secret = tmp_path / "secret"
    secret.write_text("secret")
    path = blob(library, digest)
    path.unlink()
    if make == "fifo":
        os.mkfifo(path)
    elif make == "folder":
        path.mkdir()
    else:
        path.symlink_to(secret if make == "link" else tmp_path / "nowhere")
    os.utime(secret, (0, 0))
    assert [(row.reference, row.missing) for row in library.images()] == [(NAME, 1), (OTHER, 0)]
    assert library.blob_size(digest) is None
    if make != "folder":
        with pytest.raises(LibraryDamaged) as caught, library.read(Descriptor("", digest, 1)):
            pass
        assert caught.value.subject == str(path)
        assert ("link" in caught.value.message) == make.startswith("link")
        # Another pull makes it complete again.
        put(library, ONE)
        assert [row.missing for row in library.images()] == [0, 0]
    assert secret.read_text() == "secret"
    assert secret.stat().st_mtime == 0


def test_nothing_is_removed_while_a_named_manifest_is_there_and_cannot_be_read(library: Library) -> None:
    """Its parts may be intact, and nothing else refers to them."""
    put(library, ONE)
    put(library, TWO, OTHER)
    library = Library(library.path)
    path = blob(library, MANIFEST)
    path.rename(library.path / "aside")
    path.symlink_to(library.path / "aside")
    for each in (LAYER, CONFIG):
        os.utime(blob(library, each), (0, 0))
    assert library.remove(OTHER) == Freed()
    library.tidy()
    assert ONE.digests <= blobs_of(library)
    library.remove(NAME)
    library.tidy()
    assert LAYER not in blobs_of(library)


def test_nothing_is_removed_while_the_index_is_missing(library: Library) -> None:
    put(library, ONE)
    lease = library.lease()
    for each in blobs_of(library):
        os.utime(blob(library, each), (0, 0))
    folder = LayoutFolder(library.path)
    (library.path / "index.json").unlink()
    assert folder.listed() is None
    assert Collector(folder, Contents(folder)).collect(ONE.digests) == Freed()
    assert blobs_of(library) == ONE.digests
    lease.close()


@pytest.mark.parametrize("gone", [".longshore/ingest", ".longshore/leases", ".longshore", "blobs"])
def test_a_folder_that_is_missing_is_created_again(library: Library, gone: str) -> None:
    put(library, ONE)
    for path in sorted((library.path / gone).rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (library.path / gone).rmdir()
    for again in (library, Library(library.path)):
        put(again, TWO, OTHER)
        assert again.details(OTHER).image.missing == 0
    library.tag(OTHER, NAME)
    assert [row.missing for row in library.images()] == [0, 0]


@pytest.mark.parametrize("name", ["index.json", "oci-layout"])
@pytest.mark.parametrize(
    "make",
    [os.mkfifo, lambda path: path.symlink_to("/dev/zero"), lambda path: path.mkdir()],
    ids=["fifo", "link", "folder"],
)
def test_a_document_that_is_no_file_is_an_error_at_once(
    library: Library, name: str, make: Callable[[Path], None]
) -> None:
    put(library, ONE)
    (library.path / name).unlink()
    make(library.path / name)
    for attempt in (library.images, lambda: library.tag(NAME, OTHER), library.tidy):
        with pytest.raises(LibraryError) as caught:
            attempt()
        assert str(library.path / name) == caught.value.subject
    assert blobs_of(library) == ONE.digests


def test_an_index_of_too_many_bytes_is_refused_before_it_is_written(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(library, ONE)
    before = (library.path / "index.json").read_bytes()
    grown = len(before) * 2
    monkeypatch.setattr(layout, "LARGEST_INDEX", len(before))
    assert library.images()
    with pytest.raises(LibraryError) as caught:
        library.tag(NAME, OTHER)
    assert "too many" in caught.value.message
    assert (library.path / "index.json").read_bytes() == before
    monkeypatch.setattr(layout, "LARGEST_INDEX", grown)
    library.tag(NAME, OTHER)


def test_an_index_of_too_many_bytes_is_not_read(library: Library) -> None:
    put(library, ONE)
    with (library.path / "index.json").open("ab") as file:
        file.write(b" " * layout.LARGEST_INDEX)
    with pytest.raises(InvalidLayout) as caught:
        library.images()
    assert caught.value.subject == str(library.path / "index.json")
