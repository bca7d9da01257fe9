"""The tab Attached: its rows, what the selected one says, counted registries, scans."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from longshore.application.attached.finding import Attachment, Found, How
from longshore.application.attached.kinds import Kind
from longshore.application.attached.provenance import Provenance
from longshore.application.attached.reading import Said
from longshore.application.attached.registry_scans import RegistryScan
from longshore.application.attached.sboms import Package, Sbom
from longshore.application.attached.scanning import Scanner
from longshore.application.console import Console
from longshore.application.inspection.values import Inspected
from longshore.application.signatures.scopes import parse_scope
from longshore.application.signatures.verifying import Reason, SignatureState, Verdict
from longshore.application.subject import Subject
from longshore.errors import LongshoreError
from longshore.models.attached import (
    AttachedModel,
    FindingModel,
    PackageModel,
    finding_rows,
    package_rows,
)
from longshore.models.columns import Tone
from longshore.oci.descriptor import Descriptor
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.oci.scan_result import Finding, ScanResult, Severity
from longshore.operations.attached import Read
from longshore.transfers.transfer import Endpoint, LibraryPlace, RegistryPlace
from longshore.widgets.details.attached import AttachedTab
from longshore.widgets.details.attached_list import ROW
from longshore.widgets.theme import Theme
from qt.models.made import sha

WEB = Subject(Endpoint(RegistryPlace("r.example"), Reference.parse("r.example/acme/web:1")))
OTHER = Subject(Endpoint(RegistryPlace("r.example"), Reference.parse("r.example/acme/web:2")))
TRIVY, GRYPE = Scanner("trivy", Path("/trivy")), Scanner("grype", Path("/grype"))


def attachment(kind: Kind, media_type: str = "application/json", **more: Any) -> Attachment:
    document = Descriptor(media_type, sha(kind.value), 1_100_000)
    given = {"document": document, "platform": Platform("linux", "amd64"), **more}
    return Attachment(kind, How.REFERRER, sha("image"), sha("m"), "", media_type, 1_100_000, **given)


SIGNATURE = attachment(Kind.SIGNATURE, "application/vnd.dev.cosign.simplesigning.v1+json", platform=None)
SBOM, BUILT, SCAN = (attachment(kind) for kind in (Kind.SBOM, Kind.PROVENANCE, Kind.SCAN))
FOUND = Found(WEB.end, sha("image"), (sha("image"),), (SIGNATURE, SBOM, BUILT, SCAN))
PACKAGES = [Package("zlib", "1.3"), Package("curl", "7.88", "curl", "pkg:deb/debian/curl@7.88")]
RESULT = ScanResult.of(
    "Trivy 1", [Finding("CVE-1", Severity.CRITICAL, "curl", "7", "8"), Finding("CVE-2", Severity.LOW)]
)


class Asked:
    """The tab with what it requests."""

    def __init__(self, tab: AttachedTab, host: QWidget) -> None:
        self.tab = tab
        self.host = host  # owns the tab
        self.calls: list[tuple[Any, ...]] = []
        for name in ("look", "read", "save", "export", "scan", "stop"):
            signal = getattr(tab, f"{name}_requested")
            signal.connect(lambda *words, name=name: self.calls.append((name, *words)))

    def take(self) -> list[tuple[Any, ...]]:
        taken, self.calls = self.calls, []
        return taken

    def say(self, one: Attachment, said: Said) -> None:
        rows = package_rows(said.sbom.packages) if said.sbom else []
        self.tab.set_read(WEB, one, Read(said, rows, finding_rows(said.scan.findings) if said.scan else []))

    def select(self, place: int) -> None:
        self.tab.list.select_place(place)

    def table(self) -> list[tuple[str, ...]]:
        section = self.tab.tables.section
        if section is None:
            shown = self.tab.tables.facts.facts
            facts = [shown.fact(shown.index(row, 0)) for row in range(shown.rowCount())]
            return [(one.name, one.value) for one in facts if one is not None]
        model = section.view.model()
        return [
            tuple(str(model.index(row, column).data()) for column in range(model.columnCount()))
            for row in range(model.rowCount())
        ]


@pytest.fixture
def asked(qtbot: QtBot, light: Theme) -> Iterator[Asked]:
    host = QWidget()
    qtbot.addWidget(host)
    host.resize(400, 600)
    tab = AttachedTab()
    for part, place in ((tab, 0), (tab.verbs, 562)):
        part.setParent(host)
        part.setGeometry(0, place, 400, 560 if place == 0 else 34)
    host.show()
    tab.set_subject(WEB)
    made = Asked(tab, host)
    yield made


@pytest.fixture
def full(asked: Asked) -> Asked:
    """The tab with four attachments that were read."""
    asked.tab.settle()
    asked.tab.set_found(WEB, FOUND)
    asked.say(SBOM, Said(Kind.SBOM, sbom=Sbom("SPDX 2.3", tuple(PACKAGES), "syft 1.18")))
    asked.say(
        BUILT,
        Said(Kind.PROVENANCE, provenance=Provenance("1.0", source="https://h/acme/web", revision="4be91d0a")),
    )
    asked.say(SCAN, Said(Kind.SCAN, scan=RESULT))
    asked.tab.set_ended(WEB)
    asked.take()
    return asked


def test_it_asks_when_the_selection_rests(asked: Asked) -> None:
    assert asked.take() == []
    asked.tab.settle()
    assert asked.take() == [("look", WEB, False)]
    asked.tab.set_found(WEB, Found(WEB.end, sha("image")))
    asked.tab.set_ended(WEB)
    assert asked.tab.sentence.text() == "Nothing is attached: no signature, SBOM or provenance."
    assert asked.tab.list.isHidden()


def test_rows_say_what_is_attached(full: Asked) -> None:
    rows = [(row.title, row.says, row.size) for row in full.tab.model.rows]
    assert rows == [
        ("Signature", "made by cosign", "1.1 MB"),
        ("SBOM for linux/amd64", "SPDX 2.3, 2 packages, made by syft 1.18", "1.1 MB"),
        ("Provenance for linux/amd64", "SLSA 1.0, acme/web@4be91d0", "1.1 MB"),
        ("Scan result for linux/amd64", "Trivy 1: 1 critical, 1 low", "1.1 MB"),
    ]
    assert full.tab.list.height() == 4 * ROW
    full.tab.set_wide(True)  # the table is beside the list then
    assert full.tab.list.maximumHeight() > 1000
    assert full.tab.tables.package_section.band.objectName() == "", "no line below that of the tabs"
    full.tab.set_wide(False)
    assert full.tab.tables.package_section.band.objectName() == "band"
    index = full.tab.model.index(1)
    spoken = index.data(Qt.ItemDataRole.AccessibleTextRole)
    assert spoken == "SBOM for linux/amd64, SPDX 2.3, 2 packages, made by syft 1.18, 1.1 MB"


def test_the_sbom_is_shown_first_and_filtered(full: Asked, qtbot: QtBot) -> None:
    tab = full.tab
    assert full.table() == [("curl", "7.88", "curl"), ("zlib", "1.3", "")]
    section = tab.tables.section
    assert section is tab.tables.package_section
    assert section.view.accessibleName() == "Packages"
    assert section.count.whole() == "2"
    assert tab.focus_filter()
    section.filter.setText("deb/debian")
    qtbot.waitUntil(lambda: full.table() == [("curl", "7.88", "curl")])
    assert section.count.whole() == "1 of 2"
    section.export_button.click()
    ((_, made, name),) = full.take()
    assert name == "packages.csv"
    assert made().splitlines()[1:] == ["curl,7.88,curl,deb,pkg:deb/debian/curl@7.88"]


def test_a_signature_has_its_verdict(full: Asked) -> None:
    signed = Verdict(sha("image"), SignatureState.SIGNED, "release@acme.io", parse_scope("r.example/acme"))
    broken = Verdict(sha("image"), SignatureState.BROKEN, reason=Reason.OTHER_KEY)
    for verdict, pill, tone in ((signed, "verified", Tone.GOOD), (broken, "broken", Tone.BAD)):
        full.tab.set_read(WEB, SIGNATURE, Read(Said(Kind.SIGNATURE), verdict=verdict))
        row = full.tab.model.rows[0]
        assert (row.pill, row.tone) == (pill, tone)
        assert row.tip.startswith(row.says)
    full.tab.set_read(WEB, SIGNATURE, Read(Said(Kind.SIGNATURE), verdict=signed))
    assert full.tab.model.rows[0].says.startswith("Verified by release@acme.io, key of acme")


def test_findings_and_facts(full: Asked) -> None:
    full.select(3)
    assert full.table()[0] == ("critical", "CVE-1", "curl 7", "8")
    section = full.tab.tables.section
    assert section is not None
    section.export_button.click()
    ((_, made, name),) = full.take()
    assert (name, made().splitlines()[1]) == ("findings.csv", "critical,CVE-1,curl,7,8,")
    full.select(2)
    assert ("Source", "https://h/acme/web") in full.table()
    full.select(0)
    assert ("Media type", SIGNATURE.media_type) in full.table()
    assert full.take() == [("read", WEB, SIGNATURE)]


def test_saving(full: Asked) -> None:
    tab = full.tab
    assert tab.save_verb.reason == ""
    tab.save_verb.trigger()
    ((_, subject, one, name),) = full.take()
    assert (subject, one) == (WEB, SBOM)
    assert name == f"sbom-{SBOM.digest[7:19]}.json"
    tab.set_subject(OTHER)
    tab.verbs.look()
    assert tab.save_verb.reason == "Select an attachment."


def test_answers_about_another_image_are_dropped(full: Asked) -> None:
    full.tab.set_subject(OTHER)
    assert full.tab.model.rows == []
    full.tab.set_found(WEB, FOUND)
    full.tab.set_failed(WEB, LongshoreError("No."))
    full.tab.set_withheld(WEB)
    full.tab.set_scanned(WEB, RESULT, [])
    assert full.tab.model.rows == []
    assert full.tab.sentence.text() == ""


def test_a_registry_that_counts_is_asked_only_on_demand(asked: Asked) -> None:
    asked.tab.settle()
    asked.take()
    asked.tab.set_withheld(WEB)
    assert "counts" in asked.tab.sentence.text()
    asked.tab.button.click()
    assert asked.take() == [("look", WEB, True)]
    # Or with the details, which the user has asked for.
    asked.tab.set_subject(OTHER)
    asked.tab.set_withheld(OTHER)
    asked.tab.set_inspected(Inspected(OTHER.end))
    assert asked.take() == [("look", OTHER, True)]


def test_failures(full: Asked) -> None:
    full.tab.set_failed(WEB, LongshoreError("It is down.", advice="Try later."))
    assert "It is down." in full.tab.sentence.text()
    full.tab.button.click()
    assert full.take() == [("look", WEB, True)]
    full.tab.again_verb.trigger()
    assert full.take() == [("look", WEB, True)]
    assert full.tab.model.rows == []


def test_the_registrys_own_scan(full: Asked) -> None:
    own = RegistryScan("Harbor", sha("image"), RESULT)
    full.tab.set_registry_scan(WEB, own, finding_rows(RESULT.findings))
    row = full.tab.model.rows[-1]
    assert (row.title, row.says, row.size) == ("Scan by Harbor", "Trivy 1: 1 critical, 1 low", "")
    full.select(4)
    assert len(full.table()) == 2
    assert full.tab.save_verb.reason


def test_scans(full: Asked) -> None:
    tab = full.tab
    assert tab.scan_verb.reason == "Install trivy or grype to scan images."
    tab.set_scanners([TRIVY, GRYPE])
    assert (tab.scan_verb.text(), tab.scan_verb.told) == ("Scan", "Scan with trivy")
    tab.other_scan_verb.trigger()
    tab.scan_verb.trigger()
    assert full.take() == [("scan", WEB, GRYPE), ("scan", WEB, TRIVY)]
    console = Console()
    tab.set_scan_began(WEB, TRIVY, console)
    console.feed(b"Downloading DB\n")
    assert tab.tables.output is not None
    tab.tables.output.flush()
    assert "Downloading DB" in tab.tables.output.text()
    assert tab.scan_verb.text() == "Stop scan"
    tab.scan_verb.trigger()
    assert full.take() == [("stop",)]
    # Another image is selected meanwhile, and this one again.
    tab.set_subject(OTHER)
    assert tab.tables.currentWidget() is tab.tables.blank
    tab.set_subject(WEB)
    assert tab.tables.currentWidget() is tab.tables.output
    tab.set_scanned(WEB, RESULT, finding_rows(RESULT.findings))
    assert tab.scan_verb.text() == "Scan"
    assert [row.title for row in tab.model.rows] == ["Scan on this machine"]
    assert full.table()[0][1] == "CVE-1"


def test_a_scan_that_fails_or_is_stopped(full: Asked) -> None:
    tab = full.tab
    tab.set_scanners([TRIVY])
    tab.set_scan_began(WEB, TRIVY, Console())
    tab.set_scan_failed(WEB, LongshoreError("trivy could not scan the image."))
    assert "could not scan" in tab.sentence.text()
    tab.set_scan_began(WEB, TRIVY, Console())
    tab.set_scan_failed(WEB, None)
    assert tab.sentence.text() == "The scan was stopped."
    tab.set_subject(Subject(Endpoint(LibraryPlace(Path("/library")), WEB.end.reference)))
    tab.verbs.look()
    assert tab.scan_verb.reason.startswith("Scanners can't read the library.")


def test_the_models(full: Asked) -> None:
    for model in (
        full.tab.model,
        full.tab.tables.packages,
        full.tab.tables.findings,
        AttachedModel(),
        PackageModel(),
        FindingModel(),
    ):
        QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    packages = full.tab.tables.packages
    packages.sort(1, Qt.SortOrder.DescendingOrder)
    assert [one.name for one in packages.shown] == ["curl", "zlib"]
    packages.set_rows(package_rows([Package("a", "1"), Package("b", "10"), Package("c", "9")]))
    assert [one.name for one in packages.shown] == ["b", "c", "a"]


def test_ten_thousand_packages_do_not_stop_the_window(full: Asked) -> None:
    rows = package_rows(Package(f"package-{number}", f"1.{number}", "MIT") for number in range(10_000))
    model = full.tab.tables.packages
    began = time.process_time()
    full.tab.tables.show_packages(rows)
    model.set_filter("package-99")
    model.set_filter("")
    # Bounds the work, not the time: a proxy model takes two seconds of the processor for this.
    assert time.process_time() - began < 0.5
    assert model.rowCount() == 10_000
