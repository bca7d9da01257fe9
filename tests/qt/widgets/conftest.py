"""The whole window on real models, with the program's theme."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from longshore.errors import LongshoreError
from longshore.models.images import ImageModel
from longshore.models.registries import RegistryModel
from longshore.models.tags import TagModel
from longshore.models.transfers import TransferModel
from longshore.transfers.queue.mailbox import Changes
from longshore.transfers.transfer import TransferSnapshot
from longshore.widgets.actions import Actions
from longshore.widgets.dialogs.target_sheet import TargetSheet
from longshore.widgets.main_window import MainWindow
from longshore.widgets.theme import Appearance, Theme, current_theme
from longshore.widgets.verbs import Verb, VerbBar, VerbButton
from qt.models.made import entry, image
from testbed.errors import TestbedUnavailable, require
from testbed.processes import find_program


@pytest.fixture(scope="session")
def theme(qapp: QApplication) -> Theme:
    """The program's theme, installed once as the program does."""
    found = current_theme()
    found.install(qapp, Appearance.LIGHT)
    return found


@pytest.fixture
def light(theme: Theme) -> Iterator[Theme]:
    """The theme in its light variant, also after the test."""
    theme.set_appearance(Appearance.LIGHT)
    yield theme
    theme.set_appearance(Appearance.LIGHT)


@dataclass
class Bench:
    """A window and its models, with short functions to fill them."""

    window: MainWindow
    actions: Actions
    images: ImageModel
    registries: RegistryModel
    tags: TagModel
    transfers: TransferModel

    def ready(self, *names: str | None) -> None:
        """Show an engine that responds and has these images."""
        self.images.set_images([image(name) for name in names])
        self.window.image_pane.set_ready()

    def list(self, host: str, *repositories: str, error: LongshoreError | None = None) -> None:
        """Show a registry that was listed, or whose listing failed with *error*."""
        self.registries.set_registries([entry("docker.io"), entry(host)])
        generation = self.registries.begin_listing(host)
        if error is not None:
            self.registries.fail(host, generation, error)
        else:
            self.registries.append_page(host, generation, list(repositories), False, len(repositories))
        self.window.registry_pane.expand(host)

    def show_tags(self, host: str, repository: str, *names: str) -> None:
        """Select the repository and show these tags."""
        self.window.registry_pane.select_repository(host, repository)
        self.tags.append_tags(self.tags.reset(host, repository), list(names), False)

    def button(self, verb: Verb) -> VerbButton:
        """Return the button of *verb*, in whichever pane it is."""
        bar = verb.parent()
        assert isinstance(bar, VerbBar)
        return bar.button(verb)

    def move(self, *snapshots: TransferSnapshot) -> None:
        """Apply these snapshots as changes of the queue."""
        self.transfers.apply(Changes(snapshots=list(snapshots)))


@pytest.fixture
def bench(light: Theme, qtbot: QtBot) -> Bench:
    """An empty window on the screen."""
    models = ImageModel(), RegistryModel(), TagModel(), TransferModel()
    images, registries, tags, transfers = models
    window = MainWindow(images, registries, tags)
    window.add_transfers(transfers)
    qtbot.addWidget(window)
    window.resize(1280, 800)
    window.show()
    qtbot.waitExposed(window)
    return Bench(window, Actions(window), *models)


@pytest.fixture
def framed(light: Theme, qtbot: QtBot) -> Iterator[Callable[[QWidget], None]]:
    """Shows a widget inside a bare window: offscreen, a window itself must not change its smallest size."""
    windows: list[QWidget] = []

    def show(widget: QWidget, width: int = 400, height: int = 600) -> None:
        window = QWidget()
        windows.append(window)
        qtbot.addWidget(window)
        widget.setParent(window)
        widget.resize(width, height)
        window.resize(width, height)
        window.show()
        qtbot.waitExposed(window)

    yield show
    windows.clear()


@pytest.fixture
def session(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a private session bus."""
    try:
        program = find_program("dbus-daemon", "dbus")
    except TestbedUnavailable as problem:
        require(problem)
    daemon = subprocess.Popen(
        [
            program,
            "--session",
            "--nofork",
            "--nopidfile",
            f"--address=unix:path={tmp_path}/bus",
            "--print-address",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert daemon.stdout is not None
    yield {**os.environ, "DBUS_SESSION_BUS_ADDRESS": daemon.stdout.readline().strip()}
    daemon.kill()
    daemon.wait()
    daemon.stdout.close()


def find_nothing(sheet: TargetSheet) -> None:
    """Answer *sheet* that none of its resulting references exists."""
    targets = sheet.targets
    targets.existing_requested.connect(
        lambda asked: [targets.set_existing(reference, None) for reference in asked]
    )
