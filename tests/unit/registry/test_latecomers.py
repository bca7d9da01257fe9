"""Tags that get an image after the repository was read, asked for with few requests."""

from __future__ import annotations

from longshore.oci.manifest import OCI_MANIFEST
from longshore.registry.latecomers import Latecomers

from .conftest import Asked, reply

ONE, TWO = f"sha256:{1:064x}", f"sha256:{2:064x}"


class Registry:
    def __init__(self, **tags: str) -> None:
        self.tags = tags
        self.heads: list[str] = []

    def __call__(self, asked: Asked) -> object:
        name = asked.path.rpartition("/")[2]
        if "/tags/list" in asked.path:
            return reply({"tags": sorted(self.tags)})
        if asked.method != "HEAD" or name not in self.tags:
            return reply({}) if asked.path == "/v2/" else None
        self.heads.append(name)
        return reply(b"", 200, Content_Type=OCI_MANIFEST, Docker_Content_Digest=self.tags[name])


def test_only_new_tags_are_asked_until_all_are_due_again(serve, connect) -> None:
    registry = Registry(a=ONE, b=TWO, unread=ONE)
    now = [0.0]
    known = {"a": ONE, "b": TWO, "unread": ""}
    late = Latecomers(connect(serve(registry)), "x/y", known, just_read=True, clock=lambda: now[0])
    assert late.needing(ONE) == [] and registry.heads == []
    registry.tags["c"] = ONE
    assert late.needing(ONE) == ["c"] and registry.heads == ["c"]
    assert late.needing(TWO) == [] and registry.heads == ["c", "c"]
    registry.tags["b"] = ONE  # moved: seen when all are asked again
    now[0] = 6.0
    assert sorted(late.needing(ONE)) == ["b", "c"] and sorted(registry.heads[2:]) == ["a", "b", "c"]
    # From now on it is asked each time, and may move back.
    registry.tags["b"] = TWO
    assert late.needing(ONE) == ["c"] and sorted(registry.heads[5:]) == ["b", "c"]
    assert late.found == {"c": ONE}
    del registry.tags["c"]
    assert late.needing(ONE) == []


def test_all_tags_are_asked_at_first_if_the_reading_is_old(serve, connect) -> None:
    registry = Registry(a=ONE, b=ONE)
    late = Latecomers(connect(serve(registry)), "x/y", {"a": ONE, "b": TWO}, clock=lambda: 0.0)
    assert late.needing(ONE) == ["b"] and sorted(registry.heads) == ["a", "b"]
