"""Public keys: what they verify, and what is refused in their place."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from longshore.application.signatures.public_keys import LARGEST_KEY, parse_public_key
from longshore.errors import InvalidInput
from signaturetools import KINDS, signer


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_verifies_its_own_signature_of_this_message_only(kind: str) -> None:
    mine = signer(kind)
    key = parse_public_key(mine.pem)
    signature = mine.sign(b"message")
    assert key.verifies(signature, b"message")
    assert not key.verifies(signature, b"massage")
    assert not key.verifies(signature[:-1] + bytes([signature[-1] ^ 1]), b"message")
    assert not key.verifies(b"", b"message")
    assert not key.verifies(b"x" * 4096, b"message")
    assert not parse_public_key(signer(kind, 1).pem).verifies(signature, b"message")
    assert len(key.fingerprint) == 64


def test_cosign_signs_with_sha256_by_larger_curves_too() -> None:
    mine = signer("p384").private
    assert parse_public_key(signer("p384").pem).verifies(mine.sign(b"m", ec.ECDSA(hashes.SHA256())), b"m")
    assert not parse_public_key(signer("p384").pem).verifies(mine.sign(b"m", ec.ECDSA(hashes.SHA1())), b"m")


def test_a_private_key_is_refused_and_never_repeated() -> None:
    for raw in (
        signer().private_pem,
        b"-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\nc2VjcmV0\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n",
        signer().pem + signer().private_pem,
    ):
        with pytest.raises(InvalidInput, match="private key") as refused:
            parse_public_key(raw)
        told = (
            f"{refused.value.message} {refused.value.advice} {refused.value.detail} {refused.value.subject}"
        )
        assert raw.decode().splitlines()[1] not in told


def pem_of(key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "not one public key"),
        (b"\x00\xff" * 100, "not one public key"),
        (b"-----BEGIN PUBLIC KEY-----\n!!!\n-----END PUBLIC KEY-----\n", "damaged"),
        (b"-----BEGIN PUBLIC KEY-----\n" + b"A" * LARGEST_KEY, "too large"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "certificate"),
        (b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE ann@example.com\n", "not one public key"),
    ],
)
def test_what_is_no_public_key_is_refused_with_a_sentence(raw: bytes, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        parse_public_key(raw)


def test_two_keys_and_weak_ones_are_refused() -> None:
    with pytest.raises(InvalidInput, match="not one public key"):
        parse_public_key(signer().pem + signer("p256", 1).pem)
    numbers = rsa.RSAPublicNumbers(65537, (1 << 1023) + 1)  # 1024 bits
    with pytest.raises(InvalidInput):
        parse_public_key(pem_of(numbers.public_key()))
    with pytest.raises(InvalidInput, match="does not verify"):
        parse_public_key(pem_of(ec.generate_private_key(ec.SECP256K1()).public_key()))
