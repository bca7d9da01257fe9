"""Streams of builders: as recorded from engines, and as no engine sends them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from longshore.engine.build_stream import (
    BuildEvent,
    BuildFailureError,
    BuildStream,
    Built,
    Cached,
    Failure,
    Output,
    Pulled,
    Step,
)
from longshore.engine.building import BuildOptions, failed
from longshore.errors import BuilderUnsuitable, BuildFailed, DiskFull, LongshoreError, SignInRequired

ID = "sha256:" + "3" * 64

#: dockerd 20.10 and 28.5 differ in the words about containers.
CLASSIC = [
    "Step 1/3 : FROM base",
    "\n",
    " ---> 0cdade85f7ca\n",
    "Step 2/3 : RUN echo $WHO && echo",
    "\n",
    " ---> Running in 8b9616c6e3df\n",
    "hello\n\nno new",
    "line",
    "\x1b[91merr\n\x1b[0m",
    "Removing intermediate container 8b9616c6e3df\n",
    " ---> Removed intermediate container 8b9616c6e3df\n",
    " ---> c0d49eb1e68b\n",
    "Step 3/3 : LABEL x=y",
    "\n",
    " ---> Using cache\n",
    " ---> 121ab12bb0c2\n",
    "[Warning] One or more build-args [UNUSED] were not consumed\n",
    "Successfully built 35140a6da3c1\n",
    "Successfully tagged one:1\n",
]
PODMAN = [
    "[1/2] STEP 1/2: FROM base AS one\n",
    "[1/2] STEP 2/2: RUN echo\n",
    "err\n",
    "--> 19a56a59fa1d\n",
    f"[2/2] STEP 1/2: FROM {'1' * 64}\n",
    "[2/2] STEP 2/2: LABEL a=b\n",
    "--> Using cache 140137d5f552fd5be4edba04c069f3e661bfe3c1f2406c8d61124b01ac4cc280\n",
    "[2/2] COMMIT docker.io/library/one:1\n",
    "--> 85ec24e7a986\n",
    "Successfully tagged docker.io/library/one:1\n",
    "85ec24e7a986519ed1f902b46478bdfa4fb561ef8ab349e758834bbc72c314a8\n",
]


def read(events: Iterable[dict[str, Any]]) -> list[BuildEvent]:
    stream = BuildStream()
    found = [ours for event in events for ours in stream.feed(event)]
    return [*found, *stream.finish()]


def pieces(*texts: str) -> list[dict[str, Any]]:
    return [{"stream": text} for text in texts]


def test_the_classic_builder() -> None:
    assert read([*pieces(*CLASSIC), {"aux": {"ID": ID}}]) == [
        Step(1, 3, "FROM base"),
        Step(2, 3, "RUN echo $WHO && echo"),
        *(Output("hello"), Output(""), Output("no newlineerr")),
        Step(3, 3, "LABEL x=y"),
        Cached(),
        Output("One or more build-args [UNUSED] were not consumed"),
        Built(ID),
    ]


def test_podman() -> None:
    assert read([*pieces(*PODMAN), {"aux": {"ID": ID}}]) == [
        Step(1, 2, "FROM base AS one", 1, 2),
        Step(2, 2, "RUN echo", 1, 2),
        Output("err"),
        Step(1, 2, f"FROM {'1' * 64}", 2, 2),
        Step(2, 2, "LABEL a=b", 2, 2),
        Cached(),
        Built(ID),
    ]


def test_output_that_looks_like_steps() -> None:
    found = read(
        pieces(
            *("Step 1/3 : FROM base", "\n", "Step 3/3 : fake\n", "Step 2/9 : fake\n", "STEP 2/3: fake\n"),
            *("Step 99999999999999999999/3 : fake\n", "Step 2/3 : RUN real", "\n"),
        )
    )
    assert [one for one in found if isinstance(one, Step)] == [
        Step(1, 3, "FROM base"),
        Step(2, 3, "RUN real"),
    ]
    assert Output("Step 3/3 : fake") in found


def test_a_base_image_is_pulled() -> None:
    layer = "0123456789ab"
    found = read(
        [
            *pieces("Step 1/1 : FROM team/base:1", "\n"),
            {"status": "Pulling from team/base", "id": "1"},
            {"status": "Pulling fs layer", "id": layer, "progressDetail": {}},
            {"status": "Downloading", "id": layer, "progressDetail": {"current": 3, "total": 10}},
            {"status": "Downloading", "id": layer, "progressDetail": {"current": 7, "total": 10}},
            {"status": "Pull complete", "id": layer, "progressDetail": {}},
            {"status": "Status: Downloaded newer image for team/base:1"},
        ]
    )
    assert Pulled(7, 10) in found
    assert [one.line for one in found if isinstance(one, Output)] == [
        "1: Pulling from team/base",
        f"{layer}: Pull complete",
        "Status: Downloaded newer image for team/base:1",
    ]


@pytest.mark.parametrize(
    ("event", "failure"),
    [
        ({"errorDetail": {"code": 2, "message": "m"}, "error": "m"}, Failure("m", 2)),
        (
            {"errorDetail": {"message": "while running runtime: exit status 7\n"}},
            Failure("while running runtime: exit status 7", 7),
        ),
        ({"error": "only this"}, Failure("only this", None)),
        ({"errorDetail": {"code": "2", "message": ["x"]}}, Failure("['x']", None)),
        ({"errorDetail": {"code": True}}, Failure("", None)),
        ({"errorDetail": {"code": 10**30, "message": "m"}}, Failure("m", None)),
        ({"errorDetail": "text"}, Failure("", None)),
    ],
)
def test_failures(event: dict[str, Any], failure: Failure) -> None:
    with pytest.raises(BuildFailureError) as raised:
        read([event])
    assert raised.value.failure == failure


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"stream": None},
        {"stream": 5},
        {"stream": ""},
        {"aux": []},
        {"aux": {"ID": 5}},
        {"aux": {"ID": "sha256:short"}},
        {"status": {}},
        {"status": "x", "id": []},
        {"status": "Downloading", "id": "0123456789ab", "progressDetail": {"current": -1, "total": "x"}},
    ],
)
def test_what_no_engine_sends(event: dict[str, Any]) -> None:
    assert [one for one in read([event]) if not isinstance(one, Output)] == []


def test_hostile_lines_are_bounded() -> None:
    huge = "x" * 5_000_000
    found = read(pieces(f"Step 1/1 : {huge}", "\n", huge, huge, "\x1b]" * 100_000, "\n", f" ---> {huge}\n"))
    step = found[0]
    assert isinstance(step, Step)
    assert len(step.text) <= 300
    assert sum(len(one.line) for one in found if isinstance(one, Output)) < 10_000
    many = read({"status": f"s{number}", "id": str(number)} for number in range(5_000))
    assert len(many) <= 2_000


STEP = Step(2, 3, "RUN make")


@pytest.mark.parametrize(
    ("failure", "step", "kind", "message"),
    [
        (
            Failure("The command", 2),
            STEP,
            BuildFailed,
            "Step 2 of 3 failed: “RUN make” returned exit code 2.",
        ),
        (
            Failure("x", 2),
            Step(1, 4, "RUN make", 2, 2),
            BuildFailed,
            "Step 1 of 4 failed: “RUN make” (stage 2 of 2) returned exit code 2.",
        ),
        (
            Failure("the --mount option requires BuildKit. Refer", None),
            STEP,
            BuilderUnsuitable,
            "Step 2 of 3 needs BuildKit: “RUN make”.",
        ),
        (Failure("write: no space left on device", None), STEP, DiskFull, "The engine's disk is full."),
        (
            Failure("dockerfile parse error line 2: unknown instruction: X", None),
            None,
            BuildFailed,
            "The Dockerfile is not valid.",
        ),
        (
            Failure('target stage "x" could not be found', None),
            None,
            BuildFailed,
            "The Dockerfile has no stage “x”.",
        ),
        (Failure("something", None), None, BuildFailed, "The engine could not build the image."),
        (
            Failure("no basic auth credentials", None),
            Step(1, 1, "FROM --platform=x r.example/a:1"),
            SignInRequired,
            "Sign in to r.example to pull “r.example/a:1”.",
        ),
        (
            Failure("something", None),
            Step(1, 1, "FROM r.example/a:1"),
            BuildFailed,
            "Step 1 of 1 failed: “FROM r.example/a:1”.",
        ),
        (Failure("something", None), Step(5, 0, "COPY a b"), BuildFailed, "Step 5 of 5 failed: “COPY a b”."),
    ],
)
def test_sentences(failure: Failure, step: Step | None, kind: type[LongshoreError], message: str) -> None:
    error = failed(failure, step, BuildOptions(target="x"), output="last line")
    assert type(error) is kind
    assert error.message == message


def test_the_query() -> None:
    from longshore.oci.platform import Platform
    from longshore.oci.reference import Reference

    options = BuildOptions(
        (Reference.parse("a/b:1"), Reference.parse("c:2")),
        "D",
        "t",
        {"A": "1", "B": None},
        {"l": "v"},
        Platform.parse("linux/arm64"),
        no_cache=True,
        pull=True,
    )
    assert options.query() == {
        "dockerfile": "D",
        "rm": "1",
        "forcerm": "1",
        "t": ["docker.io/a/b:1", "docker.io/library/c:2"],
        "target": "t",
        "buildargs": '{"A": "1", "B": null}',
        "labels": '{"l": "v"}',
        "platform": "linux/arm64",
        "nocache": "1",
        "pull": "1",
    }
    assert "secret" not in repr(BuildOptions(arguments={"A": "secret"}))
