"""What somebody gets who does not know the offer: another user of the machine, or a page in a browser."""

from __future__ import annotations

import http.client
import json
import logging
import os
import re
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from longshore.cancellation import Cancellation
from longshore.loopback.server import Loopback, Offer
from longshore.oci.digest import sha256_of
from longshore.text import plain
from loopbacktools import ArrivingBlob, Ask, Connect, Offering, PlainShelf, everything, url

SECRET = b"what only the engine may have"
#: "{}": the right secret with its last digit changed.
GUESSES = (
    "/v2/{}/image/manifests/pull",
    "/v2/{}/image/blobs/" + sha256_of(SECRET),
    "/v2/{}/image/tags/list",
    "/v2/{}/image/referrers/" + sha256_of(SECRET),
    "/v2/{}/image/blobs/uploads/",
    "/v2/library/image/manifests/pull",
    "/v2/library/image/blobs/" + sha256_of(SECRET),
    "/v2/library/image/tags/list",
    "/v2/image/manifests/pull",
    "/v2/longshore-/image/manifests/pull",
    "/v2/longshore-é/image/manifests/pull",
    "/v2/longshore-*/image/manifests/pull",
    "/v2/../image/manifests/pull",
    "/v2/_catalog",
    "/v2/_catalog?n=100",
    "/v2",
    "/",
    "//v2/",
    "/v1/_ping",
    "/token",
    "*",
    "http://127.0.0.1/v2/",
)


@pytest.fixture
def blob() -> ArrivingBlob:
    return ArrivingBlob(SECRET)


@pytest.fixture
def offer(offering: Offering, blob: ArrivingBlob) -> Offer:
    return offering(PlainShelf(blobs={blob.digest: blob}))


def almost(offer: Offer) -> str:
    """The first part of the offer's repository, with another last digit."""
    name = offer.offered.repository.partition("/")[0]
    return name[:-1] + ("1" if name.endswith("0") else "0")


def test_every_guess_gets_the_same_answer(offer: Offer, connect: Connect) -> None:
    answers = {}
    for guess in GUESSES:
        for method in ("GET", "POST", "PUT", "DELETE"):
            connection = connect(offer)
            asked = f"{method} {guess.format(almost(offer))} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            connection.sendall(asked.encode())
            answers[method, guess] = everything(connection)
    [same] = set(answers.values())
    assert same.startswith(b"HTTP/1.1 404 Not Found\r\n")
    assert json.loads(same.partition(b"\r\n\r\n")[2])["errors"][0]["code"] == "NAME_UNKNOWN"
    # That of a known offer for what it does not have is no other.
    connection = connect(offer)
    unknown = url(offer, "manifests", "latest")
    connection.sendall(f"GET {unknown} HTTP/1.1\r\nConnection: close\r\n\r\n".encode())
    assert everything(connection) == same


def test_guesses_are_no_sign_of_the_engine(offer: Offer, ask: Ask) -> None:
    for guess in ("/v2/_catalog", f"/v2/{almost(offer)}/image/manifests/pull"):
        assert ask(offer, guess).status == 404
    assert not offer.reached
    assert ask(offer, url(offer, "manifests", "latest")).status == 404
    assert offer.reached


def test_the_secret_cannot_be_guessed(offering: Offering) -> None:
    offers = [offering() for _ in range(20)]
    names = {each.offered.repository for each in offers}
    assert len(names) == len(offers)
    assert all(re.fullmatch(r"longshore-[0-9a-f]{32}/image", name) for name in names)
    # Nor do engines' sentences show it.
    assert "longshore-***/image" in plain(f"Pulling from {offers[0].offered.repository}")


def test_offers_do_not_see_each_other(offering: Offering, ask: Ask, blob: ArrivingBlob) -> None:
    other_blob = ArrivingBlob(b"of the other")
    one = offering(PlainShelf(blobs={blob.digest: blob}))
    other = offering(PlainShelf(blobs={other_blob.digest: other_blob}))
    assert one.offered.host == other.offered.host
    assert ask(one, url(one, "blobs", blob.digest)).body == SECRET
    assert not other.reached
    assert ask(other, url(other, "blobs", other_blob.digest)).body == b"of the other"
    assert ask(one, url(one, "blobs", other_blob.digest)).status == 404
    assert ask(other, url(other, "blobs", blob.digest)).status == 404


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="needs Linux")
def test_it_listens_on_this_machine_only(offer: Offer) -> None:
    port = f":{int(offer.offered.host.partition(':')[2]):04X}"
    listening = "0A"
    found = []
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        for line in table.read_text().splitlines()[1:] if table.exists() else []:
            _, local, _, state, *_ = line.split()
            if local.endswith(port) and state == listening:
                found.append(local)
    assert found == [f"0100007F{port}"]


def test_nothing_is_logged(offer: Offer, ask: Ask, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        ask(offer, url(offer, "manifests", "pull"), Authorization="Basic c2VjcmV0")
        ask(offer, "/v2/_catalog", Authorization="Basic c2VjcmV0")
    assert caplog.records == []


ANOTHER_USER = """
import http.client, os, sys
host, *paths = sys.argv[1:]
"x".encode("idna")  # what is imported later, from files that the other user may not read
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
for path in paths:
    client = http.client.HTTPConnection(host, timeout=20)
    client.request("GET", path)
    response = client.getresponse()
    print(os.geteuid(), response.status, response.read().decode())
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
def test_another_user_of_the_machine_gets_nothing(offer: Offer, ask: Ask) -> None:
    guesses = [guess.format(almost(offer)) for guess in GUESSES if guess.isascii()]
    done = subprocess.run(
        [sys.executable, "-c", ANOTHER_USER, offer.offered.host, *guesses],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    lines = done.stdout.splitlines()
    assert len(lines) == len(guesses)
    assert set(lines) == {'65534 404 {"errors": [{"code": "NAME_UNKNOWN", "message": "not found"}]}'}
    assert not offer.reached
    assert ask(offer, url(offer, "blobs", sha256_of(SECRET))).body == SECRET


def test_an_old_offer_is_as_unknown_as_any_other(loopback: Loopback, ask: Ask, blob: ArrivingBlob) -> None:
    with ExitStack() as opened:
        newer = opened.enter_context(loopback.offer(PlainShelf(), Cancellation()))
        with loopback.offer(PlainShelf(blobs={blob.digest: blob}), Cancellation()) as older:
            path = url(older, "blobs", blob.digest)
            assert ask(newer, path).body == SECRET
        assert ask(newer, path) == ask(newer, "/v2/_catalog")
    with pytest.raises((ConnectionRefusedError, http.client.HTTPException)):
        ask(newer, path)
