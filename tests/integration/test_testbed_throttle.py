"""The throttle between real clients and a real registry: it limits the rate, makes faults, and changes nothing else."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import urllib3

from testbed.engine import PrivateEngine
from testbed.images import build_image, seed_repository
from testbed.processes import wait_until
from testbed.registry import PrivateRegistry
from testbed.throttle import SeenRequest, Throttle

pytestmark = pytest.mark.integration

LAYERS = [400_000, 300_000, 200_000, 100_000]


@pytest.fixture
def client(testbed_engine: PrivateEngine) -> Iterator[Any]:
    with contextlib.closing(testbed_engine.client()) as made:
        yield made


@pytest.fixture
def pool() -> Iterator[urllib3.PoolManager]:
    with urllib3.PoolManager(retries=False, timeout=20) as made:
        yield made


@pytest.fixture
def blob(open_registry: PrivateRegistry) -> str:
    """The path of a blob of a million bytes."""
    seeded = seed_repository(open_registry.address, "throttle/blob", layers=[1_000_000], seed="blob")
    return f"/v2/throttle/blob/blobs/{seeded.images[0].layer_digests[0]}"


def run(stream: Any) -> list[str]:
    """Read a stream of events to its end; its errors."""
    return [event["errorDetail"]["message"] for event in stream if "errorDetail" in event]


def test_push_and_pull_through_a_line_without_limits(client: Any, throttle: Throttle) -> None:
    reference = f"{throttle.address}/throttle/through"
    build_image(client, f"{reference}:1", LAYERS, seed=time.monotonic())
    assert run(client.push(reference, tag="1", stream=True, decode=True, auth_config={})) == []
    client.remove_image(f"{reference}:1")
    assert run(client.pull(reference, tag="1", stream=True, decode=True, auth_config={})) == []
    assert SeenRequest("PUT", "/v2/throttle/through/manifests/1", 201) in throttle.requests
    # Every upload (the layers and the configuration) stayed on the line: its Locations named the proxy.
    assert sum(seen.method == "PATCH" and seen.status == 202 for seen in throttle.requests) == len(LAYERS) + 1
    assert throttle.moved_bytes["request"] >= sum(LAYERS)
    assert throttle.moved_bytes["response"] >= sum(LAYERS)
    assert not [seen for seen in throttle.requests if seen.status == 0]


def test_the_rate_holds_for_pull_and_push(client: Any, throttle: Throttle) -> None:
    reference = f"{throttle.address}/throttle/slow"
    build_image(client, f"{reference}:1", LAYERS, seed=time.monotonic())
    throttle.bytes_per_second = 1_000_000
    began = time.monotonic()
    assert run(client.push(reference, tag="1", stream=True, decode=True, auth_config={})) == []
    pushing = time.monotonic() - began
    client.remove_image(f"{reference}:1")
    began = time.monotonic()
    assert run(client.pull(reference, tag="1", stream=True, decode=True, auth_config={})) == []
    pulling = time.monotonic() - began
    assert pushing > 0.9 and pulling > 0.9


def test_the_rate_can_change_on_the_way(throttle: Throttle, blob: str, pool: urllib3.PoolManager) -> None:
    throttle.bytes_per_second = 5_000  # at this rate the whole blob would take longer than a test may
    answer = pool.request("GET", throttle.url + blob, preload_content=False)
    first = answer.read(5_000)
    throttle.bytes_per_second = None
    assert len(first) + len(answer.read()) == int(answer.headers["Content-Length"])


def test_latency_is_added_to_every_request(throttle: Throttle, pool: urllib3.PoolManager) -> None:
    throttle.latency = 0.1
    began = time.monotonic()
    for _ in range(3):
        assert pool.request("GET", f"{throttle.url}/v2/").status == 200
    assert time.monotonic() - began >= 0.3
    assert throttle.open_connections == 1


def test_a_stalled_line_answers_nothing_until_it_flows(throttle: Throttle, pool: urllib3.PoolManager) -> None:
    throttle.stall()
    with pytest.raises(urllib3.exceptions.ReadTimeoutError):
        pool.request("GET", f"{throttle.url}/v2/", timeout=0.3)
    answers: list[int] = []
    waiting = threading.Thread(
        target=lambda: answers.append(pool.request("GET", f"{throttle.url}/v2/").status)
    )
    waiting.start()
    wait_until(lambda: throttle.open_connections >= 1, timeout=5, what="the connection")
    assert answers == []
    throttle.resume()
    waiting.join(5)
    assert answers == [200]


def test_a_stall_holds_the_middle_of_a_body(throttle: Throttle, blob: str, pool: urllib3.PoolManager) -> None:
    throttle.bytes_per_second = 200_000
    answer = pool.request("GET", throttle.url + blob, preload_content=False, timeout=1)
    answer.read(10_000)
    throttle.stall()
    with pytest.raises(urllib3.exceptions.ReadTimeoutError):
        answer.read()
    answer.close()


def test_a_cut_download(throttle: Throttle, blob: str, pool: urllib3.PoolManager) -> None:
    throttle.cut_after(300_000, path_regex="/blobs/", direction="response")
    answer = pool.request("GET", throttle.url + blob, preload_content=False)
    with pytest.raises(urllib3.exceptions.ProtocolError):
        answer.read()
    assert throttle.moved_bytes["response"] == 300_000
    assert pool.request("GET", throttle.url + blob).status == 200
    assert throttle.faults.left == 0


def test_a_cut_upload_fails_the_push_and_the_next_one_works(client: Any, throttle: Throttle) -> None:
    reference = f"{throttle.address}/throttle/cut-upload"
    build_image(client, f"{reference}:1", [500_000], seed=time.monotonic())
    # Docker tries an upload six times.
    throttle.cut_after(100_000, times=1, direction="request", path_regex="/blobs/uploads/")
    assert run(client.push(reference, tag="1", stream=True, decode=True, auth_config={})) == []
    assert throttle.faults.left == 0
    cut = [seen for seen in throttle.requests if seen.status == 0]
    assert [seen.method for seen in cut] == ["PATCH"]


def test_failures_are_answered_by_the_line(
    throttle: Throttle, open_registry: PrivateRegistry, pool: urllib3.PoolManager
) -> None:
    throttle.fail_next(r"/manifests/", 429, times=2, headers={"Retry-After": "7"}, body=b"slow down")
    base = f"{throttle.url}/v2/throttle/none/manifests"
    answer = pool.request("GET", f"{base}/one-429")
    assert (answer.status, answer.headers["Retry-After"], answer.data) == (429, "7", b"slow down")
    assert pool.request("GET", f"{throttle.url}/v2/").status == 200
    assert pool.request("HEAD", f"{base}/two-429").status == 429
    assert pool.request("GET", f"{base}/three").status == 404
    wait_until(
        lambda: any(seen.path.endswith("/three") for seen in open_registry.requests()),
        timeout=5,
        what="the access log",
    )
    assert not [seen for seen in open_registry.requests() if seen.path.endswith("-429")]


def test_a_failure_in_the_middle_of_an_upload_reaches_the_client(client: Any, throttle: Throttle) -> None:
    reference = f"{throttle.address}/throttle/over-quota"
    build_image(client, f"{reference}:1", [2_000_000], seed=time.monotonic())
    body = b'{"errors":[{"code":"DENIED","message":"the quota is used up"}]}'
    throttle.fail_next(
        r"/blobs/uploads/.", 403, method="PATCH", headers={"Content-Type": "application/json"}, body=body
    )
    told = run(client.push(reference, tag="1", stream=True, decode=True, auth_config={}))
    assert "the quota is used up" in told[0]
    assert SeenRequest("PUT", "/v2/throttle/over-quota/manifests/1", 201) not in throttle.requests


def test_a_changed_byte_is_noticed_by_the_engine(client: Any, throttle: Throttle) -> None:
    seed_repository(throttle.address, "throttle/corrupt", layers=[200_000], seed=time.monotonic())
    throttle.corrupt_next(r"/blobs/", times=10)
    told = run(
        client.pull(
            f"{throttle.address}/throttle/corrupt", tag="latest", stream=True, decode=True, auth_config={}
        )
    )
    assert "verif" in told[0]


def test_a_refusing_line_comes_back_on_its_port(throttle: Throttle, pool: urllib3.PoolManager) -> None:
    assert pool.request("GET", f"{throttle.url}/v2/").status == 200
    address = throttle.address
    throttle.refuse()
    with pytest.raises(urllib3.exceptions.HTTPError):
        pool.request("GET", f"{throttle.url}/v2/")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])), timeout=2).close()
    throttle.start()
    assert throttle.address == address
    assert pool.request("GET", f"{throttle.url}/v2/").status == 200


def test_an_unreachable_target_is_a_bad_gateway(pool: urllib3.PoolManager) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with Throttle(f"127.0.0.1:{unused.getsockname()[1]}") as line:
            assert pool.request("GET", f"{line.url}/v2/").status == 502


def test_keep_alive_expect_and_chunks(throttle: Throttle) -> None:
    """On one connection: a HEAD without a body, chunks, and an upload that waits for 100 Continue."""
    host, _, port = throttle.address.partition(":")
    with contextlib.closing(http.client.HTTPConnection(host, int(port), timeout=10)) as connection:
        connection.request("HEAD", "/v2/throttle/none/manifests/1")
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (404, b"")
        connection.request("POST", "/v2/throttle/expect/blobs/uploads/")
        answer = connection.getresponse()
        answer.read()
        place = answer.headers["Location"]
        assert place.startswith(f"{throttle.url}/")
        chunks = iter([b"one" * 1000, b"two" * 1000])
        connection.request(
            "PATCH", place, body=chunks, encode_chunked=True, headers={"Transfer-Encoding": "chunked"}
        )
        answer = connection.getresponse()
        answer.read()
        assert (answer.status, answer.headers["Range"]) == (202, "0-5999")
        place = answer.headers["Location"]
        assert connection.sock is not None
        head = f"PATCH {place.removeprefix(throttle.url)} HTTP/1.1\r\nHost: {throttle.address}\r\n"
        connection.sock.sendall(f"{head}Content-Length: 4\r\nExpect: 100-continue\r\n\r\n".encode())
        assert connection.sock.recv(1000).startswith(b"HTTP/1.1 100 ")
        connection.sock.sendall(b"four")
        assert connection.sock.recv(1000).startswith(b"HTTP/1.1 202 ")
    assert throttle.open_connections <= 1
    wait_until(lambda: throttle.open_connections == 0, timeout=5, what="the end of the connection")


def test_a_raw_line_carries_tls(tls_registry: PrivateRegistry) -> None:
    with Throttle(tls_registry.address, bytes_per_second=10_000_000, raw=True) as line:
        with urllib3.PoolManager(ca_certs=str(tls_registry.ca_file)) as pool:
            assert pool.request("GET", f"https://{line.address}/v2/").status == 200
        assert line.moved_bytes["response"] > 500
