"""The testbed itself: it does what it promises, shown on the real parts."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3

from testbed.engine import PrivateEngine
from testbed.errors import EngineNotOurs, TestbedUnavailable, require
from testbed.images import (
    build_image,
    load_image,
    seed_many_repositories,
    seed_many_tags,
    seed_repository,
    small_image,
)
from testbed.processes import processes_naming, wait_until
from testbed.registry import PrivateRegistry
from testbed.throttle import Throttle

pytestmark = pytest.mark.integration

ACCEPT = {
    "Accept": "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json,"
    " application/vnd.docker.distribution.manifest.list.v2+json,"
    " application/vnd.docker.distribution.manifest.v2+json"
}


@pytest.fixture
def client(testbed_engine: PrivateEngine) -> Iterator[Any]:
    with contextlib.closing(testbed_engine.client()) as made:
        yield made


@pytest.fixture
def http() -> Iterator[urllib3.PoolManager]:
    with urllib3.PoolManager(retries=False, timeout=20) as pool:
        yield pool


@pytest.fixture
def own_engine(testbed_engine: PrivateEngine, tmp_path: Path) -> Iterator[PrivateEngine]:
    """An engine that a test may kill. It needs no check of its own: the session's engine runs."""
    if not testbed_engine.is_ours:
        require(TestbedUnavailable("the engine is lent"))
    with PrivateEngine(tmp_path / "engine") as engine:
        yield engine


def push(client: Any, reference: str) -> list[dict[str, Any]]:
    repository, _, tag = reference.rpartition(":")
    return list(client.push(repository, tag=tag, stream=True, decode=True, auth_config={}))


def pull(client: Any, reference: str, **more: Any) -> list[dict[str, Any]]:
    repository, _, tag = reference.rpartition(":")
    return list(client.pull(repository, tag=tag, stream=True, decode=True, auth_config={}, **more))


def errors(events: list[dict[str, Any]]) -> list[str]:
    return [event["errorDetail"]["message"] for event in events if "errorDetail" in event]


# -- engine and registries -------------------------------------------------------------------------------


def test_an_image_goes_to_a_registry_and_comes_back(client: Any, open_registry: PrivateRegistry) -> None:
    reference = f"{open_registry.address}/testbed/round-trip:1"
    image_id = small_image(client, reference)
    assert errors(push(client, reference)) == []
    client.remove_image(reference)
    events = pull(client, reference)
    assert errors(events) == []
    assert client.inspect_image(reference)["Id"] == image_id
    wait_until(
        lambda: any(
            request.method == "PUT"
            and request.path == "/v2/testbed/round-trip/manifests/1"
            and request.status == 201
            and request.agent.startswith("docker/")
            for request in open_registry.requests()
        ),
        timeout=5,
        what="the line of the push in the access log",
    )


@pytest.mark.parametrize("image_format", ["oci", "docker"])
def test_a_seeded_index_is_pulled_by_the_engine(
    client: Any, open_registry: PrivateRegistry, http: urllib3.PoolManager, image_format: Any
) -> None:
    repository = f"testbed/many-platforms-{image_format}"
    seeded = seed_repository(
        open_registry.address,
        repository,
        ["1", "latest"],
        platforms=[("linux", "amd64"), ("linux", "arm64")],
        image_format=image_format,
    )
    answer = http.request("GET", f"{open_registry.url}/v2/{repository}/manifests/latest", headers=ACCEPT)
    assert answer.headers["Docker-Content-Digest"] == seeded.digest
    assert answer.headers["Content-Type"] == seeded.media_type
    assert {image.platform for image in seeded.images} == {("linux", "amd64"), ("linux", "arm64")}
    reference = f"{open_registry.address}/{repository}:1"
    assert errors(pull(client, reference, platform="linux/arm64")) == []
    arm = next(image for image in seeded.images if image.platform == ("linux", "arm64"))
    assert client.inspect_image(reference)["Id"] == arm.config_digest
    assert client.inspect_image(reference)["RootFS"]["Layers"] == list(arm.diff_ids)


def test_a_loaded_image_has_its_date_and_id(client: Any) -> None:
    from datetime import UTC, datetime

    created = datetime(2023, 4, 5, 6, 7, 8, tzinfo=UTC)
    names = ["testbed/loaded:1", "testbed/loaded:latest"]
    image_id = load_image(client, names, [20_000], created=created)
    found = client.inspect_image("testbed/loaded:latest")
    assert found["Id"] == image_id
    assert found["Created"].startswith("2023-04-05T06:07:08")
    assert set(found["RepoTags"]) == set(names)


def test_equal_seeds_build_equal_layers_and_others_do_not(client: Any) -> None:
    ids = []
    for at, seed in enumerate("aab"):
        # Dates in layers have a resolution of a second: builds in different seconds must not differ.
        began = int(time.time())
        wait_until(lambda began=began: int(time.time()) != began, timeout=3, what="another second")
        ids.append(build_image(client, f"testbed/seeds:{at}", [5_000], seed=seed))
    first, second, third = [client.inspect_image(each)["RootFS"]["Layers"] for each in ids]
    assert first == second
    assert first != third
    assert client.inspect_image(ids[0])["Size"] >= 5_000


def test_basic_sign_in(client: Any, auth_registry: PrivateRegistry) -> None:
    credentials = (auth_registry.username, auth_registry.password)
    seed_repository(auth_registry.address, "testbed/basic", credentials=credentials)
    reference = f"{auth_registry.address}/testbed/basic"
    good = {"username": auth_registry.username, "password": auth_registry.password}
    events = list(client.pull(reference, tag="latest", stream=True, decode=True, auth_config=good))
    assert errors(events) == []
    import docker.errors

    with pytest.raises(docker.errors.APIError, match="no basic auth credentials"):
        pull(client, f"{reference}:latest")


def test_token_sign_in_through_the_engine(client: Any, token_registry: PrivateRegistry) -> None:
    server = token_registry.token_server
    assert server is not None
    reference = f"{token_registry.address}/testbed/token"
    small_image(client, f"{reference}:1")
    good = {"username": token_registry.username, "password": token_registry.password}
    events = list(client.push(reference, tag="1", stream=True, decode=True, auth_config=good))
    assert errors(events) == []
    asked = {scope for request in server.requests for scope in request.scopes}
    assert asked & {"repository:testbed/token:push,pull", "repository:testbed/token:pull,push"}
    refused = list(client.push(reference, tag="1", stream=True, decode=True, auth_config={}))
    assert "denied" in errors(refused)[0]
    server.grant("", "testbed/token", {"pull"})
    try:
        assert errors(pull(client, f"{reference}:1")) == []
    finally:
        server.revoke("")


def test_tls_is_refused_without_its_authority(
    tls_registry: PrivateRegistry, http: urllib3.PoolManager
) -> None:
    with pytest.raises(urllib3.exceptions.SSLError, match="CERTIFICATE_VERIFY_FAILED"):
        http.request("GET", f"{tls_registry.url}/v2/")
    with urllib3.PoolManager(ca_certs=str(tls_registry.ca_file)) as trusting:
        assert trusting.request("GET", f"{tls_registry.url}/v2/").status == 200
    seed_repository(tls_registry.address, "testbed/tls", ca_file=tls_registry.ca_file)


def test_client_certificates_are_asked_for(tmp_path: Path) -> None:
    with PrivateRegistry(tmp_path / "mutual", tls=True, client_certificates=True) as registry:
        with (
            urllib3.PoolManager(ca_certs=str(registry.ca_file), retries=False) as bare,
            pytest.raises(urllib3.exceptions.HTTPError),
        ):
            bare.request("GET", f"{registry.url}/v2/")
        certificate, key = map(str, registry.client_certificate)
        with urllib3.PoolManager(ca_certs=str(registry.ca_file), cert_file=certificate, key_file=key) as pool:
            assert pool.request("GET", f"{registry.url}/v2/").status == 200


def test_shapes_of_registries(tmp_path: Path, http: urllib3.PoolManager) -> None:
    with PrivateRegistry(tmp_path / "prefixed", prefix="/images/") as prefixed:
        seed_repository(prefixed.address, "testbed/prefixed", prefix=prefixed.prefix)
        answer = http.request("GET", f"{prefixed.url}/v2/testbed/prefixed/tags/list")
        assert answer.json()["tags"] == ["latest"]
    with PrivateRegistry(tmp_path / "relative", relative_urls=True) as relative:
        answer = http.request("POST", f"{relative.url}/v2/a/blobs/uploads/")
        assert answer.headers["Location"].startswith("/v2/a/blobs/uploads/")
    with PrivateRegistry(tmp_path / "fixed", read_only=True, delete=False) as fixed:
        assert http.request("POST", f"{fixed.url}/v2/a/blobs/uploads/").status == 405
    with PrivateRegistry(tmp_path / "source") as source:
        seed_repository(source.address, "testbed/cached")
        with PrivateRegistry(tmp_path / "cache", proxy=source.url) as cache:
            url = f"{cache.url}/v2/testbed/cached/manifests/latest"
            assert http.request("GET", url, headers=ACCEPT).status == 200


def test_a_restarted_registry_keeps_port_and_data(tmp_path: Path, http: urllib3.PoolManager) -> None:
    with PrivateRegistry(tmp_path) as registry:
        seed_repository(registry.address, "testbed/kept")
        before = registry.address
        registry.kill()
        assert not registry.is_running
        with pytest.raises(urllib3.exceptions.HTTPError):
            http.request("GET", f"{registry.url}/v2/")
        registry.restart()
        assert registry.address == before
        assert http.request("GET", f"{registry.url}/v2/testbed/kept/tags/list").json()["tags"] == ["latest"]


def test_many_repositories_and_tags(tmp_path: Path, http: urllib3.PoolManager) -> None:
    with PrivateRegistry(tmp_path, in_memory=True) as registry:
        names = seed_many_repositories(registry, 300)
        catalogue = http.request("GET", f"{registry.url}/v2/_catalog?n=1000").json()["repositories"]
        assert catalogue == sorted(names)
        digests = seed_many_tags(registry, "testbed/tags", 200)
        assert len(set(digests.values())) == len(digests) == 200
        base = f"{registry.url}/v2/testbed/tags"
        assert sorted(http.request("GET", f"{base}/tags/list").json()["tags"]) == sorted(digests)
        answer = http.request("GET", f"{base}/manifests/v1.0.7", headers=ACCEPT)
        assert answer.headers["Docker-Content-Digest"] == digests["v1.0.7"]
        config = http.request("GET", f"{base}/blobs/{answer.json()['config']['digest']}").json()
        assert config["created"] == "2024-01-05T11:00:00Z"
        storage = registry.storage
    assert not storage.exists()


# -- kill and restart ------------------------------------------------------------------------------------


def test_a_killed_engine_comes_back_at_its_address(own_engine: PrivateEngine) -> None:
    with contextlib.closing(own_engine.client()) as client:
        small_image(client, "testbed/survivor:1")
        host, pid = own_engine.host, own_engine.pid
        own_engine.kill()
        assert not own_engine.is_running
        assert not Path(f"/proc/{pid}").exists()
        own_engine.start()
        assert own_engine.host == host
        own_engine.restart()
        assert client.inspect_image("testbed/survivor:1")["RepoTags"] == ["testbed/survivor:1"]


def test_an_engine_killed_in_the_middle_leaves_no_process_and_no_mount(
    own_engine: PrivateEngine, open_registry: PrivateRegistry
) -> None:
    seed_repository(open_registry.address, "testbed/killed", layers=[2_000_000])
    with (
        Throttle(open_registry.address, bytes_per_second=200_000) as slow,
        contextlib.closing(own_engine.client()) as client,
    ):
        stream = client.pull(
            f"{slow.address}/testbed/killed", tag="latest", stream=True, decode=True, auth_config={}
        )
        for event in stream:
            if event.get("progressDetail", {}).get("current", 0) > 0:
                break
        own_engine.kill()
        with pytest.raises(urllib3.exceptions.HTTPError):
            list(stream)
    folder = str(own_engine.socket_path.parent)
    assert folder not in Path("/proc/self/mounts").read_text("utf-8")
    assert processes_naming(folder) == []


def test_a_frozen_engine_answers_nothing(own_engine: PrivateEngine) -> None:
    import requests

    with contextlib.closing(own_engine.client(timeout=1)) as client:
        own_engine.freeze()
        with pytest.raises(requests.exceptions.RequestException):
            client.ping()
        own_engine.thaw()
        assert client.ping()


def test_a_full_disk(testbed_engine: PrivateEngine, open_registry: PrivateRegistry, tmp_path: Path) -> None:
    if not testbed_engine.is_ours:
        require(TestbedUnavailable("the engine is lent"))
    seed_repository(open_registry.address, "testbed/large", layers=[12_000_000])
    with (
        PrivateEngine(tmp_path / "engine", data_bytes=10_000_000) as engine,
        contextlib.closing(engine.client()) as client,
    ):
        told = errors(pull(client, f"{open_registry.address}/testbed/large:latest"))
    assert "no space left on device" in told[0]


def test_a_lent_engine_is_not_killed(
    testbed_engine: PrivateEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LONGSHORE_TEST_DOCKER_HOST", testbed_engine.host)
    with PrivateEngine(tmp_path) as lent:
        assert lent.host == testbed_engine.host
        assert not lent.is_ours
        with contextlib.closing(lent.client()) as client:
            small_image(client, "127.0.0.1:1/testbed/added:1")
            small_image(client, "testbed/users-own:1")
        for forbidden in (lent.kill, lent.restart):
            with pytest.raises(EngineNotOurs):
                forbidden()
    assert testbed_engine.is_running
    with contextlib.closing(testbed_engine.client()) as client:
        tags = {tag for row in client.images() for tag in row["RepoTags"] or []}
    assert "127.0.0.1:1/testbed/added:1" not in tags
    assert "testbed/users-own:1" in tags


def test_a_lent_engine_that_is_away_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LONGSHORE_TEST_DOCKER_HOST", "unix:///nowhere/docker.sock")
    with pytest.raises(TestbedUnavailable, match="nowhere"):
        PrivateEngine(tmp_path).start()


# -- other flavours --------------------------------------------------------------------------------------


def test_every_flavour_pulls_builds_pushes_and_comes_back(
    any_engine: PrivateEngine, open_registry: PrivateRegistry
) -> None:
    name = f"{open_registry.address}/testbed/flavour-{any_engine.flavour}"
    seeded = seed_repository(
        open_registry.address, "testbed/flavours", platforms=[("linux", "amd64"), ("linux", "arm64")]
    )
    with contextlib.closing(any_engine.client()) as client:
        assert errors(pull(client, f"{open_registry.address}/testbed/flavours:latest")) == []
        digests = client.inspect_image(f"{open_registry.address}/testbed/flavours:latest")["RepoDigests"]
        assert any(each.endswith(seeded.digest) for each in digests)
        small_image(client, f"{name}:1")
        assert errors(push(client, f"{name}:1")) == []
        if any_engine.flavour != "debian":
            any_engine.kill()
            any_engine.start()
        assert any(f"{name}:1" in (row["RepoTags"] or []) for row in client.images())
