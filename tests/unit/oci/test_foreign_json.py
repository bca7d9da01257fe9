"""Foreign JSON is counted before any value is built."""

from __future__ import annotations

import json
import tracemalloc
from dataclasses import replace

import pytest

from longshore.errors import InvalidManifest
from longshore.oci.foreign_json import CONFIG, LISTING, MANIFEST, SMALL, Bounds, parse_json
from longshore.oci.image_config import ImageConfig
from longshore.oci.manifest import OCI_MANIFEST, parse_manifest

TIGHT = Bounds(values=8, containers=3, deep=2)


@pytest.mark.parametrize(
    "text",
    ["[1,2,3,4,5,6]", '{"a":[1,2,{}]}'.replace("{}", "3"), "[[],[]]", '"x"', "7", "null", '["[[[,,,,,,,,,,"]',
     r'["a\"[[[[,,,,,,,,,,"]', '["\\\\",1]', '{"ä":"ö"}', "\ufeff[1]"],
)  # fmt: skip
def test_what_is_within_bounds_is_read(text: str) -> None:
    assert parse_json(text.encode(), TIGHT) == json.loads(text.lstrip("\ufeff"))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[1,2,3,4,5,6,7,8]", "8 values"),
        ("[[],[],[]]", "3 objects"),
        ("[[[]]]", "2 levels"),
        ("[" * 100_000, "2 levels"),
        ('{"a":' * 50_000, "2 levels"),
        ("", "Expecting value"),
        ("[1", "Expecting"),
        ('["open', "Unterminated"),
        ("[" + "9" * 5000 + "]", "limit"),
    ],
)
def test_what_is_not_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_json(text.encode(), TIGHT)


@pytest.mark.parametrize("bounds", [LISTING, MANIFEST, CONFIG, SMALL])
def test_64_levels_are_read_and_no_more(bounds: Bounds) -> None:
    assert parse_json(b"[" * 64 + b"]" * 64, bounds) == json.loads("[" * 64 + "]" * 64)
    with pytest.raises(ValueError, match="more than 64 levels"):
        parse_json(b"[" * 65 + b"]" * 65, bounds)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_other_encodings_do_not_get_past_the_count(encoding: str) -> None:
    with pytest.raises(ValueError):
        parse_json(("[" + ",".join(["[]"] * 50) + "]").encode(encoding), TIGHT)


@pytest.mark.parametrize("part", ['"', '\\"', '"\\', "\\", '"a', "[]", ",", "]"])
def test_the_count_grows_with_the_length(part: str) -> None:
    # A count that backtracks would take 10^11 steps.
    with pytest.raises(ValueError):
        parse_json((part * 500_000).encode(), LISTING)
    with pytest.raises(ValueError):
        parse_json(('["' + part * 500_000).encode(), LISTING)


@pytest.mark.parametrize("bounds", [MANIFEST, CONFIG, SMALL])
@pytest.mark.parametrize("item", ["{}", "[]", '{"a":0}', "0"])
def test_memory_is_bounded_by_what_is_counted(bounds: Bounds, item: str) -> None:
    raw = ("[" + ",".join([item] * (1_200_000 // len(item))) + "]").encode()
    tracemalloc.start()
    try:
        with pytest.raises(ValueError):
            parse_json(raw, bounds)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3 * len(raw)  # its text, and no values built from it


def test_a_configuration_of_empty_steps_is_refused_before_it_is_built() -> None:
    raw = b'{"os":"linux","architecture":"amd64","history":[' + b",".join([b"{}"] * 2_600_000) + b"]}"
    with pytest.raises(InvalidManifest, match="can't be read") as caught:
        ImageConfig.from_bytes(raw)
    assert "objects and lists" in caught.value.detail


def test_a_configuration_with_many_steps_is_read() -> None:
    steps = [{"created_by": "RUN [ , { x", "empty_layer": True}] * 10_000
    assert len(ImageConfig.from_bytes(json.dumps({"history": steps}).encode()).history) == 10_000


def test_a_manifest_of_empty_objects_is_refused_before_it_is_built() -> None:
    raw = b'{"schemaVersion":2,"layers":[' + b",".join([b"{}"] * 1_000_000) + b"]}"
    with pytest.raises(InvalidManifest, match="not a manifest"):
        parse_manifest(raw, OCI_MANIFEST)


@pytest.mark.parametrize(
    ("text", "least"),
    [
        ("1", Bounds(1, 0, 0)),
        ('"[{,"', Bounds(1, 0, 0)),  # a string may contain anything
        ("[]", Bounds(2, 1, 1)),
        ("[1,2]", Bounds(3, 1, 1)),
        ('{"a":{}}', Bounds(3, 2, 2)),
        ("[[],[]]", Bounds(5, 3, 2)),
        ("[[[]]]", Bounds(4, 3, 3)),
    ],
)
def test_each_bound_is_as_large_as_it_says(text: str, least: Bounds) -> None:
    assert parse_json(text.encode(), least) == json.loads(text)
    for name in ("values", "containers", "deep"):
        if getattr(least, name) > (name == "values"):
            with pytest.raises(ValueError, match="more than"):
                parse_json(text.encode(), replace(least, **{name: getattr(least, name) - 1}))
