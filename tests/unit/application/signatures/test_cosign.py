"""Keyless signatures, by a program called cosign: what it is given, and what its answers mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from longshore.application.signatures import cosign
from longshore.application.signatures.book import key_of_identity
from longshore.application.signatures.verifying import Reason, SignatureState
from signaturetools import dsse, signer
from unit.application.signatures.conftest import Signing

ANN = ("ann@example.com", "https://accounts.example.com")


def program(tmp_path: Path, script: str) -> None:
    path = tmp_path / "cosign"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.fixture
def keyless(signing: Signing) -> Signing:
    signing.attach.bundle(signing.digest, dsse(signer(), signing.digest, certificate=True))
    return signing


def test_without_the_program_it_is_not_verified(keyless: Signing) -> None:
    found = keyless.verdict(key_of_identity(keyless.scope, *ANN))
    assert (found.state, found.reason) == (SignatureState.UNVERIFIED, Reason.NO_COSIGN)


def test_the_program_gets_the_digest_and_the_identity_as_one_argument_each(
    keyless: Signing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, f'printf "%s\\n" "$@" > {tmp_path}/asked')
    found = keyless.verdict(key_of_identity(keyless.scope, "-x; id", ANN[1], "Ann"))
    assert (found.state, found.name) == (SignatureState.SIGNED, "Ann")
    assert (tmp_path / "asked").read_text().splitlines() == [
        "verify",
        "--certificate-identity=-x; id",
        "--certificate-oidc-issuer=https://accounts.example.com",
        "--output=json",
        "--allow-http-registry",
        f"{keyless.reference.name}@{keyless.digest}",
    ]


def test_a_refusal_is_no_verdict_on_the_image(keyless: Signing, tmp_path: Path) -> None:
    program(tmp_path, 'echo "main.go:1: \\033[31mno matching signatures" >&2; exit 10')
    found = keyless.verdict(key_of_identity(keyless.scope, *ANN))
    assert (found.state, found.reason) == (SignatureState.UNVERIFIED, Reason.NOT_CONFIRMED)
    assert found.detail.startswith("main.go:1:")
    assert "\x1b" not in found.detail


def test_a_program_that_hangs_or_babbles_is_ended(
    keyless: Signing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cosign, "SECONDS", 0.05)
    ann = key_of_identity(keyless.scope, *ANN)
    program(tmp_path, "read nothing < /dev/zero; while :; do :; done")
    assert "in time" in keyless.verdict(ann).detail
    monkeypatch.setattr(cosign, "SECONDS", 10)
    program(tmp_path, "while :; do printf '%0100000d' 1; done")
    assert "too much" in keyless.verdict(ann).detail
    (tmp_path / "cosign").write_bytes(b"\x7fELF")
    assert "can't be started" in keyless.verdict(ann).detail
