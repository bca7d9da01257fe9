"""What a pull offers: platforms, sizes, and what is to fetch."""

from __future__ import annotations

from longshore.application.inspection.pulling import PlatformChoice, PullChoices, with_costs
from longshore.application.inspection.sharing import KnownImage
from longshore.application.inspection.values import Layer
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference

WEB = Reference.parse("r.io/web:1")
AMD, ARM = Platform.parse("linux/amd64"), Platform.parse("linux/arm64")


def choice(platform: Platform, name: str, *diff_ids: str, size: int | None = 310) -> PlatformChoice:
    layers = tuple(Layer(f"{name}{n}", 100 * n, "", diff_id) for n, diff_id in enumerate(diff_ids, 1))
    return PlatformChoice(platform, name, size, config=(f"{name}c", 10), layers=layers)


def costs(known: list[KnownImage], *choices: PlatformChoice) -> list[int | None]:
    return [one.to_fetch for one in with_costs(PullChoices(WEB, "top", choices), known).choices]


def test_layers_that_are_here_are_not_fetched() -> None:
    both = choice(AMD, "amd", "d1", "d2"), choice(ARM, "arm", "e1", "e2")
    assert costs([], *both) == [310, 310]
    assert costs([KnownImage("x", (), ("d1",)), KnownImage("y", (), ("z", "e2"))], *both) == [210, 310]


def test_an_image_that_is_here_costs_nothing() -> None:
    one = choice(AMD, "amd", "d1", "d2")
    assert costs([KnownImage("amdc", (), ("d1", "d2"))], one) == [0]  # classic: by its configuration
    assert costs([KnownImage("amd", (), ("d1", "d2"))], one) == [0]  # containerd: by its manifest
    assert costs([KnownImage("top", blobs=frozenset({"amd"}))], one) == [0]  # the library: an index
    assert costs([KnownImage("other", blobs=frozenset({"amd1"}))], one) == [210]


def test_a_platform_that_the_place_names_costs_nothing() -> None:
    found = PullChoices(WEB, "top", (choice(AMD, "amd", "d1"), choice(ARM, "arm", "e1")))
    after = with_costs(found, [KnownImage("top", (), ("d1",))], {"amd": True, "arm": False}).choices
    assert [one.to_fetch for one in after] == [0, 110]


def test_what_was_not_read_is_not_known() -> None:
    known = [KnownImage("x", (), ("d1",))]
    assert costs(known, choice(AMD, "amd", size=None)) == [None]
    assert costs(known, choice(AMD, "amd", "", "")) == [None]
