"""Manifests and indexes from untrusted bytes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from longshore.errors import InvalidManifest
from longshore.oci.descriptor import Descriptor
from longshore.oci.digest import sha256_of
from longshore.oci.manifest import (
    ACCEPT,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    LARGEST_MANIFEST,
    OCI_CONFIG,
    OCI_EMPTY,
    OCI_INDEX,
    OCI_LAYER_GZIP,
    OCI_MANIFEST,
    Index,
    Manifest,
    parse_manifest,
)
from longshore.oci.platform import Platform


def digest(number: int) -> str:
    return f"sha256:{number:064x}"


def part(number: int, size: int = 100, media_type: str = OCI_LAYER_GZIP, **more: Any) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest(number), "size": size, **more}


def child(number: int, system: str, architecture: str, variant: str = "", **more: Any) -> dict[str, Any]:
    named = {"os": system, "architecture": architecture} | ({"variant": variant} if variant else {})
    return part(number, 500, OCI_MANIFEST, platform=named, **more)


def image(**changes: Any) -> dict[str, Any]:
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": part(1, 10, OCI_CONFIG),
        "layers": [part(2), part(3, 1000)],
    }
    return {key: value for key, value in (document | changes).items() if value is not ...}


def index(*children: dict[str, Any], **changes: Any) -> dict[str, Any]:
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list(children)} | changes
    return {key: value for key, value in document.items() if value is not ...}


def read(document: object, media_type: str | None = None) -> Manifest | Index:
    return parse_manifest(json.dumps(document).encode(), media_type)


def read_index(*children: dict[str, Any]) -> Index:
    found = read(index(*children))
    assert isinstance(found, Index)
    return found


def test_image() -> None:
    raw = json.dumps(image(annotations={"a": "b", "odd": 1}, subject=part(9))).encode()
    found = parse_manifest(raw, OCI_MANIFEST)
    assert isinstance(found, Manifest)
    assert found.raw == raw
    assert found.digest == sha256_of(raw)
    assert found.config.media_type == OCI_CONFIG
    assert [layer.digest for layer in found.layers] == [digest(2), digest(3)]
    assert found.compressed_size == 1110
    assert found.annotations == {"a": "b"}
    assert found.subject is not None
    assert found.subject.digest == digest(9)
    assert found.descriptor == Descriptor(OCI_MANIFEST, found.digest, len(raw))
    assert hash(found)


def test_a_layer_used_twice_is_moved_once() -> None:
    found = read(image(layers=[part(2, 100), part(2, 100)]))
    assert isinstance(found, Manifest)
    assert len(found.layers) == 2
    assert found.compressed_size == 110


@pytest.mark.parametrize(
    ("own", "announced", "wanted"),
    [
        (OCI_MANIFEST, None, OCI_MANIFEST),
        (OCI_MANIFEST, OCI_MANIFEST + "; charset=utf-8", OCI_MANIFEST),
        (OCI_MANIFEST, "application/json", OCI_MANIFEST),
        (OCI_MANIFEST, "application/octet-stream", OCI_MANIFEST),
        (OCI_MANIFEST, "Application/Vnd.OCI.Image.Manifest.V1+JSON", OCI_MANIFEST),
        (DOCKER_MANIFEST, DOCKER_MANIFEST, DOCKER_MANIFEST),
        (..., OCI_MANIFEST, OCI_MANIFEST),
        (..., DOCKER_MANIFEST, DOCKER_MANIFEST),
        (..., None, OCI_MANIFEST),
        (..., "", OCI_MANIFEST),
    ],
)
def test_kind_of_an_image(own: Any, announced: str | None, wanted: str) -> None:
    found = read(image(mediaType=own), announced)
    assert isinstance(found, Manifest)
    assert found.media_type == wanted


@pytest.mark.parametrize(
    ("own", "announced", "wanted"),
    [(OCI_INDEX, None, OCI_INDEX), (DOCKER_LIST, DOCKER_LIST, DOCKER_LIST), (..., None, OCI_INDEX)],
)
def test_kind_of_an_index(own: Any, announced: str | None, wanted: str) -> None:
    found = read(index(child(1, "linux", "amd64"), mediaType=own), announced)
    assert isinstance(found, Index)
    assert found.media_type == wanted


def test_null_lists_as_go_writes_them_are_empty() -> None:
    found = read(image(layers=None))
    assert isinstance(found, Manifest)
    assert found.layers == ()
    found = read(index(manifests=None))
    assert isinstance(found, Index)
    assert found.manifests == ()


def test_artifact() -> None:
    found = read(image(config=part(1, 2, OCI_EMPTY), artifactType="application/vnd.example"))
    assert isinstance(found, Manifest)
    assert found.artifact_type == "application/vnd.example"


# A broken document, its announced media type, and some words of the detail (or message).
BROKEN: list[tuple[object, str | None, str]] = [
    ([], None, "not a JSON object"),
    ("text", None, "not a JSON object"),
    ({}, None, "schemaVersion is None"),
    (image(schemaVersion=3), None, "schemaVersion is 3"),
    (image(schemaVersion=True), None, "schema"),
    (image(mediaType=7), None, "mediaType is not text"),
    (image(), OCI_INDEX, "but its mediaType is"),
    (index(), OCI_MANIFEST, "but its mediaType is"),
    (image(mediaType=DOCKER_MANIFEST), OCI_MANIFEST, "but its mediaType is"),
    (image(), "text/html", "but its mediaType is"),
    (image(mediaType=...), "text/html", "text/html"),
    (image(mediaType="application/vnd.oci.artifact.manifest.v1+json"), None, "artifact.manifest"),
    (image(config=...), None, "config: it is not an object"),
    (image(config=[]), None, "config"),
    (image(layers={}), None, "layers is not a list"),
    (image(layers=[None]), None, "layers[0]"),
    (image(layers=[part(1), {}]), None, "layers[1]: it has no media type"),
    (image(layers=[part(1) | {"digest": "sha256:1"}]), None, "digest is not valid: 'sha256:1'"),
    (image(layers=[part(1) | {"digest": None}]), None, "digest is not valid: None"),
    (image(layers=[part(1) | {"digest": digest(1) + "/../x"}]), None, "digest"),
    (image(layers=[part(1, -1)]), None, "size is not valid: -1"),
    (image(layers=[part(1) | {"size": 1.5}]), None, "size is not valid: 1.5"),
    (image(layers=[part(1) | {"size": True}]), None, "size is not valid: True"),
    (image(layers=[part(1) | {"size": "5"}]), None, "size is not valid: '5'"),
    (image(layers=[part(1, 2**63)]), None, "size"),
    (image(subject=3), None, "subject"),
    (index({}), None, "manifests[0]"),
    (index(part(1, platform="linux/amd64")), None, "platform is not an object"),
    # Documents that one client could read as an image and another as an index.
    (image(manifests=[child(1, "linux", "amd64")]), None, "a manifest that contains manifests"),
    (
        image(mediaType=..., manifests=[child(1, "linux", "amd64")]),
        None,
        "a manifest that contains manifests",
    ),
    (index(child(1, "linux", "amd64"), layers=[part(2)]), None, "layers or a configuration"),
    (index(child(1, "linux", "amd64"), config=part(2)), None, "layers or a configuration"),
    (index(child(1, "linux", "amd64"), mediaType=..., layers=[part(2)]), None, "layers or a configuration"),
]


@pytest.mark.parametrize(("document", "announced", "words"), BROKEN)
def test_broken(document: object, announced: str | None, words: str) -> None:
    with pytest.raises(InvalidManifest) as caught:
        read(document, announced)
    assert words in f"{caught.value.message} {caught.value.detail}"


@pytest.mark.parametrize(
    "raw",
    [b"", b"\xff\xfe", b"<html>404</html>", b"{", b"[" * 100_000, b'{"schemaVersion": ' + b"9" * 5000 + b"}"],
)
def test_not_json(raw: bytes) -> None:
    with pytest.raises(InvalidManifest):
        parse_manifest(raw, OCI_MANIFEST)


def test_what_came_instead_is_shown() -> None:
    with pytest.raises(InvalidManifest) as caught:
        parse_manifest(b"<html>Sign in to the hotel</html>", None)
    assert "Sign in to the hotel" in caught.value.detail


def test_too_large_is_not_read() -> None:
    document = json.dumps(image()).encode()
    assert parse_manifest(document.ljust(LARGEST_MANIFEST), None)
    with pytest.raises(InvalidManifest, match="too large"):
        parse_manifest(document.ljust(LARGEST_MANIFEST + 1), None)


@pytest.mark.parametrize(
    ("document", "announced"),
    [
        ({"schemaVersion": 1, "name": "a", "tag": "b"}, None),
        ({"schemaVersion": 1}, "application/vnd.docker.distribution.manifest.v1+prettyjws"),
        ({}, "application/vnd.docker.distribution.manifest.v1+json"),
    ],
)
def test_schema_1_is_refused_by_name(document: object, announced: str | None) -> None:
    with pytest.raises(InvalidManifest, match="schema 1") as caught:
        read(document, announced)
    assert caught.value.advice


def test_accept_has_all_four() -> None:
    assert set(ACCEPT) == {OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST}


ATTESTED = {"annotations": {"vnd.docker.reference.type": "attestation-manifest"}}


def test_platforms_are_those_of_images() -> None:
    found = read_index(
        child(1, "linux", "amd64"),
        child(2, "linux", "arm64", "v8"),
        child(3, "unknown", "unknown", **ATTESTED),
        child(4, "unknown", "unknown"),
        child(5, "linux", "s390x", **ATTESTED),
        child(6, "linux", "amd64"),
        part(7, media_type=OCI_MANIFEST),
    )
    assert [str(platform) for platform in found.platforms] == ["linux/amd64", "linux/arm64/v8"]
    assert [image.digest for image in found.images] == [digest(number) for number in (1, 2, 6, 7)]
    assert len(found.manifests) == 7


@pytest.mark.parametrize(
    ("wanted", "number"),
    [
        ("linux/amd64", 1),
        ("linux/amd64/v3", 2),
        ("linux/amd64/v4", 2),  # v4 runs v3, too
        ("linux/amd64/v2", 1),
        ("linux/arm64", 3),
        ("linux/arm64/v8", 3),
        ("linux/arm/v7", 4),
        ("linux/arm/v8", 4),
        ("linux/arm/v6", 5),
        ("linux/s390x", None),
        ("windows/arm64", None),
        ("unknown/unknown", None),
    ],
)
def test_select(wanted: str, number: int | None) -> None:
    found = read_index(
        child(9, "unknown", "unknown"),
        child(5, "linux", "arm", "v6"),
        child(4, "linux", "arm", "v7"),
        child(1, "linux", "amd64"),
        child(2, "linux", "amd64", "v3"),
        child(3, "linux", "arm64", "v8"),
    ).select(Platform.parse(wanted))
    assert (found.digest if found else None) == (digest(number) if number else None)


def test_select_by_windows_build() -> None:
    def windows(number: int, build: str) -> dict[str, Any]:
        named = {"os": "windows", "architecture": "amd64", "os.version": build}
        return part(number, media_type=OCI_MANIFEST, platform=named)

    found = read_index(windows(1, "10.0.17763.1"), windows(2, "10.0.20348.1"))
    chosen = found.select(Platform("windows", "amd64", os_version="10.0.20348.999"))
    assert chosen is not None
    assert chosen.digest == digest(2)
    assert found.select(Platform("windows", "amd64", os_version="10.0.26100.1")) is None


def test_select_the_only_image_when_it_names_no_platform() -> None:
    nameless = part(1, media_type=OCI_MANIFEST)
    chosen = read_index(nameless, child(2, "unknown", "unknown")).select(Platform.parse("linux/amd64"))
    assert chosen is not None
    assert chosen.digest == digest(1)
    assert (
        read_index(nameless, part(2, media_type=OCI_MANIFEST)).select(Platform.parse("linux/amd64")) is None
    )


def test_descriptor_goes_to_json_and_back() -> None:
    value = part(
        1,
        media_type=OCI_MANIFEST,
        urls=["https://example.com/x"],
        annotations={"a": "b"},
        platform={"architecture": "aarch64", "os": "linux", "os.version": "1.2", "variant": "8"},
        artifactType="application/x",
    )
    assert Descriptor.from_json(value).to_json() == value
    assert Descriptor.from_json(part(1)).to_json() == part(1)


@pytest.mark.parametrize("size", [0, 1, 2**63 - 1])
def test_descriptor_of_any_size(size: int) -> None:
    assert Descriptor.from_json(part(1, size)).size == size


def test_descriptor_leaves_out_odd_extras() -> None:
    found = Descriptor.from_json(
        part(1, urls=["https://x", 3], annotations={"a": 1, "b": "c"}, artifactType=3)
    )
    assert (found.urls, found.annotations, found.artifact_type) == (("https://x",), {"b": "c"}, "")
    assert Descriptor.from_json(part(1, urls="x", annotations=[])).to_json() == part(1)


@pytest.mark.parametrize("kind", [OCI_MANIFEST, OCI_INDEX])
def test_manifests_can_be_keys_and_are_short_in_logs(kind: str) -> None:
    part = {"mediaType": OCI_CONFIG, "digest": digest(1), "size": 7}
    inside = {"config": part, "layers": []} if kind == OCI_MANIFEST else {"manifests": [part]}
    raw = json.dumps(
        {"schemaVersion": 2, "mediaType": kind, "annotations": {"note": "unlisted"}, **inside}
    ).encode()
    found = parse_manifest(raw, kind)
    assert found in {found}
    assert found.annotations == {"note": "unlisted"}
    assert "unlisted" not in repr(found)
    assert found.digest in repr(found)
