"""The order in which people expect tags."""

from __future__ import annotations

import random

import pytest

from longshore.naturalsort import natural_key


@pytest.mark.parametrize(
    "ascending",
    [
        ["2.9", "2.10"],
        ["v2.9", "v2.10"],
        ["v2.9", "2.10", "v3.0"],
        ["1.0-rc1", "1.0-rc2", "1.0-rc10", "1.0", "1.0.1"],
        ["1.0.0-alpha.1", "1.0.0-alpha.2", "1.0.0-beta", "1.0.0-rc.1", "1.0.0"],
        ["3.14.0a1", "3.14.0a2", "3.14.0b1", "3.14.0rc1", "3.14.0"],
        ["16", "16-alpine", "16.1", "16.1-alpine", "17"],
        ["20240131", "20240201"],
        ["2024-01-31", "2024-02-01"],
        ["1.0-dev", "1.0-alpha", "1.0-beta", "1.0-rc1", "1.0"],
        ["edge", "latest", "1.0"],
        ["1.9", "1.10-SNAPSHOT", "1.10"],
        ["build-9", "build-10"],
        ["1.0.2", "1.0.2a", "1.0.2b"],  # no number follows the letter: a later release, as in OpenSSL
        ["1.0a1", "1.0", "1.0a"],
        ["3b1", "3rc1", "3", "3b"],
        # A word at the beginning of a tag does not make it a pre-release.
        ["alpine", "beta", "edge"],
        ["1.0-milestone1", "1.0-pre1", "1.0-rc1", "1.0"],
        ["1.0-alpha", "1.0", "1.0-b", "1.0-c"],
        ["1.0-canary", "1.0-dev", "1.0-nightly", "1.0-snapshot", "1.0-alpha1"],
    ],
)
def test_ascending(ascending: list[str]) -> None:
    for seed in range(5):
        shuffled = ascending.copy()
        random.Random(seed).shuffle(shuffled)
        assert sorted(shuffled, key=natural_key) == ascending


def test_only_equal_tags_have_equal_keys() -> None:
    tags = ["1.0", "v1.0", "V1.0", "1-0", "1_0", "01.0", "latest", "LATEST"]
    assert len({natural_key(tag) for tag in tags}) == len(tags)


def test_any_tags_compare() -> None:
    random_ = random.Random(5)
    tags = ["".join(random_.choices("0129abrcv._-", k=random_.randint(1, 128))) for _ in range(500)]
    tags += ["9" * 128, "_", "v", "sha256-" + "0a" * 32 + ".sig"]
    ordered = sorted(tags, key=natural_key)
    random_.shuffle(tags)
    assert sorted(tags, key=natural_key) == ordered
