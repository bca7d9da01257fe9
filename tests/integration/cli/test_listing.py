"""images, repositories, tags and search: real engines and registries, and a Docker Hub that counts pulls."""

from __future__ import annotations

import os
import pty
import struct
import subprocess
import sys
import termios
from datetime import UTC, datetime
from fcntl import ioctl
from pathlib import Path

from testbed.engine import PrivateEngine
from testbed.hub import FakeHub
from testbed.images import load_image
from testbed.internet import Internet
from testbed.registry import PrivateRegistry
from testbed.remote_images import seed_repository

from .conftest import PROGRAM, Command

MADE = datetime(2020, 2, 3, 4, 5, 6, tzinfo=UTC)


def on_terminal(command: Command, *arguments: str, columns: int) -> str:
    """What a command prints on a terminal of that width."""
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    done = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments],
        env={**command.environ, "TERM": "xterm"},
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs)
    printed = b""
    try:
        while piece := os.read(ours, 65536):
            printed += piece
    except OSError:
        pass  # the other end is closed
    finally:
        os.close(ours)
        assert done.wait(60) == 0
    return printed.decode().replace("\r\n", "\n")


def test_images_of_an_engine(longshore: Command, testbed_engine: PrivateEngine) -> None:
    long = "registry.example:5000/listing/with-a-name-of-some-length"
    with testbed_engine.client() as client:
        first = load_image(client, [f"{long}:1.10", f"{long}:1.9"], seed="list/1", created=MADE)
        unnamed = load_image(client, [], seed="list/2", created=MADE)
        container = client.create_container(f"{long}:1.9", command=["/none"])
        try:
            lines = longshore("images", f"{long}:*").stdout.splitlines()
            assert lines[0].split() == ["REPOSITORY", "TAG", "IMAGE", "ID", "CREATED", "SIZE", "IN", "USE"]
            assert [line.split()[:3] for line in lines[1:]] == [
                [long, "1.9", first.removeprefix("sha256:")[:12]],
                [long, "1.10", first.removeprefix("sha256:")[:12]],
            ]
            assert all("years ago" in line and line.endswith("1 container") for line in lines[1:])
            assert longshore("images", "-q", long, "!*:1.9").stdout.splitlines() == [f"{long}:1.10"]
            assert unnamed in longshore("images", "-q").stdout.splitlines()
            (record,) = longshore.records("images", f"{long}:1.9")
            listed = next(one for one in client.images() if one["Id"] == first)
            assert record["size_on_disk"] == listed["Size"] and record["size_compressed"] is None
            assert (record["kind"], record["place"], record["image_id"]) == ("image", "engine", first)
            assert (record["repository"], record["tag"], record["containers"]) == (long, "1.9", 1)
            assert datetime.fromisoformat(record["created"]) == MADE
            shown = on_terminal(longshore, "images", f"{long}:*", columns=80)
            assert "…" in shown and all(len(line) <= 80 for line in shown.splitlines())
            assert "1.10" in shown and first.removeprefix("sha256:")[:12] in shown
        finally:
            client.remove_container(container["Id"], force=True)
            client.remove_image(first, force=True)
            client.remove_image(unnamed, force=True)


def test_images_of_the_library_have_digests_and_compressed_sizes(
    longshore: Command, open_registry: PrivateRegistry
) -> None:
    seeded = seed_repository(open_registry.address, "listing/kept", ["1"])
    name = f"{open_registry.address}/listing/kept"
    longshore("pull", f"{name}:1", "--to", "library")
    (record,) = longshore.records("images", "--from", "library")
    assert (record["digest"], record["image_id"]) == (seeded.digest, seeded.digest)
    assert record["size_compressed"] > seeded.layer_bytes and record["size_on_disk"] is None
    header, line = longshore("images", "--from", "library", "--digests").stdout.splitlines()
    assert "IN USE" not in header and seeded.digest in line


def test_repositories_and_a_search_where_the_registry_has_none(
    longshore: Command, open_registry: PrivateRegistry
) -> None:
    host = open_registry.address
    for name in ("listing/web-api", "listing/web-ui", "listing/db"):
        seed_repository(host, name, ["1"])
    everything = longshore("repositories", host, "--quiet").stdout.splitlines()
    assert {f"{host}/listing/{name}" for name in ("web-api", "web-ui", "db")} <= set(everything)
    below = longshore("repositories", f"{host}/listing", "--filter", "WEB").stdout.splitlines()
    assert below == ["REPOSITORY", f"{host}/listing/web-api", f"{host}/listing/web-ui"]
    assert len(longshore("repositories", host, "--quiet", "--limit", "2").stdout.splitlines()) == 2
    records = longshore.records("search", "--registry", host, "web-")
    assert [one["repository"] for one in records] == [f"{host}/listing/web-api", f"{host}/listing/web-ui"]
    assert "No repository matches" in longshore("search", "--registry", host, "nothing-like-it").stdout


def test_a_registry_without_a_catalogue_says_so(longshore: Command, tmp_path: Path) -> None:
    with Internet(tmp_path / "internet", FakeHub().hosts()) as internet:
        failed = longshore("repositories", "docker.io/nobody", code=1, **internet.environ())
    assert "Docker Hub does not list its repositories for you." in failed.stderr and not failed.stdout


def test_tags_in_natural_order_with_their_details(longshore: Command, open_registry: PrivateRegistry) -> None:
    name = f"{open_registry.address}/listing/tags"
    both = (("linux", "amd64"), ("linux", "arm64"))
    seeded = seed_repository(
        open_registry.address, "listing/tags", ["1.10", "1.9", "1.10-rc1"], platforms=both, created=MADE
    )
    signature = f"sha256-{'a' * 64}.sig"
    seed_repository(open_registry.address, "listing/tags", [signature])
    assert longshore("tags", name).stdout.splitlines() == ["1.10", "1.10-rc1", "1.9"]
    assert signature in longshore("tags", name, "--all").stdout.splitlines()
    assert longshore("tags", name, "--filter", "1.1* !*-rc*").stdout.splitlines() == ["1.10"]
    (line,) = longshore("tags", name, "-q", "--details", "--limit", "1").stdout.splitlines()
    assert line == f"{name}:1.10@{seeded.digest}"
    (record,) = longshore.records("tags", name, "--details", "--filter", "1.9")
    image = seeded.images[0]
    assert (record["digest"], record["media_type"]) == (seeded.digest, seeded.media_type)
    assert record["platforms"] == ["linux/amd64", "linux/arm64"]
    assert record["size_compressed"] > sum(image.layer_sizes)
    assert datetime.fromisoformat(record["created"]) == MADE and record["error"] is None
    assert "Name the repository only" in longshore("tags", f"{name}:1.9", code=2).stderr


def test_a_tag_whose_details_cannot_be_read_is_reported(longshore: Command, tmp_path: Path) -> None:
    with PrivateRegistry(tmp_path / "registry") as registry:
        name = f"{registry.address}/listing/lost"
        for tag in ("1", "2"):
            seeded = seed_repository(registry.address, "listing/lost", [tag])
        algorithm, _, hexadecimal = seeded.digest.partition(":")
        (blob,) = registry.storage.glob(f"**/blobs/{algorithm}/*/{hexadecimal}/data")
        blob.unlink()
        good, bad = sorted(
            longshore.records("tags", name, "--details", code=3), key=lambda one: one["error"] is not None
        )
        assert (good["tag"], bad["tag"], bad["digest"]) == ("1", "2", None)
        assert bad["error"]["registry"] == registry.address
        assert "lost@sha256" not in longshore("tags", name, "--details", "--filter", "2", code=1).stdout


def test_docker_hub_is_searched_and_nothing_is_counted_as_a_pull(longshore: Command, tmp_path: Path) -> None:
    hub = FakeHub(tags=230)
    with Internet(tmp_path / "internet", hub.hosts()) as internet:
        environ = internet.environ()
        found = longshore.records("search", "nginx", "--limit", "2", **environ)
        assert [(one["repository"], one["stars"], one["official"]) for one in found] == [
            ("docker.io/library/nginx", 20413, True),
            ("docker.io/bitnami/nginx", 204, False),
        ]
        lines = longshore("search", "nginx", **environ).stdout.splitlines()
        assert lines[1].split(maxsplit=3) == ["nginx", "20,413", "official", "Official build of Nginx."]
        shown = on_terminal(Command({**longshore.environ, **environ}), "search", "nginx", columns=60)
        assert all(len(line) <= 60 for line in shown.splitlines()) and "nginxinc/nginx-unprivileged" in shown
        official = longshore("repositories", "docker.io", "-q", **environ).stdout.splitlines()
        assert official == ["nginx", "postgres", "alpine", "redis"]
        details = longshore.records("tags", "nginx", "--details", **environ)
        assert len(details) == 230 and all(one["digest"] and one["size_compressed"] for one in details)
        assert hub.manifests == 0
