"""Signatures for tests, made as cosign makes them, with keys that are generated once a session."""

from __future__ import annotations

import base64
import contextlib
import functools
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from longshore.oci.manifest import OCI_EMPTY, OCI_MANIFEST
from longshore.registry.client import RegistryClient

SIMPLE = "application/vnd.dev.cosign.simplesigning.v1+json"
COSIGN = "application/vnd.dev.cosign.artifact.sig.v1+json"
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
SIGN = "https://sigstore.dev/cosign/sign/v1"
#: All kinds of keys that are verified.
KINDS = ("p256", "p384", "p521", "rsa", "rsa-pss", "ed25519")


@dataclass(frozen=True)
class Signer:
    """A key pair: *sign* returns the signature of a message."""

    private: Any
    sign: Callable[[bytes], bytes]

    @property
    def pem(self) -> bytes:
        """The public key."""
        return bytes(
            self.private.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        )

    @property
    def private_pem(self) -> bytes:
        """The private key, which a person may give by mistake."""
        return bytes(
            self.private.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )

    def write(self, path: Path) -> Path:
        """Write the public key to *path*."""
        path.write_bytes(self.pem)
        return path


def signer(kind: str = "p256", number: int = 0) -> Signer:
    """Return the key pair *number* of a *kind*, always the same."""
    return _made(kind, number)


@functools.cache
def _made(kind: str, _number: int) -> Signer:
    if kind == "ed25519":
        key = ed25519.Ed25519PrivateKey.generate()
        return Signer(key, key.sign)
    if kind.startswith("rsa"):
        made = rsa.generate_private_key(65537, 2048)
        pad: Any = padding.PKCS1v15()
        if kind == "rsa-pss":
            pad = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
        return Signer(made, lambda message: made.sign(message, pad, hashes.SHA256()))
    curve = {"p256": ec.SECP256R1(), "p384": ec.SECP384R1(), "p521": ec.SECP521R1()}[kind]
    pair = ec.generate_private_key(curve)
    own = hashes.SHA384() if kind == "p384" else hashes.SHA256()
    return Signer(pair, lambda message: pair.sign(message, ec.ECDSA(own)))


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def payload(digest: str, reference: str = "registry.example.com/team/app", **critical: Any) -> bytes:
    """Return the payload of simple signing."""
    document = {
        "critical": {
            "identity": {"docker-reference": reference},
            "image": {"docker-manifest-digest": digest},
            "type": "cosign container image signature",
            **critical,
        },
        "optional": None,
    }
    return json.dumps(document).encode()


def dsse(by: Signer, digest: str, predicate: str = SIGN, *, certificate: bool = False, **more: Any) -> bytes:
    """Return a bundle with a signed statement about the image *digest*. *more*: further fields of the statement."""
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "registry.example.com/team/app", "digest": dict([digest.split(":")])}],
        "predicateType": predicate,
        "predicate": {},
        **more,
    }
    body = json.dumps(statement).encode()
    kind = b"application/vnd.in-toto+json"
    message = b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(body), body)
    return _bundle(
        certificate,
        dsseEnvelope={
            "payload": b64(body),
            "payloadType": kind.decode(),
            "signatures": [{"sig": b64(by.sign(message)), "keyid": ""}],
        },
    )


def message_bundle(by: Signer, manifest: bytes, *, certificate: bool = False) -> bytes:
    """Return a bundle with a signature of the bytes of a manifest."""
    made_of = {"algorithm": "SHA2_256", "digest": b64(hashlib.sha256(manifest).digest())}
    return _bundle(
        certificate, messageSignature={"messageDigest": made_of, "signature": b64(by.sign(manifest))}
    )


def _bundle(certificate: bool, **content: Any) -> bytes:
    material = {"certificate": {"rawBytes": b64(b"none")}} if certificate else {"publicKey": {"hint": "x"}}
    document = {"mediaType": BUNDLE, "verificationMaterial": {**material, "tlogEntries": []}, **content}
    return json.dumps(document).encode()


class Attacher:
    """Puts signatures beside images of a *repository*, by the client of its registry."""

    def __init__(self, client: RegistryClient, repository: str) -> None:
        self._client = client
        self._repository = repository

    def tag(self, digest: str, *signed: tuple[bytes, bytes], named: str = "", **annotations: str) -> None:
        """Attach pairs of payload and signature by cosign's tag. *named*: the image that the tag is for."""
        document = self._simple(signed, annotations)
        self._put(document, (named or digest).replace(":", "-") + ".sig")

    def referrer(self, digest: str, *signed: tuple[bytes, bytes]) -> None:
        """Attach the same as a referrer."""
        document = self._simple(signed, {}) | {"artifactType": COSIGN}
        self._refer(digest, document)

    def bundle(self, digest: str, raw: bytes, predicate: str = SIGN) -> None:
        """Attach a bundle as a referrer."""
        document = {
            "config": self._blob(b"{}") | {"mediaType": OCI_EMPTY},
            "layers": [self._blob(raw) | {"mediaType": BUNDLE}],
            "artifactType": BUNDLE,
            "annotations": {"dev.sigstore.bundle.predicateType": predicate},
        }
        self._refer(digest, document)

    def _simple(self, signed: tuple[tuple[bytes, bytes], ...], annotations: dict[str, str]) -> dict[str, Any]:
        layers = [
            self._blob(body)
            | {"mediaType": SIMPLE}
            | {"annotations": {"dev.cosignproject.cosign/signature": b64(value), **annotations}}
            for body, value in signed
        ]
        config = self._blob(b"{}") | {"mediaType": "application/vnd.oci.image.config.v1+json"}
        return {"config": config, "layers": layers}

    def _refer(self, digest: str, document: dict[str, Any]) -> None:
        head = self._client.head(self._repository, digest)
        assert head is not None
        subject = {"mediaType": head.media_type, "digest": digest, "size": head.size}
        self._put(document | {"subject": subject})

    def _put(self, document: dict[str, Any], name: str = "") -> None:
        raw = json.dumps({"schemaVersion": 2, "mediaType": OCI_MANIFEST, **document}).encode()
        name = name or f"sha256:{hashlib.sha256(raw).hexdigest()}"
        self._client.put_manifest(self._repository, name, raw, OCI_MANIFEST)

    def _blob(self, data: bytes) -> dict[str, Any]:
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        self._client.upload_blob(
            self._repository, digest, len(data), lambda at: contextlib.nullcontext([data[at:]])
        )
        return {"digest": digest, "size": len(data)}


def simple(by: Signer, digest: str, **more: Any) -> tuple[bytes, bytes]:
    """Return a payload about the image *digest* and its signature."""
    body = payload(digest, **more)
    return body, by.sign(body)
