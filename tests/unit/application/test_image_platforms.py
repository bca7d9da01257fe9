"""The platforms of images: of what is present, each once, and none of an image that cannot be read."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from longshore.application.image_platforms import image_platforms, platforms_of
from longshore.cancellation import Cancellation, Cancelled
from longshore.engine.model import ImageDetails, ImagePlatform
from longshore.errors import EngineUnavailable, ImageUnknown, UnavailableCause
from longshore.library.model import LibraryDetails, LibraryImage, LibraryPlatform
from longshore.oci.platform import Platform

AMD64, ARM64 = Platform.parse("linux/amd64"), Platform.parse("linux/arm64")


def in_engine(platform: Platform | None, *others: ImagePlatform) -> ImageDetails:
    return ImageDetails("sha256:1", (), (), None, 0, platform, (), platforms=others)


def in_library(*parts: LibraryPlatform) -> LibraryDetails:
    image = LibraryImage(None, "", "sha256:1", "", None, 0, (AMD64, ARM64))
    return LibraryDetails(image, (), parts, None, ())


def test_an_engine_has_one_or_those_of_an_index_that_are_there() -> None:
    assert platforms_of(in_engine(AMD64)) == ("linux/amd64",)
    assert platforms_of(in_engine(None)) == ()
    there = ImagePlatform(AMD64, here=True), ImagePlatform(ARM64, here=False), ImagePlatform(AMD64, here=True)
    assert platforms_of(in_engine(ARM64, *there)) == ("linux/amd64",)


def test_the_library_has_those_that_are_whole() -> None:
    parts = LibraryPlatform(AMD64, "a", 1, whole=True), LibraryPlatform(ARM64, "b", 1, whole=False)
    assert platforms_of(in_library(*parts)) == ("linux/amd64",)
    assert platforms_of(in_library()) == ("linux/amd64", "linux/arm64")


class _Store(SimpleNamespace):
    def image(self, name: str) -> Any:
        if name == "gone":
            raise ImageUnknown("There is no such image.")
        if name == "away":
            raise EngineUnavailable("The engine is gone.", cause=UnavailableCause.TIMED_OUT)
        return in_engine(AMD64)


def test_a_gone_image_has_none_and_a_gone_engine_ends_it() -> None:
    store: Any = _Store()
    found = image_platforms(store, ["a", "gone", "b"], Cancellation())
    assert dict(found) == {"a": ("linux/amd64",), "gone": (), "b": ("linux/amd64",)}
    with pytest.raises(EngineUnavailable):
        dict(image_platforms(store, ["away", "a"], Cancellation()))
    cancelled = Cancellation()
    cancelled.cancel()
    with pytest.raises(Cancelled):
        dict(image_platforms(store, ["a"], cancelled))
