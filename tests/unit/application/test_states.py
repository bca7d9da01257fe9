"""The local side of a comparison, before any registry is asked."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from longshore.application.clients import Clients
from longshore.application.states import Here, State, compare, of_images, of_pinned, same_image
from longshore.cancellation import Cancellation
from longshore.errors import RegistryUnreachable
from longshore.oci.local_image import LocalImage
from longshore.oci.manifest import OCI_INDEX, OCI_MANIFEST
from longshore.oci.reference import Reference
from longshore.registry.config import RegistryConfig, parse_registry
from longshore.registry.model import TagDetails

ONE, TWO, THREE, FOUR = (f"sha256:{digit * 64}" for digit in "1234")
CREATED = datetime(2024, 1, 2, tzinfo=UTC)


def image(name: str | None, *digests: str) -> LocalImage:
    reference = None if name is None else Reference.parse(name)
    return LocalImage(reference, TWO, CREATED, 1, repo_digests=digests)


def test_tags_by_name() -> None:
    images = [
        image("reg.io/b:1", f"reg.io/b@{ONE}", f"reg.io/b@{TWO}", f"reg.io/b@{ONE}"),
        image("a:1"),
        image(None),
        image(f"a@{ONE}"),
        image("reg.io/c:1", f"other.io/c@{ONE}"),
    ]
    assert of_images(images, picked=False) == [
        Here(Reference.parse("a:1"), present=True, created=CREATED, image_id=TWO),
        Here(
            Reference.parse("reg.io/b:1"), (ONE, TWO), known=True, present=True, created=CREATED, image_id=TWO
        ),
        # The content of another repository: it may be the same, but it never came from this one.
        Here(Reference.parse("reg.io/c:1"), (ONE,), known=False, present=True, created=CREATED, image_id=TWO),
    ]


def test_the_digest_of_docker_hub_has_a_short_name() -> None:
    (found,) = of_images([image("nginx:1", f"nginx@{ONE}")], picked=False)
    assert found.known


def test_only_some_of_them() -> None:
    found = of_images(
        [image("reg.io/a:latest"), image("reg.io/b:1")],
        picked=True,
        only=[Reference.parse("reg.io/c"), Reference.parse(f"reg.io/a@{ONE}"), Reference.parse("reg.io/a")],
    )
    assert [(str(one.reference), one.present, one.asked_for) for one in found] == [
        ("reg.io/c:latest", False, True),
        (f"reg.io/a@{ONE}", False, True),
        ("reg.io/a:latest", True, True),
    ]


def test_a_pinned_digest() -> None:
    assert of_pinned(Reference.parse(f"nginx:1@{ONE}")) == Here(
        Reference.parse("nginx:1"), (ONE,), known=True, asked_for=True
    )


def test_docker_hub_never_hears_names_that_only_exist_here() -> None:
    def none_asked(asked: str) -> RegistryConfig:
        raise AssertionError(f"{asked} was asked")

    clients = Clients({}, none_asked)
    heres = of_images([image("secret-project:1"), image("docker.io/library/other:2")], picked=False)
    found = compare(clients, heres, Cancellation())
    assert [one.state for one in found] == [State.ONLY_HERE, State.ONLY_HERE]


@pytest.mark.parametrize(
    ("details", "image_id", "digests", "picked", "same"),
    [
        ({"config": THREE}, THREE, [TWO], False, True),
        ({"config": THREE}, FOUR, [TWO], False, False),
        ({}, THREE, [TWO], False, None),
        ({}, TWO, [TWO], False, False),
        ({}, TWO, [TWO], True, False),
        ({}, ONE, [], False, True),
        ({"images": (TWO,), "media_type": OCI_INDEX}, TWO, [TWO], False, True),
        ({"images": (THREE,), "media_type": OCI_INDEX}, TWO, [TWO], False, False),
        ({"media_type": OCI_INDEX}, TWO, [TWO], True, None),
    ],
    ids=[
        "compressed again",
        "another configuration",
        "configuration not read",
        "a containerd store",
        "the library",
        "the id is the digest",
        "one platform",
        "not one of its platforms",
        "platforms not read",
    ],
)
def test_the_same_image(
    details: dict[str, Any], image_id: str, digests: list[str], picked: bool, same: bool | None
) -> None:
    found = TagDetails("1", ONE, 1, (), None, **{"media_type": OCI_MANIFEST, **details})
    assert same_image(found, image_id, digests, picked=picked) is same


def test_a_registry_that_is_down_is_a_failure() -> None:
    clients = Clients({}, parse_registry)
    try:
        found = compare(
            clients,
            [
                of_pinned(Reference.parse(f"127.0.0.1:1/a:1@{ONE}")),
                *of_images([image("127.0.0.1:1/b:1")], picked=False),
            ],
            Cancellation(),
        )
    finally:
        clients.close()
    assert [(one.state, one.failed) for one in found] == [(State.UNKNOWN, True)] * 2
    assert all(isinstance(one.error, RegistryUnreachable) for one in found)
