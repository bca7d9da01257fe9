"""The names that a list's images get on another registry."""

from __future__ import annotations

import pytest

from longshore.application.image_lists.targets import mapped
from longshore.errors import InvalidInput
from longshore.oci.reference import Reference

DIGEST = f"sha256:{'a' * 64}"


@pytest.mark.parametrize(
    ("source", "destination", "rule", "target"),
    [
        ("nginx:1", "host.io", "{path}", "host.io/library/nginx:1"),
        ("nginx", "host.io:5000", "{path}", "host.io:5000/library/nginx:latest"),
        ("ghcr.io/org/app:2", "host.io/mirror/", "{path}", "host.io/mirror/org/app:2"),
        ("ghcr.io/org/app:2", "host.io", "team/{name}", "host.io/team/app:2"),
        ("localhost:5000/a:1", "host.io", "{registry}/{path}", "host.io/localhost-5000/a:1"),
        (f"nginx:1@{DIGEST}", "host.io", "{path}", "host.io/library/nginx:1"),
        (f"nginx@{DIGEST}", "host.io", "{path}", f"host.io/library/nginx@{DIGEST}"),
    ],
)
def test_names(source: str, destination: str, rule: str, target: str) -> None:
    (found,) = mapped([Reference.parse(source)], destination, rule)
    assert str(found.target) == target
    assert found.source == Reference.parse(source).with_default_tag()


def test_equal_references_are_one() -> None:
    nginx = Reference.parse("nginx")
    assert len(mapped([nginx, nginx.with_tag("latest")], "host.io")) == 1


@pytest.mark.parametrize(
    ("sources", "destination", "rule", "why"),
    [
        (
            ["nginx:1", "ghcr.io/library/nginx:1"],
            "host.io",
            "{path}",
            "would both become host.io/library/nginx:1",
        ),
        (["nginx:1", f"nginx:1@{DIGEST}"], "host.io", "{path}", "would both become"),
        (["a/x:1", "b/x:1"], "host.io", "{name}", "would both become host.io/x:1"),
        (["nginx"], "host.io", "fixed", "the same name"),
        (["nginx"], "host.io", "{tag}/{path}", "{tag}, which has no meaning"),
        (["nginx"], "host.io", "{path}}", "}, which has no meaning"),
        (["nginx"], "host.io", "UP/{path}", "gives nginx:latest an invalid name"),
        (["nginx"], "host.io", "{path}//x", "an invalid name"),
        (["nginx"], "ho st", "{path}", "not allowed"),
        (["nginx"], "host.io/UP", "{path}", "upper case"),
    ],
)
def test_rules_and_collisions_that_are_refused(
    sources: list[str], destination: str, rule: str, why: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        mapped([Reference.parse(one) for one in sources], destination, rule)
    assert why in caught.value.message


def test_another_tag_is_no_collision() -> None:
    sources = [Reference.parse(one) for one in ("nginx:1", "ghcr.io/library/nginx:2")]
    assert [one.target.tag for one in mapped(sources, "host.io")] == ["1", "2"]
