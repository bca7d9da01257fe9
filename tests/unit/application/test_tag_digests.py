"""The digests of tags, from registries that do not say the truth."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from longshore.application.clients import Clients
from longshore.application.tag_digests import tag_digests, verified
from longshore.cancellation import Cancellation
from longshore.errors import DigestMismatch, RegistryUnreachable, VerificationFailed
from longshore.oci.digest import sha256_of
from longshore.oci.manifest import OCI_INDEX
from longshore.oci.reference import Reference
from longshore.registry.config import RegistryConfig, parse_registry

LIE = f"sha256:{'1' * 64}"
RAW = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}).encode()
TRUE = sha256_of(RAW)


@dataclass
class Registry:
    """A registry whose HEAD announces *head*, and that returns *bodies* by digest."""

    head: str = LIE
    bodies: dict[str, bytes] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    address: str = ""


@pytest.fixture
def registry() -> Iterator[Registry]:
    found = Registry()

    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_HEAD(self) -> None:
            self._send(found.head if not self._name.startswith("sha256:") else self._name, b"")

        def do_GET(self) -> None:
            self._send("", found.bodies.get(self._name, b""))

        @property
        def _name(self) -> str:
            return self.path.rpartition("/")[2]

        def _send(self, digest: str, body: bytes) -> None:
            if "/manifests/" in self.path:
                found.asked.append((self.command, self._name))
            known = bool(body) or (self.command == "HEAD" and self._name in ("1", *found.bodies))
            self.send_response(200 if known else 404)
            if digest:
                self.send_header("Docker-Content-Digest", digest)
            self.send_header("Content-Type", OCI_INDEX)
            self.send_header("Content-Length", str(len(RAW if self.command == "HEAD" else body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.address = f"127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def clients(registry: Registry) -> Iterator[Clients]:
    def config(host: str) -> RegistryConfig:
        return parse_registry(registry.address if host == "docker.io" else host)

    made = Clients({}, config)
    yield made
    made.close()


def test_a_digest_without_its_image_is_refused(registry: Registry, clients: Clients) -> None:
    name = Reference.parse(f"{registry.address}/app:1")
    digests = tag_digests(clients, [name], Cancellation())
    assert digests == {name: LIE}
    assert isinstance(verified(clients, {name: LIE}, Cancellation())[name], VerificationFailed)
    registry.bodies[LIE] = RAW
    assert isinstance(verified(clients, {name: LIE}, Cancellation())[name], DigestMismatch)
    registry.bodies[TRUE] = RAW
    assert verified(clients, {name: TRUE}, Cancellation()) == {name: TRUE}
    gone = Reference.parse("127.0.0.1:1/app:1")
    assert isinstance(verified(clients, {gone: TRUE}, Cancellation())[gone], RegistryUnreachable)


def test_docker_hub_gets_no_request_that_counts_as_a_pull(registry: Registry, clients: Clients) -> None:
    name = Reference.parse("app:1")
    assert isinstance(verified(clients, {name: LIE}, Cancellation())[name], VerificationFailed)
    registry.bodies[TRUE] = RAW
    assert verified(clients, {name: TRUE}, Cancellation()) == {name: TRUE}
    assert registry.asked == [("HEAD", LIE), ("HEAD", TRUE)]
