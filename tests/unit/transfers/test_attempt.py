"""One attempt: what its end means, how long its parts may take, and the threads that do it."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any

import pytest

from longshore.cancellation import Cancellation, Cancelled
from longshore.engine.address import EngineAddress, Origin
from longshore.errors import (
    AccessDenied,
    CredentialsError,
    EngineUnavailable,
    LongshoreError,
    NotInRegistry,
    SignInRequired,
    UnavailableCause,
)
from longshore.oci.platform import Platform
from longshore.transfers.clients import NO_GATE
from longshore.transfers.progress.progress import Progress
from longshore.transfers.queue.threads import Threads
from longshore.transfers.queue.waiting import EngineWaiter
from longshore.transfers.queue.worker import Outcome, perform
from longshore.transfers.transfer import NoteKind, Plan, TransferNote
from longshore.transfers.ways.deadline import within
from longshore.transfers.ways.library_pull import for_library
from longshore.transfers.ways.signing_in import signed_in
from longshore.transfers.ways.way import Job
from transfertools import ENGINE, copy, pull, wait_until

AWAY = EngineUnavailable("No.", cause=UnavailableCause.NOT_RUNNING)


def job_of(**more: Any) -> Job:
    clients: Any = SimpleNamespace(**({"gate": NO_GATE} | more.pop("clients", {})))
    return Job(pull(), clients, Cancellation(), Progress(extracts=False), **more)


# -- its end


def performed(
    *, plan: Any = None, run: Any = "sha256:1", job: Job | None = None
) -> tuple[Outcome, list[Any]]:
    planned: list[Any] = []

    def act(what: Any) -> Any:
        if isinstance(what, BaseException):
            raise what
        return what() if callable(what) else what

    way: Any = SimpleNamespace(plan=lambda job: act(plan), run=lambda job: act(run))
    return perform(way, job or job_of(), planned.append), planned


def test_a_good_end_has_the_digest() -> None:
    plan = Plan(1, 2)
    assert performed(plan=plan) == (Outcome("sha256:1"), [plan])


@pytest.mark.parametrize("where", ["plan", "run"])
@pytest.mark.parametrize("error", [Cancelled(), AWAY, ValueError("read of closed file")])
def test_whatever_is_raised_after_a_cancellation_is_a_cancellation(where: str, error: BaseException) -> None:
    job = job_of()

    def fails() -> None:
        job.cancellation.cancel()
        raise error

    outcome, planned = performed(job=job, **{where: fails})
    assert outcome == Outcome(cancelled=True)
    assert planned == ([] if where == "plan" else [None])


def test_a_plan_that_was_made_after_a_cancellation_is_not_told() -> None:
    job = job_of()
    assert performed(job=job, plan=job.cancellation.cancel) == (Outcome(cancelled=True), [])


def test_an_attempt_that_was_asked_to_stop_is_cancelled_and_its_errors_are_errors() -> None:
    job = job_of()
    job.cancellation.ask_to_stop()
    assert performed(job=job, run=Cancelled())[0] == Outcome(cancelled=True)
    assert performed(job=job, run=AWAY)[0] == Outcome(error=AWAY)


@pytest.mark.parametrize(
    ("error", "words"), [(Cancelled(), "cancelled by nobody"), (KeyError("x"), "unexpectedly")]
)
def test_what_nobody_expected_is_an_error_of_our_own(
    caplog: pytest.LogCaptureFixture, request: pytest.FixtureRequest, error: BaseException, words: str
) -> None:
    request.node.add_marker(pytest.mark.expects_log(words))
    outcome, _ = performed(run=error)
    assert outcome.error is not None and not outcome.cancelled and outcome.digest == ""
    assert words in caplog.text


def test_what_an_attempt_opened_is_closed_however_it_ends() -> None:
    for run in ("sha256:1", AWAY, Cancelled()):
        closed: list[int] = []
        stack = ExitStack()
        stack.callback(closed.append, 1)
        job = job_of(closing=stack)
        job.cancellation.ask_to_stop()
        performed(job=job, run=run)
        assert closed == [1]


# -- time


def test_work_within_its_time_goes_on() -> None:
    with within(Cancellation(), 60) as bounded:
        assert not bounded.cancelled
    assert not [one for one in threading.enumerate() if one.name == "transfers-deadline"]


def test_work_beyond_its_time_is_cancelled_and_not_the_whole() -> None:
    whole = Cancellation()
    with within(whole, 0.01) as bounded:
        assert bounded.wait(10)
    assert bounded.cancelled and not whole.cancelled


def test_work_is_cancelled_with_the_whole() -> None:
    whole = Cancellation()
    with within(whole, 60) as bounded:
        whole.cancel()
        assert bounded.cancelled
    with pytest.raises(Cancelled), within(whole, 60):
        pass


# -- the credential


def test_a_broken_helper_is_the_reason_only_where_a_sign_in_is_missing() -> None:
    broken = CredentialsError("The helper failed.", subject="x")

    def credential(host: str) -> Any:
        assert host == "r.example"
        raise broken

    for error, told in (
        (SignInRequired("", registry="r"), broken),
        (AccessDenied("", registry="r"), broken),
        (NotInRegistry("", registry="r"), None),
    ):
        notes: list[TransferNote] = []
        job = job_of(clients={"credential": credential}, note=notes.append)
        with pytest.raises(LongshoreError) as caught, signed_in(job, "r.example") as found:
            assert found is None
            raise error
        assert caught.value is (told or error)
        assert notes == [TransferNote(NoteKind.ANONYMOUS, "The helper failed.")]


def test_with_a_credential_errors_stay_as_they_are() -> None:
    error = SignInRequired("", registry="r")
    job = job_of(clients={"credential": lambda host: "a credential"})
    with pytest.raises(SignInRequired) as caught, signed_in(job, "r") as found:
        assert found == "a credential"
        raise error
    assert caught.value is error
    job.cancellation.cancel()
    with pytest.raises(Cancelled), signed_in(job, "r"):
        pass


# -- pulls into the library


def test_a_pull_into_the_library_takes_this_machines_platform_unless_told_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Platform, "host", classmethod(lambda cls: Platform("linux", "riscv64")))
    from dataclasses import replace

    plain = pull()
    assert for_library(plain) == replace(plain, platform=Platform("linux", "riscv64"))
    arm = replace(plain, platform=Platform("linux", "arm64"))
    assert for_library(arm) == arm
    some = replace(plain, options=(("platforms", "linux/arm64"),))
    assert for_library(some) == some
    everything = replace(plain, options=(("platforms", "all"), ("referrers", "1")))
    assert for_library(everything) == replace(plain, options=(("referrers", "1"),))
    copied = copy("a.io/x:1", "b.io/x:1")
    assert for_library(copied) == copied


# -- threads


@pytest.mark.expects_log("ended unexpectedly")
def test_a_thread_that_fails_is_logged_and_no_longer_counted(caplog: pytest.LogCaptureFixture) -> None:
    threads = Threads()
    threads.start(lambda: 1 / 0, "a thread")  # type: ignore[arg-type]
    assert threads.join(time.monotonic() + 10)
    assert "a thread ended unexpectedly" in caplog.text
    assert threads._running == set()


@pytest.mark.expects_log("still running")
def test_a_thread_that_does_not_end_is_named(caplog: pytest.LogCaptureFixture) -> None:
    threads, go = Threads(), threading.Event()
    threads.start(lambda: go.wait(10) and None, "a slow one")
    try:
        assert not threads.join(time.monotonic() + 0.05)
        assert "still running at the end: a slow one" in caplog.text
    finally:
        go.set()
    assert threads.join(time.monotonic() + 10)


def test_a_thread_does_not_wait_for_itself() -> None:
    threads, ended = Threads(), []
    threads.start(lambda: ended.append(threads.join(time.monotonic() + 10)), "itself")
    assert threads.join(time.monotonic() + 10)
    assert ended == [True]


def test_a_system_without_threads_is_an_error_and_nothing_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    threads = Threads()
    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(RuntimeError):
        threads.start(lambda: None, "none")
    assert threads.join(time.monotonic())


# -- engines that went away


class Engines:
    """Engines that are away for as many probes as *errors* has."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.probed: list[str] = []
        self.back: list[EngineAddress] = []
        self.wanted = True
        clients: Any = self
        self.waiter = EngineWaiter(clients, every=0.001, back=self.came_back, wanted=lambda _: self.wanted)

    def came_back(self, address: EngineAddress) -> None:
        self.back.append(address)
        self.wanted = False

    def engine(self, address: EngineAddress) -> Any:
        return SimpleNamespace(probe=lambda: self.probe(address))

    def probe(self, address: EngineAddress) -> None:
        self.probed.append(address.name)
        if self.errors:
            raise self.errors.pop(0)

    def end(self) -> None:
        self.waiter.stop()
        assert self.waiter.join(10)


def test_an_engine_is_probed_until_it_responds() -> None:
    engines = Engines(AWAY, AWAY)
    engines.waiter.wait_for(ENGINE)
    wait_until(lambda: engines.back)
    engines.end()
    assert (len(engines.probed), engines.back) == (3, [ENGINE])


@pytest.mark.expects_log("cannot ask the engine")
def test_an_unexpected_error_is_logged_and_the_engine_probed_again(caplog: pytest.LogCaptureFixture) -> None:
    engines = Engines(KeyError("x"))
    engines.waiter.wait_for(ENGINE)
    wait_until(lambda: engines.back)
    engines.end()
    assert len(engines.probed) == 2


def test_an_engine_that_nobody_waits_for_is_not_probed_and_may_be_waited_for_again() -> None:
    engines = Engines()
    engines.wanted = False
    engines.waiter.wait_for(ENGINE)
    wait_until(lambda: not engines.waiter._threads)
    assert engines.probed == []
    engines.wanted = True
    engines.waiter.wait_for(ENGINE)
    wait_until(lambda: engines.back)
    engines.end()


def test_each_engine_has_one_thread_and_none_after_the_end() -> None:
    other = EngineAddress("other", "unix:///elsewhere", Origin.OPTION)
    engines = Engines(*[AWAY] * 100_000)
    for _ in range(3):
        engines.waiter.wait_for(ENGINE)
        engines.waiter.wait_for(other)
    assert len(engines.waiter._threads) == 2
    engines.end()
    before = len(engines.probed)
    engines.waiter.wait_for(EngineAddress("third", "unix:///third", Origin.OPTION))
    assert len(engines.waiter._threads) == 2 and len(engines.probed) == before
    assert engines.back == []
