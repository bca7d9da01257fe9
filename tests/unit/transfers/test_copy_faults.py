"""What a copy survives, and what it does not, on registries with scripted faults."""

from __future__ import annotations

import json
import os
import re
import threading
from typing import Any

import pytest

from longshore.errors import (
    DigestMismatch,
    InvalidManifest,
    NotInRegistry,
    RateLimited,
    SignInRequired,
    UnexpectedReply,
    VerificationFailed,
)
from longshore.oci.layer import LayerState
from longshore.transfers.transfer import NoteKind, State, Waiting
from transfertools.bench import Bench, once
from transfertools.faulty import digest_of, faulty_registries

KB = 1000
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"


def test_a_source_that_is_cut_is_gone_on_with_by_range(bench: Bench) -> None:
    layer = os.urandom(900 * KB)
    digest = bench.source.put_image("a", "1", layer)
    bench.source.fault = once("GET", digest_of(layer), 200 * KB, times=3)
    done = bench.copy()
    bench.arrived(digest)
    assert done.attempt == 1
    asked = [headers.get("range") for headers in bench.source.requests("GET", digest_of(layer))]
    assert asked == [None, "bytes=200000-", "bytes=400000-", "bytes=600000-"]
    # The target did not notice: one upload for each of the two blobs.
    assert len(bench.target.requests("PUT", "uploads")) == 2
    assert done.moved is not None
    assert done.moved.bytes == len(layer)


@pytest.mark.parametrize("ranges", ["ignore", "other"])
def test_a_source_without_usable_ranges_is_read_from_the_start(bench: Bench, ranges: str) -> None:
    layer = os.urandom(500 * KB)
    digest = bench.source.put_image("a", "1", layer)
    bench.source.ranges = ranges
    bench.source.fault = once("GET", digest_of(layer), 300 * KB)
    assert bench.copy().attempt == 1
    bench.arrived(digest)


def test_a_target_that_is_cut_is_gone_on_with_at_completed_chunks(bench: Bench) -> None:
    layer = os.urandom(900 * KB)
    digest = bench.source.put_image("a", "1", layer)
    bench.chunks(200 * KB)
    seen: list[str] = []

    def fault(method: str, path: str) -> Any:
        if method == "PATCH":
            seen.append(path)
            return 50 * KB if len(seen) == 3 else None
        return None

    bench.target.fault = fault
    assert bench.copy().attempt == 1
    bench.arrived(digest)
    sent = [headers["content-range"] for headers in bench.target.requests("PATCH")]
    assert sent == [
        "0-199999",
        "200000-399999",
        "400000-599999",
        "400000-599999",
        "600000-799999",
    ]
    assert len(bench.target.requests("POST", "uploads")) == 2  # the configuration's and the layer's


def test_only_what_the_target_confirms_counts(bench: Bench) -> None:
    """A registry that keeps less than it was sent, and one that ignores Content-Range."""
    layer = os.urandom(300 * KB)
    digest = bench.source.put_image("a", "1", layer)
    bench.chunks(100 * KB)
    bench.target.short_chunks = 60 * KB
    bench.copy()
    bench.arrived(digest)
    sent = [headers["content-range"] for headers in bench.target.requests("PATCH")]
    assert sent[:3] == ["0-99999", "60000-159999", "120000-219999"]


def test_a_stale_location_begins_the_upload_again(bench: Bench) -> None:
    layer = os.urandom(500 * KB)
    digest = bench.source.put_image("a", "1", layer)
    bench.chunks(200 * KB)
    gone = (404, {}, b'{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]}')
    calls: list[str] = []

    def fault(method: str, path: str) -> Any:
        if method in ("PATCH", "GET") and "uploads" in path:
            calls.append(method)
            return gone if len(calls) in (2, 3) else None
        return None

    bench.target.fault = fault
    assert bench.copy().attempt == 1
    bench.arrived(digest)
    assert calls == ["PATCH", "PATCH", "GET", "PATCH", "PATCH"]


def test_a_short_429_is_waited_out_in_place(bench: Bench) -> None:
    layer = os.urandom(10 * KB)
    digest = bench.source.put_image("a", "1", layer)
    busy = (429, {"Retry-After": "0"}, b"")
    bench.source.fault = once("GET", "blobs", busy)
    bench.target.fault = once("PUT", "uploads", busy)
    assert bench.copy().attempt == 1
    bench.arrived(digest)


def test_a_long_429_is_waited_out_in_the_queue(bench: Bench) -> None:
    layers = [os.urandom(10 * KB), os.urandom(20 * KB)]
    digest = bench.source.put_image("a", "1", *layers)
    bench.source.fault = once("GET", digest_of(layers[0]), (429, {"Retry-After": "900"}, b""))
    row = bench.start()
    waiting = bench.eye.until(row, lambda row: row.waiting_for is Waiting.RATE_LIMIT)
    assert isinstance(waiting.error, RateLimited)
    bench.queue.retry([row])
    done = bench.eye.until(row, State.SUCCEEDED)
    bench.arrived(digest)
    assert done.attempt == 2
    # What had arrived was not sent again, and still counts as moved.
    assert len(bench.source.requests("GET", digest_of(layers[1]))) == 1
    assert done.moved is not None
    assert (done.moved.bytes, done.moved.layers_moved) == (30 * KB, 2)


def test_a_5xx_in_the_middle_is_tried_again(bench: Bench) -> None:
    digest = bench.source.put_image("a", "1", os.urandom(10 * KB))
    bench.target.fault = once("PUT", "manifests", (503, {}, b""), times=3)
    done = bench.copy()
    bench.arrived(digest)
    assert done.attempt == 2


def test_content_that_is_not_what_its_digest_promises(bench: Bench) -> None:
    layer, wrong = os.urandom(300 * KB), os.urandom(300 * KB)
    bench.source.put_image("a", "1", layer)
    bench.source.blobs["a", digest_of(layer)] = wrong
    failed = bench.copy(State.FAILED)
    assert isinstance(failed.error, DigestMismatch)
    assert failed.attempt == 1
    assert digest_of(layer) in failed.error.detail
    assert digest_of(wrong) in failed.error.detail
    assert bench.source.address in failed.error.detail
    assert ("b", digest_of(layer)) not in bench.target.blobs
    assert not bench.target.manifests
    # None of it is reused later.
    bench.source.blobs["a", digest_of(layer)] = layer
    bench.queue.retry_failed()
    bench.eye.until(failed.id, State.SUCCEEDED)


@pytest.mark.parametrize("change", [-1, 1])
def test_content_of_another_size(bench: Bench, change: int) -> None:
    layer = os.urandom(50 * KB)
    bench.source.put_image("a", "1", layer)
    bench.source.blobs["a", digest_of(layer)] = layer[:-1] if change < 0 else layer + b"x"
    failed = bench.copy(State.FAILED)
    assert isinstance(failed.error, DigestMismatch)
    assert not bench.target.manifests


def test_a_target_that_finds_another_digest(bench: Bench) -> None:
    bench.source.put_image("a", "1", os.urandom(10 * KB))
    refusal = (400, {}, b'{"errors":[{"code":"DIGEST_INVALID","message":"provided digest did not match"}]}')
    bench.target.fault = once("PUT", "uploads", refusal, times=9)
    assert isinstance(bench.copy(State.FAILED).error, VerificationFailed)


def test_a_manifest_over_the_bound(bench: Bench) -> None:
    bench.source.put_image("a", "1", b"x", annotations={"much": "x" * (5 << 20)})
    failed = bench.copy(State.FAILED)
    assert isinstance(failed.error, UnexpectedReply)
    assert "4096 KiB" in failed.error.message
    assert not bench.target.requests("POST")


def test_a_manifest_that_is_not_its_digest(bench: Bench) -> None:
    digest = bench.source.put_image("a", "1", b"x")
    bench.source.put_manifest(
        "a",
        {
            "schemaVersion": 2,
            "mediaType": OCI_INDEX,
            "manifests": [{"mediaType": OCI_MANIFEST, "digest": digest, "size": 1}],
        },
        "1",
    )
    other = bench.source.put_image("a", "2", b"y")
    bench.source.manifests["a", digest] = bench.source.manifests["a", other]
    failed = bench.copy(State.FAILED)
    assert isinstance(failed.error, DigestMismatch)
    assert not bench.target.manifests


def test_a_child_that_is_not_there(bench: Bench) -> None:
    missing = {"mediaType": OCI_MANIFEST, "digest": digest_of(b"nowhere"), "size": 7}
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [missing]}
    bench.source.put_manifest("a", document, "1")
    failed = bench.copy(State.FAILED)
    assert isinstance(failed.error, NotInRegistry)
    assert digest_of(b"nowhere") in failed.error.subject


def test_indexes_without_end(bench: Bench) -> None:
    below = bench.source.put_image("a", "0", b"x")
    kind = OCI_MANIFEST
    for depth in range(9):
        child = {"mediaType": kind, "digest": below, "size": len(bench.source.manifests["a", below][1])}
        document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [child], "n": depth}
        below, kind = bench.source.put_manifest("a", document, "1"), OCI_INDEX
    assert isinstance(bench.copy(State.FAILED).error, InvalidManifest)


def test_a_tag_that_somebody_else_moves_meanwhile(bench: Bench) -> None:
    bench.source.put_image("a", "1", b"x" * KB)
    other = bench.target.put_image("b", "other", b"y")

    def fault(method: str, path: str) -> Any:
        if method == "HEAD" and path.endswith("/manifests/1") and ("b", "1") in bench.target.manifests:
            bench.target.manifests["b", "1"] = bench.target.manifests["b", other]
        return None

    bench.target.fault = fault
    failed = bench.copy(State.FAILED)
    assert isinstance(failed.error, VerificationFailed)
    assert "different image" in failed.error.message
    assert other in failed.error.detail


def test_an_image_that_is_gone_as_soon_as_it_arrived(bench: Bench) -> None:
    bench.source.put_image("a", "1", b"x" * KB)

    def fault(method: str, path: str) -> Any:
        if method == "HEAD" and path.endswith("/manifests/1"):
            bench.target.manifests.pop(("b", "1"), None)
        return None

    bench.target.fault = fault
    failed = bench.copy(State.FAILED)
    assert isinstance(failed.error, VerificationFailed)
    assert "does not have it" in failed.error.message
    assert "nothing" in failed.error.detail


def test_foreign_layers_are_left_out_and_said(bench: Bench) -> None:
    with faulty_registries(1) as (elsewhere,):
        foreign = os.urandom(KB)
        elsewhere.put_blob("vendor", foreign)
        digest = bench.source.put_image("a", "1", os.urandom(10 * KB))
        document = json.loads(bench.source.manifests["a", digest][1])
        document["layers"].append(
            {
                "mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
                "digest": digest_of(foreign),
                "size": len(foreign),
                "urls": [f"http://{elsewhere.address}/v2/vendor/blobs/{digest_of(foreign)}"],
            }
        )
        # A distributable layer is read from the registry, and its urls are ignored.
        plain = os.urandom(2 * KB)
        document["layers"].append(
            bench.source.put_blob("a", plain)
            | {
                "mediaType": "application/vnd.oci.image.layer.v1.tar",
                "urls": [f"http://{elsewhere.address}/v2/vendor/blobs/{digest_of(plain)}"],
            }
        )
        whole = bench.source.put_manifest("a", document, "1")
        done = bench.copy()
        assert done.digest == whole
        assert [(note.kind, note.text) for note in done.notes] == [(NoteKind.FOREIGN, "1")]
        assert not elsewhere.asked
        assert bench.target.blobs["b", digest_of(plain)] == plain
        assert ("b", digest_of(foreign)) not in bench.target.blobs


def test_referrers_come_along_by_the_registrys_own_list(bench: Bench) -> None:
    digest = bench.source.put_image("a", "1", b"image" * KB)
    subject = {"mediaType": OCI_MANIFEST, "digest": digest, "size": 1}
    signature = bench.source.put_image("a", "s", b"signature", subject=subject, artifactType="x/sig")
    about = {"mediaType": OCI_MANIFEST, "digest": signature, "size": 1}
    note = bench.source.put_image("a", "n", b"of the signature", subject=about)
    del bench.source.manifests["a", "s"], bench.source.manifests["a", "n"]
    bench.copy()
    assert ("b", signature) not in bench.target.manifests
    done = bench.copy(referrers="1")
    assert [(note.kind, note.text) for note in done.notes] == [(NoteKind.REFERRERS, "2")]
    for one in (signature, note):
        assert digest_of(bench.target.manifests["b", one][1]) == one
    assert done.moved is not None
    assert (done.moved.layers_moved, done.moved.layers_skipped) == (2, 1)


def test_every_layer_passes_through_its_states(bench: Bench) -> None:
    bench.source.put_image("a", "1", os.urandom(300 * KB), b"there")
    bench.target.put_blob("b", b"there")
    done = bench.copy()
    states = {layer.total: layer.state for layer in done.layers}
    assert states == {300 * KB: LayerState.DONE, 5: LayerState.SKIPPED}
    assert done.moved is not None
    assert (done.moved.layers_moved, done.moved.layers_skipped, done.moved.bytes) == (1, 1, 300 * KB)
    assert done.plan is not None
    assert (done.plan.here_layers, done.plan.here_bytes) == (1, 5)
    assert done.total_bytes == 300 * KB


def test_a_pause_stops_at_a_completed_chunk_and_goes_on_there(bench: Bench) -> None:
    layer = os.urandom(900 * KB)
    digest = bench.source.put_image("a", "1", layer)
    bench.chunks(200 * KB)
    rows: list[str] = []

    def fault(method: str, path: str) -> Any:
        if method == "PATCH" and len(bench.target.requests("PATCH")) == 3:
            bench.queue.pause(rows)
        return None

    bench.target.fault = fault
    rows.append(bench.start())
    paused = bench.eye.until(rows[0], lambda row: row.waiting_for is Waiting.PAUSED)
    assert paused.pausable
    assert 0 < paused.moved_bytes < len(layer)
    assert len(bench.target.requests("PATCH")) == 3
    bench.queue.unpause(rows)
    done = bench.eye.until(rows[0], State.SUCCEEDED)
    bench.arrived(digest)
    assert bench.source.requests("GET", digest_of(layer))[-1]["range"] == "bytes=600000-"
    sent = [headers["content-range"] for headers in bench.target.requests("PATCH")]
    assert sent[3] == "600000-799999"
    assert done.attempt == 1
    shown = [row.permille for row in bench.eye.seen[rows[0]] if row.permille is not None]
    assert shown == sorted(shown)


def test_a_cancelled_copy_that_is_asked_for_again_goes_on(bench: Bench) -> None:
    layer = os.urandom(900 * KB)
    digest = bench.source.put_image("a", "1", layer)
    bench.chunks(200 * KB)
    rows: list[str] = []

    def fault(method: str, path: str) -> Any:
        if method == "PATCH" and len(bench.target.requests("PATCH")) == 3:
            bench.queue.cancel(rows)
            return 0
        return None

    bench.target.fault = fault
    with bench.queue._rows.lock:
        rows.append(bench.start())
    bench.eye.until(rows[0], State.CANCELLED)
    bench.queue.retry(rows)
    bench.eye.until(rows[0], State.SUCCEEDED)
    bench.arrived(digest)
    assert bench.source.requests("GET", digest_of(layer))[-1]["range"] == "bytes=400000-"


def test_one_failure_ends_the_others(bench: Bench) -> None:
    layers = [os.urandom(10 * KB), os.urandom(20 * KB)]
    bench.source.put_image("a", "1", *layers)
    release = threading.Event()

    def stall(method: str, path: str) -> Any:
        if digest_of(layers[1]) in path:
            release.wait(60)  # longer than the test waits for the failure

    bench.source.fault = stall
    bench.target.fault = once("PUT", "uploads", (403, {}, b""), times=9)
    try:
        failed = bench.copy(State.FAILED)
    finally:
        release.set()
    assert isinstance(failed.error, SignInRequired)


def test_a_proxy_that_refuses_large_bodies(bench: Bench) -> None:
    layer = os.urandom(5_000 * KB)
    digest = bench.source.put_image("a", "1", layer)

    def fault(method: str, path: str) -> Any:
        if method in ("PATCH", "PUT") and "uploads" in path:
            length = int(bench.target.requests(method, re.escape(path))[-1]["content-length"])
            return (413, {}, b"<html>Request Entity Too Large</html>") if length > 1_500 * KB else None
        return None

    bench.target.fault = fault
    assert bench.copy().attempt == 1
    bench.arrived(digest)
    sent = [int(headers["content-length"]) for headers in bench.target.requests("PATCH")]
    assert sent[:2] == [4 << 20, 1 << 20]
