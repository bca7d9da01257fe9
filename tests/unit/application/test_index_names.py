"""The name that is offered for an index."""

from __future__ import annotations

import pytest

from longshore.application.index_names import index_name, plain_tag
from longshore.oci.reference import Reference


@pytest.mark.parametrize(
    ("tag", "plain"),
    [
        ("1.0-amd64", "1.0"),
        ("1.0-linux-arm64", "1.0"),
        ("v2_armv7", "v2"),
        ("arm64v8", ""),
        ("linux-arm-v7-1.0", "1.0"),
        ("1.0-alpine", "1.0-alpine"),
        ("armada-1", "armada-1"),
        ("1.0", "1.0"),
        ("-" * 128, ""),
        ("amd64-" * 21, ""),
    ],
)
def test_a_tag_without_its_platform(tag: str, plain: str) -> None:
    assert plain_tag(tag) == plain


@pytest.mark.parametrize(
    ("names", "offered"),
    [
        (["r.io/app:1.0-amd64", "r.io/app:1.0-arm64"], "r.io/app:1.0"),
        (["r.io/app:amd64", "r.io/app:arm64"], "r.io/app"),
        (["r.io/app:dev", "r.io/app:main"], "r.io/app"),
        (["r.io/amd64/app:1", "r.io/arm64/app:1"], "r.io/amd64/app:1"),
        (["r.io/app:latest", "r.io/app:2"], "r.io/app"),
    ],
)
def test_the_name_of_several(names: list[str], offered: str) -> None:
    assert str(index_name([Reference.parse(name) for name in names])) == offered


def test_no_name_without_names() -> None:
    assert index_name([]) is None
