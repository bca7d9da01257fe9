"""``copy`` and ``save``: what they refuse before anything moves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from longshore.cli import archives, copying, main, parser
from longshore.cli.output import Output
from longshore.errors import InvalidInput
from longshore.transfers.transfer import ArchivePlace, TransferRequest


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[TransferRequest]:
    """What the commands request, instead of moving it."""
    found: list[TransferRequest] = []

    def run(_session: object, wanted: Sequence[TransferRequest], *_: object) -> int:
        found.extend(wanted)
        return 0

    for module in (archives, copying):
        monkeypatch.setattr(module, "run", run)
    return found


def longshore(*words: str) -> int:
    """Run a command without its process. Raises LongshoreError."""
    arguments = parser.command_parser(words).parse_args(words)
    session = main._session(arguments)
    try:
        code: int = arguments.run(session, arguments, Output(as_json=False, quiet=True))
    finally:
        session.close()
    return code


@pytest.mark.parametrize("kind", ["oci", "docker"])
@pytest.mark.parametrize("command", ["copy", "save"])
def test_an_existing_file_is_replaced_only_by_force(
    command: str, kind: str, tmp_path: Path, asked: list[TransferRequest]
) -> None:
    file = tmp_path / "precious.txt"
    words = {
        "copy": ["copy", "r.io/app:1", f"{kind}-archive:{file}"],
        "save": ["save", "--from", "registry", "--format", kind, "r.io/app:1", "-o", str(file)],
    }[command]
    assert longshore(*words) == 0
    file.write_text("precious")
    with pytest.raises(InvalidInput, match="The file exists") as refused:
        longshore(*words)
    assert (refused.value.subject, refused.value.advice) == (str(file), "Use --force to replace it.")
    assert len(asked) == 1
    assert longshore(*words, "--force") == 0
    assert [request.destination.place for request in asked] == [ArchivePlace(file, kind)] * 2
    assert file.read_text() == "precious"
