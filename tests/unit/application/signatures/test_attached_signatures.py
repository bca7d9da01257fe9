"""The verdict on each attached signature by itself, as the tab Attached shows it."""

from __future__ import annotations

from longshore.application.attached.finding import find
from longshore.application.signatures.attached_signatures import verdict_of
from longshore.application.signatures.book import Key
from longshore.application.signatures.verifying import Reason, SignatureState, Verdict
from longshore.cancellation import Cancellation
from longshore.transfers.content.open import open_reader
from longshore.transfers.transfer import Endpoint, RegistryPlace
from signaturetools import dsse, signer, simple
from unit.application.signatures.conftest import Signing

OVERALL = Verdict("sha256:of-the-image", SignatureState.UNVERIFIED, reason=Reason.NO_COSIGN)


def verdicts(signing: Signing, *keys: Key) -> list[Verdict | None]:
    end = Endpoint(RegistryPlace(signing.registry.address), signing.reference)
    found = find(end, signing.clients, Cancellation())
    reader = open_reader(end, signing.clients)
    return [verdict_of(one, reader, keys, lambda: OVERALL, Cancellation()) for one in found.attachments]


def test_one_of_mine_beside_one_of_somebody_else(signing: Signing) -> None:
    signing.attach.tag(signing.digest, simple(signer(), signing.digest))
    signing.attach.bundle(signing.digest, dsse(signer("p256", 1), signing.digest))
    found = {(one.state, one.reason) for one in verdicts(signing, signing.key()) if one}
    assert found == {(SignatureState.SIGNED, None), (SignatureState.BROKEN, Reason.OTHER_KEY)}
    assert {one.reason for one in verdicts(signing) if one} == {Reason.NO_KEY}


def test_one_of_another_image(signing: Signing) -> None:
    signing.attach.tag(signing.other, simple(signer(), signing.other), named=signing.digest)
    (found,) = verdicts(signing, signing.key())
    assert found is not None
    assert found.reason is Reason.OTHER_IMAGE


def test_one_without_a_key_is_what_cosign_says_of_the_image(signing: Signing) -> None:
    signing.attach.bundle(signing.digest, dsse(signer(), signing.digest, certificate=True))
    assert verdicts(signing, signing.key()) == [OVERALL]


def test_what_only_claims_to_be_a_signature(signing: Signing) -> None:
    statement = dsse(signer(), signing.digest, "https://in-toto.io/attestation/test-result/v0.1")
    signing.attach.bundle(signing.digest, statement)
    found = verdicts(signing, signing.key())
    assert not [one for one in found if one is not None and one.signed]
