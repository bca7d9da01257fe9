"""The files of an OCI image layout from untrusted programs."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest

from longshore.errors import InvalidLayout, InvalidReference
from longshore.oci.descriptor import Descriptor
from longshore.oci.layout import (
    IMAGE_NAME,
    LARGEST_INDEX,
    REF_NAME,
    LayoutEntry,
    LayoutIndex,
    blob_path,
    check_layout_file,
    layout_file,
)
from longshore.oci.manifest import OCI_INDEX, OCI_MANIFEST
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference

ONE, TWO = (Descriptor(OCI_MANIFEST, f"sha256:{number:064x}", 100 + number) for number in (1, 2))
APP = Reference.parse("127.0.0.1:5000/team/app:1")


def index(*entries: dict[str, Any], **more: Any) -> bytes:
    return json.dumps({"schemaVersion": 2, "manifests": list(entries), **more}).encode()


def annotated(**annotations: str) -> dict[str, Any]:
    return ONE.to_json() | {"annotations": annotations}


def test_a_blob_lies_where_the_specification_says_and_nowhere_else() -> None:
    assert blob_path(ONE.digest) == f"blobs/sha256/{1:064x}"
    for text in ("sha256:../../etc/passwd", "../x:" + "0" * 64, "sha256:" + "0" * 63, ""):
        with pytest.raises(InvalidReference):
            blob_path(text)


def test_the_marker_is_one_that_we_read_ourselves() -> None:
    check_layout_file(layout_file())
    assert json.loads(layout_file()) == {"imageLayoutVersion": "1.0.0"}


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"{}", b'{"imageLayoutVersion":"2.0.0"}', b'{"imageLayoutVersion":1}', b" " * 70_000]
)
def test_another_marker_is_no_layout(raw: bytes) -> None:
    with pytest.raises(InvalidLayout):
        check_layout_file(raw)


def test_names_are_written_for_both_families_of_tools_and_read_again() -> None:
    written = LayoutIndex((LayoutEntry.named(ONE, APP), LayoutEntry.named(TWO, None))).to_bytes()
    document = json.loads(written)
    assert document["mediaType"] == OCI_INDEX
    assert document["manifests"][0]["annotations"] == {REF_NAME: str(APP), IMAGE_NAME: str(APP)}
    assert "annotations" not in document["manifests"][1]
    read = LayoutIndex.parse(written)
    assert [(entry.descriptor.digest, entry.reference) for entry in read.entries] == [
        (ONE.digest, APP),
        (TWO.digest, None),
    ]


@pytest.mark.parametrize(
    ("annotations", "reference"),
    [
        ({REF_NAME: "app:1"}, "docker.io/library/app:1"),  # skopeo, if given only this
        ({REF_NAME: "quay.io/team/app"}, "quay.io/team/app:latest"),
        ({REF_NAME: "1", IMAGE_NAME: "quay.io/team/app:1"}, "quay.io/team/app:1"),  # BuildKit, docker save
        ({REF_NAME: "quay.io/team/app:1", IMAGE_NAME: "no reference at all"}, "quay.io/team/app:1"),
        ({REF_NAME: "1"}, None),
        ({REF_NAME: "//:@"}, None),
        ({}, None),
    ],
)
def test_names_of_other_makers(annotations: dict[str, str], reference: str | None) -> None:
    (entry,) = LayoutIndex.parse(index(annotated(**annotations))).entries
    assert (str(entry.reference) if entry.reference else None) == reference
    assert entry.ref_name == annotations.get(REF_NAME, "")


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b"[]",
        b'{"schemaVersion":1}',
        b'{"schemaVersion":2,"manifests":{}}',
        index({"mediaType": OCI_MANIFEST, "digest": "sha256:../..", "size": 1}),
        index({"mediaType": OCI_MANIFEST, "digest": ONE.digest, "size": -1}),
        b"[" * 100_000,
    ],
)
def test_a_broken_index_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidLayout):
        LayoutIndex.parse(raw)


def test_an_index_of_any_size_is_not_read() -> None:
    with pytest.raises(InvalidLayout):
        LayoutIndex.parse(b" " * (LARGEST_INDEX + 1))


@pytest.mark.parametrize(
    ("extra", "read"),
    [
        (b",".join([b"{}"] * 399_998), True),
        (b",".join([b"{}"] * 399_999), False),
        (b",".join([b"1"] * 1_999_900), True),
        (b",".join([b"1"] * 2_000_000), False),
        (b"[" * 60 + b"]" * 60, True),
        (b"[" * 70 + b"]" * 70, False),
    ],
    ids=["objects", "too many objects", "values", "too many values", "deep", "too deep"],
)
def test_an_index_is_bounded_in_parts_which_take_more_memory_than_their_bytes(
    extra: bytes, read: bool
) -> None:
    raw = b'{"schemaVersion":2,"manifests":null,"x":[' + extra + b"]}"
    with contextlib.nullcontext() if read else pytest.raises(InvalidLayout):
        LayoutIndex.parse(raw)


def test_what_has_no_bytes_of_its_own_is_written_as_it_came() -> None:
    read = LayoutIndex.parse(rb'{"schemaVersion":2,"manifests":[],"x":"\ud800"}')
    assert rb"\ud800" in read.to_bytes()


def test_thousands_of_names_go_in_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = tuple(LayoutEntry.named(ONE, APP.with_tag(str(each))) for each in range(5000))
    compared = 0
    equal = LayoutEntry.__eq__

    def counted(self: LayoutEntry, other: object) -> bool:
        nonlocal compared
        compared += 1
        return equal(self, other)

    monkeypatch.setattr(LayoutEntry, "__eq__", counted)
    assert LayoutIndex(entries).without(*entries[1:]).entries == entries[:1]
    assert compared < 20_000


def test_an_empty_list_may_be_null() -> None:
    assert LayoutIndex.parse(b'{"schemaVersion":2,"manifests":null}').entries == ()


def test_what_others_wrote_is_kept() -> None:
    stranger = annotated(**{REF_NAME: "a:1", "org.example.note": "x"}) | {"data": "e30=", "org.example": 1}
    read = LayoutIndex.parse(index(stranger, annotations={"a": "b"}))
    (line,) = json.loads(read.to_bytes())["manifests"]
    assert line == stranger
    assert json.loads(read.to_bytes())["annotations"] == {"a": "b"}
    renamed = read.with_entry(read.entries[0].renamed(APP))
    assert len(renamed.entries) == 2
    assert renamed.entries[1].fields["data"] == "e30="
    assert renamed.entries[1].fields["annotations"]["org.example.note"] == "x"
    assert renamed.entries[1].fields["annotations"][REF_NAME] == str(APP)


def test_a_name_stands_once() -> None:
    both = (
        LayoutIndex()
        .with_entry(LayoutEntry.named(ONE, APP))
        .with_entry(LayoutEntry.named(ONE, APP.with_tag("2")))
    )
    assert [entry.reference for entry in both.entries] == [APP, APP.with_tag("2")]
    moved = both.with_entry(LayoutEntry.named(TWO, APP))
    assert [(entry.descriptor.digest, entry.reference) for entry in moved.entries] == [
        (TWO.digest, APP),
        (ONE.digest, APP.with_tag("2")),
    ]


def test_an_image_without_a_name_gets_one_and_is_not_there_twice() -> None:
    first = LayoutIndex().with_entry(LayoutEntry.named(ONE, None))
    assert first.with_entry(LayoutEntry.named(ONE, None)).entries == first.entries
    assert [entry.reference for entry in first.with_entry(LayoutEntry.named(ONE, APP)).entries] == [APP]


def test_what_several_entries_become_is_in_the_place_of_the_first() -> None:
    other = LayoutEntry.named(TWO, APP.with_tag("2"))
    before = LayoutIndex((LayoutEntry.named(ONE, None), other, LayoutEntry.named(TWO, APP)))
    after = before.with_entry(LayoutEntry.named(ONE, APP))
    assert [entry.reference for entry in after.entries] == [APP, APP.with_tag("2")]


def test_looked_up_by_name_and_by_digest() -> None:
    there = LayoutIndex((LayoutEntry.named(ONE, APP), LayoutEntry.named(TWO, None)))
    assert there.find(APP) == there.entries[0]
    assert there.find(APP.with_tag("2")) is None
    assert there.find(APP.with_tag(None).with_digest(TWO.digest)) == there.entries[1]
    assert there.find(APP.with_digest(f"sha256:{9:064x}")) is None
    assert there.without(there.entries[0]).entries == (there.entries[1],)


def test_the_platform_stays_with_the_image() -> None:
    arm = Descriptor(OCI_MANIFEST, ONE.digest, 1, platform=Platform("linux", "arm64", "v8"))
    (entry,) = LayoutIndex.parse(LayoutIndex((LayoutEntry.named(arm, APP),)).to_bytes()).entries
    assert entry.descriptor.platform == Platform("linux", "arm64", "v8")


def test_a_name_that_another_tool_gave_stays_beside_a_new_one() -> None:
    read = LayoutIndex.parse(index(annotated(**{REF_NAME: "theirs"})))
    (theirs,) = read.entries
    assert (theirs.reference, theirs.ref_name) == (None, "theirs")
    both = read.with_entry(LayoutEntry.named(theirs.descriptor, APP))
    assert [entry.ref_name for entry in both.entries] == ["theirs", str(APP)]
