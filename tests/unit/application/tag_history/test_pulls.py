"""Digests of images that were pulled as another platform."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from longshore.application.clients import Clients
from longshore.application.states import State, compare, of_images
from longshore.application.tag_history.history import TagHistory
from longshore.application.tag_history.pulls import pulled_digests
from longshore.application.tag_news import TagNews
from longshore.cancellation import Cancellation
from longshore.oci.local_image import LocalImage
from longshore.oci.reference import Reference
from longshore.registry.config import parse_registry
from longshore.transfers.tag_changes import NO_RECORDER, TagChange, TagOperation
from longshore.transfers.transfer import EnginePlace
from transfertools import ENGINE

AMD64, S390X, ARM64, BUILT, INDEX, OTHER = ("sha256:" + letter * 64 for letter in "abcdef")
NAME = Reference.parse("127.0.0.1:5000/up/idx:1")


@pytest.fixture
def history(tmp_path: Path) -> Iterator[TagHistory]:
    """An engine's tag: pulled as amd64, then as s390x, then as arm64; then something built took it."""
    found = TagHistory(tmp_path / "tags.sqlite3")
    other = f"127.0.0.1:5000/else@{OTHER}"
    for operation, before, after, origins in (
        (TagOperation.PULL, "", AMD64, ()),
        (TagOperation.PULL, AMD64, S390X, (f"127.0.0.1:5000/up/idx@{INDEX}", other)),
        (TagOperation.PULL, S390X, ARM64, (other,)),
        (TagOperation.BUILD, ARM64, BUILT, (f"127.0.0.1:5000/up/idx@{INDEX}",)),
    ):
        (key,) = found.announce([TagChange(EnginePlace(ENGINE), NAME, operation, before, origins=origins)])
        found.settle({key: after})
    yield found
    found.close()


def test_another_platform_has_the_digest_of_the_one_before(history: TagHistory) -> None:
    assert pulled_digests(history, NAME, S390X) == (INDEX,)
    assert pulled_digests(history, NAME, ARM64) == (INDEX,)


def test_a_window_asks_the_history_behind_its_news(history: TagHistory) -> None:
    assert pulled_digests(TagNews(history, lambda _: None), NAME, S390X) == (INDEX,)


def test_what_was_not_pulled_has_none(history: TagHistory) -> None:
    assert pulled_digests(history, NAME, BUILT) == ()
    assert pulled_digests(history, NAME, AMD64) == ()
    assert pulled_digests(history, NAME.with_tag("2"), S390X) == ()
    assert pulled_digests(NO_RECORDER, NAME, S390X) == ()


@pytest.mark.parametrize(
    ("image_id", "now", "state"),
    [
        (S390X, INDEX, State.IN_SYNC),
        (S390X, OTHER, State.NEWER),
        (BUILT, INDEX, State.UNKNOWN),
    ],
)
def test_an_image_that_was_pulled_is_compared(
    history: TagHistory, monkeypatch: pytest.MonkeyPatch, image_id: str, now: str, state: State
) -> None:
    clients = Clients({}, parse_registry)
    clients.recorder = history
    monkeypatch.setattr("longshore.application.states.tag_digests", lambda *_: {NAME: now})
    monkeypatch.setattr("longshore.application.states.read", lambda clients, one, there, part: (one, there))
    (found,) = compare(
        clients, of_images([LocalImage(NAME, image_id, None, 1)], picked=False), Cancellation()
    )
    assert found.state is state
