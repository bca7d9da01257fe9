"""Referrers: pages, refusals, the fallback tag, and which of them are returned."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from longshore.errors import LongshoreError, RegistryFailure, UnexpectedReply
from longshore.oci.manifest import OCI_CONFIG, OCI_EMPTY, OCI_INDEX, OCI_MANIFEST
from longshore.oci.reference import Reference
from longshore.registry import manifests
from longshore.registry.manifests import push_scope

from .conftest import Asked, reply

DIGEST = "sha256:" + "0" * 64
EMPTY = {"mediaType": OCI_EMPTY, "digest": DIGEST, "size": 2}


def entry(number: int, kind: str = "") -> dict[str, Any]:
    found = {"mediaType": OCI_MANIFEST, "digest": f"sha256:{number:064x}", "size": 7}
    return {**found, "artifactType": kind} if kind else found


def index(*entries: dict[str, Any], link: str = "") -> Any:
    body = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}).encode()
    return reply(body, Content_Type=OCI_INDEX, **({"Link": f'<{link}>; rel="next"'} if link else {}))


def manifest(**more: Any) -> bytes:
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": EMPTY, "layers": [], **more}
    return json.dumps(document).encode()


def numbers(found: list[Any]) -> list[int]:
    return [int(one.digest.removeprefix("sha256:"), 16) for one in found]


def test_all_pages_are_read_and_each_referrer_counts_once(serve, connect) -> None:
    pages = {
        f"/v2/a/b/referrers/{DIGEST}": index(entry(1), entry(2), link="?page=2"),
        f"/v2/a/b/referrers/{DIGEST}?page=2": index(link="/v2/a/b/referrers/more"),
        "/v2/a/b/referrers/more": index(entry(2), entry(3)),
    }
    server = serve(lambda asked: pages.get(asked.path))
    assert numbers(connect(server).referrers("a/b", DIGEST)) == [1, 2, 3]
    assert server.paths() == list(pages)


def test_referrers_of_one_kind(serve, connect) -> None:
    client = connect(serve(lambda asked: index(entry(1, "a/sbom"), entry(2, "a/signature"), entry(3))))
    assert numbers(client.referrers("a/b", DIGEST, "a/sbom")) == [1]
    assert numbers(client.referrers("a/b", DIGEST)) == [1, 2, 3]
    assert client.referrers("a/b", DIGEST, "a/other") == []


@pytest.mark.parametrize(
    "link",
    ["ftp://x/", "http://u:p@127.0.0.1/v2/x", "https://elsewhere.example/x", f"/v2/a/b/referrers/{DIGEST}"],
)
def test_links_to_more_referrers_that_are_not_followed(serve, connect, link: str) -> None:
    server = serve(lambda asked: index(entry(1), link=link))
    with pytest.raises(UnexpectedReply, match="address of its next page is not valid"):
        connect(server).referrers("a/b", DIGEST)
    assert len(server.paths()) == 1


def test_a_link_to_the_inside_of_a_gateway_is_followed_outside(serve, connect) -> None:
    inner = "http://10.0.0.7:5000/v2/a/b/referrers/more"
    server = serve(lambda asked: index(entry(2)) if "more" in asked.path else index(entry(1), link=inner))
    assert numbers(connect(server).referrers("a/b", DIGEST)) == [1, 2]


def test_a_list_of_referrers_is_an_index(serve, connect) -> None:
    server = serve(lambda asked: reply(manifest(), Content_Type=OCI_MANIFEST))
    with pytest.raises(UnexpectedReply, match="list of referrers is not an index"):
        connect(server).referrers("a/b", DIGEST)
    assert len(server.paths()) == 1


@pytest.mark.parametrize(("pages", "refused"), [(3, False), (4, True)])
def test_the_most_pages(serve, connect, monkeypatch: pytest.MonkeyPatch, pages: int, refused: bool) -> None:
    monkeypatch.setattr(manifests, "_MOST_PAGES", 3)

    def script(asked: Asked) -> Any:
        page = int(asked.path.rpartition("page=")[2]) if "page=" in asked.path else 1
        return index(entry(page), link=f"?page={page + 1}" if page < pages else "")

    server = serve(script)
    if refused:
        with pytest.raises(UnexpectedReply, match="too many referrers"):
            connect(server).referrers("a/b", DIGEST)
    else:
        assert numbers(connect(server).referrers("a/b", DIGEST)) == [1, 2, 3]
    assert len(server.paths()) == 3


@pytest.mark.parametrize(("first", "refused"), [(2, False), (3, True)])
def test_the_most_referrers(
    serve, connect, monkeypatch: pytest.MonkeyPatch, first: int, refused: bool
) -> None:
    """What a last page brings beyond the limit is still read: nothing follows it."""
    monkeypatch.setattr(manifests, "_MOST_REFERRERS", 2)

    def script(asked: Asked) -> Any:
        if "page" in asked.path:
            return index(*map(entry, range(10, 20)))
        return index(*map(entry, range(first)), link="?page=2")

    client = connect(serve(script))
    if refused:
        with pytest.raises(UnexpectedReply, match="too many referrers"):
            client.referrers("a/b", DIGEST)
    else:
        assert len(client.referrers("a/b", DIGEST)) == first + 10


@pytest.mark.parametrize(
    ("status", "told"),
    [(400, False), (401, True), (403, True), (404, False), (405, False), (500, True), (501, False)],
)
def test_who_may_have_more_than_it_shows_is_told(
    serve, connect, monkeypatch: pytest.MonkeyPatch, status: int, told: bool
) -> None:
    monkeypatch.setattr("longshore.registry.session.pause", lambda *_: None)
    refused: list[LongshoreError] = []
    client = connect(serve(lambda asked: reply({}, status) if "referrers" in asked.path else None))
    assert client.referrers("a/b", DIGEST, refused=refused.append) == []
    assert [one.detail for one in refused] == ([f"HTTP {status}"] if told else [])


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_registry_that_is_down_is_not_asked_for_the_tag(
    serve, connect, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setattr("longshore.registry.session.pause", lambda *_: None)
    server = serve(lambda asked: reply({}, status))
    with pytest.raises(RegistryFailure):
        connect(server).referrers("a/b", DIGEST)
    assert not [path for path in server.paths() if "manifests" in path]


# -- the fallback tag


@pytest.mark.parametrize(
    ("digest", "tag"),
    [(DIGEST, f"sha256-{'0' * 64}"), ("sha512:" + "ab" * 64, f"sha512-{'ab' * 32}")],
)
def test_the_fallback_tag_has_the_digest_in_its_name(serve, connect, digest: str, tag: str) -> None:
    """distribution-spec, "Referrers Tag Schema": at most 64 characters of the digest."""
    server = serve(lambda asked: index(entry(1)) if "manifests" in asked.path else None)
    assert numbers(connect(server).referrers("a/b", digest)) == [1]
    assert server.paths()[-1] == f"/v2/a/b/manifests/{tag}"


def test_a_fallback_tag_that_is_an_image_lists_nothing(serve, connect) -> None:
    image = reply(manifest(), Content_Type=OCI_MANIFEST)
    client = connect(serve(lambda asked: image if "manifests" in asked.path else None))
    assert client.referrers("a/b", DIGEST) == []


def put(serve, connect, raw: bytes, kind: str = OCI_MANIFEST) -> dict[str, bytes]:
    """Push *raw* to a registry without referrers; returns what is stored by name."""
    stored: dict[str, bytes] = {}

    def script(asked: Asked) -> Any:
        name = asked.path.rpartition("/")[2]
        if asked.method == "PUT":
            stored[name] = asked.body
            return reply({}, 201)
        return reply(stored[name], Content_Type=OCI_INDEX) if name in stored else None

    connect(serve(script)).put_manifest("a/b", "1", raw, kind)
    return stored


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        ({}, OCI_EMPTY),
        ({"artifactType": "a/signature"}, "a/signature"),
        ({"config": {**EMPTY, "mediaType": OCI_CONFIG}}, OCI_CONFIG),
    ],
)
def test_what_a_referrer_is(serve, connect, more: dict[str, Any], kind: str) -> None:
    raw = manifest(subject=EMPTY, annotations={"a": "b"}, **more)
    stored = put(serve, connect, raw)
    assert list(stored) == ["1", f"sha256-{'0' * 64}"]
    (found,) = json.loads(stored[f"sha256-{'0' * 64}"])["manifests"]
    assert found == {
        "mediaType": OCI_MANIFEST,
        "digest": f"sha256:{hashlib.sha256(raw).hexdigest()}",
        "size": len(raw),
        "annotations": {"a": "b"},
        "artifactType": kind,
    }


def test_an_index_can_be_a_referrer(serve, connect) -> None:
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [], "subject": EMPTY}
    stored = put(serve, connect, json.dumps(document).encode(), OCI_INDEX)
    (found,) = json.loads(stored[f"sha256-{'0' * 64}"])["manifests"]
    assert found["mediaType"] == OCI_INDEX and "artifactType" not in found


@pytest.mark.parametrize(
    "raw",
    [manifest(annotations={"subject": "x"}), manifest(subject=None), b'{"subject":{}}', b'"subject"'],
    ids=["elsewhere", "null", "no manifest", "no object"],
)
def test_what_has_no_subject_gets_no_tag(serve, connect, raw: bytes) -> None:
    assert list(put(serve, connect, raw)) == ["1"]


# -- names


def test_an_image_is_named_by_repository_and_tag_or_by_a_reference(serve, connect) -> None:
    server = serve(lambda asked: reply(manifest(), Content_Type=OCI_MANIFEST))
    client = connect(server)
    digest = f"sha256:{hashlib.sha256(manifest()).hexdigest()}"
    client.manifest("a/b")
    client.manifest("a/b", "1")
    client.manifest(Reference.parse("r.io/c/d:2"))
    client.manifest(Reference.parse(f"r.io/c/d@{digest}"))
    client.manifest(Reference.parse("r.io/c/d:2"), "3")
    assert [path.removeprefix("/v2/") for path in server.paths()] == [
        "a/b/manifests/latest",
        "a/b/manifests/1",
        "c/d/manifests/2",
        f"c/d/manifests/{digest}",
        "c/d/manifests/3",
    ]


def test_a_push_needs_the_right_to_read_what_it_mounts() -> None:
    own = "repository:a/b:pull,push"
    assert push_scope("a/b") == push_scope("a/b", "a/b") == (own,)
    assert push_scope("a/b", "c/d") == (own, "repository:c/d:pull")


def test_a_manifest_that_is_not_there_when_it_is_read_is_none(serve, connect) -> None:
    for for_push in (True, False):
        server = serve(lambda asked: reply({}, 405) if asked.method == "HEAD" else None)
        assert connect(server).head("a/b", "1", for_push=for_push) is None
        assert len(server.paths()) == 1


@pytest.mark.parametrize(
    ("headers", "reads"),
    [
        ({"Docker_Content_Digest": DIGEST, "Content_Type": f"{OCI_MANIFEST}; charset=utf-8"}, 0),
        ({"Docker_Content_Digest": DIGEST}, 1),
        ({"Docker_Content_Digest": "latest", "Content_Type": OCI_MANIFEST}, 1),
        ({"Content_Type": OCI_MANIFEST}, 1),
    ],
)
def test_a_head_without_all_that_is_needed_is_read(
    serve, connect, headers: dict[str, str], reads: int
) -> None:
    def script(asked: Asked) -> Any:
        if asked.method == "HEAD":
            return reply(manifest(), **headers)
        return reply(manifest(), Content_Type=OCI_MANIFEST)

    server = serve(script)
    found = connect(server).head("a/b", "1")
    assert found is not None and (found.media_type, found.size) == (OCI_MANIFEST, len(manifest()))
    assert len(server.paths()) == reads


@pytest.mark.parametrize(
    ("status", "can"), [(202, True), (404, True), (400, False), (403, False), (405, False)]
)
def test_whether_a_registry_deletes_tags_is_tried_on_one_that_is_not_there(
    serve, connect, status: int, can: bool
) -> None:
    server = serve(lambda asked: reply({}, status))
    assert connect(server).deletes_tags("a/b") is can
    (path,) = server.paths("DELETE")
    assert path.startswith("/v2/a/b/manifests/longshore-") and len(path.rpartition("-")[2]) == 32


def test_a_manifest_of_the_largest_size_is_read(serve, connect) -> None:
    def padded(size: int) -> bytes:
        return manifest() + b" " * (size - len(manifest()))

    largest = 4 << 20
    client = connect(serve(lambda asked: reply(padded(largest), Content_Type=OCI_MANIFEST)))
    assert len(client.manifest("a/b").raw) == largest
    client = connect(serve(lambda asked: reply(padded(largest + 1), Content_Type=OCI_MANIFEST)))
    with pytest.raises(UnexpectedReply, match="exceeds 4096 KiB"):
        client.manifest("a/b")
