"""The image of a build is selected when it arrives; that of a pull is not."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from PySide6.QtCore import QObject, Signal

from longshore.engine.address import EngineAddress
from longshore.oci.reference import Reference
from longshore.operations.operations import Operations
from longshore.transfers.builds import Build
from longshore.transfers.transfer import EnginePlace, State, TransferSnapshot
from longshore.wiring.builds import Builds
from qt.models.made import image
from qt.widgets.conftest import Bench

PLACE = EnginePlace(EngineAddress("default", "unix:///run/docker.sock"))
NAMES = (Reference.parse("docker.io/acme/billing:2"), Reference.parse("docker.io/acme/billing:3"))


def built(*names: Reference) -> TransferSnapshot:
    request = Build(Path("/src/web"), PLACE, names).request()
    return TransferSnapshot(
        "one", request, State.SUCCEEDED, 1000, 0, None, None, None, cast(Any, None), digest="sha256:new"
    )


class _Images(QObject):
    arrived = Signal(object)
    status_changed = Signal(object)
    status = SimpleNamespace(place=PLACE)


class _Transfers(QObject):
    succeeded = Signal(object)
    tally_changed = Signal()

    def ask(self, requests: list[object]) -> list[str]:
        return ["one"] * len(requests)


@pytest.fixture
def wired(bench: Bench) -> Builds:
    operations = SimpleNamespace(
        images=_Images(), transfers=_Transfers(), builds=SimpleNamespace(remember=lambda build: None)
    )
    return Builds(bench.window, cast(Any, operations), cast(Any, None))


def names(bench: Bench) -> list[str]:
    return [each.name.shown for each in bench.window.image_pane.selected()]


def test_it_replaces_the_selection_that_was_there_when_it_was_asked_for(bench: Bench, wired: Builds) -> None:
    bench.ready("acme/api:1", "acme/billing:2")
    bench.window.image_pane.view.selectRow(0)
    wired._build(Build(Path("/src/web"), PLACE, NAMES[:1]))
    wired.operations.transfers.succeeded.emit(built(NAMES[0]))
    wired.operations.images.arrived.emit(NAMES[0])
    assert names(bench) == ["acme/billing:2"]


def test_a_pull_or_a_build_of_another_place_selects_nothing(bench: Bench, wired: Builds) -> None:
    bench.ready("acme/api:1", "acme/billing:2")
    bench.window.image_pane.view.selectRow(0)
    wired.operations.images.arrived.emit(NAMES[0])
    assert names(bench) == ["acme/api:1"]
    wired._build(Build(Path("/src/web"), PLACE, NAMES[:1]))
    wired.operations.images.status_changed.emit(SimpleNamespace(place=None))
    wired.operations.transfers.succeeded.emit(built(NAMES[0]))
    wired.operations.images.arrived.emit(NAMES[0])
    assert names(bench) == ["acme/api:1"]


def test_an_image_without_a_name_is_selected_by_its_id(bench: Bench, wired: Builds) -> None:
    bench.images.set_images([image("acme/api:1"), image(None, image_id="sha256:new")])
    wired._build(Build(Path("/src/web"), PLACE))
    wired.operations.transfers.succeeded.emit(built())
    wired.operations.images.arrived.emit("sha256:new")
    assert [each.image_id for each in bench.window.image_pane.selected()] == ["sha256:new"]


@pytest.mark.parametrize(
    ("given", "awaited"), [(NAMES, list(NAMES)), ((), ["sha256:new"])], ids=["all names", "no name"]
)
def test_all_names_of_a_build_are_awaited(given: tuple[Reference, ...], awaited: list[object]) -> None:
    found: list[object] = []
    images = SimpleNamespace(await_image=lambda place, sought: found.append(sought))
    fake = SimpleNamespace(recent=SimpleNamespace(look=lambda: None), images=images)
    Operations._succeeded(cast(Any, fake), built(*given))
    assert found == awaited
