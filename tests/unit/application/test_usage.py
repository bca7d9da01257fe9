"""What the removal of chosen names frees."""

from __future__ import annotations

from longshore.application.usage import freed_by
from longshore.oci.disk_usage import DiskUsage
from longshore.oci.image_name import ImageName
from longshore.oci.local_image import LocalImage
from longshore.oci.reference import Reference

ONE, TWO = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"
USAGE = DiskUsage(
    {"base": 100, "one": 10, "two": 20},
    {ONE: frozenset({"base", "one"}), TWO: frozenset({"base", "two"})},
)


def row(name: str, image_id: str) -> LocalImage:
    return LocalImage(Reference.parse_input(name) if name else None, image_id, None, 1)


def test_an_image_goes_with_its_last_name() -> None:
    listed = [row("a:1", ONE), row("a:2", ONE), row("", TWO)]
    one, other, last = (image.name for image in listed)
    assert freed_by(USAGE, listed, []).bytes == 0
    assert freed_by(USAGE, listed, [one]).bytes == 0
    assert freed_by(USAGE, listed, [one, other]).bytes == 10
    assert freed_by(USAGE, listed, [last]).bytes == 20
    assert freed_by(USAGE, listed, [one, other, last]).bytes == 130
    assert freed_by(USAGE, listed, [ImageName(None, ONE)]).bytes == 10
