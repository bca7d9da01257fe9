"""Overview: what is said of an image before and after it was read, and what can be copied."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from longshore.application.inspection.access import Access, PullAccess
from longshore.application.inspection.settings import settings_of
from longshore.application.inspection.values import Inspected, PlatformSize
from longshore.application.signatures.scopes import parse_scope
from longshore.application.signatures.verifying import Reason, SignatureState, Verdict
from longshore.application.states import State
from longshore.application.subject import Subject
from longshore.errors import LongshoreError
from longshore.models.facts import FACT, Fact, FactsModel, Heading, Section
from longshore.oci.image_config import HealthCheck, RunConfig
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.registry.model import TagDetails
from longshore.transfers.transfer import Endpoint, RegistryPlace
from longshore.widgets.details.facts import FactsView
from longshore.widgets.details.overview import OverviewTab
from longshore.words import text
from qt.models.made import ENGINE, NOW, image, sha

_LOCAL = image(
    "registry.acme.io/acme/web:1", in_use=2, repo_digests=(f"registry.acme.io/acme/web@{sha('m')}",)
)
SUBJECT = Subject(
    Endpoint.of(ENGINE, _LOCAL.name),
    image=_LOCAL,
    names=(Reference.parse("registry.acme.io/acme/web:latest"), Reference.parse("acme/web:1")),
)
_TAG = Reference.parse("registry.acme.io/acme/web:1")
REMOTE = Subject(Endpoint(RegistryPlace("registry.acme.io"), _TAG))
AMD, ARM = Platform("linux", "amd64"), Platform("linux", "arm64")
FOUND = Inspected(
    SUBJECT.end,
    image_id=_LOCAL.image_id,
    size_on_disk=183_000_000,
    size_compressed=71_400_000,
    platform=AMD,
    run=RunConfig(
        entrypoint=("/bin/web", "--token=x y"),
        user="10001",
        stop_signal="SIGTERM",
        health_check=HealthCheck(("CMD-SHELL", "curl localhost")),
    ),
    labels=(
        ("com.acme.team", "shop"),
        ("org.opencontainers.image.source", "https://git.acme.io/web"),
        ("org.opencontainers.image.base.name", "debian:12-slim"),
        ("db_password", "hunter2"),
    ),
)


@pytest.fixture
def tab(framed: Callable[[QWidget], None]) -> OverviewTab:
    made = OverviewTab()
    framed(made)
    return made


def facts(view: FactsView) -> dict[str, str]:
    return {fact.name: fact.value for fact in view.facts.facts}


def test_what_the_row_knows_is_shown_before_anything_is_read(tab: OverviewTab) -> None:
    tab.set_subject(SUBJECT)
    shown = facts(tab.facts)
    assert shown["Reference"] == "registry.acme.io/acme/web:1"
    assert shown["Digest"].startswith("sha256:") and shown["Image ID"] != shown["Digest"]
    assert shown["Also tagged"] == "latest, acme/web:1"
    assert shown["Size"] == "184 MB on disk" and shown["Used by"] == "2 containers"


def test_what_was_read_joins_it(tab: OverviewTab) -> None:
    tab.set_subject(SUBJECT)
    tab.set_inspected(FOUND)
    shown = facts(tab.facts)
    assert shown["Size"] == "183 MB on disk, 71.4 MB compressed"
    assert shown["Platform"] == "linux/amd64" and shown["Base image"] == "debian:12-slim"
    assert shown["User"] == "10001" and shown["Health check"] == "curl localhost"
    assert shown["Stop signal"] == "SIGTERM" and shown["Source"] == "https://git.acme.io/web"
    assert shown["com.acme.team"] == "shop" and shown["db_password"] == "••••"
    titles = [row.section.title for row in rows(tab.facts.facts) if isinstance(row, Heading)]
    assert titles == ["Starts with", "Labels"]


def rows(model: FactsModel) -> list[object]:
    return [model.index(row, 0).data(FACT) for row in range(model.rowCount())]


def test_what_an_image_shares_is_a_line_below_its_size(tab: OverviewTab) -> None:
    tab.set_subject(SUBJECT)
    assert "" not in facts(tab.facts)
    tab.set_own_size("24.6 MB only in this image, 158 MB shared with others")
    assert facts(tab.facts)[""].startswith("24.6 MB only in this image")


def test_a_state_is_a_pill_with_its_reason(tab: OverviewTab) -> None:
    tab.set_subject(replace(SUBJECT, state=State.NEWER, reason="The tag moved 3 hours ago."))
    first = tab.facts.facts.facts[0]
    assert first.value == "newer" and first.more == "The tag moved 3 hours ago."
    spoken = tab.facts.facts.index(0, 0).data(Qt.ItemDataRole.AccessibleTextRole)
    assert spoken == ": newer, The tag moved 3 hours ago." or spoken == "newer, The tag moved 3 hours ago."


def test_a_tag_is_shown_with_its_details(tab: OverviewTab) -> None:
    details = TagDetails("1", sha("index"), 70_000_000, (AMD, ARM), NOW, "")
    tab.set_subject(REMOTE)
    assert "Digest" not in facts(tab.facts)
    tab.update_subject(replace(REMOTE, tag=details))
    shown = facts(tab.facts)
    assert shown["Platforms"] == "linux/amd64, linux/arm64" and shown["Size"] == "70 MB compressed"
    sizes = tuple(PlatformSize(one, sha(str(one)), None) for one in (AMD, ARM))
    tab.set_inspected(Inspected(REMOTE.end, digest=sha("index"), platforms=sizes, platform=AMD))
    assert facts(tab.facts)["Shown here"] == "linux/amd64"


def test_an_artifact_is_shown_as_what_it_is(tab: OverviewTab) -> None:
    tab.set_subject(REMOTE)
    tab.set_inspected(Inspected(REMOTE.end, artifact_type="application/vnd.cncf.helm.config.v1+json"))
    assert facts(tab.facts)["Kind"] == "Helm chart"


def test_who_can_pull_is_asked_on_demand(tab: OverviewTab, qtbot: QtBot) -> None:
    tab.set_subject(REMOTE)
    index = tab.facts.facts.index_of("Who can pull")
    tab.facts.setCurrentIndex(index)
    with qtbot.waitSignal(tab.access_requested) as asked:
        qtbot.keyClick(tab.facts, Qt.Key.Key_Return)
    assert asked.args == [REMOTE]
    tab.set_access(REMOTE, PullAccess(Access.SIGNED_IN))
    assert facts(tab.facts)["Who can pull"] == "signed-in users only"
    tab.set_access(REMOTE, PullAccess(Access.UNKNOWN, LongshoreError("The host was not found.")))
    fact = tab.facts.facts.fact(tab.facts.facts.index_of("Who can pull"))
    assert fact is not None and fact.offer == "Check again" and "not found" in fact.more
    tab.set_subject(SUBJECT)
    tab.set_access(REMOTE, PullAccess(Access.ANYONE))
    assert "Who can pull" not in facts(tab.facts), "the answer was about another image"


def test_the_pull_command_is_copied(tab: OverviewTab, qtbot: QtBot) -> None:
    tab.set_subject(REMOTE)
    tab.verbs.look()
    with qtbot.waitSignal(tab.copy_requested) as copied:
        tab.pull_verb.trigger()
    assert copied.args == ["docker pull registry.acme.io/acme/web:1"]
    assert tab.note.whole() == "Copied."
    here = Reference.parse("127.0.0.1:5000/web:1")
    tab.set_subject(Subject(Endpoint(RegistryPlace("127.0.0.1:5000"), here)))
    tab.pull_verb.trigger()
    assert tab.note.whole() == "Copied. It works only here."
    assert tab.note.accessibleName() == "Copied. It works only on this machine."
    chart = replace(FOUND, artifact_type="application/vnd.cncf.helm.config.v1+json")
    tab.set_subject(REMOTE)
    tab.set_inspected(chart)
    with qtbot.waitSignal(tab.copy_requested) as copied:
        tab.pull_verb.trigger()
    assert copied.args == ["helm pull oci://registry.acme.io/acme/web --version 1"]
    tab.set_inspected(replace(FOUND, artifact_type="application/vnd.example"))
    tab.verbs.look()
    assert "no command" in tab.pull_verb.reason
    bare = image(None)
    tab.set_subject(Subject(Endpoint.of(ENGINE, bare.name), image=bare))
    tab.verbs.look()
    assert "without a tag" in tab.pull_verb.reason


def test_wide_has_two_columns(tab: OverviewTab) -> None:
    tab.set_wide(True)
    tab.set_subject(SUBJECT)
    tab.set_inspected(FOUND)
    assert "Entrypoint" in facts(tab.more) and "Entrypoint" not in facts(tab.facts)
    tab.set_wide(False)
    assert "Entrypoint" in facts(tab.facts) and tab.more.isHidden()


def test_hostile_texts_are_cleaned_and_bounded(tab: OverviewTab) -> None:
    hostile = replace(
        FOUND,
        run=RunConfig(command=("\x1b[31mred\x07", "x" * 100_000)),
        labels=(("a\nb\x1b", "<b>bold</b>\u202e" + "y" * 100_000),),
    )
    tab.set_subject(SUBJECT)
    tab.set_inspected(hostile)
    for fact in tab.facts.facts.facts:
        assert "\x1b" not in fact.value and "\u202e" not in fact.value and len(fact.value) <= 2001
        assert "\n" not in fact.name


# -- the list of facts


def model_of(*sections: Section) -> FactsModel:
    model = FactsModel()
    QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    model.set_sections(sections)
    return model


TWO = (
    Section("", "", (Fact("Name", "web"), Fact("Size", "1 MB"))),
    Section("more", "More", (Fact("User", "root"), Fact("Shell", "/bin/sh")), folded=True),
)


def test_a_folded_section_keeps_its_heading() -> None:
    model = model_of(*TWO)
    assert model.rowCount() == 3
    model.toggle(model.index(2, 0))
    assert model.rowCount() == 5
    model.set_sections(TWO)
    assert model.rowCount() == 5, "what the user unfolded stays"


def test_a_filter_finds_in_folded_sections() -> None:
    model = model_of(*TWO)
    model.set_filter("SH bin")
    assert model.shown_count == 1 and model.fact(model.index(1, 0)) == Fact("Shell", "/bin/sh")
    model.set_filter("nothing")
    assert model.rowCount() == 0
    model.set_filter("")
    assert model.rowCount() == 3


@pytest.fixture
def view(framed: Callable[[QWidget], None]) -> FactsView:
    made = FactsView("Facts")
    framed(made)
    made.set_sections(
        [Section("", "", (Fact("ID", "abc", copied="abcdef", copies=True), *TWO[0].facts)), TWO[1]]
    )
    return made


def test_a_value_is_copied_with_the_keyboard(view: FactsView, qtbot: QtBot) -> None:
    view.setFocus()
    for expected in ("abcdef", "web"):
        with qtbot.waitSignal(view.copied) as copied:
            qtbot.keyClick(view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
        assert copied.args == [expected]
        qtbot.keyClick(view, Qt.Key.Key_Down)


def test_a_heading_folds_with_key_and_pointer(view: FactsView, qtbot: QtBot) -> None:
    heading = view.facts.index(3, 0)
    view.setCurrentIndex(heading)
    qtbot.keyClick(view, Qt.Key.Key_Return)
    assert view.facts.rowCount() == 6 and view.currentIndex().row() == 3
    where = view.visualRect(view.facts.index(3, 0)).center()
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=where)
    assert view.facts.rowCount() == 4


def test_the_icon_after_a_value_copies_it(view: FactsView, qtbot: QtBot) -> None:
    fact = view.facts.fact(view.facts.index(0, 0))
    assert fact is not None
    rect = view.itemDelegate().after_value(fact, view.visualRect(view.facts.index(0, 0)))  # type: ignore[attr-defined]
    with qtbot.waitSignal(view.copied):
        qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=rect.center() + QPoint(4, 0))
    with qtbot.assertNotEmitted(view.copied, wait=0):
        qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(20, rect.center().y()))


def test_the_signature_is_verified_where_the_selection_rests(tab: OverviewTab, qtbot: QtBot) -> None:
    tab.set_subject(REMOTE)
    assert facts(tab.facts)["Signature"] == "not checked"
    with qtbot.waitSignal(tab.signature_requested) as wished:
        tab.settle()
    assert wished.args == [REMOTE, False]
    signed = Verdict(
        sha("m"),
        SignatureState.SIGNED,
        "release@acme.io",
        parse_scope("registry.acme.io/acme/*"),
        index=True,
    )
    tab.set_signature(REMOTE, signed)
    assert facts(tab.facts)["Signature"] == "by release@acme.io, key of acme/*"
    tab.set_signature(SUBJECT, None)  # of an image that was selected before
    assert facts(tab.facts)["Signature"].startswith("by release")
    tab.set_signature(REMOTE, Verdict(sha("m"), SignatureState.UNSIGNED))
    assert facts(tab.facts)["Signature"] == "unsigned"
    tab.set_subject(SUBJECT)
    assert facts(tab.facts)["Signature"] == "not checked"


def test_a_signature_that_is_not_known_offers_what_helps(tab: OverviewTab, qtbot: QtBot) -> None:
    tab.set_subject(REMOTE)

    def line() -> Fact:
        return next(fact for fact in tab.facts.facts.facts if fact.name == "Signature")

    with qtbot.waitSignal(tab.signature_requested) as wished:
        tab.facts.offered.emit(line().key)
    assert wished.args == [REMOTE, True]
    tab.set_signature(REMOTE, Verdict(sha("m"), SignatureState.BROKEN, reason=Reason.OTHER_KEY))
    assert line().value.startswith("broken: signed with a key that is not among yours")
    assert line().offer == "Keys…"
    with qtbot.waitSignal(tab.keys_requested) as keys:
        tab.facts.offered.emit(line().key)
    assert keys.args == ["registry.acme.io"]
    other = Verdict(sha("m"), SignatureState.BROKEN, reason=Reason.OTHER_IMAGE, detail=sha("n"))
    tab.set_signature(REMOTE, other)
    assert (line().offer, sha("n") in line().more) == ("", True)
    tab.set_signature(REMOTE, LongshoreError("No response.", advice="Try again."))
    assert (line().value, line().offer, line().more) == (
        "not known",
        "Check again",
        "No response. Try again.",
    )


def test_a_tag_has_the_image_id_that_engines_will_have(tab: OverviewTab) -> None:
    tab.set_subject(REMOTE)
    found = Inspected(REMOTE.end, digest=sha("m"), config_digest=sha("c"), platform=AMD)
    tab.set_inspected(found)
    assert facts(tab.facts)["Image ID"] == text.short_digest(sha("c"))
    tab.set_subject(REMOTE)
    tab.set_inspected(replace(found, platform=None, artifact_type="application/vnd.acme.thing"))
    assert "Image ID" not in facts(tab.facts)


def test_a_chart_says_what_its_configuration_says(tab: OverviewTab) -> None:
    raw = (
        b'{"name": "web", "version": "0.1.0", "appVersion": "2.4\\u001b[31m", "description": "A shop.",'
        b' "apiVersion": "v2"}'
    )
    chart = Inspected(
        REMOTE.end,
        digest=sha("m"),
        artifact_type="application/vnd.cncf.helm.config.v1+json",
        settings=settings_of(raw),
    )
    tab.set_subject(REMOTE)
    tab.set_inspected(chart)
    shown = facts(tab.facts)
    assert shown["Kind"] == "Helm chart"
    assert [shown[name] for name in ("Chart", "Version", "Description")] == ["web", "0.1.0", "A shop."]
    assert shown["App version"].startswith("2.4") and "\x1b" not in shown["App version"]
    tab.set_inspected(replace(chart, settings=()))
    assert "Chart" not in facts(tab.facts)
