"""Layers become one file system as in engines; what they hide is not lost from sight."""

from __future__ import annotations

import pytest

from layertools import FOLDER, Link, entry, layer, pieces
from longshore.application.files import merging
from longshore.application.files.layer_tar import LayerTar, read_tree
from longshore.application.files.merging import Merged, merge
from longshore.application.files.tree import Change, Kind, Oddity, View
from longshore.cancellation import Cancellation, Cancelled
from longshore.errors import InvalidLayer


def merged(*layers: bytes | None) -> Merged:
    trees = [
        None if raw is None else read_tree(LayerTar(pieces(raw), cancellation=Cancellation()))
        for raw in layers
    ]
    return merge(trees, Cancellation())


def shown(view: View) -> dict[str, tuple[int, Change, int]]:
    """Of each name: its layer, what that layer does, and the layer that hides it."""
    return {
        view.tree.path(node): (view.layers[node], Change(view.changes[node]), view.hidden_by[node])
        for node in view.tree.walk()
        if node
    }


def test_added_changed_removed() -> None:
    found = merged(
        layer(("etc/", FOLDER), ("etc/a", b"1"), ("etc/b", b"22"), ("lists/x", b"333")),
        layer(("etc/", FOLDER), ("etc/b", b"4444"), ("etc/c", b"5")),
        layer((".wh.lists", b""), ("etc/.wh.a", b"")),
    )
    assert shown(found.view) == {
        "etc": (1, Change.NONE, 0),
        "etc/a": (1, Change.NONE, 3),
        "etc/b": (2, Change.CHANGED, 0),
        "etc/c": (2, Change.ADDED, 0),
        "lists": (1, Change.NONE, 3),
        "lists/x": (1, Change.NONE, 3),
    }
    totals = found.totals
    assert (totals.files, totals.folders, totals.size, totals.hidden) == (2, 1, 11, 1 + 2 + 3)
    first, second, third = found.views
    assert first is not None and second is not None and third is not None
    assert shown(first)["etc/b"] == (1, Change.NONE, 2)
    assert shown(second) == {
        "etc": (2, Change.NONE, 0),
        "etc/b": (2, Change.CHANGED, 0),
        "etc/c": (2, Change.ADDED, 0),
    }
    assert shown(third) == {
        "etc": (3, Change.NONE, 0),
        "etc/a": (3, Change.REMOVES, 0),
        "lists": (3, Change.REMOVES, 0),
    }


@pytest.mark.parametrize("name", [".wh.", ".wh..", ".wh...", "d/.wh.", "d/.wh..", "d/.wh..."])
def test_a_whiteout_of_a_folder_from_inside_it_removes_nothing(name: str) -> None:
    found = merged(layer(("keep", b"1"), ("d/f", b"2")), layer((name, b""), (name, b""), ("new", b"3")))
    rows = shown(found.view)
    assert {row: hider for row, (_, _, hider) in rows.items()} == dict.fromkeys(
        ["d", "d/f", "keep", "new", name], 0
    )
    assert [(found.view.tree.path(node), odd) for node, odd in found.view.tree.oddities.items()] == [
        (name, Oddity.NO_WHITEOUT)
    ]
    assert (found.totals.odd, found.totals.hidden) == (1, 0)


def test_an_opaque_folder_hides_what_is_below_it_and_not_its_own() -> None:
    found = merged(
        layer(("var/a", b"1"), ("var/sub/b", b"22")),
        layer(("var/new", b"333"), ("var/.wh..wh..opq", b"")),
    )
    view = shown(found.view)
    assert (view["var/a"][2], view["var/sub/b"][2], view["var/new"][2]) == (2, 2, 0)
    assert found.totals.hidden == 3
    assert found.views[1] is not None
    assert shown(found.views[1])["var"][1] is Change.REPLACES


def test_what_was_removed_can_come_back() -> None:
    found = merged(layer(("a/b", b"1"), ("a/c", b"1")), layer((".wh.a", b"")), layer(("a/b", b"22")))
    assert shown(found.view) == {
        "a": (3, Change.CHANGED, 0),
        "a/b": (3, Change.CHANGED, 0),
        "a/c": (1, Change.NONE, 2),
    }
    assert (found.totals.size, found.totals.hidden) == (4, 2)


def test_a_file_takes_the_place_of_a_folder_and_the_other_way_round() -> None:
    found = merged(
        layer(("a/in", b"1"), ("b", b"22")),
        layer(("a", b"333"), ("b/in", b"4444")),
    )
    assert shown(found.view) == {
        "a": (2, Change.CHANGED, 0),
        "a/in": (1, Change.NONE, 2),
        "b": (2, Change.CHANGED, 0),
        "b/in": (2, Change.ADDED, 0),
    }
    assert found.totals.hidden == 3


def test_entries_below_a_link_go_where_it_leads() -> None:
    base = layer(("usr/bin/sh", b"1"), ("bin", Link("usr/bin")), ("lib", Link("/nowhere")))
    found = merged(base, layer(("bin/new", b"22"), ("lib/x", b"333"), ("bin/.wh.sh", b"")))
    view = shown(found.view)
    assert view["usr/bin/new"] == (2, Change.ADDED, 0)
    assert view["usr/bin/sh"][2] == 2
    assert view["lib/x"] == (2, Change.ADDED, 0)  # where the layer names it: the link leads nowhere
    assert "bin/new" not in view
    # In one layer too; and a folder that is listed takes the place of the link.
    assert "usr/bin/x" in shown(
        merged(layer(("usr/bin/", FOLDER), ("bin", Link("usr/bin")), ("bin/x", b""))).view
    )
    replaced = merged(base, layer(("bin/", FOLDER), ("bin/new", b"")))
    assert shown(replaced.view)["bin/new"] == (2, Change.ADDED, 0)


def test_links_in_a_circle_end() -> None:
    found = merged(
        layer(("a", Link("b")), ("b", Link("a")), ("self", Link("self/self")), ("up", Link("../../.."))),
        layer(("a/x", b""), ("self/y", b""), ("up/z", b"")),
    )
    assert {"a/x", "self/y", "z"} <= shown(found.view).keys()


def test_hard_links_to_nothing_are_odd() -> None:
    found = merged(
        layer(("real", b"1"), ("good", Link("real", hard=True)), ("bad", Link("../none", hard=True))),
        layer(("self", Link("self", hard=True)), ("later", Link("/real", hard=True))),
    )
    tree = found.view.tree
    assert {tree.path(node): oddity for node, oddity in tree.oddities.items()} == {
        "bad": Oddity.NO_TARGET,
        "self": Oddity.NO_TARGET,
    }
    assert found.totals.odd == 2


def test_folders_sum_up_and_name_their_layer_if_it_is_one() -> None:
    found = merged(
        layer(("usr/", FOLDER), ("usr/doc/a", b"1"), ("usr/doc/b", b"22")),
        layer(("opt/app/x", b"333"), ("usr/lib/c", b"4444")),
    )
    view, tree = found.view, found.view.tree
    sums = {tree.path(node): (view.totals[node], view.same[node]) for node in tree.walk()}
    assert sums[""] == (10, 0)
    assert (sums["usr"], sums["usr/doc"], sums["usr/lib"]) == ((7, 0), (3, 1), (4, 2))
    assert (sums["opt"], sums["opt/app"]) == ((3, 2), (3, 2))


def test_a_changed_mode_of_a_folder_is_a_change_and_a_repeated_folder_is_none() -> None:
    first = layer(("a/", FOLDER), ("b/", FOLDER))
    closed, _ = entry("b", FOLDER)
    closed.mode = 0o700
    found = merged(first, layer(("a/", FOLDER), (closed, b"")))
    assert found.views[1] is not None
    assert [change for _, change, _ in shown(found.views[1]).values()] == [Change.NONE, Change.CHANGED]


def test_a_layer_that_is_not_known_leaves_the_others() -> None:
    found = merged(layer(("a", b"1")), None, layer((".wh.a", b"")))
    assert shown(found.view)["a"] == (1, Change.NONE, 3)
    assert found.views[1] is None


def test_kinds_are_counted() -> None:
    found = merged(layer(("f/a", b""), ("f/h", Link("f/a", hard=True)), ("l", Link("f"))))
    assert Kind(found.view.tree.kinds[found.view.tree.find("l") or 0]) is Kind.SYMLINK
    assert (found.totals.files, found.totals.folders, found.totals.links) == (2, 1, 1)


def test_too_many_names_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merging, "MOST_NAMES", 3)
    with pytest.raises(InvalidLayer, match="size limits"):
        merged(layer(("a", b""), ("b", b"")), layer(("c", b"")))


def test_merging_ends_when_it_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merging, "_SLICE", 1)
    tree = read_tree(LayerTar(pieces(layer(("a", b""), ("b", b""))), cancellation=Cancellation()))
    cancellation = Cancellation()
    cancellation.cancel()
    with pytest.raises(Cancelled):
        merge([tree], cancellation)
