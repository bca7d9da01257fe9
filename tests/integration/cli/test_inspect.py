"""inspect: the same bytes as crane and skopeo show, from every kind of place."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from longshore.oci.manifest import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST
from testbed.crane import CraneRegistry
from testbed.engine import PrivateEngine
from testbed.images import load_image
from testbed.newer_engines import CRANE, find
from testbed.registry import PrivateRegistry
from testbed.remote_images import RegistryWriter, SeededRepository, digest_of, seed_repository

from .conftest import PROGRAM, Command

MADE = datetime(2020, 2, 3, 4, 5, 6, tzinfo=UTC)
BOTH = (("linux", "amd64"), ("linux", "arm64"))


def put_configured(registry: PrivateRegistry, repository: str, tag: str) -> tuple[bytes, bytes]:
    """Push an image without layers whose configuration has everything; returns manifest and configuration."""
    config = json.dumps(
        {
            "os": "linux",
            "architecture": "amd64",
            "created": "2020-02-03T04:05:06Z",
            "author": "Ann\u202e\u001b[31m",
            "config": {
                "Env": ["PATH=/bin", "DB_PASSWORD=hunter22", "URL=https://ann:hunter22@db/x", "EMPTY_TOKEN="],
                "Entrypoint": ["/bin/app", "a b"],
                "Cmd": ["serve"],
                "User": "1000:1000",
                "WorkingDir": "/srv",
                "ExposedPorts": {"8080/tcp": {}},
                "Volumes": {"/data": {}},
                "Labels": {"org.example": "yes"},
            },
            "rootfs": {"type": "layers", "diff_ids": []},
        },
        indent=3,
    ).encode()
    writer = RegistryWriter(registry.address)
    digest = writer.put_blob(repository, config)
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": {"mediaType": OCI_CONFIG, "digest": digest, "size": len(config)},
            "layers": [],
            "annotations": {"note": "kept"},
        },
        indent=2,
    ).encode()
    writer.put_manifest(repository, tag, manifest, OCI_MANIFEST)
    writer.close()
    return manifest, config


def raw(command: Command, *arguments: str | Path) -> bytes:
    """The bytes that a command prints."""
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, "inspect", *map(str, arguments)],
        env=command.environ,
        capture_output=True,
        timeout=120,
        check=True,
    ).stdout


@pytest.fixture(scope="module")
def seeded(open_registry: PrivateRegistry) -> SeededRepository:
    return seed_repository(open_registry.address, "inspect/app", ["1"], platforms=BOTH, created=MADE)


def test_the_same_bytes_as_crane_and_skopeo(
    longshore: Command,
    open_registry: PrivateRegistry,
    crane_registry: CraneRegistry,  # skips the test where crane is missing
    seeded: SeededRepository,
) -> None:
    name = f"{open_registry.address}/inspect/app:1"
    shown = raw(longshore, "--raw", name)
    assert digest_of(shown) == seeded.digest
    crane = str(find(CRANE) / "usr" / "bin" / "crane")

    def printed(*arguments: str) -> bytes:
        return subprocess.run(arguments, capture_output=True, timeout=60, check=True).stdout

    skopeo = ("skopeo", "inspect", "--tls-verify=false", "--override-os=linux", "--override-arch=arm64")
    assert shown == printed(crane, "manifest", "--insecure", name).removesuffix(b"\n")
    assert shown == printed(*skopeo, "--raw", f"docker://{name}")
    arm = raw(longshore, "--raw", "--platform", "linux/arm64", name)
    assert digest_of(arm) == seeded.images[1].digest
    config = raw(longshore, "--config", "--platform", "linux/arm64", name)
    assert digest_of(config) == seeded.images[1].config_digest
    assert config == printed(*skopeo, "--config", "--raw", f"docker://{name}").removesuffix(b"\n")


def test_an_index_with_its_platforms(
    longshore: Command, open_registry: PrivateRegistry, seeded: SeededRepository
) -> None:
    name = f"{open_registry.address}/inspect/app:1"
    (found,) = longshore.records("inspect", name, "--platform", "linux/arm64")
    arm = seeded.images[1]
    assert (found["kind"], found["place"], found["reference"]) == ("inspection", "registry", name)
    assert (found["digest"], found["media_type"]) == (seeded.digest, OCI_INDEX)
    assert (found["manifest_digest"], found["config_digest"]) == (arm.digest, arm.config_digest)
    assert found["platform"] == "linux/arm64" and datetime.fromisoformat(found["created"]) == MADE
    assert [one["digest"] for one in found["platforms"]] == [image.digest for image in seeded.images]
    sizes = [one["size_compressed"] for one in found["platforms"]]
    assert found["size_compressed"] == sizes[1] > sum(arm.layer_sizes)
    assert [(one["digest"], one["size_compressed"]) for one in found["layers"]] == list(
        zip(arm.layer_digests, arm.layer_sizes, strict=True)
    )
    lines = longshore("inspect", name).stdout.splitlines()
    assert lines[1].split() == ["Digest:", seeded.digest]
    assert any(line.startswith("  linux/arm64  sha256:") and line.endswith("compressed") for line in lines)
    assert longshore("inspect", "-q", name).stdout == f"{seeded.digest}\n"
    failed = longshore("inspect", name, "--platform", "linux/s390x", code=2)
    assert "no such platform" in failed.stderr and "It has linux/amd64, linux/arm64." in failed.stderr
    assert "inspect/app" in longshore("inspect", name[:-1] + "none", code=1).stderr


def test_what_a_container_runs_and_no_secrets(longshore: Command, open_registry: PrivateRegistry) -> None:
    name = f"{open_registry.address}/inspect/configured:1"
    manifest, config = put_configured(open_registry, "inspect/configured", "1")
    assert raw(longshore, "--raw", name) == manifest
    assert raw(longshore, "--config", name) == config
    done = longshore("inspect", name)
    for line in (
        "Entrypoint:    /bin/app 'a b'",
        "Command:       serve",
        "User:          1000:1000",
        "Folder:        /srv",
        "Ports:         8080/tcp",
        "Volumes:       /data",
        "Author:        Ann[31m",
        "  PATH=/bin",
        "  DB_PASSWORD=••••",
        "  URL=https://••••@db/x",
        "  org.example=yes",
        "  note=kept",
    ):
        assert line in done.stdout.splitlines()
    (found,) = longshore.records("inspect", name)
    assert "hunter22" not in done.stdout + json.dumps(found)
    assert found["environment"]["EMPTY_TOKEN"] == ""
    assert (found["entrypoint"], found["command"]) == (["/bin/app", "a b"], ["serve"])
    assert (found["user"], found["working_directory"]) == ("1000:1000", "/srv")
    assert (found["ports"], found["volumes"]) == (["8080/tcp"], ["/data"])
    assert (found["labels"], found["annotations"]) == ({"org.example": "yes"}, {"note": "kept"})
    assert "DB_PASSWORD=hunter22" in longshore("inspect", name, "--show-secrets").stdout


def test_other_places_show_the_same_digest(
    longshore: Command, open_registry: PrivateRegistry, seeded: SeededRepository, tmp_path: Path
) -> None:
    name = f"{open_registry.address}/inspect/app:1"
    longshore("pull", name, "--to", "library", "--all-platforms")
    longshore("copy", name, f"oci-archive:{tmp_path}/app.tar")
    longshore("copy", name, f"oci:{tmp_path}/layout:{name}")
    for place in (
        f"library:{name}",
        f"oci-archive:{tmp_path}/app.tar",
        f"oci:{tmp_path}/layout",
        f"{open_registry.address}/inspect/app@{seeded.digest}",
    ):
        assert digest_of(raw(longshore, "--raw", place)) == seeded.digest, place
        if place.startswith("oci-archive:"):
            assert "Only a registry" in longshore("inspect", "--who-can-pull", place, code=2).stderr
        assert digest_of(raw(longshore, "--config", "--platform", "linux/arm64", place)) == (
            seeded.images[1].config_digest
        )
        (found,) = longshore.records("inspect", place)
        assert (found["digest"], found["platform"]) == (seeded.digest, "linux/amd64")
        assert found["size_compressed"] == sum(seeded.images[0].layer_sizes) + len(
            raw(longshore, "--config", "--platform", "linux/amd64", place)
        )


def test_an_image_of_an_engine(longshore: Command, testbed_engine: PrivateEngine) -> None:
    with testbed_engine.client() as client:
        image_id = load_image(client, ["inspect/here:1"], labels={"a": "b"}, created=MADE, seed="inspect")
        try:
            (found,) = longshore.records("inspect", "docker-daemon:inspect/here:1")
            told: dict[str, Any] = client.inspect_image("inspect/here:1")
            assert (found["place"], found["image_id"], found["digest"]) == ("engine", image_id, None)
            assert (found["size_on_disk"], found["size_compressed"]) == (told["Size"], None)
            assert [one["digest"] for one in found["layers"]] == told["RootFS"]["Layers"]
            assert found["labels"]["a"] == "b" and found["platform"] == "linux/amd64"
            assert longshore("inspect", "-q", "docker-daemon:inspect/here:1").stdout == f"{image_id}\n"
            failed = longshore("inspect", "--raw", "docker-daemon:inspect/here:1", code=2)
            assert "An engine does not show the manifest" in failed.stderr
            assert "no such image" in longshore("inspect", "docker-daemon:inspect/none:1", code=1).stderr
        finally:
            client.remove_image(image_id, force=True)


def test_an_artifact_is_no_image_and_is_shown(longshore: Command, open_registry: PrivateRegistry) -> None:
    writer = RegistryWriter(open_registry.address)
    chart = b"name: chart\n"
    digest = writer.put_blob("inspect/chart", chart)
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "artifactType": "application/vnd.example.chart",
            "config": {"mediaType": "application/x-yaml", "digest": digest, "size": len(chart)},
            "layers": [{"mediaType": "application/x-yaml", "digest": digest, "size": len(chart)}],
        }
    ).encode()
    writer.put_manifest("inspect/chart", "1", manifest, OCI_MANIFEST)
    writer.close()
    name = f"{open_registry.address}/inspect/chart:1"
    (found,) = longshore.records("inspect", name)
    assert (found["artifact_type"], found["platform"]) == ("application/vnd.example.chart", None)
    assert found["digest"] == f"sha256:{hashlib.sha256(manifest).hexdigest()}"
    assert raw(longshore, "--config", name) == chart
