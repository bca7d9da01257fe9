"""What an engine has after it took an image over is what its own pull leaves, for every kind of image and registry."""

from __future__ import annotations

import contextlib
import dataclasses
import gzip
import hashlib
import io
import subprocess
import tarfile
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import docker.errors
import pytest

from longshore.application.clients import Clients
from longshore.credentials import Credential
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.transfers.hand_over import HandOver
from longshore.transfers.transfer import Endpoint, NoteKind, State, TransferRequest
from testbed.crane import CraneRegistry
from testbed.engine import PrivateEngine
from testbed.layers import image_config
from testbed.registry import PrivateRegistry
from testbed.remote_images import MEDIA_TYPES, Format, RegistryWriter, descriptor, document, seed_repository
from transfertools import address_of, pull

from .test_handing_over import ALWAYS, Make, passing_names

BOTH = [("linux", "amd64"), ("linux", "arm64")]
WHEN = datetime(2026, 1, 1, tzinfo=UTC)
ZSTD = "application/vnd.oci.image.layer.v1.tar+zstd"
FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"


@pytest.fixture(autouse=True)
def library(clients: Clients, tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "library"
    clients.hand_over = HandOver(lambda: folder)
    yield folder


@dataclasses.dataclass(frozen=True)
class Part:
    """A layer of a made image. *more*: further fields of its descriptor."""

    data: bytes
    diff_id: str
    media_type: str = ""
    more: tuple[tuple[str, object], ...] = ()


def tar_of(name: str, size: int = 2000) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        if name:
            info = tarfile.TarInfo(name)
            info.size = size
            archive.addfile(info, io.BytesIO(name.encode().ljust(size, b"x")))
    return out.getvalue()


def packed(tar: bytes, **more: Any) -> Part:
    return Part(gzip.compress(tar, mtime=0), f"sha256:{hashlib.sha256(tar).hexdigest()}", **more)


def put(
    registry: PrivateRegistry | CraneRegistry,
    repository: str,
    parts: Sequence[Part],
    image_format: Format = "oci",
) -> str:
    """Store an image of *parts* as ``latest``; returns its name there."""
    types = MEDIA_TYPES[image_format]
    with contextlib.closing(RegistryWriter(registry.address)) as writer:
        layers = []
        for part in parts:
            digest = writer.put_blob(repository, part.data)
            kind = part.media_type or types["layer"]
            layers.append(descriptor(kind, digest, len(part.data)) | dict(part.more))
        config = document(image_config([part.diff_id for part in parts], BOTH[0], WHEN, {"of": repository}))
        stored = {
            "schemaVersion": 2,
            "mediaType": types["manifest"],
            "config": descriptor(types["config"], writer.put_blob(repository, config), len(config)),
            "layers": layers,
        }
        writer.put_manifest(repository, "latest", document(stored), types["manifest"])
    return f"{registry.address}/{repository}:latest"


def zstd(tar: bytes) -> Part:
    done = subprocess.run(["zstd", "-c"], input=tar, capture_output=True, check=True)
    return Part(done.stdout, f"sha256:{hashlib.sha256(tar).hexdigest()}", ZSTD)


MADE: dict[str, tuple[list[Part], Format]] = {
    "same-layer-twice": ([packed(tar_of("a")), packed(tar_of("b")), packed(tar_of("a"))], "oci"),
    "empty-layer": ([packed(tar_of("c")), packed(tar_of("")), packed(tar_of(""))], "docker"),
    "no-bytes": ([packed(tar_of("d")), Part(b"", f"sha256:{hashlib.sha256().hexdigest()}")], "oci"),
    "plain-tar": (
        [
            Part(
                tar_of("g"),
                f"sha256:{hashlib.sha256(tar_of('g')).hexdigest()}",
                "application/vnd.oci.image.layer.v1.tar",
            )
        ],
        "oci",
    ),
    "wrong-diff-id": ([Part(gzip.compress(tar_of("h"), mtime=0), "sha256:" + "1" * 64)], "oci"),
    "zstd": ([packed(tar_of("i")), zstd(tar_of("j"))], "oci"),
}


def facts(engine: PrivateEngine, name: str) -> dict[str, Any] | None:
    """What the engine reports about the image."""
    with contextlib.closing(engine.client()) as client:
        try:
            found = client.inspect_image(name)
        except docker.errors.NotFound:
            return None
        listed = [each["Id"] for each in client.images(all=True)]
    keys = ("Id", "RepoTags", "RepoDigests", "RootFS", "Architecture", "Os", "Config", "Created", "Size")
    return {key: found.get(key) for key in keys} | {"rows": listed.count(found["Id"])}


class Both:
    """Pulls an image natively and by handing it over, and compares."""

    def __init__(self, clients: Clients, engine: PrivateEngine, make_queue: Make) -> None:
        self.clients = clients
        self.engine = engine
        self.queue, self.eye = make_queue(ways=ALWAYS)

    def remove(self, *names: str) -> None:
        with contextlib.closing(self.engine.client()) as client:
            for name in names:
                with contextlib.suppress(docker.errors.NotFound):
                    client.remove_image(name, force=True)

    def compare(
        self,
        request: TransferRequest,
        *names: str,
        before: Callable[[], None] = lambda: None,
    ) -> None:
        seen = []
        shared = self.clients.hand_over
        assert shared is not None
        for native in (True, False):
            self.remove(*names)
            before()
            shared.native = native
            row = self.queue.add(request)
            done = self.eye.until(row, lambda now: now.state.finished, 60)
            if not native and done.state is State.SUCCEEDED:
                assert NoteKind.FETCHED in {note.kind for note in done.notes}, done.notes
            notes = {
                (note.kind, note.text)
                for note in done.notes
                if note.kind not in (NoteKind.FETCHED, NoteKind.PULLED_NATIVELY, NoteKind.ENGINE_SAYS)
            }
            seen.append(
                (
                    done.state,
                    type(done.error),
                    notes,
                    done.digest,
                    [facts(self.engine, name) for name in names],
                )
            )
            assert passing_names(self.clients.engine(address_of(self.engine.host))) == []
        self.remove(*names)
        assert seen[0] == seen[1]


@pytest.fixture
def both(clients: Clients, testbed_engine: PrivateEngine, make_queue: Make) -> Both:
    return Both(clients, testbed_engine, make_queue)


@pytest.fixture
def each(clients: Clients, any_engine: PrivateEngine, make_queue: Make) -> Both:
    """On each engine in turn: for what engines do differently."""
    return Both(clients, any_engine, make_queue)


@pytest.mark.parametrize("kind", MADE)
def test_an_unusual_image(both: Both, open_registry: PrivateRegistry, kind: str) -> None:
    parts, image_format = MADE[kind]
    name = put(open_registry, f"same/{kind}", parts, image_format)
    both.compare(pull(name, address_of(both.engine.host)), name)


def test_a_foreign_layer(both: Both, crane_registry: CraneRegistry) -> None:
    """Its content is where its manifest says: that is the engine's business."""
    foreign = packed(tar_of("f"), media_type=FOREIGN, more=(("urls", ["http://127.0.0.1:9/f"]),))
    name = put(crane_registry, "same/foreign", [packed(tar_of("e")), foreign], "docker")
    both.compare(pull(name, address_of(both.engine.host)), name)


@pytest.mark.parametrize("kind", ["digest-renamed", "index-digest", "platform", "renamed", "partly"])
def test_a_request(both: Both, open_registry: PrivateRegistry, kind: str) -> None:
    host = open_registry.address
    seeded = seed_repository(host, f"same/{kind}", layers=(20_000, 30_000), platforms=BOTH)
    address = address_of(both.engine.host)
    name = f"{host}/same/{kind}:latest"
    other = f"{host}/other/{kind}:1"
    request = pull(name, address)
    names = [name]
    if "digest" in kind:
        name = f"{host}/same/{kind}@{seeded.digest if 'index' in kind else seeded.images[0].digest}"
        request, names = pull(name, address), [name]
    if "renamed" in kind:
        place = request.destination.place
        request = dataclasses.replace(request, destination=Endpoint(place, Reference.parse(other)))
        names.append(other)
    if kind == "platform":
        request = dataclasses.replace(request, platform=Platform("linux", "arm64"))
    both.compare(request, *names)


def test_an_image_that_is_partly_there(each: Both, open_registry: PrivateRegistry) -> None:
    address = address_of(each.engine.host)
    base = put(open_registry, "same/base", [packed(tar_of("base"))])
    name = put(open_registry, "same/partly", [packed(tar_of("base")), packed(tar_of("above"))])

    def pull_base() -> None:
        each.eye.until(each.queue.add(pull(base, address)), State.SUCCEEDED, 60)

    each.compare(pull(name, address), name, before=pull_base)
    each.remove(base)


@pytest.mark.parametrize("kind", ["auth_registry", "token_registry"])
def test_a_registry_with_a_sign_in(
    both: Both, clients: Clients, request: pytest.FixtureRequest, kind: str
) -> None:
    registry: PrivateRegistry = request.getfixturevalue(kind)
    names = (registry.username, registry.password)
    if kind == "auth_registry":
        seed_repository(registry.address, "same/secret", credentials=names, layers=(9000,))
    else:
        assert registry.token_server is not None
        token = registry.token_server.make_token(names[0], ["repository:same/secret:pull,push"])
        seed_repository(registry.address, "same/secret", token=token, layers=(9000,))
    name = f"{registry.address}/same/secret:latest"
    asked = pull(name, address_of(both.engine.host))
    clients.registry(registry.address)._session.auth.forget()
    both.compare(asked, name)
    clients.credentials.keep_for_this_run(registry.address, Credential(*names))
    clients.registry(registry.address)._session.auth.forget()
    both.compare(asked, name)
