"""inspect: an index of three platforms with attestations."""

from __future__ import annotations

import pytest

from testbed.many_platforms import SLSA, SPDX, SeededIndex, seed_index
from testbed.registry import PrivateRegistry

from .conftest import Command


@pytest.fixture(scope="module")
def index(open_registry: PrivateRegistry) -> SeededIndex:
    return seed_index(open_registry.address, "inspect/three", "1")


def test_three_platforms_with_attestations(
    longshore: Command, open_registry: PrivateRegistry, index: SeededIndex
) -> None:
    name = f"{open_registry.address}/inspect/three:1"
    (found,) = longshore.records("inspect", name, "--who-can-pull")
    assert [(one["platform"], one["digest"]) for one in found["platforms"]] == [
        (image.name, image.digest) for image in index.images
    ]
    assert [(one["digest"], one["subject"], one["platform"]) for one in found["attestations"]] == [
        (image.attestation, image.digest, image.name) for image in index.images
    ]
    assert all(one["predicate_types"] == [SPDX, SLSA] for one in found["attestations"])
    assert all(one["size_compressed"] > 0 for one in (*found["platforms"], *found["attestations"]))
    assert (found["access"], found["base"]["name"], found["stop_signal"]) == (
        "anyone",
        "debian:12-slim",
        "SIGINT",
    )
    assert found["pull_command_by_digest"].endswith(f"/inspect/three@{index.digest}")
    lines = longshore("inspect", name).stdout
    assert "\n  for linux/s390x  SBOM, provenance  " in lines
    assert "RUN make install" in lines and "t0ps3cret" not in lines
    assert "does not work on another one" in lines
    assert "Health check:  curl -f localhost, every 30 s" in lines
