"""A library that several programs use at once, and its invariants at every step; see :mod:`transfertools.stepping`."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from longshore.cancellation import Cancellation
from longshore.errors import DigestMismatch, LibraryDamaged, NotInLibrary
from longshore.library.library import Library
from longshore.oci.manifest import Index, Manifest
from longshore.oci.reference import Reference
from transfertools.layouts import Made, image, index, noise, put, put_index
from transfertools.stepped_calls import copied
from transfertools.stepping import Chooser, Touch, World

BASE = noise(300, "base")
ONE, TWO, THREE = image(BASE), image(BASE, noise(200, 2)), image(noise(250, 3))
BOTH = index(("linux/amd64", ONE), ("linux/arm64", TWO))
A, B, C = (Reference.parse(f"app:{each}") for each in "abc")

#: Blobs of a complete image by manifest: digests and sizes, including its own.
WHOLE: dict[str, dict[str, int]] = {}
for _made in (ONE, TWO, THREE):
    WHOLE[_made.manifest.digest] = {_made.manifest.digest: len(_made.manifest.raw)} | {
        each: len(blob) for each, blob in _made.blobs.items()
    }
WHOLE[BOTH.digest] = {BOTH.digest: len(BOTH.raw)} | {
    each: size for made in (ONE, TWO) for each, size in WHOLE[made.manifest.digest].items()
}


@dataclass
class Case:
    """A library's initial state, and what programs do with it. *end*: the final names, if no program was killed."""

    first: Callable[[Library], object]
    programs: Sequence[Callable[[Desk], object]]
    end: dict[str, str] | None = None
    damaged: bool = False


class Desk:
    """One program's library, and what it claims to hold."""

    def __init__(self, checks: Truth, number: int) -> None:
        self._checks = checks
        self._number = number
        self.library = Library(checks.path)
        self.library._tidied = True  # otherwise each program would start by tidying

    @contextlib.contextmanager
    def holding(self, name: Reference) -> Iterator[str]:
        lease = self.library.lease()
        try:
            digest = self.library.hold_entry(lease, name).descriptor.digest
            self._checks.held.append((self._number, digest))
            yield digest
            self._checks.held.remove((self._number, digest))
        finally:
            lease.close()

    def read(self, name: Reference) -> None:
        """Read all of an image, as a push does. Raises NotInLibrary if it has no name any more."""
        with contextlib.suppress(NotInLibrary), self.holding(name) as digest:
            todo: list[Manifest | Index] = [self._here(digest)]
            while todo:
                each = todo.pop()
                if isinstance(each, Index):
                    todo += [self._here(child.digest) for child in each.manifests]
                    continue
                for part in (each.config, *each.layers):
                    try:
                        with self.library.read(part) as chunks:
                            assert sum(map(len, chunks)) == part.size
                    except NotInLibrary as error:
                        raise AssertionError(f"{part.digest} is gone while it is held") from error

    def _here(self, digest: str) -> Manifest | Index:
        try:
            return self.library.manifest(digest)
        except NotInLibrary as error:
            raise AssertionError(f"{digest} is gone while it is held") from error

    def remove(self, name: Reference) -> None:
        with contextlib.suppress(NotInLibrary):
            self.library.remove(name)

    def tag(self, name: Reference, other: Reference) -> None:
        with contextlib.suppress(NotInLibrary):
            self.library.tag(name, other)

    def put(self, made: Made, name: Reference) -> None:
        put(self.library, made, name)

    def arrive(self, made: Made, name: Reference) -> None:
        """Store an image as a fetch over several connections does: the end of each blob comes first."""
        with contextlib.closing(self.library.lease()) as lease:
            for part in (made.manifest.config, *made.manifest.layers):
                blob = self.library.arrive(part, lease, Cancellation())
                with contextlib.closing(blob):
                    if blob.whole:
                        continue
                    for begin, end in reversed(blob.missing()):
                        for at in (begin + 100, begin):
                            blob.write(at, made.blobs[part.digest][at : min(at + 100, end)])
                    for begin, end in blob.missing():
                        blob.write(begin, made.blobs[part.digest][begin:end])
                    blob.settle(Cancellation())
            self.library.put(made.manifest, lease, name)

    def drop(self) -> None:
        """Free what is unfinished, as the preferences do."""
        self.library.drop_unfinished()

    def put_index(self, name: Reference) -> None:
        put_index(self.library, BOTH, ONE, TWO, name=name)

    def name(self, made: Made, name: Reference) -> None:
        """Name an image, as a transfer does that finds all of it here."""
        lease = self.library.lease()
        try:
            for digest in (*made.blobs, made.manifest.digest):
                if self.library.present(digest, lease, Cancellation()) is None:
                    return
            self.library.put(made.manifest, lease, name)
        finally:
            lease.close()

    def look(self) -> None:
        self.library.images()

    def tidy(self) -> None:
        self.library.tidy()


@dataclass
class Truth:
    """The folder on disk, seen from outside."""

    path: Path
    case: Case
    held: list[tuple[int, str]] = field(default_factory=list)
    killed: bool = False
    unwritten: set[str] = field(default_factory=set)  # files with bytes that are not on disk
    unnamed: set[str] = field(default_factory=set)  # names that are not on disk
    kept: set[str] = field(default_factory=set)  # named by the index on disk

    def __post_init__(self) -> None:
        self.kept = set(self._names().values())

    def changed(self, kind: str, path: str) -> str:
        if kind == "create":
            if path.endswith((".tmp", ".part", ".arriving")) and not os.lstat(path).st_size:
                self.unwritten.add(path)
            return ""
        if kind == "unlink" and "/blobs/" not in path:
            return ""
        if kind == "unlink":
            lost = f"sha256:{Path(path).name}"
            if not self.case.damaged and any(lost in WHOLE[each] for each in self.kept):
                return f"{lost[7:19]} is removed before the index without it is on disk"
        elif "/blobs/" in path or path.endswith("/index.json"):
            if kind.partition(" ")[2] in self.unwritten:
                return f"{path} gets its name before its bytes are on disk"
            self.unnamed.add(path)
        names = self._names()
        if path.endswith("/index.json"):
            for name, digest in names.items():
                for part in WHOLE[digest]:
                    if self._blob(part) in self.unnamed:
                        return f"{name} is in the index before {part[7:19]} is on disk"
        if self.case.damaged:
            return ""
        for who, digest in [*names.items(), *self.held]:
            for part, size in WHOLE[digest].items():
                try:
                    there = os.lstat(self._blob(part)).st_size
                except FileNotFoundError:
                    there = -1
                if there != size:
                    return f"{who} ({digest[7:19]}) lacks {part[7:19]}"
        return ""

    def synced(self, path: str) -> None:
        self.unwritten.discard(path)
        if Path(path) == self.path:
            self.kept = set(self._names().values())
        self.unnamed -= {each for each in self.unnamed if Path(each).parent == Path(path)}

    def died(self, number: int) -> None:
        self.killed = True
        self.held = [(who, digest) for who, digest in self.held if who != number]

    def ended(self) -> str:
        names = self._names()
        if self.case.end is not None and not self.killed and names != self.case.end:
            return f"in the end there are {names}"
        if self.case.damaged and not self.killed:
            library = Library(self.path)
            missing = [row.digest for row in library.images() if row.missing]
            if missing:
                return f"{missing} are not whole in the end"
        return ""

    def _blob(self, digest: str) -> str:
        return f"{self.path}/blobs/sha256/{digest[7:]}"

    def _names(self) -> dict[str, str]:
        lines = json.loads((self.path / "index.json").read_bytes())["manifests"]
        return {
            each.get("annotations", {}).get("org.opencontainers.image.ref.name", each["digest"])[-1]: each[
                "digest"
            ]
            for each in lines
        }


class Model:
    """Runs a case repeatedly, each time in a new copy of its initial state."""

    def __init__(self, case: Case, folder: Path) -> None:
        self._case = case
        self._folder = folder
        self._first = folder / "first"
        case.first(Library(self._first))
        self._runs = 0

    def start(self, choose: Chooser) -> World:
        if self._runs:
            shutil.rmtree(self._folder / f"run{self._runs}")
        self._runs += 1
        path = self._folder / f"run{self._runs}"
        copied(self._first, path)
        truth = Truth(path, self._case)
        bodies = [
            lambda number=number, program=program: program(Desk(truth, number))
            for number, program in enumerate(self._case.programs)
        ]
        return World(bodies, _touching(path), truth, choose)  # type: ignore[arg-type]


def _touching(root: Path) -> Callable[[str, str], Touch]:
    """Return a function that says which shared files a call touches.

    Folders, which are only ever added, are left out, and so are files whose name only one program knows.
    """
    start = f"{root}/"

    def touch(call: str, path: str) -> Touch:
        if call == "fsync" and path == str(root):
            return Touch(writes=("index.json",))
        if not path.startswith(start):
            return Touch()
        inside = path[len(start) :]
        if call == "lock":
            if inside.endswith(".tmp"):
                return Touch()
            return Touch(writes=("leases" if inside.endswith(".lease") else f"lock of {inside}",))
        if inside == "index.json":
            return Touch(writes=(inside,)) if call in ("replace", "unlink") else Touch(reads=(inside,))
        if inside == "blobs/sha256":
            if call == "fsync":
                return Touch(writes=(inside,))
            return Touch(reads=(inside,)) if call == "scandir" else Touch()
        if call == "fsync":
            return Touch()
        if inside.startswith("blobs/sha256/"):
            if call in ("replace", "unlink"):
                return Touch(writes=(inside, "blobs/sha256"))
            return Touch(reads=(inside,))
        if inside.endswith(".lease"):
            return (
                Touch(writes=("leases",))
                if call in ("create", "write", "unlink")
                else Touch(reads=("leases",))
            )
        if inside.endswith("/leases") and call == "scandir":
            return Touch(reads=("leases",))
        if inside.endswith((".part", ".arriving", ".ranges")):
            return Touch(reads=(inside,)) if call == "stat" else Touch(writes=(inside,))
        return Touch()

    return touch


# -- what programs do

_ONE, _TWO, _THREE, _BOTH = (each.digest for each in (ONE.manifest, TWO.manifest, THREE.manifest, BOTH))


def holding(*names: tuple[Made, Reference]) -> Callable[[Library], object]:
    return lambda library: [put(library, made, name) for made, name in names]


def has_index(library: Library) -> None:
    put_index(library, BOTH, ONE, TWO, name=A)


def _old_rest(library: Library) -> None:
    """Add blobs of ONE that have had no name for a long time."""
    put(library, THREE, C)
    put(library, ONE, A)
    library.tag(C, A)
    lease = library.lease()
    for part in (ONE.manifest.config, *ONE.manifest.layers):
        library.take_in([ONE.blobs[part.digest]], lease, Cancellation())
    library.take_in([ONE.manifest.raw], lease, Cancellation())
    lease.close()
    _age(library)


def _old_image(library: Library) -> None:
    put(library, ONE, A)
    _age(library)


def _unfinished(library: Library) -> None:
    """Leave the beginning of one blob and the middle of another, as killed transfers do."""
    put(library, THREE, C)
    layer, *_ = ONE.manifest.layers

    @contextlib.contextmanager
    def cut(offset: int) -> Iterator[Iterator[bytes]]:
        yield iter([ONE.blobs[layer.digest][:50]])

    with contextlib.closing(library.lease()) as lease:
        with contextlib.suppress(DigestMismatch):
            library.receive(layer, cut, lease, Cancellation())
        config = library.arrive(ONE.manifest.config, lease, Cancellation())
        config.write(20, ONE.blobs[config.digest][20:40])
        config.close()


def _age(library: Library) -> None:
    for each in ONE.digests:
        os.utime(library.path / "blobs/sha256" / each[7:], (0, 0))


def _cut_layer(library: Library) -> None:
    put(library, ONE, A)
    layer = library.path / "blobs/sha256" / ONE.manifest.layers[0].digest[7:]
    os.truncate(layer, 100)


def _read_damaged(desk: Desk) -> None:
    with (
        contextlib.suppress(LibraryDamaged, NotInLibrary),
        desk.library.read(ONE.manifest.layers[0]) as chunks,
    ):
        for _ in chunks:
            pass


CASES = {
    "pull beside remove": Case(
        holding((ONE, A)), [lambda desk: desk.put(TWO, B), lambda desk: desk.remove(A)], {"b": _TWO}
    ),
    "pull what is removed": Case(
        holding((ONE, A)), [lambda desk: desk.put(ONE, B), lambda desk: desk.remove(A)], {"b": _ONE}
    ),
    "read what is removed": Case(
        holding((TWO, A)), [lambda desk: desk.read(A), lambda desk: desk.remove(A)], {}
    ),
    "read an index that is removed": Case(
        has_index, [lambda desk: desk.read(A), lambda desk: desk.remove(A)], {}
    ),
    "read what loses its name": Case(
        holding((ONE, A)), [lambda desk: desk.read(A), lambda desk: desk.put(THREE, A)], {"a": _THREE}
    ),
    "tag what is removed": Case(
        holding((ONE, A)), [lambda desk: desk.tag(A, B), lambda desk: desk.remove(A)]
    ),
    "pull twice": Case(
        holding((THREE, C)),
        [lambda desk: desk.put(ONE, A), lambda desk: desk.put(ONE, B)],
        {"a": _ONE, "b": _ONE, "c": _THREE},
    ),
    "pull an index and part of it": Case(
        holding((TWO, B)), [lambda desk: desk.put_index(A), lambda desk: desk.remove(B)], {"a": _BOTH}
    ),
    "pull what was left while it is tidied": Case(
        _old_rest, [lambda desk: desk.put(ONE, B), lambda desk: desk.tidy()]
    ),
    "tags and removals after a look": Case(
        holding((ONE, A), (THREE, C)),
        [
            lambda desk: (desk.look(), desk.remove(A)),
            lambda desk: (desk.tag(C, B), desk.remove(C)),
        ],
        {"b": _THREE},
    ),
    "name what is here while another name goes": Case(
        holding((ONE, A)), [lambda desk: desk.name(ONE, B), lambda desk: desk.remove(A)]
    ),
    "tidy beside a removal": Case(_old_image, [lambda desk: desk.remove(A), lambda desk: desk.tidy()], {}),
    "pull over what is damaged": Case(
        _cut_layer, [_read_damaged, lambda desk: desk.put(ONE, B)], {"a": _ONE, "b": _ONE}, damaged=True
    ),
    "fill what is left beside one stream": Case(
        _unfinished,
        [lambda desk: desk.put(ONE, B), lambda desk: desk.arrive(ONE, A)],
        {"a": _ONE, "b": _ONE, "c": _THREE},
    ),
    "fill what is left while it is freed": Case(
        _unfinished, [lambda desk: desk.arrive(ONE, A), lambda desk: desk.drop()], {"a": _ONE, "c": _THREE}
    ),
    "three: pull, remove, read": Case(
        holding((ONE, A)),
        [lambda desk: desk.put(TWO, B), lambda desk: desk.remove(A), lambda desk: desk.read(A)],
        {"b": _TWO},
    ),
    "three: removals on both sides of a reader": Case(
        holding((ONE, A), (TWO, B)),
        [lambda desk: desk.read(B), lambda desk: desk.remove(A), lambda desk: desk.remove(B)],
        {},
    ),
}
