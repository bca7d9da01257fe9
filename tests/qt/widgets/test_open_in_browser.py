"""Open in browser: which page is opened, why none is, and what happens where no browser is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from pytestqt.qtbot import QtBot

from longshore.cancellation import Cancellation
from longshore.oci.reference import Reference
from longshore.registry.config import RegistryConfig
from longshore.wiring.web_pages import WebPages

from .conftest import Bench


@dataclass
class Desk:
    """A window whose addresses are collected instead of opened."""

    bench: Bench
    opened: list[str] = field(default_factory=list)
    copied: list[str] = field(default_factory=list)
    browser: bool = True

    def open(self, url: QUrl) -> bool:
        self.opened.append(url.toString(QUrl.ComponentFormattingOption.FullyEncoded))
        return self.browser


@pytest.fixture
def desk(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    made = Desk(bench)
    monkeypatch.setattr(QDesktopServices, "openUrl", made.open)

    def run(
        _pool: object, work: Callable[[Cancellation], int], *, done: Callable[[int], None], **_: object
    ) -> None:
        done(work(Cancellation()))

    lister = SimpleNamespace(project_number=lambda repository, cancellation: 7)
    operations: Any = SimpleNamespace(
        registries=SimpleNamespace(book=SimpleNamespace(config=RegistryConfig)),
        clients=SimpleNamespace(lister=lambda _host: lister),
        tasks=SimpleNamespace(run=run, listing=None),
    )
    shared: Any = SimpleNamespace(to_clipboard=made.copied.append, show_failure=lambda error: None)
    WebPages(bench.window, operations, shared)
    yield made


def test_a_local_image_opens_its_page_and_says_why_it_has_none(desk: Desk, qtbot: QtBot) -> None:
    pane = desk.bench.window.image_pane
    desk.bench.ready("ghcr.io/acme/web:1", "127.0.0.1:5000/app:1", None)
    assert pane.browser_verb.reason == "Select an image first."
    pane.select_image(Reference.parse("ghcr.io/acme/web:1"), set())
    desk.bench.actions.browser.trigger()
    assert desk.opened == ["https://ghcr.io/acme/web"]
    pane.view.select_rows([pane.model.index_of(Reference.parse("127.0.0.1:5000/app:1"))])
    assert pane.browser_verb.reason == "A registry on this machine has no web page."
    pane.view.select_rows([pane.model.index(2, 0)])
    assert pane.browser_verb.reason == "An image without a name has no page."
    pane.open_in_browser()
    assert pane.explanation == pane.browser_verb.reason
    pane.view.selectAll()
    assert pane.browser_verb.reason == "Select only one image."
    assert len(desk.opened) == 1


def test_a_tag_opens_its_page(desk: Desk, qtbot: QtBot) -> None:
    bench, pane = desk.bench, desk.bench.window.registry_pane
    bench.list("quay.io", "acme/web")
    bench.show_tags("quay.io", "acme/web", "1", "2")
    pane.tags.view.select_rows([bench.tags.index(0, 0)])
    pane.open_in_browser()
    assert desk.opened == ["https://quay.io/repository/acme/web?tab=tags&tag=2"]


def test_harbor_is_asked_for_the_number_of_the_project(desk: Desk) -> None:
    bench, pane = desk.bench, desk.bench.window.registry_pane
    bench.list("harbor.acme.io", "team/web")
    bench.registries.set_make("harbor.acme.io", "harbor", searches=True)
    pane.select_repository("harbor.acme.io", "team/web")
    pane.open_in_browser()
    assert desk.opened == ["https://harbor.acme.io/harbor/projects/7/repositories/web"]


def test_without_a_browser_the_address_can_be_copied(desk: Desk) -> None:
    desk.browser = False
    pane = desk.bench.window.image_pane
    desk.bench.ready("ghcr.io/acme/web:1")
    pane.view.setFocus()
    pane.view.selectAll()
    pane.open_in_browser()
    assert pane.explanation == "No browser could be opened. The address is https://ghcr.io/acme/web"
    assert pane._notice is not None
    pane._notice.button.click()
    assert desk.copied == ["https://ghcr.io/acme/web"]
