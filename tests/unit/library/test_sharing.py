"""Many programs share one library, and some are killed: none may ever remove what another needs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from longshore.library.library import Library
from longshore.oci.digest import sha256_of
from transfertools.layouts import blobs_of

#: Adds, names, reads and removes images at random until a file appears. Any unexpected error ends it.
_PROGRAM = """
import random, sys
from contextlib import closing
from pathlib import Path
from longshore.library.library import Library
from longshore.errors import NotInLibrary
from longshore.oci.reference import Reference
from transfertools.layouts import image, noise, put, put_index, index
folder, end, seed = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
dice = random.Random(seed)
library = Library(folder)
made = [image(noise(20_000, "base"), noise(5000, each % 3), noise(3000, each)) for each in range(6)]
signed = [image(noise(100, each), subject=one.manifest.descriptor) for each, one in enumerate(made)]
both = index(("linux/amd64", made[0]), ("linux/arm64", made[1]))
names = [Reference.parse(f"app:{each}") for each in range(8)]
turns = 0
while not end.exists():
    name, other = dice.sample(names, 2)
    turn = dice.randrange(10)
    try:
        if turn < 3:
            put(library, dice.choice(made), name)
        elif turn == 3:
            put_index(library, both, made[0], made[1], name=name)
        elif turn == 4:
            library.tag(name, other)
        elif turn == 5:
            library.remove(name)
        elif turn == 6:
            put(library, dice.choice(signed), None)
        else:
            with closing(library.lease()) as lease:
                digest = library.entry(name).descriptor.digest
                library.hold(lease, digest)
                todo = [library.manifest(digest)]
                try:
                    # It was there when it was held: from here on nothing of it may go.
                    while todo:
                        each = todo.pop()
                        todo += [library.manifest(child.digest) for child in getattr(each, "manifests", ())]
                        for part in getattr(each, "layers", ()):
                            with library.read(part) as chunks:
                                assert sum(map(len, chunks)) == part.size
                except NotInLibrary as error:
                    raise AssertionError(f"{digest} lost {error.subject} while it was held") from error
    except NotInLibrary:
        pass
    turns += 1
    print(turns, flush=True)
"""


def start(library: Library, end: Path, seed: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, str(library.path), str(end), seed],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_four_programs_and_some_kills(tmp_path: Path) -> None:
    library = Library(tmp_path / "library")
    end = tmp_path / "end"
    running = [start(library, end, str(seed)) for seed in range(4)]
    killed = 0
    try:
        for seed in range(4, 8):
            victim = running.pop(0)
            assert victim.stdout is not None
            for _ in range(40):
                assert victim.stdout.readline(), victim.communicate()[1]
            victim.kill()
            victim.communicate()
            killed += 1
            running.append(start(library, end, str(seed)))
        deadline = time.monotonic() + 60
        for each in running:
            assert each.stdout is not None
            for _ in range(40):
                assert each.stdout.readline(), each.communicate()[1]
            assert time.monotonic() < deadline
    finally:
        end.touch()
        said = [each.communicate(timeout=60)[1] for each in running]
    assert (killed, [each.returncode for each in running], said) == (4, [0] * 4, [""] * 4)
    # Whatever the killed programs left: each image is complete, and each blob has the digest that it is named by.
    assert all(row.missing == 0 for row in library.images())
    for digest in blobs_of(library):
        assert sha256_of((library.path / "blobs/sha256" / digest[7:]).read_bytes()) == digest
    while rows := library.images():
        # A signature that came after its image was removed has its own row; the others are removed with theirs.
        library.remove(next((row for row in rows if not row.subject), rows[0]).digest)
    for path in (library.path / "blobs/sha256").iterdir():
        os.utime(path, (0, 0))
    library.tidy()
    assert blobs_of(library) == set()
    assert not list((library.path / ".longshore" / "leases").iterdir())
