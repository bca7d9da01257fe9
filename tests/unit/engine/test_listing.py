"""Images, containers, details and events, as several engines list them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from longshore.engine.model import EngineEvent, EventKind, ImagePlatform, ImageStore
from longshore.engine.parsing import engine_event, engine_info, image_details, local_images, swarm_nodes
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference

ID = "sha256:" + "1" * 64
DIGEST = "sha256:" + "2" * 64


def image(**fields: Any) -> dict[str, Any]:
    return {"Id": ID, "RepoTags": [], "RepoDigests": [], "Created": 1_700_000_000, "Size": 10, **fields}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"RepoTags": ["a:1", "b/c:2"]}, ["docker.io/library/a:1", "docker.io/b/c:2"]),
        # Untagged: below API 1.43, after, and by digest on 20.10.
        ({"RepoTags": ["<none>:<none>"], "RepoDigests": ["<none>@<none>"]}, [None]),
        ({}, [None]),
        ({"RepoTags": None, "RepoDigests": [f"h.example/a@{DIGEST}"]}, [f"h.example/a@{DIGEST}"]),
        # containerd's store puts digests among the tags.
        ({"RepoTags": [f"h.example/a@{DIGEST}"]}, [f"h.example/a@{DIGEST}"]),
        ({"RepoTags": ["h.example/a:1", f"h.example/a@{DIGEST}"]}, ["h.example/a:1"]),
        # The digest of a tagged image is not a separate name.
        ({"RepoTags": ["a:1"], "RepoDigests": [f"h.example/b@{DIGEST}"]}, ["docker.io/library/a:1"]),
        # Podman's local names.
        ({"RepoTags": ["localhost/a:1"]}, ["localhost/a:1"]),
    ],
)
def test_names(fields: dict[str, Any], expected: list[str | None]) -> None:
    rows = local_images([image(**fields)], [])
    found = [None if row.reference is None else str(row.reference) for row in rows]
    assert found == expected
    assert [row.dangling for row in rows] == [name is None for name in expected]


@pytest.mark.parametrize("names", [{"RepoTags": ["UPPER CASE"]}, {"RepoDigests": [f"UPPER CASE@{DIGEST}"]}])
def test_an_image_whose_names_are_no_references_is_not_dangling(names: dict[str, Any]) -> None:
    (row,) = local_images([image(**names)], [])
    assert row.reference is None and not row.dangling


@pytest.mark.parametrize("seconds", [0, -62135596800, None, 10**18])
def test_no_date(seconds: int | None) -> None:
    (row,) = local_images([image(Created=seconds)], [])
    assert row.created is None


def test_the_rest_of_a_row() -> None:
    (row,) = local_images([image(Labels={"b": "2", "a": "1"}, RepoTags=["a:1"], Size=-1)], [])
    assert row.created == datetime.fromtimestamp(1_700_000_000, UTC)
    assert row.labels == (("a", "1"), ("b", "2"))
    assert row.size == 0


def test_the_digest_of_an_index_is_before_that_of_its_platform() -> None:
    one, two = (f"reg.io/a@sha256:{digit * 64}" for digit in "12")
    (row,) = local_images([image(RepoTags=["reg.io/a:1"], RepoDigests=[one, two], Digest=two[9:])], [])
    assert row.repo_digests == (two, one)
    (row,) = local_images([image(RepoTags=["reg.io/a:1"], RepoDigests=[two, one])], [])
    assert row.repo_digests == (two, one)


def test_containers_are_counted_by_image_or_by_name() -> None:
    images = [image(RepoTags=["a:1", "b:latest"]), image(Id="sha256:" + "3" * 64)]
    containers = [
        {"ImageID": ID, "Image": "a:1"},
        {"ImageID": "sha256:" + "9" * 64, "Image": "b"},  # containerd's store: a platform's manifest
        {"ImageID": "sha256:" + "9" * 64, "Image": "a:1"},
        {"ImageID": "sha256:" + "9" * 64, "Image": "gone"},
        "odd",
    ]
    assert [row.in_use for row in local_images(images, containers)] == [3, 3, 0]


def test_odd_lists_do_no_harm() -> None:
    rows = local_images(["x", {}, {"Id": None}, {"Id": ""}, image()], [])
    assert [row.image_id for row in rows] == [ID]
    (row,) = local_images([{"Id": ID, "RepoTags": 3, "Labels": [], "Created": "x", "Size": "x"}], [])
    assert row.dangling


def test_stores() -> None:
    version = {"Version": "28.5.2", "ApiVersion": "1.51", "Os": "linux", "Arch": "arm64"}
    info: dict[str, Any] = {
        "Name": "box",
        "OSType": "linux",
        "Architecture": "aarch64",
        "Driver": "overlayfs",
    }
    assert engine_info(version, info).store is ImageStore.CLASSIC
    assert engine_info(version, info).platform == Platform("linux", "arm64")
    containerd = {**info, "DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]]}
    assert engine_info(version, containerd).store is ImageStore.CONTAINERD
    podman = {**version, "Components": [{"Name": "Podman Engine"}, {"Name": "Conmon"}]}
    assert engine_info(podman, info).store is ImageStore.PODMAN
    registries = {
        "InsecureRegistryCIDRs": ["127.0.0.0/8"],
        "IndexConfigs": {"docker.io": {"Secure": True}, "old.example": {"Secure": False}},
        "Mirrors": ["https://mirror.example/"],
    }
    found = engine_info(version, {**info, "RegistryConfig": registries})
    assert found.mirrors == ("https://mirror.example/",)


def test_details_without_a_config() -> None:
    details = image_details({"Id": ID, "Config": None, "Created": "0001-01-01T00:00:00Z", "Size": 3})
    assert (details.created, details.platform, details.references) == (None, None, ())


def test_details() -> None:
    details = image_details(
        {
            "Id": ID,
            "RepoTags": ["a:1"],
            "RepoDigests": [f"a@{DIGEST}"],
            "Created": "2024-05-06T07:08:09.123456789Z",
            "Size": 3,
            "Os": "linux",
            "Architecture": "arm",
            "Variant": "v7",
            "RootFS": {"Layers": [DIGEST]},
            "Config": {
                "Env": ["PASSWORD=x"],
                "Cmd": ["a"],
                "Entrypoint": "b",
                "ExposedPorts": {"80/tcp": {}},
            },
        }
    )
    assert details.references == (Reference.parse("a:1"),)
    assert details.created == datetime(2024, 5, 6, 7, 8, 9, 123456, UTC)
    assert str(details.platform) == "linux/arm/v7"
    assert (details.command, details.entrypoint, details.ports) == (("a",), ("b",), ("80/tcp",))
    assert "PASSWORD" not in repr(details)


def test_the_platforms_of_an_index() -> None:
    def manifest(kind: str, available: object, size: object, **platform: str) -> dict[str, Any]:
        data = {"Platform": platform} if platform else None
        return {"Kind": kind, "Available": available, "Size": {"Content": size}, "ImageData": data}

    found = image_details(
        {
            "Id": ID,
            "Manifests": [
                "odd",
                manifest("image", True, 7, os="linux", architecture="arm64", variant="v8"),
                manifest("attestation", True, 3),
                manifest("image", True, 3, os="linux"),
                manifest("image", True, 3, architecture="arm64"),
                manifest("image", False, None, os="linux", architecture="s390x"),
            ],
        }
    )
    assert found.platforms == (
        ImagePlatform(Platform.of("linux", "arm64", "v8"), here=True, size=7),
        ImagePlatform(Platform("linux", "s390x"), here=False),
    )
    assert not found.partial
    bare = image_details({"Id": ID, "Manifests": None})
    assert (bare.platforms, bare.partial) == ((), False)
    attested = [manifest("image", False, 3), manifest("attestation", True, 3)]
    assert image_details({"Id": ID, "Manifests": attested}).partial


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (
            {"Type": "image", "Action": "pull", "Actor": {"ID": "h/a:1", "Attributes": {"name": "h/a"}}},
            EngineEvent(EventKind.IMAGE, "pull", "h/a:1", "h/a:1"),
        ),
        (
            {"Type": "image", "Action": "tag", "Actor": {"ID": ID, "Attributes": {"name": "a:1"}}},
            EngineEvent(EventKind.IMAGE, "tag", ID, "a:1"),
        ),
        # 20.10 names the image's id where the tag should be.
        (
            {"Type": "image", "Action": "untag", "Actor": {"ID": ID, "Attributes": {"name": ID}}},
            EngineEvent(EventKind.IMAGE, "untag", ID, ""),
        ),
        (
            {"Type": "container", "Action": "destroy", "Actor": {"ID": "c", "Attributes": {"image": "a:1"}}},
            EngineEvent(EventKind.CONTAINER, "destroy", "c", "a:1"),
        ),
        ({"Type": "container", "Action": "exec_create: sh", "Actor": {"ID": "c"}}, None),
        ({"Type": "network", "Action": "create"}, None),
        ({"Type": "connected", "Action": ""}, None),
        ({}, None),
        (
            {"Type": "image", "Action": "delete", "Actor": None},
            EngineEvent(EventKind.IMAGE, "delete", "", ""),
        ),
    ],
)
def test_events(data: dict[str, Any], expected: EngineEvent | None) -> None:
    assert engine_event(data) == expected


ODD: list[Any] = [None, 3, "text", [], {}, [None, 3, [4], {}], {"a": 1}, True]


@pytest.mark.parametrize("odd", ODD)
def test_an_engine_that_tells_odd_things_of_itself(odd: object) -> None:
    found = engine_info({"Components": odd}, {"DriverStatus": odd, "RegistryConfig": odd, "Swarm": odd})
    assert (found.store, found.mirrors) == (ImageStore.CLASSIC, ())
    found = engine_info({"Version": "1"}, {"RegistryConfig": {"Mirrors": odd}})
    assert found.version == "1"
    assert all(isinstance(each, str) for each in found.mirrors)
    whole: Any = odd
    assert engine_info(whole, whole).os == "linux"
    assert swarm_nodes([odd], whole) == []


@pytest.mark.parametrize("size", [10**400, 2**63, -1, True, 1.5, float("nan"), "5", None, []])
def test_sizes_that_are_none(size: object) -> None:
    [row] = local_images([{"Id": "sha256:a", "Size": size}], [])
    assert row.size == 0
    manifest = {"Size": {"Content": size}, "ImageData": {"Platform": {"os": "linux", "architecture": "arm"}}}
    details = image_details({"Size": size, "Manifests": [manifest]})
    assert (details.size, details.platforms[0].size) == (0, 0)


def test_the_largest_size() -> None:
    assert local_images([{"Id": "sha256:a", "Size": 2**63 - 1}], [])[0].size == 2**63 - 1


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-01-02T03:04:05.123456789Z", datetime(2024, 1, 2, 3, 4, 5, 123456, UTC)),
        ("2024-01-02T03:04:05", datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2024-01-02T03:04:05+02:00", datetime(2024, 1, 2, 1, 4, 5, tzinfo=UTC)),
        ("1970-12-31T00:00:00Z", None),
        ("1971-01-01T00:00:00Z", datetime(1971, 1, 1, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", None),
        ("", None),
        (None, None),
        (5, None),
    ],
)
def test_when_an_image_was_made(text: object, moment: datetime | None) -> None:
    assert image_details({"Created": text}).created == moment


def test_what_an_engine_says_of_itself_comes_before_its_version() -> None:
    version = {"Os": "windows", "Arch": "arm64", "Version": "1.2", "ApiVersion": "1.44"}
    info = {
        "OSType": "linux",
        "Architecture": "x86_64",
        "ServerVersion": "9",
        "Name": "box",
        "RegistryConfig": {"Mirrors": ["https://mirror"]},
        "Swarm": {"ControlAvailable": True},
    }
    found = engine_info(version, info)
    assert (found.os, found.architecture, found.version) == ("linux", "x86_64", "1.2")
    assert (found.name, found.swarm_manager, found.mirrors) == ("box", True, ("https://mirror",))
    found = engine_info(version, {})
    assert (found.os, found.architecture, found.swarm_manager) == ("windows", "arm64", False)
    assert engine_info({}, {"ServerVersion": "9"}).version == "9"
    bare = engine_info({}, {})
    assert (bare.name, bare.version, bare.os, bare.architecture) == ("", "", "linux", "")


def test_the_nodes_of_a_swarm() -> None:
    def node(name: str, key: str, role: str, state: str) -> dict[str, Any]:
        described = {"Hostname": name} if name else {}
        return {"ID": key, "Description": described, "Spec": {"Role": role}, "Status": {"State": state}}

    nodes = [
        node("b", "2", "worker", "ready"),
        node("a", "1", "manager", "down"),
        node("", "3", "worker", "ready"),
        {},
    ]
    found = swarm_nodes(nodes, {"Swarm": {"NodeID": "2"}})
    assert [(each.name, each.manager, each.ready, each.own) for each in found] == [
        ("3", False, True, False),
        ("a", True, False, False),
        ("b", False, True, True),
    ]
    assert not any(each.own for each in swarm_nodes([{"Description": {"Hostname": "x"}}], {}))


def test_who_made_an_image_and_how_it_starts() -> None:
    config = {"Entrypoint": "/start", "Cmd": ["a", 1, "b"], "User": "me", "WorkingDir": "/w", "Env": ["A=1"]}
    found = image_details({"Author": "ann", "Config": config})
    assert (found.author, found.entrypoint, found.command, found.user, found.working_directory, found.environment) == (
        "ann", ("/start",), ("a", "b"), "me", "/w", ("A=1",)
    )  # fmt: skip
    bare = image_details({})
    assert (bare.image_id, bare.size, bare.created) == ("", 0, None)
    assert (bare.author, bare.entrypoint, bare.user, bare.working_directory) == ("", (), "", "")


def test_tags_beside_digests_of_other_repositories() -> None:
    names = ["h.example/a:1", f"h.example/b@{DIGEST}"]
    rows = local_images([image(RepoTags=names)], [])
    assert [str(row.reference) for row in rows] == names
