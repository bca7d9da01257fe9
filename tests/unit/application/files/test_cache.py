"""The names of layers on disk: a convenience that may be damaged, full or used by others at any time."""

from __future__ import annotations

import hashlib
import os
import threading
import zlib
from pathlib import Path

import pytest

from layertools import FOLDER, Link, layer, pieces
from longshore.application.files import cache
from longshore.application.files.cache import NameCache, decoded, encoded
from longshore.application.files.layer_tar import LayerTar, read_tree
from longshore.application.files.tree import Tree
from longshore.cancellation import Cancellation

DIGEST = f"sha256:{'a' * 64}"
OTHER = f"sha256:{'b' * 64}"
HOSTILE = layer(
    ("usr/", FOLDER),
    ("usr/app", b"123"),
    ("usr/link", Link("a\udcff")),
    ("../out", b""),
    ("new\nline", b""),
    ("var/.wh..wh..opq", b""),
    (".wh.gone", b""),
    ("folder/x", b""),
    ("folder", b""),
)


def tree_of(raw: bytes) -> Tree:
    return read_tree(LayerTar(pieces(raw), cancellation=Cancellation()))


def facts(tree: Tree) -> list[object]:
    return [
        tree.names,
        tree.parents,
        tree.kinds,
        tree.modes,
        tree.sizes,
        tree.offsets,
        tree.targets,
        tree.oddities,
        tree.opaque,
        list(tree.walk()),
    ]


@pytest.mark.parametrize("raw", [HOSTILE, layer()])
def test_a_tree_is_kept_as_it_is(tmp_path: Path, raw: bytes) -> None:
    tree = tree_of(raw)
    NameCache(tmp_path).put(DIGEST, tree)
    known = NameCache(tmp_path)
    assert known.has(DIGEST) and not known.has(OTHER)
    found = known.get(DIGEST)
    assert found is not None
    assert facts(found) == facts(tree)
    assert known.get(OTHER) is None


def test_files_are_private(tmp_path: Path) -> None:
    NameCache(tmp_path).put(DIGEST, tree_of(layer()))
    [file] = (tmp_path / cache.FOLDER).iterdir()
    assert file.stat().st_mode & 0o077 == 0
    assert file.parent.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("damage", ["cut", "flipped", "emptied", "other"])
def test_a_damaged_file_is_removed(tmp_path: Path, damage: str) -> None:
    known = NameCache(tmp_path)
    known.put(DIGEST, tree_of(HOSTILE))
    [file] = (tmp_path / cache.FOLDER).iterdir()
    raw = bytearray(file.read_bytes())
    raw[len(raw) // 2] ^= 1
    damaged = {"cut": bytes(raw[:-3]), "flipped": bytes(raw), "emptied": b"", "other": b"something else"}
    file.write_bytes(damaged[damage])
    assert known.get(DIGEST) is None
    assert not file.exists()


def test_a_file_that_contradicts_itself_is_no_tree() -> None:
    """Somebody may write one with the right checksum."""
    content = zlib.decompress(encoded(tree_of(HOSTILE))[len(cache._MAGIC) + 32 :])
    accepted = 0
    for at in range(min(len(content), 400)):
        changed = bytearray(content)
        changed[at] ^= 0x81
        packed = zlib.compress(bytes(changed))
        tree = decoded(cache._MAGIC + hashlib.sha256(packed).digest() + packed)
        if tree is not None:  # other sizes, modes and names are trees, too
            accepted += 1
            assert len(list(tree.walk())) <= len(tree)
    assert accepted


def test_the_least_used_are_removed(tmp_path: Path) -> None:
    tree = tree_of(HOSTILE)
    size = len(encoded(tree))
    known = NameCache(tmp_path, most_bytes=2 * size)
    digests = [f"sha256:{at:064x}" for at in range(3)]
    for at, digest in enumerate(digests[:2]):
        known.put(digest, tree)
        os.utime(tmp_path / cache.FOLDER / f"sha256-{at:064x}.names", (at + 1, at + 1))
    assert known.get(digests[0]) is not None  # now the second one is older
    known.put(digests[2], tree)
    assert [known.has(digest) for digest in digests] == [True, False, True]


def test_without_a_folder_or_where_it_can_not_be_written_nothing_is_kept(tmp_path: Path) -> None:
    (tmp_path / cache.FOLDER).write_text("a file")
    for known in (NameCache(None), NameCache(tmp_path)):
        known.put(DIGEST, tree_of(layer()))
        assert known.get(DIGEST) is None
        assert not known.has(DIGEST)
    NameCache(tmp_path / "x").put("../../etc/passwd", tree_of(layer()))
    assert not (tmp_path / "x").exists()


def test_several_write_the_same_layer_at_once(tmp_path: Path) -> None:
    tree = tree_of(HOSTILE)
    found: list[bool] = []

    def use() -> None:
        known = NameCache(tmp_path)
        for _ in range(5):
            known.put(DIGEST, tree)
            found.append(known.get(DIGEST) is not None)

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(found)
    assert len(list((tmp_path / cache.FOLDER).iterdir())) == 1
