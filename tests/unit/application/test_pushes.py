"""What a push changes, as far as no registry is asked."""

from __future__ import annotations

import pytest

from longshore.application.clients import Clients
from longshore.application.pushes import Existing, Lost, keeps_digest, lost, lost_from_library
from longshore.cancellation import Cancellation
from longshore.engine.model import ImageDetails, ImagePlatform
from longshore.library.model import LibraryDetails, LibraryImage, LibraryPlatform
from longshore.oci.manifest import DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.registry.config import RegistryConfig

ONE, TWO = (f"sha256:{digit * 64}" for digit in "12")
AMD64, ARM64 = Platform("linux", "amd64"), Platform("linux", "arm64")
TARGET = Reference.parse("reg.example/team/app:1")


def details(image_id: str, *here: bool, digests: tuple[str, ...] = ()) -> ImageDetails:
    platforms = tuple(map(ImagePlatform, (AMD64, ARM64), here))
    return ImageDetails(image_id, (), digests, None, 1, AMD64, (), platforms=platforms)


def none_asked(asked: str) -> RegistryConfig:
    raise AssertionError(f"{asked} was asked")


@pytest.mark.parametrize(
    ("local", "media_type", "keeps"),
    [
        # containerd's store sends what it has.
        (details(ONE, True, True), OCI_INDEX, True),
        (details(ONE, True, False), OCI_INDEX, False),
        (details(ONE), OCI_MANIFEST, True),
        (details(ONE), OCI_INDEX, False),  # an old engine does not say what it has
        # A classic store makes a manifest of docker's kind, of one platform.
        (details(TWO, digests=(f"reg.example/team/app@{ONE}",)), OCI_INDEX, False),
        (details(TWO, digests=(f"reg.example/team/app@{ONE}",)), OCI_MANIFEST, False),
        # It was pulled from another repository: the layers may be packed again.
        (details(TWO, digests=(f"other.example/team/app@{ONE}", "no name@x")), DOCKER_MANIFEST, False),
        (details(TWO), DOCKER_MANIFEST, False),
    ],
)
def test_the_digest_after_a_push(local: ImageDetails, media_type: str, keeps: bool) -> None:
    clients = Clients({}, none_asked)
    there = Existing(ONE, media_type=media_type)
    assert keeps_digest(clients, local, TARGET, there, Cancellation()) is keeps


def test_platforms_that_are_lost() -> None:
    assert lost(details(ONE, True, False), (AMD64, ARM64)) == Lost((AMD64,), lacking=True, gone=True)
    assert lost(details(ONE, True, True), (AMD64, ARM64)) == Lost((AMD64, ARM64))
    image = LibraryImage(None, "", ONE, OCI_MANIFEST, None, 1, (AMD64,))
    kept = LibraryDetails(image, (), (LibraryPlatform(AMD64, ONE, 1, True),), None, ())
    assert lost_from_library(kept, (AMD64, ARM64)) == Lost((AMD64,), gone=True)
    assert lost_from_library(kept, (AMD64,)) == Lost((AMD64,))
