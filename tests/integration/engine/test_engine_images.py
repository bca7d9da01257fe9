"""Images of a real engine: listed, inspected, tagged, removed, saved, loaded, and their events."""

from __future__ import annotations

import io
import tarfile
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from longshore.cancellation import Cancellation, Cancelled
from longshore.engine.engine import Engine
from longshore.engine.model import EngineEvent, EventKind, ImageStore
from longshore.errors import ArchiveError, EngineFailure, ImageInUse, ImageUnknown, InvalidReference
from longshore.oci.local_image import LocalImage
from longshore.oci.reference import Reference
from testbed.engine import PrivateEngine
from testbed.registry import PrivateRegistry
from testbed.remote_images import seed_repository

Load = Callable[..., str]


def rows(engine: Engine, image_id: str) -> list[LocalImage]:
    return [row for row in engine.images() if row.image_id == image_id]


def test_probe_tells_what_the_engine_is(engine: Engine, testbed_engine: PrivateEngine) -> None:
    info = engine.probe()
    client = testbed_engine.client()
    try:
        said = client.version()
    finally:
        client.close()
    assert info.version == said["Version"]
    assert str(engine.platform) == str(info.platform) == f"{said['Os']}/{said['Arch']}"
    assert info.store in (ImageStore.CLASSIC, ImageStore.CONTAINERD)


def test_one_row_for_each_name(engine: Engine, load: Load) -> None:
    image_id = load(
        "rows/a:1", "rows/a:2", "127.0.0.1:5999/rows/b:1", created=datetime(2024, 5, 6, tzinfo=UTC)
    )
    found = rows(engine, image_id)
    assert sorted(str(row.reference) for row in found) == [
        "127.0.0.1:5999/rows/b:1",
        "docker.io/rows/a:1",
        "docker.io/rows/a:2",
    ]
    assert {row.size for row in found} == {90_000}
    assert {row.created for row in found} == {datetime(2024, 5, 6, tzinfo=UTC)}
    assert not any(row.dangling or row.in_use for row in found)


def test_an_image_without_a_name_is_a_row_too(engine: Engine, load: Load) -> None:
    image_id = load(seed="dangling")
    (row,) = rows(engine, image_id)
    assert row.dangling
    assert row.reference is None
    assert engine.remove(image_id)
    assert not rows(engine, image_id)


def test_an_image_pulled_by_digest_has_its_digest_for_a_name(
    engine: Engine, open_registry: PrivateRegistry
) -> None:
    seeded = seed_repository(open_registry.address, "images/by-digest")
    reference = Reference.parse(f"{open_registry.address}/images/by-digest@{seeded.digest}")
    list(engine.pull(reference, cancellation=Cancellation()))
    (row,) = [row for row in engine.images() if row.reference == reference]
    assert not row.dangling
    assert row.repo_digests == (str(reference),)
    engine.remove(str(reference))


def test_containers_are_counted(engine: Engine, load: Load, testbed_engine: PrivateEngine) -> None:
    image_id = load("in-use/a:1", seed="in use")
    client = testbed_engine.client()
    try:
        made = [client.create_container("in-use/a:1", command="/nothing")["Id"] for _ in range(2)]
        assert [row.in_use for row in rows(engine, image_id)] == [2]
        with pytest.raises(ImageInUse) as caught:
            engine.remove("docker.io/in-use/a:1")
        assert "container" in caught.value.message
        assert caught.value.detail
        for container in made:
            client.remove_container(container)
    finally:
        client.close()
    assert [row.in_use for row in rows(engine, image_id)] == [0]
    engine.remove("docker.io/in-use/a:1")


def test_details_of_an_image(engine: Engine, load: Load) -> None:
    image_id = load("details/a:1", labels={"who": "me"}, platform=("linux", "arm64"), seed="details")
    for name in ("details/a:1", image_id, "docker.io/details/a:1"):
        details = engine.image(name)
        assert details.image_id == image_id
        assert details.references == (Reference.parse("details/a:1"),)
        assert str(details.platform) == "linux/arm64"
        assert len(details.diff_ids) == 3
        assert ("who", "me") in details.labels
    with pytest.raises(ImageUnknown) as caught:
        engine.image("details/none:1")
    assert "details/none:1" in caught.value.message


def test_tag_and_remove(engine: Engine, load: Load) -> None:
    image_id = load("tag/a:1", seed="tag")
    target = Reference.parse("127.0.0.1:5999/tag/new")
    engine.tag("tag/a:1", target)
    assert Reference.parse("127.0.0.1:5999/tag/new:latest") in [
        row.reference for row in rows(engine, image_id)
    ]
    with pytest.raises(ImageInUse) as caught:
        engine.remove(image_id)
    assert "names" in caught.value.message
    assert engine.remove("127.0.0.1:5999/tag/new:latest") == ["127.0.0.1:5999/tag/new:latest"]
    assert image_id in engine.remove("docker.io/tag/a:1")
    with pytest.raises(ImageUnknown):
        engine.remove("docker.io/tag/a:1")
    with pytest.raises(ImageUnknown):
        engine.tag("docker.io/tag/a:1", target)
    with pytest.raises(InvalidReference):
        engine.tag("docker.io/tag/a:1", target.with_digest("sha256:" + "a" * 64))


def test_saved_and_loaded_again(engine: Engine, load: Load) -> None:
    image_id = load("archive/a:1", layers=[400_000, 700_000], seed="archive")
    archive = b"".join(engine.save("archive/a:1", Cancellation()))
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        assert "manifest.json" in tar.getnames()
    engine.remove("archive/a:1")
    halves = iter([archive[:500_001], b"", archive[500_001:]])
    assert engine.load(halves, Cancellation()) == ["archive/a:1"]
    assert rows(engine, image_id)
    engine.remove("archive/a:1")
    with pytest.raises(ImageUnknown):
        list(engine.save("archive/a:1", Cancellation()))


def test_what_goes_wrong_with_the_archive_comes_out_as_it_is(engine: Engine) -> None:
    def broken() -> Iterator[bytes]:
        yield b"\0" * 100_000
        raise ArchiveError("the disk is gone")

    def unreadable() -> Iterator[bytes]:
        yield b"\0" * 100_000
        raise OSError(5, "input/output error")

    with pytest.raises(ArchiveError):
        engine.load(broken(), Cancellation())
    with pytest.raises(OSError, match="input/output error"):
        engine.load(unreadable(), Cancellation())
    with pytest.raises(EngineFailure):
        engine.load([b"no archive at all" * 100], Cancellation())


def test_events_tell_what_changes_the_list(engine: Engine, load: Load) -> None:
    cancellation = Cancellation()
    connected = threading.Event()
    removed = threading.Event()
    seen: list[EngineEvent] = []
    ended: list[BaseException] = []

    def follow() -> None:
        try:
            for event in engine.events(cancellation):
                seen.append(event)
                connected.set()
                if event.action == "untag":
                    removed.set()
        except Cancelled as error:
            ended.append(error)

    thread = threading.Thread(target=follow)
    thread.start()
    assert connected.wait(10)
    image_id = load("events/a:1", seed="events")
    engine.tag("events/a:1", Reference.parse("events/b:1"))
    engine.remove("events/b:1")
    assert removed.wait(10)
    cancellation.cancel()
    thread.join(5)
    assert len(ended) == 1
    assert seen[0].kind is EventKind.CONNECTED
    ours = [(event.kind, event.action) for event in seen if event.id == image_id]
    assert (EventKind.IMAGE, "tag") in ours
    assert (EventKind.IMAGE, "untag") in ours
    engine.remove("events/a:1")


def test_no_socket_is_left_open(engine: Engine, load: Load, open_files: Callable[[], list[str]]) -> None:
    load("sockets/a:1", seed="sockets")
    before = open_files()
    other = Engine(engine.address)
    for _ in range(3):
        other.probe()
        other.images()
        list(other.save("sockets/a:1", Cancellation()))
        next(other.events(Cancellation()))
    other.close()
    assert open_files() == before
    engine.remove("sockets/a:1")
