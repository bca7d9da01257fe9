"""Platforms that people type: known ones are accepted, the others are refused with a sentence."""

from __future__ import annotations

import pytest

from longshore.errors import InvalidInput
from longshore.oci.known_platforms import KNOWN, parse_known


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("linux/amd64", "linux/amd64"),
        ("Linux/x86_64", "linux/amd64"),
        ("linux/aarch64", "linux/arm64"),
        ("linux/arm/v7", "linux/arm/v7"),
        ("linux/arm/6", "linux/arm/v6"),
        ("linux/armhf", "linux/arm/v7"),
        ("linux/arm64/v8", "linux/arm64/v8"),
        ("linux/arm64/v9.2", "linux/arm64/v9.2"),
        ("linux/amd64/v3", "linux/amd64/v3"),
        ("linux/ppc64le", "linux/ppc64le"),
        ("linux/s390x", "linux/s390x"),
        ("linux/riscv64", "linux/riscv64"),
        ("windows/amd64", "windows/amd64"),
        ("wasi/wasm", "wasi/wasm"),
    ],
)
def test_what_there_is_is_taken(typed: str, meant: str) -> None:
    assert str(parse_known(typed)) == meant


@pytest.mark.parametrize("pair", KNOWN)
def test_every_known_one_is_taken(pair: str) -> None:
    assert str(parse_known(pair)) == pair


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("linux/sparc", "There is no platform linux/sparc. linux images exist for 386, amd64,"),
        ("linux/amd46", "Did you mean linux/amd64?"),
        ("linx/amd64", "Did you mean linux/amd64?"),
        ("windows/s390x", "There is no platform windows/s390x."),
        ("temple/os", "Common platforms are linux/amd64 and linux/arm64."),
        ("linux/arm/v9", "arm has no variant v9. Leave out the variant to get the default: linux/arm."),
        ("linux/amd64/v7", "amd64 has no variant v7."),
        ("linux/s390x/v1", "s390x has no variant v1."),
        ("linux/arm64/v8.", "arm64 has no variant v8.."),
        ("unknown/unknown", "There is no platform unknown/unknown."),
        ("linux", "is not a platform"),
        ("linux/amd64/v1/x", "is not a platform"),
    ],
)
def test_what_there_is_not_is_refused_with_a_sentence(typed: str, says: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_known(typed)
    assert says in f"{refused.value.message} {refused.value.advice}"


def test_what_is_refused_is_plain_text() -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_known("linux/" + "a" * 5000)
    assert len(refused.value.message) < 500
