"""Blobs that are kept for other engines: until the last row has them, and never more than the limit."""

from __future__ import annotations

from longshore.oci.descriptor import Descriptor
from longshore.transfers.kept import Kept

ONE, TWO, THREE = (Descriptor("", f"sha256:{number:064}", 10) for number in range(3))


def digests(*blobs: Descriptor) -> set[str]:
    return {blob.digest for blob in blobs}


def test_the_last_row_gets_everything() -> None:
    kept = Kept()
    assert not kept
    assert kept.release("a", [ONE], ["b", "c"]) == set()
    assert kept and kept.waits("b") and kept.waits("c") and not kept.waits("a")
    assert kept.release("b", [TWO], ["c"]) == set()
    assert kept.release("c", [TWO], []) == digests(ONE, TWO)
    assert not kept


def test_of_rows_that_end_at_once_the_last_one_frees() -> None:
    """Both see the other one still running."""
    kept = Kept()
    assert kept.release("a", [ONE], ["b"]) == set()
    assert kept.release("b", [ONE], ["a"]) == digests(ONE)
    assert not kept


def test_a_row_alone_keeps_nothing() -> None:
    kept = Kept()
    assert kept.release("a", [ONE, TWO], []) == digests(ONE, TWO)
    assert not kept


def test_rows_that_end_without_the_image_leave_it_to_be_freed() -> None:
    kept = Kept()
    kept.release("a", [ONE, TWO], ["b", "c"])
    kept.release("d", [TWO, THREE], ["e"])
    assert kept.ended({"b", "c", "e", "other"}) == set()
    assert kept.ended({"c", "e"}) == set()
    assert kept.ended({"e"}) == digests(ONE), "another image needs the second"
    assert kept.ended(set()) == digests(TWO, THREE)
    assert not kept


def test_a_row_that_came_later_is_waited_for() -> None:
    kept = Kept()
    kept.release("a", [ONE], ["b"])
    assert kept.release("b", [ONE], ["late"]) == set()
    assert kept.waits("late")
    assert kept.release("late", [ONE], []) == digests(ONE)


def test_more_than_the_limit_is_not_kept() -> None:
    kept = Kept(most_bytes=20)
    assert kept.release("a", [ONE, TWO], ["b"]) == set()
    assert kept.release("c", [ONE, TWO], ["d"]) == set(), "the same bytes"
    assert kept.release("e", [TWO, THREE], ["f"]) == digests(THREE)
    assert kept.waits("b") and not kept.waits("f")
