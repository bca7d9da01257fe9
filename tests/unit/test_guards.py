"""The house rules for tests (tests/guards) do fail the tests that break them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PLUGINS = ("-p", "guards.private_home", "-p", "guards.unexpected_logs", "-p", "guards.left_behind")


Run = Callable[[str], pytest.RunResult]


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the text of a test file under the guards, in a process of its own."""
    monkeypatch.setenv("PYTHONPATH", str(TESTS))

    def _run(text: str) -> pytest.RunResult:
        pytester.makeini(
            "[pytest]\nmarkers =\n    expects_log(pattern): see guards\n    blackbox: see guards"
        )
        pytester.makeconftest("import guards.left_behind as g\ng.GRACE_SECONDS = 0.2")
        pytester.makepyfile(text)
        return pytester.runpytest_subprocess("-p", "no:pytestqt", *PLUGINS)

    return _run


def test_a_clean_test_passes(run: Run) -> None:
    run("def test_it(): pass").assert_outcomes(passed=1)


def test_a_thread_left_running_fails_its_test_and_only_that(run: Run) -> None:
    result = run(
        """
        import threading
        stop = threading.Event()
        def test_leaves(): threading.Thread(target=stop.wait, name="forgotten").start()
        def test_next(): pass
        def test_last(): stop.set()
        """
    )
    result.assert_outcomes(passed=3, errors=1)
    result.stdout.fnmatch_lines(["*left behind by this test:*", "*thread 'forgotten'*"])


def test_a_thread_that_is_just_ending_is_waited_for(run: Run) -> None:
    run(
        """
        import threading
        def test_it(): threading.Timer(0.05, lambda: None).start()
        """
    ).assert_outcomes(passed=1)


@pytest.mark.skipif(sys.platform != "linux", reason="children are counted on Linux only")
def test_a_child_process_left_running_fails(run: Run) -> None:
    result = run(
        """
        import subprocess
        def test_leaves(): globals()["child"] = subprocess.Popen(["sleep", "60"])
        def test_ends():
            child.kill()
            child.wait()
        """
    )
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*process *: sleep 60*"])


def test_a_task_left_pending_fails(run: Run) -> None:
    result = run(
        """
        import asyncio
        loop = asyncio.new_event_loop()
        def test_leaves(): globals()["task"] = loop.create_task(asyncio.sleep(60), name="forgotten")
        def test_ends():
            task.cancel()
            loop.run_until_complete(asyncio.wait([task]))
            loop.close()
        """
    )
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*task *forgotten*"])


def test_what_a_session_fixture_starts_belongs_to_the_session(run: Run) -> None:
    run(
        """
        import subprocess, threading, pytest
        @pytest.fixture(scope="session")
        def helper():
            stop = threading.Event()
            thread = threading.Thread(target=stop.wait)
            thread.start()
            with subprocess.Popen(["sleep", "60"]) as child:
                yield
                child.kill()
            stop.set()
            thread.join()
        def test_it(helper): pass
        def test_next(): pass
        """
    ).assert_outcomes(passed=2)


def test_an_unexpected_warning_fails(run: Run) -> None:
    result = run(
        """
        import logging
        def test_warns():
            logger = logging.getLogger("longshore.some.room")
            logger.propagate = False
            logger.warning("lost %d layers", 3)
        def test_of_others(): logging.getLogger("longshoreman").warning("not ours")
        """
    )
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*WARNING longshore.some.room: lost 3 layers*"])


def test_an_expected_warning_must_come(run: Run) -> None:
    result = run(
        """
        import logging, pytest
        @pytest.mark.expects_log(r"lost \\d layers")
        def test_comes(): logging.getLogger("longshore").warning("lost 3 layers")
        @pytest.mark.expects_log(r"lost \\d layers")
        def test_does_not_come(): pass
        """
    )
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*expected in the log, but not there:*"])


def test_the_environment_is_private_and_fresh_each_time(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/of-the-user")
    monkeypatch.setenv("DOCKER_CONTEXT", "of-the-user")
    monkeypatch.setenv("https_proxy", "http://of-the-user")
    run(
        """
        import os, pathlib, pytest
        def look():
            assert not [name for name, value in os.environ.items() if "of-the-user" in value]
            home = pathlib.Path.home()
            assert not (home / ".docker" / "config.json").exists()
            (home / ".docker" / "config.json").write_text("{}")
            assert not pathlib.Path(os.environ["DOCKER_HOST"].removeprefix("unix://")).exists()
        def test_one(): look()
        def test_two(): look()
        def test_offscreen(): assert os.environ["QT_QPA_PLATFORM"] == "offscreen"
        @pytest.mark.blackbox
        def test_blackbox(): assert "QT_QPA_PLATFORM" not in os.environ
        """
    ).assert_outcomes(passed=4)
