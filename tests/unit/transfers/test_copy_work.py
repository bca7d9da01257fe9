"""A copy step by step, between two places in memory: what is asked, moved, stored, verified and noted."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from longshore.cancellation import Cancellation, Cancelled
from longshore.errors import (
    AccessDenied,
    LongshoreError,
    NotInRegistry,
    RegistryUnreachable,
    VerificationFailed,
)
from longshore.oci.descriptor import Descriptor
from longshore.oci.digest import sha256_of
from longshore.oci.layer import BlobOutcome, LayerState
from longshore.oci.manifest import OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST, Index, Manifest
from longshore.oci.platform import Platform
from longshore.registry.model import Upload
from longshore.transfers.bandwidth import Bandwidth
from longshore.transfers.content.registry import RegistryWriter
from longshore.transfers.progress.progress import Progress
from longshore.transfers.transfer import Moved, NoteKind, Phase, Plan, TransferNote
from longshore.transfers.ways.copying import work as work_module
from longshore.transfers.ways.copying.turns import Turns
from longshore.transfers.ways.copying.work import CopyWork
from longshore.transfers.ways.way import Job
from transfertools import copy

from .test_copy_parts import Reader

LAYERS = [b"l" * 30, b"m" * 50, b"s" * 20]
CONFIG = b'{"os":"linux","architecture":"amd64"}'


def described(data: bytes, kind: str) -> dict[str, Any]:
    return {"mediaType": kind, "digest": sha256_of(data), "size": len(data)}


DOCUMENT = {
    "schemaVersion": 2,
    "mediaType": OCI_MANIFEST,
    "config": described(CONFIG, OCI_CONFIG),
    "layers": [described(layer, OCI_LAYER) for layer in LAYERS],
}
BLOBS = {sha256_of(data): data for data in (CONFIG, *LAYERS)}


class Source(Reader):
    """A place with one image, as ``1``."""

    def __init__(self, host: str = "one.example", repository: str = "a") -> None:
        super().__init__(piece=10)
        self.host, self.repository = host, repository  # type: ignore[misc]
        self.image = self.put(DOCUMENT, "1")

    def blob(self, wanted: Descriptor, offset: int = 0, *, cancellation: Cancellation) -> Any:
        self.data = BLOBS[wanted.digest]
        return super().blob(wanted, offset, cancellation=cancellation)


class Target:
    """A place that records what is done to it; *refuses*: the error of each question that it does not answer."""

    def __init__(self, host: str = "two.example", repository: str = "b") -> None:
        self.host, self.repository = host, repository
        self.names: dict[str, str] = {}
        self.stored: dict[str, Manifest | Index] = {}
        self.blobs: set[str] = set()
        self.mounts: set[str] = set()
        self.refuses: dict[str, LongshoreError] = {}
        self.did: list[str] = []
        self.lock = threading.Lock()

    def note(self, what: str) -> None:
        with self.lock:
            self.did.append(what)

    def manifest_digest(self, name: str, *, cancellation: Cancellation) -> str | None:
        self.note(f"name {name[:12]}")
        if "names" in self.refuses:
            raise self.refuses["names"]
        return name if name in self.stored else self.names.get(name)

    def blob_size(self, digest: str, *, cancellation: Cancellation) -> int | None:
        self.note("has")
        return len(BLOBS[digest]) if digest in self.blobs else None

    def write_blob(
        self, wanted: Descriptor, source: Any, *, mount_from: str, cancellation: Cancellation
    ) -> BlobOutcome:
        self.note(f"blob {wanted.size} {mount_from}".strip())
        if wanted.digest in self.mounts:
            return BlobOutcome.MOUNTED
        with source(0) as pieces:
            assert b"".join(pieces) == BLOBS[wanted.digest]
        self.blobs.add(wanted.digest)
        return BlobOutcome.UPLOADED

    def put_manifest(self, found: Manifest | Index, name: str, *, cancellation: Cancellation) -> str:
        self.note(f"put {name[:12]}")
        self.stored[found.digest] = found
        if not name.startswith("sha256:"):
            self.names[name] = found.digest
        return found.digest

    def commit(self, *, cancellation: Cancellation) -> None:
        self.note("commit")


class Copied:
    """One copy of ``a:1`` to ``b:2``."""

    def __init__(
        self, source: Source, target: Target, platform: Platform | None = None, **options: str
    ) -> None:
        self.notes: list[TransferNote] = []
        self.target = target
        clients: Any = SimpleNamespace(bandwidth=Bandwidth())
        request = copy("one.example/a:1", "two.example/b:2", platform, **options)
        self.job = Job(
            request, clients, Cancellation(), Progress(extracts=False), lambda note: self.notes.append(note)
        )
        reader: Any = source
        writer: Any = target
        self.work = CopyWork(self.job, reader, writer, Turns())
        # What the tag history records is tested for itself.
        self.work._changes = lambda digest: []  # type: ignore[method-assign]

    @property
    def kinds(self) -> list[NoteKind]:
        return [note.kind for note in self.notes]


SIZE = sum(map(len, LAYERS))


def test_a_new_image_is_copied_the_largest_blob_first_and_its_name_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(work_module, "SIDE_BY_SIDE", 1)
    source, target = Source(), Target()
    copied = Copied(source, target)
    plan = copied.work.plan()
    assert plan == Plan(3, SIZE, digest=source.image.digest)
    assert copied.job.progress.snapshot().total_bytes == SIZE
    target.did.clear()
    assert copied.work.run() == source.image.digest
    assert target.did == ["blob 50", "blob 37", "blob 30", "blob 20", "put 2", "commit", "name 2"]
    assert copied.notes == []
    copied.job.progress.end(success=True)
    assert copied.job.progress.moved() == Moved(SIZE, layers_moved=3)


def test_what_is_there_is_neither_sent_nor_counted() -> None:
    source, target = Source(), Target()
    target.blobs = {sha256_of(LAYERS[1])}
    copied = Copied(source, target)
    assert copied.work.plan() == Plan(3, SIZE, 1, 50, digest=source.image.digest)
    states = {row.layer_id: row.state for row in copied.job.progress.snapshot().layers}
    assert states[sha256_of(LAYERS[1])[7:19]] is LayerState.SKIPPED
    target.did.clear()
    copied.work.run()
    assert sorted(target.did)[:3] == ["blob 20", "blob 30", "blob 37"]
    assert copied.kinds == []


def test_an_image_that_is_there_has_its_blobs_and_they_are_not_asked_for() -> None:
    source, target = Source(), Target()
    Copied(source, target).work.plan()
    assert target.did.count("has") == 4
    target.stored[source.image.digest] = source.manifests["1"]
    target.did.clear()
    copied = Copied(source, target)
    assert copied.work.plan() == Plan(3, SIZE, 3, SIZE, digest=source.image.digest)
    assert "has" not in target.did
    copied.work.run()
    assert not [did for did in target.did if did.startswith("blob")]
    assert "put 2" in target.did and copied.kinds == []


def test_a_name_that_points_to_the_image_is_left_alone() -> None:
    source, target = Source(), Target()
    target.stored[source.image.digest] = source.manifests["1"]
    target.names["2"] = source.image.digest
    copied = Copied(source, target)
    copied.work.plan()
    copied.work.run()
    assert not [did for did in target.did if did.startswith(("put", "blob"))]
    assert copied.kinds == [NoteKind.UP_TO_DATE]


def test_a_name_that_pointed_elsewhere_is_noted_with_what_it_pointed_to() -> None:
    source, target = Source(), Target()
    target.names["2"] = "sha256:" + "0" * 64
    copied = Copied(source, target)
    copied.work.plan()
    copied.work.run()
    assert copied.notes == [TransferNote(NoteKind.OVERWRITTEN, "sha256:" + "0" * 64)]


def test_within_a_registry_blobs_are_mounted_without_asking() -> None:
    source, target = Source(), Target("one.example")
    target.mounts = set(BLOBS)
    copied = Copied(source, target)
    plan = copied.work.plan()
    assert plan == Plan(3, SIZE, 3, SIZE, estimated=True, digest=source.image.digest)
    assert "has" not in target.did
    copied.work.run()
    sent = sorted(did for did in target.did if did.startswith("blob"))
    assert sent == ["blob 20 a", "blob 30 a", "blob 37 a", "blob 50 a"]
    copied.job.progress.end(success=True)
    assert copied.job.progress.moved() == Moved(layers_mounted=3)


def test_within_a_repository_nothing_moves() -> None:
    source, target = Source(), Target("one.example", "a")
    copied = Copied(source, target)
    assert copied.work.plan() == Plan(3, SIZE, 3, SIZE, digest=source.image.digest)
    copied.work.run()
    assert not [did for did in target.did if did.startswith("blob")]


def test_places_without_a_host_are_not_near_each_other() -> None:
    """The library and an archive, for example."""
    copied = Copied(Source("", ""), Target("", ""))
    assert not copied.work.plan().estimated
    copied.work.run()
    assert len([did for did in copied.target.did if did.startswith("blob")]) == 4


def test_a_destination_that_does_not_say_what_it_has_is_asked_once_and_not_verified() -> None:
    source, target = Source(), Target()
    target.refuses["names"] = AccessDenied("No.", registry="two.example")
    copied = Copied(source, target)
    copied.work.plan()
    asked = [did for did in target.did if did.startswith("name")]
    assert len(asked) in (1, 2), "the questions run side by side"
    copied.work.run()
    assert copied.notes == [TransferNote(NoteKind.NOT_VERIFIED, "No.")]


@pytest.mark.parametrize(
    ("now", "words"), [("sha256:" + "0" * 64, "points to a different image"), (None, "does not have it")]
)
def test_a_name_that_points_elsewhere_afterwards(now: str | None, words: str) -> None:
    source, target = Source(), Target()
    copied = Copied(source, target)
    copied.work.plan()
    target.manifest_digest = lambda name, *, cancellation: now  # type: ignore[method-assign]
    with pytest.raises(VerificationFailed, match=words) as caught:
        copied.work.run()
    assert caught.value.detail == f"copied: {source.image.digest}\nat the destination: {now or 'nothing'}"
    assert caught.value.subject == "two.example/b:2"


def test_of_an_index_children_come_first() -> None:
    source, target = Source(), Target()
    child = source.image.to_json() | {"platform": {"os": "linux", "architecture": "amd64"}}
    other = source.put({**DOCUMENT, "layers": []}).to_json() | {
        "platform": {"os": "linux", "architecture": "s390x"}
    }
    top = source.put({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [child, other]}, "1")
    copied = Copied(source, target)
    assert copied.work.plan().digest == top.digest
    copied.work.run()
    assert [did for did in target.did if did.startswith("put")][-1] == "put 2"
    assert target.did.count("put sha256:") == 0 and len(target.stored) == 3
    assert copied.kinds == []
    # Only one platform of it, and then only the other as a new index.
    picked = Copied(source, Target(), Platform("linux", "amd64"))
    assert picked.work.plan().digest == source.image.digest
    picked.work.run()
    assert picked.notes == [TransferNote(NoteKind.PICKED, "linux/amd64")]
    pruned = Copied(source, Target(), platforms="linux/s390x")
    digest = pruned.work.plan().digest
    pruned.work.run()
    assert digest not in (top.digest, other["digest"])
    assert pruned.notes == [TransferNote(NoteKind.PLATFORMS, digest)]


def test_a_failure_stops_the_others_and_is_the_one_that_is_told() -> None:
    source, target = Source(), Target()
    failure = RegistryUnreachable("Cut.", registry="two.example")
    begun, stopped = threading.Event(), []

    def write(wanted: Descriptor, _: Any, *, mount_from: str, cancellation: Cancellation) -> BlobOutcome:
        if wanted.size == 50:
            assert begun.wait(10)
            raise failure
        begun.set()
        while not cancellation.stopping:
            cancellation.wait(0.01)
        stopped.append(wanted.size)
        raise Cancelled

    target.write_blob = write  # type: ignore[assignment,method-assign]
    copied = Copied(source, target)
    copied.work.plan()
    with pytest.raises(RegistryUnreachable) as caught:
        copied.work.run()
    assert caught.value is failure
    assert stopped and set(stopped) <= {20, 30, 37}
    assert not [did for did in target.did if did.startswith("put")]


def test_a_cancelled_copy_is_cancelled() -> None:
    source, target = Source(), Target()
    copied = Copied(source, target)
    copied.work.plan()
    copied.job.cancellation.ask_to_stop()
    with pytest.raises(Cancelled):
        copied.work.run()
    assert not [did for did in target.did if did.startswith(("put", "blob"))]


def test_the_phases_of_a_copy() -> None:
    phases: list[Phase | None] = []
    source, target = Source(), Target()
    copied = Copied(source, target)
    enter = copied.job.progress.enter

    def entered(phase: Phase | None) -> None:
        phases.append(phase)
        enter(phase)

    copied.job.progress.enter = entered  # type: ignore[method-assign]
    copied.work.plan()
    copied.work.run()
    assert phases == [Phase.CHECKING, None, Phase.VERIFYING]


# -- a registry as the destination


class Client:
    """A registry's client whose uploads end as the test says."""

    def __init__(self, *ends: Exception | BlobOutcome) -> None:
        self.ends = list(ends)
        self.sizes: dict[str, int] = {}
        self.refuses = False
        self.asked: list[tuple[Upload | None, bool]] = []
        self.looked = 0
        self.left: dict[str, Upload] = {}
        self.unfinished = SimpleNamespace(
            take=lambda repository, digest: self.left.pop(digest, None), leave=self.left.__setitem__
        )

    def blob_size(self, repository: str, digest: str, **more: Any) -> int | None:
        assert more["for_push"] is True
        self.looked += 1
        if self.refuses:
            raise NotInRegistry("No.", registry="r")
        return self.sizes.get(digest)

    def upload_blob(self, repository: str, digest: str, size: int, source: Any, **more: Any) -> BlobOutcome:
        self.asked.append((more["resume"], more["check"]))
        more["confirmed"](Upload(repository, "u", len(self.asked)))
        end = self.ends.pop(0)
        if isinstance(end, Exception):
            raise end
        return end

    def head(self, repository: str, name: str, **more: Any) -> Any:
        assert more["for_push"] is True
        return SimpleNamespace(digest="sha256:x") if name == "1" else None


BLOB = Descriptor(OCI_LAYER, sha256_of(b"x"), 1)


def written(client: Client) -> tuple[RegistryWriter, Callable[[], BlobOutcome]]:
    given: Any = client
    writer = RegistryWriter(given, "r", "a/b")
    return writer, lambda: writer.write_blob(
        BLOB,
        None,
        mount_from="",
        cancellation=Cancellation(),  # type: ignore[arg-type]
    )


def test_an_upload_that_was_cut_is_resumed_and_one_with_wrong_bytes_is_not() -> None:
    cut = RegistryUnreachable("Cut.", registry="r")
    client = Client(cut, VerificationFailed("Other."), BlobOutcome.UPLOADED, BlobOutcome.UPLOADED)
    _, write = written(client)
    for error in (RegistryUnreachable, VerificationFailed):
        with pytest.raises(error):
            write()
    assert write() is BlobOutcome.UPLOADED
    write()
    resumed = [resume and resume.offset for resume, _ in client.asked]
    assert resumed == [None, 1, None, None] and client.left == {}


def test_what_is_known_to_be_absent_is_not_asked_for_again() -> None:
    client = Client(*[BlobOutcome.UPLOADED] * 4)
    writer, write = written(client)
    write()
    assert writer.blob_size(BLOB.digest, cancellation=Cancellation()) is None
    write()
    write()
    client.refuses = True
    for _ in range(2):
        assert writer.blob_size(BLOB.digest, cancellation=Cancellation()) is None
    write()
    assert [check for _, check in client.asked] == [True, False, True, False]
    assert client.looked == 2, "a registry that refuses to say is asked once"


def test_what_a_registry_has_is_reported() -> None:
    client = Client()
    client.sizes[BLOB.digest] = 0
    writer, _ = written(client)
    assert writer.blob_size(BLOB.digest, cancellation=Cancellation()) == 0
    assert writer.manifest_digest("1", cancellation=Cancellation()) == "sha256:x"
    assert writer.manifest_digest("2", cancellation=Cancellation()) is None
