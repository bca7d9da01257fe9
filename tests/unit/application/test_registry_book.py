"""Registries that a command uses in its run only."""

from __future__ import annotations

from pathlib import Path

from longshore.application.registries import RegistryBook
from longshore.registry.config import RegistryConfig
from longshore.settings import Settings

KNOWN = RegistryConfig("a.example")


def test_a_registry_of_this_run_is_used_and_not_saved(tmp_path: Path) -> None:
    book = RegistryBook(Settings(tmp_path), [])
    assert book.add(KNOWN)
    new = RegistryConfig("b.example", insecure=True)
    book.use(new)
    book.use(RegistryConfig("a.example", insecure=True))
    assert book.config("b.example") == new
    assert book.config("a.example") == KNOWN, "what the user chose is kept"
    again = RegistryBook(Settings(tmp_path), [new])
    assert [config.host for config in RegistryBook(Settings(tmp_path), []).configs()] == [
        "docker.io",
        "a.example",
    ]
    # It can still be added for good.
    assert again.add(new)
    assert [config.host for config in RegistryBook(Settings(tmp_path), []).configs()][-1] == "b.example"
