"""The Python library on real registries: what it moves, what it leaves alone, and how it is ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import longshore
from longshore import Cancellation, Cancelled, Library, Progress, Registry, State, errors
from longshore.application.session import Session
from testbed.registry import PrivateRegistry
from testbed.remote_images import seed_repository
from testbed.throttle import Throttle

_PLATFORMS = [("linux", "amd64"), ("linux", "arm64")]
#: Bytes per second at which the image of a test that is cancelled would take most of a minute.
_SLOW = 20_000


def _files(home: Path) -> set[Path]:
    return {one for one in home.rglob("*") if one.is_file()}


def test_the_result_says_what_moved_and_nothing_else_is_written(
    open_registry: PrivateRegistry, second_registry: PrivateRegistry
) -> None:
    seeded = seed_repository(open_registry.address, "face/result", ["1"], platforms=_PLATFORMS)
    before = _files(Path.home())
    seen: list[Progress] = []
    ends = f"{open_registry.address}/face/result:1", f"{second_registry.address}/face/result:1"
    first = longshore.transfer(*ends, progress=seen.append)
    assert (first.digest, first.moved_bytes, first.layers_moved) == (seeded.digest, seeded.layer_bytes, 6)
    assert not first.up_to_date
    again = longshore.transfer(*ends)
    assert (again.digest, again.moved_bytes, again.layers_skipped) == (seeded.digest, 0, 6)
    assert again.up_to_date
    assert (seen[-1].state, seen[-1].fraction) == (State.SUCCEEDED, 1.0)
    known = [one.fraction for one in seen if one.fraction is not None]
    assert known == sorted(known)
    assert _files(Path.home()) == before


def test_a_transfer_is_in_the_history_only_if_asked(open_registry: PrivateRegistry) -> None:
    seed_repository(open_registry.address, "face/history", ["1"])
    name = f"{open_registry.address}/face/history"
    longshore.transfer(f"{name}:1", f"{name}:unlisted")
    longshore.transfer(f"{name}:1", f"{name}:listed", history=True)
    session = Session(dict(os.environ))
    journal = session.journal()
    journal.open()
    try:
        listed = [str(row.request.destination.reference) for row in journal.history()]
    finally:
        journal.close()
        session.close()
    assert listed == [f"{name}:listed"]


def test_manifests_of_an_index_and_of_its_images(open_registry: PrivateRegistry, tmp_path: Path) -> None:
    seeded = seed_repository(open_registry.address, "face/index", ["1", "2"], platforms=_PLATFORMS)
    with Registry(open_registry.address) as registry:
        assert sorted(registry.tags("face/index")) == ["1", "2"]
        assert "face/index" in registry.repositories()
        index = registry.manifest("face/index:1")
        assert (index.digest, index.is_index, index.layers) == (seeded.digest, True, ())
        assert [str(one) for one in index.platforms] == ["linux/amd64", "linux/arm64"]
        assert [one.digest for one in index.manifests] == [one.digest for one in seeded.images]
        image = registry.manifest("face/index:1", platform="linux/arm64")
        assert (image.digest, image.is_index) == (seeded.images[1].digest, False)
        assert [str(one) for one in image.platforms] == ["linux/arm64"]
        assert [one.size for one in image.layers] == list(seeded.images[1].layer_sizes)
        assert image == registry.manifest(f"face/index@{image.digest}")
        with pytest.raises(errors.InvalidManifest, match="linux/s390x"):
            registry.manifest("face/index:1", platform="linux/s390x")
        with pytest.raises(errors.InvalidManifest, match="linux/amd64"):
            registry.manifest(f"face/index@{image.digest}", platform="linux/amd64")
        with pytest.raises(errors.NotInRegistry):
            registry.manifest("face/index:none")
        assert registry.head("face/index:none") is None
    library = Library(tmp_path / "library")
    library.pull(f"{open_registry.address}/face/index:1", all_platforms=True)
    assert library.manifest(f"{open_registry.address}/face/index:1") == index
    assert library.manifest(index.digest).raw == index.raw


def test_several_threads_at_once(open_registry: PrivateRegistry, second_registry: PrivateRegistry) -> None:
    tags = [f"t{number}" for number in range(6)]
    seeded = seed_repository(open_registry.address, "face/threads", tags)
    digests: dict[str, str] = {}

    with Registry(open_registry.address) as registry:

        def copy(tag: str) -> None:
            assert registry.manifest(f"face/threads:{tag}").digest == seeded.digest
            copied = registry.copy(f"face/threads:{tag}", f"{second_registry.address}/face/threads:{tag}")
            digests[tag] = copied.digest

        threads = [threading.Thread(target=copy, args=(tag,)) for tag in tags]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert digests == dict.fromkeys(tags, seeded.digest)
    with Registry(second_registry.address) as mirror:
        assert sorted(mirror.tags("face/threads")) == tags


def test_cancelled_by_another_thread(throttle: Throttle, second_registry: PrivateRegistry) -> None:
    seed_repository(throttle.address, "face/cancel", ["1"], layers=[800_000])
    throttle.bytes_per_second = _SLOW
    cancellation = Cancellation()
    helper = threading.Thread(target=cancellation.cancel)

    def moving(progress: Progress) -> None:
        if progress.moved_bytes and not helper.ident:
            helper.start()

    with pytest.raises(Cancelled):
        longshore.transfer(
            f"{throttle.address}/face/cancel:1",
            f"{second_registry.address}/face/cancel:1",
            progress=moving,
            cancellation=cancellation,
        )
    helper.join()
    with Registry(second_registry.address) as registry:
        assert registry.head("face/cancel:1") is None


def test_an_exception_of_the_callback_ends_the_transfer(throttle: Throttle, tmp_path: Path) -> None:
    seed_repository(throttle.address, "face/raises", ["1"], layers=[800_000])
    throttle.bytes_per_second = _SLOW

    def fail(progress: Progress) -> None:
        if progress.moved_bytes:
            raise ZeroDivisionError

    library = Library(tmp_path / "library")
    with pytest.raises(ZeroDivisionError):
        library.pull(f"{throttle.address}/face/raises:1", progress=fail)
    assert library.images() == []
    throttle.bytes_per_second = None
    assert library.pull(f"{throttle.address}/face/raises:1").layers_moved == 1


_INTERRUPTED = """
import sys
import longshore
def moving(progress):
    if progress.moved_bytes:
        print("moving", flush=True)
try:
    longshore.transfer(*sys.argv[1:], progress=moving)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def test_ctrl_c_is_a_keyboard_interrupt_and_ends_cleanly(
    throttle: Throttle, second_registry: PrivateRegistry
) -> None:
    seed_repository(throttle.address, "face/ctrl-c", ["1"], layers=[800_000])
    throttle.bytes_per_second = _SLOW
    ends = f"{throttle.address}/face/ctrl-c:1", f"{second_registry.address}/face/ctrl-c:1"
    with subprocess.Popen(
        [sys.executable, "-c", _INTERRUPTED, *ends], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "moving\n"
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=60)
    assert (child.returncode, out.splitlines()[-1], err) == (0, "interrupted", "")
    with Registry(second_registry.address) as registry:
        assert registry.head("face/ctrl-c:1") is None
