"""Operations on a running event loop, with a private home for Docker's files, and registries that speak real HTTP."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import qasync
import shiboken6
from PySide6.QtWidgets import QApplication

from longshore.application.clients import Clients
from longshore.application.registries import RegistryBook
from longshore.operations.sign_in import SignIns
from longshore.operations.tasks import Tasks
from longshore.registry.config import RegistryConfig
from longshore.settings import Settings
from unit.registry.conftest import serve as serve


@dataclass
class Desk:
    """Everything that operations need."""

    home: Path
    settings: Settings
    book: RegistryBook
    clients: Clients
    tasks: Tasks
    sign_ins: SignIns

    @property
    def docker_config(self) -> Path:
        return self.home / ".docker" / "config.json"

    def write_docker_config(self, values: dict[str, Any]) -> None:
        self.docker_config.parent.mkdir(exist_ok=True)
        self.docker_config.write_text(json.dumps(values))


Play = Callable[[Callable[[Desk], Coroutine[Any, Any, None]]], None]


@pytest.fixture
def play(qapp: QApplication, tmp_path: Path) -> Play:
    """Return a function that runs a coroutine with a desk on Qt's loop, and then ends all work."""

    def run(scene: Callable[[Desk], Coroutine[Any, Any, None]]) -> None:
        settings = Settings(tmp_path / "config")
        book = RegistryBook(settings, [])
        environ = {"HOME": str(tmp_path), "PATH": str(tmp_path)}
        clients, tasks = Clients(environ, book.config), Tasks()
        desk = Desk(tmp_path, settings, book, clients, tasks, SignIns(clients, tasks, book))

        async def whole() -> None:
            try:
                await asyncio.wait_for(scene(desk), 30)
            finally:
                await desk.tasks.close()
                desk.clients.close()

        loop = qasync.QEventLoop(qapp)
        with loop:
            loop.run_until_complete(whole())
        # Delete them now: nothing may be left to the next test.
        shiboken6.delete(desk.sign_ins)
        del loop
        gc.collect()

    return run


def add(desk: Desk, *hosts: str) -> None:
    """Add *hosts* to the registry book."""
    for host in hosts:
        desk.book.add(RegistryConfig(host))
