"""Every model under test is watched by Qt's own tester, which aborts on what a model must not do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest
from PySide6.QtCore import QAbstractItemModel
from PySide6.QtTest import QAbstractItemModelTester

Model = TypeVar("Model", bound=QAbstractItemModel)


@pytest.fixture
def tested() -> Iterator[Callable[[Model], Model]]:
    """Makes Qt watch a model, and returns it."""
    testers: list[tuple[QAbstractItemModelTester, QAbstractItemModel]] = []

    def watch(model: Model) -> Model:
        mode = QAbstractItemModelTester.FailureReportingMode.Fatal
        tester = QAbstractItemModelTester(model, mode)
        # It would fetch in the midst of every change, which no view does, and would load pages unasked.
        tester.setUseFetchMore(False)
        testers.append((tester, model))
        return model

    yield watch
    for tester, model in testers:
        tester.deleteLater()
        model.deleteLater()
