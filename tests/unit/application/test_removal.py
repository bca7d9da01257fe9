"""What goes when images are removed from an engine or the library."""

from __future__ import annotations

from typing import Any

import pytest

from longshore.application.removal import carry_out, plan
from longshore.errors import ImageInUse, VerificationFailed
from longshore.oci.image_name import ImageName
from longshore.oci.local_image import LocalImage
from longshore.oci.reference import Reference

ONE, TWO = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"


def row(name: str, image_id: str, in_use: int = 0) -> LocalImage:
    return LocalImage(Reference.parse(name) if name else None, image_id, None, 1, in_use)


LISTED = [row("a:1", ONE, 2), row("a:2", ONE, 2), row("b:1", TWO), row("", f"sha256:{'3' * 64}")]


def told(*names: ImageName) -> list[tuple[str, int, bool, int]]:
    return [(one.image.name.shown, one.staying, one.last, one.containers) for one in plan(LISTED, names)]


def test_a_name_goes_and_the_image_with_the_last() -> None:
    assert told(LISTED[0].name) == [("a:1", 1, False, 0)]
    assert told(LISTED[1].name, LISTED[0].name) == [("a:1", 0, False, 2), ("a:2", 0, True, 2)]
    assert told(LISTED[2].name, LISTED[3].name) == [("b:1", 0, True, 0), ("3" * 12, 0, True, 0)]


def test_an_id_means_the_image_with_all_its_names() -> None:
    assert told(ImageName(None, ONE)) == [("a:1", 0, False, 2), ("a:2", 0, True, 2)]
    assert told(ImageName(None, ONE), LISTED[0].name) == [("a:1", 0, False, 2), ("a:2", 0, True, 2)]
    assert told() == []


class Store:
    """Records what is removed."""

    def __init__(self) -> None:
        self.removed: list[tuple[str, bool]] = []

    def remove(self, name: str, force: bool = False) -> None:
        self.removed.append((name, force))


def test_only_what_was_shown_is_removed() -> None:
    store: Any = Store()
    (one,) = plan(LISTED, [LISTED[2].name])
    with pytest.raises(VerificationFailed, match="moved to another image"):
        carry_out(store, one, [row("b:1", ONE)], force=True)
    used = plan(LISTED, [ImageName(None, ONE)])
    with pytest.raises(ImageInUse):
        carry_out(store, used[0], LISTED, force=False)
    assert store.removed == []
    carry_out(store, used[0], LISTED, force=True)
    carry_out(store, one, LISTED, force=False)
    (unnamed,) = plan(LISTED, [LISTED[3].name])
    carry_out(store, unnamed, LISTED, force=False)
    assert store.removed == [
        ("docker.io/library/a:1", True),
        ("docker.io/library/b:1", False),
        (LISTED[3].image_id, False),
    ]
