"""The arithmetic of shared parts: what a removal frees is what is there before, less what is there after."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from longshore.oci.disk_usage import DiskUsage, FreedBytes

PARTS = "abcdefgh"
USAGES = st.builds(
    DiskUsage,
    st.fixed_dictionaries({part: st.integers(0, 10**12) for part in PARTS}),
    st.dictionaries(st.sampled_from("123456"), st.frozensets(st.sampled_from(PARTS))),
    used=st.frozensets(st.sampled_from(PARTS), max_size=3),
    cached=st.frozensets(st.sampled_from(PARTS), max_size=3),
)
SETS = st.sets(st.sampled_from("1234567"))


def total_without(usage: DiskUsage, gone: set[str]) -> tuple[int, int]:
    """The bytes of what is left, by hand: all that stays, and what the build cache alone keeps of it."""
    left = {part for image, parts in usage.images.items() if image not in gone for part in parts}
    lost = {part for image in gone for part in usage.images.get(image, ())} - left
    kept = {part for part in lost if part in usage.used}
    cached = {part for part in lost - kept if part in usage.cached}
    stays = usage.parts.keys() - (lost - kept - cached)
    return sum(usage.parts[part] for part in stays), sum(usage.parts[part] for part in cached)


@given(USAGES, SETS)
def test_freed_is_the_total_before_less_the_total_after(usage: DiskUsage, gone: set[str]) -> None:
    after, cached = total_without(usage, gone)
    found = usage.freed(gone)
    assert (found.bytes, found.cached) == (usage.total - after, cached)
    assert not found.about


@given(USAGES, SETS, SETS)
def test_more_images_never_free_less_and_together_at_least_the_sum(
    usage: DiskUsage, one: set[str], other: set[str]
) -> None:
    both = usage.freed(one | other).bytes
    assert both >= usage.freed(one).bytes
    if not one & other:
        assert both >= usage.freed(one).bytes + usage.freed(other).bytes
    assert both <= usage.union(one | other)


@given(USAGES)
def test_unique_and_shared_make_the_size(usage: DiskUsage) -> None:
    for image, parts in usage.images.items():
        shared = {part for other, more in usage.images.items() if other != image for part in more & parts}
        unique = usage.unique(image)
        assert unique is not None
        assert usage.size(image) == unique + sum(usage.parts[part] for part in shared)
    assert usage.union(usage.images) <= usage.total


def test_about_where_an_estimate_decides() -> None:
    usage = DiskUsage(
        {"base": 10, "own": 1, "other": 2},
        {"1": frozenset({"base", "own"}), "2": frozenset({"base", "other"})},
        estimated=frozenset({"base"}),
    )
    # Of one image, the estimate says how much stays. Of both, all of it goes, and the sum is known.
    assert usage.freed(["1"]) == FreedBytes(1, about=True)
    assert usage.freed(["1", "2"]) == FreedBytes(13)
    doubtful = DiskUsage({"own": 1}, {"1": frozenset({"own"})}, doubtful=frozenset({"own"}))
    assert doubtful.freed(["1"]) == FreedBytes(1, about=True)


def test_an_unknown_image_frees_nothing() -> None:
    usage = DiskUsage({}, {})
    assert usage.freed(["x"]) == FreedBytes()
    assert usage.size("x") is None and usage.unique("x") is None
    assert usage.union(["x"]) == 0


def test_what_is_gone_afterwards() -> None:
    parts = {"a": 1, "b": 20, "c": 300, "d": 4000, "base": 50_000}
    images = {name: frozenset({name, "base"}) for name in "abcd"}
    before = DiskUsage(parts, images, cached=frozenset({"c"}))
    left = {"d": frozenset({"d", "base"})}
    after = DiskUsage({"d": 4000, "base": 50_000}, left, used=frozenset({"b"}))
    assert before.gone(after, ["a"]) == 1
    # What a container holds is still there, and so is what the build cache keeps.
    assert before.gone(after, ["a", "b", "c", "unknown"]) == 1
    assert before.gone(DiskUsage({}, {}), ["a", "b", "d"]) == 54_021
    assert before.gone(after, []) == 0
