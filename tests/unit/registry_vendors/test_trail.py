"""Pages that never end, or lead in a circle."""

from __future__ import annotations

import pytest

from longshore.errors import UnexpectedReply
from longshore.registry.config import RegistryConfig
from longshore.registry.vendors import trail
from longshore.registry.vendors.trail import Trail

CONFIG = RegistryConfig("registry.test")


def walk(first: str, *targets: str) -> Trail:
    here = Trail.start(first)
    for target in targets:
        here = Trail.parse(here.then(target, CONFIG), CONFIG)
    return here


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7])
def test_a_page_that_names_itself_is_noticed_at_once(count: int) -> None:
    here = walk(*(f"/page/{number}" for number in range(count)))
    with pytest.raises(UnexpectedReply, match="its pages repeat"):
        here.then(here.target, CONFIG)


@pytest.mark.parametrize(("before", "length"), [(0, 2), (0, 5), (3, 2), (6, 9)])
def test_a_circle_is_noticed_within_its_third_round(before: int, length: int) -> None:
    pages = [f"/start/{number}" for number in range(before)]
    circle = [f"/circle/{number}" for number in range(length)]
    with pytest.raises(UnexpectedReply, match="its pages repeat"):
        walk(*pages, *circle * 2, *circle, *circle)


def test_as_many_pages_as_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trail, "MOST_PAGES", 5)
    here = walk(*(f"/page/{number}" for number in range(5)))
    assert here.number == 5
    with pytest.raises(UnexpectedReply, match="more than 5 pages"):
        here.then("/page/6", CONFIG)


@pytest.mark.parametrize(("length", "fits"), [(8192, True), (8193, False)])
def test_an_address_of_a_page_is_bounded(length: int, fits: bool) -> None:
    target = "/" + "x" * (length - 1)
    if fits:
        assert walk("/page/1", target).target == target
    else:
        with pytest.raises(UnexpectedReply, match="too long"):
            walk("/page/1", target)


@pytest.mark.parametrize("token", ["", "1", "1 mark", "x mark /page", "-1 mark /page"])
def test_a_token_of_no_trail_is_refused(token: str) -> None:
    with pytest.raises(UnexpectedReply):
        Trail.parse(token, CONFIG)
