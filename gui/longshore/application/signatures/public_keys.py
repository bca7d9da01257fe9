"""Public keys from PEM texts, and what they verify. ``cryptography`` is imported when the first key is read."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from longshore.errors import InvalidInput

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

#: Most bytes of a file with a key: an RSA key of 8192 bits has 1.5 KB.
LARGEST_KEY = 16 * 1024
#: Bits of an RSA key. Smaller ones are broken, larger ones take seconds.
_RSA_BITS = range(2048, 8193)
_CURVES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
_PUBLIC = "A public key begins with “-----BEGIN PUBLIC KEY-----”; cosign writes it to cosign.pub."


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key. Immutable, any thread.

    *pem*: as it is stored. *kind*: for people, such as ``ECDSA P-256``. *fingerprint*: the SHA-256 of its DER form, 64
    hexadecimal digits.
    """

    pem: str
    kind: str
    fingerprint: str
    _verify: Callable[[bytes, bytes], bool] = field(repr=False, compare=False)

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Whether *signature* is one of *message* by this key. Takes less than a millisecond; never raises."""
        return self._verify(signature, message)


@functools.lru_cache(maxsize=256)
def parse_public_key(raw: bytes) -> PublicKey:
    """The only public key in the PEM text *raw*. Any thread; the first call imports for some 50 ms.

    Raises InvalidInput, which never quotes *raw*: it may be a private key.
    """
    if len(raw) > LARGEST_KEY:
        raise InvalidInput("This file is too large for a public key.", advice=_PUBLIC)
    if b"PRIVATE KEY" in raw:
        raise InvalidInput(
            "This is a private key. Longshore needs only the public one, and has not stored it.",
            advice=_PUBLIC,
        )
    if b"BEGIN CERTIFICATE" in raw:
        raise InvalidInput(
            "This is a certificate, not a public key.",
            advice="Extract its key with: openssl x509 -pubkey -noout -in FILE",
        )
    if raw.count(b"-----BEGIN ") != 1 or b"-----BEGIN PUBLIC KEY-----" not in raw:
        raise InvalidInput("This is not one public key as PEM text.", advice=_PUBLIC)
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    try:
        key = serialization.load_pem_public_key(raw)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise InvalidInput("The public key is damaged or of an unknown kind.", advice=_PUBLIC) from None
    kind, verify = _of_kind(key)
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return PublicKey(pem.decode("ascii"), kind, hashlib.sha256(der).hexdigest(), verify)


def _of_kind(key: PublicKeyTypes) -> tuple[str, Callable[[bytes, bytes], bool]]:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(key, ed25519.Ed25519PublicKey):
        return "Ed25519", _tried(key.verify, [()])
    from cryptography.hazmat.primitives import hashes

    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _CURVES:
        # cosign signs with SHA-256 whatever the curve; sigstore's other programs use the curve's own hash.
        own = {256: hashes.SHA256(), 384: hashes.SHA384(), 521: hashes.SHA512()}[key.key_size]
        ways: list[tuple[Any, ...]] = [(ec.ECDSA(hashes.SHA256()),)]
        ways += [] if key.key_size == 256 else [(ec.ECDSA(own),)]
        return f"ECDSA {_CURVES[key.curve.name]}", _tried(key.verify, ways)
    if isinstance(key, rsa.RSAPublicKey) and key.key_size in _RSA_BITS:
        from cryptography.hazmat.primitives.asymmetric import padding

        pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.AUTO)
        return f"RSA {key.key_size}", _tried(
            key.verify, [(padding.PKCS1v15(), hashes.SHA256()), (pss, hashes.SHA256())]
        )
    raise InvalidInput(
        "Longshore does not verify with this kind of key.",
        advice="Supported are ECDSA (P-256, P-384, P-521), Ed25519, and RSA with 2048 to 8192 bits.",
    )


def _tried(verify: Callable[..., None], ways: list[tuple[Any, ...]]) -> Callable[[bytes, bytes], bool]:
    from cryptography.exceptions import InvalidSignature

    def verifies(signature: bytes, message: bytes) -> bool:
        for way in ways:
            try:
                verify(signature, message, *way)
            except (InvalidSignature, ValueError):
                continue
            return True
        return False

    return verifies
