"""A build step by step, with a builder of the test: what is sent, shown, recorded, verified and refused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from longshore.building.context import MOST_NAMES, Names
from longshore.cancellation import Cancellation, Cancelled
from longshore.credentials import Credential
from longshore.engine import building
from longshore.engine import buildx as buildx_module
from longshore.engine.build_stream import Built, Cached, Changed, Output, Pulled, Step
from longshore.engine.building import BuildOptions
from longshore.engine.model import ImageStore
from longshore.errors import (
    BuilderUnsuitable,
    BuildFailed,
    BuildFolderError,
    CredentialsError,
    EngineLost,
    ImageUnknown,
    VerificationFailed,
)
from longshore.oci.layer import LayerState
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.transfers import builds
from longshore.transfers.builds import BUILDX, Build
from longshore.transfers.progress.progress import Progress
from longshore.transfers.transfer import EnginePlace, NoteKind, Phase, Plan
from longshore.transfers.ways import build as build_module
from longshore.transfers.ways.build import BuildWay
from longshore.transfers.ways.way import Job
from transfertools import ENGINE

from .test_tag_records import Recorder

ID, OTHER = (f"sha256:{digit * 64}" for digit in "ab")
APP, MORE = Reference.parse("acme.io/app:1"), Reference.parse("acme.io/app:2")
DOCKERFILE = "FROM acme.io/base:1\nCOPY a b\nRUN make\n"


def image(image_id: str = ID, *repo_digests: str, platform: str = "linux/amd64") -> Any:
    return SimpleNamespace(image_id=image_id, repo_digests=repo_digests, platform=Platform.parse(platform))


class Engine:
    """An engine with *images* by name or id."""

    def __init__(self) -> None:
        self.address = ENGINE
        self.store = ImageStore.CLASSIC
        self.known: dict[str, Any] = {ID: image()}

    def probe(self, cancellation: Cancellation) -> Any:
        return SimpleNamespace(store=self.store)

    def image(self, name: str) -> Any:
        if name not in self.known:
            raise ImageUnknown("There is no such image.", subject=name)
        return self.known[name]


class Attempt:
    """A build of *folder*, whose builder reports *events*."""

    def __init__(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, dockerfile: str = DOCKERFILE, **more: Any
    ) -> None:
        (folder / "Dockerfile").write_text(dockerfile)
        (folder / "a").write_text("content")
        self.engine = Engine()
        self.events: list[Any] = [Built(ID)]
        self.notes: list[tuple[NoteKind, str]] = []
        self.recorder = Recorder()
        self.asked: list[tuple[str, Any]] = []
        self.phases: list[Phase | None] = []
        self.credentials: dict[str, Credential | CredentialsError] = {}
        clients: Any = SimpleNamespace(engine=lambda address: self.engine, credential=self._credential)
        self.job = Job(
            Build(folder, EnginePlace(ENGINE), **more).request(),
            clients,
            Cancellation(),
            Progress(extracts=False),
            lambda note: self.notes.append((note.kind, note.text)),
            recorder=self.recorder,
        )
        monkeypatch.setattr(building, "build", self._by_engine)
        monkeypatch.setattr(buildx_module, "build_with_buildx", self._by_buildx)

    def _credential(self, host: str) -> Credential | None:
        found = self.credentials.get(host)
        if isinstance(found, CredentialsError):
            raise found
        return found

    def _by_engine(
        self, engine: Any, context: Iterable[bytes], options: BuildOptions, **more: Any
    ) -> Iterator[Any]:
        self.asked.append(("engine", options))
        self.given = more["credentials"]
        self.phases.append(self.job.progress.snapshot().phase)
        for _ in context:
            pass
        self.phases.append(self.job.progress.snapshot().phase)
        yield from self._told()

    def _by_buildx(self, *asked: Any) -> Iterator[Any]:
        self.asked.append(("buildx", asked))
        yield from self._told()

    def _told(self) -> Iterator[Any]:
        for event in self.events:
            if isinstance(event, BaseException):
                raise event
            if callable(event):
                event()
            else:
                yield event

    def plan(self) -> Plan | None:
        return BuildWay().plan(self.job)

    def run(self) -> str:
        self.plan()
        return BuildWay().run(self.job)

    @property
    def rows(self) -> list[tuple[str, LayerState]]:
        return [(row.label, row.state) for row in self.job.progress.snapshot().layers]

    @property
    def output(self) -> list[tuple[int, str]]:
        return [(line.step, line.text) for line in self.job.log.after()]


@pytest.fixture
def attempt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Attempt:
    return Attempt(tmp_path, monkeypatch)


def test_the_plan_has_the_steps_and_the_bytes(attempt: Attempt) -> None:
    plan = attempt.plan()
    assert plan is not None
    size = len(DOCKERFILE) + len("content")
    assert (plan.layers, plan.total_bytes) == (3, size)
    attempt.run()
    found = attempt.job.progress.snapshot()
    assert (found.moved_bytes, found.total_bytes) == (size, size)


def test_a_build_by_the_engine(attempt: Attempt) -> None:
    assert attempt.run() == ID
    ((kind, options),) = attempt.asked
    assert kind == "engine"
    assert options == BuildOptions()
    assert attempt.notes == [(NoteKind.BUILDER, "Docker's classic builder")]
    assert attempt.phases == [Phase.SENDING, Phase.BUILDING]
    assert attempt.job.progress.snapshot().phase is Phase.VERIFYING
    assert attempt.recorder.announced == []


def test_a_build_by_podman(attempt: Attempt) -> None:
    attempt.engine.store = ImageStore.PODMAN
    attempt.run()
    assert attempt.notes == [(NoteKind.BUILDER, "Podman (Buildah)")]


def test_what_is_asked_of_the_builder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FROM_HERE", "value")
    monkeypatch.delenv("NOT_HERE", raising=False)
    attempt = Attempt(
        tmp_path,
        monkeypatch,
        tags=(APP,),
        target="stage",
        arguments={"A": "1", "FROM_HERE": None, "NOT_HERE": None},
        labels={"l": "x"},
        platform=Platform("linux", "amd64"),
        no_cache=True,
        pull=True,
    )
    attempt.engine.known[str(APP)] = image()
    attempt.run()
    assert attempt.asked[0][1] == BuildOptions(
        (APP,),
        "Dockerfile",
        "stage",
        {"A": "1", "FROM_HERE": "value", "NOT_HERE": None},
        {"l": "x"},
        Platform("linux", "amd64"),
        no_cache=True,
        pull=True,
    )


def test_a_build_by_buildx(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    attempt = Attempt(tmp_path, monkeypatch, builder=BUILDX)
    assert attempt.plan() is None  # it reads the folder itself
    assert attempt.run() == ID
    ((kind, asked),) = attempt.asked
    assert kind == "buildx"
    assert asked[0] == ENGINE
    assert [path.name for path in asked[1:3]] == [tmp_path.name, "Dockerfile"]
    assert attempt.notes == [(NoteKind.BUILDER, "Docker Buildx (BuildKit)")]


def test_a_folder_that_cannot_be_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    attempt = Attempt(tmp_path, monkeypatch)
    (tmp_path / "Dockerfile").unlink()
    assert attempt.plan() is None
    with pytest.raises(BuildFolderError):
        BuildWay().run(attempt.job)
    assert attempt.asked == []


def test_a_dockerfile_that_is_not_valid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    attempt = Attempt(tmp_path, monkeypatch, "FROM a\nRUN <<EOF\ntrue\n")
    with pytest.raises(BuildFailed, match="not valid") as caught:
        attempt.run()
    assert caught.value.subject.endswith("Dockerfile")
    assert attempt.asked == []


# -- the rows


def test_the_steps_of_the_only_stage_are_known_before(attempt: Attempt) -> None:
    attempt.events = [
        Step(1, 3, "FROM acme.io/base:1"),
        Pulled(5, 10),
        Output("pulled"),
        Step(2, 3, "COPY a b"),
        Cached(),
        Step(3, 3, "RUN make"),
        Output("made"),
        Output("other", 0),
        Built(OTHER),
        Built(ID),
    ]
    assert attempt.run() == ID
    assert attempt.rows == [
        ("FROM acme.io/base:1", LayerState.DONE),
        ("COPY a b", LayerState.CACHED),
        ("RUN make", LayerState.DONE),
    ]
    first = attempt.job.progress.snapshot().layers[0]
    assert (first.current, first.total) == (5, 10)
    assert attempt.output == [(1, "pulled"), (3, "made"), (0, "other")]


def test_rows_that_wait_have_their_instructions(attempt: Attempt) -> None:
    seen: list[Any] = []
    attempt.events = [Step(1, 3, "FROM x"), lambda: seen.append(attempt.rows), Built(ID)]
    attempt.run()
    assert seen == [
        [("FROM x", LayerState.RUNNING), ("COPY a b", LayerState.WAITING), ("RUN make", LayerState.WAITING)]
    ]


def test_steps_that_are_left_out_have_no_names_before(attempt: Attempt) -> None:
    seen: list[Any] = []
    attempt.events = [
        Step(1, 2, "FROM x"),
        lambda: seen.append(attempt.rows),
        Step(2, 2, "RUN make"),
        Built(ID),
    ]
    attempt.run()
    assert seen == [[("FROM x", LayerState.RUNNING), ("", LayerState.WAITING)]]
    assert [label for label, _ in attempt.rows] == ["FROM x", "RUN make"]


@pytest.mark.parametrize("step", [Step(1, 0, "FROM x"), Step(1, 3, "FROM x", 1, 2)])
def test_steps_that_are_not_known_before(attempt: Attempt, step: Step) -> None:
    attempt.events = [step, Built(ID)]
    attempt.run()
    assert attempt.rows == [("FROM x", LayerState.DONE)]


def test_the_bar_of_stages(attempt: Attempt) -> None:
    seen: list[int | None] = []

    def look() -> None:
        seen.append(attempt.job.progress.snapshot().permille)

    attempt.events = []
    for step in (Step(1, 2, "a", 1, 2), Step(2, 2, "b", 1, 2), Step(1, 4, "c", 2, 2), Step(2, 4, "d", 2, 2)):
        attempt.events += [step, look]
    attempt.events.append(Built(ID))
    attempt.run()
    assert seen == [100, 325, 550, 662]


def test_steps_that_run_at_the_same_time(attempt: Attempt) -> None:
    attempt.events = [
        Changed(1, "a", LayerState.RUNNING, 0.0),
        Changed(2, "b", LayerState.RUNNING, 0.0),
        Output("of a", 1),
        Changed(1, "a", LayerState.DONE, 0.5),
        Built(ID),
    ]
    attempt.run()
    assert attempt.rows == [("a", LayerState.DONE), ("b", LayerState.RUNNING)]
    assert attempt.output == [(1, "of a")]


def test_the_step_that_failed(attempt: Attempt) -> None:
    attempt.events = [Step(1, 3, "FROM x"), Step(2, 3, "COPY a b"), BuildFailed("no")]
    with pytest.raises(BuildFailed):
        attempt.run()
    assert [state for _, state in attempt.rows] == [LayerState.DONE, LayerState.FAILED, LayerState.WAITING]


def test_a_lost_engine_ends_a_build_that_has_begun(attempt: Attempt) -> None:
    attempt.events = [Step(1, 3, "FROM x"), EngineLost("The connection was lost.", subject="unix:///e")]
    with pytest.raises(BuildFailed, match="lost during the build") as caught:
        attempt.run()
    assert (caught.value.subject, caught.value.transient) == ("unix:///e", False)


def test_a_build_that_has_not_begun_waits_for_the_engine(attempt: Attempt) -> None:
    attempt.events = [EngineLost("The connection was lost.")]
    with pytest.raises(EngineLost):
        attempt.run()


@pytest.mark.parametrize(
    ("store", "begun", "continues"),
    [(ImageStore.PODMAN, True, True), (ImageStore.PODMAN, False, False), (ImageStore.CLASSIC, True, False)],
)
def test_podman_finishes_the_step_of_a_cancelled_build(
    attempt: Attempt, store: ImageStore, begun: bool, continues: bool
) -> None:
    attempt.engine.store = store
    attempt.events = [
        *([Step(1, 3, "FROM x")] if begun else []),
        attempt.job.cancellation.cancel,
        Cancelled(),
    ]
    with pytest.raises(Cancelled):
        attempt.run()
    assert ((NoteKind.STEP_CONTINUES, "") in attempt.notes) is continues


# -- tags, and what is verified


def tagged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **before: Any) -> Attempt:
    attempt = Attempt(tmp_path, monkeypatch, tags=(APP, MORE))
    attempt.engine.known |= {f"acme.io/app:{tag[1:]}": found for tag, found in before.items()}
    built = {str(APP): image(), str(MORE): image()}
    attempt.events = [lambda: attempt.engine.known.update(built), Built(ID)]
    return attempt


def test_tags_are_recorded_and_moves_are_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    attempt = tagged(tmp_path, monkeypatch, _2=image(OTHER))
    assert attempt.run() == ID
    assert [(change.reference, change.before) for change in attempt.recorder.announced] == [
        (APP, ""),
        (MORE, OTHER),
    ]
    assert [list(settled.values()) for settled in attempt.recorder.settled] in ([[ID]], [[ID, ID]])
    assert attempt.notes[1:] == [(NoteKind.TAG_MOVED, OTHER)]
    again = tagged(tmp_path, monkeypatch, _1=image(), _2=image())
    again.run()
    assert again.notes[1:] == []


def verified(attempt: Attempt, **known: Any) -> str:
    attempt.engine.known = dict(known)
    attempt.events = [Built(ID)]
    return attempt.run()


def test_every_tag_points_to_the_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def attempted(*tags: Reference) -> Attempt:
        return Attempt(tmp_path, monkeypatch, tags=tags)

    assert verified(attempted(APP, MORE), **{str(APP): image(), str(MORE): image()}) == ID
    # containerd's store has its own ids; the image is known by the other.
    other = image(OTHER, f"acme.io/app@{ID}")
    assert verified(attempted(APP), **{str(APP): other}) == OTHER
    with pytest.raises(VerificationFailed, match="does not have it") as caught:
        verified(attempted(APP, MORE), **{str(APP): image()})
    assert (caught.value.subject, caught.value.detail) == (str(MORE), ID)
    for second in (image(OTHER), other):
        with pytest.raises(VerificationFailed, match="does not point to") as caught:
            verified(attempted(APP, MORE), **{str(APP): image(), str(MORE): second})
        assert caught.value.detail == f"built: {ID}\nlocal image: {OTHER}"
    with pytest.raises(VerificationFailed, match="does not point to"):
        verified(attempted(APP), **{str(APP): image(OTHER)})


def test_a_builder_that_reports_no_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    attempt = Attempt(tmp_path, monkeypatch, tags=(APP,))
    attempt.engine.known = {str(APP): image(OTHER)}  # of an earlier build
    attempt.events = []
    with pytest.raises(VerificationFailed, match="without reporting an image"):
        attempt.run()


@pytest.mark.parametrize(
    ("wanted", "got", "fits"),
    [
        ("linux/amd64", "linux/amd64", True),
        ("linux/arm/v7", "linux/arm/v6", True),  # engines report variants in many ways
        ("linux/arm64", "linux/amd64", False),
        ("linux/amd64", "windows/amd64", False),
    ],
)
def test_the_platform_of_the_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: str, got: str, fits: bool
) -> None:
    attempt = Attempt(tmp_path, monkeypatch, platform=Platform.parse(wanted))
    attempt.engine.known = {ID: image(platform=got)}
    if fits:
        assert attempt.run() == ID
        return
    with pytest.raises(VerificationFailed, match=f"for {got}, not for {wanted}"):
        attempt.run()


# -- what is checked before


def test_here_documents_need_buildkit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "FROM a\n\nRUN <<EOF\ntrue\nEOF\n"
    attempt = Attempt(tmp_path, monkeypatch, text)
    with pytest.raises(BuilderUnsuitable, match="at line 3"):
        attempt.run()
    assert attempt.asked == []
    attempt.engine.store = ImageStore.PODMAN
    assert attempt.run() == ID


def test_flags_that_the_classic_builder_ignores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    attempt = Attempt(tmp_path, monkeypatch, "FROM a\nCOPY --exclude=b a /\n")
    with pytest.raises(BuilderUnsuitable, match="COPY --exclude at line 2") as caught:
        attempt.run()
    assert (attempt.asked, caught.value.advice) == ([], building.USE_BUILDX)
    attempt.engine.store = ImageStore.PODMAN
    assert attempt.run() == ID


def test_links_are_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    attempt = Attempt(tmp_path, monkeypatch, "FROM a\nCOPY --link a /\n")
    assert attempt.run() == ID
    assert attempt.notes[1:] == [(NoteKind.LINK_IGNORED, "")]


def test_an_argument_with_a_value_is_no_automatic_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = Attempt(tmp_path, monkeypatch, "FROM a\nARG TARGETARCH\n", arguments={"TARGETARCH": "arm64"})
    assert attempt.run() == ID


def test_podman_has_no_buildkit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    attempt = Attempt(tmp_path, monkeypatch, builder=BUILDX)
    attempt.engine.store = ImageStore.PODMAN
    with pytest.raises(BuilderUnsuitable, match="Podman has no BuildKit"):
        attempt.run()
    assert attempt.asked == []


def test_the_frontend_that_the_classic_builder_ignores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = Attempt(tmp_path, monkeypatch, f"# syntax=docker/dockerfile:1\n{DOCKERFILE}")
    attempt.run()
    assert attempt.notes[1:] == [(NoteKind.SYNTAX_IGNORED, "docker/dockerfile:1")]


def test_secrets_that_are_lost_are_asked_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builds, "_kept", type(builds._kept)())
    attempt = Attempt(tmp_path, monkeypatch, arguments={"TOKEN": "t0p-secret", "PASSWORD": "w0rd", "A": "1"})
    attempt.run()
    assert attempt.asked[0][1].arguments["TOKEN"] == "t0p-secret"
    monkeypatch.setattr(builds, "_kept", type(builds._kept)())
    with pytest.raises(BuildFailed) as caught:
        attempt.run()
    assert caught.value.message == "The values of secret arguments and labels are not saved: PASSWORD, TOKEN."


@pytest.mark.parametrize(
    ("name", "value", "kept_out"),
    [
        ("TOKEN", "s3cr3t", True),
        ("TOKEN", "false", False),
        ("PLAIN", "s3cr3t", False),
        ("URL", "https://a:b@c/", True),
    ],
)
def test_secrets_of_the_environment_are_kept_out_of_texts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, kept_out: bool
) -> None:
    out: list[str] = []
    monkeypatch.setattr(build_module, "keep_out", lambda *texts: out.extend(texts))
    monkeypatch.setenv(name, value)
    Attempt(tmp_path, monkeypatch, arguments={name: None}).run()
    assert out == ([value] if kept_out else [])


def test_credentials_for_base_images_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "FROM acme.io/base:1 AS x\nFROM quay.io/y\nCOPY --from=broken.io/z /a /a\nCOPY --from=x /b /b\n"
    attempt = Attempt(tmp_path, monkeypatch, text)
    me = Credential("me", "secret")
    attempt.credentials = {
        "acme.io": me,
        "elsewhere.io": me,
        "broken.io": CredentialsError("The helper is broken."),
    }
    attempt.run()
    assert attempt.given == {"acme.io": me}
    assert attempt.notes[1:] == [(NoteKind.ANONYMOUS, "The helper is broken.")]


def test_names_of_files_in_notes(attempt: Attempt) -> None:
    names = Names()
    build_module._tell_names(attempt.job, NoteKind.SPECIAL_FILES, names)
    assert attempt.notes == []
    for number in range(MOST_NAMES):
        names.add(f"n{number}")
    all_names = ", ".join(f"n{number}" for number in range(MOST_NAMES))
    build_module._tell_names(attempt.job, NoteKind.SPECIAL_FILES, names)
    names.add("more")
    names.add("and more")
    build_module._tell_names(attempt.job, NoteKind.FILES_CHANGED, names)
    assert attempt.notes == [
        (NoteKind.SPECIAL_FILES, all_names),
        (NoteKind.FILES_CHANGED, f"{all_names} (+2)"),
    ]
