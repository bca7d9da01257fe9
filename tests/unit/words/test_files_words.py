"""Names from images in one line, and what is said about files."""

from __future__ import annotations

import pytest

from layertools import FOLDER, Link, entry, layer, pieces
from longshore.application.files.layer_tar import LayerTar, read_tree
from longshore.application.files.layers import Cost, Stage, Way
from longshore.application.files.merging import merge
from longshore.application.files.tree import Totals
from longshore.cancellation import Cancellation
from longshore.words import files as words


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("usr/bin/app", "usr/bin/app"),
        ("red\x1b[31m", "red\\x1b[31m"),
        ("new\nline", "new\\x0aline"),
        ("\u202egpj.exe", "\\u202egpj.exe"),
        ("latin\udcff", "latin\\xff"),
        ("ünïcode", "ünïcode"),
        ("   ", "(blanks)"),
        ("x" * 400, "x" * 299 + "…"),
    ],
)
def test_names_are_shown_in_one_line(name: str, shown: str) -> None:
    assert words.shown_name(name) == shown


def test_lines_about_entries() -> None:
    raws = (
        layer(
            ("a", FOLDER),
            entry("a/app", b"x", mode=0o4755),
            ("l", Link("a\x07")),
            ("h", Link("no", hard=True)),
        ),
        layer((".wh.l", b""), ("a/app", b"y"), ("../out", b""), ("new", b""), ("new", b"")),
    )
    merged = merge(
        [read_tree(LayerTar(pieces(raw), cancellation=Cancellation())) for raw in raws], Cancellation()
    )
    view = merged.view
    lines = {
        view.tree.path(node): (
            words.mode_text(view, node),
            words.change_text(view, node),
            words.target_text(view.tree, node),
            words.oddity_text(view.tree, node)[:30],
        )
        for node in view.tree.walk()
        if node
    }
    assert lines == {
        "../out": ("-rw-r--r--", "added", "", "This name leads out of the ima"),
        "a": ("drwxr-xr-x", "", "", ""),
        "a/app": ("-rw-r--r--", "changed", "", ""),
        "h": ("-rw-r--r--", "", "no", "This is a hard link to a file "),
        "l": ("lrw-r--r--", "removed by layer 2", "a\\x07", ""),
        "new": ("-rw-r--r--", "added", "", "The layer contains this name s"),
    }
    second = merged.views[1]
    assert second is not None
    removed = second.tree.find("l")
    assert removed is not None
    assert (words.mode_text(second, removed), words.change_text(second, removed)) == ("----------", "removed")


def test_sums() -> None:
    assert (
        words.totals_text(Totals(1842, size=183_000_000, hidden=16_900_000))
        == "1,842 files, 183 MB; 16.9 MB of it is hidden by later layers"
    )
    assert words.totals_text(Totals(1, size=5)) == "1 file, 5 B"
    assert words.odd_text(0) == ""
    assert words.odd_text(2).startswith("2 entries")


def test_what_it_costs_is_said_first() -> None:
    fetched = Cost(5, 2, Way.FETCHED, 71_400_000, "registry.acme.io")
    assert "downloads up to 71.4 MB from registry.acme.io" in words.cost_text(fetched, "")
    assert words.button_text(fetched) == "Download 71.4 MB and list files"
    saved = Cost(5, 0, Way.SAVED, 183_000_000)
    assert "Docker sends the whole image once, about 183 MB" in words.cost_text(saved, "Docker")
    assert words.button_text(saved) == "List files"
    assert "reads 1 MB" in words.cost_text(Cost(1, 0, Way.READ, 1_000_000), "")
    known = Cost(5, 5, Way.SAVED, 0)
    assert "no download" in words.cost_text(known, "Docker")
    assert words.button_text(known) == "List files"
    assert words.stage_text(Stage.FETCHING, 44_600_000, 72_000_000) == "Downloading layers: 44.6 of 72 MB"
    assert words.problem_text(3, "It is damaged.") == "Layer 3 is not shown: It is damaged."
