"""The footer of Registries: when the registries were asked, and what Docker Hub still allows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

from PySide6.QtCore import QObject, Signal
from pytestqt.qtbot import QtBot

from longshore.operations import Operations
from longshore.registry.pull_budget import PullBudget
from longshore.wiring.states import States

from .conftest import Bench


class _Known(QObject):
    checked = Signal()
    changed = Signal(object)
    asked: datetime | None = None
    budget: PullBudget | None = None


def test_the_footer_follows(bench: Bench, qtbot: QtBot) -> None:
    known = _Known()
    wired = States(bench.window, cast(Operations, SimpleNamespace(states=known)))
    footer: Any = bench.window.registry_pane.footer
    known.checked.emit()
    assert footer.whole() == ""
    known.asked = datetime.now(UTC) - timedelta(minutes=4)
    known.changed.emit(frozenset())
    assert footer.whole() == "Checked 4 min ago"
    known.budget = PullBudget(76, 100, None, datetime.now(UTC))
    known.checked.emit()
    assert footer.whole() == "Checked 4 min ago  ·  Docker Hub: 76 of 100 pulls left"
    wired.deleteLater()
