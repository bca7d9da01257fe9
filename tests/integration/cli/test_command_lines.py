"""*Copy as command*: the lines of longshore, skopeo and docker for a transfer end in the same image."""

from __future__ import annotations

import json
import shlex
import subprocess
import tarfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from longshore.application import requests
from longshore.application.command_lines import command_lines
from longshore.application.terminal import Terminal
from longshore.engine.address import EngineAddress
from longshore.library.library import Library
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.registry.config import RegistryConfig
from longshore.transfers.transfer import (
    ArchivePlace,
    Endpoint,
    EnginePlace,
    LibraryPlace,
    RegistryPlace,
    TransferRequest,
)
from testbed.engine import PrivateEngine
from testbed.errors import TestbedUnavailable, require
from testbed.processes import find_program
from testbed.registry import PrivateRegistry
from testbed.remote_images import seed_repository

PLATFORMS = (("linux", "amd64"), ("linux", "arm64"))
ARM = Platform.parse("linux/arm64")


def run(line: str, longshore: Any) -> None:
    """Run *line* as a shell would, without the user's own settings."""
    program, *words = shlex.split(line)
    if program == "longshore":
        longshore(*words)
        return
    try:
        path = find_program("skopeo", "skopeo")
    except TestbedUnavailable as problem:
        require(problem)
    done = subprocess.run(
        [path, "--insecure-policy", *words], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr


def index_of(text: str) -> dict[str, str]:
    """The digests in an image layout, by name."""
    name = "org.opencontainers.image.ref.name"
    return {each["annotations"][name]: each["digest"] for each in json.loads(text)["manifests"]}


def in_archive(path: Path) -> dict[str, str]:
    with tarfile.open(path) as tar:
        found = tar.extractfile("index.json")
        assert found is not None
        return index_of(found.read().decode())


@pytest.fixture
def terminal(tmp_path: Path, testbed_engine: PrivateEngine) -> Terminal:
    engine = EngineAddress("DOCKER_HOST", testbed_engine.host)
    return Terminal(engine, {}, False, tmp_path / "nobody's library", RegistryConfig)


def test_skopeo_copies_the_same(
    longshore: Any,
    open_registry: PrivateRegistry,
    second_registry: PrivateRegistry,
    terminal: Terminal,
    tmp_path: Path,
) -> None:
    seeded = seed_repository(open_registry.address, "line/web", ["1"], platforms=PLATFORMS)
    source = Reference.parse(f"{open_registry.address}/line/web:1")
    there = Endpoint(RegistryPlace(source.domain), source)
    own = LibraryPlace(tmp_path / "by longshore")
    foreign = LibraryPlace(tmp_path / "by skopeo")

    def target(tag: str) -> Endpoint:
        reference = Reference.parse(f"{second_registry.address}/line/copy:{tag}")
        return Endpoint(RegistryPlace(reference.domain), reference)

    def both(*wanted: TransferRequest) -> None:
        """Run the first by longshore and the second by skopeo."""
        for program, request in zip(("longshore", "skopeo"), wanted, strict=True):
            (line,) = command_lines([request], terminal)[program]
            run(line, longshore)

    def digests(*tags: str) -> set[str]:
        pulled = [f"{second_registry.address}/line/copy:{tag}" for tag in tags]
        lines = longshore("pull", "--to", "library", "--all-platforms", "-q", *pulled).stdout.splitlines()
        assert len(lines) == len(tags)
        return {line.rpartition("@")[2] for line in lines}

    def in_library(place: LibraryPlace, name: Reference) -> str:
        return next(image.digest for image in Library(place.path).images() if image.reference == name)

    both(requests.move(there, target("l")), requests.move(there, target("s")))
    assert digests("l", "s") == {seeded.digest}

    chosen = [replace(requests.move(there, target(tag)), platform=ARM) for tag in ("la", "sa")]
    both(*chosen)
    assert len(digests("la", "sa")) == 1 and seeded.digest not in digests("la")

    name = Reference.parse("acme/web:1")
    both(*(requests.move(there, Endpoint(place, name)) for place in (own, foreign)))
    assert in_library(own, name) == in_library(foreign, name) == seeded.digest
    both(
        *(requests.move(Endpoint(place, name), target(tag)) for place, tag in ((foreign, "lb"), (own, "sb")))
    )
    assert digests("lb", "sb") == {seeded.digest}

    files = [ArchivePlace(tmp_path / f"{program}.tar", "oci") for program in ("longshore", "skopeo")]
    both(*(requests.save(there, file) for file in files))
    assert in_archive(files[0].path) == in_archive(files[1].path) == {str(source): seeded.digest}
    swapped = zip(reversed(files), ("lc", "sc"), strict=True)
    both(*(requests.move(Endpoint(file, source), target(tag)) for file, tag in swapped))
    assert digests("lc", "sc") == {seeded.digest}


def test_docker_does_the_same(
    longshore: Any,
    testbed_engine: PrivateEngine,
    open_registry: PrivateRegistry,
    terminal: Terminal,
    tmp_path: Path,
) -> None:
    try:
        docker = find_program("docker", "docker-cli")
    except TestbedUnavailable as problem:
        require(problem)
    seed_repository(open_registry.address, "line/docker", ["1"])
    source = Reference.parse(f"{open_registry.address}/line/docker:1")
    engine = EnginePlace(EngineAddress("there", testbed_engine.host))
    elsewhere = replace(terminal, current=None)  # so that the lines name the engine
    image = Endpoint(engine, source)
    archive = ArchivePlace(tmp_path / "a b.tar")

    def shell(wanted: Sequence[TransferRequest]) -> None:
        for line in command_lines(wanted, elsewhere)["docker"]:
            assert line.startswith(f"docker -H {testbed_engine.host} ")
            shown = line.replace("docker -H", f"{docker} -H")
            done = subprocess.run(
                ["sh", "-c", shown], capture_output=True, text=True, timeout=120, check=False
            )
            assert done.returncode == 0, done.stderr

    client = testbed_engine.client()
    try:
        renamed = source.with_tag("2")
        shell([requests.move(Endpoint(RegistryPlace(source.domain), source), Endpoint(engine, renamed))])
        image_id = client.inspect_image(str(renamed))["Id"]
        shell([requests.push(image, source.with_tag("3")), requests.save(image, archive)])
        assert longshore("pull", str(source.with_tag("3")), "-q").returncode == 0
        assert client.inspect_image(str(source.with_tag("3")))["Id"] == image_id
        client.remove_image(str(source))
        shell([requests.load(Endpoint(archive, None), engine)])
        assert client.inspect_image(str(source))["Id"] == image_id
    finally:
        client.close()
