"""``copy``, ``push``, ``save`` and ``load``: what they request, and what they refuse before anything moves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

import longshore as api
from longshore.application.clients import Clients
from longshore.cli import archives, copying, main, moving, parser
from longshore.cli.output import Output
from longshore.errors import InvalidInput
from longshore.library.library import Library
from longshore.oci.reference import Reference
from longshore.transfers.transfer import (
    ArchivePlace,
    Endpoint,
    EnginePlace,
    LibraryPlace,
    RegistryPlace,
    TransferRequest,
)
from transfertools.layouts import image, put


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[TransferRequest]:
    """What the commands request, instead of moving it."""
    found: list[TransferRequest] = []

    def run(_session: object, wanted: Sequence[TransferRequest], *_: object) -> int:
        found.extend(wanted)
        return 0

    for module in (archives, copying, moving):
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


@pytest.fixture
def tar(tmp_path: Path) -> Path:
    """An archive with one image."""
    put(Library(tmp_path / "source"), image(b"one"), Reference.parse("r.io/app:1"))
    api.transfer(f"oci:{tmp_path}/source:r.io/app:1", f"docker-archive:{tmp_path}/app.tar")
    return tmp_path / "app.tar"


@pytest.mark.parametrize("typed", ["foo", "enigne", "foo:5000", "librray", " foo "])
def test_a_word_alone_is_never_pushed_to_docker_hub(
    typed: str, tar: Path, asked: list[TransferRequest]
) -> None:
    put(Library(api.Library().path), image(b"one"), Reference.parse("r.io/app:1"))
    for words in (
        ["load", str(tar), "--to", typed],
        ["copy", "r.io/app:1", typed],
        ["push", "--from", "library", "r.io/app:1", typed],
        ["copy", "--all-tags", "r.io/app", typed.replace(":5000", "")],
    ):
        with pytest.raises(InvalidInput, match="The destination names no registry") as refused:
            longshore(*words)
        assert refused.value.advice.startswith("Name it in full, such as docker.io/library/")
    for call in (
        lambda: api.transfer("r.io/app:1", typed),
        lambda: api.Library().push("r.io/app:1", typed),
    ):
        with pytest.raises(InvalidInput, match="The destination names no registry"):
            call()
    assert not asked


def test_an_image_of_docker_hub_is_named_with_its_path(tar: Path, asked: list[TransferRequest]) -> None:
    for typed in ("ann/app:1", "docker.io/library/app:1", "docker://app:1"):
        assert longshore("load", str(tar), "--to", typed) == 0
    assert [str(request.destination.reference) for request in asked] == [
        "docker.io/ann/app:1",
        "docker.io/library/app:1",
        "docker.io/library/app:1",
    ]


def test_an_archive_is_loaded_to_every_place(
    tar: Path, tmp_path: Path, asked: list[TransferRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Engine:
        """Answers."""

        def probe(self) -> None:
            return None

    monkeypatch.setattr(Clients, "engine", lambda *_: Engine())
    own, app, other = api.Library().path, Reference.parse("r.io/app:1"), Reference.parse("x/y:1")
    for typed in ("library", "library:", "library:x/y:1", "docker-daemon:x/y:1", "engine", "engine:"):
        assert longshore("load", str(tar), "--to", typed) == 0
    for typed in (f"oci:{tmp_path}/lay", f"oci-archive:{tmp_path}/new.tar", "r.io/x/y:1"):
        assert longshore("load", str(tar), "--to", typed) == 0
    digest = asked[0].source.image_id
    assert all(request.source.place == ArchivePlace(tar) for request in asked)
    ends = [request.destination for request in asked]
    assert ends[:2] == [Endpoint(LibraryPlace(own), app, digest)] * 2
    assert ends[2] == Endpoint(LibraryPlace(own), other)
    assert isinstance(ends[3].place, EnginePlace)
    assert ends[3].reference == other
    assert [(type(end.place), end.reference) for end in ends[4:6]] == [(EnginePlace, None)] * 2
    assert ends[6:] == [
        Endpoint(LibraryPlace(tmp_path / "lay"), app, digest),
        Endpoint(ArchivePlace(tmp_path / "new.tar", "oci"), app, digest),
        Endpoint(RegistryPlace("r.io"), Reference.parse("r.io/x/y:1")),
    ]
    with pytest.raises(InvalidInput, match="The file exists"):
        longshore("load", str(tar), "--to", f"oci-archive:{tar}")
    with pytest.raises(InvalidInput, match="one target"):
        longshore("load", str(tar), str(tar), "--to", "library:x/y:1")


def test_an_image_is_pushed_only_to_registries() -> None:
    put(Library(api.Library().path), image(b"one"), Reference.parse("r.io/app:1"))
    with pytest.raises(InvalidInput, match="pushed to registries") as refused:
        longshore("push", "--from", "library", "r.io/app:1", "library:x/y:1")
    assert refused.value.advice == "Use longshore copy for this place."


@pytest.mark.parametrize(
    "line",
    [
        "save --from registry r.io/app:1 -o -",
        "load -",
        "load --to library -",
        "copy r.io/app:1 oci-archive:-",
        "copy docker-archive:-:app:1 r.io/app:1",
    ],
)
def test_an_archive_is_a_file(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: list[TransferRequest]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidInput, match="not to standard input or output") as refused:
        longshore(*line.split())
    assert refused.value.advice == "Name a file. A file that is called - is ./-"
    assert not asked
    assert not list(tmp_path.iterdir())
    assert longshore("save", "--from", "registry", "r.io/app:1", "-o", "./-") == 0
    assert asked[0].destination.place == ArchivePlace(tmp_path / "-")
