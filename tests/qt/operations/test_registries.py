"""The registries of the right pane, as another Longshore changes them."""

from __future__ import annotations

from pathlib import Path

from longshore.application.registries import RegistryBook
from longshore.models.registries import RegistryModel
from longshore.models.tags import TagModel
from longshore.operations.registries import Registries
from longshore.registry.config import RegistryConfig
from longshore.settings import Settings
from unit.registry.conftest import reply
from waiting import until

from .conftest import Desk, add


def test_what_another_window_changed_is_shown(play, serve, tmp_path: Path) -> None:
    server = serve(lambda asked: reply({}))

    async def scene(desk: Desk) -> None:
        model, tags = RegistryModel(), TagModel()
        registries = Registries(desk.clients, desk.tasks, desk.book, model, tags, tmp_path / "certificates")
        add(desk, "old.example")
        other = RegistryBook(Settings(desk.settings.path.parent), [])
        other.add(RegistryConfig(server.host, title="New"))
        other.pin(server.host, "a/b")
        other.remove("old.example")
        before = desk.clients.registry("old.example")
        registries.look_again()
        shown = [model.index(row, 0).data() for row in range(model.rowCount())]
        assert any("New" in text for text in shown) and not any("old" in text for text in shown)
        assert model.index_of(server.host, "a/b").isValid()
        assert desk.clients.registry("old.example") is not before, "its client is forgotten"
        await until(lambda: registries.sign_ins.account(server.host).kept is not None)
        # A listed registry is listed again if its settings change.
        registries.listing.list_repositories(server.host)
        await until(lambda: not desk.tasks._tasks)
        asked = len(server.paths())
        other.add(RegistryConfig(server.host, title="Newer"))
        registries.look_again()
        await until(lambda: len(server.paths()) > asked)
        await until(lambda: not desk.tasks._tasks)
        asked = len(server.paths())
        registries.look_again()
        assert not desk.tasks._tasks and len(server.paths()) == asked, "nothing changed"
        registries.stop()

    play(scene)
