"""The client and the lister on a registry of another make than docker-registry."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import pytest

from longshore.errors import NotInRegistry
from longshore.oci.manifest import OCI_MANIFEST, Manifest
from longshore.oci.platform import Platform
from longshore.registry.client import RegistryClient
from longshore.registry.config import RegistryConfig
from longshore.registry.listing import lister_for
from testbed.crane import CraneRegistry
from testbed.images import seed_repository

pytestmark = pytest.mark.integration


@pytest.fixture
def client(crane_registry: CraneRegistry) -> Iterator[RegistryClient]:
    with contextlib.closing(
        RegistryClient(RegistryConfig(crane_registry.address), lambda _host: None, environ={})
    ) as client:
        yield client


def all_of(ask: Callable[[str | None], object]) -> list[str]:
    found: list[str] = []
    page = None
    for _ in range(100):
        got = ask(page)
        found += got.items  # type: ignore[attr-defined]
        page = got.next  # type: ignore[attr-defined]
        if page is None:
            return found
    raise AssertionError("no end after 100 pages")


def test_an_image_is_listed_and_read(client: RegistryClient, crane_registry: CraneRegistry) -> None:
    seeded = seed_repository(
        crane_registry.address,
        "other/app",
        ("1", "2", "latest"),
        layers=[3000, 2000],
        platforms=(("linux", "amd64"), ("linux", "arm64")),
    )
    assert "other/app" in all_of(lambda page: client.repositories(page))
    assert all_of(lambda page: client.tags("other/app", page)) == ["1", "2", "latest"]
    details = client.tag_details("other/app", "latest")
    assert details.digest == seeded.digest and details.size
    assert {one.architecture for one in details.platforms} == {"amd64", "arm64"}
    with pytest.raises(NotInRegistry):
        client.tags("other/none")
    config = client.registry
    lister = lister_for(config, client, lambda _host: None, environ={})
    with contextlib.closing(lister):
        assert "other/app" in [info.name for info in lister.repositories().items]
        assert lister.kind == "distribution"


def test_lists_that_are_cut_without_a_link_are_read_to_their_end(
    client: RegistryClient, crane_registry: CraneRegistry
) -> None:
    names = [f"many/app{number:02}" for number in range(25)]
    for name in names:
        seed_repository(crane_registry.address, name, ("1",), layers=[100])
    seed_repository(
        crane_registry.address, "tagged/app", [f"t{number:02}" for number in range(23)], layers=[100]
    )
    for size in (4, 5, 23, 25, 100):
        listed = all_of(lambda page, size=size: client.repositories(page, size))  # type: ignore[misc]
        assert set(names) <= set(listed), f"pages of {size}"
        tags = all_of(lambda page, size=size: client.tags("tagged/app", page, size))  # type: ignore[misc]
        assert tags == sorted(set(tags)) and len(tags) == 23, f"pages of {size}"


def test_an_empty_registry_says_null(empty_registry: CraneRegistry) -> None:
    with contextlib.closing(
        RegistryClient(RegistryConfig(empty_registry.address), lambda _host: None, environ={})
    ) as client:
        page = client.repositories()
        assert page.items == [] and page.next is None


@pytest.fixture
def empty_registry(
    tmp_path_factory: pytest.TempPathFactory, crane_registry: CraneRegistry
) -> Iterator[CraneRegistry]:
    """Another, empty one. It needs no check of its own: if the session's could start, so can this one."""
    with CraneRegistry(tmp_path_factory.mktemp("empty-crane")) as registry:
        yield registry


def test_blobs_and_manifests_are_written(client: RegistryClient) -> None:
    from integration.registry.test_client import put_image

    written = put_image(client, "written/app", "1")
    found = client.manifest("written/app", written.digest)
    assert isinstance(found, Manifest) and found.raw == written.raw and found.media_type == OCI_MANIFEST
    assert client.config("written/app", found).platform == Platform("linux", "amd64")
