"""The parts of a copy, each on its own: turns, the source of a blob, the choice of platforms, the walk."""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections.abc import Callable, Iterable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from longshore.cancellation import Cancellation, Cancelled
from longshore.errors import (
    AccessDenied,
    DigestMismatch,
    InvalidManifest,
    LongshoreError,
    NotInRegistry,
    RegistryUnreachable,
    UnexpectedReply,
)
from longshore.oci.descriptor import Descriptor
from longshore.oci.digest import sha256_of
from longshore.oci.image_config import LARGEST_CONFIG
from longshore.oci.manifest import OCI_INDEX, OCI_MANIFEST, Index, Manifest, parse_manifest
from longshore.oci.platform import Platform
from longshore.side_by_side import ask_all
from longshore.transfers.bandwidth import Bandwidth
from longshore.transfers.ways.copying import CopyWay
from longshore.transfers.ways.copying import copy as copy_module
from longshore.transfers.ways.copying import source as copy_source
from longshore.transfers.ways.copying.selection import chosen, one_platform, wanted_platforms, without
from longshore.transfers.ways.copying.source import MOST_CUTS, BlobSource, SourceFailedError
from longshore.transfers.ways.copying.turns import Turns
from longshore.transfers.ways.copying.walk import DEEPEST, FOREIGN, MOST_MANIFESTS, walk

DATA = bytes(range(256)) * 40


class Reader:
    """A place that returns *data* in pieces; *acts*, one a call: raise this error, or cut at this offset."""

    host, repository = "one.example", "a"

    def __init__(self, data: bytes = DATA, piece: int = 1000) -> None:
        self.data = data
        self.piece = piece
        self.acts: list[Any] = []
        self.asked: list[int] = []
        self.manifests: dict[str, Manifest | Index] = {}
        self.read: list[str] = []

    @contextlib.contextmanager
    def blob(
        self, wanted: Descriptor, offset: int = 0, *, cancellation: Cancellation
    ) -> Iterator[Iterable[bytes]]:
        self.asked.append(offset)
        act = self.acts.pop(0) if self.acts else None
        if isinstance(act, Exception):
            raise act
        yield self._pieces(offset, act)

    def _pieces(self, at: int, cut: int | None) -> Iterator[bytes]:
        end = len(self.data) if cut is None else min(cut, len(self.data))
        for begin in range(at, end, self.piece):
            yield self.data[begin : min(begin + self.piece, end)]
        if cut is not None:
            raise unreachable()

    def manifest(self, name: str, *, cancellation: Cancellation) -> Manifest | Index:
        self.read.append(name)
        if name not in self.manifests:
            raise NotInRegistry("No.", registry=self.host, subject=name)
        return self.manifests[name]

    def referrers(
        self, digest: str, *, refused: Callable[[LongshoreError], None], cancellation: Cancellation
    ) -> list[Descriptor]:
        return []

    def mountable(self, digest: str, host: str) -> str:
        return self.repository if host == self.host else ""

    def close(self) -> None:
        pass

    def put(self, document: dict[str, Any], *names: str) -> Descriptor:
        raw = json.dumps(document).encode()
        found = parse_manifest(raw, document["mediaType"])
        for name in (found.digest, *names):
            self.manifests[name] = found
        return found.descriptor


def unreachable() -> RegistryUnreachable:
    return RegistryUnreachable("Cut.", registry="one.example")


def source_of(
    reader: Reader, *, size: int | None = None, digest: str = "", told: list[int] | None = None, **more: Any
) -> BlobSource:
    wanted = Descriptor(
        "application/octet-stream", digest or sha256_of(DATA), len(DATA) if size is None else size
    )
    heard: list[int] = [] if told is None else told
    more = {"bandwidth": Bandwidth(), "patient": True, "cancellation": Cancellation(), **more}
    return BlobSource(reader, wanted, told=heard.append, **more)


def read(source: BlobSource, offset: int = 0) -> bytes:
    with source(offset) as parts:
        return b"".join(parts)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copy_source, "BACKOFF", 0.001)


def test_a_source_gives_all_and_tells_how_far() -> None:
    told: list[int] = []
    assert read(source_of(Reader(), told=told)) == DATA
    assert told == [*range(1000, len(DATA), 1000), len(DATA)]


def test_a_source_goes_on_where_it_was_cut() -> None:
    reader = Reader()
    reader.acts = [3000, 7000]
    assert read(source_of(reader)) == DATA
    assert reader.asked == [0, 3000, 7000]


def test_cuts_without_a_byte_between_them_are_counted() -> None:
    """Any byte resets the count."""
    reader = Reader()
    reader.acts = [0] * (MOST_CUTS - 1) + [1000] + [1000] * (MOST_CUTS - 1)
    assert read(source_of(reader)) == DATA
    reader = Reader()
    reader.acts = [0] * (MOST_CUTS + 1)
    with pytest.raises(SourceFailedError) as failed:
        read(source_of(reader))
    assert isinstance(failed.value.error, RegistryUnreachable)
    assert len(reader.asked) == MOST_CUTS + 1


def test_a_source_that_stays_silent_is_asked_once_more() -> None:
    """Each silence lasts half a minute: the rest is left to the next attempt, which the queue counts."""
    silent = RegistryUnreachable("It does not respond.", registry="one.example", silent=True)
    reader = Reader()
    reader.acts = [0, 2000, 0, silent, 3000, silent]
    assert read(source_of(reader)) == DATA
    assert reader.asked == [0, 0, 2000, 2000, 2000, 3000, 3000]
    reader = Reader()
    reader.acts = [silent] * 9
    with pytest.raises(SourceFailedError) as failed:
        read(source_of(reader))
    assert failed.value.error is silent
    assert reader.asked == [0, 0]


def test_a_source_that_refuses_is_not_asked_again() -> None:
    reader = Reader()
    reader.acts = [AccessDenied("No.", registry="one.example")]
    with pytest.raises(SourceFailedError) as failed:
        read(source_of(reader))
    assert isinstance(failed.value.error, AccessDenied)
    assert reader.asked == [0]


def test_a_source_that_gives_no_parts_is_read_from_the_start() -> None:
    reader = Reader()
    reader.acts = [3500, UnexpectedReply("No parts.", registry="one.example")]
    assert read(source_of(reader)) == DATA
    assert reader.asked == [0, 3500, 0]


def test_a_source_that_ends_early_is_asked_once_more_and_no_more() -> None:
    reader = Reader(DATA[:5000])
    with pytest.raises(SourceFailedError) as failed:
        read(source_of(reader))
    assert isinstance(failed.value.error, DigestMismatch)
    assert f"it ended after 5000 of {len(DATA)} bytes" in failed.value.error.detail
    assert "one.example/a" in failed.value.error.detail
    assert reader.asked == [0, 5000]


def test_wrong_content_never_gives_out_its_last_byte() -> None:
    wrong = DATA[:-1] + b"x"
    given = b""
    with pytest.raises(SourceFailedError) as failed, source_of(Reader(wrong))(0) as parts:
        for part in parts:
            given += part
    assert len(given) < len(DATA)
    assert hashlib.sha256(wrong).hexdigest() in failed.value.error.detail


def test_more_than_was_promised() -> None:
    with pytest.raises(SourceFailedError) as failed:
        read(source_of(Reader(DATA + b"x")))
    assert f"it sent more than {len(DATA)} bytes" in failed.value.error.detail


def test_a_blob_of_no_bytes() -> None:
    assert read(source_of(Reader(b""), size=0, digest=sha256_of(b""))) == b""
    with pytest.raises(SourceFailedError):
        read(source_of(Reader(b""), size=0, digest=sha256_of(b"x")))


def test_what_was_hashed_is_not_hashed_twice() -> None:
    """The destination was cut, and resumes before the position of the source."""
    source = source_of(Reader())
    with source(0) as parts:
        have = b"".join(part for part, _ in zip(parts, range(5), strict=False))
    assert len(have) == 5000
    assert read(source, 2000) == DATA[2000:]
    # If reading resumes in the middle, the destination has to verify the content.
    assert read(source_of(Reader(b"x" + DATA[1:])), 1000) == DATA[1000:]
    # It also verifies everything if it hashes by itself.
    wrong = DATA[:-1] + b"x"
    assert read(source_of(Reader(wrong), hashing=False)) == wrong


def test_a_limit_cuts_into_small_parts() -> None:
    bandwidth = Bandwidth(10_000_000)
    assert bandwidth.piece is not None
    told: list[int] = []
    data = b"x" * (3 * bandwidth.piece + 1)
    reader = Reader(data, piece=len(data))
    assert (
        read(source_of(reader, size=len(data), digest=sha256_of(data), told=told, bandwidth=bandwidth))
        == data
    )
    assert told == [bandwidth.piece * number for number in (1, 2, 3)] + [len(data)]


@pytest.mark.parametrize("patient", [True, False])
def test_who_is_asked_to_stop(patient: bool) -> None:
    """A registry stops by itself at its next chunk; other places stop at once."""
    cancellation = Cancellation()
    cancellation.ask_to_stop()
    source = source_of(Reader(), patient=patient, cancellation=cancellation)
    if patient:
        assert read(source) == DATA
    else:
        with pytest.raises(Cancelled):
            read(source)


def test_one_after_the_other_for_each_key() -> None:
    turns, cancellation = Turns(), Cancellation()
    inside, leave = threading.Event(), threading.Event()
    seen: list[tuple[str, bool]] = []

    def hold() -> None:
        with turns.take("a", cancellation) as waited:
            seen.append(("first", waited))
            inside.set()
            leave.wait(20)
            seen.append(("first left", waited))

    def follow() -> None:
        with turns.take("a", cancellation) as waited:
            seen.append(("second", waited))

    first, second = threading.Thread(target=hold), threading.Thread(target=follow)
    first.start()
    assert inside.wait(20)
    second.start()
    with turns.take("b", cancellation) as waited:
        assert not waited
    stopped = Cancellation()
    stopped.ask_to_stop()
    with pytest.raises(Cancelled), turns.take("a", stopped):
        pass
    leave.set()
    first.join(20)
    second.join(20)
    assert seen == [("first", False), ("first left", False), ("second", True)]
    with turns.take("a", cancellation) as waited:
        assert not waited
    assert not turns._taken


AMD, ARM, V7 = (Platform.parse(f"linux/{name}") for name in ("amd64", "arm64", "arm/v7"))
CONFIG = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": sha256_of(b"{}"), "size": 2}


def image(reader: Reader, *layers: dict[str, Any], seed: str = "") -> dict[str, Any]:
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": CONFIG,
        "layers": list(layers),
        "annotations": {"seed": seed},
    }
    return reader.put(document).to_json()


def index(reader: Reader, children: Iterable[dict[str, Any]], *names: str) -> dict[str, Any]:
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list(children), "x-own": [1]}
    return reader.put(document, *names).to_json()


def on(child: dict[str, Any], platform: Platform) -> dict[str, Any]:
    os, _, rest = str(platform).partition("/")
    architecture, _, variant = rest.partition("/")
    named = {"os": os, "architecture": architecture} | ({"variant": variant} if variant else {})
    return child | {"platform": named}


def several(reader: Reader) -> Index:
    amd, arm, v7 = (image(reader, seed=name) for name in ("1", "2", "3"))
    about = {
        "vnd.docker.reference.digest": arm["digest"],
        "vnd.docker.reference.type": "attestation-manifest",
    }
    unknown = {"os": "unknown", "architecture": "unknown"}
    attestation = image(reader, seed="4") | {"platform": unknown, "annotations": about}
    index(reader, [on(amd, AMD), on(arm, ARM), on(v7, V7), attestation], "1")
    found = reader.manifests["1"]
    assert isinstance(found, Index)
    return found


def test_platforms_of_a_request() -> None:
    assert wanted_platforms([("platforms", "linux/amd64, linux/arm64,")]) == (AMD, ARM)
    assert wanted_platforms([("other", "x")]) == ()
    assert wanted_platforms([("platforms", " ")]) == ()


def test_chosen_platforms_keep_their_attestations() -> None:
    whole = several(Reader())
    amd, arm, v7, attestation = whole.manifests
    assert chosen(whole, [AMD], "a").manifests == (amd,)
    assert chosen(whole, [ARM], "a").manifests == (arm, attestation)
    both = chosen(whole, [ARM, V7], "a")
    assert both.manifests == (arm, v7, attestation)
    assert both.digest == sha256_of(both.raw) != whole.digest
    assert json.loads(both.raw)["x-own"] == [1]
    assert chosen(whole, [AMD, ARM, V7], "a") is whole
    assert without(whole, {attestation.digest}).manifests == (amd, arm, v7)
    assert without(whole, set()) is whole
    assert one_platform(whole, ARM, "a") == arm


def test_a_platform_that_is_not_there() -> None:
    whole = several(Reader())
    missing = Platform.parse("linux/s390x")
    for ask in (lambda: chosen(whole, [AMD, missing], "a"), lambda: one_platform(whole, missing, "a")):
        with pytest.raises(InvalidManifest) as failed:
            ask()
        assert failed.value.message == "No image is available for linux/s390x."
        assert "linux/amd64, linux/arm64, linux/arm/v7" in failed.value.detail


@pytest.mark.parametrize("depth", [DEEPEST, DEEPEST + 1])
def test_indexes_within_indexes(depth: int) -> None:
    reader = Reader()
    below = image(reader)
    digests = [below["digest"]]
    for number in range(depth):
        below = index(reader, [below], *(["1"] if number == depth - 1 else []))
        digests.append(below["digest"])
    if depth > DEEPEST:
        with pytest.raises(InvalidManifest):
            walk(reader, "1", cancellation=Cancellation())
    else:
        found = walk(reader, "1", cancellation=Cancellation())
        assert [one.digest for one in found.manifests] == digests, "children before parents"


@pytest.mark.parametrize("count", [MOST_MANIFESTS, MOST_MANIFESTS + 1])
def test_the_manifests_of_an_image_are_bounded(count: int) -> None:
    """The index alone shows how many there are: none of them is read."""
    reader = Reader()
    child = image(reader)
    many = [child | {"digest": f"sha256:{number:064x}"} for number in range(count)]
    index(reader, many, "1")
    expected = NotInRegistry if count <= MOST_MANIFESTS else InvalidManifest
    with pytest.raises(expected):
        walk(reader, "1", cancellation=Cancellation())
    assert (len(reader.read) == 1) == (count > MOST_MANIFESTS)


def test_a_child_that_is_needed_twice_comes_before_the_first_that_needs_it() -> None:
    reader = Reader()
    child = image(reader)
    inner = index(reader, [child])
    top = index(reader, [child, inner], "1")
    found = walk(reader, "1", cancellation=Cancellation())
    assert [one.digest for one in found.manifests] == [child["digest"], inner["digest"], top["digest"]]


def test_blobs_layers_foreign_and_loose() -> None:
    reader = Reader()
    layer = {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": sha256_of(b"l"), "size": 1}
    foreign = [{"mediaType": kind, "digest": sha256_of(kind.encode()), "size": 1} for kind in sorted(FOREIGN)]
    assert len(foreign) == 4
    loose = {"mediaType": "application/x-cache", "digest": sha256_of(b"loose"), "size": 5}
    index(reader, [image(reader, layer, *foreign), loose], "1")
    found = walk(reader, "1", cancellation=Cancellation())
    assert list(found.blobs) == [CONFIG["digest"], layer["digest"], loose["digest"]]
    assert list(found.layers) == [layer["digest"]]
    assert set(found.foreign) == {one["digest"] for one in foreign}
    assert set(found.loose) == {loose["digest"]}
    assert (found.pruned, found.picked, found.unlisted, found.gone) == (False, None, "", set())


def test_the_platform_that_was_picked_is_said_where_there_were_others() -> None:
    reader = Reader()
    several(reader)
    found = walk(reader, "1", platform=ARM, cancellation=Cancellation())
    assert (found.picked, found.pruned) == (ARM, False)
    index(reader, [on(image(reader, seed="2"), ARM)], "2")
    assert walk(reader, "2", platform=ARM, cancellation=Cancellation()).picked is None


def of_config(
    reader: Reader, kind: str = CONFIG["mediaType"], size: int | None = None, **config: str
) -> None:
    """Put an image as ``1``, without an index and with the configuration *config*."""
    reader.data = json.dumps(config).encode()
    named = {
        "mediaType": kind,
        "digest": sha256_of(reader.data),
        "size": len(reader.data) if size is None else size,
    }
    reader.put({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": named, "layers": []}, "1")


def test_an_image_without_an_index_is_for_one_platform() -> None:
    reader = Reader()
    of_config(reader, os="linux", architecture="arm64")
    for wanted in ({"platform": ARM}, {"platforms": (AMD, ARM)}, {}):
        found = walk(reader, "1", cancellation=Cancellation(), **wanted)  # type: ignore[arg-type]
        assert (found.top.digest, found.picked, found.pruned) == (reader.manifests["1"].digest, None, False)
    for wanted in ({"platform": AMD}, {"platforms": (AMD, V7)}):
        with pytest.raises(InvalidManifest) as failed:
            walk(reader, "1", cancellation=Cancellation(), **wanted)  # type: ignore[arg-type]
        assert "linux/arm64" in failed.value.detail


@pytest.mark.parametrize("wanted", [{"platform": Platform.parse("linux/s390x")}, {"platforms": (V7, AMD)}])
def test_the_image_that_lacks_a_platform_is_named_in_full(wanted: dict[str, Any]) -> None:
    reader = Reader()
    of_config(reader, os="linux", architecture="arm64")
    index(reader, [on(image(reader), ARM)], "2")
    for name in ("1", "2"):
        with pytest.raises(InvalidManifest) as failed:
            walk(reader, name, subject=f"one.example/a:{name}", cancellation=Cancellation(), **wanted)
        assert failed.value.subject == f"one.example/a:{name}"


def test_what_names_no_platform_is_for_any() -> None:
    reader = Reader()
    of_config(reader)
    assert walk(reader, "1", platform=ARM, cancellation=Cancellation()).top
    # The configuration of an artifact is not even read, nor is one that is implausibly large.
    for more in ({"kind": "application/x-artifact"}, {"size": LARGEST_CONFIG + 1}):
        reader.asked.clear()
        of_config(reader, os="linux", architecture="amd64", **more)  # type: ignore[arg-type]
        assert walk(reader, "1", platform=ARM, cancellation=Cancellation()).top
        assert not reader.asked


def test_a_configuration_that_does_not_end_is_left() -> None:
    reader = Reader()
    of_config(reader, os="linux", architecture="amd64")
    given: list[int] = []

    class Endless(Reader):
        @contextlib.contextmanager
        def blob(
            self, wanted: Descriptor, offset: int = 0, *, cancellation: Cancellation
        ) -> Iterator[Iterable[bytes]]:
            def parts() -> Iterator[bytes]:
                while len(given) < 1000:
                    given.append(1 << 20)
                    yield b" " * (1 << 20)

            yield parts()

    endless = Endless()
    endless.manifests = reader.manifests
    with pytest.raises(DigestMismatch):
        walk(endless, "1", platform=AMD, cancellation=Cancellation())
    assert len(given) == 1


@pytest.mark.parametrize(
    "damage", [b"", b"not json", b'{"os": "linux", "architecture": "arm64"}', b"x" * 100]
)
def test_a_damaged_configuration_is_told_as_damaged(damage: bytes) -> None:
    """Not as unreadable, and not as belonging to another platform."""
    reader = Reader()
    of_config(reader, os="linux", architecture="amd64")
    reader.data = damage
    for wanted in ({"platform": AMD}, {"platforms": (AMD, ARM)}):
        with pytest.raises(DigestMismatch):
            walk(reader, "1", cancellation=Cancellation(), **wanted)  # type: ignore[arg-type]


def test_attestations_of_chosen_platforms_are_read_once() -> None:
    reader = Reader()
    whole = several(reader)
    attestation = whole.manifests[3].digest
    found = walk(reader, "1", platforms=(ARM,), cancellation=Cancellation())
    assert (found.gone, found.pruned, reader.read.count(attestation)) == (set(), True, 1)
    assert attestation in [one.digest for one in found.below]
    del reader.manifests[attestation]
    found = walk(reader, "1", platforms=(ARM,), cancellation=Cancellation())
    assert (found.gone, found.pruned) == ({attestation}, True)
    assert [one.digest for one in found.below] == [whole.manifests[1].digest]
    # It is missed as well if all platforms are requested by their names.
    found = walk(reader, "1", platforms=(AMD, ARM, V7), cancellation=Cancellation())
    assert (found.gone, found.pruned) == ({attestation}, True)
    with pytest.raises(InvalidManifest):
        walk(reader, "1", cancellation=Cancellation())


def test_questions_to_a_silent_server_end_with_the_first_that_fails() -> None:
    """Otherwise each waits for its own timeout, some of them one after the other."""
    cut = threading.Event()

    def ask(thing: int, part: Cancellation) -> None:
        if thing == 3:
            raise RegistryUnreachable("No.", registry="one.example")
        with part.waking(cut.set):
            assert cut.wait(20), "it was not cut"
            part.raise_if_cancelled()

    with pytest.raises(RegistryUnreachable):
        ask_all(ask, range(8), Cancellation())
    assert cut.is_set()


def test_questions_that_are_cancelled_from_outside() -> None:
    whole = Cancellation()

    def ask(thing: int, part: Cancellation) -> None:
        whole.cancel()
        part.raise_if_cancelled()

    with pytest.raises(Cancelled):
        ask_all(ask, range(8), whole)


def test_answers_come_in_the_order_of_the_questions() -> None:
    def ask(thing: int, part: Cancellation) -> int:
        return thing * 2

    assert ask_all(ask, range(30), Cancellation()) == list(range(0, 60, 2))
    assert ask_all(ask, [], Cancellation()) == []
    stopped = Cancellation()
    stopped.ask_to_stop()
    for count in (1, 2):
        with pytest.raises(Cancelled):
            ask_all(ask, range(count), stopped)


def test_both_ends_are_closed_with_the_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[str] = []

    def opened(name: str) -> Callable[..., Any]:
        return lambda *_: SimpleNamespace(close=lambda: closed.append(name))

    monkeypatch.setattr(copy_module, "open_reader", opened("reader"))
    monkeypatch.setattr(copy_module, "open_writer", opened("writer"))
    monkeypatch.setattr(copy_module, "CopyWork", lambda *_: SimpleNamespace(plan=lambda: None))
    job: Any = SimpleNamespace(
        request=SimpleNamespace(source=None, destination=None, ref_name=""),
        clients=None,
        tell=None,
        closing=contextlib.ExitStack(),
        left={},
    )
    assert CopyWay().plan(job) is None
    assert closed == []
    job.closing.close()
    assert sorted(closed) == ["reader", "writer"]
