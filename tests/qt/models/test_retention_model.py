"""The rows of a retention plan: order, what happens to each image, and the words of tooltips."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester

from longshore.application.cleanup.retention import RetentionPlan, make
from longshore.application.cleanup.retention_rules import RetentionRules
from longshore.application.cleanup.tags import RepositoryContents, RepositoryTag
from longshore.models.columns import Role
from longshore.models.retention import RetentionColumn, RetentionModel
from longshore.naturalsort import natural_key
from longshore.oci.reference import Reference
from longshore.registry.model import Parts
from longshore.registry.tag_deletion import Way
from qt.models.made import texts

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def plan() -> RetentionPlan:
    tags, parts = [], {}
    for number, names in enumerate((["v10"], ["v9", "lts"], ["v2"])):
        digest = f"sha256:{number:064x}"
        parts[digest] = Parts(((f"sha256:{100 + number:064x}", (number + 1) * 1_000_000),))
        tags += [
            RepositoryTag(name, digest, NOW - timedelta(days=number), (number + 1) * 1_000_000)
            for name in names
        ]
    tags.sort(key=lambda one: natural_key(one.tag))
    contents = RepositoryContents(Reference("r.example", "app"), tuple(tags), parts, Way.TAG)
    return make(contents, RetentionRules(keep_newest=0, never=("lts",)), NOW)


@pytest.fixture
def model(qapp: object) -> RetentionModel:
    found = RetentionModel()
    QAbstractItemModelTester(found, QAbstractItemModelTester.FailureReportingMode.Fatal, found)
    made = plan()
    found.set_plan(made, 100)
    found.show_outcome(made.outcome(found.ticked))
    return found


def test_each_tag_says_what_happens_to_its_image(model: RetentionModel) -> None:
    assert texts(model, RetentionColumn.TAG) == ["v2", "v9", "v10"]
    assert texts(model, RetentionColumn.REASON) == ["3rd newest", "2nd newest", "1st newest"]
    assert texts(model, RetentionColumn.IMAGE) == ["Removed", "Stays as lts", "Removed"]
    assert texts(model, RetentionColumn.FREES) == ["3 MB", "", "1 MB"]
    model.tick([0], False)
    model.show_outcome(plan().outcome(model.ticked))
    assert (model.ticked, texts(model, RetentionColumn.IMAGE)[0]) == (["v9", "v10"], "Kept")
    assert model.index(0, RetentionColumn.TAG).data(Role.DIM)
    # Another plan keeps what was unticked.
    model.set_plan(plan(), 2)
    assert [row.key for row in model.rows] == ["v2", "v9"] and model.ticked == ["v9"]
    model.set_plan(None, 2)
    assert model.rowCount() == 0 and model.tick_state is Qt.CheckState.Unchecked


@pytest.mark.parametrize(
    ("column", "first", "last"),
    [
        (RetentionColumn.TAG, "v2", "v10"),
        (RetentionColumn.REASON, "v10", "v2"),
        (RetentionColumn.FREES, "v9", "v2"),
        (RetentionColumn.IMAGE, "v2", "v9"),
    ],
)
def test_the_order_by_each_column(
    model: RetentionModel, column: RetentionColumn, first: str, last: str
) -> None:
    model.sort(column, Qt.SortOrder.AscendingOrder)
    assert (model.rows[0].key, model.rows[-1].key) == (first, last)


def test_tooltips_name_siblings_and_what_is_hidden(model: RetentionModel) -> None:
    whole = str(model.index(1, RetentionColumn.TAG).data(Qt.ItemDataRole.ToolTipRole))
    for part in ("v9", "sha256:000000000000", "Also lts", "2026", "2 MB compressed"):
        assert part in whole
    assert "Stays as lts" in str(model.index(1, RetentionColumn.IMAGE).data(Qt.ItemDataRole.ToolTipRole))
