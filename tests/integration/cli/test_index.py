"""index: one index of images from registries and engines, and its undo."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from testbed.bed import Testbed
from testbed.engine import Flavour
from testbed.images import load_image
from testbed.registry import PrivateRegistry
from testbed.remote_images import seed_repository

from .conftest import Command


def platforms(command: Command, name: str) -> list[tuple[str, str]]:
    (found,) = command.records("inspect", name)
    return [(one["platform"], one["digest"]) for one in found["platforms"]]


def test_of_tags_of_two_registries(
    longshore: Command, open_registry: PrivateRegistry, second_registry: PrivateRegistry, tmp_path: Path
) -> None:
    here, there = open_registry.address, second_registry.address
    amd = seed_repository(here, "index/app", ["amd"], platforms=[("linux", "amd64")])
    arm = seed_repository(here, "index/other", ["arm"], platforms=[("linux", "arm64")])
    s390 = seed_repository(there, "index/far", ["s"], platforms=[("linux", "s390x")])
    before = seed_repository(here, "index/app", ["1"], platforms=[("linux", "riscv64")])
    target = f"{here}/index/app:1"
    sources = (f"{here}/index/app:amd", f"{here}/index/other:arm", f"{there}/index/far:s")
    rows = longshore.records("index", target, *sources)
    assert rows[-1]["state"] == "Succeeded"
    assert platforms(longshore, target) == [
        ("linux/amd64", amd.digest),
        ("linux/arm64", arm.digest),
        ("linux/s390x", s390.digest),
    ]
    # Complete: it can be copied with all its platforms.
    longshore("copy", target, f"oci-archive:{tmp_path}/whole.tar")
    # The name in a layout is written unchanged, as skopeo looks it up.
    longshore("index", f"oci:{tmp_path}/layout:app:1", *sources[:2])
    (entry,) = json.loads((tmp_path / "layout/index.json").read_bytes())["manifests"]
    assert entry["annotations"]["org.opencontainers.image.ref.name"] == "app:1"
    longshore("undo", "--yes")
    assert longshore("inspect", "-q", target).stdout.strip() == before.digest
    refused = longshore("index", target, sources[0], f"{here}/index/app:amd", code=2)
    assert "named twice" in refused.stderr
    same = seed_repository(here, "index/app", ["amd2"], platforms=[("linux", "amd64")], labels={"a": "b"})
    assert same.digest != amd.digest
    refused = longshore("index", target, sources[0], f"{here}/index/app:amd2", code=1)
    assert "same platform, linux/amd64" in refused.stderr
    assert longshore("inspect", "-q", target).stdout.strip() == before.digest
    longshore("index", "--replace", target, sources[0], f"{here}/index/app:amd2")
    assert platforms(longshore, target) == [("linux/amd64", same.digest)]


@pytest.mark.parametrize("flavour", ["debian", "containerd", "podman"])
def test_of_images_of_an_engine(
    flavour: Flavour, longshore: Command, open_registry: PrivateRegistry, testbed: Testbed
) -> None:
    engine = testbed.engine_of(flavour)
    target = f"{open_registry.address}/index/{flavour}:1"
    names = [f"{open_registry.address}/index/local:{architecture}" for architecture in ("amd64", "arm64")]
    with engine.client() as client:
        try:
            for image in names:
                load_image(client, [image], platform=("linux", image.rpartition(":")[2]), seed=image)
            sources = [f"docker-daemon:{image}" for image in names]
            rows = longshore.records("index", "--engine", engine.host, target, *sources)
        finally:
            for image in names:
                client.remove_image(image, force=True)
    assert rows[-1]["state"] == "Succeeded"
    assert [platform for platform, _ in platforms(longshore, target)] == ["linux/amd64", "linux/arm64"]
