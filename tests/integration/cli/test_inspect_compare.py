"""inspect --compare: two tags, a tag and an engine's image, and what cannot be combined."""

from __future__ import annotations

from contextlib import closing

from testbed import attachments as made
from testbed.engine import PrivateEngine
from testbed.registry import PrivateRegistry
from testbed.remote_images import RegistryWriter, seed_repository

from .conftest import Command


def test_two_tags_share_a_layer(alone: Command, open_registry: PrivateRegistry) -> None:
    registry = open_registry.address
    old = seed_repository(registry, "compare/app", ["1"], layers=[4_000, 5_000], seed="x", labels={"v": "1"})
    new = seed_repository(registry, "compare/app", ["2"], layers=[4_000, 6_000], seed="x", labels={"v": "2"})
    names = f"{registry}/compare/app:1", f"{registry}/compare/app:2"
    (found,) = alone.records("inspect", "--compare", names[1], names[0])
    assert (found["kind"], found["same"]) == ("comparison", False)
    assert (found["left"]["digest"], found["right"]["digest"]) == (old.digest, new.digest)
    first, second = old.images[0].layer_digests, new.images[0].layer_digests
    assert first[0] == second[0], "the same seed makes the same layer"
    assert [(one["digest"], one["side"]) for one in found["layers"]] == [
        (first[0], "both"),
        (second[1], "right"),
        (first[1], "left"),
    ]
    sizes = old.images[0].layer_sizes
    assert found["fetch_left"] == found["left"]["size_compressed"] - sizes[0]
    changed = {(one["kind"], one["name"]) for one in found["lines"] if not one["same"]}
    assert ("label", "v") in changed and ("platform", None) not in changed
    assert (found["packages"], found["without_sbom"]) == (None, None)
    text = alone("inspect", "--compare", names[1], names[0]).stdout
    assert "1 layer is the same" in text
    assert f"  = {first[0][:19]}" in text and f"  > {second[1][:19]}" in text
    assert "  Label v\n    < 1\n    > 2\n" in text
    (same,) = alone.records("inspect", "--compare", names[0], names[0])
    assert (same["same"], same["fetch_left"]) == (True, 0)
    assert "can only be combined" in alone("inspect", "--raw", "--compare", *names, code=2).stderr


def test_packages_of_both_sboms(alone: Command, open_registry: PrivateRegistry) -> None:
    registry = open_registry.address
    with closing(RegistryWriter(registry)) as writer:
        for tag, version in (("1", "7.88"), ("2", "8.0")):
            packages = [("curl", version, "curl"), ("zlib", "1.3", "")]
            made.put_built(
                writer, "compare/sbom", tag, [("linux", "amd64")], {made.SPDX: made.spdx(packages)}
            )
    seed_repository(registry, "compare/bare", ["1"], layers=[1_000])
    name = f"{registry}/compare/sbom"
    (found,) = alone.records("inspect", "--packages", "--compare", f"{name}:2", f"{name}:1")
    assert [(one["name"], one["left"], one["right"]) for one in found["packages"]] == [
        ("curl", ["7.88"], ["8.0"]),
        ("zlib", ["1.3"], ["1.3"]),
    ]
    shown = alone("inspect", "--packages", "--compare", f"{registry}/compare/bare:1", f"{name}:1").stdout
    assert "The right image has no SBOM attached." in shown


def test_an_engine_and_a_registry(
    longshore: Command, testbed_engine: PrivateEngine, open_registry: PrivateRegistry
) -> None:
    registry = open_registry.address
    seed_repository(registry, "compare/both", ["1"], layers=[4_000, 5_000], seed="y")
    seed_repository(registry, "compare/both", ["2"], layers=[4_000, 6_000], seed="y")
    name = f"{registry}/compare/both"
    longshore("pull", f"{name}:1")
    (same,) = longshore.records("inspect", "--compare", f"{name}:1", f"docker-daemon:{name}:1")
    assert same["same"] and {one["side"] for one in same["layers"]} == {"both"}
    (other,) = longshore.records("inspect", "--compare", f"{name}:2", f"docker-daemon:{name}:1")
    assert [one["side"] for one in other["layers"]] == ["both", "right", "left"]
    assert other["fetch_left"] is None, "an engine reports no compressed sizes"
    assert 6_000 <= other["fetch_right"] < other["right"]["size_compressed"] - 4_000 + 1
