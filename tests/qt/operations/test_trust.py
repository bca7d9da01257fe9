"""Registry settings and trusted certificates."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from pathlib import Path

import pytest

from longshore.application.registries import RegistryBook
from longshore.cancellation import Cancellation
from longshore.errors import LongshoreError, RegistryUnreachable, TlsFailed, UnexpectedReply
from longshore.operations.trust import Trust
from longshore.registry.certificate import CertificateReport, read_certificate
from longshore.registry.config import RegistryConfig
from testbed.crypto import make_authority, make_certificate
from unit.registry.conftest import Answer, reply
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
        trust = Trust(desk.clients, desk.tasks, desk.book, tmp_path / "kept", changed.append)
        answers: list[LongshoreError | None] = []
        trust.save(RegistryConfig(HOST, ca_file=authority[0]), answers.append)
        await until(lambda: len(answers) == 1)
        trust.trust(reports[0], answers.append)
        await until(lambda: len(answers) == 2)
        kept = trust.config(HOST).ca_file
        assert kept == trust.file_of(HOST) and kept.stat().st_mode & 0o777 == 0o600
        assert authority[0].read_text().strip() in kept.read_text()
        assert reports[0].certificate.pem in kept.read_text()
        assert answers == [None, None] and changed == [HOST, HOST]
        # The certificate is trusted only for this registry, and is remembered.
        assert trust.config("docker.io").ca_file is None
        assert RegistryBook(desk.settings, []).config(HOST).ca_file == kept
        # Another certificate of the same registry replaces the first.
        trust.trust(reports[1], answers.append)
        await until(lambda: len(answers) == 3)
        assert reports[1].certificate.pem in kept.read_text()
        assert reports[0].certificate.pem not in kept.read_text()
        assert authority[0].read_text().strip() in kept.read_text()
        trust.forget(HOST)
        await until(lambda: not kept.exists())
        assert authority[0].exists()

    play(scene)


def test_files_that_cannot_be_used_change_nothing(play, tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        add(desk, HOST)
        trust = Trust(desk.clients, desk.tasks, desk.book, tmp_path / "kept", lambda host: None)
        answers: list[LongshoreError | None] = []
        trust.save(RegistryConfig(HOST, ca_file=tmp_path / "none.crt", title="Ours"), answers.append)
        await until(lambda: bool(answers))
        assert isinstance(answers[0], TlsFailed) and "none.crt" in answers[0].detail
        assert trust.config(HOST) == RegistryConfig(HOST)

    play(scene)


def test_what_changed_is_shown_before_it_is_answered(play, tmp_path: Path) -> None:
    """When the sheet learns that a registry was added, the tree already contains it."""

    async def scene(desk: Desk) -> None:
        told: list[str] = []
        trust = Trust(desk.clients, desk.tasks, desk.book, tmp_path / "kept", told.append)
        trust.save(RegistryConfig(HOST), lambda error: told.append("answer"))
        await until(lambda: len(told) == 2)
        assert told == [HOST, "answer"]

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
        trust = Trust(desk.clients, desk.tasks, desk.book, tmp_path / "kept", lambda host: None)
        answers: list[LongshoreError | None] = []
        desk.book.add(RegistryConfig(HOST, ca_file=pipe))
        trust.trust(report, answers.append)
        await until(lambda: len(answers) == 1)
        assert answers[0] is not None and answers[0].subject == str(pipe)
        assert trust.config(HOST).ca_file == pipe and not trust.file_of(HOST).exists()
        # A CA file that no longer exists leaves nothing to keep.
        desk.book.add(RegistryConfig(HOST, ca_file=gone))
        trust.trust(report, answers.append)
        await until(lambda: len(answers) == 2)
        assert answers[1] is None and trust.config(HOST).ca_file == trust.file_of(HOST)

    play(scene)


# -- probing for a registry


def _probe(
    desk: Desk, tmp_path: Path, config: RegistryConfig, answers: list[LongshoreError | None]
) -> Cancellation:
    trust = Trust(desk.clients, desk.tasks, desk.book, tmp_path / "kept", lambda host: None)
    return trust.probe(config, answers.append)


@pytest.mark.parametrize(
    ("answer", "there"),
    [
        (reply({}), True),
        (reply(b"", 401, WWW_Authenticate='Basic realm="r"'), True),
        (reply(b"", 403), True),
        (reply(b"", 404), False),
        (reply(b"<html>a page</html>", Content_Type="text/html"), False),
    ],
)
def test_whether_a_registry_answers_is_found_out_before_it_is_added(
    play, serve, tmp_path: Path, answer: Answer, there: bool
) -> None:
    server = serve(lambda asked: answer)
    host = server.host

    async def scene(desk: Desk) -> None:
        answers: list[LongshoreError | None] = []
        _probe(desk, tmp_path, RegistryConfig(host), answers)
        await until(lambda: bool(answers))
        assert (answers[0] is None) is there, answers
        if not there:
            assert isinstance(answers[0], UnexpectedReply)
        assert host not in [config.host for config in desk.book.configs()], "probing adds nothing"
        assert not any("authorization" in asked.headers for asked in server.asked)

    play(scene)


def test_where_nothing_listens_that_is_said(play, tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        answers: list[LongshoreError | None] = []
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            _probe(desk, tmp_path, RegistryConfig(f"127.0.0.1:{closed.getsockname()[1]}"), answers)
            await until(lambda: bool(answers))
        assert isinstance(answers[0], RegistryUnreachable)

    play(scene)


def test_who_does_not_want_to_know_any_more_is_not_told(play, serve, tmp_path: Path) -> None:
    server = serve(lambda asked: "silent")

    async def scene(desk: Desk) -> None:
        answers: list[LongshoreError | None] = []
        probing = _probe(desk, tmp_path, RegistryConfig(server.host), answers)
        await until(lambda: bool(server.asked))
        probing.cancel()
        await until(lambda: all(each.get_name() != "look for a registry" for each in asyncio.all_tasks()))
        assert answers == []

    play(scene)
