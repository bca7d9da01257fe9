"""Raw: which document is shown, how it is searched, copied and saved, and that long ones do not hold up the window."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from longshore.application.inspection.pretty import Pretty, pretty
from longshore.application.inspection.values import Document, DocumentKind, Inspected
from longshore.application.subject import Subject
from longshore.cancellation import Cancellation
from longshore.models.columns import Tone
from longshore.models.document_lines import DocumentLines, Part
from longshore.oci.reference import Reference
from longshore.transfers.transfer import Endpoint, RegistryPlace
from longshore.widgets.details.document_view import fitted
from longshore.widgets.details.raw import RawTab
from qt.models.made import ENGINE, image, sha

_TAG = Reference.parse("registry.acme.io/acme/web:1")
SUBJECT = Subject(Endpoint(RegistryPlace("registry.acme.io"), _TAG))
MANIFEST = Document(DocumentKind.MANIFEST, sha("m"), "", b'{"schemaVersion":2,"size":1.50}')
CONFIG = Document(
    DocumentKind.CONFIG, sha("c"), "", b'{"config":{"Env":["PATH=/bin","DB_PASSWORD=hunter2"]}}'
)
INDEX = Document(DocumentKind.INDEX, sha("i"), "", b'{"manifests":[]}')
FOUND = Inspected(SUBJECT.end, documents=(MANIFEST, CONFIG))


@pytest.fixture
def tab(framed: Callable[[QWidget], None]) -> RawTab:
    made = RawTab()
    framed(made)
    made.lines_requested.connect(lambda one: made.set_lines(one, pretty(one.raw, Cancellation())))
    made.set_subject(SUBJECT)
    made.set_inspected(FOUND)
    return made


def lines(tab: RawTab) -> list[str]:
    model = tab.view.lines
    return [model.line(row) for row in range(model.rowCount())]


def test_the_manifest_is_shown_with_its_digest(tab: RawTab) -> None:
    assert tab.document is MANIFEST
    assert lines(tab) == ["{", '  "schemaVersion": 2,', '  "size": 1.50', "}"], "numbers as they are"
    assert tab.note.whole().endswith("digest verified") and tab.bytes.whole() == "31 B"
    assert not tab.kinds[DocumentKind.INDEX].isEnabled()
    assert "single image" in tab.kinds[DocumentKind.INDEX].toolTip()
    assert tab.kinds[DocumentKind.INSPECT].isHidden()


def test_the_chosen_kind_stays_for_the_next_image(tab: RawTab) -> None:
    tab.kinds[DocumentKind.CONFIG].click()
    assert tab.document is CONFIG
    tab.set_subject(SUBJECT)
    assert tab.document is None and lines(tab) == []
    assert "No document" in tab.copy_verb.reason
    tab.set_inspected(FOUND)
    assert tab.document is CONFIG
    tab.set_subject(SUBJECT)
    tab.set_inspected(Inspected(SUBJECT.end, documents=(INDEX,)))
    assert tab.document is INDEX, "the next best"


def test_an_engine_shows_what_it_returns(tab: RawTab) -> None:
    made = image("web:1")
    document = Document(DocumentKind.INSPECT, "", "application/json", b'{"Id":"sha256:1"}')
    tab.set_subject(Subject(Endpoint.of(ENGINE, made.name), image=made))
    tab.set_inspected(Inspected(Endpoint.of(ENGINE, made.name), documents=(document,)))
    assert tab.document is document and tab.note.whole() == "As the engine returns it"
    assert tab.kinds[DocumentKind.INSPECT].isVisible() and tab.kinds[DocumentKind.MANIFEST].isHidden()


def test_secrets_are_masked_in_what_is_shown_and_copied(tab: RawTab, qtbot: QtBot) -> None:
    assert not tab.masks_verb.isVisible()
    tab.kinds[DocumentKind.CONFIG].click()
    assert tab.masks_verb.isVisible() and not any("hunter2" in line for line in lines(tab))
    with qtbot.waitSignal(tab.copy_requested) as copied:
        tab.copy_verb.trigger()
    assert "hunter2" not in copied.args[0] and "masked" in tab.note.whole()
    tab.masks_verb.trigger()
    assert any("hunter2" in line for line in lines(tab)) and tab.masks_verb.text() == "Mask values"
    with qtbot.waitSignal(tab.copy_requested) as copied:
        tab.copy_verb.trigger()
    assert copied.args[0].encode() == CONFIG.raw, "as it is stored"


def test_selected_lines_are_copied_with_the_keyboard(tab: RawTab, qtbot: QtBot) -> None:
    tab.view.setCurrentIndex(tab.view.lines.index(1, 0))
    with qtbot.waitSignal(tab.copy_requested) as copied:
        qtbot.keyClick(tab.view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert copied.args == ['"schemaVersion": 2,']
    tab.view.selectAll()
    with qtbot.waitSignal(tab.copy_requested) as copied:
        qtbot.keyClick(tab.view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert copied.args[0].splitlines() == lines(tab)
    qtbot.keyClick(tab.view, Qt.Key.Key_Home)  # no modifier is held for the next test


def test_find_goes_around(tab: RawTab, qtbot: QtBot) -> None:
    rows = []
    for key in (Qt.Key.Key_Return, Qt.Key.Key_Return, Qt.Key.Key_Return):
        tab.find_field.setText("S")
        qtbot.keyClick(tab.find_field, key)
        rows.append(tab.view.currentIndex().row())
    assert rows == [1, 2, 1]
    qtbot.keyClick(tab.find_field, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    assert tab.view.currentIndex().row() == 2
    tab.find_field.setText("nothing")
    qtbot.keyClick(tab.find_field, Qt.Key.Key_Return)
    assert tab.note.whole() == "Not found"


def test_a_long_document_is_searched_in_turns(tab: RawTab, qtbot: QtBot) -> None:
    many = Pretty((*(f'  "{number}",' for number in range(100_000)), "last"), cut=True)
    assert tab.document is not None
    tab.set_lines(tab.document, many)
    assert tab.view.lines.rowCount() == 100_002 and "too long" in tab.view.lines.line(100_001)
    tab.view.seek("last")
    assert tab.view.currentIndex().row() != 100_000, "other events get their turn"
    with qtbot.waitSignal(tab.view.searched) as searched:
        pass
    assert searched.args == [True] and tab.view.currentIndex().row() == 100_000


def test_lines_of_another_document_are_not_shown(tab: RawTab) -> None:
    before = lines(tab)
    tab.set_lines(CONFIG, Pretty(("late",)))
    assert lines(tab) == before


def test_saving_suggests_a_name(tab: RawTab, qtbot: QtBot) -> None:
    with qtbot.waitSignal(tab.save_requested) as saved:
        tab.save_verb.trigger()
    assert saved.args == [MANIFEST, "web-1-manifest.json"]


# -- lines


def test_names_and_texts_have_colours() -> None:
    model = DocumentLines()
    QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    model.set_document(pretty(json.dumps({"a": "b:c", "n": [1, "x"]}).encode(), Cancellation()))
    parts = [part for part in model.parts(1) if part.text.strip()]
    assert parts == [
        Part('"a"', Tone.ACTIVE), Part(": "), Part('"b:c"', Tone.GOOD, elastic=True), Part(","),
    ]  # fmt: skip


def test_control_characters_are_not_painted() -> None:
    model = DocumentLines()
    model.set_document(Pretty(('  "\x1b[31m\u202ered"',)))
    painted = "".join(part.text for part in model.parts(0))
    assert painted.startswith("  ") and "\x1b" not in painted and "\u202e" not in painted


def test_a_line_without_room_loses_the_middle_of_its_text() -> None:
    parts = [Part('  "digest": '), Part('"sha256:0123456789abcdef"', Tone.GOOD, elastic=True), Part(",")]
    assert fitted(parts, 100) == parts
    shown = "".join(part.text for part in fitted(parts, 30))
    assert len(shown) == 30 and shown.startswith('  "digest": "sha') and shown.endswith('def",')
    assert "".join(part.text for part in fitted(parts, 8)) == '  "dige…'
