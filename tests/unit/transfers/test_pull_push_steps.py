"""Pulls and pushes by an engine, step by step: what they ask, plan, tag, record and note."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from longshore.cancellation import Cancellation, Cancelled
from longshore.credentials import Credential
from longshore.engine.model import ImageStore
from longshore.engine.stream import Finished, Note, OnePlatform
from longshore.errors import (
    EngineFailure,
    ImageUnknown,
    LongshoreError,
    NotInRegistry,
    RegistryUnreachable,
    VerificationFailed,
)
from longshore.oci.layer import LayerProgress, LayerState
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.transfers.progress.progress import Progress
from longshore.transfers.transfer import Endpoint, NoteKind, Phase, Plan, TransferRequest
from longshore.transfers.ways import planning
from longshore.transfers.ways import push as pushing
from longshore.transfers.ways.pull import PullWay
from longshore.transfers.ways.push import PushWay
from longshore.transfers.ways.way import Job, Later
from transfertools import layouts, pull, push

from .test_tag_records import Recorder

HOST = "acme.io"
NAME = Reference.parse("acme.io/team/app:1")
SECRET = Credential("user", "secret")
IMAGE = layouts.image(b"l" * 30, b"m" * 50)
ARM = layouts.image(b"a" * 70, platform="linux/arm64")
LISTED = layouts.index(("linux/amd64", IMAGE), ("linux/arm64", ARM))
DIFF_IDS = tuple(layer.digest for layer in IMAGE.manifest.layers)
DIGEST, ID = IMAGE.manifest.digest, IMAGE.manifest.config.digest
OTHER = "sha256:" + "e" * 64


def details(image_id: str = ID, *repo_digests: str, **more: Any) -> Any:
    """An engine's image."""
    usual: dict[str, Any] = {
        "diff_ids": DIFF_IDS,
        "size": 900,
        "platform": None,
        "platforms": (),
        "partial": False,
    }
    return SimpleNamespace(image_id=image_id, repo_digests=repo_digests, **usual | more)


class Engine:
    """An engine with *images* by name or id; a pull or push has the effect *works* and reports *events*."""

    def __init__(self, **images: Any) -> None:
        self.address = SimpleNamespace(url="unix:///x")
        self.store = ImageStore.CLASSIC
        self.known: dict[str, Any] = dict(images)
        self.events: Sequence[object] = ()
        self.works: Callable[[], None] = lambda: None
        self.asked: list[tuple[Any, ...]] = []
        self.closed = 0

    def probe(self) -> Any:
        return SimpleNamespace(store=self.store, platform=Platform("linux", "amd64"))

    def images(self, *, passing: bool = False) -> list[Any]:
        return [
            SimpleNamespace(image_id=image.image_id, reference=Reference.parse(name))
            for name, image in self.known.items()
        ]

    def image(self, name: str) -> Any:
        if name not in self.known:
            raise ImageUnknown("There is no such image.", subject=name, detail="404")
        return self.known[name]

    def tag(self, source: str, name: Reference) -> None:
        self.asked.append(("tag", source, str(name)))

    def remove(self, name: str) -> None:
        self.asked.append(("remove", name))

    def _stream(self) -> Iterator[object]:
        try:
            self.works()
            yield from self.events
        finally:
            self.closed += 1

    def pull(self, reference: Reference, **named: Any) -> Iterator[object]:
        self.asked.append(("pull", str(reference), named["platform"], named["credential"]))
        return self._stream()

    def push(self, reference: Reference, **named: Any) -> Iterator[object]:
        self.asked.append(("push", str(reference), named["credential"]))
        return self._stream()


class Registry:
    """A registry with *manifests* by tag or digest and the blobs *there*; *refuses* replaces every answer."""

    def __init__(self, **manifests: Any) -> None:
        self.manifests = {each.digest: each for each in manifests.values()} | manifests
        self.there: set[str] = set()
        self.refuses: LongshoreError | None = None
        self.asked: list[tuple[str, str]] = []

    def _ask(self, path: str, name: str) -> None:
        self.asked.append((path, name))
        if self.refuses is not None:
            raise self.refuses

    def head(self, path: str, name: str, **_: Any) -> Any:
        self._ask(path, name)
        return self.manifests.get(name)

    def manifest(self, path: str, name: str, *, cancellation: Cancellation) -> Any:
        self._ask(path, name)
        if name not in self.manifests:
            raise NotInRegistry("There is no such manifest.", registry=HOST)
        return self.manifests[name]

    def config(self, path: str, manifest: Any, *, cancellation: Cancellation) -> Any:
        return SimpleNamespace(diff_ids=tuple(layer.digest for layer in manifest.layers))

    def blob_size(self, path: str, digest: str, *, cancellation: Cancellation) -> int | None:
        self.asked.append((path, digest))
        return 1 if digest in self.there else None


class Attempt:
    """A job between *engine* and *registry*, and what it tells."""

    def __init__(self, request: TransferRequest, engine: Engine, registry: Registry) -> None:
        self.notes: list[tuple[NoteKind, str]] = []
        self.plans: list[Plan | None] = []
        self.recorder = Recorder()
        self.hosts: list[str] = []
        self.engine, self.registry = engine, registry
        clients: Any = SimpleNamespace(
            hand_over=None,
            engine=lambda address: self.engine,
            registry=self._asked,
            credential=lambda host: SECRET,
        )
        self.job = Job(
            request,
            clients,
            cancellation=Cancellation(),
            progress=Progress(extracts=False),
            note=lambda note: self.notes.append((note.kind, note.text)),
            planned=self.plans.append,
            recorder=self.recorder,
        )

    def _asked(self, host: str) -> Any:
        self.hosts.append(host)
        return self.registry

    @property
    def kinds(self) -> list[NoteKind]:
        return [kind for kind, _ in self.notes]

    def changes(self) -> list[tuple[str, str | None, str | None]]:
        """Each recorded change of a tag: its name, and the digests before and after."""
        after = [digest for settled in self.recorder.settled for digest in settled.values()]
        return [
            (str(change.reference), change.before, digest)
            for change, digest in zip(self.recorder.announced, after, strict=True)
        ]


def pulled(request: TransferRequest | None = None, **engine: Any) -> Attempt:
    """A pull of :data:`NAME`; after it the engine has ``after``."""
    after = engine.pop("after", details(ID, f"acme.io/team/app@{DIGEST}"))
    request = pull(str(NAME)) if request is None else request
    there = Engine(**engine)
    there.events = [Finished(DIGEST)]
    there.works = lambda: there.known.update({str(request.source.reference): after})
    return Attempt(request, there, Registry(**{"1": IMAGE.manifest}))


def named(request: TransferRequest, name: str) -> TransferRequest:
    """*request* with another name at its destination."""
    return replace(request, destination=Endpoint(request.destination.place, Reference.parse(name)))


def test_plans_are_made_while_the_engine_works() -> None:
    for way, request in ((PullWay(), pull(str(NAME))), (PushWay(), push("app:1", str(NAME)))):
        attempt = Attempt(request, Engine(), Registry())
        assert way.plan(attempt.job) is Later.PLAN  # type: ignore[attr-defined]
        assert attempt.job.progress.snapshot().phase is Phase.CHECKING


def test_a_pull_records_its_tag_and_returns_the_digest() -> None:
    attempt = pulled()
    assert PullWay().run(attempt.job) == DIGEST
    assert attempt.changes() == [("acme.io/team/app:1", "", ID)]
    assert attempt.engine.asked == [("pull", "acme.io/team/app:1", None, SECRET)]
    assert attempt.engine.closed == 1
    assert attempt.notes == []
    assert attempt.job.progress.snapshot().phase is Phase.VERIFYING
    (plan,) = attempt.plans
    assert plan == Plan(2, 80, 0, 0, estimated=False, digest=DIGEST)


def test_a_pull_notes_what_the_engine_says() -> None:
    attempt = pulled(after=details(ID, f"x@{DIGEST}", partial=True))
    row = LayerProgress(DIFF_IDS[0][7:19], LayerState.TRANSFERRING, 10, 30)
    attempt.engine.events = [Note("hello"), row, Finished(DIGEST, up_to_date=True)]
    assert PullWay().run(attempt.job) == DIGEST
    assert attempt.notes == [
        (NoteKind.ENGINE_SAYS, "hello"),
        (NoteKind.PARTIAL, ""),
        (NoteKind.UP_TO_DATE, ""),
    ]
    assert [layer.current for layer in attempt.job.progress.snapshot().layers] == [10, 0]


def test_a_pull_by_digest_changes_no_tag() -> None:
    attempt = pulled(pull(f"acme.io/team/app@{DIGEST}"))
    assert PullWay().run(attempt.job) == DIGEST
    assert attempt.changes() == []


@pytest.mark.parametrize(
    ("wanted", "there", "noted"),
    [
        ("acme.io/team/app:1", None, []),
        ("mine", None, [(NoteKind.TAGGED, "acme.io/team/app:1")]),
        ("mine", OTHER, [(NoteKind.TAG_MOVED, OTHER)]),
        ("mine", ID, []),
        (f"mine@{DIGEST}", None, []),  # nothing can be tagged with a digest
    ],
)
def test_a_pull_under_another_name(wanted: str, there: str | None, noted: list[tuple[NoteKind, str]]) -> None:
    full = "docker.io/library/mine:latest"
    before = {} if there is None else {full: details(there)}
    attempt = pulled(named(pull(str(NAME)), wanted), **before)
    PullWay().run(attempt.job)
    assert attempt.notes == noted
    tags = [asked for asked in attempt.engine.asked if asked[0] == "tag"]
    assert tags == ([("tag", "acme.io/team/app:1", full)] if noted else [])
    assert attempt.changes()[1:] == ([(full, there or "", ID)] if noted else [])


@pytest.mark.parametrize("store", list(ImageStore))
@pytest.mark.parametrize("own", [False, True])
def test_a_verified_digest_gets_its_tag_and_leaves_no_other_name(store: ImageStore, own: bool) -> None:
    """Podman's name by digest would keep the image when its tag is removed; one that was there is the user's."""
    name = f"acme.io/team/app@{DIGEST}"
    attempt = pulled(named(pull(name), str(NAME)), **({name: details()} if own else {}))
    attempt.engine.store = store
    assert PullWay().run(attempt.job) == DIGEST
    assert ("tag", name, str(NAME)) in attempt.engine.asked
    removed = [asked for asked in attempt.engine.asked if asked[0] == "remove"]
    assert removed == ([("remove", name)] if store is ImageStore.PODMAN and not own else [])


@pytest.mark.parametrize(
    ("events", "after", "says"),
    [
        ([], details(), "did not report how the pull ended"),
        ([Finished(DIGEST)], None, "does not have it"),
        ([Finished(DIGEST)], details(OTHER, f"x@{OTHER}"), "not the one that was pulled"),
    ],
)
def test_a_pull_that_did_not_bring_the_image(events: list[object], after: Any, says: str) -> None:
    attempt = pulled(after=after)
    attempt.engine.events = events
    if after is None:
        attempt.engine.works = lambda: None
    with pytest.raises((EngineFailure, VerificationFailed), match=says) as caught:
        PullWay().run(attempt.job)
    assert caught.value.subject == "acme.io/team/app:1"
    if "not the one" in says:
        assert caught.value.detail == f"pulled: {DIGEST}\nlocal image: {OTHER}\nx@{OTHER}"


def test_a_pull_by_an_engine_that_reports_no_digest() -> None:
    attempt = pulled()
    attempt.engine.events = [Finished(None)]
    assert PullWay().run(attempt.job) == DIGEST
    assert ("team/app", "1") in attempt.registry.asked


def test_an_engine_that_cannot_list_its_images_still_pulls() -> None:
    attempt = pulled()

    def fails(*, passing: bool = False) -> list[Any]:
        raise EngineFailure("No list.")

    attempt.engine.images = fails  # type: ignore[method-assign]
    assert PullWay().run(attempt.job) == DIGEST


def prospect(
    attempt: Attempt, before: Sequence[str] = (), cancellation: Cancellation | None = None
) -> planning.Prospect:
    return PullWay()._plan(attempt.job, before, None, cancellation or Cancellation())


def test_the_plan_of_a_pull_has_the_layers_that_the_engine_lacks() -> None:
    one = layouts.image(b"l" * 30)
    first = tuple(layer.digest for layer in one.manifest.layers)
    attempt = pulled(first=details("sha256:first", diff_ids=first))
    found = prospect(attempt, ["first"])
    assert [(layer.digest, layer.size, layer.here) for layer in found.layers] == [
        (DIFF_IDS[0], 30, True),
        (DIFF_IDS[1], 50, False),
    ]
    assert found.plan == Plan(2, 80, 1, 30, estimated=True, digest=DIGEST)
    assert attempt.hosts == ["acme.io"]
    assert attempt.registry.asked == [("team/app", "1")]


def test_the_plan_of_a_pull_is_for_the_wanted_platform_else_the_engine_s() -> None:
    for platform, layers in ((None, [30, 50]), (Platform("linux", "arm64"), [70])):
        attempt = pulled(replace(pull(str(NAME)), platform=platform))
        attempt.registry = Registry(**{"1": LISTED, "amd": IMAGE.manifest, "arm": ARM.manifest})
        found = prospect(attempt)
        assert [layer.size for layer in found.layers] == layers
        assert found.plan.digest == LISTED.digest


def test_the_plan_of_a_pull_by_digest_asks_for_the_digest() -> None:
    attempt = pulled(pull(f"acme.io/team/app:1@{DIGEST}"))
    prospect(attempt)
    assert attempt.registry.asked == [("team/app", DIGEST)]


def test_the_plan_of_a_cancelled_pull_asks_no_registry() -> None:
    attempt, cancelled = pulled(), Cancellation()
    cancelled.cancel()
    with pytest.raises(Cancelled):
        prospect(attempt, (), cancelled)
    assert attempt.registry.asked == []


# -- pushes


def pushed(request: TransferRequest | None = None, image: Any = None, **manifests: Any) -> Attempt:
    """A push of the engine's image to :data:`NAME`; after it the registry has it under the tag."""
    image = details() if image is None else image
    request = push("app:1", str(NAME)) if request is None else request
    engine = Engine(**{"docker.io/library/app:1": image})
    engine.events = [Finished(DIGEST)]
    registry = Registry(**manifests)

    def works() -> None:
        engine.known.setdefault("acme.io/team/app:1", image)
        registry.manifests |= {"1": IMAGE.manifest, DIGEST: IMAGE.manifest}

    engine.works = works
    return Attempt(request, engine, registry)


def test_a_push_tags_records_pushes_and_verifies() -> None:
    attempt = pushed()
    assert PushWay().run(attempt.job) == DIGEST
    assert attempt.engine.asked == [
        ("tag", ID, "acme.io/team/app:1"),
        ("push", "acme.io/team/app:1", SECRET),
    ]
    assert attempt.notes == [(NoteKind.TAGGED, "acme.io/team/app:1")]
    assert attempt.changes() == [("acme.io/team/app:1", "", ID), ("acme.io/team/app:1", "", DIGEST)]
    assert attempt.engine.closed == 1
    assert attempt.job.progress.snapshot().phase is Phase.VERIFYING
    assert attempt.plans == [Plan(2, 900, estimated=True, compressed=False)]


@pytest.mark.parametrize(
    ("before", "kinds"),
    [(ARM.manifest, [NoteKind.TAGGED, NoteKind.OVERWRITTEN]), (IMAGE.manifest, [NoteKind.TAGGED])],
)
def test_a_push_notes_the_image_that_it_replaces(before: Any, kinds: list[NoteKind]) -> None:
    attempt = pushed(**{"1": before})
    PushWay().run(attempt.job)
    assert attempt.kinds == kinds
    if NoteKind.OVERWRITTEN in kinds:
        assert attempt.notes[1] == (NoteKind.OVERWRITTEN, before.digest)


def test_a_push_notes_what_the_engine_says() -> None:
    attempt = pushed(image=details(ID, f"acme.io/team/app@{OTHER}"))
    row = LayerProgress(DIFF_IDS[0][7:19], LayerState.TRANSFERRING, 10, 30)
    attempt.engine.events = [Note("hello"), row, OnePlatform("linux/amd64"), Finished(DIGEST)]
    PushWay().run(attempt.job)
    assert attempt.notes[1:] == [
        (NoteKind.ENGINE_SAYS, "hello"),
        (NoteKind.ONE_PLATFORM, "linux/amd64"),
        (NoteKind.REPACKED, ID[7:19]),
    ]


@pytest.mark.parametrize("events", [[], [Finished(None)]])
def test_a_push_that_reports_no_digest_failed(events: list[object]) -> None:
    attempt = pushed()
    attempt.engine.events = events
    with pytest.raises(EngineFailure, match="did not report what it pushed"):
        PushWay().run(attempt.job)


def test_a_tag_that_moved_during_the_push() -> None:
    attempt = pushed()
    attempt.engine.known["acme.io/team/app:1"] = details(ID)
    attempt.engine.works = lambda: attempt.engine.known.update({"acme.io/team/app:1": details(OTHER)})
    with pytest.raises(VerificationFailed, match="moved to another image") as caught:
        PushWay().run(attempt.job)
    assert caught.value.detail == f"at the start: {ID}\nnow: {OTHER}"


def test_a_tag_that_was_removed_during_the_push_is_no_failure() -> None:
    attempt = pushed()
    works = attempt.engine.works

    def removed() -> None:
        works()
        del attempt.engine.known["acme.io/team/app:1"]

    attempt.engine.works = removed
    assert PushWay().run(attempt.job) == DIGEST


def settled(attempt: Attempt, *diff_ids: str) -> dict[str, int | None]:
    """The sizes that the rows of *diff_ids* have after a push of them."""
    for diff_id in diff_ids:
        attempt.job.progress.feed(LayerProgress(diff_id[7:19], LayerState.TRANSFERRING, 999, 999))
    image = details(diff_ids=diff_ids)
    PushWay()._settle(attempt.job, image, DIGEST)
    return {row.layer_id: row.total for row in attempt.job.progress.snapshot().layers}


def test_the_sizes_of_a_push_are_those_of_the_pushed_layers() -> None:
    first, second, third = (f"sha256:{digit * 64}" for digit in "123")
    pushed_image = {"x": IMAGE.manifest}
    assert settled(pushed(**pushed_image), first, second) == {"1" * 12: 30, "2" * 12: 50}
    # Another number of layers: it is not known which is which.
    assert settled(pushed(**pushed_image), first, second, third)["1" * 12] == 999


def test_sizes_that_cannot_be_read_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    attempt = pushed(**{"x": IMAGE.manifest})
    attempt.registry.refuses = RegistryUnreachable("away", registry=HOST)
    assert settled(attempt, DIFF_IDS[0]) == {DIFF_IDS[0][7:19]: 999}

    def late(path: str, name: str, *, cancellation: Cancellation) -> Any:
        assert cancellation.wait(20)
        raise Cancelled

    monkeypatch.setattr(pushing, "SETTLE_SECONDS", 0.01)
    attempt = pushed()
    attempt.registry.manifest = late  # type: ignore[method-assign]
    assert settled(attempt, DIFF_IDS[0]) == {DIFF_IDS[0][7:19]: 999}


def push_plan(attempt: Attempt, *repo_digests: str, **more: Any) -> planning.Prospect:
    return PushWay()._plan(attempt.job, details(ID, *repo_digests, **more), Cancellation())


def test_the_plan_of_a_push_is_read_where_the_image_came_from() -> None:
    attempt = pushed(**{"x": IMAGE.manifest})
    attempt.registry.there = {DIFF_IDS[1]}
    found = push_plan(attempt, f"quay.io/x/app@{DIGEST}")
    assert [(layer.digest, layer.size, layer.diff_id, layer.here) for layer in found.layers] == [
        (DIFF_IDS[0], 30, DIFF_IDS[0], False),
        (DIFF_IDS[1], 50, DIFF_IDS[1], True),
    ]
    assert found.plan == Plan(2, 80, 1, 50, estimated=True)
    assert found.whole is None
    assert attempt.hosts == ["quay.io", "acme.io"]
    assert attempt.registry.asked[0] == ("x/app", DIGEST)
    assert {path for path, _ in attempt.registry.asked[1:]} == {"team/app"}


@pytest.mark.parametrize("trouble", ["away", "other layers", "cancelled"])
def test_the_plan_of_a_push_whose_origin_does_not_help(trouble: str) -> None:
    attempt = pushed(**{"x": IMAGE.manifest})
    diff_ids = DIFF_IDS
    if trouble == "away":
        attempt.registry.refuses = RegistryUnreachable("away", registry=HOST)
    if trouble == "other layers":
        diff_ids = (*DIFF_IDS, OTHER, OTHER)
    if trouble == "cancelled":
        cancelled = Cancellation()
        cancelled.cancel()
        with pytest.raises(Cancelled):
            PushWay()._plan(attempt.job, details(ID, f"quay.io/x/app@{DIGEST}"), cancelled)
        return
    found = push_plan(attempt, f"quay.io/x/app@{DIGEST}", diff_ids=diff_ids)
    assert [(layer.digest, layer.size) for layer in found.layers] == [(each, None) for each in diff_ids]
    assert found.plan == Plan(len(set(diff_ids)), 900, estimated=True, compressed=False)
    assert found.whole == 900


def test_the_plan_of_a_push_from_containerd_waits_for_the_engine_s_own_sizes() -> None:
    attempt = pushed()
    attempt.engine.store = ImageStore.CONTAINERD
    found = push_plan(attempt)
    assert (list(found.layers), found.whole) == ([], None)
    assert found.plan == Plan(2, 900, estimated=True, compressed=False)


def test_the_plan_of_a_push_is_for_the_image_s_platform_else_the_engine_s() -> None:
    listed = {"1": LISTED, "amd": IMAGE.manifest, "arm": ARM.manifest}
    arm_ids = tuple(layer.digest for layer in ARM.manifest.layers)
    origin = f"quay.io/x/app@{LISTED.digest}"
    found = push_plan(pushed(**listed), origin, platform=Platform("linux", "arm64"), diff_ids=arm_ids)
    assert [layer.size for layer in found.layers] == [70]
    assert [layer.size for layer in push_plan(pushed(**listed), origin).layers] == [30, 50]


def test_a_change_is_recorded_for_the_push_s_source_and_target() -> None:
    attempt = pushed()
    PushWay().run(attempt.job)
    places = [change.place for change in attempt.recorder.announced]
    assert places == [attempt.job.request.source.place, attempt.job.request.destination.place]
