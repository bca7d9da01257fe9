"""The local side of a comparison, before any registry is asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from longshore.application.clients import Clients
from longshore.application.states import (
    NO_TAG,
    Here,
    State,
    There,
    compare,
    here_of,
    judge,
    of_images,
    of_pinned,
    same_image,
)
from longshore.cancellation import Cancellation
from longshore.errors import AccessDenied, NotInRegistry, RegistryUnreachable, SignInRequired
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


REPO = "reg.io/a"
PULLED = (f"{REPO}@{ONE}",)
LATER, EARLIER = CREATED + timedelta(days=1), CREATED - timedelta(days=1)


def judged(
    there: There, *digests: str, name: str = f"{REPO}:1", picked: bool = False, sure: bool = True
) -> State:
    (here,) = of_images([image(name, *digests)], picked=picked, sure=sure)
    return judge(here, there).state


def details(created: datetime | None = None, **fields: Any) -> TagDetails:
    return TagDetails("1", THREE, 1, (), created, **{"media_type": OCI_INDEX, "images": (FOUR,), **fields})


@pytest.mark.parametrize(
    ("there", "digests", "state"),
    [
        (There(ONE), PULLED, State.IN_SYNC),
        (There(ONE), (f"x@{THREE}", f"{REPO}@{ONE}"), State.IN_SYNC),
        (There(ONE), (f"other.io/a@{ONE}",), State.IN_SYNC),
        (There(TWO), (), State.IN_SYNC),
        (There(THREE), PULLED, State.NEWER),
        (There(THREE, details(LATER)), PULLED, State.NEWER),
        (There(THREE, details(CREATED)), PULLED, State.NEWER),
        (There(THREE, details(EARLIER)), PULLED, State.DIFFERS),
        (There(THREE), (), State.UNKNOWN),
        (There(THREE), (f"other.io/a@{ONE}",), State.UNKNOWN),
        (There(error=NotInRegistry("gone", registry="reg.io")), PULLED, State.ONLY_HERE),
        (There(error=SignInRequired("who are you", registry="reg.io")), PULLED, State.UNKNOWN),
        (There(error=AccessDenied("no", registry="reg.io")), (), State.UNKNOWN),
        (There(THREE, details(images=(TWO,))), (f"{REPO}@{TWO}",), State.IN_SYNC),
        (There(THREE, details(config=TWO, media_type=OCI_MANIFEST, images=())), PULLED, State.IN_SYNC),
    ],
    ids=[
        "same",
        "second digest",
        "the content of another repository",
        "the id is the digest",
        "moved",
        "moved to a newer one",
        "moved to one of the same time",
        "moved back",
        "never moved",
        "pulled from elsewhere",
        "no such tag",
        "not signed in",
        "refused",
        "one of its platforms",
        "compressed again",
    ],
)
def test_states_where_digests_are_proof(there: There, digests: tuple[str, ...], state: State) -> None:
    """Docker's classic store lists digests only for what was pulled or pushed."""
    assert judged(there, *digests) is state


@pytest.mark.parametrize(
    ("there", "state"),
    [
        (There(TWO), State.IN_SYNC),
        (There(THREE), State.UNKNOWN),
        (There(THREE, before=(TWO,)), State.NEWER),
        (There(THREE, before=(FOUR,)), State.UNKNOWN),
        (There(THREE, details(LATER)), State.NEWER),
        (There(THREE, details(EARLIER)), State.DIFFERS),
        (There(THREE, details(CREATED)), State.DIFFERS),
        (There(THREE, details(CREATED), before=(TWO,)), State.NEWER),
        (There(error=NotInRegistry("gone", registry="reg.io")), State.ONLY_HERE),
    ],
    ids=[
        "same",
        "moved, or never pushed",
        "it was in sync before",
        "it was another one before",
        "newer",
        "older",
        "of the same time",
        "of the same time, and in sync before",
        "built and never pushed",
    ],
)
def test_states_where_digests_may_be_made_up(there: There, state: State) -> None:
    """containerd's store and Podman list a digest under every name of an image, pushed or not."""
    assert judged(there, f"{REPO}@{TWO}", sure=False) is state
    # An image with two names: containerd's store lists its digest under one of them only.
    assert judged(there, f"other.io/app@{TWO}", sure=False) is state


def test_official_images_are_public_and_nobody_else_pushes_them() -> None:
    refused = There(error=SignInRequired("who are you", registry="reg.io"))
    assert judged(refused, f"web@{TWO}", name="web:dev", sure=False) is State.ONLY_HERE
    assert judged(There(THREE), f"nginx@{TWO}", name="nginx:1", sure=False) is State.NEWER


def test_images_that_podman_has_built_need_no_registry() -> None:
    assert judged(There(), f"localhost/web@{TWO}", name="localhost/web:1", sure=False) is State.ONLY_HERE


@pytest.mark.parametrize(
    ("images", "media_type", "state"),
    [
        ((TWO, FOUR), OCI_INDEX, State.IN_SYNC),
        ((THREE, FOUR), OCI_INDEX, State.NEWER),
        ((), OCI_INDEX, State.UNKNOWN),
        ((), "", State.UNKNOWN),
        ((), OCI_MANIFEST, State.NEWER),
    ],
    ids=["one of them", "none of them", "not known which", "nothing known", "a single image"],
)
def test_one_platform_of_several_in_the_library(
    images: tuple[str, ...], media_type: str, state: State
) -> None:
    there = There(THREE, details(LATER, images=images, media_type=media_type))
    assert judged(there, f"{REPO}@{TWO}", picked=True) is state


def test_an_image_pulled_by_its_digest() -> None:
    here = here_of(image(f"{REPO}@{THREE}"), picked=False, sure=False)
    assert here is not None and here.reference == Reference.parse(f"{REPO}@{THREE}")
    found = judge(here, There(THREE))
    assert (found.state, found.error and found.error.message) == (State.UNKNOWN, NO_TAG), (
        "it may be what an update left behind: nothing is known of the tag"
    )
    assert judge(replace(here, asked_for=True), There(THREE)).state is State.IN_SYNC
    assert judge(here, There(error=NotInRegistry("gone", registry="reg.io"))).state is State.ONLY_HERE
