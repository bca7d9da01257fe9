"""``lock``, ``outdated`` and files of images: exit codes and sentences that need no registry."""

from __future__ import annotations

import argparse
import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from longshore.application.image_lists.locking import Outcome, Verdict
from longshore.application.image_lists.reading import ListReader
from longshore.application.session import Session
from longshore.cli import exit_codes, lists
from longshore.cli.output import Output
from longshore.cli.parser import command_parser
from longshore.errors import InvalidInput, LongshoreError, SignInRequired

DIGEST = f"sha256:{'1' * 64}"
#: A registry that nobody runs.
DOWN = "127.0.0.1:1/app:1"

Run = Callable[..., int]


@pytest.fixture
def run() -> Iterator[Run]:
    sessions: list[Session] = []

    def started(*words: str | Path) -> int:
        argv = [str(word) for word in words]
        arguments: argparse.Namespace = command_parser(argv).parse_args(argv)
        sessions.append(Session(dict(os.environ)))
        output = Output(as_json=arguments.json, quiet=arguments.quiet)
        code: int = arguments.run(sessions[-1], arguments, output)
        return code

    yield started
    for one in sessions:
        assert one.close()


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_registry_that_is_down_is_not_an_outdated_image(run: Run, tmp_path: Path) -> None:
    path = written(tmp_path, "x.txt", f"{DOWN}@{DIGEST}\n")
    assert run("lock", "--check", path) == exit_codes.SOME_FAILED
    assert run("outdated", "--check", "-f", path) == exit_codes.SOME_FAILED
    assert run("outdated", "-f", path) == exit_codes.SOME_FAILED
    # It has nothing to compare, and nothing is written.
    path.write_text(f"{DOWN}\n", encoding="utf-8")
    assert run("lock", path) == exit_codes.FAILED


def test_an_engine_that_is_down_is_not_an_outdated_image(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    for words in (["outdated"], ["outdated", "--check"], ["outdated", "--check", DOWN]):
        assert run(*words) == exit_codes.SOME_FAILED
        assert "socket not found" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("verdicts", "check", "code"),
    [
        ([Verdict.UNCHANGED, Verdict.BUILT], True, 0),
        ([Verdict.FAILED], True, 3),
        ([Verdict.FAILED, Verdict.UNCHANGED], True, 3),
        ([Verdict.FAILED, Verdict.MOVED], True, 1),
        ([Verdict.UNPINNED], True, 1),
        ([Verdict.UNRESOLVED], True, 1),
        ([Verdict.FAILED], False, 1),
        ([Verdict.FAILED, Verdict.PINNED], False, 3),
    ],
)
def test_exit_codes_of_locks(verdicts: list[Verdict], check: bool, code: int) -> None:
    (entry,) = ListReader({}).parse(b"a:1\n", Path("x.txt")).entries
    error = LongshoreError("down")
    outcomes = [Outcome(entry, one, error=error if one is Verdict.FAILED else None) for one in verdicts]
    assert lists._lock_code(outcomes, check=check) == code
    refused = [Outcome(entry, Verdict.FAILED, error=SignInRequired("no", registry="x"))]
    assert lists._lock_code(refused, check=check) == exit_codes.REFUSED


@pytest.mark.parametrize(
    ("name", "text"), [("x.txt", ""), ("x.txt", "# none\n"), ("x.yaml", "a: b\n"), ("x.yaml", "")]
)
def test_a_file_without_images_is_wrong_for_every_command(
    run: Run, tmp_path: Path, name: str, text: str
) -> None:
    path = written(tmp_path, name, text)
    for words in (
        ["pull", "-f", path],
        ["copy", "-f", path, "127.0.0.1:1"],
        ["lock", path],
        ["lock", "--check", path],
        ["lock", path, "--output", tmp_path / "other"],
        ["outdated", "-f", path],
        ["outdated", "--check", "-f", path],
    ):
        with pytest.raises(InvalidInput, match="The file names no images") as caught:
            run(*words)
        assert caught.value.subject == str(path)
    assert path.read_text(encoding="utf-8") == text


def test_one_of_several_files_may_be_without_images(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = written(tmp_path, "config.yaml", "a: b\n")
    full = written(tmp_path, "x.txt", f"a@{DIGEST}\n")
    assert run("lock", "--check", empty, full) == exit_codes.DONE
    assert capsys.readouterr().err == f"longshore: {empty} names no images.\n"


def test_images_that_are_built_are_nothing_to_pull(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, "compose.yaml", "services: {web: {build: .}}\n")
    for words in (["copy", "-f", path, "127.0.0.1:1"], ["lock", path], ["outdated", "-f", path]):
        assert run(*words) == exit_codes.DONE
    assert "only images that are built" in capsys.readouterr().err


def test_digests_without_a_tag_are_named(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, "x.txt", f"# these\na@{DIGEST}\n")
    assert run("outdated", "-f", path) == exit_codes.DONE
    assert capsys.readouterr().err == (
        f"longshore: {path}:2: a@{DIGEST} has a digest and no tag, so there is nothing to compare.\n"
    )


@pytest.mark.parametrize("words", [["lock"], ["outdated", "-f"], ["pull", "--to", "library", "-f"]])
def test_a_build_argument_that_no_dockerfile_has_is_named(
    words: list[str], run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Nothing that could be pulled: a pull that fails is tried again for half a minute.
    text = "ARG ONE=1\nFROM a:$GONE AS x\nARG TWO FOUR=4\n"
    path = written(tmp_path, "Dockerfile", text)
    given = [f"--build-arg={name}=1" for name in ("ONE", "TWO", "THREE", "FOUR", "THREE")]
    run(*words, path, *given)
    said = [line for line in capsys.readouterr().err.splitlines() if " is not used" in line]
    assert said == ["longshore: The build argument THREE is not used: no ARG has this name."]
    other = written(tmp_path, "compose.yaml", "services: {a: {build: .}}\n")
    with contextlib.suppress(InvalidInput):
        run(*words, other, "--build-arg", "ONE=1")
    assert "The build argument ONE is not used" in capsys.readouterr().err


@pytest.mark.parametrize("place", ["library:", "library:x", "engine:x", "oci:folder", "dir:x"])
def test_the_images_of_a_file_are_copied_to_registries(place: str, run: Run, tmp_path: Path) -> None:
    path = written(tmp_path, "x.txt", "a:1\n")
    with pytest.raises(InvalidInput, match="copied to a registry") as caught:
        run("copy", "-f", path, place)
    assert caught.value.subject == place


@pytest.mark.parametrize("words", [["pull", "-f"], ["outdated", "-f"], ["lock"], ["lock", "--check"]])
def test_a_pipe_given_as_a_file_is_refused_with_the_way_to_do_it(
    words: list[str], run: Run, tmp_path: Path
) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    link = tmp_path / "63"
    link.symlink_to(path)
    for name in (path, link):
        with pytest.raises(InvalidInput, match="may block for ever") as caught:
            run(*words, name)
        assert "Use - as the file" in caught.value.advice
