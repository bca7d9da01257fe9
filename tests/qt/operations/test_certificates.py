"""Certificates that the user trusts."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

from longshore.application.registries import RegistryBook
from longshore.errors import LongshoreError
from longshore.operations.certificates import Certificates
from longshore.operations.registry_settings import RegistrySettings
from longshore.registry.certificate import CertificateReport, read_certificate
from longshore.registry.config import RegistryConfig
from testbed.crypto import make_authority, make_certificate
from waiting import until

from .conftest import Desk, add

HOST = "[::1]:5000"


def test_what_is_trusted_is_kept_beside_what_was_chosen(play, tmp_path: Path) -> None:
    authority = make_authority(tmp_path / "chosen", "Chosen")
    reports = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        pem = make_certificate(tmp_path / name, authority, ["::1"])[0].read_text()
        found = read_certificate(ssl.PEM_cert_to_DER_cert(pem))
        reports.append(CertificateReport(RegistryConfig(HOST), HOST, found, None))
    changed: list[str] = []

    async def scene(desk: Desk) -> None:
        add(desk, HOST)
        settings = RegistrySettings(desk.clients, desk.tasks, desk.book, changed.append)
        certificates = Certificates(desk.clients, desk.tasks, desk.book, settings, tmp_path / "kept")
        answers: list[LongshoreError | None] = []
        settings.save(RegistryConfig(HOST, ca_file=authority[0]), answers.append)
        await until(lambda: len(answers) == 1)
        certificates.trust(reports[0], answers.append)
        await until(lambda: len(answers) == 2)
        kept = desk.book.config(HOST).ca_file
        assert kept == certificates.file_of(HOST) and kept.stat().st_mode & 0o777 == 0o600
        assert authority[0].read_text().strip() in kept.read_text()
        assert reports[0].certificate.pem in kept.read_text()
        assert answers == [None, None] and changed == [HOST, HOST]
        # The certificate is trusted only for this registry, and is remembered.
        assert desk.book.config("docker.io").ca_file is None
        assert RegistryBook(desk.settings, []).config(HOST).ca_file == kept
        # Another certificate of the same registry replaces the first.
        certificates.trust(reports[1], answers.append)
        await until(lambda: len(answers) == 3)
        assert reports[1].certificate.pem in kept.read_text()
        assert reports[0].certificate.pem not in kept.read_text()
        assert authority[0].read_text().strip() in kept.read_text()
        certificates.forget(HOST)
        await until(lambda: not kept.exists())
        assert authority[0].exists()

    play(scene)


def test_a_ca_that_cannot_be_read_is_not_dropped_silently(play, tmp_path: Path) -> None:
    authority = make_authority(tmp_path / "chosen", "Chosen")
    pem = make_certificate(tmp_path / "chosen", authority, ["::1"])[0].read_text()
    report = CertificateReport(
        RegistryConfig(HOST), HOST, read_certificate(ssl.PEM_cert_to_DER_cert(pem)), None
    )
    pipe, gone = tmp_path / "pipe.crt", tmp_path / "gone.crt"
    os.mkfifo(pipe)

    async def scene(desk: Desk) -> None:
        settings = RegistrySettings(desk.clients, desk.tasks, desk.book, lambda host: None)
        certificates = Certificates(desk.clients, desk.tasks, desk.book, settings, tmp_path / "kept")
        answers: list[LongshoreError | None] = []
        desk.book.add(RegistryConfig(HOST, ca_file=pipe))
        certificates.trust(report, answers.append)
        await until(lambda: len(answers) == 1)
        assert answers[0] is not None and answers[0].subject == str(pipe)
        assert desk.book.config(HOST).ca_file == pipe and not certificates.file_of(HOST).exists()
        # A CA file that no longer exists leaves nothing to keep.
        desk.book.add(RegistryConfig(HOST, ca_file=gone))
        certificates.trust(report, answers.append)
        await until(lambda: len(answers) == 2)
        assert answers[1] is None and desk.book.config(HOST).ca_file == certificates.file_of(HOST)

    play(scene)
