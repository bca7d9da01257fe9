"""Refused requests that would only save work: the work is done without them, and no error is shown."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from longshore.credentials import Credential
from longshore.errors import InvalidManifest, RegistryFailure, SignInFailed, TagImmutable, UnexpectedReply
from longshore.transfers.transfer import NoteKind, State, TransferSnapshot
from transfertools.bench import Bench
from transfertools.faulty import digest_of

KB = 1000
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
REFUSALS = [400, 401, 403, 404, 405, 500]
SIGNED_IN = Credential("ann", "secret")


def refusal(status: int) -> tuple[int, dict[str, str], bytes]:
    headers = {"WWW-Authenticate": 'Basic realm="x"'} if status == 401 else {}
    return (status, headers, b'{"errors":[{"code":"DENIED","message":"not to you"}]}')


def refuse(method: str, part: str, status: int) -> Any:
    return lambda asked, path: refusal(status) if asked == method and part in path else None


def kinds(row: TransferSnapshot) -> list[NoteKind]:
    return [note.kind for note in row.notes]


@pytest.mark.parametrize("status", REFUSALS)
def test_a_mount_that_is_refused_is_an_upload(bench: Bench, status: int) -> None:
    """imgpkg 495, oras 1892, harbor 17097."""
    layers = [os.urandom(KB), os.urandom(2 * KB)]
    digest = bench.source.put_image("b", "1", *layers)
    bench.clients.credentials.keep_for_this_run(bench.source.address, SIGNED_IN)
    bench.source.fault = refuse("POST", "mount=", status)
    done = bench.copy_within(bench.source, "b:1", "c:1")
    assert (done.digest, done.attempt, kinds(done)) == (digest, 1, [])
    assert all(("c", digest_of(layer)) in bench.source.blobs for layer in layers)
    assert done.moved is not None
    assert (done.moved.layers_moved, done.moved.layers_mounted) == (2, 0)
    # The mount is not tried again for every blob of every copy.
    before = len(bench.source.requests("POST", "mount="))
    bench.source.put_image("b", "2", os.urandom(KB))
    bench.copy_within(bench.source, "b:2", "c:2")
    assert len(bench.source.requests("POST", "mount=")) == before


@pytest.mark.parametrize("status", [400, 401, 403, 405, 500])
def test_a_destination_that_does_not_say_which_blobs_it_has(bench: Bench, status: int) -> None:
    """distribution 1217."""
    digest = bench.source.put_image("a", "1", *[os.urandom(KB) for _ in range(5)])
    bench.clients.credentials.keep_for_this_run(bench.target.address, SIGNED_IN)
    bench.target.fault = refuse("HEAD", "/blobs/", status)
    done = bench.copy()
    bench.arrived(digest)
    assert (done.attempt, kinds(done)) == (1, [])


@pytest.mark.parametrize("status", [400, 401, 403, 500])
def test_a_destination_that_does_not_say_which_manifests_it_has(bench: Bench, status: int) -> None:
    digest = bench.source.put_image("a", "1", os.urandom(KB))
    bench.clients.credentials.keep_for_this_run(bench.target.address, SIGNED_IN)

    def fault(method: str, path: str) -> Any:
        return refusal(status) if method in ("HEAD", "GET") and "/manifests/" in path else None

    bench.target.fault = fault
    done = bench.copy()
    bench.arrived(digest)
    assert (done.attempt, kinds(done)) == (1, [NoteKind.NOT_VERIFIED])


def test_a_wrong_password_is_still_told(bench: Bench) -> None:
    """The first request that has to succeed reports it."""
    bench.source.put_image("a", "1", os.urandom(KB))
    bench.clients.credentials.keep_for_this_run(bench.target.address, SIGNED_IN)
    bench.target.fault = lambda method, path: refusal(401)
    assert isinstance(bench.copy(State.FAILED).error, SignInFailed)
    assert not bench.target.requests("PATCH|PUT")


@pytest.mark.parametrize(
    ("part", "status", "said"),
    [
        ("/referrers/", 404, False),  # the registry has no such list
        ("/referrers/", 400, False),
        ("/referrers/", 405, False),
        ("/referrers/", 501, False),
        ("/referrers/", 401, True),
        ("/referrers/", 403, True),
        ("/referrers/", 500, True),
        ("/referrers/", 503, True),
        ("sha256-", 401, True),
        ("sha256-", 403, True),
        ("sha256-", 500, True),
    ],
)
def test_referrers_that_cannot_be_read(bench: Bench, part: str, status: int, said: bool) -> None:
    digest = bench.source.put_image("a", "1", os.urandom(KB))
    bench.clients.credentials.keep_for_this_run(bench.source.address, SIGNED_IN)
    bench.source.fault = refuse("GET", part, status)
    done = bench.copy(referrers="1")
    bench.arrived(digest)
    assert kinds(done) == ([NoteKind.REFERRERS_UNKNOWN] if said else [])


def test_referrers_that_are_there_are_not_called_unknown(bench: Bench) -> None:
    digest = bench.source.put_image("a", "1", os.urandom(KB))
    subject = {"mediaType": OCI_MANIFEST, "digest": digest, "size": 1}
    signature = bench.source.put_image("a", "s", b"signature", subject=subject)
    assert kinds(bench.copy(referrers="1")) == [NoteKind.REFERRERS]
    # A referrer that is listed but not there is reported as missing.
    bench.target.manifests.clear()
    raw = bench.source.manifests.pop(("a", signature))
    bench.source.manifests["a", "s"] = raw
    listed = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI_INDEX,
            "manifests": [{"mediaType": OCI_MANIFEST, "digest": signature, "size": len(raw[1])}],
        }
    ).encode()
    bench.source.fault = lambda method, path: (
        (200, {"Content-Type": OCI_INDEX}, listed) if "/referrers/" in path else None
    )
    assert kinds(bench.copy(referrers="1")) == [NoteKind.REFERRERS_UNKNOWN]


def index_with_attestation(bench: Bench) -> tuple[str, str, str]:
    """Put an index of two images and an attestation of the first as a:1; return their digests."""
    first = bench.source.put_image("a", "x", b"amd64" * KB)
    second = bench.source.put_image("a", "y", b"arm64" * KB)
    attestation = bench.source.put_image("a", "z", b"provenance")
    unknown = {"os": "unknown", "architecture": "unknown"}
    about = {
        "vnd.docker.reference.digest": first,
        "vnd.docker.reference.type": "attestation-manifest",
    }
    children: list[dict[str, Any]] = [
        {"digest": first, "platform": {"os": "linux", "architecture": "amd64"}},
        {"digest": second, "platform": {"os": "linux", "architecture": "arm64"}},
        {"digest": attestation, "platform": unknown, "annotations": about},
    ]
    for child in children:
        child |= {"mediaType": OCI_MANIFEST, "size": len(bench.source.manifests["a", child["digest"]][1])}
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": children}
    bench.source.put_manifest("a", document, "1")
    return first, second, attestation


@pytest.mark.parametrize("platforms", ["linux/amd64", "linux/amd64,linux/arm64"])
def test_an_attestation_that_is_gone(bench: Bench, platforms: str) -> None:
    """moneyman 789: registries clean up manifests without a tag."""
    first, second, attestation = index_with_attestation(bench)
    for name in (attestation, "z"):
        del bench.source.manifests["a", name]
    done = bench.copy(platforms=platforms)
    assert [(note.kind, note.text) for note in done.notes] == [
        (NoteKind.PLATFORMS, done.digest),
        (NoteKind.ATTESTATIONS_GONE, "1"),
    ]
    kept = json.loads(bench.target.manifests["b", "1"][1])["manifests"]
    assert [child["digest"] for child in kept] == [first, second][: platforms.count("/")]
    assert digest_of(bench.target.manifests["b", "1"][1]) == done.digest
    # The second copy has nothing to do.
    puts = len(bench.target.requests("PUT"))
    bench.copy(platforms=platforms)
    assert len(bench.target.requests("PUT")) == puts


def test_an_attestation_that_is_there_is_read_once(bench: Bench) -> None:
    first, _, attestation = index_with_attestation(bench)
    bench.copy(platforms="linux/amd64")
    kept = json.loads(bench.target.manifests["b", "1"][1])["manifests"]
    assert [child["digest"] for child in kept] == [first, attestation]
    assert len(bench.source.requests("GET", f"manifests/{attestation}")) == 1


def test_all_platforms_and_an_attestation_gone(bench: Bench) -> None:
    """The index would not be the same, so this copy fails; the error says what to do."""
    *_, attestation = index_with_attestation(bench)
    del bench.source.manifests["a", attestation]
    failed = bench.copy(State.FAILED)
    assert isinstance(failed.error, InvalidManifest)
    assert failed.error.subject == attestation
    assert "selected platforms" in failed.error.advice


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (412, "PRECONDITION", "Failed to process request due to 'b:1' configured as immutable."),
        (412, "", ""),
        (409, "TAG_INVALID", "tag already exists and is immutable"),
        (409, "", ""),
        (
            400,
            "TAG_INVALID",
            "The image tag '1' already exists and cannot be overwritten because it is immutable.",
        ),
        (403, "DENIED", "tag already exists"),
        (405, "UNSUPPORTED", "The tag is locked"),
    ],
)
def test_an_immutable_tag(bench: Bench, status: int, code: str, words: str) -> None:
    bench.source.put_image("a", "1", os.urandom(KB))
    bench.clients.credentials.keep_for_this_run(bench.target.address, SIGNED_IN)
    body = json.dumps({"errors": [{"code": code, "message": words}]}).encode() if code else b""
    bench.target.fault = lambda method, path: (
        (status, {}, body) if method == "PUT" and "manifests" in path else None
    )
    failed = bench.copy(State.FAILED)
    assert isinstance(failed.error, TagImmutable)
    assert failed.error.message == f"The tag 1 is immutable at {bench.target.address}."
    assert "another tag" in failed.error.advice
    assert failed.attempt == 1


@pytest.mark.parametrize(
    ("status", "words"),
    [(400, "manifest invalid"), (409, "another change is under way"), (405, "unsupported")],
)
def test_what_is_not_about_an_immutable_tag(bench: Bench, status: int, words: str) -> None:
    bench.source.put_image("a", "1", os.urandom(KB))
    body = json.dumps({"errors": [{"code": "X", "message": words}]}).encode()
    bench.target.fault = lambda method, path: (
        (status, {}, body) if method == "PUT" and "manifests" in path else None
    )
    failed = bench.copy(State.FAILED)
    assert type(failed.error) is UnexpectedReply


def test_a_registry_that_fails_is_told_so(bench: Bench) -> None:
    bench.source.put_image("a", "1", os.urandom(KB))
    bench.target.fault = lambda method, path: (503, {}, b"")
    failed = bench.copy(State.FAILED)
    assert isinstance(failed.error, RegistryFailure)
