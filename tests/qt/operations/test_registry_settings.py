"""Settings of registries: tried before a registry is added, checked, and saved."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from longshore.cancellation import Cancellation
from longshore.errors import LongshoreError, RegistryUnreachable, TlsFailed, UnexpectedReply
from longshore.operations.registry_settings import RegistrySettings
from longshore.registry.config import RegistryConfig
from unit.registry.conftest import Answer, reply
from waiting import until

from .conftest import Desk, add

HOST = "[::1]:5000"


def test_files_that_cannot_be_used_change_nothing(play, tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        add(desk, HOST)
        settings = RegistrySettings(desk.clients, desk.tasks, desk.book, lambda host: None)
        answers: list[LongshoreError | None] = []
        settings.save(RegistryConfig(HOST, ca_file=tmp_path / "none.crt", title="Ours"), answers.append)
        await until(lambda: bool(answers))
        assert isinstance(answers[0], TlsFailed) and "none.crt" in answers[0].detail
        assert desk.book.config(HOST) == RegistryConfig(HOST)

    play(scene)


def test_what_changed_is_shown_before_it_is_answered(play) -> None:
    """When the sheet learns that a registry was added, the tree already contains it."""

    async def scene(desk: Desk) -> None:
        told: list[str] = []
        settings = RegistrySettings(desk.clients, desk.tasks, desk.book, told.append)
        settings.save(RegistryConfig(HOST), lambda error: told.append("answer"))
        await until(lambda: len(told) == 2)
        assert told == [HOST, "answer"]

    play(scene)


# -- probing for a registry


def _probe(desk: Desk, config: RegistryConfig, answers: list[LongshoreError | None]) -> Cancellation:
    settings = RegistrySettings(desk.clients, desk.tasks, desk.book, lambda host: None)
    return settings.probe(config, answers.append)


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
    play, serve, answer: Answer, there: bool
) -> None:
    server = serve(lambda asked: answer)
    host = server.host

    async def scene(desk: Desk) -> None:
        answers: list[LongshoreError | None] = []
        _probe(desk, RegistryConfig(host), answers)
        await until(lambda: bool(answers))
        assert (answers[0] is None) is there, answers
        if not there:
            assert isinstance(answers[0], UnexpectedReply)
        assert host not in [config.host for config in desk.book.configs()], "probing adds nothing"
        assert not any("authorization" in asked.headers for asked in server.asked)

    play(scene)


def test_where_nothing_listens_that_is_said(play) -> None:
    async def scene(desk: Desk) -> None:
        answers: list[LongshoreError | None] = []
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            _probe(desk, RegistryConfig(f"127.0.0.1:{closed.getsockname()[1]}"), answers)
            await until(lambda: bool(answers))
        assert isinstance(answers[0], RegistryUnreachable)

    play(scene)


def test_who_does_not_want_to_know_any_more_is_not_told(play, serve) -> None:
    server = serve(lambda asked: "silent")

    async def scene(desk: Desk) -> None:
        answers: list[LongshoreError | None] = []
        probing = _probe(desk, RegistryConfig(server.host), answers)
        await until(lambda: bool(server.asked))
        probing.cancel()
        await until(lambda: all(each.get_name() != "look for a registry" for each in asyncio.all_tasks()))
        assert answers == []

    play(scene)
