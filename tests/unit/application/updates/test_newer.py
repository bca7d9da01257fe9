"""Lists of tags: read once, only what can be newer is kept, and a registry that is down is not asked again."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest

from longshore.application.clients import Clients
from longshore.application.updates import newer
from longshore.application.updates.newer import version_tags
from longshore.cancellation import Cancellation
from longshore.errors import RegistryUnreachable
from longshore.oci.reference import Reference
from longshore.registry.config import RegistryConfig
from unit.registry.conftest import Asked, Scripted, reply
from unit.registry.conftest import serve as serve

Serve = Callable[[Callable[[Asked], Any]], Scripted]


def test_one_list_for_all_tags_of_a_repository(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(newer, "MOST_VERSIONS", 3)
    tags = ["latest", "1.3-alpine", "1.9", "1.10", "1.2", "1.4", "1.3.1", "sha-0a1b", "2.0-slim"]
    server = serve(lambda asked: reply({"name": "app", "tags": tags}))
    names = [Reference.parse(f"{server.host}/app:{tag}") for tag in ("1.2", "1.3", "1.2-slim", "edge")]
    with contextlib.closing(Clients({}, RegistryConfig)) as clients:
        found = version_tags(clients, names, Cancellation())
    kept = found[f"{server.host}/app"]
    assert isinstance(kept, list)
    # The newest of each shape that a local image has.
    assert sorted(kept) == ["1.10", "1.4", "1.9", "2.0-slim"]
    assert len([path for path in server.paths("GET") if "/tags/list" in path]) == 1


def test_a_registry_that_is_down_is_the_answer_for_all_its_repositories() -> None:
    names = [Reference.parse(f"127.0.0.1:1/app{number}:1.0") for number in range(3)]
    with contextlib.closing(Clients({}, RegistryConfig)) as clients:
        found = version_tags(clients, names, Cancellation())
    assert set(found) == {name.name for name in names}
    assert all(isinstance(one, RegistryUnreachable) for one in found.values())
