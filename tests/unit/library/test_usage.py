"""What a library's images take on disk: exact, and true after a removal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from longshore.library.library import Library
from longshore.oci.descriptor import Descriptor
from longshore.oci.digest import sha256_of
from transfertools.layouts import NAME, Made, image, index, noise, on_disk, put, put_blobs, put_index

BASE = noise(50_000, "base")
MADE = [image(BASE, noise(1000 * number, number)) for number in range(1, 5)]


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "library")


def removed(library: Library, *digests: str) -> int:
    """The bytes that disappear from the disk."""
    before = on_disk(library).bytes
    for digest in digests:
        library.remove(digest)
    return before - on_disk(library).bytes


def test_looking_makes_nothing(library: Library) -> None:
    usage = library.usage()
    assert (usage.total, usage.images) == (0, {})
    assert not library.path.exists()


def test_the_forecast_is_what_disappears(library: Library) -> None:
    ids = [put(library, made, NAME.with_tag(str(number))) for number, made in enumerate(MADE)]
    library.tag(ids[0], NAME.with_tag("same"))
    usage = library.usage()
    assert usage.total == usage.counted == on_disk(library).bytes
    two = usage.freed(ids[1:3])
    assert 5000 < two.bytes < 8000
    assert removed(library, *ids[1:3]) == two.bytes
    rest = library.usage().freed([ids[0], ids[3]])
    assert rest.bytes > len(BASE)
    assert removed(library, ids[0], ids[3]) == rest.bytes
    assert on_disk(library).blobs == 0


def test_one_of_several_names_frees_nothing(library: Library) -> None:
    digest = put(library, MADE[0])
    library.tag(digest, NAME.with_tag("2"))
    before = on_disk(library).bytes
    library.remove(NAME)
    assert on_disk(library).bytes == before == library.usage().freed([digest]).bytes


def test_an_image_has_its_attachments_and_theirs(library: Library) -> None:
    digest = put(library, MADE[0])
    other = put(library, MADE[1], NAME.with_tag("other"))
    signature = image(noise(700, "signature"), subject=MADE[0].manifest.descriptor)
    put(library, signature, None)
    put(library, image(noise(300, "of the signature"), subject=signature.manifest.descriptor), None)
    usage = library.usage()
    assert usage.images.keys() == {digest, other}
    forecast = usage.freed([digest]).bytes
    assert forecast > 1000 + 700 + 300
    assert removed(library, digest) == forecast
    assert library.usage().total == library.usage().union([other])


def test_children_of_an_index_are_shared_with_it(library: Library) -> None:
    children = [
        ("linux/amd64", MADE[0]),
        ("linux/arm64", image(BASE, noise(900, "arm"), platform="linux/arm64")),
    ]
    both = put_index(library, index(*children), *(made for _, made in children))
    child = put(library, MADE[0], NAME.with_tag("amd64"))
    usage = library.usage()
    assert usage.unique(child) == 0
    forecast = usage.freed([both])
    assert removed(library, both) == forecast.bytes > 900
    assert library.usage().freed([child]).bytes == library.usage().total


def test_what_a_transfer_holds_is_not_freed(library: Library) -> None:
    digest = put(library, MADE[0])
    lease = library.lease()
    try:
        library.hold(lease, digest)
        assert library.usage().freed([digest]).bytes == 0
        assert removed(library, digest) == 0
    finally:
        lease.close()


def test_leftovers_count_as_used_disk_and_belong_to_no_image(library: Library) -> None:
    digest = put(library, MADE[0])
    lease = library.lease()
    put_blobs(library, MADE[1], lease)
    lease.close()
    usage = library.usage()
    assert usage.total == on_disk(library).bytes > (usage.size(digest) or 0)
    assert removed(library, digest) == usage.freed([digest]).bytes


def test_nothing_is_freed_while_a_document_is_not_understood(library: Library) -> None:
    digest = put(library, MADE[0])
    raw = b'{"mediaType": "application/vnd.example.unknown", "schemaVersion": 2}'
    odd = library.path / "blobs" / "sha256" / sha256_of(raw).removeprefix("sha256:")
    odd.write_bytes(raw)
    listed = (library.path / "index.json").read_text()
    entry = Descriptor("application/vnd.example.unknown", sha256_of(raw), len(raw)).to_json()
    document = json.loads(listed)
    document["manifests"].append(entry)
    (library.path / "index.json").write_text(json.dumps(document))
    assert library.usage().freed([digest]).bytes == 0
    assert removed(library, digest) == 0


def test_an_attachment_without_its_image_stays(library: Library) -> None:
    nowhere: Made = MADE[2]
    put(library, image(noise(700, "alone"), subject=nowhere.manifest.descriptor), NAME.with_tag("x"))
    digest = put(library, MADE[0])
    forecast = library.usage().freed([digest]).bytes
    assert removed(library, digest) == forecast
