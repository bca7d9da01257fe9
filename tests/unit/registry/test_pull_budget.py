"""The budget of pulls, read from the headers of requests that are sent anyway."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from longshore.registry.client import RegistryClient
from longshore.registry.pull_budget import PullBudget, read_budget

from .conftest import Asked, Scripted, reply

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "left", "limit", "seconds"),
    [
        ({"ratelimit-limit": "100;w=21600", "ratelimit-remaining": "76;w=21600"}, 76, 100, None),
        ({"ratelimit-remaining": "0;w=21600"}, 0, None, None),
        ({"ratelimit-limit": "10", "ratelimit-remaining": "76"}, 76, None, None),
        ({"ratelimit-remaining": "76", "ratelimit-reset": "8400"}, 76, None, 8400),
        ({"ratelimit-remaining": "76", "ratelimit-reset": "99999999"}, 76, None, None),
    ],
    ids=["Docker Hub", "without a limit", "a limit that cannot be", "with its end", "an end that cannot be"],
)
def test_headers(headers: dict[str, str], left: int, limit: int | None, seconds: int | None) -> None:
    until = None if seconds is None else NOW + timedelta(seconds=seconds)
    assert read_budget(headers, NOW) == PullBudget(left, limit, until, NOW)


@pytest.mark.parametrize("value", ["", "many", "-1", "76 of 100", "9" * 30, "76;w=21600, 75;w=21600", "²"])
def test_what_is_no_number_is_no_budget(value: str) -> None:
    found = read_budget({"ratelimit-remaining": value}, NOW)
    assert found is None or value.startswith("76;w")


def test_it_comes_with_a_head_and_is_never_asked_for(
    serve: Callable[..., Scripted], connect: Callable[..., RegistryClient]
) -> None:
    digest = "sha256:" + "1" * 64

    def script(asked: Asked) -> Any:
        if "/manifests/" in asked.path:
            return reply(
                {},
                Docker_Content_Digest=digest,
                Content_Type="application/vnd.oci.image.manifest.v1+json",
                ratelimit_limit="100;w=21600",
                ratelimit_remaining="76;w=21600",
            )
        return reply({}, ratelimit_remaining="5")

    server = serve(script)
    client = connect(server)
    client.check()
    assert client.budget is None, "only manifests count"
    client.head("a", "1")
    assert client.budget is not None and (client.budget.left, client.budget.limit) == (76, 100)
    assert {one.method for one in server.asked if "/manifests/" in one.path} == {"HEAD"}


def test_a_strict_head_never_reads_the_manifest(
    serve: Callable[..., Scripted], connect: Callable[..., RegistryClient]
) -> None:
    from longshore.errors import SignInRequired, UnexpectedReply

    refused = serve(lambda asked: None if asked.path == "/v2/" else reply({}, 403))
    with pytest.raises(SignInRequired):
        connect(refused).head("a", "1", strictly=True)
    silent = serve(lambda asked: reply({}))
    with pytest.raises(UnexpectedReply):
        connect(silent).head("a", "1", strictly=True)
    assert not [path for server in (refused, silent) for path in server.paths("GET")]
