"""The names in one layer, as they are in its tar: honest ones and others."""

from __future__ import annotations

import gzip
import hashlib
import tarfile

import pytest

from layertools import FOLDER, Link, entry, layer, pieces
from longshore.application.files import layer_tar
from longshore.application.files import tree as tree_module
from longshore.application.files.layer_tar import LayerTar, read_tree
from longshore.application.files.tree import Kind, Oddity, Tree
from longshore.archives import zstd
from longshore.archives.limits import Limits
from longshore.cancellation import Cancellation, Cancelled
from longshore.errors import InvalidLayer


def tree_of(raw: bytes, **options: object) -> Tree:
    tar = LayerTar(pieces(raw), cancellation=Cancellation(), subject="layer 1", **options)  # type: ignore[arg-type]
    return read_tree(tar, "layer 1")


def listed(tree: Tree) -> dict[str, Kind]:
    return {tree.path(node): Kind(tree.kinds[node]) for node in tree.walk() if node}


def test_names_sizes_modes_and_links() -> None:
    tree = tree_of(
        layer(
            ("./usr/", FOLDER),
            entry("usr/bin/app", b"12345", mode=0o4755),
            ("usr/bin/sh", Link("app")),
            ("usr/bin/same", Link("usr/bin/app", hard=True)),
            ("/etc/passwd", b"root"),
        )
    )
    assert listed(tree) == {
        "etc": Kind.FOLDER,
        "etc/passwd": Kind.FILE,
        "usr": Kind.FOLDER,
        "usr/bin": Kind.FOLDER,
        "usr/bin/app": Kind.FILE,
        "usr/bin/same": Kind.HARD_LINK,
        "usr/bin/sh": Kind.SYMLINK,
    }
    app = tree.find("/usr/bin/app")
    assert app is not None
    assert (tree.sizes[app], tree.modes[app]) == (5, 0o4755)
    assert {tree.path(node): target for node, target in tree.targets.items()} == {
        "usr/bin/sh": "app",
        "usr/bin/same": "usr/bin/app",
    }
    assert tree.find("usr/bin/none") is None


@pytest.mark.parametrize(
    "compress", [gzip.compress, lambda raw: zstd.ZstdCompressor().compress(raw, 2), bytes]
)
def test_every_compression_of_layers_and_the_digest_of_what_is_inside(compress: object) -> None:
    raw = layer(("a", b"x" * 3000))
    tar = LayerTar(pieces(compress(raw)), cancellation=Cancellation())  # type: ignore[operator]
    assert listed(read_tree(tar)) == {"a": Kind.FILE}
    assert tar.diff_id == f"sha256:{hashlib.sha256(raw).hexdigest()}"


def test_whiteouts_are_names_that_a_layer_removes() -> None:
    tree = tree_of(
        layer(
            ("etc/.wh.passwd", b""),
            ("var/.wh..wh..opq", b""),
            (".wh..wh.aufs", b""),
            ("new/.wh.a", b""),
            ("new/a/b", b"made again"),
            ("both/", FOLDER),
            (".wh.both", b""),
        )
    )
    assert listed(tree) == {
        "both": Kind.FOLDER,
        "etc": Kind.FOLDER,
        "etc/passwd": Kind.WHITEOUT,
        "new": Kind.FOLDER,
        "new/a": Kind.FOLDER,
        "new/a/b": Kind.FILE,
        "var": Kind.FOLDER,
    }
    assert {tree.path(node) for node in tree.opaque} == {"var", "new/a", "both"}


def test_hostile_names_are_kept_as_names() -> None:
    long = "x" * 300
    tree = tree_of(
        layer(
            ("../../etc/shadow", b"out"),
            ("a/../../b", b"out too"),
            ("a/./../c//d", b"inside"),
            (long, b""),
            ("deep/" * 3000 + "end", b""),
            ("red\x1b[31m\u202e", b""),
            ("latin\udcff", b""),
            ("two\nlines/in", b""),
            ("na\xefve \u4e2d", b""),
            ("twice", b"1"),
            ("twice", b"22"),
            ("folder/in", b""),
            ("folder", b"now a file"),
        )
    )
    found = listed(tree)
    assert {name: Oddity(tree.oddities[node]) for node in tree.oddities if (name := tree.names[node])} == {
        "../../etc/shadow": Oddity.OUTSIDE,
        "a/../../b": Oddity.OUTSIDE,
        long: Oddity.TOO_LONG,
        ("deep/" * 3000)[:4096]: Oddity.TOO_LONG,
        "twice": Oddity.REPEATED,
        "folder": Oddity.REPEATED,
        "red\x1b[31m\u202e": Oddity.UNPRINTABLE,
        "two\nlines": Oddity.UNPRINTABLE,
    }
    assert {"c/d", "red\x1b[31m\u202e", "latin\udcff"} <= found.keys()
    assert "folder/in" not in found
    assert tree.sizes[tree.find("twice") or 0] == 2
    assert tree.find("../../etc/shadow") is not None


def test_devices_pipes_sparse_files_and_unknown_kinds() -> None:
    made = [tarfile.TarInfo(name) for name in ("null", "pipe", "strange")]
    made[0].type, made[1].type, made[2].type = tarfile.CHRTYPE, tarfile.FIFOTYPE, b"Q"
    sparse = tarfile.TarInfo("sparse")
    sparse.pax_headers = {"GNU.sparse.major": "1"}
    tree = tree_of(layer(*((info, b"") for info in (*made, sparse))))
    assert listed(tree) == {
        "null": Kind.DEVICE,
        "pipe": Kind.PIPE,
        "sparse": Kind.SPARSE,
        "strange": Kind.OTHER,
    }


@pytest.mark.parametrize("chained", [0, 2])
def test_the_maps_of_old_sparse_files_are_no_entries(chained: int) -> None:
    header = bytearray(entry("s", b"data")[0].tobuf(tarfile.GNU_FORMAT))
    header[156:157] = b"S"
    header[482] = chained > 0
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    maps = [bytearray(512) for _ in range(chained)]
    for one in maps[:-1]:
        one[504] = 1
    raw = bytes(header) + b"".join(maps) + b"data".ljust(512, b"\0") + layer(("next", b""))
    assert listed(tree_of(raw)) == {"next": Kind.FILE, "s": Kind.SPARSE}


def told(raw: bytes, **options: object) -> str:
    with pytest.raises(InvalidLayer) as caught:
        tree_of(raw, **options)
    return f"{caught.value.message} {caught.value.detail}"


def test_what_is_no_tar_is_told() -> None:
    assert "not a tar archive" in told(b'{"predicateType": "https://slsa.dev/provenance/v1"}' * 20)
    assert "damaged" in told(layer(("a", b"x" * 5000))[:3000])
    assert "damaged" in told(gzip.compress(layer(("a", b"")))[:-9])


def test_bombs_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    zeros = gzip.compress(layer(("a", bytes(2_000_000))))
    assert "a decompression bomb" in told(zeros, limits=Limits(ratio_from=1_000_000))
    assert "exceeds the size limits" in told(
        layer(*((str(n), b"") for n in range(9))), limits=Limits(entries=5)
    )
    monkeypatch.setattr(layer_tar, "MOST_NAMES", 20)
    assert "more than 20 names" in told(layer(("/".join("abcdefghijklmnopqrstuvw"), b"")))
    monkeypatch.setattr(layer_tar, "MOST_NAMES", 1000)
    monkeypatch.setattr(layer_tar, "MOST_CHARACTERS", 100)
    assert "more than 100 characters" in told(layer(("l", Link("t" * 101))))


def test_reading_ends_when_it_is_cancelled() -> None:
    cancellation = Cancellation()
    tar = LayerTar(pieces(layer(("a", b"x" * 5000))), cancellation=cancellation)
    cancellation.cancel()
    with pytest.raises(Cancelled):
        read_tree(tar)


def test_a_huge_folder_is_sorted_like_a_small_one(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = layer(
        *((f"d/{number * 7 % 30:02}", b"") for number in range(30)), ("d/z/", FOLDER), ("d/y/", FOLDER)
    )
    small = [tree.path(node) for tree in [tree_of(raw)] for node in tree.walk()]
    monkeypatch.setattr(tree_module, "_SORTED", 4)
    assert [tree.path(node) for tree in [tree_of(raw)] for node in tree.walk()] == small
    assert small[2:5] == ["d/y", "d/z", "d/00"]
