"""Builds an image in an engine from a folder."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

from longshore.building.buildkit_only import Needs, buildkit_needs
from longshore.building.context import Context, Names
from longshore.building.dockerfile import Outline, escape_of, instructions, outline
from longshore.building.folder import BuildFolder, open_folder
from longshore.engine.build_stream import BuildEvent, Built, Cached, Changed, Output, Pulled, Step
from longshore.engine.building import USE_BUILDX, BuildOptions
from longshore.engine.model import ImageDetails, ImageStore
from longshore.errors import (
    BuilderUnsuitable,
    BuildFailed,
    CredentialsError,
    EngineLost,
    EngineUnavailable,
    ImageUnknown,
    InvalidInput,
    LongshoreError,
    VerificationFailed,
)
from longshore.oci.layer import LayerState
from longshore.oci.reference import Reference
from longshore.secrecy import holds_sign_in, is_hidden, keep_out, names_secret
from longshore.text import output_line, plain
from longshore.transfers.builds import BUILDX, Build, lost_secrets
from longshore.transfers.errors import TAG_MAY_HAVE_MOVED
from longshore.transfers.progress.steps import MOST_STEPS, Steps
from longshore.transfers.transfer import NoteKind, Phase, Plan
from longshore.transfers.ways.tag_records import change_of, changing, tag_now
from longshore.transfers.ways.way import Job

if TYPE_CHECKING:
    from longshore.credentials import Credential
    from longshore.engine.engine import Engine

_log = logging.getLogger(__name__)

#: The names of the builders, which are names of products and not translated.
_CLASSIC, _PODMAN, _BUILDX = "Docker's classic builder", "Podman (Buildah)", "Docker Buildx (BuildKit)"
#: Keys of what ``plan`` leaves for ``run``.
_FOLDER, _CONTEXT, _SIZE, _ERROR = "folder", "context", "size", "error"


class BuildWay:
    """From a folder on this machine into an engine: by the engine's own builder, or by ``docker buildx``."""

    extracts = False
    pausable = False

    def plan(self, job: Job) -> Plan | None:
        """Read the Dockerfile and look at what will be sent. ``run`` raises the errors."""
        build = Build.of(job.request)
        try:
            folder = open_folder(build.folder, build.dockerfile)
            job.left[_FOLDER] = folder
            if build.builder == BUILDX:
                return None  # it reads the folder itself
            context = Context(folder, job.cancellation)
            size = context.measure()
        except LongshoreError as error:
            job.left[_ERROR] = error
            return None
        job.left[_CONTEXT], job.left[_SIZE] = context, size.bytes
        try:
            # Steps that no stage needs are left out by some builders.
            count = sum(1 for _ in instructions(folder.text, escape_of(folder.text)))
        except InvalidInput:
            return None
        return Plan(layers=count, total_bytes=size.bytes)

    def run(self, job: Job) -> str:
        """Build, and verify that all tags point to the image. Returns its id."""
        error = job.left.get(_ERROR)
        if isinstance(error, LongshoreError):
            raise error
        build, folder = Build.of(job.request), job.left[_FOLDER]
        assert isinstance(folder, BuildFolder)
        engine = job.clients.engine(build.place.address)
        arguments = _arguments(job, build)
        known = {name: value for name, value in arguments.items() if value is not None}
        try:
            about = outline(folder.text, known)
        except InvalidInput as problem:
            raise BuildFailed(
                "The Dockerfile is not valid.",
                subject=str(folder.file),
                advice="Correct it and build again.",
                detail=problem.message,
            ) from problem
        changes = []
        for tag in build.tags:
            before, origins = tag_now(job, build.place, tag)
            changes.append(change_of(job, tag, before, origins=origins))
        job.cancellation.raise_if_cancelled()
        options = BuildOptions(
            tags=build.tags,
            dockerfile=folder.dockerfile,
            target=build.target,
            arguments=arguments,
            labels=build.labels,
            platform=build.platform,
            no_cache=build.no_cache,
            pull=build.pull,
        )
        rows = _Rows(job, folder.text)
        if build.builder == BUILDX:
            from longshore.engine.buildx import build_with_buildx

            if engine.probe(job.cancellation).store is ImageStore.PODMAN:
                raise BuilderUnsuitable(
                    "Podman has no BuildKit, which Docker Buildx needs.",
                    advice="Build with the engine's own builder.",
                )
            job.tell(NoteKind.BUILDER, _BUILDX)
            events = build_with_buildx(engine.address, folder.root, folder.file, options, job.cancellation)
        else:
            events = self._by_engine(job, engine, options, about, rows)
        with changing(job, *changes) as after, contextlib.closing(events):
            try:
                image_id = rows.take(events)
            except (EngineLost, EngineUnavailable) as lost:
                if not rows.begun:
                    raise  # it waits for the engine
                # Tried again it would begin from the start, with a caller that waits and shows nothing.
                raise BuildFailed(
                    "The connection to the engine was lost during the build.",
                    subject=lost.subject,
                    advice="Build again when the engine is running.",
                    detail=lost.detail,
                ) from lost
            job.progress.enter(Phase.VERIFYING)
            found = _verified(job, engine, build, image_id)
            after.update(dict.fromkeys(changes, found))
        moved = [change.before for change in changes if change.before and change.before != found]
        if moved:
            job.tell(NoteKind.TAG_MOVED, moved[0] or "")
        return found

    def _by_engine(
        self, job: Job, engine: Engine, options: BuildOptions, about: Outline, rows: _Rows
    ) -> Generator[BuildEvent]:
        from longshore.engine.building import build

        context = job.left[_CONTEXT]
        assert isinstance(context, Context)
        podman = engine.probe(job.cancellation).store is ImageStore.PODMAN
        job.tell(NoteKind.BUILDER, _PODMAN if podman else _CLASSIC)
        if not podman:
            folder = job.left[_FOLDER]
            assert isinstance(folder, BuildFolder)
            given = {name for name, value in options.arguments.items() if value is not None}
            _check_for_classic(job, about, buildkit_needs(folder.text, given))
        steps = rows.steps
        size = job.left[_SIZE]
        assert isinstance(size, int)
        steps.expect_bytes(size)
        job.progress.enter(Phase.SENDING)

        def chunks() -> Iterator[bytes]:
            yield from context.chunks(steps.sent)
            _tell_names(job, NoteKind.SPECIAL_FILES, context.special)
            _tell_names(job, NoteKind.FILES_CHANGED, context.changed)
            job.progress.enter(Phase.BUILDING)

        stream = build(
            engine,
            chunks(),
            options,
            credentials=_credentials(job, about),
            cancellation=job.cancellation,
        )
        with contextlib.closing(stream) as events:
            try:
                yield from events
            finally:
                if podman and job.cancellation.cancelled and rows.running:
                    job.tell(NoteKind.STEP_CONTINUES)


class _Rows:
    """The rows and the output of a build, from its events. One thread."""

    def __init__(self, job: Job, dockerfile: str) -> None:
        self._job = job
        self.steps: Steps = job.progress.steps()
        self._instructions = [
            plain(one.line, 300, least=1) for one in instructions(dockerfile, escape_of(dockerfile))
        ]
        self._count = 0
        self.begun = False  # whether the builder has reported anything
        self.running = 0  # the row of the step that runs, 0 for none
        self._state = LayerState.DONE  # of the step that runs, once it ends

    def take(self, events: Iterator[BuildEvent]) -> str:
        """Show *events* as they come. Returns the id of the last image that was built, "" if there was none."""
        image_id = ""
        try:
            for event in events:
                self.begun = True
                match event:
                    case Step():
                        self._begin(event)
                    case Cached():
                        self._state = LayerState.CACHED
                    case Changed(number, text, state, share):
                        self._job.progress.enter(Phase.BUILDING)
                        self.steps.change(number, text, state, share)
                    case Output(line, number):
                        self._job.log.add(self.running if number is None else number, line)
                    case Pulled(current, total):
                        self.steps.pulled(self.running, current, total)
                    case Built(found):
                        image_id = found
        except LongshoreError:
            if not self._job.cancellation.cancelled:
                self._end(LayerState.FAILED)
            raise
        self._end(self._state)
        return image_id

    def _begin(self, step: Step) -> None:
        self._end(self._state)
        self._count += 1
        if step.stages == 1 and self._count == 1 and step.total:
            all_run = step.total == len(self._instructions)
            self.steps.expect(self._instructions if all_run else [""] * min(step.total, MOST_STEPS))
        self._job.progress.enter(Phase.BUILDING)
        share = (step.number - 1) / step.total if step.total else 0.0
        self.running = self._count
        self.steps.begin(self._count, step.text, (step.stage - 1 + share) / step.stages)

    def _end(self, state: LayerState) -> None:
        if self.running:
            self.steps.end(self.running, state)
        self.running, self._state = 0, LayerState.DONE


def _arguments(job: Job, build: Build) -> dict[str, str | None]:
    """The build arguments with their values. Raises BuildFailed if a secret value is not in memory any more."""
    lost = lost_secrets(job.request)
    if lost:
        raise BuildFailed(
            "The values of secret arguments and labels are not saved: {names}.",
            advice="Build the folder again and enter them.",
            arguments={"names": ", ".join(lost)},
        )
    found: dict[str, str | None] = {}
    for name, value in build.arguments.items():
        found[name] = os.environ.get(name) if value is None else value
        given = found[name]
        if given is not None and is_hidden(given) and (names_secret(name) or holds_sign_in(given)):
            keep_out(given)
    return found


def _check_for_classic(job: Job, about: Outline, needs: Needs) -> None:
    """Refuse what dockerd's classic builder would do wrong without an error, and note what it ignores."""
    if about.heredoc_line:
        # Seen with 28.5: it runs "RUN <<EOF" as an empty command, and reports success.
        raise BuilderUnsuitable(
            "The Dockerfile has a here-document at line {line}, which needs BuildKit.",
            advice=USE_BUILDX,
            arguments={"line": about.heredoc_line},
        )
    if needs.required is not None:
        # Flags without effect and empty variables would end in another image, reported as a success.
        raise BuilderUnsuitable(
            "The Dockerfile uses {what} at line {line}, which needs BuildKit.",
            advice=USE_BUILDX,
            arguments={"what": needs.required.what, "line": needs.required.line},
        )
    if needs.links:
        job.tell(NoteKind.LINK_IGNORED)
    if about.syntax:
        job.tell(NoteKind.SYNTAX_IGNORED, plain(about.syntax, 200))


def _credentials(job: Job, about: Outline) -> dict[str, Credential]:
    """The credentials for the registries of the base images, and for no others."""
    found: dict[str, Credential] = {}
    hosts: dict[str, None] = {}
    for image in about.images:
        with contextlib.suppress(LongshoreError):
            if image.value is not None:
                hosts[Reference.parse(image.value).domain] = None
    for host in hosts:
        try:
            credential = job.clients.credential(host)
        except CredentialsError as error:
            job.tell(NoteKind.ANONYMOUS, error.message)
            continue
        if credential:
            found[host] = credential
            for secret in (credential.secret, credential.identity_token):
                keep_out(secret, credential.username)
    return found


def _tell_names(job: Job, kind: NoteKind, names: Names) -> None:
    if names.count:
        more = f" (+{names.count - len(names.first)})" if names.count > len(names.first) else ""
        job.tell(kind, plain(", ".join(output_line(name, 200) for name in names.first), 1000) + more)


def _verified(job: Job, engine: Engine, build: Build, image_id: str) -> str:
    """The id of the built image, once every tag points to it and its platform is the one that was asked for."""
    if not image_id:
        # A tag that is there may be of an earlier build.
        raise VerificationFailed(
            "The builder ended without reporting an image.",
            subject=str(build.tags[0]) if build.tags else "",
            advice="Build it again.",
        )
    names = [str(tag) for tag in build.tags] or [image_id]
    found: ImageDetails | None = None
    for name in names:
        try:
            image = engine.image(name)
        except ImageUnknown as error:
            raise VerificationFailed(
                "The engine reported that it built the image, but does not have it.",
                subject=name,
                advice="Build it again.",
                detail=image_id,
            ) from error
        if (found is not None and found.image_id != image.image_id) or (
            image.image_id != image_id and image_id not in _ids(image)
        ):
            raise VerificationFailed(
                "The tag does not point to the image that was built.",
                subject=name,
                advice=TAG_MAY_HAVE_MOVED,
                detail=f"built: {image_id}\nlocal image: {image.image_id}",
            )
        found = image
    assert found is not None
    wanted = build.platform
    if wanted is not None and found.platform is not None:
        got = found.platform
        if (got.os, got.architecture) != (wanted.os, wanted.architecture):
            raise VerificationFailed(
                "The image was built for {got}, not for {wanted}.",
                subject=names[0],
                advice="The engine has the base image for another platform only: pull base images, and build again.",
                arguments={"got": got, "wanted": wanted},
            )
    return found.image_id


def _ids(image: ImageDetails) -> set[str]:
    """The digests that *image* is known by."""
    return {name.rpartition("@")[2] for name in image.repo_digests}
