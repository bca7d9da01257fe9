"""What signatures say, read from untrusted documents. Pure; nothing is verified here.

- cosign's simple signing: a JSON payload that names the image, and the signature in an annotation of its layer
  (sigstore/cosign, specs/SIGNATURE_SPEC.md).
- Sigstore bundles: a signed envelope (DSSE) with an in-toto statement about the image, or a signature of the manifest
  itself (sigstore/protobuf-specs, sigstore_bundle.proto; secure-systems-lab/dsse, protocol.md).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from longshore.oci.digest import valid_digest
from longshore.oci.foreign_json import Bounds, parse_json
from longshore.text import plain

SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json"
#: Media types of bundles begin with it; the version follows.
BUNDLE = "application/vnd.dev.sigstore.bundle"
#: The type of what cosign signs about an image. Statements of other types (SBOM, provenance, test results) are
#: attestations: they may say the opposite of what a signature means.
SIGN_PREDICATE = "https://sigstore.dev/cosign/sign/v1"
#: Most bytes of a payload and of a bundle (which may contain a statement and proofs of a log).
LARGEST_PAYLOAD = 64 * 1024
LARGEST_BUNDLE = 1024 * 1024
#: Most bytes of one signature: RSA with 8192 bits has 1024.
_LARGEST_SIGNATURE = 4096
_MOST_SUBJECTS = 100
_MOST_SIGNATURES = 10
_BOUNDS = Bounds(20_000, 2_000, 32)

_SIGNATURE = "dev.cosignproject.cosign/signature"
_CERTIFICATE = "dev.sigstore.cosign/certificate"
_SIMPLE_TYPE = "cosign container image signature"
_STATEMENTS = ("https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1")
_IN_TOTO = "application/vnd.in-toto+json"


class UnreadableSignature(ValueError):
    """A document is not a signature that is understood; the text says why, and is safe to show."""


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature as its document has it. Every field is a claim until a key has verified it.

    *digests*: of the images that it is about. *message*: what was signed; None for the bytes of the manifest.
    *reference*: the image's name when it was signed, "" if it does not say. *certificate*: it is keyless, and made
    with a certificate instead of a key.
    """

    digests: tuple[str, ...]
    value: bytes
    message: bytes | None = field(default=None, repr=False)
    reference: str = ""
    certificate: bool = False


def simple_signing(payload: bytes, annotations: Mapping[str, str]) -> Signature:
    """The signature in a layer of cosign's. Raises UnreadableSignature."""
    value = _decoded(annotations.get(_SIGNATURE), "the signature")
    document = _object(payload, LARGEST_PAYLOAD)
    critical = _part(document, "critical")
    if critical.get("type") != _SIMPLE_TYPE:
        raise UnreadableSignature("its payload is not about a container image")
    digest = _part(critical, "image").get("docker-manifest-digest")
    if not isinstance(digest, str) or not valid_digest(digest):
        raise UnreadableSignature("its payload names no image")
    identity = critical.get("identity")
    reference = identity.get("docker-reference") if isinstance(identity, dict) else ""
    return Signature(
        (digest,),
        value,
        payload,
        plain(reference, 300) if isinstance(reference, str) else "",
        bool(annotations.get(_CERTIFICATE)),
    )


def bundle(raw: bytes) -> list[Signature]:
    """The signatures in a Sigstore bundle; none if it is an attestation. Raises UnreadableSignature."""
    document = _object(raw, LARGEST_BUNDLE)
    material = _part(document, "verificationMaterial")
    certificate = "certificate" in material or "x509CertificateChain" in material
    if not certificate and not isinstance(material.get("publicKey"), dict):
        raise UnreadableSignature("its bundle names neither a key nor a certificate")
    if "dsseEnvelope" in document:
        return _of_envelope(_part(document, "dsseEnvelope"), certificate)
    message = _part(document, "messageSignature")
    value = _decoded(message.get("signature"), "the signature")
    made_of = _part(message, "messageDigest")
    if made_of.get("algorithm") != "SHA2_256":
        raise UnreadableSignature("its bundle uses an unknown digest")
    digest = f"sha256:{_decoded(made_of.get('digest'), 'the digest').hex()}"
    if not valid_digest(digest):
        raise UnreadableSignature("its bundle names no image")
    return [Signature((digest,), value, certificate=certificate)]


def _of_envelope(envelope: dict[str, Any], certificate: bool) -> list[Signature]:
    kind = envelope.get("payloadType")
    payload = _decoded(envelope.get("payload"), "the statement", LARGEST_BUNDLE)
    if kind != _IN_TOTO:
        raise UnreadableSignature("its bundle contains no statement")
    statement = _object(payload, LARGEST_BUNDLE)
    if statement.get("_type") not in _STATEMENTS:
        raise UnreadableSignature("its statement is of an unknown version")
    if statement.get("predicateType") != SIGN_PREDICATE:
        return []
    subjects = statement.get("subject")
    if not isinstance(subjects, list) or not 0 < len(subjects) <= _MOST_SUBJECTS:
        raise UnreadableSignature("its statement names no image")
    digests = [digest for subject in subjects for digest in _digests(subject)]
    if not digests:
        raise UnreadableSignature("its statement names no image")
    signatures = envelope.get("signatures")
    if not isinstance(signatures, list) or not 0 < len(signatures) <= _MOST_SIGNATURES:
        raise UnreadableSignature("its bundle contains no signature")
    message = b"DSSEv1 %d %b %d %b" % (len(kind), kind.encode(), len(payload), payload)
    name = subjects[0].get("name") if isinstance(subjects[0], dict) else ""
    reference = plain(name, 300) if isinstance(name, str) else ""
    return [
        Signature(
            tuple(digests),
            _decoded(one.get("sig") if isinstance(one, dict) else None, "the signature"),
            message,
            reference,
            certificate,
        )
        for one in signatures
    ]


def _digests(subject: object) -> list[str]:
    digests = subject.get("digest") if isinstance(subject, dict) else None
    if not isinstance(digests, dict):
        return []
    found = [f"{algorithm}:{text}" for algorithm, text in digests.items() if isinstance(text, str)]
    return [digest for digest in found if valid_digest(digest)]


def _object(raw: bytes, largest: int) -> dict[str, Any]:
    if len(raw) > largest:
        raise UnreadableSignature("it is too large")
    try:
        document = parse_json(raw, _BOUNDS)
    except ValueError:
        raise UnreadableSignature("it is not JSON, or too complex") from None
    if not isinstance(document, dict):
        raise UnreadableSignature("it is not a JSON object")
    return document


def _part(document: dict[str, Any], name: str) -> dict[str, Any]:
    found = document.get(name)
    if not isinstance(found, dict):
        raise UnreadableSignature(f"it has no {name}")
    return found


def _decoded(text: object, what: str, largest: int = _LARGEST_SIGNATURE) -> bytes:
    if not isinstance(text, str) or not text or len(text) > largest * 2:
        raise UnreadableSignature(f"{what} is missing or too large")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise UnreadableSignature(f"{what} is not base64") from None
