"""Dividing the width of a view among its columns, without Qt."""

from __future__ import annotations

from random import Random

from longshore.widgets.fitting import SMALLEST, Need, drag, fit, without_yielding

_NAME = Need(wanted=300, natural=200, least=80, essential=150, weight=3)
_TAG = Need(wanted=120, natural=100, least=60, essential=120, weight=1)
_ID = Need(wanted=90, natural=90, least=90, essential=90, yields=2)
_DATE = Need(wanted=100, natural=100, least=50, essential=50)


def _needs(*needs: Need) -> dict[int, Need]:
    return dict(enumerate(needs))


def test_with_room_for_all_content_the_rest_goes_by_weight() -> None:
    assert fit(_needs(_NAME, _TAG, _DATE), 600) == {0: 300 + 60, 1: 120 + 20, 2: 100}


def test_names_give_what_is_only_usual_and_then_dates_shorten_before_names_are_cut() -> None:
    assert fit(_needs(_NAME, _TAG, _DATE), 420) == {0: 200, 1: 120, 2: 100}
    assert fit(_needs(_NAME, _TAG, _DATE), 320) == {0: 150, 1: 120, 2: 50}
    assert fit(_needs(_NAME, _TAG, _DATE), 190) == {0: 80, 1: 60, 2: 50}


def test_where_not_even_the_least_fits_nothing_gets_less_than_that() -> None:
    assert fit(_needs(_NAME, _DATE), 100) == {0: 80, 1: 50}


def test_an_id_goes_before_a_name_is_cut_and_comes_back() -> None:
    needs = _needs(_NAME, _TAG, _ID, _DATE)
    assert set(without_yielding(needs, 410)) == {0, 1, 2, 3}
    assert set(without_yielding(needs, 409)) == {0, 1, 3}
    assert set(without_yielding(needs, 10)) == {0, 1, 3}, "a column that does not yield stays"


def test_a_column_with_nothing_in_it_goes_before_anything_is_shortened() -> None:
    empty = Need(wanted=60, natural=60, least=60, essential=60, yields=1, empty=True)
    needs = _needs(_NAME, _TAG, _ID, empty)
    assert set(without_yielding(needs, 570)) == {0, 1, 2, 3}
    assert set(without_yielding(needs, 569)) == {0, 1, 2}
    assert set(without_yielding(needs, 359)) == {0, 1}


def test_a_width_of_the_users_own_makes_none_yield_and_is_the_last_to_shrink() -> None:
    wide = Need(wanted=100, natural=100, least=50, essential=50, own=260)
    needs = _needs(_NAME, _TAG, wide)
    assert set(without_yielding(needs, 400)) == {0, 1, 2}
    assert fit(needs, 530) == {0: 150, 1: 120, 2: 260}
    assert fit(needs, 400) == {0: 80, 1: 60, 2: 260}
    assert fit(needs, 300) == {0: 80, 1: 60, 2: 160}


def test_a_dragged_border_moves_alone() -> None:
    needs = _needs(_NAME, _TAG, _DATE)
    widths = {0: 200, 1: 120, 2: 100}
    assert drag(widths, needs, 0, 230) == {0: 230, 1: 90, 2: 100}
    assert drag(widths, needs, 0, 280) == {0: 280, 1: 60, 2: 80}
    assert drag(widths, needs, 0, 150) == {0: 150, 1: 170, 2: 100}
    assert drag(widths, needs, 2, 180) == {0: 180, 1: 60, 2: 180}
    assert drag(widths, needs, 1, 10) == {0: 200, 1: SMALLEST, 2: 100 + 120 - SMALLEST}
    assert drag(widths, needs, 0, 5000) == {0: 310, 1: 60, 2: 50}
    assert drag({0: 200}, needs, 0, 100) == {0: 200}


def _some(random: Random) -> dict[int, Need]:
    found = []
    for _ in range(random.randint(1, 9)):
        least = random.randint(20, 150)
        natural = least + random.randint(0, 200)
        found.append(
            Need(
                wanted=natural + random.randint(0, 400),
                natural=natural,
                least=least,
                essential=least + random.randint(0, 100),
                weight=random.randint(0, 5),
                yields=random.randint(0, 3),
                own=random.choice([None, None, random.randint(20, 600)]),
            )
        )
    return _needs(*found)


def test_the_room_is_filled_and_nobody_gets_less_than_the_least() -> None:
    for seed in range(500):
        random = Random(seed)
        needs, room = _some(random), random.randint(50, 2000)
        kept = without_yielding(needs, room)
        assert all(i in kept for i, need in needs.items() if not need.yields), seed
        widths = fit(kept, room)
        assert all(widths[i] >= min(need.least, need.own or need.least) for i, need in kept.items()), seed
        least = sum(need.least for need in kept.values())
        assert sum(widths.values()) == room or sum(widths.values()) <= least, seed


def test_a_drag_keeps_the_sum_and_leaves_everyone_the_least() -> None:
    for seed in range(500):
        random = Random(seed)
        needs = _some(random)
        before = {i: need.natural for i, need in needs.items()}
        after = drag(before, needs, random.choice(list(needs)), random.randint(0, 3000))
        assert sum(after.values()) == sum(before.values()), seed
        assert all(after[i] >= min(needs[i].least, SMALLEST) for i in after), seed
