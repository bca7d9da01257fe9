"""The local side of a comparison, before any registry is asked."""

from __future__ import annotations

from datetime import UTC, datetime

from longshore.application.clients import Clients
from longshore.application.states import Here, State, compare, of_images, of_pinned
from longshore.cancellation import Cancellation
from longshore.errors import RegistryUnreachable
from longshore.oci.local_image import LocalImage
from longshore.oci.reference import Reference
from longshore.registry.config import RegistryConfig, parse_registry

ONE, TWO = (f"sha256:{digit * 64}" for digit in "12")
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
        Here(Reference.parse("a:1"), present=True, created=CREATED),
        Here(Reference.parse("reg.io/b:1"), (ONE, TWO), known=True, present=True, created=CREATED),
        # The content of another repository: it may be the same, but it never came from this one.
        Here(Reference.parse("reg.io/c:1"), (ONE,), known=False, present=True, created=CREATED),
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
