"""Every kind of engine takes an image from the loopback registry while it arrives, and then under its true name."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import docker
import pytest

from longshore.cancellation import Cancellation
from longshore.loopback.offer import Offered
from longshore.loopback.server import Loopback
from longshore.oci.manifest import OCI_MANIFEST, Manifest, parse_manifest
from loopbacktools import ArrivingBlob, PlainShelf
from testbed.engine import PrivateEngine
from testbed.engine_probe import UnixConnection
from testbed.registry import PrivateRegistry
from testbed.remote_images import seed_repository

SECONDS = 60


@pytest.fixture
def client(any_engine: PrivateEngine) -> Iterator[docker.APIClient]:
    with closing(any_engine.client(timeout=SECONDS)) as made:
        yield made


def fetched(address: str, repository: str) -> tuple[Manifest, list[ArrivingBlob]]:
    """The manifest of ``latest``, and its blobs, of which nothing has arrived yet."""
    with closing(http.client.HTTPConnection(address, timeout=SECONDS)) as registry:

        def get(path: str) -> tuple[bytes, str]:
            registry.request("GET", f"/v2/{repository}/{path}", headers={"Accept": OCI_MANIFEST})
            reply = registry.getresponse()
            assert reply.status == 200
            return reply.read(), reply.headers["Content-Type"]

        manifest = parse_manifest(*get("manifests/latest"))
        assert isinstance(manifest, Manifest)
        parts = (manifest.config, *manifest.layers)
        return manifest, [ArrivingBlob(get(f"blobs/{part.digest}")[0], arrived=0) for part in parts]


def pull(engine: PrivateEngine, client: docker.APIClient, offered: Offered) -> None:
    name = f"{offered.host}/{offered.repository}"
    if engine.flavour != "podman":
        for event in client.pull(name, offered.tag, stream=True, decode=True):
            assert "error" not in event
        return
    # Its Docker-compatible endpoint takes no registry without TLS; this is its own.
    with closing(UnixConnection(str(engine.socket_path), SECONDS)) as own:
        own.request("POST", f"/v4.0.0/libpod/images/pull?reference={name}:{offered.tag}&tlsVerify=false")
        lines = [json.loads(line) for line in own.getresponse().read().splitlines() if line]
        assert not [line for line in lines if "error" in line]
        assert lines[-1]["id"]


@contextmanager
def removing(client: docker.APIClient, *references: str) -> Iterator[None]:
    try:
        yield
    finally:
        for reference in references:
            client.remove_image(reference)


def test_an_image_that_arrives(
    any_engine: PrivateEngine, client: docker.APIClient, open_registry: PrivateRegistry
) -> None:
    repository = f"loopback/{any_engine.flavour}"
    seed_repository(open_registry.address, repository, layers=(700_000, 5_000))
    manifest, blobs = fetched(open_registry.address, repository)
    true_name = f"{open_registry.address}/{repository}"
    with ThreadPoolExecutor(1) as pool:
        shelf = PlainShelf((manifest,), {each.digest: each for each in blobs})
        with Loopback().offer(shelf, Cancellation()) as offer:
            pulling = pool.submit(pull, any_engine, client, offer.offered)
            # The configuration first: some engines ask for no layer before they have it.
            for blob in blobs:
                for part in (blob.size // 2, blob.size):
                    assert blob.awaited.wait(SECONDS), pulling
                    blob.arrive(part)
            pulling.result(SECONDS)
            assert offer.reached
    loopback_name = f"{offer.offered.host}/{offer.offered.repository}:{offer.offered.tag}"
    with removing(client, loopback_name):
        before = len(open_registry.requests())
        for event in client.pull(true_name, "latest", stream=True, decode=True):
            assert "error" not in event
        asked = open_registry.requests()[before:]
    layers = [each.digest for each in manifest.layers]
    assert not [each for each in asked if each.method == "GET" and each.path.endswith(tuple(layers))]
    with removing(client, f"{true_name}:latest"):
        [image] = client.images(true_name)
        assert image["RepoTags"] == [f"{true_name}:latest"]
        assert image["RepoDigests"] == [f"{true_name}@{manifest.digest}"]
