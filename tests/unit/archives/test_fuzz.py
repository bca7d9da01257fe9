"""Whatever its bytes, an archive is read or refused: there is no other outcome."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from archivetools import ARCHIVE_PACKERS, PACKERS, Image, docker_list, docker_parts, layer, oci_parts, tar_of
from longshore.archives.archive import open_archive
from longshore.archives.limits import Limits
from longshore.cancellation import Cancellation
from longshore.errors import ArchiveError
from transfertools.archive_summary import summary_of

TRIES = 200
LIMITS = Limits(unpacked=50_000_000, ratio_from=10_000_000)
IMAGES = (Image(layers=(layer("one", 600), layer("two", 600)), packed="gzip"), Image(names=()))
SOURCES: dict[str, Callable[[], bytes]] = {
    "docker": lambda: tar_of(docker_parts(*IMAGES)),
    "oci": lambda: tar_of(oci_parts(*IMAGES, index=True)),
    "gzip": lambda: PACKERS["gzip"](tar_of(oci_parts(*IMAGES))),
    "zstd": lambda: PACKERS["zstd"](tar_of(oci_parts(*IMAGES))),
    "bzip2": lambda: ARCHIVE_PACKERS["bzip2"](tar_of(oci_parts(*IMAGES))),
    "both lists": lambda: tar_of([*oci_parts(*IMAGES), docker_list(*IMAGES)]),
}


@pytest.mark.parametrize("source", SOURCES)
def test_mutated(tmp_path: Path, source: str) -> None:
    sound = SOURCES[source]()
    dice = random.Random(source)
    path = tmp_path / "mutated.tar"
    refused = 0
    for _ in range(TRIES):
        data = bytearray(sound)
        for _ in range(dice.randint(1, 4)):
            at = dice.randrange(len(data) or 1)
            match dice.randrange(5):
                case 0:
                    data[at : at + 1] = dice.randbytes(1)
                case 1:
                    del data[at : at + dice.randint(1, 600)]
                case 2:
                    data[at:at] = dice.randbytes(dice.randint(1, 600))
                case 3:
                    # Fields of a header, if the tar is not compressed.
                    start = at // 512 * 512
                    field = dice.choice((0, 100, 124, 136, 148, 156, 157, 257, 345))
                    data[start + field : start + field + 8] = dice.choice(
                        (b"\xff" * 8, b"\0" * 8, b"7" * 8, b"\x80" + b"\xff" * 7, b"../../..", b"-1      ")
                    )
                case _:
                    data = data[:at] or data
        path.write_bytes(data)
        try:
            summary_of(open_archive(path, cancellation=Cancellation(), limits=LIMITS))
        except ArchiveError as error:
            refused += 1
            assert error.message and error.advice
    assert refused > TRIES / 3
