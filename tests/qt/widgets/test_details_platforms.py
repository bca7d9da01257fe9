"""Platforms: an index's images, their attestations, and pulling one of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from longshore.application.inspection.values import Attestation, Inspected, PlatformSize
from longshore.application.subject import Subject
from longshore.engine.address import current_address
from longshore.errors import RegistryFailure
from longshore.models.columns import Role, Tone
from longshore.models.platforms import PlatformColumn
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.transfers.transfer import Endpoint, EnginePlace, RegistryPlace
from longshore.widgets.details.platforms import PlatformsTab

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")

WEB = Reference.parse("registry.acme.io/web:1")
AMD, ARM = Platform.parse("linux/amd64"), Platform.parse("linux/arm64")
ONE, TWO = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"
SPDX = ("https://spdx.dev/Document", "https://slsa.dev/provenance/v1")
INDEX = Inspected(
    Endpoint(RegistryPlace("registry.acme.io"), WEB),
    digest=f"sha256:{'9' * 64}",
    platforms=(PlatformSize(AMD, ONE, None), PlatformSize(ARM, TWO, None)),
    attestations=(Attestation(f"sha256:{'3' * 64}", ONE, AMD),),
    platform=AMD,
)
SIZED = replace(
    INDEX,
    platforms=(PlatformSize(AMD, ONE, 71_400_000), PlatformSize(ARM, TWO, 69_800_000)),
    attestations=(Attestation(f"sha256:{'3' * 64}", ONE, AMD, 1_200_000, SPDX),),
)


@pytest.fixture
def tab(qtbot: QtBot) -> PlatformsTab:
    made = PlatformsTab()
    qtbot.addWidget(made)
    made.resize(400, 600)
    made.show()
    made.place_name = "Docker on this machine"
    return made


def cells(tab: PlatformsTab) -> list[list[str]]:
    model = tab.model
    return [
        [str(model.index(row, column).data()) for column in PlatformColumn] for row in range(model.rowCount())
    ]


def test_the_platforms_and_then_their_sizes(qtbot: QtBot, tab: PlatformsTab) -> None:
    tab.set_subject(Subject(INDEX.end))
    tab.settle()
    with qtbot.waitSignal(tab.sizes_requested) as asked:
        tab.set_inspected(INDEX)
    assert asked.args == [INDEX]
    assert cells(tab) == [["linux/amd64", "1111…1111", "", ""], ["linux/arm64", "2222…2222", "", ""]]
    assert tab.sentence.text() == "An index of 2 platforms."
    tab.view.select_row(tab.model.index(1, 0))
    tab.set_sizes(SIZED, SIZED, {})  # of another image
    tab.set_sizes(INDEX, SIZED, {ONE: True, TWO: False})
    assert [row[2:] for row in cells(tab)] == [["71.4 MB", "in sync"], ["69.8 MB", "only there"]]
    assert [tab.model.index(row, 3).data(Role.TONE) for row in (0, 1)] == [Tone.GOOD, Tone.NONE]
    assert tab.sentence.text() == (
        "An index of 2 platforms, 141 MB in all.\nDocker on this machine has linux/amd64."
    )
    assert [str(tab.attestations.index(0, column).data()) for column in range(3)] == [
        "for linux/amd64",
        "SBOM, provenance",
        "1.2 MB",
    ]
    assert tab.count.whole() == "1, attached to these platforms"
    assert tab.view.rows()[0].row() == 1  # the selection stays
    with qtbot.waitSignal(tab.sizes_requested) as asked:
        tab.refresh()
    assert asked.args == [SIZED]
    tab.hide()
    with qtbot.assertNotEmitted(tab.sizes_requested):
        tab.refresh()
    with qtbot.waitSignal(tab.sizes_requested):
        tab.show()


def test_rows_that_are_passed_request_nothing(qtbot: QtBot, tab: PlatformsTab) -> None:
    with qtbot.assertNotEmitted(tab.sizes_requested):
        for _ in range(3):
            tab.set_subject(Subject(INDEX.end))
            tab.set_inspected(INDEX)  # kept from before
    with qtbot.waitSignal(tab.sizes_requested):
        tab.settle()


def test_one_platform_is_pulled(qtbot: QtBot, tab: PlatformsTab) -> None:
    tab.set_subject(Subject(INDEX.end))
    tab.set_inspected(INDEX)
    assert tab.pull_verb.reason == tab.copy_verb.reason == "Select a platform."
    tab.view.select_row(tab.model.index(1, 0))
    assert tab.pull_verb.text() == "Pull linux/arm64" and not tab.pull_verb.reason
    with qtbot.waitSignal(tab.pull_requested) as asked:
        tab.pull_verb.trigger()
    assert asked.args == [WEB, ARM]
    with qtbot.waitSignal(tab.copy_requested) as copied:
        tab.copy_verb.trigger()
    assert copied.args == [TWO]


def test_an_image_of_an_engine_is_local_already(tab: PlatformsTab) -> None:
    end = Endpoint(EnginePlace(current_address("unix:///run/x.sock", {})), WEB)
    found = replace(
        INDEX, end=end, platforms=(PlatformSize(AMD, ONE, 5, True), PlatformSize(ARM, TWO, None, False))
    )
    tab.set_subject(Subject(end))
    tab.set_inspected(found)
    tab.view.select_row(tab.model.index(0, 0))
    assert tab.pull_verb.reason == "The image is local already."
    assert [row[3] for row in cells(tab)] == ["present", "not stored"]
    tab.view.select_row(tab.model.index(1, 0))
    assert tab.pull_verb.text() == "Pull linux/arm64" and not tab.pull_verb.reason


def test_names_of_platforms_are_foreign_text(tab: PlatformsTab) -> None:
    odd = Platform("lin\u202eux", "a&b\x1b[31m")
    tab.set_subject(Subject(INDEX.end))
    tab.set_inspected(replace(INDEX, platforms=(PlatformSize(odd, ONE, None),)))
    tab.view.select_row(tab.model.index(0, 0))
    assert cells(tab)[0][0] == "linux/a&b[31m"
    assert tab.pull_verb.text() == "Pull linux/a&&b[31m"


def test_single_images_and_artifacts(tab: PlatformsTab) -> None:
    single = Inspected(INDEX.end, manifest_digest=ONE, platform=ARM, size_compressed=5_000)
    tab.set_subject(Subject(INDEX.end))
    tab.set_inspected(single)
    assert cells(tab) == [["linux/arm64", "1111…1111", "5 kB", ""]]
    assert tab.sentence.text() == "A single image, for linux/arm64."
    assert not tab.list.isVisible()
    chart = Inspected(INDEX.end, artifact_type="application/vnd.cncf.helm.config.v1+json")
    tab.set_subject(Subject(INDEX.end))
    tab.set_inspected(chart)
    assert cells(tab) == []
    assert "not an image but an artifact" in tab.sentence.text()


def test_an_image_of_an_engine_that_keeps_no_manifest(tab: PlatformsTab) -> None:
    end = Endpoint(EnginePlace(current_address("unix:///run/x.sock", {})), WEB)
    tab.set_subject(Subject(end))
    tab.set_inspected(Inspected(end, image_id=ONE, platform=ARM, size_on_disk=5_000))
    assert cells(tab) == [["linux/arm64", "1111…1111", "", "present"]]
    assert tab.view.isColumnHidden(PlatformColumn.SIZE), "the engine does not know it"
    assert tab.sentence.text() == "The engine keeps this image for linux/arm64 only."
    tab.set_subject(Subject(INDEX.end))
    tab.set_inspected(INDEX)
    assert not tab.view.isColumnHidden(PlatformColumn.SIZE)


def test_a_refusal_and_the_low_panel(qtbot: QtBot, tab: PlatformsTab) -> None:
    tab.set_subject(Subject(INDEX.end))
    tab.set_inspected(INDEX)
    tab.set_refused(INDEX, RegistryFailure("It is down.", registry="r.io"))
    assert "It is down." in tab.notice.label.text()
    tab.resize(880, 400)
    tab.set_wide(True)
    assert not tab.sentence.isVisible() and tab.note.whole() == "An index of 2 platforms."
    qtbot.waitUntil(lambda: tab.list.mapTo(tab, QPoint()).x() >= tab.view.width() > 0)
    tab.set_inspected(replace(INDEX, attestations=()))
    qtbot.waitUntil(lambda: tab.view.width() == tab.width())  # no empty half
    tab.set_inspected(INDEX)
    tab.set_wide(False)
    qtbot.waitUntil(lambda: tab.list.mapTo(tab, QPoint()).y() >= tab.view.height())


def test_the_attestations_follow_the_platforms_and_the_sentence_follows_them(tab: PlatformsTab) -> None:
    tab.set_subject(Subject(SIZED.end))
    tab.set_inspected(SIZED)
    QApplication.processEvents()

    def top(widget: QWidget) -> int:
        return widget.mapTo(tab, QPoint(0, 0)).y()

    last = tab.view.visualRect(tab.model.index(1, 0)).bottom() + 1
    rows = top(tab.view.viewport()) + last
    assert 0 <= top(tab.beside) - rows <= 10
    assert 0 <= top(tab.sentence) - (top(tab.list) + tab.list.height()) <= 12
    assert not tab.view.verticalScrollBar().isVisible()
    tab.resize(400, 260)  # too low for all of it: the table scrolls, the rest stays
    QApplication.processEvents()
    assert top(tab.sentence) + tab.sentence.height() <= tab.height()


def test_many_platforms_leave_room_for_what_follows(tab: PlatformsTab) -> None:
    many = replace(SIZED, platforms=SIZED.platforms * 20)
    tab.set_subject(Subject(many.end))
    tab.set_inspected(many)
    QApplication.processEvents()
    assert tab.view.verticalScrollBar().isVisible()
    assert tab.sentence.mapTo(tab, QPoint(0, tab.sentence.height())).y() <= tab.height()
    tab.set_wide(True)
    tab.resize(800, 150)
    QApplication.processEvents()
    assert tab.view.height() == tab.list.parentWidget().height()
