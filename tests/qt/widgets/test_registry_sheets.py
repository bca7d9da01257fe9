"""The sheets of registries: settings, certificate, sign-in, account. Their results are read from their signals."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from longshore.credentials import StoredIn, Whereabouts
from longshore.errors import (
    AccessDenied,
    CredentialsError,
    LongshoreError,
    RegistryUnreachable,
    SignInFailed,
    TlsFailed,
)
from longshore.models.engine_commands import engine_steps, engine_words
from longshore.operations import Account, Identity
from longshore.registry.certificate import Certificate, CertificateReport
from longshore.registry.config import RegistryConfig
from longshore.registry.removal import RemovalPlan
from longshore.widgets.dialogs.certificate import CertificateSheet
from longshore.widgets.dialogs.registry_settings import RegistrySettingsSheet
from longshore.widgets.dialogs.sheet import Sheet
from longshore.widgets.dialogs.sign_in import AccountSheet, SignInSheet
from longshore.widgets.dialogs.tag_removal import RemoveTagsSheet
from longshore.widgets.theme import Theme

# Of the offscreen platform: a sheet has a least size, and there is no window manager to tell.
pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")

HOST = "registry.acme.io:5000"
REFUSED = TlsFailed(
    "The certificate comes from an unknown authority.", registry=HOST, advice="Trust it.", certificate="…"
)


def shown(sheet: Sheet, qtbot: QtBot) -> None:
    qtbot.addWidget(sheet)
    sheet.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    sheet.open()
    qtbot.waitExposed(sheet)


def report(names: tuple[str, ...] = ("registry.acme.io",), days: int = 9) -> CertificateReport:
    now = datetime.now(UTC)
    begins, ends = sorted((now - timedelta(days=1), now + timedelta(days=days)))
    if days < 0:
        begins, ends = now + timedelta(days=days - 1), now + timedelta(days=days)
    certificate = Certificate("CN=registry", "CN=someone", begins, ends, names, b"der")
    return CertificateReport(RegistryConfig(HOST), HOST, certificate, REFUSED)


# -- certificate


def test_nothing_is_trusted_without_a_look(light: Theme, qtbot: QtBot) -> None:
    sheet = CertificateSheet(None, HOST, "/kept.crt")
    shown(sheet, qtbot)
    assert not sheet.confirm.isVisible()
    found = report()
    assert found.certificate is not None
    sheet.show_report(found)
    assert found.certificate.fingerprint in sheet.text.toPlainText().replace("\n", "")
    qtbot.keyClick(sheet, Qt.Key.Key_Return)
    qtbot.mouseClick(sheet.confirm, Qt.MouseButton.LeftButton)
    assert sheet.isVisible() and not sheet.confirm.isEnabled()
    sheet.compared.click()
    with qtbot.waitSignal(sheet.trust_requested) as wished:
        qtbot.mouseClick(sheet.confirm, Qt.MouseButton.LeftButton)
    assert wished.args == [found]
    assert sheet.isVisible(), "it stays open until the certificate is saved"
    sheet.answer(LongshoreError("The disk is full."))
    assert "full" in sheet.problem.text()
    sheet.answer(None)
    assert not sheet.isVisible()
    sheet.answer(LongshoreError("late"))  # after the sheet has closed


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (report(names=("other.example",)), "not for this address"),
        (report(days=-3), "has expired"),
        (CertificateReport(RegistryConfig(HOST), HOST, None, None), "plain HTTP"),
        (CertificateReport(RegistryConfig(HOST), HOST, report().certificate, None), "Longshore trusts"),
        (
            CertificateReport(RegistryConfig(HOST, insecure=True), HOST, report().certificate, None),
            "not checked",
        ),
        (RegistryUnreachable("Nothing listens.", registry=HOST), "Nothing listens"),
    ],
)
def test_what_trust_cannot_help_is_not_offered(
    light: Theme, qtbot: QtBot, found: CertificateReport | LongshoreError, words: str
) -> None:
    sheet = CertificateSheet(None, HOST, "/kept.crt")
    shown(sheet, qtbot)
    sheet.show_report(found)
    assert words in sheet.verdict.text()
    assert not sheet.confirm.isVisible() and not sheet.compared.isVisible()


def test_what_is_no_matter_of_trust_leads_to_the_settings(light: Theme, qtbot: QtBot) -> None:
    wanted = TlsFailed("It wants a certificate from us.", registry=HOST, advice="Choose one.")
    sheet = CertificateSheet(None, HOST, "/kept.crt")
    shown(sheet, qtbot)
    sheet.show_report(CertificateReport(RegistryConfig(HOST), HOST, report().certificate, wanted))
    assert sheet.verdict.text() == "It wants a certificate from us. Choose one."
    assert not sheet.compared.isVisible()
    trusted: list[object] = []
    sheet.trust_requested.connect(trusted.append)
    with qtbot.waitSignal(sheet.settings_requested):
        qtbot.mouseClick(sheet.confirm, Qt.MouseButton.LeftButton)
    assert not trusted and not sheet.isVisible()


# -- settings


def test_settings_tell_what_was_typed_and_stay_open_for_what_is_wrong(light: Theme, qtbot: QtBot) -> None:
    before = RegistryConfig(HOST, kind="harbor", namespace="team", ca_file=Path("/old.crt"))
    sheet = RegistrySettingsSheet(None, before, HOST)
    shown(sheet, qtbot)
    sheet.called.setText("Ours")
    sheet.key.line.setText("/me.key")
    qtbot.keyClick(sheet.called, Qt.Key.Key_Return)
    assert "Choose the certificate" in sheet.problem.text()
    sheet.certificate.line.setText("/me.crt")
    sheet.authority.line.setText("relative.crt")
    qtbot.keyClick(sheet.called, Qt.Key.Key_Return)
    assert "relative.crt is not a full path" in sheet.problem.text()
    sheet.authority.line.setText("")
    sheet.namespace.setText("../up")
    qtbot.keyClick(sheet.called, Qt.Key.Key_Return)
    assert "not valid" in sheet.problem.text()
    sheet.namespace.setText("/team/sub/")
    sheet.kind.setCurrentIndex(sheet.kind.findData("quay"))
    assert not sheet.warning.isVisible()
    sheet.insecure.click()
    assert sheet.warning.isVisible()
    sheet.checks.click()
    with qtbot.waitSignal(sheet.save_requested) as wished:
        qtbot.keyClick(sheet.called, Qt.Key.Key_Return)
    assert wished.args == [
        RegistryConfig(
            HOST,
            insecure=True,
            client_cert=Path("/me.crt"),
            client_key=Path("/me.key"),
            kind="quay",
            namespace="team/sub",
            title="Ours",
            checks=False,
        )
    ]
    sheet.answer(LongshoreError("The files cannot be used.", detail="/me.key: No such file"))
    assert sheet.isVisible() and "/me.key" in sheet.problem.text() and sheet.confirm.isEnabled()
    sheet.answer(None)
    assert not sheet.isVisible()


def test_the_engines_part_follows_and_can_be_copied(light: Theme, qtbot: QtBot) -> None:
    sheet = RegistrySettingsSheet(None, RegistryConfig(HOST), HOST)
    shown(sheet, qtbot)
    assert not sheet.engine.lines.isVisible()
    sheet.authority.line.setText("/a b/ca.crt")
    with qtbot.waitSignal(sheet.copy_requested) as copied:
        qtbot.mouseClick(sheet.engine.copy, Qt.MouseButton.LeftButton)
    assert copied.args == [
        f"mkdir -p /etc/docker/certs.d/{HOST}\ncp '/a b/ca.crt' /etc/docker/certs.d/{HOST}/ca.crt"
    ]
    sheet.reject()


def test_what_engines_are_told() -> None:
    assert "'/etc/docker/certs.d/[::1]:5000'" in engine_steps(RegistryConfig("[::1]:5000"), "/x.crt")
    assert '{"insecure-registries": ["a.b"]}' in engine_steps(RegistryConfig("a.b", insecure=True))
    pair = engine_steps(RegistryConfig("a.b", client_cert=Path("/both.pem")))
    assert "cp /both.pem /etc/docker/certs.d/a.b/client.cert" in pair and "/client.key" in pair
    assert engine_steps(RegistryConfig("docker.io", insecure=True)) == ""
    prefixed = RegistryConfig("a.b", prefix="images", ca_file=Path("/x"))
    assert engine_steps(prefixed) == "" and "can't use" in engine_words(prefixed, "")


# -- sign-in and account


def test_the_sign_in_sheet_says_where_it_will_be_kept(light: Theme, qtbot: QtBot) -> None:
    sheet = SignInSheet(None, HOST, HOST, stored_in="It will be kept by docker-credential-x.")
    shown(sheet, qtbot)
    assert "docker-credential-x" in sheet.kept.text()
    sheet.this_run.click()
    assert "Kept in memory" in sheet.kept.text()
    sheet.user.setText(" sam ")
    sheet.secret.setText(" tide ")
    with qtbot.waitSignal(sheet.sign_in_requested) as wished:
        qtbot.keyClick(sheet.secret, Qt.Key.Key_Return)
    host, credential, keep = wished.args
    assert (host, credential.username, credential.secret, keep) == (HOST, "sam", " tide ", False)
    assert not sheet.confirm.isEnabled()
    sheet.answer(SignInFailed("Refused.", registry=HOST))
    assert sheet.confirm.isEnabled() and "Refused" in sheet.problem.text()
    sheet.reject()
    sheet.answer(None)  # after the sheet has closed
    assert sheet.result() == 0


def test_a_password_is_not_asked_for_silently_where_it_may_be_read(light: Theme, qtbot: QtBot) -> None:
    for insecure in (True, False):
        sheet = SignInSheet(None, HOST, HOST, insecure=insecure)
        shown(sheet, qtbot)
        texts = " ".join(label.text() for label in sheet.findChildren(type(sheet.problem)))
        assert ("unencrypted" in texts) is insecure
        sheet.reject()


def test_who_am_i_does_not_sign_out_by_enter(light: Theme, qtbot: QtBot) -> None:
    sheet = AccountSheet(None, HOST)
    shown(sheet, qtbot)
    account = Account("sam", Whereabouts(StoredIn.CONFIG_FILE, path=Path("/home/sam/.docker/config.json")))
    sheet.show_identity(Identity(HOST, account, "bearer", "https://auth.acme.io/token", None))
    texts = " ".join(label.text() for label in sheet.findChildren(type(sheet.problem)))
    for words in (
        "sam",
        "config.json (base64, not encrypted)",
        "https://auth.acme.io/token",
        "Sign-in verified",
    ):
        assert words in texts
    left: list[bool] = []
    sheet.sign_out_requested.connect(lambda: left.append(True))
    qtbot.keyClick(sheet, Qt.Key.Key_Return)
    assert not left and not sheet.isVisible()


def test_who_am_i_explains_a_broken_helper(light: Theme, qtbot: QtBot) -> None:
    sheet = AccountSheet(None, HOST)
    shown(sheet, qtbot)
    trouble = CredentialsError("The helper is not installed.", advice="Install it.", detail="exit 1")
    sheet.show_identity(Identity(HOST, Account(trouble=trouble), "", "", None))
    assert sheet.answer_label.text() == "The helper is not installed.\nInstall it.\nexit 1"
    with qtbot.waitSignal(sheet.sign_in_requested):
        qtbot.mouseClick(sheet.confirm, Qt.MouseButton.LeftButton)


# -- removing tags


def plan(**fields: object) -> RemovalPlan:
    given: dict[str, object] = {
        "chosen": ("1.0",),
        "digests": (("sha256:" + "a" * 64, ("1.0", "1", "latest")),),
        "siblings": ("1", "latest"),
        "broken": (),
        "unknown": 0,
    }
    return RemovalPlan(HOST, "team/app", **{**given, **fields})  # type: ignore[arg-type]


def test_every_tag_that_goes_is_shown_before_it_does(light: Theme, qtbot: QtBot) -> None:
    sheet = RemoveTagsSheet(None, "team/app", ["1.0"])
    shown(sheet, qtbot)
    qtbot.mouseClick(sheet.confirm, Qt.MouseButton.LeftButton)
    assert sheet.isVisible() and not sheet.confirm.isEnabled(), "not before it is known"
    found = plan(broken=("stable",), unknown=3)
    sheet.show_plan(found)
    assert [sheet.names.item(row).text() for row in range(3)] == ["1.0   (selected)", "1", "latest"]
    assert "2 more tags" in sheet.words.text()
    assert sheet.more.text() == (
        "The tags 1.0, 1, latest can no longer be pulled. "
        "The registry frees the space at its next garbage collection."
    )
    assert "stable" in sheet.caution.text() and "3 tags" in sheet.caution.text()
    with qtbot.waitSignal(sheet.remove_requested) as wished:
        qtbot.mouseClick(sheet.confirm, Qt.MouseButton.LeftButton)
    assert wished.args == [found]
    sheet.answer(AccessDenied("It does not delete.", registry=HOST, advice="Ask."))
    assert "It does not delete. Ask." in sheet.problem.text() and not sheet.confirm.isEnabled()
    sheet.reject()


def test_only_what_goes_can_no_longer_be_pulled(light: Theme, qtbot: QtBot) -> None:
    sheet = RemoveTagsSheet(None, "ret/sib", ["c"])
    qtbot.addWidget(sheet)
    digest = "sha256:" + "a" * 64
    sheet.show_plan(
        plan(digests=((digest, ("c",)),), siblings=(), alone=frozenset({digest}), staying=("a", "b"))
    )
    assert sheet.more.text() == "ret/sib:c can no longer be pulled."
    assert "stay: a, b." in sheet.words.text()


def test_a_removal_that_cannot_be_planned_is_not_offered(light: Theme, qtbot: QtBot) -> None:
    for found, words in ((plan(digests=(), siblings=()), "Already removed"), (REFUSED, "unknown authority")):
        sheet = RemoveTagsSheet(None, "team/app", ["1.0"])
        shown(sheet, qtbot)
        sheet.show_plan(found)
        assert words in sheet.words.text() + sheet.problem.text()
        assert not sheet.confirm.isEnabled()
        sheet.reject()
