"""Drops can come from any program: malformed data is ignored."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QUrl

from longshore.models import mime
from longshore.oci.image_name import ImageName
from longshore.oci.reference import Reference
from qt.models.made import sha


def own(body: object) -> QMimeData:
    data = QMimeData()
    data.setData(mime.REFERENCES, body if isinstance(body, bytes) else json.dumps(body).encode())
    return data


def test_what_is_encoded_decodes_to_the_same():
    web = Reference.parse("127.0.0.1:5000/acme/web:main")
    remote = ImageName(web)
    local = [ImageName(Reference.parse("postgres:16"), sha("p")), ImageName(None, sha("q"))]
    assert mime.decode(mime.encode(mime.DragKind.REMOTE, [remote])).images == (remote,)
    decoded = mime.decode(mime.encode(mime.DragKind.LOCAL, local))
    assert decoded.images == tuple(local)
    assert decoded.references == [Reference.parse("postgres:16")]


GOOD = {"reference": "r.io/a/b:1", "image_id": "", "registry": "r.io", "repository": "a/b"}


def test_the_written_form_is_accepted():
    assert mime.decode(own({"kind": "remote", "items": [GOOD]})).references == [Reference.parse("r.io/a/b:1")]


def test_other_versions_and_programs_read_what_is_written():
    """Other versions that are open at the same time read this format: fields may be added, but never removed."""
    postgres = ImageName(Reference.parse("postgres:16"), sha("p"))
    local = mime.encode(mime.DragKind.LOCAL, [postgres, ImageName(None, sha("q"))])
    assert json.loads(local.data(mime.REFERENCES).data()) == {
        "kind": "local",
        "items": [
            {
                "reference": "docker.io/library/postgres:16",
                "image_id": sha("p"),
                "registry": "",
                "repository": "",
            },
            {"reference": "", "image_id": sha("q"), "registry": "", "repository": ""},
        ],
    }
    assert local.text() == f"postgres:16\n{sha('q')}"
    remote = mime.encode(mime.DragKind.REMOTE, [ImageName(Reference.parse("r.io/a/b:1"))])
    assert json.loads(remote.data(mime.REFERENCES).data()) == {"kind": "remote", "items": [GOOD]}


ODD = {
    "empty": b"",
    "not text": b"\xff\xfe",
    "nested": b"[" * 100_000,
    "a list": [],
    "no items": {"kind": "remote"},
    "unknown kind": {"kind": "elsewhere", "items": [GOOD]},
    "kind is a list": {"kind": ["remote"], "items": [GOOD]},
    "zero items": {"kind": "remote", "items": []},
    "items is no list": {"kind": "remote", "items": GOOD},
    "item is text": {"kind": "remote", "items": ["r.io/a/b:1"]},
    "one bad reference": {"kind": "remote", "items": [GOOD, {**GOOD, "reference": "Not A Reference"}]},
    "reference is a number": {"kind": "remote", "items": [{**GOOD, "reference": 7}]},
    "long reference": {"kind": "remote", "items": [{**GOOD, "reference": "r.io/" + "a" * 700}]},
    "registry disagrees": {"kind": "remote", "items": [{**GOOD, "registry": "other.io"}]},
    "remote without reference": {"kind": "remote", "items": [{**GOOD, "reference": ""}]},
    "local without anything": {"kind": "local", "items": [{"reference": "", "image_id": ""}]},
    "id is a path": {"kind": "local", "items": [{"reference": "", "image_id": "sha256:../../etc"}]},
    "too many": {"kind": "remote", "items": [GOOD] * (mime.MAX_ITEMS + 1)},
    "too large": b'{"kind": "remote", "items": [' + b" " * mime.MAX_BYTES + b"]}",
}


@pytest.mark.parametrize("body", ODD.values(), ids=ODD.keys())
def test_what_is_odd_is_nothing(body):
    assert mime.decode(own(body)) is None


def test_plain_text_is_references_a_line_or_nothing():
    data = QMimeData()
    data.setText("docker pull postgres:16\n\n  r.io/a/b \n")
    assert mime.decode(data).references == [Reference.parse("postgres:16"), Reference.parse("r.io/a/b")]
    for odd in ("", "postgres\nnot an image, sorry", "a\n" * 60, "x" * 20_000):
        data.setText(odd)
        assert mime.decode(data) is None, odd[:20]


def test_files_and_nothing_are_nothing():
    data = QMimeData()
    data.setUrls([QUrl("file:///tmp/x.tar")])
    assert mime.decode(data) is None
    assert mime.decode(None) is None


def test_files_of_this_machine_are_files_and_nothing_else_is():
    files = [Path("/tmp/a b.tar"), Path("/tmp/ü.tar.gz")]
    assert mime.dropped_files(mime.encode_files(files)) == files
    elsewhere = QMimeData()
    elsewhere.setUrls([QUrl.fromLocalFile("/tmp/a.tar"), QUrl("https://example.com/b.tar")])
    assert mime.dropped_files(elsewhere) == []
    assert mime.dropped_files(own({"kind": "remote", "items": [GOOD]})) == []
    many = mime.encode_files([Path(f"/tmp/{number}.tar") for number in range(mime.MAX_FILES + 1)])
    assert mime.dropped_files(many) == []
