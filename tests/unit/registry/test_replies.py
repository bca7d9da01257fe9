"""Reading one response: its limits for a whole small body, and for each piece of a large one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from urllib3 import HTTPHeaderDict

from longshore.cancellation import Cancellation, Cancelled
from longshore.registry.connections import Exchange
from longshore.registry.transport import Reply

from .test_exchanges import Clock, clock

__all__ = ["clock"]

MB = 1 << 20


class Answer:
    """A response of urllib3 whose body comes in *pieces*; *before* is called before each of them."""

    def __init__(self, *pieces: bytes, before: Callable[[], None] = lambda: None, **headers: str) -> None:
        self.pieces = list(pieces)
        self.before = before
        self.status = 200
        self.headers = HTTPHeaderDict({name.replace("_", "-"): value for name, value in headers.items()})
        self.asked: list[int] = []
        self.closed = False
        self.length_remaining: int | None = 0
        self.calls: list[str] = []

    def read1(self, size: int, *, decode_content: bool) -> bytes:
        assert decode_content is False
        self.before()
        self.asked.append(size)
        self.calls.append("read1")
        return self.pieces.pop(0) if self.pieces else b""

    def release_conn(self) -> None:
        self.calls.append("release_conn")

    def close(self) -> None:
        self.calls.append("close")


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    made = Exchange(None, 30.0)
    yield made
    made.close()


def reply_of(answer: Answer, exchange: Exchange) -> Reply:
    given: Any = answer
    return Reply(given, "https://r.example/", exchange)


def test_a_body_may_take_as_long_as_it_keeps_arriving(clock: Clock, exchange: Exchange) -> None:
    found = reply_of(Answer(b"a", b"b", b"c"), exchange).chunks()
    for piece in (b"a", b"b", b"c"):
        clock.now += 1e6
        assert next(found) == piece
        assert exchange.seconds_to_read() == 30.0
    assert list(found) == []


@pytest.mark.parametrize(("seconds", "fine"), [(119.0, True), (120.0, False)])
@pytest.mark.parametrize("how", ["chunks", "read"])
def test_a_piece_or_a_small_body_has_four_times_the_read_timeout(
    clock: Clock, exchange: Exchange, seconds: float, fine: bool, how: str
) -> None:
    def before() -> None:
        clock.now += seconds
        assert exchange.seconds_to_read() == 1.0

    reply = reply_of(Answer(b"a", before=before, Content_Length="1"), exchange)
    call = reply.chunks().__next__ if how == "chunks" else lambda: reply.read(10)[0]
    if fine:
        assert call() == b"a"
    else:
        with pytest.raises(TimeoutError, match="too slow"):
            call()


@pytest.mark.parametrize("how", ["chunks", "read"])
def test_a_piece_may_be_framed_byte_by_byte(exchange: Exchange, how: str) -> None:
    """Chunks of one byte each: eight bytes on the line for each of them, and a megabyte for the rest."""
    reply = reply_of(Answer(b"a"), exchange)
    if how == "chunks":
        next(reply.chunks(100))
    else:
        reply.read(100)
    exchange.came(800 + MB - 1)
    assert exchange.seconds_to_read() > 0
    exchange.came(1)
    with pytest.raises(TimeoutError, match="does not end"):
        exchange.seconds_to_read()


def test_a_body_is_read_a_megabyte_at_a_time(exchange: Exchange) -> None:
    answer = Answer(b"a")
    assert list(reply_of(answer, exchange).chunks()) == [b"a"]
    assert answer.asked == [MB, MB]


@pytest.mark.parametrize(
    ("pieces", "length", "found", "more", "reads"),
    [
        ([b"abc", b"de"], "5", b"abcde", False, 2),
        ([b"abc", b"de"], "", b"abcde", False, 3),
        ([b"abc", b"def"], "6", b"abcde", True, 2),
        ([b"abcdef"], "", b"abcde", True, 1),
        ([], "0", b"", False, 1),
        ([b"abc"], "5", b"abc", False, 2),
    ],
)
def test_a_small_body_is_read_to_its_end_or_its_limit(
    exchange: Exchange, pieces: list[bytes], length: str, found: bytes, more: bool, reads: int
) -> None:
    answer = Answer(*pieces, Content_Length=length)
    reply = reply_of(answer, exchange)
    assert reply.length == (int(length) if length else None)
    assert reply.read(5) == (found, more)
    assert len(answer.asked) == reads


@pytest.mark.parametrize(
    ("left", "closed", "calls"),
    [
        (0, False, ["read1", "release_conn", "close"]),
        (7, False, ["close"]),
        (None, False, ["close"]),
        (None, True, ["read1", "release_conn", "close"]),
    ],
)
def test_a_connection_is_kept_only_after_the_whole_body(
    exchange: Exchange, left: int | None, closed: bool, calls: list[str]
) -> None:
    answer = Answer()
    answer.length_remaining, answer.closed = left, closed
    with reply_of(answer, exchange):
        pass
    assert answer.calls == calls


def test_an_error_after_a_cancellation_is_a_cancellation() -> None:
    for error in (ValueError("read of closed file"), OSError("reset"), None):
        cancellation = Cancellation()
        exchange = Exchange(cancellation, 30.0)

        def before(error: Exception | None = error, cancellation: Cancellation = cancellation) -> None:
            cancellation.cancel()
            if error is not None:
                raise error

        with pytest.raises(Cancelled):
            reply_of(Answer(b"a", before=before), exchange).read(10)
        exchange.close()


def test_an_error_without_a_cancellation_stays_one(exchange: Exchange) -> None:
    def before() -> None:
        raise OSError("reset")

    for one in (exchange, Exchange(Cancellation(), 30.0)):
        with pytest.raises(OSError, match="reset"):
            reply_of(Answer(b"a", before=before), one).read(10)
        one.close()


def test_a_reply_that_is_closed_leaves_nothing_to_cancel() -> None:
    cancellation = Cancellation()
    exchange = Exchange(cancellation, 30.0)
    handle = SimpleNamespace(closed=False)
    exchange._handles.append(SimpleNamespace(close=lambda: setattr(handle, "closed", True)))  # type: ignore[arg-type]
    reply_of(Answer(), exchange).close()
    assert handle.closed
    cancellation.cancel()
