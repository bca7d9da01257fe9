"""The mailbox of the queue: ids in their order, each once, and one call until they are taken."""

from __future__ import annotations

from longshore.transfers.queue.mailbox import Counts, Mailbox


class Box:
    def __init__(self) -> None:
        self.woken = 0
        self.mailbox = Mailbox(self.wake)

    def wake(self) -> None:
        self.woken += 1


def test_each_row_is_named_once_in_the_order_of_its_first_change() -> None:
    box = Box()
    for row in ("b", "a", "b"):
        box.mailbox.post(row)
    assert box.mailbox.take() == (["b", "a"], [], False)
    assert box.mailbox.take() == ([], [], False)


def test_a_removed_row_has_not_changed() -> None:
    box = Box()
    box.mailbox.post("a", "b")
    box.mailbox.post(removed=("a", "x"))
    assert box.mailbox.take() == (["b"], ["a", "x"], False)


def test_a_change_of_the_order_is_remembered_until_it_is_taken() -> None:
    box = Box()
    box.mailbox.post("a", ordered=True)
    box.mailbox.post("b")
    assert box.mailbox.take() == (["a", "b"], [], True)
    box.mailbox.post("c")
    assert box.mailbox.take() == (["c"], [], False)


def test_the_first_post_after_a_take_wakes() -> None:
    box = Box()
    for _ in range(3):
        box.mailbox.post("a")
    assert box.woken == 1
    box.mailbox.take()
    box.mailbox.post()
    assert box.woken == 2, "also without a row: the journal has news"


def test_a_post_may_come_from_within_a_wake() -> None:
    taken = []

    def wake() -> None:
        taken.append(mailbox.take())

    mailbox = Mailbox(wake)
    mailbox.post("a")
    mailbox.post("b")
    assert taken == [(["a"], [], False), (["b"], [], False)]


def test_what_waits_and_what_runs_is_unfinished() -> None:
    assert Counts(queued=2, running=3, succeeded=5, failed=7, cancelled=11, interrupted=13).unfinished == 5
