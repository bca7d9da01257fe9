"""What is chosen, planned and sent to an engine, and found in what an engine saves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from longshore.archives.model import Archived, ArchivedImage
from longshore.cancellation import Cancellation
from longshore.engine.address import EngineAddress
from longshore.engine.model import ImageStore
from longshore.errors import EngineLost, InvalidManifest, VerificationFailed
from longshore.oci.descriptor import Descriptor
from longshore.oci.image_config import ImageConfig
from longshore.oci.layer import LayerState
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.transfers.progress.progress import Progress
from longshore.transfers.transfer import Endpoint, EnginePlace, NoteKind, Phase, Plan, TransferRequest
from longshore.transfers.ways.into_engine import IntoEngine
from longshore.transfers.ways.loading import tag_of
from longshore.transfers.ways.out_of_engine import OutOfEngine, Saved
from longshore.transfers.ways.sinks import EngineSink, _tell_if_picked
from longshore.transfers.ways.way import Job
from transfertools import ENGINE, layouts, pull

NAME = Reference.parse("acme.io/team/app:1")
AMD64, ARM64, S390X = (Platform("linux", name) for name in ("amd64", "arm64", "s390x"))
AMD, ARM = layouts.image(b"l" * 30, b"m" * 50), layouts.image(b"a" * 70, platform="linux/arm64")
LISTED = layouts.index(("linux/amd64", AMD), ("linux/arm64", ARM))
OTHER = "sha256:" + "e" * 64


def archived_image(made: layouts.Made, platform: Platform | None, *, whole: bool = True) -> ArchivedImage:
    raw = made.blobs[made.manifest.config.digest]
    return ArchivedImage(made.manifest, ImageConfig.from_bytes(raw), raw, platform, whole)


ON_AMD, ON_ARM = archived_image(AMD, AMD64), archived_image(ARM, ARM64)
ONE = Archived((NAME,), AMD.manifest, (ON_AMD,))
BOTH = Archived((NAME,), LISTED, (ON_ARM, ON_AMD))


class Source:
    """Images for an engine."""

    def __init__(self, *images: Archived) -> None:
        self.images: Sequence[Archived] = images

    def in_order(self, layers: Iterable[Descriptor]) -> list[Descriptor]:
        return sorted(layers, key=lambda layer: layer.size)


class Engine:
    """An engine for amd64, with *images* as id to diffIDs."""

    def __init__(self, store: ImageStore, **images: tuple[str, ...]) -> None:
        self.address = SimpleNamespace(url="unix:///x")
        self.store = store
        self.known = images
        self.listed = 0

    def probe(self) -> Any:
        return SimpleNamespace(store=self.store, platform=AMD64)

    def images(self) -> list[Any]:
        self.listed += 1
        return [SimpleNamespace(image_id=image_id) for image_id in self.known]

    def image(self, name: str) -> Any:
        return SimpleNamespace(diff_ids=self.known[name], image_id=name)


class Attempt:
    """A load of *images* into *engine*."""

    def __init__(
        self,
        *images: Archived,
        engine: Engine | None = None,
        platform: Platform | None = None,
        renamed: str | None = None,
    ) -> None:
        self.engine = Engine(ImageStore.CLASSIC) if engine is None else engine
        self.platforms: list[Platform] = []
        clients: Any = SimpleNamespace(engine=lambda address: self.engine)
        target = None if renamed is None else Reference.parse(renamed)
        request = replace(
            pull(str(NAME)), platform=platform, destination=Endpoint(EnginePlace(ENGINE), target)
        )
        self.job = Job(request, clients, Cancellation(), Progress(extracts=True))
        self.images = images

    def open(self, job: Job, platform: Platform) -> Any:
        self.platforms.append(platform)
        return Source(*self.images)

    def plan(self) -> Plan:
        plan = IntoEngine(self.open).plan(self.job)
        assert plan is not None
        return plan

    def chosen(self) -> list[Archived]:
        """What is sent."""
        self.plan()
        found: Any = self.job.left["loading"]
        return list(found._images)


def containerd(**images: tuple[str, ...]) -> Engine:
    return Engine(ImageStore.CONTAINERD, **images)


def test_an_engine_that_keeps_one_platform_gets_its_own() -> None:
    for engine in (Engine(ImageStore.CLASSIC), Engine(ImageStore.PODMAN)):
        attempt = Attempt(BOTH, engine=engine)
        (sent,) = attempt.chosen()
        assert sent.images == (ON_AMD,)
        assert sent.top == AMD.manifest
        assert attempt.platforms == [AMD64]


def test_containerd_gets_every_platform_that_is_whole_and_its_own_first() -> None:
    (sent,) = Attempt(BOTH, engine=containerd()).chosen()
    assert (sent.images, sent.top) == ((ON_AMD, ON_ARM), LISTED)
    partly = replace(BOTH, images=(replace(ON_ARM, whole=False), ON_AMD))
    (sent,) = Attempt(partly, engine=containerd()).chosen()
    assert (sent.images, sent.top) == ((ON_AMD,), LISTED)


def test_a_platform_that_was_asked_for_is_the_only_one() -> None:
    for engine in (Engine(ImageStore.CLASSIC), containerd()):
        attempt = Attempt(BOTH, engine=engine, platform=ARM64)
        (sent,) = attempt.chosen()
        assert (sent.images, sent.top) == ((ON_ARM,), ARM.manifest)
        assert attempt.platforms == [ARM64]


def test_a_platform_that_is_not_there_is_refused() -> None:
    attempt = Attempt(BOTH, platform=S390X)
    assert IntoEngine(attempt.open).plan(attempt.job) is None
    with pytest.raises(InvalidManifest, match="linux/s390x") as caught:
        IntoEngine(attempt.open).run(attempt.job)
    assert caught.value.subject == "acme.io/team/app:1"
    nameless = Attempt(replace(BOTH, references=()), platform=S390X)
    IntoEngine(nameless.open).plan(nameless.job)
    with pytest.raises(InvalidManifest) as caught:
        IntoEngine(nameless.open).run(nameless.job)
    assert caught.value.subject == LISTED.digest


def test_the_only_image_is_sent_whatever_its_platform() -> None:
    """As the engines themselves do with an image for another platform."""
    arm = Archived((NAME,), ARM.manifest, (ON_ARM,))
    assert Attempt(arm).chosen() == [arm]
    foreign = replace(BOTH, images=(ON_ARM, replace(ON_AMD, platform=S390X)))
    (sent,) = Attempt(foreign, engine=containerd()).chosen()
    assert sent.images == foreign.images  # containerd keeps them all
    attempt = Attempt(foreign)
    assert IntoEngine(attempt.open).plan(attempt.job) is None


@pytest.mark.parametrize(
    ("renamed", "names"),
    [
        (None, ("acme.io/team/app:1",)),
        ("mine", ("docker.io/library/mine:latest",)),
        (f"mine:2@{OTHER}", ("docker.io/library/mine:2",)),
        (f"mine@{OTHER}", ()),
    ],
)
def test_the_names_that_an_image_gets(renamed: str | None, names: tuple[str, ...]) -> None:
    (sent,) = Attempt(ONE, renamed=renamed).chosen()
    assert tuple(map(str, sent.references)) == names


def test_the_tag_of_a_name() -> None:
    assert tag_of(None) is None
    assert tag_of(NAME.with_digest(OTHER)) == NAME
    assert tag_of(Reference.parse(f"acme.io/app@{OTHER}")) is None


def test_the_plan_has_each_layer_once_and_the_digest_that_is_kept() -> None:
    second = replace(ONE, references=(NAME.with_tag("2"),))
    assert Attempt(ONE, second).plan() == Plan(2, 80)
    assert Attempt(ONE, engine=containerd()).plan() == Plan(2, 80, digest=AMD.manifest.digest)
    assert Attempt(replace(ONE, made=True), engine=containerd()).plan() == Plan(2, 80)
    assert Attempt(BOTH, engine=containerd()).plan() == Plan(3, 150, digest=LISTED.digest)
    attempt = Attempt(ONE)
    attempt.plan()
    assert attempt.job.progress.snapshot().phase is Phase.CHECKING
    assert [row.total for row in attempt.job.progress.snapshot().layers] == [30, 50]


def test_layers_that_a_classic_engine_has_need_not_be_sent() -> None:
    first, second = AMD.manifest.layers
    engine = Engine(ImageStore.CLASSIC, known=(first.digest, OTHER))
    assert Attempt(ONE, engine=engine).plan() == Plan(2, 80, 1, 30)
    engine = Engine(ImageStore.CLASSIC, known=(second.digest,))
    assert Attempt(ONE, engine=engine).plan() == Plan(2, 80)  # it reuses a common beginning only
    for store in (ImageStore.CONTAINERD, ImageStore.PODMAN):
        engine = Engine(store, known=(first.digest, second.digest))
        assert Attempt(ONE, engine=engine).plan().here_layers == 0
        assert engine.listed == 0


def test_a_layer_that_another_image_needs_is_sent() -> None:
    """The engine reads the files after the first layer that it lacks, whether it has them or not."""
    first, second = AMD.manifest.layers
    turned = layouts.image(b"m" * 50, b"l" * 30)
    other = Archived((NAME.with_tag("2"),), turned.manifest, (archived_image(turned, AMD64),))
    engine = Engine(ImageStore.CLASSIC, known=(first.digest, second.digest))
    assert Attempt(ONE, engine=engine).plan().here_layers == 2
    assert Attempt(ONE, other, engine=engine).plan().here_layers == 0


# -- out of an engine


def details(image_id: str, *diff_ids: str) -> Any:
    return SimpleNamespace(image_id=image_id, diff_ids=diff_ids, size=900, repo_digests=(), platforms=())


def found(image: Any, *archived: Archived) -> Archived:
    """The one of *archived* that is *image*."""
    engine: Any = None
    job: Any = SimpleNamespace(progress=Progress(extracts=False))
    listing: Any = SimpleNamespace(archived=archived)
    return Saved(job, engine, image, iter(()), LayerState.DONE)._found(listing)


def test_the_image_is_found_by_its_id_and_else_by_its_layers() -> None:
    arm = Archived((NAME,), ARM.manifest, (ON_ARM,))
    assert ON_AMD.config is not None
    diff_ids = ON_AMD.config.diff_ids
    for image_id in (AMD.manifest.digest, AMD.manifest.config.digest):
        assert found(details(image_id), arm, ONE) is ONE
    assert found(details(LISTED.digest), arm, BOTH) is BOTH
    assert found(details(OTHER, *diff_ids), arm, ONE) is ONE
    assert found(details(OTHER, *diff_ids), arm, BOTH) is BOTH
    assert found(details(ARM.manifest.digest, *diff_ids), ONE, arm) is arm  # the id decides
    signature = replace(ON_AMD, config=None)
    with pytest.raises(VerificationFailed, match="different image") as caught:
        found(details(OTHER), arm, replace(ONE, images=(signature,)))
    assert caught.value.subject == OTHER
    assert caught.value.detail == f"{ARM.manifest.digest}\n{AMD.manifest.digest}"


class Sink:
    """A destination that *has* the image or not."""

    def __init__(self, has: str = "") -> None:
        self.has = has
        self.taken: list[Saved] = []

    def held(self, image: Any) -> str:
        return self.has

    named = held

    def take(self, saved: Saved) -> str:
        self.taken.append(saved)
        return "taken"


class Saving:
    """An engine with one image."""

    def __init__(self, image: Any) -> None:
        self.there = image
        self.closed = 0

    def image(self, name: str) -> Any:
        return self.there

    def save(self, name: str, cancellation: Cancellation) -> Iterator[bytes]:
        def chunks() -> Iterator[bytes]:
            try:
                yield b"tar"
            finally:
                self.closed += 1

        stream = chunks()
        next(stream)
        return stream


def out(sink: Sink, *, extracts: bool = False) -> tuple[OutOfEngine, Job, Saving]:
    engine = Saving(details(OTHER, "sha256:" + "1" * 64, "sha256:" + "2" * 64, "sha256:" + "1" * 64))
    request = pull(str(NAME))
    request = replace(request, source=Endpoint(EnginePlace(ENGINE), NAME))
    clients: Any = SimpleNamespace(engine=lambda address: engine)
    job = Job(request, clients, Cancellation(), Progress(extracts=extracts))
    way = OutOfEngine(lambda job: sink, extracts=extracts)  # type: ignore[arg-type, return-value]
    return way, job, engine


def test_the_plan_of_a_save_is_the_size_on_disk() -> None:
    way, job, _ = out(Sink())
    assert way.plan(job) == Plan(2, 900, estimated=True, compressed=False)
    assert [row.layer_id for row in job.progress.snapshot().layers] == ["1" * 12, "2" * 12]
    assert job.progress.snapshot().total_bytes == 900
    way, job, _ = out(Sink("has it"))
    assert way.plan(job) == Plan(2, 900, 2, 900, digest="has it", compressed=False)
    assert job.progress.snapshot().layers == ()


def test_a_save_that_is_not_needed_does_not_begin() -> None:
    sink = Sink("has it")
    way, job, engine = out(sink)
    assert (way.run(job), sink.taken, engine.closed) == ("has it", [], 0)


def test_what_is_saved_goes_to_the_sink_and_is_closed() -> None:
    for extracts, last in ((False, LayerState.DONE), (True, LayerState.TRANSFERRED)):
        sink = Sink()
        way, job, engine = out(sink, extracts=extracts)
        assert way.run(job) == "taken"
        (saved,) = sink.taken
        assert saved.rows._last is last
        assert (saved.image, engine.closed) == (engine.there, 1)


# -- from engine to engine


class Target:
    """An engine with *images* by id, and *names* of them."""

    def __init__(self, *images: str, **names: str) -> None:
        self.known, self.names = images, names
        self.tagged: list[tuple[str, str]] = []

    def images(self) -> list[Any]:
        return [SimpleNamespace(image_id=image_id) for image_id in self.known]

    def image(self, name: str) -> Any:
        return SimpleNamespace(image_id=self.names[name], repo_digests=())

    def tag(self, image_id: str, name: Reference) -> None:
        self.tagged.append((image_id, str(name)))


def between(target: Target, source: Reference | None = NAME, to: str | None = None) -> tuple[EngineSink, Any]:
    notes: list[NoteKind] = []
    clients: Any = SimpleNamespace(engine=lambda address: target)
    request: TransferRequest = replace(
        pull(str(NAME)),
        source=Endpoint(EnginePlace(EngineAddress("other", "unix:///y", ENGINE.origin)), source, OTHER),
        destination=Endpoint(EnginePlace(ENGINE), None if to is None else Reference.parse(to)),
    )
    job = Job(request, clients, Cancellation(), Progress(extracts=True), lambda note: notes.append(note.kind))
    return EngineSink(job), notes


def test_an_engine_has_an_image_by_its_id() -> None:
    image = details(OTHER)
    assert between(Target("x", OTHER))[0].held(image) == OTHER
    assert between(Target("x"))[0].held(image) == ""
    assert between(Target())[0].held(image) == ""


@pytest.mark.parametrize(
    ("source", "to", "points_to", "kinds", "tagged"),
    [
        (NAME, None, OTHER, [NoteKind.UP_TO_DATE], []),
        (NAME, None, "old", [NoteKind.TAG_MOVED], [(OTHER, "acme.io/team/app:1")]),
        (None, None, "", [NoteKind.UP_TO_DATE], []),
        (None, "acme.io/team/app:1", "old", [NoteKind.TAG_MOVED], [(OTHER, "acme.io/team/app:1")]),
    ],
)
def test_an_image_that_the_other_engine_has_gets_the_name(
    source: Reference | None,
    to: str | None,
    points_to: str,
    kinds: list[NoteKind],
    tagged: list[tuple[str, str]],
) -> None:
    target = Target(OTHER, **{str(NAME): points_to})
    sink, notes = between(target, source, to)
    assert sink.named(details(OTHER)) == OTHER
    assert (notes, target.tagged) == (kinds, tagged)


def test_an_image_that_the_other_engine_lacks_gets_no_name() -> None:
    target = Target("x")
    sink, notes = between(target)
    assert (sink.named(details(OTHER)), notes, target.tagged) == ("", [], [])


def test_one_platform_of_an_index_is_noted() -> None:
    notes: list[tuple[NoteKind, str]] = []
    job: Any = SimpleNamespace(tell=lambda kind, text: notes.append((kind, text)))
    _tell_if_picked(job, ONE, ONE)
    assert notes == []
    _tell_if_picked(job, BOTH, BOTH.reduced(ON_ARM))
    _tell_if_picked(job, BOTH, BOTH.reduced(replace(ON_ARM, platform=None)))
    assert notes == [(NoteKind.PICKED, "linux/arm64"), (NoteKind.PICKED, "")]


def test_nothing_is_read_for_an_engine_that_is_not_running() -> None:
    attempt = Attempt(ONE)

    def lost() -> Any:
        raise EngineLost("away")

    attempt.engine.probe = lost  # type: ignore[method-assign]
    assert IntoEngine(attempt.open).plan(attempt.job) is None
    assert attempt.platforms == []
    with pytest.raises(EngineLost):
        IntoEngine(attempt.open).run(attempt.job)
