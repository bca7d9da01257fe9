"""``lock`` and ``outdated`` on real registries and engines, where PySide6 cannot be imported."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from testbed.engine import PrivateEngine
from testbed.registry import PrivateRegistry
from testbed.remote_images import seed_repository


def records(longshore: Any, kind: str, *arguments: str | Path, code: int = 0) -> list[dict[str, Any]]:
    return [one for one in longshore.records(*arguments, code=code) if one["kind"] == kind]


def test_a_compose_file_is_locked_checked_and_updated(
    longshore: Any, open_registry: PrivateRegistry, tmp_path: Path
) -> None:
    host = open_registry.address
    digest = seed_repository(
        host, "lists/web", ["1", "2"], platforms=[("linux", "amd64"), ("linux", "arm64")]
    ).digest
    text = (
        "# my services\n\nservices:\n  web:\n"
        f"    image: \"{host}/lists/web:1\"   # the web\n\n  two: {{image: '{host}/lists/web:${{TAG:-2}}'}}\n"
        "  ours:\n    build: .\n"
    )
    path = tmp_path / "compose.yaml"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o640)
    done = longshore("lock", "--check", path, code=1)
    assert f"{path}:5: {host}/lists/web:1 is not pinned; its digest is {digest}." in done.stdout
    assert path.read_text(encoding="utf-8") == text

    done = longshore("lock", path)
    pinned = text.replace("web:1", f"web:1@{digest}").replace("web:${TAG:-2}", f"web:2@{digest}")
    assert path.read_text(encoding="utf-8") == pinned
    assert path.stat().st_mode & 0o777 == 0o640
    assert "were replaced by their values" in done.stdout and "Built, not pulled: service ours" in done.stdout
    longshore("lock", "--check", path)

    moved = seed_repository(host, "lists/web", ["1"], seed="moved").digest
    found = records(longshore, "lock", "lock", "--check", path, code=1)
    assert [(one["state"], one["line"], one["digest"]) for one in found] == [
        ("moved", 5, moved),
        ("unchanged", 7, digest),
        ("built", 8, None),
    ]
    longshore("lock", path)
    assert path.read_text(encoding="utf-8") == pinned
    longshore("lock", "--update", path)
    assert path.read_text(encoding="utf-8") == pinned.replace(f"web:1@{digest}", f"web:1@{moved}")


def test_what_cannot_be_pinned_is_named(
    longshore: Any, open_registry: PrivateRegistry, tmp_path: Path
) -> None:
    host = open_registry.address
    digest = seed_repository(host, "lists/some", ["1"]).digest
    path = tmp_path / "Dockerfile"
    text = (
        f"ARG V\nFROM {host}/lists/some:1 AS a\nFROM {host}/lists/some:$V\nFROM {host}/lists/none:1\nFROM a\n"
    )
    path.write_text(text, encoding="utf-8")
    done = longshore("lock", path, code=3)
    assert path.read_text(encoding="utf-8") == text.replace("some:1", f"some:1@{digest}")
    assert f"{path}:3" in done.stderr and "V has no default" in done.stderr and f"{path}:4" in done.stderr
    longshore("lock", "--check", path, code=1)
    path.write_text(f"ARG V\nFROM {host}/lists/some:$V\n", encoding="utf-8")
    longshore("lock", path, "--build-arg", "V=1")
    assert path.read_text(encoding="utf-8") == f"ARG V\nFROM {host}/lists/some:1@{digest}\n"
    path.write_text("FROM $X\n", encoding="utf-8")
    longshore("lock", path, code=1)
    longshore("lock", tmp_path / "missing", code=2)


def test_streams_and_other_files(longshore: Any, open_registry: PrivateRegistry, tmp_path: Path) -> None:
    host = open_registry.address
    digest = seed_repository(host, "lists/stream", ["1"]).digest
    text = f"kind: Pod\napiVersion: v1\nspec: {{containers: [{{image: '{host}/lists/stream:1'}}]}}  # é\n"
    pinned = text.replace("stream:1", f"stream:1@{digest}")
    assert longshore("lock", "-", stdin=text).stdout == pinned
    source, target = tmp_path / "pod.yaml", tmp_path / "locked.yaml"
    source.write_text(text, encoding="utf-8")
    longshore("lock", source, "--output", target)
    assert (source.read_text(encoding="utf-8"), target.read_text(encoding="utf-8")) == (text, pinned)
    assert longshore("lock", source, "--output", "-").stdout == pinned
    longshore("lock", source, "--output", "/dev/null", code=2)
    longshore("lock", source, target, "--output", "x", code=2)
    longshore("lock", "-", "--json", stdin=text, code=2)


def test_a_registry_that_wants_a_sign_in(
    longshore: Any, auth_registry: PrivateRegistry, tmp_path: Path
) -> None:
    path = tmp_path / "images.txt"
    path.write_text(f"{auth_registry.address}/lists/secret:1\n", encoding="utf-8")
    done = longshore("lock", path, code=4)
    assert f"{path}:1" in done.stderr and "ign in" in done.stderr


def test_outdated_pinned_digests_of_a_file(
    longshore: Any, open_registry: PrivateRegistry, tmp_path: Path
) -> None:
    host = open_registry.address
    old = seed_repository(host, "lists/old", ["1", "2"], created=datetime(2024, 1, 1, tzinfo=UTC)).digest
    new = seed_repository(
        host, "lists/old", ["1"], created=datetime(2024, 2, 1, tzinfo=UTC), seed="newer"
    ).digest
    path = tmp_path / "images.txt"
    path.write_text(
        f"{host}/lists/old:1@{old}\n{host}/lists/old:1@{new}\n{host}/lists/old:2@{new}\n", encoding="utf-8"
    )
    found = records(longshore, "state", "outdated", "-f", path, code=1)
    assert [(one["state"], one["here"], one["there"]) for one in found] == [
        ("newer", [old], new),
        ("in sync", [new], new),
        ("differs", [new], old),
    ]
    assert longshore("outdated", "-f", path, code=1).stdout.splitlines()[1].split()[1:] == [
        "newer",
        old[7:19],
        new[7:19],
    ]
    path.write_text(f"{host}/lists/old:1@{new}\n", encoding="utf-8")
    longshore("outdated", "-f", path, "--check")
    path.write_text(f"{host}/lists/old:1@{new}\n{host}/lists/gone:1@{new}\n", encoding="utf-8")
    assert "lists/gone:1" in longshore("outdated", "-f", path, code=3).stderr


def test_outdated_images_of_the_library(longshore: Any, open_registry: PrivateRegistry) -> None:
    host = open_registry.address
    both = [("linux", "amd64"), ("linux", "arm64")]
    seed_repository(host, "lists/lib", ["1", "2"], platforms=both)
    for tag in "12":
        longshore("pull", f"{host}/lists/lib:{tag}", "--to", "library", "--platform", "linux/amd64")
    seed_repository(host, "lists/lib", ["2"], platforms=both, seed="newer")
    found = records(longshore, "state", "outdated", "--from", "library", code=1)
    # One platform of an index is in step with the tag that points to the index.
    assert {(one["reference"], one["state"]) for one in found} == {
        (f"{host}/lists/lib:1", "in sync"),
        (f"{host}/lists/lib:2", "newer"),
    }


def test_outdated_images_of_the_engine(
    longshore: Any, testbed_engine: PrivateEngine, open_registry: PrivateRegistry, tmp_path: Path
) -> None:
    host = open_registry.address
    names = [f"{host}/lists/engine:{tag}" for tag in ("1", "2", "3")]
    seed_repository(host, "lists/engine", ["1", "2"])
    longshore("pull", *names[:2])
    seed_repository(host, "lists/engine", ["2", "3"], seed="newer")
    found = records(longshore, "state", "outdated", *names, code=1)
    states = {one["reference"]: one["state"] for one in found}
    assert states == dict(zip(names, ("in sync", "newer", "only there"), strict=True))
    assert names[1] in longshore("outdated", "--check", code=1).stdout
    path = tmp_path / "images.txt"
    path.write_text("\n".join(names), encoding="utf-8")
    found = records(longshore, "state", "outdated", "-f", path, code=1)
    assert [one["state"] for one in found] == ["in sync", "newer", "only there"]


def test_an_image_under_another_manifest_is_in_sync(
    longshore: Any, testbed_engine: PrivateEngine, open_registry: PrivateRegistry
) -> None:
    """Podman and others compress layers again when they push: the manifest changes, the image does not."""
    host, made = open_registry.address, datetime(2024, 1, 1, tzinfo=UTC)
    first = seed_repository(host, "lists/again", ["1"], created=made, image_format="docker").digest
    longshore("pull", f"{host}/lists/again:1")
    second = seed_repository(host, "lists/again", ["1"], created=made, image_format="oci").digest
    (found,) = records(longshore, "state", "outdated", f"{host}/lists/again:1")
    assert (found["state"], found["here"], found["there"]) == ("in sync", [first], second) and first != second
