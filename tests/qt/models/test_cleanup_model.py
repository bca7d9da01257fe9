"""The rows of a clean-up: ticks that outlive a change of rules, names in their parts, states, and order."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QPersistentModelIndex, Qt
from PySide6.QtTest import QAbstractItemModelTester

from longshore.application.cleanup.plan import PlacePlan, make
from longshore.application.cleanup.rules import Rules
from longshore.application.states import State
from longshore.models.cleanup import CleanUpColumn, CleanUpModel
from longshore.models.columns import Role, Tone
from longshore.oci.disk_usage import DiskUsage
from longshore.oci.local_image import LocalImage
from longshore.oci.reference import Reference
from longshore.transfers.transfer import LibraryPlace
from qt.models.made import ENGINE, image, row_texts, sha, texts

ALL = Rules(dangling=True, unused=True)
BIG = image("ghcr.io/acme/ci-runner:v12", size=1_310_000_000)
EIGHT = [image(f"acme/web:{number}", image_id=sha("eight")) for number in range(8)]
NONE = image(None)
IMAGES = [BIG, *EIGHT, NONE]
SIZES = {BIG.image_id: 1_310_000_000, sha("eight"): 22_600_000, NONE.image_id: 24_500_000}
USAGE = DiskUsage(SIZES, {name: frozenset({name}) for name in SIZES})


def plan(rules: Rules = ALL, images: list[LocalImage] = IMAGES, usage: DiskUsage | None = USAGE) -> PlacePlan:
    return make(ENGINE, rules, images, usage)


@pytest.fixture
def model(qapp: object) -> CleanUpModel:
    found = CleanUpModel()
    QAbstractItemModelTester(found, QAbstractItemModelTester.FailureReportingMode.Fatal, found)
    found.set_plans([(plan(), "")])
    return found


def ticks(model: CleanUpModel) -> list[bool]:
    return [row.ticked for row in model.rows]


def test_what_frees_most_comes_first(model: CleanUpModel) -> None:
    assert texts(model, CleanUpColumn.IMAGE) == [
        "ghcr.io/acme/ci-runner:v12",
        f"<none>  {NONE.name.short}",
        "acme/web:0  +7 tags",
    ]
    assert texts(model, CleanUpColumn.FREES) == ["1.31 GB", "24.5 MB", "22.6 MB"]
    assert texts(model, CleanUpColumn.REASON) == ["unused, new", "dangling", "unused, new"]
    for column, order, first in (
        (CleanUpColumn.IMAGE, Qt.SortOrder.AscendingOrder, "<none>"),
        (CleanUpColumn.IMAGE, Qt.SortOrder.DescendingOrder, "ghcr.io"),
        (CleanUpColumn.FREES, Qt.SortOrder.AscendingOrder, "acme/web"),
        (CleanUpColumn.REASON, Qt.SortOrder.AscendingOrder, "<none>"),
    ):
        model.sort(column, order)
        assert texts(model, CleanUpColumn.IMAGE)[0].startswith(first)


def test_sorting_keeps_the_current_row(model: CleanUpModel) -> None:
    kept = QPersistentModelIndex(model.index(0, CleanUpColumn.IMAGE))
    model.sort(CleanUpColumn.FREES, Qt.SortOrder.AscendingOrder)
    assert (kept.row(), kept.data()) == (2, "ghcr.io/acme/ci-runner:v12")


def test_ticks_outlive_other_rules(model: CleanUpModel) -> None:
    assert ticks(model) == [True] * 3 and model.tick_state is Qt.CheckState.Checked
    changes: list[bool] = []
    model.ticks_changed.connect(lambda: changes.append(True))
    assert model.setData(
        model.index(1, CleanUpColumn.TICK), Qt.CheckState.Unchecked, Qt.ItemDataRole.CheckStateRole
    )
    assert ticks(model) == [True, False, True] and changes
    assert model.tick_state is Qt.CheckState.PartiallyChecked
    assert not model.setData(model.index(1, 0), "x")
    model.set_plans([(plan(Rules(dangling=True)), "")])
    assert ticks(model) == [False] and model.tick_state is Qt.CheckState.Unchecked
    assert model.ticked(ENGINE) == ()
    model.set_plans([(plan(), "")])
    assert ticks(model) == [True, False, True]
    model.tick(range(3), True)
    assert len(model.ticked(ENGINE)) == 3


def test_a_tag_of_an_image_that_stays_frees_nothing(model: CleanUpModel) -> None:
    model.set_plans([(plan(Rules(names=("*:3",))), "")])
    assert row_texts(model, 0) == ["", "acme/web:3", "named *:3", "", "tag only"]
    assert "7 other tags keep the image." in model.index(0, CleanUpColumn.IMAGE).data(
        Qt.ItemDataRole.ToolTipRole
    )


def test_tooltips_name_all_tags(model: CleanUpModel) -> None:
    shown = model.index(2, CleanUpColumn.IMAGE).data(Qt.ItemDataRole.ToolTipRole)
    assert all(f"acme/web:{number}" in shown for number in range(8))
    many = [image(f"acme/web:{number}", image_id=sha("many")) for number in range(50)]
    model.set_plans([(plan(images=many), "")])
    assert model.index(0, 1).data(Qt.ItemDataRole.ToolTipRole).count("acme/web") == 20


def test_states_are_kept_while_rules_change(model: CleanUpModel) -> None:
    assert len(model.without_state(ENGINE)) == 3
    assert BIG.reference is not None
    model.set_states(ENGINE, {BIG.reference: State.NEWER})
    assert texts(model, CleanUpColumn.STATE) == ["newer", "only here", ""]
    tones = [model.index(row, CleanUpColumn.STATE).data(Role.TONE) for row in range(3)]
    assert tones == [Tone.CAUTION, Tone.QUIET, None]
    model.set_states(ENGINE, {BIG.reference: State.UNKNOWN})
    assert model.index(0, CleanUpColumn.STATE).data(Role.TONE) is Tone.OUTLINE
    model.set_states(ENGINE, {BIG.reference: State.NEWER})
    assert [row.name.strong for row in model.without_state(ENGINE)] == ["acme/web"]
    model.set_plans([(plan(), "")])
    assert texts(model, CleanUpColumn.STATE) == ["newer", "only here", ""]
    known = image(None, image_id=sha("known"), repo_digests=("a.io/b@sha256:" + "1" * 64,))
    model.set_plans([(plan(images=[known], usage=None), "")])
    model.set_states(ENGINE, {})
    assert row_texts(model, 0)[3:] == ["unknown", ""]


def test_several_places_are_named_and_ticked_apart(model: CleanUpModel) -> None:
    library = LibraryPlace(Path("/library"))
    other = make(library, Rules(dangling=True), [NONE], None)
    model.set_plans([(plan(Rules(dangling=True)), "default"), (other, "Library")])
    assert [row.name.dim for row in model.rows] == [
        f"{NONE.name.short}  default",
        f"{NONE.name.short}  Library",
    ]
    model.tick([1], False)
    assert (len(model.ticked(ENGINE)), len(model.ticked(library))) == (1, 0)


def test_foreign_names_are_made_safe(model: CleanUpModel) -> None:
    odd = image("a.io/x:1", repo_digests=())
    digest = LocalImage(Reference.parse(f"a.io/x@sha256:{'1' * 64}"), sha("d"), None, 1)
    model.set_plans([(plan(images=[odd, digest], usage=None), "")])
    assert any("@sha256:111111111111" in name for name in texts(model, CleanUpColumn.IMAGE))
    assert texts(model, CleanUpColumn.FREES) == ["", ""]


def test_short_forms_are_unique(model: CleanUpModel) -> None:
    images = [image("a.io/x/web:1"), image("b.io/x/web:1"), image("a.io/y/app:1")]
    model.set_plans([(plan(images=images, usage=None), "")])
    short = {row.name.strong: row.name.short for row in model.rows}
    assert short == {"a.io/x/web": (), "b.io/x/web": (), "a.io/y/app": ("…/y/app", "…/app")}
