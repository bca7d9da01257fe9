"""The footer of Local images."""

from __future__ import annotations

from typing import Any

import pytest

from longshore.models import image_text
from qt.models.made import image

_TWICE = [
    image("a:1", image_id="sha256:1", size=1_000_000),
    image("a:2", image_id="sha256:1", size=1_000_000),
]
_OTHER = image("b:1", image_id="sha256:2", size=3_000_000)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "3 references  ·  2 images  ·  up to 4 MB on disk"),
        ({"compressed": True}, "3 references  ·  2 images  ·  up to 4 MB compressed"),
        ({"shown": 1}, "3 references  ·  2 images  ·  up to 4 MB on disk  ·  1 shown"),
        ({"fresh": 2}, "3 references  ·  2 images  ·  up to 4 MB on disk  ·  2 new"),
    ],
)
def test_what_there_is(options: dict[str, Any], words: str) -> None:
    plain: dict[str, Any] = {"shown": 3, "fresh": 0, "compressed": False}
    assert image_text.summary([*_TWICE, _OTHER], [], **{**plain, **options}) == words


def test_an_image_that_is_chosen_twice_counts_once() -> None:
    said = image_text.summary([*_TWICE, _OTHER], _TWICE, shown=3, fresh=0, compressed=False)
    assert said.endswith("2 selected, 1 MB")


def test_nothing_and_one() -> None:
    assert image_text.summary([], [], shown=0, fresh=0, compressed=False) == "No images"
    one = image_text.summary([_OTHER], [], shown=1, fresh=0, compressed=False)
    assert one.startswith("1 reference  ·  1 image  ·")


@pytest.mark.parametrize(
    ("images", "library", "words"),
    [
        ([], False, "No engine"),
        ([], True, "No library"),
        ([_OTHER], False, "No engine  ·  last known: 1 reference"),
        (_TWICE, True, "No library  ·  last known: 2 references"),
    ],
)
def test_what_was_last_known(images: list[Any], library: bool, words: str) -> None:
    assert image_text.last_known(images, library=library) == words
