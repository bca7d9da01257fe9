"""The events of builders: dockerd's classic one, Podman's, and BuildKit's progress; and what their failures mean."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from typing import Any

import pytest

from longshore.engine import buildx
from longshore.engine.build_stream import (
    LONGEST_INSTRUCTION,
    BuildEvent,
    BuildFailureError,
    BuildStream,
    Built,
    Cached,
    Changed,
    Failure,
    Output,
    Pulled,
    Step,
    classified,
)
from longshore.engine.building import USE_BUILDX, BuildOptions, failed
from longshore.engine.buildx import SolveStatus
from longshore.errors import BuilderUnsuitable, BuildFailed, DiskFull, LongshoreError, NotInRegistry
from longshore.oci.layer import LayerState
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference

ID = "sha256:" + "a" * 64
SHORT = "0123456789ab"


def events(*pieces: str | dict[str, Any]) -> list[BuildEvent]:
    """Our events for *pieces*: texts are pieces of the builder's stream."""
    stream, found = BuildStream(), list[BuildEvent]()
    for piece in pieces:
        found += stream.feed({"stream": piece} if isinstance(piece, str) else piece)
    return [*found, *stream.finish()]


def test_dockerd_builds_an_image() -> None:
    assert events(
        "Step 1/3 : FROM alpine",
        "\n",
        f" ---> {SHORT}\n",
        "Step 2/3 : RUN make",
        "\n",
        f" ---> Running in {SHORT}\n",
        "compiling\n",
        "half ",
        "a line\n",
        "\n",
        f" ---> Removed intermediate container {SHORT}\n",
        f" ---> {SHORT}\n",
        "Step 3/3 : COPY a b",
        "\n",
        " ---> Using cache\n",
        f" ---> {SHORT}\n",
        {"aux": {"ID": ID}},
        f"Successfully built {SHORT}\n",
        "Successfully tagged app:1\n",
    ) == [
        Step(1, 3, "FROM alpine"),
        Step(2, 3, "RUN make"),
        Output("compiling"),
        Output("half a line"),
        Output(""),
        Step(3, 3, "COPY a b"),
        Cached(),
        Built(ID),
    ]


def test_podman_builds_an_image_in_stages() -> None:
    assert events(
        "[1/2] STEP 1/2: FROM alpine AS base\n",
        "[1/2] STEP 2/2: RUN true\n",
        f"--> {SHORT}\n",
        "[2/2] STEP 1/2: FROM alpine\n",
        "[2/2] STEP 2/2: COPY --from=base /a /a\n",
        f"--> Using cache {'b' * 64}\n",
        "[2/2] COMMIT app:1\n",
        "Successfully tagged localhost/app:1\n",
        f"{'c' * 64}\n",
    ) == [
        Step(1, 2, "FROM alpine AS base", 1, 2),
        Step(2, 2, "RUN true", 1, 2),
        Step(1, 2, "FROM alpine", 2, 2),
        Step(2, 2, "COPY --from=base /a /a", 2, 2),
        Cached(),
    ]
    # Older ones do not know how many there are.
    assert events("STEP 1: FROM alpine\n", "STEP 2: RUN x\n") == [
        Step(1, 0, "FROM alpine"),
        Step(2, 0, "RUN x"),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "Step 2/3 : RUN again",  # the step that runs
        "Step 4/3 : RUN x",
        "Step 3/4 : RUN x",
        "Step 1/3 : RUN x",
        "STEP 3/3: RUN x",  # of the other builder
        "step 3/3 : RUN x",
        " Step 3/3 : RUN x",
    ],
)
def test_output_may_look_like_a_step(line: str) -> None:
    begun = ("Step 1/3 : FROM a", "\n", "Step 2/3 : RUN x", "\n")
    assert events(*begun, f"{line}\n")[2:] == [Output(line)]
    assert events(*begun, "Step 3/3 : RUN x")[2:] == [Step(3, 3, "RUN x")]


@pytest.mark.parametrize(
    "line",
    ["[1/2] STEP 1/2: FROM a", "[3/2] STEP 1/2: FROM a", "[2/2] STEP 2/2: RUN x", "[1/2] STEP 2/3: RUN x"],
)
def test_podman_s_output_may_look_like_a_step(line: str) -> None:
    begun = "[1/2] STEP 1/2: FROM a\n"
    assert events(begun, f"{line}\n")[1:] == [Output(line)]
    assert events(begun, "[2/2] STEP 1/9: FROM a\n")[1:] == [Step(1, 9, "FROM a", 2, 2)]


def test_a_first_step_is_the_first_one() -> None:
    assert events("Step 2/3 : RUN x\n") == [Output("Step 2/3 : RUN x")]
    assert events("STEP 2/3: RUN x\n") == [Output("STEP 2/3: RUN x")]


def test_before_the_first_step_nothing_is_the_builder_s_own() -> None:
    assert events(f"Successfully built {SHORT}\n") == [Output(f"Successfully built {SHORT}")]
    assert events(f" ---> {SHORT}\n") == [Output(f" ---> {SHORT}")]


def test_lines_of_a_step_are_ended_when_the_next_begins() -> None:
    assert events("Step 1/2 : FROM a", "\n", "no end", "Step 2/2 : RUN x") == [
        Step(1, 2, "FROM a"),
        Output("no end"),
        Step(2, 2, "RUN x"),
    ]
    assert events("Step 1/2 : FROM a\n", "\n") == [Step(1, 2, "FROM a"), Output("")]
    assert events("[Warning] be careful\n") == [Output("be careful")]


def test_instructions_have_a_limit() -> None:
    (step,) = events("Step 1/1 : RUN " + "x" * 1000)
    assert isinstance(step, Step)
    assert len(step.text) == LONGEST_INSTRUCTION


@pytest.mark.parametrize("aux", [{"ID": "sha256:abc"}, {"ID": 7}, {}, "odd", {"ID": ID + "a"}])
def test_what_is_no_image_id(aux: object) -> None:
    assert events({"aux": aux}) == []


# -- the pull of a base image


def layer(name: str, status: str, current: int = 0, total: int = 0) -> dict[str, Any]:
    detail = {"current": current, "total": total} if total else {}
    return {"status": status, "id": name, "progressDetail": detail}


def test_the_base_image_s_bytes() -> None:
    one, two = "a" * 12, "b" * 12
    found = events(
        {"status": "Pulling from library/alpine", "id": "3"},
        layer(one, "Pulling fs layer"),
        layer(two, "Pulling fs layer"),
        layer(one, "Downloading", 0, 100),
        layer(one, "Downloading", 10, 100),
        layer(two, "Downloading", 5, 50),
        layer(one, "Downloading", 20, 100),
        layer(one, "Download complete"),
        layer(one, "Download complete"),
    )
    pulled = [event for event in found if isinstance(event, Pulled)]
    assert pulled[:4] == [Pulled(0, 100), Pulled(10, 100), Pulled(15, 150), Pulled(25, 150)]
    assert [event for event in found if isinstance(event, Output)] == [
        Output("3: Pulling from library/alpine"),
        Output(f"{one}: Download complete"),
    ]


def test_a_status_without_a_name() -> None:
    assert events({"status": "Digest: x"}, {"status": "Digest: x"}, {"status": ""}) == [Output("Digest: x")]
    assert events({"status": 7}, {"stream": 7}, {}) == []


# -- failures


@pytest.mark.parametrize(
    ("event", "failure"),
    [
        ({"errorDetail": {"message": " m ", "code": 3}, "error": "e"}, Failure("m", 3)),
        ({"errorDetail": {"message": "m"}, "error": "e"}, Failure("m", None)),
        ({"error": "e"}, Failure("e", None)),
        ({"errorDetail": {}}, Failure("", None)),
        ({"errorDetail": "odd", "error": "e"}, Failure("e", None)),
        ({"errorDetail": {"message": "m", "code": 0}}, Failure("m", None)),
        ({"errorDetail": {"message": "m", "code": True}}, Failure("m", None)),
        ({"errorDetail": {"message": "m", "code": 999}}, Failure("m", 999)),
        ({"errorDetail": {"message": "m", "code": 1000}}, Failure("m", None)),
        (
            {"error": "while running runtime: exit status 125"},
            Failure("while running runtime: exit status 125", 125),
        ),
        ({"error": "exit status 1234"}, Failure("exit status 1234", None)),
        ({"error": "x" * 9000}, Failure("x" * 8000, None)),
    ],
)
def test_a_builder_s_failure(event: dict[str, Any], failure: Failure) -> None:
    stream = BuildStream()
    assert list(stream.feed({"stream": "no end"})) == []
    found = []
    with pytest.raises(BuildFailureError) as caught:
        for one in stream.feed(event):
            found.append(one)
    assert caught.value.failure == failure
    assert found == [Output("no end")]


RUN = Step(2, 3, "RUN make")


def why(text: str, step: Step | None = RUN, code: int | None = None, **more: Any) -> LongshoreError:
    output = more.pop("output", "")
    return failed(Failure(text, code), step, BuildOptions(**more), output=output)


def test_a_command_that_failed() -> None:
    error = why("returned a non-zero code: 2", code=2, output="make: no rule")
    assert isinstance(error, BuildFailed)
    assert error.message == "Step 2 of 3 failed: “RUN make” returned exit code 2."
    assert error.detail == "make: no rule"
    assert why("it failed", code=2).detail == "it failed"
    assert why("it failed", Step(4, 0, "RUN x", 2, 3), 2).message == (
        "Step 4 of 4 failed: “RUN x” (stage 2 of 3) returned exit code 2."
    )


@pytest.mark.parametrize("text", ["write /x: No space left on device", "Disk quota exceeded"])
@pytest.mark.parametrize("step", [RUN, None])
def test_no_room_on_the_engine_s_disk(text: str, step: Step | None) -> None:
    assert isinstance(why(text, step, 1), DiskFull)


def test_a_stage_that_is_not_there() -> None:
    text = "failed to reach build target nonesuch in Dockerfile"
    assert why(text, None, target="nonesuch").message == "The Dockerfile has no stage “nonesuch”."
    assert why(text, None).message == "The engine could not build the image."


@pytest.mark.parametrize("text", ["the --mount option requires BuildKit", "Unknown flag: mount"])
def test_what_needs_buildkit(text: str) -> None:
    within, before = why(text), why(text, None)
    assert isinstance(within, BuilderUnsuitable) and isinstance(before, BuilderUnsuitable)
    assert within.message == "Step 2 of 3 needs BuildKit: “RUN make”."
    assert before.message == "The Dockerfile needs BuildKit."
    assert within.advice == before.advice == USE_BUILDX


@pytest.mark.parametrize("text", ["dockerfile parse error on line 2", "unknown instruction: FRO"])
def test_a_dockerfile_that_is_not_valid(text: str) -> None:
    assert why(text, None).message == "The Dockerfile is not valid."
    assert why(text).message == "Step 2 of 3 failed: “RUN make”."


def test_a_base_image_that_is_not_there() -> None:
    text = "manifest for acme.io/base:1 not found: manifest unknown"
    base = Step(1, 3, "FROM --platform=linux/arm64 acme.io/base:1 AS x")
    assert isinstance(why(text, base), NotInRegistry)
    assert isinstance(why(text, RUN), BuildFailed)
    assert isinstance(why(text, Step(1, 3, "FROM")), BuildFailed)
    assert isinstance(why("the moon is full", base), BuildFailed)
    assert classified(text, "no reference at all") is None


@pytest.mark.parametrize(
    ("step", "text", "about_paths"),
    [
        ("COPY a b", "COPY failed: file not found in build context", True),
        ("add a b", "lstat /a: no such file or directory", True),
        ("COPY a b", "the moon is full", False),
        ("RUN a", "no such file or directory", False),
        ("", "no such file or directory", False),
    ],
)
def test_a_file_that_is_not_there(step: str, text: str, about_paths: bool) -> None:
    error = why(text, Step(1, 1, step), output="last words")
    assert (".dockerignore" in error.advice) is about_paths
    assert error.detail == f"last words\n{text}"


def test_the_parameters_of_a_build() -> None:
    assert BuildOptions().query() == {"dockerfile": "Dockerfile", "rm": "1", "forcerm": "1"}
    tags = (Reference.parse("acme.io/a:1"), Reference.parse("acme.io/a:2"))
    assert BuildOptions(
        tags, "d/File", "stage", {"A": "1", "B": None}, {"l": "x"}, Platform("linux", "arm64"), True, True
    ).query() == {
        "dockerfile": "d/File",
        "rm": "1",
        "forcerm": "1",
        "t": ["acme.io/a:1", "acme.io/a:2"],
        "target": "stage",
        "buildargs": '{"A": "1", "B": null}',
        "labels": '{"l": "x"}',
        "platform": "linux/arm64",
        "nocache": "1",
        "pull": "1",
    }


# -- BuildKit's progress


class Solve:
    """BuildKit's progress."""

    def __init__(self) -> None:
        self.status = SolveStatus()

    def tell(self, **found: Any) -> list[BuildEvent]:
        return list(self.status.feed(json.dumps(found).encode()))

    def vertex(self, name: object, digest: object = "", **more: Any) -> list[BuildEvent]:
        return self.tell(vertexes=[{"digest": digest or name, "name": name, **more}])

    def log(self, vertex: str, data: bytes) -> list[BuildEvent]:
        return self.tell(logs=[{"vertex": vertex, "data": base64.b64encode(data).decode()}])


@pytest.mark.parametrize(
    ("more", "state"),
    [
        ({}, LayerState.WAITING),
        ({"started": "2026"}, LayerState.RUNNING),
        ({"started": "2026", "completed": "2026"}, LayerState.DONE),
        ({"completed": "2026", "cached": True}, LayerState.CACHED),
        ({"cached": 1}, LayerState.WAITING),
        ({"completed": "2026", "error": "exit code: 3"}, LayerState.FAILED),
        ({"started": "2026", "error": "context canceled"}, LayerState.RUNNING),
        ({"started": "2026", "error": ""}, LayerState.RUNNING),
    ],
)
def test_the_state_of_a_step(more: dict[str, Any], state: LayerState) -> None:
    (changed,) = Solve().vertex("[1/2] FROM a", **more)
    assert isinstance(changed, Changed)
    assert (changed.number, changed.text, changed.state) == (1, "[1/2] FROM a", state)
    assert changed.share == (1.0 if state.finished else 0.0)


def test_steps_are_numbered_as_they_become_known() -> None:
    solve = Solve()
    found = solve.tell(
        vertexes=[
            {"digest": "c", "name": "[2/2] RUN x"},
            {"digest": "i", "name": "[internal] load build definition"},
            {"digest": "b", "name": "[1/2] FROM a", "completed": "x"},
            {"digest": 7, "name": "[1/2] odd"},
            {"digest": "d", "name": None},
            "odd",
        ]
    )
    assert found == [
        Changed(1, "[1/2] FROM a", LayerState.DONE, 1.0),
        Changed(2, "[2/2] RUN x", LayerState.WAITING, 0.5),
    ]
    assert solve.vertex("[2/2] RUN x", "c", cached=True) == [
        Changed(2, "[2/2] RUN x", LayerState.CACHED, 1.0)
    ]
    # A step that is done does not run again.
    assert solve.vertex("[2/2] RUN x", "c", started="x") == [
        Changed(2, "[2/2] RUN x", LayerState.CACHED, 1.0)
    ]


def test_the_number_of_steps_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buildx, "MOST_STEPS", 2)
    solve = Solve()
    assert [len(solve.vertex(f"[{number}/9] RUN", str(number))) for number in (1, 2, 3, 2)] == [1, 1, 0, 1]


def test_output_belongs_to_its_step() -> None:
    solve = Solve()
    solve.vertex("[1/2] FROM a", "a")
    solve.vertex("[2/2] RUN x", "b")
    assert solve.log("b", b"one\nha") == [Output("one", 2)]
    assert solve.log("a", b"other\n") == [Output("other", 1)]
    assert solve.log("nowhere", b"x\n") == []
    assert solve.tell(logs=[{"vertex": "b", "data": "no base64!"}, {"vertex": "b", "data": 7}, {}]) == []
    assert solve.log("b", b"lf\nno end") == [Output("half", 2)]
    assert list(solve.status.finish()) == [Output("no end", 2)]


@pytest.mark.parametrize("line", [b"plain words", b"[1]", b'{"a": ', b'{"a":' * 100_000])
def test_what_is_no_progress_is_output(line: bytes) -> None:
    (found, *_) = list(SolveStatus().feed(line))
    assert isinstance(found, Output)
    assert found.step == 0


def ended(lines: Iterable[bytes], code: int = 1, **options: Any) -> LongshoreError:
    status = SolveStatus()
    for line in lines:
        list(status.feed(line))
    list(status.finish())
    return status.failure(BuildOptions(**options), code)


def broken(name: str, error: str) -> bytes:
    return json.dumps({"vertexes": [{"digest": "a", "name": name, "error": error}]}).encode()


def test_a_step_that_failed() -> None:
    log = json.dumps({"logs": [{"vertex": "a", "data": base64.b64encode(b"no rule").decode()}]}).encode()
    text = "process did not complete: exit code: 2"
    error = ended([broken("[linux/arm64 base 2/4] RUN make", text), log])
    assert error.message == "Step 1 of 1 failed: “RUN make” returned exit code 2."  # as its row is numbered
    assert error.detail == "no rule"
    assert "exit code" not in ended([broken("[2/4] COPY a b", "not found")]).message


def test_a_failure_of_the_program() -> None:
    error = ended([b"first", b"ERROR: dockerfile parse error", b"last words"])
    assert (error.message, error.detail) == ("The Dockerfile is not valid.", "dockerfile parse error")
    assert ended([b"first", b"last words"]).detail == "last words"
    assert ended([broken("exporting", "no room")]).detail == "no room"
    assert ended([broken("exporting", "no room"), b"ERROR: words"]).detail == "words"
    assert ended([], 7).message == "The program docker buildx ended with exit code 7."


@pytest.mark.parametrize(
    ("pieces", "lines"),
    [
        ([b"a\nb", b"c\n", b"d"], [b"a", b"bc", b"d"]),
        ([b"\n\n"], [b"", b""]),
        ([b"12345678", b"9\nnext\n"], [b"123456789", b"next"]),
        ([b"123456789", b"rest\nnext\n"], [b"next"]),  # too long
        ([b"123456789", b"123456789", b"rest\nnext"], [b"next"]),
        ([b"123456789", b"rest"], []),
    ],
)
def test_lines_of_the_program(
    monkeypatch: pytest.MonkeyPatch, pieces: list[bytes], lines: list[bytes]
) -> None:
    monkeypatch.setattr(buildx, "LONGEST_LINE", 8)
    assert list(buildx._Running._split(iter(pieces))) == lines


def test_the_words_for_the_program() -> None:
    words, secrets = buildx._arguments(
        BuildOptions(
            (Reference.parse("acme.io/a:1"),),
            target="stage",
            arguments={"A": "1", "TOKEN": "t0p", "B": None},
            labels={"l": "x"},
            platform=Platform("linux", "arm64"),
            no_cache=True,
            pull=True,
        )
    )
    assert words == [
        "--tag=acme.io/a:1",
        "--target=stage",
        "--platform=linux/arm64",
        "--no-cache",
        "--pull",
        "--label=l=x",
        "--build-arg=A=1",
        "--build-arg=TOKEN",
    ]
    assert secrets == {"TOKEN": "t0p"}
    assert buildx._arguments(BuildOptions()) == ([], {})


def test_steps_that_become_known_together_are_in_order_of_their_stages() -> None:
    names = ["[b 2/2] RUN two", "[b 1/2] FROM x", "[c 1/3] FROM y", "[b 3/2] RUN three", "[c 2/3] COPY a b"]
    line = json.dumps({"vertexes": [{"digest": name, "name": name} for name in names]}).encode()
    found = [event.text for event in SolveStatus().feed(line) if isinstance(event, Changed)]
    assert found == [names[1], names[0], names[3], names[2], names[4]]


def test_buildx_finds_no_base_image() -> None:
    message = (
        b"ERROR: failed to solve: acme.io/none:1: failed to resolve source metadata for acme.io/none:1: "
        b"acme.io/none:1: not found"
    )
    status = SolveStatus()
    list(status.feed(message))
    error = status.failure(BuildOptions(), 1)
    assert isinstance(error, NotInRegistry)
    assert error.subject == "acme.io/none:1"


def test_buildx_finds_no_file() -> None:
    name = "[2/2] COPY missing /"
    text = 'failed to calculate checksum of ref abc::def: "/missing": not found'
    status = SolveStatus()
    list(status.feed(json.dumps({"vertexes": [{"digest": "a", "name": name, "error": text}]}).encode()))
    error = status.failure(BuildOptions(), 1)
    assert error.message == "Step 1 of 1 failed: “COPY missing /”."
    assert error.advice.startswith("Check the path")


def test_a_path_of_another_stage_is_not_in_the_folder() -> None:
    error = failed(
        Failure("COPY failed: file does not exist", None), Step(2, 2, "COPY --from=a x /"), BuildOptions()
    )
    assert ".dockerignore" not in error.advice and "--from" in error.advice


def test_an_instruction_has_no_colours() -> None:
    assert events("Step 1/1 : RUN \x1b[31mecho\x1b[0m x\n") == [Step(1, 1, "RUN echo x")]
