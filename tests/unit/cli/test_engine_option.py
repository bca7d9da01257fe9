"""``--engine`` is refused where no engine is used, instead of being ignored."""

from __future__ import annotations

from pathlib import Path

import pytest

from longshore.cli import main, parser
from longshore.cli.output import Output
from longshore.errors import InvalidInput, LongshoreError


def run(words: list[str]) -> None:
    arguments = parser.command_parser(words).parse_args(words)
    session = main._session(arguments)
    try:
        arguments.run(session, arguments, Output(as_json=False, quiet=True))
    finally:
        session.close()


@pytest.mark.parametrize(
    "line",
    [
        "pull --to library 127.0.0.1:1/app:1",
        "copy 127.0.0.1:1/app:1 127.0.0.1:1/app:2",
        "copy 127.0.0.1:1/app:1 library:app:1",
        "save --from registry 127.0.0.1:1/app:1 -o app.tar",
        "images --from library",
        "inspect 127.0.0.1:1/app:1",
        "remove --from library app:1",
        "remove --from registry 127.0.0.1:1/app:1",
        "outdated --from library",
        "update --from library --all --dry-run",
        "tags 127.0.0.1:1/app",
        "repositories 127.0.0.1:1",
        "search app",
        "login 127.0.0.1:1",
        "logout 127.0.0.1:1",
        "whoami",
        "history",
        "queue",
        "queue resume --all",
        "mirror list",
        "lock compose.yaml",
        "completion bash",
    ],
)
def test_an_engine_that_nothing_uses(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(Path.home().rglob("*"))
    command, *rest = line.split()
    for words in (["--engine", "nope", command, *rest], [command, "--engine", "nope", *rest]):
        with pytest.raises(InvalidInput, match="This uses no engine") as refused:
            run(words)
        assert refused.value.advice == "Leave out the engine."
    assert sorted(Path.home().rglob("*")) == before


@pytest.mark.parametrize(
    "line",
    [
        "pull 127.0.0.1:1/app:1",
        "push 127.0.0.1:1/app:1",
        "copy 127.0.0.1:1/app:1 docker-daemon:app:1",
        "copy docker-daemon:app:1 127.0.0.1:1/app:1",
        "save app:1 -o app.tar",
        "load app.tar",
        "images",
        "inspect docker-daemon:app:1",
        "remove app:1",
        "outdated",
        "update --all",
    ],
)
def test_an_engine_that_is_used(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LongshoreError, match="The Docker context “nope” does not exist"):
        run([*line.split(), "--engine", "nope"])
