"""Blobs to and from a registry with scripted faults: what is sent, retried, resumed and read."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from longshore.cancellation import Cancellation, Cancelled
from longshore.errors import RateLimited, RegistryFailure, UnexpectedReply, VerificationFailed
from longshore.oci.layer import BlobOutcome
from longshore.registry import sending
from longshore.registry.blob_reading import BlobStream
from longshore.registry.client import RegistryClient
from longshore.registry.model import Upload
from transfertools.faulty import FaultyRegistry, digest_of, faulty_registries

from .conftest import Answer, Asked, Scripted, reply

BLOB = hashlib.shake_256(b"blob").digest(450)
DIGEST = digest_of(BLOB)


class Data:
    """Returns a blob from any offset, and records the offsets."""

    def __init__(self, blob: bytes = BLOB) -> None:
        self.blob = blob
        self.asked: list[int] = []

    @contextlib.contextmanager
    def __call__(self, offset: int) -> Iterator[Iterable[bytes]]:
        self.asked.append(offset)
        yield (self.blob[at : at + 70] for at in range(offset, len(self.blob), 70))


@pytest.fixture
def faulty() -> Iterator[FaultyRegistry]:
    with faulty_registries(1) as (registry,):
        yield registry


@pytest.fixture
def client(faulty: FaultyRegistry, connect: Callable[..., RegistryClient]) -> Iterator[RegistryClient]:
    made = connect(faulty.address)
    yield made
    made.close()  # before the registry, which waits for its connections


def send(client: RegistryClient, data: Data, **more: Any) -> BlobOutcome:
    blob = data.blob
    return client.upload_blob("a/b", digest_of(blob), len(blob), data, **more)


def ranges(faulty: FaultyRegistry, method: str) -> list[str]:
    return [headers.get("content-range", "") for headers in faulty.requests(method)]


def refuse(faulty: FaultyRegistry, method: str, status: int, code: str = "", **headers: str) -> None:
    """Refuse every *method* request to a blob with *status*."""
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    faulty.fault = lambda asked, path: (
        (status, named, b'{"errors":[{"code":"%s"}]}' % code.encode())
        if asked == method and "/blobs/" in path
        else None
    )


@pytest.mark.parametrize(
    ("size", "patches", "last"),
    [
        (0, [], ""),
        (99, [], ""),
        (100, [], ""),
        (101, ["0-99"], "100-100"),
        (300, ["0-99", "100-199"], "200-299"),
        (450, ["0-99", "100-199", "200-299", "300-399"], "400-449"),
    ],
)
def test_the_last_part_of_a_blob_goes_with_the_end(
    faulty: FaultyRegistry, client: RegistryClient, size: int, patches: list[str], last: str
) -> None:
    data = Data(BLOB[:size])
    assert send(client, data, chunk=100) is BlobOutcome.UPLOADED
    assert faulty.blobs["a/b", digest_of(data.blob)] == data.blob
    assert (ranges(faulty, "PATCH"), ranges(faulty, "PUT")) == (patches, [last])
    assert data.asked == ([0] if size else [])


def test_what_is_there_is_not_sent(faulty: FaultyRegistry, client: RegistryClient) -> None:
    faulty.put_blob("a/b", BLOB)
    assert send(client, Data()) is BlobOutcome.SKIPPED
    assert faulty.requests("POST") == []
    assert send(client, Data(), check=False) is BlobOutcome.UPLOADED
    assert client.blob_size("a/b", DIGEST) == len(BLOB)
    assert client.blob_size("a/c", DIGEST) is None


@pytest.mark.parametrize(
    ("length", "size"),
    [("0", 0), ("7", 7), ("9" * 18, 10**18 - 1), ("9" * 19, 0), ("9" * 5000, 0), ("²", 0), ("-1", 0)],
)
def test_a_size_that_is_none_is_nothing(serve, connect, length: str, size: int) -> None:
    def script(asked: Asked) -> Answer:
        if asked.method != "HEAD":
            return reply({})
        return Answer(200, b"", [("Content-Length", length)], length=-1)

    assert connect(serve(script)).blob_size("a/b", DIGEST) == size


def test_stopped_at_a_chunk_and_taken_up_there(faulty: FaultyRegistry, client: RegistryClient) -> None:
    stop = Cancellation()
    states: list[Upload] = []

    def confirmed(state: Upload) -> None:
        states.append(state)
        if state.offset == 200:
            stop.ask_to_stop()

    with pytest.raises(Cancelled):
        send(client, Data(), chunk=100, confirmed=confirmed, cancellation=stop)
    assert [state.offset for state in states] == [100, 200]
    again = Data()
    assert send(client, again, chunk=100, resume=states[-1]) is BlobOutcome.UPLOADED
    assert again.asked == [200]
    assert ranges(faulty, "PATCH") == ["0-99", "100-199", "200-299", "300-399"]
    assert len(faulty.requests("POST")) == 1
    assert faulty.blobs["a/b", DIGEST] == BLOB


def test_a_session_that_is_gone_is_begun_anew(faulty: FaultyRegistry, client: RegistryClient) -> None:
    location = f"http://{faulty.address}/v2/a/b/blobs/uploads/gone"
    data = Data()
    assert send(client, data, chunk=200, resume=Upload("a/b", location, 200, sent=200)) is (
        BlobOutcome.UPLOADED
    )
    assert data.asked == [0]
    assert ranges(faulty, "PATCH") == ["0-199", "200-399"]


def test_a_registry_that_keeps_less_gets_the_rest_again(
    faulty: FaultyRegistry, client: RegistryClient
) -> None:
    faulty.short_chunks = 150
    faulty.strict = True
    data = Data()
    assert send(client, data, chunk=200) is BlobOutcome.UPLOADED
    assert faulty.blobs["a/b", DIGEST] == BLOB
    assert ranges(faulty, "PATCH") == ["0-199", "150-349"]
    assert ranges(faulty, "PUT") == ["300-449"]
    assert data.asked == [0, 150, 300]


def test_a_registry_that_expects_other_bytes_gets_them(
    faulty: FaultyRegistry, client: RegistryClient
) -> None:
    """The registry keeps less than it accepts, and only a 416 shows it."""
    faulty.short_chunks = 150
    faulty.strict = True
    faulty.told = lambda kept, last: None if last else kept
    assert send(client, Data(), chunk=200) is BlobOutcome.UPLOADED
    assert faulty.blobs["a/b", DIGEST] == BLOB
    assert ranges(faulty, "PATCH") == ["0-199", "200-399", "150-349"]
    assert ranges(faulty, "PUT") == ["350-449", "300-449"]
    assert len(faulty.requests("POST")) == 1


def test_a_refusal_that_repeats_the_wrong_count_goes_by_what_was_accepted(
    faulty: FaultyRegistry, client: RegistryClient
) -> None:
    faulty.strict = True
    faulty.told = lambda kept, last: min(kept, 100)
    assert send(client, Data(), chunk=200) is BlobOutcome.UPLOADED
    assert faulty.blobs["a/b", DIGEST] == BLOB
    assert ranges(faulty, "PATCH") == ["0-199", "100-299", "200-399"]
    assert ranges(faulty, "PUT") == ["400-449"]


def test_a_refusal_without_a_count_is_asked_for_it(faulty: FaultyRegistry, client: RegistryClient) -> None:
    faulty.short_chunks = 150
    faulty.strict = True
    patches = 0

    def fault(method: str, path: str) -> Any:
        nonlocal patches
        patches += method == "PATCH"
        return (416, {}, b"") if method == "PATCH" and patches == 2 else None

    faulty.fault = fault
    faulty.told = lambda kept, last: None if last else kept
    assert send(client, Data(), chunk=200) is BlobOutcome.UPLOADED
    assert faulty.blobs["a/b", DIGEST] == BLOB
    assert ranges(faulty, "PATCH") == ["0-199", "200-399", "150-349"]
    assert len(faulty.requests("POST")) == 1


@pytest.mark.parametrize(
    "told",
    [lambda kept, last: min(kept, 100), lambda kept, last: kept + 1, lambda kept, last: None],
    ids=["the first chunk", "one too many", "nothing"],
)
def test_a_registry_that_tells_a_wrong_count_and_looks_at_none(
    faulty: FaultyRegistry, client: RegistryClient, told: Callable[[int, int], int | None]
) -> None:
    """The digest shows that the count was wrong, and the other one is tried once."""
    faulty.told = told
    assert send(client, Data(), chunk=100) is BlobOutcome.UPLOADED
    assert faulty.blobs["a/b", DIGEST] == BLOB
    refuse(faulty, "PUT", 400, "DIGEST_INVALID")
    before = len(faulty.requests("POST"))
    with pytest.raises(VerificationFailed):
        send(client, Data(BLOB[1:]), chunk=100)
    assert len(faulty.requests("POST")) - before <= 2


def test_a_count_that_is_wrong_by_some_bytes_is_found_out_once(
    faulty: FaultyRegistry, client: RegistryClient
) -> None:
    """The registry keeps all and reports less: the bytes sent again are too many, and the digest shows it."""
    faulty.told = lambda kept, last: kept - 10 if last else kept
    data = Data()
    assert send(client, data, chunk=100) is BlobOutcome.UPLOADED
    assert faulty.blobs["a/b", DIGEST] == BLOB
    assert data.asked == [0, 90, 0]
    assert len(faulty.requests("POST")) == 2
    assert client.habits.counts_itself
    other = Data(BLOB[1:])
    assert send(client, other, chunk=100) is BlobOutcome.UPLOADED
    assert other.asked == [0]
    assert len(faulty.requests("POST")) == 3


def test_failures_between_which_it_gets_on_do_not_add_up(
    faulty: FaultyRegistry, client: RegistryClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(sending, "pause", lambda seconds, cancellation: waits.append(seconds))
    tries = 0

    def fault(method: str, path: str) -> Any:
        nonlocal tries
        if method != "PATCH":
            return None
        tries += 1
        return (500, {}, b"") if tries % 2 else None

    faulty.fault = fault
    assert send(client, Data(), chunk=50) is BlobOutcome.UPLOADED
    assert faulty.blobs["a/b", DIGEST] == BLOB
    assert waits == [0.2] * 8


def test_failures_without_a_byte_more_are_the_end(
    faulty: FaultyRegistry, client: RegistryClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(sending, "pause", lambda seconds, cancellation: waits.append(round(seconds, 3)))
    refuse(faulty, "PATCH", 500)
    with pytest.raises(RegistryFailure):
        send(client, Data(), chunk=50)
    assert waits == [0.2, 0.4, 0.6, 0.8, 1.0]
    assert len(faulty.requests("PATCH")) == 6


@pytest.mark.parametrize("status", [405, 501])
def test_a_registry_without_chunks_gets_it_in_one_piece(
    faulty: FaultyRegistry, client: RegistryClient, status: int
) -> None:
    refuse(faulty, "PATCH", status)
    assert send(client, Data(), chunk=100) is BlobOutcome.UPLOADED
    other = Data(BLOB[1:])
    assert send(client, other, chunk=100) is BlobOutcome.UPLOADED
    assert len(faulty.requests("PATCH")) == 1  # found out once
    assert ranges(faulty, "PUT") == ["", ""]
    assert not client.habits.patches


def test_chunks_that_are_too_large_get_smaller_and_then_it_is_an_error(
    faulty: FaultyRegistry, client: RegistryClient
) -> None:
    data = Data(bytes(5 << 20))
    refuse(faulty, "PATCH", 413)
    with pytest.raises(UnexpectedReply, match="too large"):
        send(client, data)
    assert ranges(faulty, "PATCH") == [f"0-{(4 << 20) - 1}", f"0-{(1 << 20) - 1}"]


def test_what_arrives_damaged_is_told(faulty: FaultyRegistry, client: RegistryClient) -> None:
    refuse(faulty, "PUT", 400, "DIGEST_INVALID")
    with pytest.raises(VerificationFailed) as caught:
        send(client, Data())
    assert caught.value.subject == f"a/b@{DIGEST}"


@pytest.mark.parametrize("chunk", [450, 100])
def test_what_arrives_damaged_although_all_counts_agree_is_not_sent_again(
    faulty: FaultyRegistry, client: RegistryClient, chunk: int
) -> None:
    refuse(faulty, "PUT", 400, "DIGEST_INVALID")
    with pytest.raises(VerificationFailed):
        send(client, Data(), chunk=chunk)
    assert len(faulty.requests("POST")) == 1
    assert not client.habits.counts_itself


def test_a_blob_that_neither_count_brings_there_is_given_up_at_once(
    faulty: FaultyRegistry, client: RegistryClient
) -> None:
    """By our count the upload was refused, and by the registry's count nothing is kept."""
    client.habits.counts_itself = True
    faulty.told = lambda kept, last: 0
    refused = (400, {}, b'{"errors":[{"code":"DIGEST_INVALID"}]}')
    faulty.fault = lambda method, path: refused if method == "PUT" else None
    with pytest.raises(VerificationFailed):
        send(client, Data(), chunk=100)
    assert ranges(faulty, "PATCH") == ["0-99", "100-199", "200-299", "300-399", "0-99"]
    assert len(faulty.requests("PUT")) == 1


def test_a_long_rate_limit_is_for_the_caller(faulty: FaultyRegistry, client: RegistryClient) -> None:
    refuse(faulty, "PUT", 429, Retry_After="90")
    with pytest.raises(RateLimited) as caught:
        send(client, Data())
    assert caught.value.retry_after == 90
    assert len(faulty.requests("PUT")) == 1


def test_an_upload_forgotten_by_its_own_host_says_nothing_about_other_hosts(
    faulty: FaultyRegistry, client: RegistryClient
) -> None:
    left = [(404, {}, b'{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]}')]
    faulty.fault = lambda method, path: left.pop() if method == "PATCH" and left else None
    assert send(client, Data(), chunk=100) is BlobOutcome.UPLOADED
    assert left == []
    assert client.habits.at_home
    # Nor does any other error, whatever was learnt before.
    client.habits.at_home = False
    left.append((500, {}, b"{}"))
    assert send(client, Data(BLOB[1:]), chunk=100) is BlobOutcome.UPLOADED
    assert left == []
    assert not client.habits.at_home


def test_a_refused_mount_is_not_asked_for_again(faulty: FaultyRegistry, client: RegistryClient) -> None:
    faulty.fault = lambda method, path: (403, {}, b"{}") if "mount=" in path else None
    for blob in (BLOB, BLOB[1:]):
        assert send(client, Data(blob), mount_from="other/place") is BlobOutcome.UPLOADED
    assert len([path for method, path, _ in faulty.asked if "mount=" in path]) == 1
    # Within one repository there is nothing to mount.
    assert send(client, Data(BLOB[2:]), mount_from="a/b") is BlobOutcome.UPLOADED
    assert len([path for method, path, _ in faulty.asked if "mount=" in path]) == 1


# -- reading


def read(client: RegistryClient, offset: int) -> tuple[bytes, int | None]:
    with client.read_blob("a/b", DIGEST, offset) as blob:
        return b"".join(blob), blob.size


@pytest.mark.parametrize("how", ["honour", "ignore"])
@pytest.mark.parametrize("offset", [0, 1, 449])
def test_a_blob_is_read_from_any_offset(
    faulty: FaultyRegistry, client: RegistryClient, how: str, offset: int
) -> None:
    faulty.put_blob("a/b", BLOB)
    faulty.ranges = how
    assert read(client, offset) == (BLOB[offset:], 450)
    asked = faulty.requests("GET", "/blobs/")
    assert [one.get("range") for one in asked] == [f"bytes={offset}-" if offset else None]


def test_a_part_that_begins_elsewhere(faulty: FaultyRegistry, client: RegistryClient) -> None:
    def part(begin: int, total: str) -> None:
        head = {"Content-Range": f"bytes {begin}-449/{total}"}
        faulty.fault = lambda method, path: (206, head, BLOB[begin:]) if "/blobs/" in path else None

    part(90, "450")
    assert read(client, 100) == (BLOB[100:], 450)  # the bytes before the offset are dropped
    part(100, "*")
    assert read(client, 100) == (BLOB[100:], None)
    part(101, "450")
    with pytest.raises(UnexpectedReply, match="a different range"):
        read(client, 100)


@pytest.mark.parametrize(
    ("pieces", "skip", "left"),
    [
        ([b"ab", b"cdef", b"gh", b"i"], 3, [b"def", b"gh", b"i"]),
        ([b"ab", b"cdef", b"gh"], 2, [b"cdef", b"gh"]),
        ([b"ab"], 0, [b"ab"]),
        ([b"ab", b"c"], 5, []),
    ],
)
def test_bytes_before_the_offset_are_dropped_once(pieces: list[bytes], skip: int, left: list[bytes]) -> None:
    arriving: Any = SimpleNamespace(status=200, chunks=lambda most: iter(pieces))
    assert list(BlobStream(arriving, None, skip, None, None, "")) == left  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("total", "offset", "complete"), [("450", 450, True), ("5", 5, True), ("400", 450, False)]
)
def test_nothing_behind_the_end(
    faulty: FaultyRegistry, client: RegistryClient, total: str, offset: int, complete: bool
) -> None:
    refuse(faulty, "GET", 416, Content_Range=f"bytes */{total}")
    if complete:
        assert read(client, offset) == (b"", offset)  # and none of the refusal's own body
        return
    with pytest.raises(UnexpectedReply, match="not have the requested range"):
        read(client, offset)


@pytest.mark.parametrize("status", [200, 202, 204])
def test_a_session_says_how_far_it_is(
    serve: Callable[..., Scripted], connect: Callable[..., RegistryClient], status: int
) -> None:
    def script(asked: Asked) -> Answer:
        return reply(None, status, Range="0-299", Location="/v2/a/b/blobs/uploads/2")

    moved = connect(serve(script)).upload_offset(Upload("a/b", "/v2/a/b/blobs/uploads/1"))
    assert moved.offset == 300
    assert moved.location.endswith("/v2/a/b/blobs/uploads/2")
