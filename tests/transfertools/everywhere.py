"""Every kind of place that can hold an image, filled and read without the code under test.

skopeo and the engines' own pull fill them; their content is then read from their own files and responses, blob by
blob, without Longshore's readers.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import io
import json
import subprocess
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from longshore.oci.reference import Reference
from longshore.transfers.transfer import (
    ArchivePlace,
    Endpoint,
    EnginePlace,
    LibraryPlace,
    Operation,
    Place,
    RegistryPlace,
    TransferRequest,
)
from testbed.engine import PrivateEngine
from testbed.processes import find_program
from testbed.registry import PrivateRegistry
from testbed.remote_images import SeededRepository
from transfertools import address_of

_OCI = "application/vnd.oci.image."
_DOCKER = "application/vnd.docker.distribution.manifest."
_ACCEPT = f"{_OCI}index.v1+json, {_OCI}manifest.v1+json, {_DOCKER}list.v2+json, {_DOCKER}v2+json"


@dataclass(frozen=True)
class Seen:
    """An image as found in a place. *top*: the digest that its name points to, "" if the place keeps no manifest.

    *config*: the digest of its configuration (of linux/amd64, if there are several platforms).
    """

    top: str
    config: str
    diff_ids: tuple[str, ...]


class Spot:
    """A place to transfer images from and to; each image in it has a name of its own."""

    #: Whether it keeps manifests unchanged, and with them digests.
    keeps: bool = True
    #: Whether it keeps all platforms of an index.
    whole: bool = True

    def end(self, label: str) -> Endpoint:
        """Return the endpoint of the image called *label*."""
        raise NotImplementedError

    def fill(self, label: str, origin: PrivateRegistry, seeded: SeededRepository) -> None:
        """Put the image *seeded* there, without Longshore."""
        raise NotImplementedError

    def look(self, label: str) -> Seen:
        """Return the image that is there now."""
        raise NotImplementedError


def name_of(label: str) -> Reference:
    """Return the name of an image in places whose names have no registry."""
    return Reference.parse(f"everywhere/{label}:1")


class RegistrySpot(Spot):
    def __init__(self, registry: PrivateRegistry) -> None:
        self._registry = registry

    def end(self, label: str) -> Endpoint:
        address = self._registry.address
        return Endpoint(RegistryPlace(address), Reference.parse(f"{address}/everywhere/{label}:1"))

    def fill(self, label: str, origin: PrivateRegistry, seeded: SeededRepository) -> None:
        skopeo_copy(origin, seeded, f"docker://{self.end(label).reference}")

    def look(self, label: str) -> Seen:
        def read(kind: str, name: str) -> bytes:
            line = http.client.HTTPConnection(self._registry.address, timeout=20)
            with contextlib.closing(line):
                line.request("GET", f"/v2/everywhere/{label}/{kind}/{name}", headers={"Accept": _ACCEPT})
                answer = line.getresponse()
                assert answer.status == 200, (kind, name, answer.status, answer.read())
                return answer.read()

        top = read("manifests", "1")
        return seen_from(
            digest_of(top), lambda digest, kind: top if digest == digest_of(top) else read(kind, digest)
        )


class EngineSpot(Spot):
    whole = False

    def __init__(self, engine: PrivateEngine) -> None:
        self._engine = engine
        self._address = address_of(engine.host)
        self.keeps = engine.flavour == "containerd"

    def end(self, label: str) -> Endpoint:
        return Endpoint(EnginePlace(self._address), name_of(label))

    def fill(self, label: str, origin: PrivateRegistry, seeded: SeededRepository) -> None:
        source = f"{origin.address}/{seeded.repository}"
        with contextlib.closing(self._engine.client()) as client:
            for event in client.pull(source, tag="1", stream=True, decode=True, auth_config={}):
                assert "error" not in event, event
            client.tag(f"{source}:1", f"everywhere/{label}", "1")

    def look(self, label: str) -> Seen:
        with contextlib.closing(self._engine.client()) as client:
            found = client.inspect_image(f"everywhere/{label}:1")
            archive = b"".join(client.get_image(f"everywhere/{label}:1"))
        files = members_of(io.BytesIO(archive))
        entry = json.loads(files["manifest.json"])[0]
        config = files[entry["Config"]]
        assert json.loads(config)["rootfs"]["diff_ids"] == found["RootFS"]["Layers"]
        return Seen(found["Id"] if self.keeps else "", digest_of(config), tuple(found["RootFS"]["Layers"]))


class LibrarySpot(Spot):
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def end(self, label: str) -> Endpoint:
        return Endpoint(LibraryPlace(self._folder), name_of(label))

    def fill(self, label: str, origin: PrivateRegistry, seeded: SeededRepository) -> None:
        skopeo_copy(origin, seeded, f"oci:{self._folder}:{name_of(label)}")

    def look(self, label: str) -> Seen:
        return layout_image((self._folder / "index.json").read_bytes(), name_of(label), self._blob)

    def _blob(self, digest: str) -> bytes:
        return (self._folder / "blobs" / digest.replace(":", "/")).read_bytes()


class ArchiveSpot(Spot):
    def __init__(self, folder: Path, form: str) -> None:
        self._folder = folder
        self._form = form
        self.keeps = self.whole = form == "oci"

    def _path(self, label: str) -> Path:
        return self._folder / f"{label}-{self._form}.tar"

    def end(self, label: str) -> Endpoint:
        return Endpoint(ArchivePlace(self._path(label), self._form), name_of(label))

    def fill(self, label: str, origin: PrivateRegistry, seeded: SeededRepository) -> None:
        skopeo_copy(origin, seeded, f"{self._form}-archive:{self._path(label)}:{name_of(label)}")

    def look(self, label: str) -> Seen:
        with self._path(label).open("rb") as file:
            files = members_of(file)
        if self._form == "oci":
            return layout_image(
                files["index.json"],
                name_of(label),
                lambda digest: files[f"blobs/{digest.replace(':', '/')}"],
            )
        (entry,) = json.loads(files["manifest.json"])
        assert [Reference.parse(name) for name in entry["RepoTags"]] == [name_of(label)]
        config = files[entry["Config"]]
        diff_ids = tuple(json.loads(config)["rootfs"]["diff_ids"])
        assert len(entry["Layers"]) == len(diff_ids)
        return Seen("", digest_of(config), diff_ids)


def request(source: Endpoint, destination: Endpoint, **options: str) -> TransferRequest:
    """Return the request from one to the other, with the operation for that pair of places."""
    word = operation_of(source.place, destination.place)
    return TransferRequest(word, source, destination, options=tuple(sorted(options.items())))


def operation_of(source: Place, destination: Place) -> Operation:
    """Return the operation for a pair of places."""
    match source, destination:
        case _, ArchivePlace():
            return Operation.SAVE
        case ArchivePlace(), _:
            return Operation.LOAD
        case RegistryPlace(), EnginePlace() | LibraryPlace():
            return Operation.PULL
        case EnginePlace() | LibraryPlace(), RegistryPlace():
            return Operation.PUSH
    return Operation.COPY


def skopeo_copy(origin: PrivateRegistry, seeded: SeededRepository, target: str) -> None:
    """Copy all of the image, byte for byte if the target can store it so."""
    source = f"docker://{origin.address}/{seeded.repository}:1"
    whole = ["--all"] if not target.startswith("docker-archive:") else []
    command = [find_program("skopeo", "skopeo"), "--insecure-policy", "copy", *whole]
    command += ["--src-tls-verify=false", "--dest-tls-verify=false", source, target]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def members_of(file: Any) -> dict[str, bytes]:
    """Return the files of a tar, links followed."""
    found = {}
    with tarfile.open(fileobj=file) as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isfile() or member.issym() else None
            if content is not None:
                found[member.name.removeprefix("./")] = content.read()
    return found


def layout_image(index: bytes, name: Reference, blob: Callable[[str], bytes]) -> Seen:
    """Return the image with that name in an OCI image layout."""
    named = []
    for entry in json.loads(index)["manifests"]:
        notes = entry.get("annotations") or {}
        told = notes.get("io.containerd.image.name") or notes.get("org.opencontainers.image.ref.name") or ""
        if "/" in told and Reference.parse(told) == name:
            named.append(entry["digest"])
    (top,) = named
    return seen_from(top, lambda digest, _kind: blob(digest))


def seen_from(top: str, read: Callable[[str, str], bytes]) -> Seen:
    """Return the image of *top*, after checking that all its blobs exist and match their digests."""

    def checked(digest: str, kind: str) -> bytes:
        data = read(digest, kind)
        assert digest_of(data) == digest
        return data

    manifest = json.loads(checked(top, "manifests"))
    images = [manifest]
    if "manifests" in manifest:
        images = [json.loads(checked(each["digest"], "manifests")) for each in manifest["manifests"]]
    configs = {}
    for image in images:
        config = image["config"]["digest"]
        configs[config] = json.loads(checked(config, "blobs"))
        for layer in image["layers"]:
            assert len(checked(layer["digest"], "blobs")) == layer["size"]
    first = next(iter(configs))
    for config, content in configs.items():
        if content["architecture"] == "amd64":
            first = config
    return Seen(top, first, tuple(configs[first]["rootfs"]["diff_ids"]))
