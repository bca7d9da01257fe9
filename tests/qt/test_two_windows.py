"""Two Longshores with the same settings: neither loses registries, pins, groups or rules of the other."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from longshore.application.engine_groups import EngineGroups
from longshore.application.mirrors.rules import MirrorRule, MirrorRules
from longshore.application.registries import RegistryBook
from longshore.engine.address import EngineAddress, Origin
from longshore.oci.reference import DOCKER_HUB, Reference
from longshore.registry.config import RegistryConfig
from longshore.settings import Settings


def hosts(book: RegistryBook) -> list[str]:
    return [config.host for config in book.configs()]


def books(folder: Path) -> tuple[RegistryBook, RegistryBook]:
    return RegistryBook(Settings(folder), []), RegistryBook(Settings(folder), [])


def kept(folder: Path, key: str) -> Any:
    return json.loads((folder / "settings.json").read_text())[key]


def test_registries_that_two_add(tmp_path: Path) -> None:
    one, other = books(tmp_path)
    one.add(RegistryConfig("one.example"))
    other.add(RegistryConfig("other.example"))
    one.add(RegistryConfig("third.example", title="Third"))
    assert hosts(RegistryBook(Settings(tmp_path), [])) == [
        DOCKER_HUB,
        "one.example",
        "other.example",
        "third.example",
    ]


def test_a_registry_that_one_removes_and_the_other_never_knew(tmp_path: Path) -> None:
    one, other = books(tmp_path)
    one.add(RegistryConfig("one.example"))
    other.add(RegistryConfig("other.example"))
    one.remove("one.example")
    one.remove("never.example")
    one.remove(DOCKER_HUB)
    assert hosts(RegistryBook(Settings(tmp_path), [])) == [DOCKER_HUB, "other.example"]
    # If another window still has it and changes it, the whole entry is written again.
    late = RegistryBook(Settings(tmp_path), [])
    other.remove("other.example")
    late.add(RegistryConfig("other.example", title="Mine"))
    assert kept(tmp_path, "registries") == [{"host": "other.example", "title": "Mine"}]


def test_fields_that_two_change_of_one_registry(tmp_path: Path) -> None:
    RegistryBook(Settings(tmp_path), []).add(RegistryConfig("r.example", title="Old", kind="harbor"))
    one, other = books(tmp_path)
    one.add(RegistryConfig("r.example", title="New", kind="harbor"))
    other.add(replace(other.config("r.example"), insecure=True))
    wanted = RegistryConfig("r.example", insecure=True, title="New", kind="harbor")
    assert RegistryBook(Settings(tmp_path), []).config("r.example") == wanted
    assert other.config("r.example") == wanted, "the other window's changes are adopted"
    # A field that returns to its default is removed from the file; the others stay.
    other.add(replace(other.config("r.example"), insecure=False))
    one.add(RegistryConfig("r.example", title="New"))
    assert kept(tmp_path, "registries") == [{"host": "r.example", "title": "New"}]


def test_docker_hub_is_kept_only_where_it_differs(tmp_path: Path) -> None:
    book = RegistryBook(Settings(tmp_path), [])
    assert not book.add(RegistryConfig(DOCKER_HUB))
    assert book.add(RegistryConfig(DOCKER_HUB, namespace="acme"))
    assert kept(tmp_path, "registries") == [{"host": DOCKER_HUB, "namespace": "acme"}]
    assert book.add(RegistryConfig(DOCKER_HUB))
    assert kept(tmp_path, "registries") == []


def test_odd_entries_and_unknown_fields_stay_where_they_are(tmp_path: Path) -> None:
    odd: list[Any] = [7, {"name": "x"}, {"host": "r.example", "future": [1]}, None, {"host": "z.example"}]
    Settings(tmp_path).set("registries", [*odd, {"host": "r.example", "title": "twice"}])
    book = RegistryBook(Settings(tmp_path), [])
    assert hosts(book) == [DOCKER_HUB, "r.example", "z.example"]
    assert book.add(RegistryConfig("r.example", title="New"))
    assert not book.add(RegistryConfig("r.example", title="New"))
    found = kept(tmp_path, "registries")
    assert found[:2] == odd[:2] and found[3:] == odd[3:]
    assert found[2]["title"] == "New"
    book.remove("z.example")
    assert kept(tmp_path, "registries") == found[:4]


def test_registries_of_this_run_are_kept_only_when_they_are_added(tmp_path: Path) -> None:
    asked = [RegistryConfig("run.example"), RegistryConfig("known.example", insecure=True)]
    RegistryBook(Settings(tmp_path), []).add(RegistryConfig("known.example"))
    book = RegistryBook(Settings(tmp_path), asked)
    assert hosts(book) == [DOCKER_HUB, "known.example", "run.example"]
    assert not book.config("known.example").insecure, "the saved settings take precedence"
    book.add(RegistryConfig("third.example"))
    assert [entry["host"] for entry in kept(tmp_path, "registries")] == ["known.example", "third.example"]
    assert book.add(RegistryConfig("run.example"))
    assert not book.add(RegistryConfig("run.example"))
    assert kept(tmp_path, "registries")[-1] == {"host": "run.example"}


def test_what_another_window_changed_is_taken_in(tmp_path: Path) -> None:
    one = RegistryBook(Settings(tmp_path), [RegistryConfig("run.example"), RegistryConfig("both.example")])
    other = RegistryBook(Settings(tmp_path), [])
    assert one.look_again() == set()
    for host in ("a.example", "b.example", "both.example"):
        other.add(RegistryConfig(host))
    assert one.look_again() == set(), "a new registry had no old settings"
    assert hosts(one) == [DOCKER_HUB, "a.example", "b.example", "both.example", "run.example"]
    other.add(RegistryConfig("a.example", title="A"))
    other.remove("b.example")
    other.add(RegistryConfig(DOCKER_HUB, namespace="acme"))
    assert one.look_again() == {"a.example", "b.example", DOCKER_HUB}
    assert hosts(one) == [DOCKER_HUB, "a.example", "both.example", "run.example"]
    assert one.config("a.example").title == "A" and one.config(DOCKER_HUB).namespace == "acme"
    assert one.look_again() == set()
    other.remove("both.example")
    assert one.look_again() == {"both.example"}, "it was saved meanwhile, so it is not only of this run"
    # Registries of this run are still not saved.
    one.add(RegistryConfig("c.example"))
    assert [entry["host"] for entry in kept(tmp_path, "registries")] == [
        "a.example",
        DOCKER_HUB,
        "c.example",
    ]


def test_pins_of_two(tmp_path: Path) -> None:
    one, other = books(tmp_path)
    one.pin("r.example", "a")
    other.pin("r.example", "b")
    other.pin("s.example", "c")
    one.pin("r.example", "a")
    assert one.pins("r.example") == other.pins("r.example") == ("a", "b")
    one.unpin("r.example", "b")
    assert other.pins("r.example") == ("a",)
    one.unpin("r.example", "a")
    assert kept(tmp_path, "pins") == {"s.example": ["c"]}
    Settings(tmp_path).set("pins", {"odd": 7, "half": ["x", 3]})
    one.pin("r.example", "a")
    assert one.pins("odd") == () and one.pins("half") == ("x",)
    assert kept(tmp_path, "pins") == {"odd": 7, "half": ["x", 3], "r.example": ["a"]}


def test_groups_of_two(tmp_path: Path) -> None:
    address = EngineAddress("unix:///run/docker.sock", "here", Origin.SOCKET)
    one, other = EngineGroups(Settings(tmp_path)), EngineGroups(Settings(tmp_path))
    one.save("one", [address])
    other.save("other", [address])
    assert set(one.all()) == set(other.all()) == {"one", "other"}
    other.remove("one")
    assert set(one.all()) == {"other"}


def test_rules_of_two(tmp_path: Path) -> None:
    def rule(name: str, tags: tuple[str, ...] = ("*",)) -> MirrorRule:
        return MirrorRule(name, Reference("a.example", "x"), Reference("b.example", "x"), tags)

    one, other = MirrorRules(Settings(tmp_path)), MirrorRules(Settings(tmp_path))
    one.save(rule("one"))
    other.save(rule("other"))
    one.save(rule("one", ("1.*",)))
    assert other.all() == [rule("one", ("1.*",)), rule("other")]
    other.remove("one")
    other.remove("never")
    assert one.all() == [rule("other")]
    odd = [{"name": "odd"}, rule("r").to_json(), 7, rule("r", ("2.*",)).to_json()]
    Settings(tmp_path).set("mirrors", odd)
    one.save(rule("r", ("3.*",)))
    assert kept(tmp_path, "mirrors") == [odd[0], rule("r", ("3.*",)).to_json(), 7]
    one.remove("r")
    assert kept(tmp_path, "mirrors") == [odd[0], 7]
