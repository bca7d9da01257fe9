"""inspect --files: the files of images in a registry and in every kind of engine, and nothing outside them."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import archivetools as made
from layertools import FOLDER, Link, entry, layer
from longshore.cancellation import Cancellation
from longshore.engine.address import current_address
from longshore.engine.engine import Engine
from longshore.oci.manifest import OCI_MANIFEST
from testbed.engine import PrivateEngine
from testbed.registry import PrivateRegistry
from testbed.remote_images import RegistryWriter

from .conftest import Command

BASE = layer(
    ("etc/", FOLDER), ("etc/app.conf", b"old"), ("log", b"x" * 5000), entry("bin/app", b"#!", mode=0o755)
)
TOP = layer(("etc/app.conf", b"newer"), (".wh.log", b""), ("bin/sh", Link("app")))
HOSTILE = layer(
    ("../../../../../../../../tmp/longshore-escaped", b"out"),
    ("/tmp/longshore-absolute", b"absolute"),
    ("red\x1b[31m\u202e", b"control"),
    ("loop", Link("loop/loop")),
    ("loop/in", b"in a circle"),
    ("link", Link("/etc/passwd")),
    ("nothing", Link("no/such/file", hard=True)),
    ("twice", b"1"),
    ("twice", b"22"),
    ("n" * 3000, b"long"),
)


def push(registry: PrivateRegistry, repository: str, image: made.Image) -> str:
    """Put *image* into the registry; return its name."""
    writer = RegistryWriter(registry.address)
    with contextlib.closing(writer):
        for blob in (*image.blobs, image.config):
            writer.put_blob(repository, blob)
        writer.put_manifest(repository, "1", image.manifest, OCI_MANIFEST)
    return f"{registry.address}/{repository}:1"


def test_a_registry_and_hostile_names(alone: Command, open_registry: PrivateRegistry, tmp_path: Path) -> None:
    image = made.Image((BASE, TOP, HOSTILE), packed="gzip")
    name = push(open_registry, "files/hostile", image)
    cost, *found, summary = alone.records("inspect", name, "--files")
    assert (cost["kind"], cost["way"], cost["host"]) == ("files_cost", "fetched", open_registry.address)
    assert cost["size"] == sum(map(len, image.blobs))
    files = {one["path"]: one for one in found}
    assert (files["log"]["layer"], files["log"]["hidden_by"]) == (1, 2)
    assert (files["etc/app.conf"]["change"], files["etc/app.conf"]["size"]) == ("changed", 5)
    assert files["tmp/longshore-absolute"]["size"] == 8
    assert {one["path"][:20]: one["oddity"] for one in found if one["oddity"]} == {
        "../../../../../../../../tmp/longshore-escaped"[:20]: "outside",
        "nothing": "no_target",
        "twice": "repeated",
        "n" * 20: "too_long",
        "red\x1b[31m\u202e": "unprintable",
    }
    assert (summary["hidden"], summary["oddities"]) == (5003, 5)
    # As a person sees it, from what is known now: nothing is downloaded a second time.
    shown = alone("inspect", name, "--files").stdout
    assert "\x1b" not in shown and "\u202e" not in shown
    assert "red\\x1b[31m\\u202e" in shown
    assert "removed by layer 2" in shown
    assert "longshore-escaped  (This name leads out of the image." in shown
    assert "hidden by later layers" in shown
    assert alone.records("inspect", name, "--files", "--find", "none")[0]["known"] == 3
    assert not os.path.lexists("/tmp/longshore-escaped") and not os.path.lexists("/tmp/longshore-absolute")
    # A file under the name that was chosen, and nothing else.
    saved = tmp_path / "saved"
    (_, record) = alone.records("inspect", name, "--save-file", "/twice", saved)
    assert (record["size"], saved.read_bytes()) == (2, b"22")
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["saved"]
    assert "The file exists" in alone("inspect", name, "--save-file", "/twice", saved, code=2).stderr
    refused = alone("inspect", name, "--save-file", "link", tmp_path / "passwd", code=1).stderr
    assert "symbolic link" in refused and "/etc/passwd" in refused
    assert not (tmp_path / "passwd").exists()


def test_a_broken_layer_and_options(alone: Command, open_registry: PrivateRegistry) -> None:
    name = push(open_registry, "files/broken", made.Image((BASE, b"no tar" * 500), packed="gzip"))
    done = alone("inspect", name, "--files", "--path", "bin", "--quiet", code=3)
    assert done.stdout == "bin\nbin/app\n"
    assert "Layer 2 is not shown: The layer is not a tar archive" in done.stderr
    *_, summary = alone.records("inspect", name, "--files", "--layer", "1", code=3)
    assert [None if one["error"] is None else one["error"]["code"] for one in summary["layers"]] == [
        None,
        "content.layer",
    ]
    assert "no such layer" in alone("inspect", name, "--files", "--layer", "3", code=2).stderr
    assert "no such file" in alone("inspect", name, "--files", "--path", "nowhere", code=1).stderr
    assert "needs --files" in alone("inspect", name, "--find", "x", code=2).stderr


def test_every_engine(any_engine: PrivateEngine, alone: Command, tmp_path: Path) -> None:
    image = made.Image((BASE, TOP), names=("docker.io/files/app:1",), packed="gzip")
    engine = Engine(current_address(any_engine.host, {}))
    with contextlib.closing(engine):
        engine.load([made.tar_of(made.docker_parts(image))], Cancellation())
        here = Command({**alone.environ, "DOCKER_HOST": any_engine.host})
        cost, *found, summary = here.records("inspect", "docker-daemon:files/app:1", "--files")
        assert (cost["way"], cost["known"], cost["layers"]) == ("saved", 0, 2)
        assert {(one["path"], one["layer"], one["hidden_by"]) for one in found} == {
            ("bin", 1, None),
            ("bin/app", 1, None),
            ("bin/sh", 2, None),
            ("etc", 1, None),
            ("etc/app.conf", 2, None),
            ("log", 1, 2),
        }
        assert (summary["files"], summary["hidden"]) == (2, 5003)
        here("inspect", "docker-daemon:files/app:1", "--save-file", "etc/app.conf", tmp_path / "out")
        engine.remove("files/app:1")
    assert (tmp_path / "out").read_bytes() == b"newer"
