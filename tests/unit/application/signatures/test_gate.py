"""The rule: what is not signed is not fetched, whoever asks, and what is fetched is what was verified."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from longshore.application.signatures.book import Key
from longshore.application.signatures.gate import KeyGate
from longshore.application.signatures.scopes import parse_scope
from longshore.errors import LongshoreError, NotSigned, Remedy
from longshore.oci.manifest import OCI_CONFIG
from longshore.oci.reference import Reference
from longshore.registry.config import RegistryConfig
from longshore.transfers.index_parts import index_request
from longshore.transfers.transfer import Endpoint, NoteKind, RegistryPlace, State, TransferSnapshot
from signaturetools import Attacher, signer, simple
from transfertools.bench import Bench
from transfertools.faulty import Fault, FaultyRegistry, faulty_registries


class Guarded(Bench):
    """A bench whose source has the rule."""

    def __init__(self, source: FaultyRegistry, target: FaultyRegistry, tmp_path: Path) -> None:
        super().__init__(source, target, tmp_path)
        self.keys = tmp_path / "keys.json"
        gate = KeyGate(self.keys, RegistryConfig, {})
        self.clients.gate = gate
        self.scope = parse_scope(f"{source.address}/a")
        self.book = gate.book
        self.book.add(Key(self.scope, "release@example.com", signer().pem.decode()))
        self.book.set_only_signed(self.scope, True)
        self.attach = Attacher(self.clients.registry(source.address), "a")
        self.digest = source.put_image("a", "1", b"layer")

    def config(self, architecture: str) -> dict[str, Any]:
        """A configuration for another platform."""
        raw = json.dumps({"os": "linux", "architecture": architecture}).encode()
        return self.source.put_blob("free", raw) | {"mediaType": OCI_CONFIG}

    def refused(self, **options: str) -> LongshoreError:
        """Copy in vain; nothing has arrived."""
        row = self.copy(State.FAILED, **options)
        assert row.error is not None
        assert (self.target.manifests, self.target.blobs) == ({}, {})
        return row.error


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Guarded]:
    with faulty_registries(2) as (source, target):
        made = Guarded(source, target, tmp_path)
        try:
            yield made
        finally:
            assert made.queue.shutdown(30)
            made.clients.close()


def signers(row: TransferSnapshot) -> list[str]:
    return [note.text for note in row.notes if note.kind is NoteKind.SIGNED]


def test_an_unsigned_image_is_refused_before_anything_is_read_and_a_signed_one_is_copied(
    guarded: Guarded,
) -> None:
    error = guarded.refused()
    assert isinstance(error, NotSigned)
    assert (error.remedy, error.registry) == (Remedy.KEYS, guarded.source.address)
    assert "not signed" in error.message
    assert not guarded.source.requests("GET", r"/a/(blobs|manifests/1$)")
    guarded.attach.tag(guarded.digest, simple(signer(), guarded.digest))
    row = guarded.copy()
    assert signers(row) == ["release@example.com"]
    guarded.arrived(guarded.digest)


def test_what_moves_after_the_check_is_not_copied(guarded: Guarded) -> None:
    guarded.attach.tag(guarded.digest, simple(signer(), guarded.digest))
    signature = guarded.source.manifests["a", guarded.digest.replace(":", "-") + ".sig"]

    def move(method: str, path: str) -> None:
        if path.endswith(".sig"):  # read after the tag
            guarded.source.put_image("a", "1", b"another layer")

    guarded.source.fault = move
    row = guarded.copy()
    assert signature in guarded.source.manifests.values()
    assert guarded.source.manifests["a", "1"][1] != guarded.source.manifests["a", guarded.digest][1]
    assert row.digest == guarded.digest
    guarded.arrived(guarded.digest)


def test_a_rule_without_keys_refuses_and_another_repository_is_free(guarded: Guarded) -> None:
    guarded.attach.tag(guarded.digest, simple(signer(), guarded.digest))
    guarded.book.remove(guarded.scope)
    assert "no key" in guarded.refused().message
    guarded.source.put_image("c", "1", b"free")
    assert signers(guarded.copy_within(guarded.source, "c:1", "d:1")) == []


def test_a_request_may_ask_for_a_signature_without_a_rule(guarded: Guarded) -> None:
    guarded.book.set_only_signed(guarded.scope, False)
    assert isinstance(guarded.refused(**{"only-signed": "1"}), NotSigned)
    assert guarded.copy().digest == guarded.digest


def test_the_parts_of_a_new_index_are_checked_one_by_one(guarded: Guarded) -> None:
    guarded.source.put_image("free", "1", b"free", config=guarded.config("arm64"))
    names = [f"{guarded.source.address}/{name}" for name in ("free:1", "a:1")]
    ends = [Endpoint(RegistryPlace(guarded.source.address), Reference.parse(name)) for name in names]
    target = Reference.parse(f"{guarded.target.address}/b:1")
    request = index_request(ends, Endpoint(RegistryPlace(target.domain), target))
    row = guarded.eye.until(guarded.queue.add(request), State.FAILED, 30)
    assert isinstance(row.error, NotSigned)
    assert guarded.target.manifests == {}
    guarded.attach.tag(guarded.digest, simple(signer(), guarded.digest))
    row = guarded.eye.until(guarded.queue.add(request), State.SUCCEEDED, 30)
    assert signers(row) == ["release@example.com"]
    assert row.request == request
    # A later image of the same platform takes the place of the first here, too.
    guarded.source.put_image("free", "2", b"free again", config=guarded.config("arm64"))
    again = Endpoint(ends[0].place, Reference.parse(f"{guarded.source.address}/free:2"))
    request = index_request([*ends, again], request.destination, replacing=True)
    guarded.eye.until(guarded.queue.add(request), State.SUCCEEDED, 30)


def test_a_damaged_file_of_rules_lets_nothing_through(guarded: Guarded) -> None:
    guarded.keys.write_text("{")
    assert "can't be read" in guarded.refused().message
    guarded.keys.write_text(json.dumps({"version": 1}))
    assert guarded.copy().digest == guarded.digest


def test_a_registry_that_fails_during_the_check_is_asked_again(
    guarded: Guarded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("longshore.registry.session.pause", lambda *_: None)
    guarded.attach.tag(guarded.digest, simple(signer(), guarded.digest))
    left = [4]  # more than one request is tried again

    def fail(method: str, path: str) -> Fault | None:
        if path.endswith(".sig") and left[0]:
            left[0] -= 1
            return 503, {}, b""
        return None

    guarded.source.fault = fail
    row = guarded.copy()
    assert (signers(row), row.attempt > 1) == (["release@example.com"], True)
