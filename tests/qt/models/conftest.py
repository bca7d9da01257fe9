"""Qt's own tester watches every model under test, and aborts if the model breaks a rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest
from PySide6.QtCore import QAbstractItemModel
from PySide6.QtTest import QAbstractItemModelTester

Model = TypeVar("Model", bound=QAbstractItemModel)


@pytest.fixture
def tested() -> Iterator[Callable[[Model], Model]]:
    """Return a function that makes Qt watch a model, and returns the model."""
    testers: list[tuple[QAbstractItemModelTester, QAbstractItemModel]] = []

    def watch(model: Model) -> Model:
        mode = QAbstractItemModelTester.FailureReportingMode.Fatal
        tester = QAbstractItemModelTester(model, mode)
        # The tester would fetch in the middle of every change, which no view does, and would load pages unasked.
        tester.setUseFetchMore(False)
        testers.append((tester, model))
        return model

    yield watch
    for tester, model in testers:
        tester.deleteLater()
        model.deleteLater()
