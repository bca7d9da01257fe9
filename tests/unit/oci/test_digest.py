"""Digests: their grammar, and content that is checked against them."""

from __future__ import annotations

import hashlib

import pytest

from longshore.errors import DigestMismatch, InvalidReference
from longshore.oci.digest import Verifier, check_digest, sha256_of, short, valid_digest

# FIPS 180-2, appendix B.1.
ABC = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_sha256_of_a_published_vector() -> None:
    assert sha256_of(b"abc") == ABC
    assert sha256_of(memoryview(b"abc")) == ABC


def test_check_gives_back_what_is_one() -> None:
    assert check_digest(ABC) == ABC
    assert valid_digest("sha512:" + "a" * 128)
    assert valid_digest("sha384:" + "a" * 96)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "missing"),
        ("abc", "name its algorithm"),
        (ABC + "\n", "not a hexadecimal"),
        (ABC.upper(), "must be lower case"),
        ("sha256:" + ABC[7:].upper(), "must be lower case"),
        ("sha256:abc", "3 characters"),
        ("sha384:" + "a" * 64, "instead of 96"),
        ("md5:" + "a" * 32, "unknown"),
        ("sha256:" + "٣" * 64, "not a hexadecimal"),
    ],
)
def test_refused_in_words(text: str, words: str) -> None:
    assert not valid_digest(text)
    with pytest.raises(InvalidReference) as caught:
        check_digest(text)
    assert words in caught.value.message


def test_short() -> None:
    assert short(ABC) == "ba7816bf8f01"
    assert short(ABC, 4) == "ba78"
    assert short("ba7816bf8f01cfea") == "ba7816bf8f01"


def test_verifier_takes_the_content_in_any_pieces() -> None:
    for pieces in ([b"abc"], [b"a", b"", b"bc"], [bytearray(b"ab"), memoryview(b"c")]):
        verifier = Verifier(ABC, 3)
        for piece in pieces:
            verifier.update(piece)
        assert verifier.seen == 3
        verifier.finish()


def test_verifier_of_another_algorithm() -> None:
    verifier = Verifier("sha512:" + hashlib.sha512(b"abc").hexdigest())
    verifier.update(b"abc")
    verifier.finish()


def test_verifier_notices_other_content() -> None:
    verifier = Verifier(ABC, 3)
    verifier.update(b"abd")
    with pytest.raises(DigestMismatch) as caught:
        verifier.finish()
    assert caught.value.subject == ABC


@pytest.mark.parametrize("size", [0, 2, 4])
def test_verifier_notices_the_right_content_of_another_size(size: int) -> None:
    verifier = Verifier(ABC, size)
    with pytest.raises(DigestMismatch) as caught:
        verifier.update(b"abc")
        verifier.finish()
    assert f"expected {size} bytes" in caught.value.detail or caught.value.detail == "3 of 4 bytes arrived."


def test_verifier_notices_missing_content_even_without_size() -> None:
    for size in (3, None):
        verifier = Verifier(ABC, size)
        verifier.update(b"ab")
        with pytest.raises(DigestMismatch):
            verifier.finish()


def test_verifier_stops_at_once_when_there_is_too_much() -> None:
    verifier = Verifier(ABC, 3)
    verifier.update(b"abc")
    with pytest.raises(DigestMismatch, match="not match its digest"):
        verifier.update(b"d")


def test_verifier_refuses_what_is_no_digest() -> None:
    with pytest.raises(InvalidReference):
        Verifier("sha1:" + "a" * 40)
