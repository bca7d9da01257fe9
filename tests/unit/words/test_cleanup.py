"""Sentences about clean-ups."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from longshore.application.cleanup.plan import Candidate
from longshore.application.cleanup.rules import Reason, Why
from longshore.application.cleanup.running import NameResult, Outcome
from longshore.errors import EngineFailure, ImageInUse
from longshore.oci.disk_usage import DiskUsage, FreedBytes
from longshore.oci.local_image import LocalImage
from longshore.words import cleanup as words

NOW = datetime(2026, 11, 27, tzinfo=UTC)


def candidate(reason: Reason, days: float | None = 45, *, staying: int = 0) -> Candidate:
    created = None if days is None else NOW - timedelta(days=days)
    return Candidate((LocalImage(None, "sha256:1", created, 1),), staying, reason)


@pytest.mark.parametrize(
    ("reason", "days", "expected"),
    [
        (Reason(Why.DANGLING), 45, "dangling"),
        (Reason(Why.OLD), 45, "unused, 6 weeks old"),
        (Reason(Why.UNUSED), 0.5, "unused, new"),
        (Reason(Why.UNUSED), 1, "unused, 1 day old"),
        (Reason(Why.UNUSED), 8, "unused, 1 week old"),
        (Reason(Why.UNUSED), 70, "unused, 2 months old"),
        (Reason(Why.UNUSED), 400, "unused, 1 year old"),
        (Reason(Why.UNUSED), 56 * 365, "unused"),
        (Reason(Why.UNUSED), -3, "unused"),
        (Reason(Why.UNUSED), None, "unused"),
        (Reason(Why.BEYOND_NEWEST, rank=4), 45, "4th newest of its repository"),
        (
            Reason(Why.NAMED, rank=4, pattern="a*", others=(Why.BEYOND_NEWEST, Why.OLD)),
            45,
            "named a*, 4th newest, unused, 6 weeks old",
        ),
        (
            Reason(Why.BEYOND_NEWEST, rank=2, others=(Why.UNUSED,)),
            1,
            "2nd newest of its repository, unused, 1 day old",
        ),
        (Reason(Why.DANGLING, others=(Why.OLD, Why.UNUSED)), 8, "dangling, unused, 1 week old"),
        (Reason(Why.NAMED, pattern="acme/*:dev-*\x1b[1m"), 45, "named acme/*:dev-*[1m"),
    ],
)
def test_reasons(reason: Reason, days: float | None, expected: str) -> None:
    assert words.reason(candidate(reason, days), now=NOW) == expected


def test_the_library_has_no_use_of_unused() -> None:
    assert words.reason(candidate(Reason(Why.OLD)), containers=False, now=NOW) == "6 weeks old"


def test_ordinals() -> None:
    found = [words.ordinal(number) for number in (1, 2, 3, 4, 11, 12, 13, 21, 22, 103, 111, 1012)]
    assert found == [
        "1st",
        "2nd",
        "3rd",
        "4th",
        "11th",
        "12th",
        "13th",
        "21st",
        "22nd",
        "103rd",
        "111th",
        "1012th",
    ]


def test_bytes() -> None:
    assert words.freed(None) == ""
    assert words.freed(FreedBytes(1_360_000_000)) == "1.36 GB"
    assert words.freed(FreedBytes(1_360_000_000, about=True)) == "about 1.4 GB"
    assert words.freed(FreedBytes(0, about=True)) == "0 B"
    assert words.cached(FreedBytes(1)) == words.cached(None) == ""
    assert words.cached(FreedBytes(1, cached=2_000_000)).startswith(
        "2 MB of these images stay in the build cache."
    )


def test_totals_and_what_stays() -> None:
    rows = [
        candidate(Reason(Why.DANGLING)),
        candidate(Reason(Why.DANGLING)),
        candidate(Reason(Why.OLD), staying=2),
    ]
    shown = words.total(rows, FreedBytes(1_350_000_000), 2_350_000_000)
    assert shown == "2 images and 1 tag, frees 1.35 GB. 2.35 GB on disk now, 1 GB after."
    assert words.total(rows[:1], FreedBytes(0), 5) == "1 image, frees nothing. 5 B on disk."
    assert words.total([rows[2], rows[2]], FreedBytes(0), 5) == "2 tags, frees nothing. 5 B on disk."
    assert words.never(0, 0) == ""
    assert words.never(4, 2) == "Never removed: images of containers (4), pinned images (2)."
    assert words.never(0, 1) == "Never removed: pinned images (1)."
    assert words.undated(0) == ""
    assert words.undated(1) == "1 image is kept, because its date is not known."
    assert words.undated(1200) == "1,200 images are kept, because their dates are not known."
    problem = EngineFailure("The engine took too long.")
    assert words.unknown(problem) == "What this frees is not known. The engine took too long."
    assert words.unknown(None) == "What this frees is not known."


def test_sizes_that_leave_out_what_small_files_take() -> None:
    exact, of_files = DiskUsage({}, {}), DiskUsage({}, {}, of_files=True)
    assert words.how_counted([]) == words.how_counted([exact]) == ""
    assert "The engine counts the bytes of files." in words.how_counted([exact, of_files])


def test_results() -> None:
    image = LocalImage(None, "sha256:1", None, 1)
    used = ImageInUse("A container uses the image now.", subject="x")
    good, bad = NameResult(image), NameResult(image, used)
    expected = FreedBytes(1_360_000_000)
    one = Outcome((good,), expected, 1_350_000_000)
    assert words.results([one]) == "Freed 1.35 GB. Expected: 1.36 GB."
    assert words.results([one, one]) == "Freed 2.7 GB. Expected: 2.72 GB."
    assert words.results([Outcome((good,), FreedBytes(0), 0)]) == "1 name was removed."
    # Where one place does not know, nothing is said of the sum.
    unknown = Outcome((good, good), None, None)
    assert words.results([one, unknown]) == "3 names were removed."
    assert words.results([Outcome((good, bad), expected, 5)]) == (
        "Freed 5 B. Expected: 1.36 GB. 1 name was not removed."
    )
    assert words.results([Outcome((bad, bad))]) == "Nothing was removed."
    assert words.results([]) == "Nothing was removed."
    assert words.results([Outcome((good,), None, 7)]) == "Freed 7 B."


def test_results_of_a_clean_up_that_was_stopped() -> None:
    good = NameResult(LocalImage(None, "sha256:1", None, 1))
    part = Outcome((good, good), FreedBytes(60), 20, stopped=True, images=6, left=4)
    assert words.results([part]) == "Stopped: 4 of 6 images were not removed. Freed 20 B. Expected: 60 B."
    rest = Outcome((), FreedBytes(5), None, stopped=True, images=1000, left=1000)
    assert words.results([part, rest]) == (
        "Stopped: 1,004 of 1,006 images were not removed. Freed 20 B. Expected: 65 B."
    )
    one = Outcome((), FreedBytes(5), None, stopped=True, images=1, left=1)
    assert words.results([one]) == "Stopped: the image was not removed. Nothing was removed."


def test_what_others_removed_is_not_ours() -> None:
    image = LocalImage(None, "sha256:1", None, 1)
    good, gone = NameResult(image), NameResult(image, gone=True)
    expected = FreedBytes(1_360_000_000)
    assert words.results([Outcome((good, gone, gone), expected, 1_350_000_000)]) == (
        "Freed about 1.4 GB. Expected: 1.36 GB. 2 names were gone already."
    )
    assert words.results([Outcome((gone,), expected, 0)]) == "Nothing was removed. 1 name was gone already."


def test_what_an_image_shares() -> None:
    usage = DiskUsage(
        {"base": 158_000_000, "own": 24_600_000, "other": 1},
        {"1": frozenset({"base", "own"}), "2": frozenset({"base"}), "3": frozenset({"other"})},
    )
    assert words.own_size(usage, "1") == "24.6 MB only in this image, 158 MB shared with others"
    assert words.own_size(usage, "2") == "0 B only in this image, 158 MB shared with others"
    assert words.own_size(usage, "3") == "1 B, nothing shared with other images"
    assert words.own_size(usage, "4") == words.own_size(None, "1") == ""
