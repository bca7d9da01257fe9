"""A loopback registry, and clients of it."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from longshore.cancellation import Cancellation
from longshore.loopback.server import Loopback, Offer
from loopbacktools import Ask, Connect, Offering, PlainShelf, Reply


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Closes what the test opens, latest first."""
    with ExitStack() as opened:
        yield opened


@pytest.fixture
def loopback() -> Loopback:
    return Loopback()


@pytest.fixture
def offering(stack: ExitStack, loopback: Loopback) -> Offering:
    def offer(shelf: PlainShelf | None = None) -> Offer:
        return stack.enter_context(loopback.offer(shelf or PlainShelf(), Cancellation()))

    return offer


@pytest.fixture
def ask(stack: ExitStack) -> Ask:
    def send(
        offer: Offer, path: str, method: str = "GET", body: bytes | None = None, **headers: str
    ) -> Reply:
        client = http.client.HTTPConnection(offer.offered.host, timeout=20)
        stack.callback(client.close)
        client.request(method, path, body=body, headers=headers)
        response = client.getresponse()
        return Reply(response.status, dict(response.getheaders()), response.read())

    return send


@pytest.fixture
def connect(stack: ExitStack) -> Connect:
    def open_one(offer: Offer) -> socket.socket:
        host, _, port = offer.offered.host.partition(":")
        return stack.enter_context(socket.create_connection((host, int(port)), timeout=20))

    return open_one
