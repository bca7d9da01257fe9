"""A clean-up of one place: what it removes, what it leaves, and what it measures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from longshore.application.cleanup.plan import PlacePlan, look, make
from longshore.application.cleanup.rules import Rules
from longshore.application.cleanup.running import FRESH, Outcome, carry_out
from longshore.cancellation import Cancellation
from longshore.engine.address import EngineAddress
from longshore.engine.model import ImageDetails
from longshore.errors import (
    EngineFailure,
    EngineLost,
    ImageInUse,
    ImageUnknown,
    InvalidInput,
    LongshoreError,
    VerificationFailed,
)
from longshore.oci.disk_usage import DiskUsage, FreedBytes
from longshore.oci.local_image import LocalImage
from longshore.oci.reference import Reference
from longshore.transfers.transfer import EnginePlace, LibraryPlace

PLACE = EnginePlace(EngineAddress("default", "unix:///nowhere"))
EVERYTHING = Rules(dangling=True, unused=True)
IDS = [f"sha256:{number:064x}" for number in range(6)]


def row(name: str, number: int, in_use: int = 0) -> LocalImage:
    reference = Reference.parse_input(name) if name else None
    return LocalImage(reference, IDS[number], None, 1, in_use, dangling=not name)


class Store:
    """A place in memory, whose images have their own layer of 10 bytes and share one of 100."""

    def __init__(self, *rows: LocalImage) -> None:
        self.rows = list(rows)
        self.asked: list[str] = []
        self.errors: dict[str, LongshoreError] = {}
        self.before_each: Callable[[], object] = lambda: None
        self.sizes = True
        self.counted = True

    def images(self) -> list[LocalImage]:
        return list(self.rows)

    def usage(self, cancellation: Cancellation) -> DiskUsage:
        if not self.sizes:
            raise EngineFailure("The engine is too busy.")
        images = {one.image_id: frozenset({"base", one.image_id}) for one in self.rows}
        parts = {"base": 100, **dict.fromkeys(images, 10)} if images else {}
        return DiskUsage(parts, images, counted=sum(parts.values()) if self.counted else None)

    def image(self, name: str) -> ImageDetails:
        named = [one for one in self.rows if name in (str(one.reference), one.image_id)]
        if not named:
            raise ImageUnknown("The engine has no such image.")
        tags = tuple(
            one.reference for one in self.rows if one.image_id == named[0].image_id and one.reference
        )
        return ImageDetails(named[0].image_id, tags, (), None, 1, None, ())

    def remove(self, name: str, force: bool = False) -> None:
        assert not force
        self.before_each()
        self.asked.append(name)
        if name in self.errors:
            raise self.errors[name]
        kept = [one for one in self.rows if name not in (str(one.reference), one.image_id)]
        if len(kept) == len(self.rows):
            raise ImageUnknown("The engine has no such image.")
        self.rows = kept


def plan_of(store: Store, rules: Rules = EVERYTHING, pins: Sequence[str] = ()) -> PlacePlan:
    found: Any = store
    return look(PLACE, found, rules, set(pins), Cancellation())


def run(plan: PlacePlan, store: Store, pins: Sequence[str] = (), **more: Any) -> Outcome:
    found: Any = store
    return carry_out(
        plan,
        plan.candidates,
        found,
        lambda: frozenset(pins),
        more.pop("cancellation", Cancellation()),
        **more,
    )


def test_one_of_eight_tags_frees_nothing_and_all_free_the_image() -> None:
    rows = [row(f"a:{number}", 0) for number in range(8)]
    store = Store(*rows, row("b:1", 1))
    one = plan_of(store, Rules(names=("a:0",)))
    (candidate,) = one.candidates
    assert (len(candidate.names), candidate.staying) == (1, 7)
    assert one.freed(one.candidates) == FreedBytes(0)
    whole = plan_of(store, Rules(names=("a:*",)))
    (candidate,) = whole.candidates
    assert (len(candidate.names), candidate.staying) == (8, 0)
    assert whole.freed(whole.candidates) == FreedBytes(10)
    outcome = run(whole, store)
    assert (outcome.removed, outcome.expected, outcome.freed) == (8, FreedBytes(10), 10)
    assert [str(one.reference) for one in store.rows] == ["docker.io/library/b:1"]


def test_ticks_count_shared_layers_once() -> None:
    store = Store(row("a:1", 0), row("b:1", 1), row("", 2))
    plan = plan_of(store)
    assert [plan.freed([one]) for one in plan.candidates] == [FreedBytes(10)] * 3
    assert plan.freed(plan.candidates[:2]) == FreedBytes(20)
    assert plan.freed(plan.candidates) == FreedBytes(130)
    assert plan.freed([]) == FreedBytes(0)
    assert run(plan, store).freed == 130


def test_a_dangling_image_goes_by_its_id_and_a_name_by_itself() -> None:
    store = Store(row("a:1", 0), row("", 1))
    run(plan_of(store), store)
    assert store.asked == ["docker.io/library/a:1", IDS[1]]


def test_what_is_never_removed_is_counted() -> None:
    store = Store(row("a:1", 0, in_use=1), row("a:2", 0, in_use=1), row("", 1, in_use=2), row("b:1", 2))
    plan = plan_of(store, pins=["docker.io/library/b:1", "docker.io/library/elsewhere:1"])
    assert (plan.candidates, plan.containers, plan.pinned) == ((), 2, 1)


def test_what_has_changed_since_the_plan_stays() -> None:
    store = Store(row("moved:1", 0), row("named:1", 1), row("used:1", 2), row("pinned:1", 3), row("b:1", 4))
    store.rows[1] = row("", 1)
    plan = plan_of(store)
    store.rows = [row("moved:1", 5), row("now:1", 1), row("used:1", 2, in_use=1), *store.rows[3:]]
    outcome = run(plan, store, pins=["docker.io/library/pinned:1"])
    assert store.asked == ["docker.io/library/b:1"]
    kinds = [type(one.error) for one in outcome.failures]
    assert kinds == [VerificationFailed, VerificationFailed, ImageInUse, VerificationFailed]
    assert outcome.removed == 1


def test_a_name_that_is_moved_during_the_run_keeps_its_new_image() -> None:
    store = Store(row("a:1", 0), row("b:1", 1), row("", 2))
    plan = plan_of(store)

    def meanwhile() -> None:
        store.rows[-2:] = [row("b:1", 5), row("now:1", 2)]

    store.before_each = meanwhile
    outcome = run(plan, store, clock=lambda: 0.0)
    assert outcome.names[0].error is None
    assert [one.image.name.shown for one in outcome.failures] == ["b:1", IDS[2][7:19]]
    assert {type(one.error) for one in outcome.failures} == {VerificationFailed}
    assert store.asked == ["docker.io/library/a:1"]


def test_what_changes_meanwhile_is_seen_when_the_list_is_old() -> None:
    store = Store(row("a:1", 0), row("b:1", 1))
    plan = plan_of(store)
    now = [0.0]

    def meanwhile() -> None:
        now[0] += FRESH * 2
        store.rows[1] = replace(store.rows[1], in_use=1)

    store.before_each = meanwhile
    outcome = run(plan, store, clock=lambda: now[0])
    assert [type(one.error) for one in outcome.names] == [type(None), ImageInUse]


def test_a_failure_does_not_stop_the_others_and_what_is_gone_is_no_failure() -> None:
    store = Store(*(row(f"a:{number}", number) for number in range(4)))
    plan = plan_of(store)
    store.errors["docker.io/library/a:0"] = EngineFailure("The disk is read-only.")
    store.errors["docker.io/library/a:1"] = ImageUnknown("The engine has no such image.")
    outcome = run(plan, store)
    assert [one.image.name.shown for one in outcome.failures] == ["a:0"]
    assert len(store.asked) == 4 and (outcome.removed, outcome.gone) == (2, 1)


def test_an_engine_that_is_gone_ends_it() -> None:
    store = Store(*(row(f"a:{number}", number) for number in range(4)))
    plan = plan_of(store)
    lost = store.errors["docker.io/library/a:1"] = EngineLost("The engine stopped.")
    outcome = run(plan, store)
    assert len(store.asked) == 2
    assert [one.error for one in outcome.names] == [None, lost, lost, lost]
    assert outcome.freed is None


def test_cancelling_stops_between_two_images() -> None:
    store = Store(*(row(f"a:{number}", 0) for number in range(3)), row("b:1", 1), row("c:1", 2))
    plan = plan_of(store)
    cancellation = Cancellation()
    store.before_each = cancellation.cancel
    told: list[tuple[int, str]] = []
    outcome = run(
        plan,
        store,
        cancellation=cancellation,
        told=lambda done, image: told.append((done, image.name.shown)),
    )
    # All names of the image that had begun.
    assert len(store.asked) == 3 and told == [(0, "a:0")]
    assert outcome.stopped and outcome.freed == 10
    assert (outcome.images, outcome.left) == (3, 2)


def test_cancelling_before_the_first_image_removes_nothing() -> None:
    class Slow(Store):
        def usage(self, cancellation: Cancellation) -> DiskUsage:
            cancellation.raise_if_cancelled()
            return super().usage(cancellation)

    store = Slow(row("a:1", 0))
    plan = plan_of(store)
    cancellation = Cancellation()
    cancellation.cancel()
    outcome = run(plan, store, cancellation=cancellation)
    assert (outcome.names, outcome.stopped, outcome.freed) == ((), True, None)
    assert outcome.expected == FreedBytes(110) and not store.asked
    assert (outcome.images, outcome.left) == (1, 1)


def test_without_sizes_it_removes_and_measures_nothing() -> None:
    store = Store(row("a:1", 0))
    store.sizes = False
    plan = plan_of(store)
    assert plan.usage is None and isinstance(plan.problem, EngineFailure)
    outcome = run(plan, store)
    assert (outcome.removed, outcome.expected, outcome.freed) == (1, None, None)


def test_without_a_count_of_its_own_the_parts_are_compared() -> None:
    store = Store(row("a:1", 0), row("b:1", 1))
    store.counted = False
    assert run(plan_of(store), store).freed == 120


def test_layers_of_a_container_without_image_were_not_freed() -> None:
    """Docker's classic store no longer counts a layer that only a container has, although the disk still has it."""

    class Held(Store):
        def usage(self, cancellation: Cancellation) -> DiskUsage:
            return replace(super().usage(cancellation), used=frozenset({"base"}))

    for counted in (True, False):
        store = Held(row("a:1", 0), row("b:1", 1))
        store.counted = counted
        plan = plan_of(store)
        assert plan.freed(plan.candidates) == FreedBytes(20)
        assert run(plan, store).freed == 20


def test_a_store_whose_sizes_are_estimates_is_asked_what_it_counts() -> None:
    class Estimated(Store):
        def usage(self, cancellation: Cancellation) -> DiskUsage:
            found = super().usage(cancellation)
            return replace(found, estimated=frozenset({"base"}), counted=1000 if self.rows else 3)

    store = Estimated(row("a:1", 0))
    assert run(plan_of(store), store).freed == 997


def test_what_others_remove_at_the_same_time_is_not_ours() -> None:
    for estimated in (frozenset(), frozenset({"base"})):

        class Shared(Store):
            def usage(self, cancellation: Cancellation, known: frozenset[str] = estimated) -> DiskUsage:
                return replace(super().usage(cancellation), estimated=known)

        store = Shared(*(row(f"a:{number}", number) for number in range(4)), row("b:1", 4), row("b:2", 4))
        plan = plan_of(store)

        def others(store: Store = store) -> None:
            store.rows = [one for one in store.rows if one.name.shown not in ("a:1", "a:2", "b:1")]

        store.before_each = others
        outcome = run(plan, store)
        assert [one.gone for one in outcome.names] == [False, True, True, False, True, False]
        assert (outcome.removed, outcome.gone, outcome.failures) == (3, 3, [])
        # The last name of b's image was removed by us, and with it the image; 20 were freed by others.
        assert outcome.freed == 130


def test_bytes_that_the_build_cache_keeps_were_not_freed() -> None:
    """The engine counts them as the image's, and no longer afterwards, although the disk still has them."""

    class Cached(Store):
        def usage(self, cancellation: Cancellation) -> DiskUsage:
            return replace(super().usage(cancellation), cached=frozenset({"base"}))

    for counted in (True, False):
        store = Cached(row("a:1", 0))
        store.counted = counted
        plan = plan_of(store)
        assert plan.freed(plan.candidates) == FreedBytes(10, cached=100)
        assert run(plan, store).freed == 10


def test_rules_are_checked_before_anything_is_asked() -> None:
    with pytest.raises(InvalidInput):
        plan_of(Store(), Rules(older_than=-1))


def test_the_library_has_no_containers() -> None:
    rows = [row("a:1", 0)]
    assert make(LibraryPlace(Path("/x")), Rules(unused=True), rows, None).candidates == ()
    assert len(make(PLACE, Rules(unused=True), rows, None).candidates) == 1
