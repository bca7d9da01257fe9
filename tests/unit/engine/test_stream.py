"""Recorded events of four engines, translated into the same events of ours."""

from __future__ import annotations

from typing import Any

import pytest

from longshore.engine.attempt import Attempt
from longshore.engine.stream import Finished, Normaliser, Note, OnePlatform, StreamEvent, unpacking
from longshore.errors import EngineFailure, NotInRegistry, RegistryUnreachable
from longshore.oci.layer import LayerProgress, LayerState
from longshore.oci.reference import Reference

A, B, C = "aaaaaaaaaaaa", "bbbbbbbbbbbb", "cccccccccccc"
DIGEST = "sha256:" + "d" * 64
PULL = Attempt(Reference.parse("127.0.0.1:5000/team/big:1"))
PUSH = Attempt(Reference.parse("127.0.0.1:5000/team/big:1"), pushing=True)


def line(status: str, layer: str | None = None, **detail: Any) -> dict[str, Any]:
    event: dict[str, Any] = {"status": status}
    if layer is not None:
        event |= {"progressDetail": detail, "id": layer}
    return event


def run(attempt: Attempt, events: list[dict[str, Any]]) -> list[StreamEvent]:
    normaliser = Normaliser(attempt)
    found: list[StreamEvent] = []
    for event in events:
        found += normaliser.feed(event)
    return [*found, normaliser.finish()]


def steps(events: list[StreamEvent], layer: str) -> list[tuple[LayerState, int | None, int | None]]:
    return [
        (each.state, each.current, each.total)
        for each in events
        if isinstance(each, LayerProgress) and each.layer_id == layer
    ]


def test_pull_classic_store() -> None:
    found = run(
        PULL,
        [
            {"status": "Pulling from team/big", "id": "1"},
            line("Pulling fs layer", A),
            line("Pulling fs layer", B),
            line("Already exists", C),
            line("Waiting", B),
            line("Downloading", A, current=100, total=1000),
            line("Downloading", A, current=600, total=1000),
            line("Verifying Checksum", A),
            line("Download complete", A),
            line("Downloading", B, current=50),
            line("Download complete", B),
            line("Extracting", A, current=500, total=1000),
            line("Extracting", A, current=1000, total=1000),
            line("Pull complete", A),
            line("Pull complete", B),
            line(f"Digest: {DIGEST}"),
            line("Status: Downloaded newer image for 127.0.0.1:5000/team/big:1"),
        ],
    )
    assert steps(found, A) == [
        (LayerState.WAITING, None, None),
        (LayerState.TRANSFERRING, 100, 1000),
        (LayerState.TRANSFERRING, 600, 1000),
        (LayerState.CHECKING, None, None),
        (LayerState.TRANSFERRED, None, None),
        (LayerState.EXTRACTING, 500, 1000),
        (LayerState.EXTRACTING, 1000, 1000),
        (LayerState.DONE, None, None),
    ]
    # "Waiting" says nothing new; without a Content-Length there is no total.
    assert [step[0] for step in steps(found, B)] == [
        LayerState.WAITING,
        LayerState.TRANSFERRING,
        LayerState.TRANSFERRED,
        LayerState.DONE,
    ]
    assert steps(found, B)[1] == (LayerState.TRANSFERRING, 50, None)
    assert steps(found, C) == [(LayerState.SKIPPED, None, None)]
    assert not any(isinstance(each, Note) for each in found)
    assert found[-1] == Finished(DIGEST)


def test_up_to_date_with_a_warning_after_the_status() -> None:
    """28 adds its warning about the platform as a plain line at the end."""
    warning = "WARNING: image with reference x was found but its platform does not match"
    found = run(
        PULL,
        [
            {"status": "Pulling from team/big", "id": "1"},
            line(f"Digest: {DIGEST}"),
            line("Status: Image is up to date for 127.0.0.1:5000/team/big:1"),
            line(warning),
        ],
    )
    assert found == [Note(warning), Finished(DIGEST, None, True)]


def test_a_resumed_download_neither_shrinks_nor_jumps() -> None:
    """Recorded from 20.10: a full bar when the connection is cut, then the rest counted from zero."""
    found = run(
        PULL,
        [
            line("Pulling fs layer", A),
            line("Downloading", A, current=2447630, total=8008678),
            line("Downloading", A, current=8008678, total=8008678),
            line("Retrying in 2 seconds", A),
            line("Retrying in 1 second", A),
            line("Downloading", A, current=65536, total=5008678),
            line("Downloading", A, current=4000000, total=5008678),
            line("Downloading", A, current=5008678, total=5008678),
            line("Retrying in 1 second", A),
            line("Waiting", A),
            line("Downloading", A, current=8678, total=1008678),
            line("Download complete", A),
        ],
    )
    layer = [each for each in found if isinstance(each, LayerProgress)]
    moving = [each for each in layer if each.state is LayerState.TRANSFERRING]
    assert {each.total for each in moving} == {8008678}
    assert [(each.current, each.retrying_in) for each in moving] == [
        (2447630, None),
        (2447630, 2),
        (2447630, 1),
        (3065536, None),
        (7000000, None),
        (7000000, 1),
        (7008678, None),
    ]


def test_a_resumed_download_that_tells_no_bytes() -> None:
    found = run(PULL, [line("Downloading", A, current=5, total=100), line("Downloading", A, total=50)])
    assert steps(found, A)[-1] == (LayerState.TRANSFERRING, None, 100)


def test_pull_containerd_store() -> None:
    found = run(
        PULL,
        [
            {"status": "Pulling from team/big", "id": "1"},
            line("Pulling fs layer", A),
            line("Pulling fs layer", A),
            line("Downloading", A, current=10, total=100),
            line("Downloading", A, current=10, total=100),
            line("Download complete", A, hidecounts=True),
            line("Extracting", A, current=1, units="s"),
            line("Extracting", A, current=2, units="s"),
            line("Pull complete", A, hidecounts=True),
            line(f"Digest: {DIGEST}"),
            line("Status: Downloaded newer image for x"),
        ],
    )
    # Repeated events are dropped, and seconds are not counted as bytes.
    assert steps(found, A) == [
        (LayerState.WAITING, None, None),
        (LayerState.TRANSFERRING, 10, 100),
        (LayerState.TRANSFERRED, None, None),
        (LayerState.EXTRACTING, None, None),
        (LayerState.DONE, None, None),
    ]
    nothing_to_do = run(PULL, [line(f"Digest: {DIGEST}"), line("Status: Downloaded newer image for x")])
    assert nothing_to_do == [Finished(DIGEST)]


def test_pull_podman() -> None:
    """No first line, no digest; the last id is the image's own."""
    found = run(
        PULL,
        [
            {"status": "Pulling fs layer", "progressDetail": {}, "id": A},
            {"status": "Already exists", "id": B},
            line("Downloading", A, current=10, total=100),
            {"status": "Download complete", "progressDetail": {}, "id": A},
            {"status": "Download complete", "progressDetail": {}, "id": C},
        ],
    )
    assert steps(found, C) == []
    assert steps(found, B) == [(LayerState.SKIPPED, None, None)]
    assert steps(found, A)[-1] == (LayerState.TRANSFERRED, None, None)
    assert found[-1] == Finished()
    assert not any(isinstance(each, Note) for each in found)


@pytest.mark.parametrize("status", ["Download complete", "Pull complete"])
def test_the_last_word_about_what_is_no_layer_is_no_note(status: str) -> None:
    assert run(PULL, [{"status": status, "id": C}]) == [Finished()]


def test_layers_are_known_by_the_first_twelve_digits() -> None:
    found = run(PULL, [line("Waiting", "0123456789abcdef" * 4), line("Waiting", "sha256:" + "f" * 64)])
    assert [each.layer_id for each in found if isinstance(each, LayerProgress)] == ["0123456789ab", "f" * 12]


def test_push_classic_store() -> None:
    found = run(
        PUSH,
        [
            {"status": "The push refers to repository [127.0.0.1:5000/team/big]"},
            line("Preparing", A),
            line("Preparing", A),
            line("Preparing", B),
            line("Preparing", C),
            line("Waiting", C),
            line("Pushing", A, current=512, total=1000000),
            line("Pushing", A, current=1001984, total=1000000),
            line("Pushed", A),
            line("Layer already exists", B),
            line("Mounted from team/other", C),
            line(f"1: digest: {DIGEST} size: 2007"),
            {"progressDetail": {}, "aux": {"Tag": "1", "Digest": DIGEST, "Size": 2007}},
        ],
    )
    # The tar's own overhead is not counted beyond the size of the file.
    assert steps(found, A)[-2:] == [
        (LayerState.TRANSFERRING, 1000000, 1000000),
        (LayerState.DONE, None, None),
    ]
    assert steps(found, B)[-1][0] is LayerState.SKIPPED
    mounted = [each for each in found if isinstance(each, LayerProgress) and each.layer_id == C][-1]
    assert mounted.state is LayerState.MOUNTED
    assert not any(isinstance(each, Note) for each in found)
    assert found[-1] == Finished(DIGEST, 2007)


def test_push_containerd_store() -> None:
    found = run(
        PUSH,
        [
            {"status": "The push refers to repository [127.0.0.1:5000/team/big]"},
            line("Pushing", A, total=77),
            line("Pushing", A, current=40, total=77),
            line("Pushed", A, hidecounts=True),
            line(f"1: digest: {DIGEST} size: 856"),
        ],
    )
    assert steps(found, A) == [
        (LayerState.TRANSFERRING, None, 77),
        (LayerState.TRANSFERRING, 40, 77),
        (LayerState.DONE, None, None),
    ]
    assert found[-1] == Finished(DIGEST, 856)


def test_push_of_an_index_that_is_here_in_part() -> None:
    other = "sha256:" + "e" * 64
    selected = {"digest": other, "size": 500, "platform": {"os": "linux", "architecture": "amd64"}}
    found = run(
        PUSH,
        [
            line(f"1: digest: {other} size: 500"),
            {
                "aux": {
                    "manifestPushedInsteadOfIndex": True,
                    "originalIndex": {},
                    "selectedManifest": selected,
                }
            },
        ],
    )
    assert found == [OnePlatform("linux/amd64"), Finished(other, 500)]


def test_push_podman() -> None:
    aux = {"Tag": "1", "Digest": DIGEST, "Size": 2007}
    found = run(PUSH, [line(f"1: digest: {DIGEST} size: 2007\n"), {"progressDetail": {}, "aux": aux}])
    assert found == [Finished(DIGEST, 2007)]


def test_a_push_that_does_not_say_what_it_pushed_has_failed() -> None:
    with pytest.raises(EngineFailure) as caught:
        run(PUSH, [line("Preparing", A), line("Pushed", A)])
    assert "127.0.0.1:5000/team/big:1" in caught.value.message


@pytest.mark.parametrize(
    "event",
    [
        {"errorDetail": {"message": "manifest unknown"}, "error": "manifest unknown"},
        {"errorDetail": {"message": "manifest unknown"}},
        {"error": "manifest unknown"},
    ],
)
def test_errors_in_the_stream(event: dict[str, Any]) -> None:
    with pytest.raises(NotInRegistry):
        run(PULL, [line("Pulling fs layer", A), event])


def test_an_error_without_words_is_one_too() -> None:
    for event in ({"errorDetail": {}}, {"errorDetail": {"message": None}}, {"errorDetail": "x", "error": ""}):
        with pytest.raises(EngineFailure) as caught:
            run(PULL, [event])
        assert caught.value.detail == ""
    with pytest.raises(RegistryUnreachable):
        run(
            PUSH, [{"errorDetail": {"code": 1, "message": "dial tcp 1.2.3.4:5: connect: connection refused"}}]
        )


def test_words_from_outside_are_made_safe() -> None:
    (note, _) = run(PULL, [line("\x1b[31mred\u202etxt\x07")])
    assert note == Note("[31mredtxt")


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"status": None},
        {"status": 3, "id": 4},
        {"status": "Downloading", "id": A, "progressDetail": None},
        {"status": "Downloading", "id": A, "progressDetail": {"current": "x", "total": -1}},
        {"status": "Downloading", "id": A, "progressDetail": {"current": True, "total": 0}},
        {"status": "Doing something new", "id": A, "progressDetail": {}},
        {"status": "Digest: nonsense"},
        {"aux": []},
        {"aux": {"Digest": 4}},
    ],
)
def test_odd_events_do_no_harm(event: dict[str, Any]) -> None:
    found = run(PULL, [event])
    assert found[-1] == Finished()
    for each in found[:-1]:
        assert isinstance(each, LayerProgress)
        assert (each.current, each.total) == (None, None)


@pytest.mark.parametrize(
    ("event", "found"),
    [
        (
            line("Loading layer", A, current=65536, total=5007360),
            LayerProgress(A, LayerState.EXTRACTING, 65536, 5007360),
        ),
        (line("Loading layer", A, current=5007360, total=5007360), LayerProgress(A, LayerState.DONE)),
        (line("Loading layer", "../../x", current=1, total=2), None),
        (line("Loading layer", A, current=-1, total=2), None),
        (line("Loading layer", A, current="1", total=2), None),
        (line("Loading layer", A), None),
        (line("Loading layer"), None),
        ({"stream": "Loaded image: team/app:1\n"}, None),
    ],
    ids=map(str, range(8)),
)
def test_unpacking_of_an_archive(event: dict[str, Any], found: LayerProgress | None) -> None:
    assert unpacking(event) == found


@pytest.mark.parametrize(
    "status",
    [
        f"1: digest: {DIGEST} size: {'9' * 5000}",
        f"1: digest: {DIGEST} size: ²",
        f"1: digest: {DIGEST} size: {chr(0x664)}",  # an Arabic digit, which Python accepts
    ],
)
def test_a_pushed_size_that_is_no_number(status: str) -> None:
    assert run(PUSH, [{"status": status}]) == [Finished(DIGEST)]


@pytest.mark.parametrize("seconds", ["9" * 5000, "²", "", "-1"])
def test_a_retry_that_tells_no_seconds(seconds: str) -> None:
    found = run(PULL, [line(f"Retrying in {seconds} seconds", A)])
    assert steps(found, A) == []


@pytest.mark.parametrize("value", [10**400, 2**63, -1, True, 1.5, float("nan"), "5", None, [], {}])
def test_counts_that_are_none(value: object) -> None:
    found = run(PULL, [line("Downloading", A, current=value, total=value)])
    assert steps(found, A) == [(LayerState.TRANSFERRING, None, None)]
    assert run(PUSH, [{"aux": {"Digest": DIGEST, "Size": value}}]) == [Finished(DIGEST)]
    loading = {"status": "Loading layer", "id": A, "progressDetail": {"current": value, "total": 9}}
    assert unpacking(loading) is None
    loading = {"status": "Loading layer", "id": A, "progressDetail": {"current": 0, "total": value}}
    assert unpacking(loading) is None


def test_the_largest_count() -> None:
    most = 2**63 - 1
    found = run(PULL, [line("Downloading", A, current=0, total=most)])
    assert steps(found, A) == [(LayerState.TRANSFERRING, 0, most)]


@pytest.mark.parametrize("layer", [A + "\n", A[:11], A.upper(), "g" * 12, "a" * 65])
def test_ids_that_are_none_of_layers(layer: str) -> None:
    loading = {"status": "Loading layer", "id": layer, "progressDetail": {"current": 1, "total": 9}}
    assert unpacking(loading) is None


def test_a_load_that_is_told_step_by_step() -> None:
    def told(current: object, total: object) -> LayerProgress | None:
        detail = {"current": current, "total": total}
        return unpacking({"status": "Loading layer", "id": A, "progressDetail": detail})

    assert told(0, 9) == LayerProgress(A, LayerState.EXTRACTING, 0, 9)
    assert told(8, 9) == LayerProgress(A, LayerState.EXTRACTING, 8, 9)
    assert told(9, 9) == told(10, 9) == LayerProgress(A, LayerState.DONE)
    assert told(0, 0) is None
    assert unpacking({"status": "Loading layer", "id": A}) is None
    assert unpacking({"status": "Other", "id": A, "progressDetail": {"current": 1, "total": 9}}) is None
    assert unpacking({"status": "Loading layer", "progressDetail": {"current": 1, "total": 9}}) is None


def test_a_full_bar_is_believed_as_far_as_the_download_came() -> None:
    found = run(
        PULL,
        [
            line("Downloading", A, current=10, total=100),
            line("Extracting", A, current=70, total=100),
            line("Downloading", A, current=100, total=100),
        ],
    )
    assert steps(found, A)[-1] == (LayerState.TRANSFERRING, 10, 100)
    found = run(PULL, [line("Downloading", A, current=100, total=100)])
    assert steps(found, A) == [(LayerState.TRANSFERRING, 0, 100)]


def test_the_size_of_what_was_pushed() -> None:
    aux = {"aux": {"Tag": "1", "Digest": DIGEST, "Size": 0}}
    assert run(PUSH, [aux]) == [Finished(DIGEST, 0)]
    again = {"aux": {"Digest": "sha256:" + "e" * 64}}
    assert run(PUSH, [aux, again]) == [Finished("sha256:" + "e" * 64, 0)]
    lines = [{"status": f"1: digest: {DIGEST} size: 12"}, {"status": "1: digest: sha256:" + "e" * 64}]
    assert run(PUSH, lines) == [Finished(DIGEST, 12)]


@pytest.mark.parametrize(
    ("platform", "shown"),
    [
        (None, "platform unknown"),
        ("linux", "platform unknown"),
        ([], "platform unknown"),
        ({"os": "linux", "architecture": "arm", "variant": "v7"}, "linux/arm/v7"),
        ({"os": "linux", "architecture": "amd64"}, "linux/amd64"),
    ],
)
def test_the_platform_that_was_pushed_instead(platform: object, shown: str) -> None:
    selected = {"digest": DIGEST, "size": 5, "platform": platform}
    aux = {"manifestPushedInsteadOfIndex": True, "selectedManifest": selected, "Digest": "sha256:other"}
    assert run(PUSH, [{"aux": aux}]) == [OnePlatform(shown), Finished(DIGEST, 5)]


@pytest.mark.parametrize("detail", ["text", 3, ["current"], True])
def test_details_that_are_no_object(detail: object) -> None:
    found = run(PULL, [{"status": "Downloading", "id": A, "progressDetail": detail}])
    assert steps(found, A) == [(LayerState.TRANSFERRING, None, None)]
