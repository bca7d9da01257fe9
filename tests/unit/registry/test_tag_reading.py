"""All tags of a repository, and many of them asked about side by side."""

from __future__ import annotations

from typing import Any

import pytest

from longshore.cancellation import Cancellation, Cancelled
from longshore.errors import LongshoreError, UnexpectedReply
from longshore.registry import tag_reading
from longshore.registry.tag_reading import all_tags, many

from .conftest import Asked, reply


def paged(count: int) -> Any:
    """A page for each of *count* tags."""

    def script(asked: Asked) -> Any:
        tag = int(asked.path.rpartition("last=")[2]) if "last=" in asked.path else 0
        link = {"Link": f"<?last={tag + 1}>; rel=next"} if tag + 1 < count else {}
        return reply({"tags": [str(tag + 1)]}, **link)

    return script


@pytest.mark.parametrize(("pages", "fits"), [(1, True), (3, True), (4, False)])
def test_all_pages_of_tags_are_read_up_to_a_number(
    serve, connect, monkeypatch: pytest.MonkeyPatch, pages: int, fits: bool
) -> None:
    monkeypatch.setattr(tag_reading, "_MOST_PAGES", 3)
    found = all_tags(connect(serve(paged(pages))), "a/b", Cancellation())
    if fits:
        assert list(found) == [str(number + 1) for number in range(pages)]
    else:
        with pytest.raises(UnexpectedReply, match="too many pages of tags"):
            list(found)


class Failing:
    """Fails for the first *failures* things."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.asked: list[int] = []

    def __call__(self, thing: int) -> int:
        self.asked.append(thing)
        if thing < self.failures:
            raise LongshoreError(f"no {thing}")
        return thing * 2


@pytest.mark.parametrize(("failures", "asked"), [(0, 40), (19, 40), (20, 20), (30, 20)])
def test_after_twenty_failures_nothing_more_is_asked(
    monkeypatch: pytest.MonkeyPatch, failures: int, asked: int
) -> None:
    """What was not asked about has the last error."""
    monkeypatch.setattr(tag_reading, "_AT_ONCE", 1)
    ask = Failing(failures)
    found = many(ask, range(40), Cancellation())
    assert [thing for thing, _ in found] == list(range(40))
    assert ask.asked == list(range(asked))
    results = [one for _, one in found]
    if asked == 40:
        assert results[failures:] == [2 * thing for thing in range(failures, 40)]
    else:
        assert [str(one) for one in results[19:]] == ["no 19"] * 21
    assert sum(isinstance(one, LongshoreError) for one in results) == (failures if asked == 40 else 40)


def test_a_cancelled_question_is_cancelled() -> None:
    cancellation = Cancellation()
    cancellation.cancel()
    with pytest.raises(Cancelled):
        many(Failing(0), [1], cancellation)
