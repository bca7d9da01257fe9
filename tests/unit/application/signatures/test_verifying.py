"""What the signatures beside an image prove, and what they do not."""

from __future__ import annotations

import json

import pytest

from longshore.application.signatures import finding
from longshore.application.signatures.verifying import Reason, SignatureState
from longshore.errors import RegistryFailure
from longshore.oci.manifest import OCI_MANIFEST
from signaturetools import KINDS, dsse, message_bundle, payload, signer, simple
from unit.application.signatures.conftest import Signing


@pytest.mark.parametrize("kind", KINDS)
def test_a_signature_by_each_kind_of_key(signing: Signing, kind: str) -> None:
    signing.attach.tag(signing.digest, simple(signer(kind), signing.digest))
    found = signing.verdict(signing.key(number=1, name="someone@example.com"), signing.key(kind))
    assert (found.state, found.name, found.scope) == (
        SignatureState.SIGNED,
        "release@example.com",
        signing.scope,
    )
    assert (found.digest, found.signed_as) == (signing.digest, "registry.example.com/team/app")


@pytest.mark.parametrize("way", ["referrer", "dsse", "message"])
def test_each_other_way_of_attaching(signing: Signing, way: str) -> None:
    for kind in ("p256", "ed25519"):
        by = signer(kind)
        if way == "referrer":
            signing.attach.referrer(signing.digest, simple(by, signing.digest))
        elif way == "dsse":
            signing.attach.bundle(signing.digest, dsse(by, signing.digest))
        else:
            signing.attach.bundle(signing.digest, message_bundle(by, signing.manifest))
        assert signing.verdict(signing.key(kind)).signed
        assert signing.verdict(signing.key("p256", 1)).reason is Reason.OTHER_KEY


def test_an_image_without_signatures(signing: Signing) -> None:
    found = signing.verdict(signing.key())
    assert (found.state, found.reason) == (SignatureState.UNSIGNED, None)


def test_a_signature_by_another_key_and_an_altered_payload(signing: Signing) -> None:
    body, value = simple(signer(), signing.digest)
    signing.attach.tag(signing.digest, (body.replace(b"team/app", b"team/bad"), value))
    found = signing.verdict(signing.key())
    assert (found.state, found.reason) == (SignatureState.BROKEN, Reason.OTHER_KEY)
    signing.attach.tag(signing.digest, (body, value))
    assert signing.verdict(signing.key("p256", 1)).reason is Reason.OTHER_KEY
    found = signing.verdict()
    assert (found.state, found.reason) == (SignatureState.UNVERIFIED, Reason.NO_KEY)


def test_a_signature_moved_from_another_image(signing: Signing) -> None:
    signing.attach.tag(signing.other, simple(signer(), signing.other), named=signing.digest)
    found = signing.verdict(signing.key())
    assert (found.state, found.reason) == (SignatureState.BROKEN, Reason.OTHER_IMAGE)
    assert found.detail == signing.other
    signing.attach.bundle(signing.digest, dsse(signer(), signing.other))
    other = signing.registry.manifests["a", signing.other][1]
    signing.attach.bundle(signing.digest, message_bundle(signer(), other))
    assert signing.verdict(signing.key()).reason is Reason.OTHER_IMAGE
    # Beside them, a signature of this image counts.
    signing.attach.bundle(signing.digest, dsse(signer(), signing.digest))
    assert signing.verdict(signing.key()).signed


def test_an_attestation_by_the_same_key_is_no_signature(signing: Signing) -> None:
    test_result = "https://in-toto.io/attestation/test-result/v0.1"  # it may say that the tests failed
    # Its descriptor may claim anything.
    signing.attach.bundle(signing.digest, dsse(signer(), signing.digest, test_result))
    signing.attach.bundle(signing.digest, dsse(signer(), signing.digest, test_result), test_result)
    assert signing.verdict(signing.key()).state is SignatureState.UNSIGNED


def test_a_payload_that_is_not_about_an_image_is_no_signature(signing: Signing) -> None:
    body = payload(signing.digest, type="something else")
    signing.attach.tag(signing.digest, (body, signer().sign(body)))
    found = signing.verdict(signing.key())
    assert (found.state, found.reason) == (SignatureState.BROKEN, Reason.UNREADABLE)
    assert "container image" in found.detail


def test_keyless_signatures_are_not_taken_for_those_of_a_key(signing: Signing) -> None:
    signing.attach.bundle(signing.digest, dsse(signer(), signing.digest, certificate=True))
    found = signing.verdict(signing.key())
    assert (found.state, found.reason) == (SignatureState.UNVERIFIED, Reason.KEYLESS)
    simple_one = simple(signer(), signing.digest)
    signing.attach.tag(
        signing.digest, simple_one, **{"dev.sigstore.cosign/certificate": "-----BEGIN CERTIFICATE-----"}
    )
    assert signing.verdict(signing.key()).reason is Reason.KEYLESS
    signing.attach.referrer(signing.digest, simple_one)
    assert signing.verdict(signing.key()).signed


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{" * 5000,
        b"[]",
        b'{"critical": []}',
        b'{"critical": {"type": "cosign container image signature", "image": {}}}',
        b'{"a": [' + b"{}," * 10_000 + b"{}]}",
        b"x" * (65 * 1024),
    ],
)
def test_hostile_payloads_are_unreadable(signing: Signing, body: bytes) -> None:
    signing.attach.tag(signing.digest, (body, b"signature"))
    found = signing.verdict(signing.key())
    assert (found.state, found.reason) == (SignatureState.BROKEN, Reason.UNREADABLE)


@pytest.mark.parametrize(
    "change",
    [
        {"verificationMaterial": {}},
        {"dsseEnvelope": {"payloadType": "text/plain", "payload": "eA==", "signatures": [{"sig": "eA=="}]}},
        {"dsseEnvelope": {"payloadType": 1, "payload": "%%%", "signatures": []}},
        {"dsseEnvelope": None, "messageSignature": {"signature": "eA=="}},
        {"dsseEnvelope": []},
    ],
)
def test_hostile_bundles_are_unreadable(signing: Signing, change: dict[str, object]) -> None:
    document = json.loads(dsse(signer(), signing.digest))
    signing.attach.bundle(signing.digest, json.dumps(document | change).encode())
    assert signing.verdict(signing.key()).reason is Reason.UNREADABLE


def test_a_signature_of_another_kind_is_told(signing: Signing) -> None:
    subject = {"mediaType": OCI_MANIFEST, "digest": signing.digest, "size": len(signing.manifest)}
    config = signing.registry.put_blob("a", b"{}") | {"mediaType": "application/vnd.cncf.notary.signature"}
    signing.registry.put_image("a", "n", subject=subject, config=config)
    found = signing.verdict(signing.key())
    assert (found.state, found.reason) == (SignatureState.UNVERIFIED, Reason.OTHER_FORMAT)


def test_only_so_many_signatures_are_read(signing: Signing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "MOST_LAYERS", 5)
    wrong = simple(signer("p256", 1), signing.digest)
    signing.attach.tag(signing.digest, *[wrong] * 5, simple(signer(), signing.digest))
    found = signing.verdict(signing.key())
    assert (found.state, found.reason) == (SignatureState.BROKEN, Reason.TOO_MANY)
    assert len(signing.registry.requests("GET", "/blobs/")) == 5


def test_a_missing_and_a_false_part_are_unreadable(signing: Signing) -> None:
    body, value = simple(signer(), signing.digest)
    signing.attach.tag(signing.digest, (body, value))
    key = next(key for key, data in signing.registry.blobs.items() if data == body)
    signing.registry.blobs[key] = body.replace(b"team", b"meat")
    assert signing.verdict(signing.key()).reason is Reason.UNREADABLE
    del signing.registry.blobs[key]
    assert signing.verdict(signing.key()).reason is Reason.UNREADABLE


def test_a_registry_that_hides_referrers_makes_nothing_signed(signing: Signing) -> None:
    signing.attach.bundle(signing.digest, dsse(signer(), signing.digest))
    signing.registry.fault = lambda _, path: (403, {}, b"") if "/referrers/" in path else None
    found = signing.verdict(signing.key())
    assert (found.state, found.reason) == (SignatureState.UNKNOWN, Reason.UNLISTED)


def test_a_registry_that_is_down_is_an_error_and_no_verdict(
    signing: Signing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("longshore.registry.session.pause", lambda *_: None)
    signing.registry.fault = lambda _, path: (503, {}, b"") if "/referrers/" in path else None
    with pytest.raises(RegistryFailure):
        signing.verdict(signing.key())
