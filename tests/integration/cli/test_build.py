"""``longshore build`` as a process of its own."""

from __future__ import annotations

import contextlib
import signal
from pathlib import Path

import pytest

from testbed.engine import PrivateEngine
from testbed.programs import load_programs

from .conftest import Command

BASE = "cli/builds:base"


@pytest.fixture
def folder(tmp_path: Path, testbed_engine: PrivateEngine) -> Path:
    """A folder with a Dockerfile that works."""
    with contextlib.closing(testbed_engine.client()) as client:
        load_programs(client, [BASE])
    made = tmp_path / "context"
    made.mkdir()
    (made / "Dockerfile").write_text(f"FROM {BASE}\nARG WHO=world\nRUN echo hello $WHO\n")
    return made


def test_steps_and_output_are_shown(longshore: Command, folder: Path) -> None:
    done = longshore(
        "build", folder, "-t", "cli/app:1", "-t", "cli/app:2", "--build-arg", "WHO=me", "--no-cache"
    )
    lines = done.stdout.splitlines()
    assert lines[0] == f"Step 1/3 FROM {BASE}"
    at = lines.index("Step 3/3 RUN echo hello $WHO")
    assert lines[at + 1] == "  hello me"
    assert "Built cli/app:1: 3 steps" in lines
    assert "  Also tagged cli/app:2" in lines
    assert "  Builder: Docker's classic builder" in lines


def test_quiet_prints_the_name(longshore: Command, folder: Path) -> None:
    assert longshore("build", folder, "-t", "cli/app:quiet", "--quiet").stdout == "cli/app:quiet\n"
    assert longshore("build", folder, "--quiet").stdout.startswith("sha256:")


def test_json(longshore: Command, folder: Path) -> None:
    records = longshore.records("build", folder, "-t", "cli/app:json", "--no-cache")
    steps = [one for one in records if one["kind"] == "step"]
    assert [(one["number"], one["state"]) for one in steps] == [
        *((1, "running"), (1, "done"), (2, "running"), (2, "done"), (3, "running"), (3, "done"))
    ]
    assert {one["total"] for one in steps} == {3}
    assert [(one["step"], one["text"]) for one in records if one["kind"] == "output"] == [(3, "hello world")]
    last = records[-1]
    assert (last["kind"], last["operation"], last["state"]) == ("transfer", "build", "Succeeded")
    assert last["source"]["place"] == "folder"
    assert last["image_id"].startswith("sha256:")


def test_a_failure(longshore: Command, folder: Path) -> None:
    (folder / "Dockerfile").write_text(f"FROM {BASE}\nRUN echo why; exit 9\n")
    done = longshore("build", folder, code=1)
    assert "  why" in done.stdout.splitlines()
    assert done.stderr.startswith(
        "longshore: Step 2 of 2 failed: “RUN echo why; exit 9” returned exit code 9. Read the output"
    )
    assert "why" not in done.stderr.partition("\n")[2]
    quiet = longshore("build", folder, "--quiet", code=1)
    assert quiet.stdout == ""
    assert "  why" in quiet.stderr.splitlines()


def test_ctrl_c_stops_the_step(longshore: Command, folder: Path) -> None:
    (folder / "Dockerfile").write_text(f"FROM {BASE}\nRUN echo begun; sleep 600\n")
    running = longshore.start("build", folder)
    assert running.stdout is not None
    with running:
        while (line := running.stdout.readline()) and line.strip() != "begun":
            pass
        running.send_signal(signal.SIGINT)
        rest = running.stdout.read()
        assert running.wait(20) == 130
    assert "Cancelled" in rest


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("-",), "A build needs a folder; standard input is not read."),
        (("https://example.org/repo.git",), "A build needs a folder on this machine, not an address."),
        (("git@example.org:repo.git",), "A build needs a folder on this machine, not an address."),
        (("/does/not/exist",), "There is no such folder."),
        ((".", "-t", "Not A Name"), "longshore: "),
        ((".", "-t", f"app@sha256:{'0' * 64}"), "A digest can't be used as an image's name."),
        ((".", "--build-arg", "=x"), "A build argument is NAME=VALUE"),
        ((".", "--build-arg", "NOT_SET_ANYWHERE"), "The environment has no variable NOT_SET_ANYWHERE."),
        ((".", "-f", "no.Dockerfile"), "There is no such Dockerfile."),
        ((".", "--label", "=x"), "A label is NAME=VALUE."),
    ],
)
def test_wrong_arguments(longshore: Command, arguments: tuple[str, ...], said: str) -> None:
    done = longshore("build", *arguments, code=2)
    assert said in done.stderr


def test_a_folder_without_a_dockerfile(longshore: Command, tmp_path: Path) -> None:
    assert "The folder has no Dockerfile." in longshore("build", tmp_path, code=1).stderr
