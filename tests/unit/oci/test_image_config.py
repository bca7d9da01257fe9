"""What an image says about itself."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from longshore.errors import InvalidManifest
from longshore.oci.image_config import LARGEST_CONFIG, ImageConfig, RunConfig, parse_time
from longshore.oci.platform import Platform

DIFF_ID = "sha256:" + "ab" * 32


def read(**document: Any) -> ImageConfig:
    return ImageConfig.from_bytes(json.dumps(document).encode())


def test_everything_that_is_shown() -> None:
    found = read(
        created="2024-03-11T22:00:42.123456789Z",
        author="someone",
        architecture="arm64",
        os="linux",
        variant="v8",
        config={
            "Env": ["PATH=/bin"],
            "Entrypoint": ["/start"],
            "Cmd": ["serve"],
            "Labels": {"a": "b"},
            "User": "1000",
            "WorkingDir": "/srv",
            "ExposedPorts": {"80/tcp": {}},
        },
        rootfs={"type": "layers", "diff_ids": [DIFF_ID]},
        history=[
            {"created": "2024-03-11T22:00:00Z", "created_by": "COPY x", "comment": "buildkit"},
            {"created_by": "ENV a=b", "empty_layer": True, "author": "me"},
        ],
    )
    assert found.created == datetime(2024, 3, 11, 22, 0, 42, 123456, tzinfo=UTC)
    assert found.platform == Platform("linux", "arm64", "v8")
    assert found.diff_ids == (DIFF_ID,)
    assert found.author == "someone"
    assert found.labels == {"a": "b"}
    assert [entry.empty_layer for entry in found.history] == [False, True]
    assert found.history[0].created == datetime(2024, 3, 11, 22, tzinfo=UTC)
    assert found.run == RunConfig(("/start",), ("serve",), ("PATH=/bin",), "1000", "/srv", ("80/tcp",))
    assert "/bin" not in repr(found)
    assert (found.history[0].created_by, found.history[0].comment) == ("COPY x", "buildkit")


def test_an_artifacts_has_nothing() -> None:
    assert read() == ImageConfig()


def test_odd_fields_hide_nothing_else() -> None:
    found = read(
        os="linux",
        architecture="amd64",
        created=5,
        author=None,
        history=[None, {"created_by": "x"}, 3],
        config={"Labels": []},
        rootfs={"diff_ids": None},
    )
    assert found.platform == Platform("linux", "amd64")
    assert (found.created, found.author, found.diff_ids) == (None, "", ())
    assert found.labels == {}
    assert [entry.created_by for entry in found.history] == ["x"]
    for odd in ([], "x", None, 3):
        assert read(config=odd, history=odd, rootfs=odd) == ImageConfig()


@pytest.mark.parametrize("odd", [{}, "x", [3], ["sha256:1"], [DIFF_ID, None]])
def test_diff_ids_must_be_digests(odd: object) -> None:
    with pytest.raises(InvalidManifest):
        read(rootfs={"diff_ids": odd})


@pytest.mark.parametrize("raw", [b"", b"[]", b"null", b"\x80", b"{" * 100_000, b" " * (LARGEST_CONFIG + 1)])
def test_unreadable(raw: bytes) -> None:
    with pytest.raises(InvalidManifest):
        ImageConfig.from_bytes(raw)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2024-01-02T03:04:05Z", datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2024-01-02T03:04:05.9Z", datetime(2024, 1, 2, 3, 4, 5, 900000, tzinfo=UTC)),
        ("2024-01-02T03:04:05.123456789+02:00", datetime(2024, 1, 2, 1, 4, 5, 123456, tzinfo=UTC)),
        ("1970-01-01T00:00:00Z", datetime(1970, 1, 1, tzinfo=UTC)),
        ("2024-01-02T03:04:05", datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59-12:00", None),
        ("yesterday", None),
        ("", None),
        (None, None),
        (1700000000, None),
    ],
)
def test_times(text: object, wanted: datetime | None) -> None:
    assert parse_time(text) == wanted
