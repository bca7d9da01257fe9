"""The folder of a build: its Dockerfile, its ignore files, and the tar that is sent."""

from __future__ import annotations

import io
import os
import socket
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from longshore.building.context import MOST_NAMES, Context
from longshore.building.dockerfile import outline
from longshore.building.folder import BuildFolder, open_folder
from longshore.cancellation import Cancellation, Cancelled
from longshore.errors import BuildFolderError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "context"
    made.mkdir()
    (made / "Dockerfile").write_text("FROM scratch\n")
    return made


def sent(opened: BuildFolder) -> tarfile.TarFile:
    data = b"".join(Context(opened, Cancellation()).chunks())
    return tarfile.open(fileobj=io.BytesIO(data))


def names(folder: Path, dockerfile: Path | None = None) -> list[str]:
    with sent(open_folder(folder, dockerfile)) as tar:
        return tar.getnames()


def test_what_a_header_says(folder: Path) -> None:
    script = folder / "run.sh"
    script.write_text("echo")
    script.chmod(0o4755)
    os.utime(script, (1_000_000_000.9, 1_000_000_000.9))
    (folder / "sub").mkdir(mode=0o700)
    (folder / "link").symlink_to("./sub//../run.sh")
    (folder / "zz").hardlink_to(script)
    with sent(open_folder(folder)) as tar:
        assert tar.getnames() == ["Dockerfile", "link", "run.sh", "sub", "zz"]
        one = tar.getmember("run.sh")
        assert (one.uid, one.gid, one.uname, one.gname, one.mode, one.mtime) == (
            0,
            0,
            "",
            "",
            0o4755,
            1_000_000_000,
        )
        assert tar.getmember("link").linkname == "./sub//../run.sh"
        assert tar.getmember("sub").isdir()
        assert tar.getmember("sub").mode == 0o700
        assert (tar.getmember("zz").islnk(), tar.getmember("zz").linkname) == (True, "run.sh")


def test_names_of_all_kinds(folder: Path) -> None:
    strange = ["line\nbreak", "ünï", " leading", "back\\slash", "x" * 200, os.fsdecode(b"not-utf8-\xff")]
    for name in strange:
        (folder / name).write_text(name if name.isascii() else "x")
    deep = folder / Path(*["d" * 50] * 8)
    deep.mkdir(parents=True)
    (deep / "file").write_text("deep")
    found = names(folder)
    assert set(strange) <= set(found)
    assert str((deep / "file").relative_to(folder)) in found


def test_links_are_not_followed(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("s")
    (folder / "away").symlink_to(outside)
    (folder / "loop").symlink_to(".")
    (folder / "broken").symlink_to("nowhere")
    assert names(folder) == ["Dockerfile", "away", "broken", "loop"]


def test_what_is_no_file_is_left_out(folder: Path) -> None:
    for number in range(MOST_NAMES + 5):
        os.mkfifo(folder / f"pipe{number:02}")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(folder / "a.sock"))
    context = Context(open_folder(folder), Cancellation())
    data = b"".join(context.chunks())
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert tar.getnames() == ["Dockerfile"]
    assert (len(context.special.first), context.special.count) == (MOST_NAMES, MOST_NAMES + 6)


def test_the_ignore_file_and_the_dockerfile_are_sent_anyway(folder: Path) -> None:
    (folder / ".dockerignore").write_text("*\n!keep\n")
    (folder / "keep").write_text("")
    (folder / "drop").write_text("")
    assert names(folder) == [".dockerignore", "Dockerfile", "keep"]


def test_an_exception_in_an_excluded_folder(folder: Path) -> None:
    (folder / ".dockerignore").write_text("docs\n!docs/in/README.md\n")
    (folder / "docs" / "in").mkdir(parents=True)
    for name in ("docs/in/README.md", "docs/in/x", "docs/y"):
        (folder / name).write_text("")
    assert names(folder) == [".dockerignore", "Dockerfile", "docs/in/README.md"]


def test_a_dockerfile_outside(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "x.Dockerfile"
    outside.write_text("FROM other\n")
    (folder / ".dockerignore").write_text("a")
    opened = open_folder(folder, outside)
    assert opened.dockerfile.startswith(".dockerfile.")
    with sent(opened) as tar:
        assert sorted(tar.getnames()) == sorted([".dockerignore", "Dockerfile", opened.dockerfile])
        extracted = tar.extractfile(".dockerignore")
        assert extracted is not None
        assert extracted.read().decode().split() == ["a", ".dockerignore", opened.dockerfile]
    # A link in the folder leads outside, too.
    (folder / "linked").symlink_to(outside)
    assert open_folder(folder, Path("linked")).dockerfile.startswith(".dockerfile.")


def test_the_specific_ignore_file_comes_first(folder: Path) -> None:
    (folder / ".dockerignore").write_text("one\n")
    (folder / "Dockerfile.dockerignore").write_text("two\n")
    for name in ("one", "two"):
        (folder / name).write_text("")
    opened = open_folder(folder)
    assert opened.patterns == ("two",)
    with sent(opened) as tar:
        assert sorted(tar.getnames()) == [".dockerignore", "Dockerfile", "Dockerfile.dockerignore", "one"]
        extracted = tar.extractfile(".dockerignore")
        assert extracted is not None
        assert extracted.read() == b"two\n\n"


def test_other_names_of_the_dockerfile(folder: Path) -> None:
    (folder / "Dockerfile").rename(folder / "Containerfile")
    assert open_folder(folder).dockerfile == "Containerfile"
    (folder / "dockerfile").write_text("FROM scratch")
    assert open_folder(folder).dockerfile == "dockerfile"


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / "Dockerfile").unlink(), "The folder has no Dockerfile."),
        (
            lambda folder: (folder / ".dockerignore").write_text("ok\n[\n"),
            "Line 2 of the ignore file is not a valid pattern.",
        ),
        (lambda folder: (folder / ".dockerignore").mkdir(), "The ignore file can't be read."),
        pytest.param(
            lambda folder: os.mkfifo(folder / ".dockerignore"), "The ignore file can't be read.", id="pipe"
        ),
        (
            lambda folder: (folder / ".dockerignore").write_text("x\n" * 3_000_000),
            "The ignore file is too large.",
        ),
        (
            lambda folder: (folder / "Dockerfile").write_bytes(b"#" * 5_000_000),
            "The Dockerfile is too large.",
        ),
    ],
)
def test_folders_that_cannot_be_built(folder: Path, spoil: object, message: str) -> None:
    spoil(folder)  # type: ignore[operator]
    with pytest.raises(BuildFolderError) as raised:
        open_folder(folder)
    assert raised.value.message == message


def test_paths_that_are_no_folders(folder: Path) -> None:
    for path, message in (
        (folder / "missing", "The folder can't be opened."),
        (folder / "Dockerfile", "This is not a folder."),
    ):
        with pytest.raises(BuildFolderError) as raised:
            open_folder(path)
        assert raised.value.message == message
    os.mkfifo(folder / "pipe")
    for name, message in (
        ("missing", "There is no such Dockerfile."),
        ("pipe", "The Dockerfile is not a regular file."),
    ):
        with pytest.raises(BuildFolderError) as raised:
            open_folder(folder, Path(name))
        assert raised.value.message == message


def test_what_may_not_be_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulated, because tests run as root, who reads everything."""
    (folder / "private").write_text("x")
    (folder / "sub").mkdir()
    opening, listing = os.open, os.scandir

    def refuse_file(path: str, flags: int) -> int:
        if str(path).endswith("private"):
            raise PermissionError(13, "Permission denied")
        return opening(path, flags)

    def refuse_folder(path: str) -> object:
        if str(path).endswith("sub"):
            raise PermissionError(13, "Permission denied")
        return listing(path)

    opened = open_folder(folder)
    with monkeypatch.context() as patch:
        patch.setattr(os, "access", lambda path, mode: not str(path).endswith("private"))
        with pytest.raises(BuildFolderError, match=r"A file can't be read\.") as raised:
            Context(opened, Cancellation()).measure()
        assert raised.value.subject == "private"
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse_file)
        with pytest.raises(BuildFolderError, match=r"A file can't be read\.") as raised:
            list(Context(opened, Cancellation()).chunks())
        assert (raised.value.subject, raised.value.detail) == ("private", "Permission denied")
    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", refuse_folder)
        with pytest.raises(BuildFolderError, match=r"A folder can't be read\.") as raised:
            Context(opened, Cancellation()).measure()
        assert raised.value.subject == "sub"


def test_a_file_that_vanishes_or_shrinks(folder: Path) -> None:
    (folder / "a").write_bytes(b"x" * 600_000)
    (folder / "b").write_text("b")
    context = Context(open_folder(folder), Cancellation())
    assert context.measure().bytes == 600_000 + len("FROM scratch\n") + 1
    chunks = context.chunks()
    next(chunks)
    (folder / "b").unlink()
    with pytest.raises(BuildFolderError) as raised:
        list(chunks)
    assert (raised.value.message, raised.value.subject) == ("A file vanished while the folder was read.", "b")
    chunks = Context(open_folder(folder), Cancellation()).chunks()
    next(chunks)
    with (folder / "a").open("r+b") as file:
        file.truncate(300_000)
    with pytest.raises(BuildFolderError) as raised:
        list(chunks)
    assert raised.value.subject == "a"


def test_a_file_that_grows_is_named(folder: Path) -> None:
    (folder / "a").write_bytes(b"x" * 600_000)
    context = Context(open_folder(folder), Cancellation())
    counted: list[int] = []
    chunks = context.chunks(counted.append)
    parts = [next(chunks)]
    with (folder / "a").open("ab") as file:
        file.write(b"more")
    parts += chunks
    with tarfile.open(fileobj=io.BytesIO(b"".join(parts))) as tar:
        assert tar.getmember("a").size == 600_000
    assert context.changed.first == ["a"]
    assert sum(counted) == 600_000 + len("FROM scratch\n")


def test_a_file_that_is_replaced_by_a_link(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at the file and its opening: the link is not followed."""
    secret = tmp_path / "secret"
    secret.write_text("s")
    (folder / "a").write_text("a")
    opening = os.open

    def replace(path: str, flags: int) -> int:
        if str(path).endswith("/a"):
            (folder / "a").unlink()
            (folder / "a").symlink_to(secret)
        return opening(path, flags)

    opened = open_folder(folder)
    monkeypatch.setattr(os, "open", replace)
    with pytest.raises(BuildFolderError) as raised:
        list(Context(opened, Cancellation()).chunks())
    assert raised.value.subject == "a"


def test_it_can_be_cancelled(folder: Path) -> None:
    for number in range(100):
        (folder / f"{number}").write_bytes(b"x" * 10_000)
    cancellation = Cancellation()
    chunks: Iterator[bytes] = Context(open_folder(folder), cancellation).chunks()
    next(chunks)
    cancellation.cancel()
    with pytest.raises(Cancelled):
        list(chunks)
    with pytest.raises(Cancelled):
        Context(open_folder(folder), cancellation).measure()


def test_memory_is_bounded(folder: Path) -> None:
    with (folder / "large").open("wb") as file:
        file.truncate(300_000_000)  # sparse
    largest = max(len(chunk) for chunk in Context(open_folder(folder), Cancellation()).chunks())
    assert largest < 2_000_000


def test_the_outline_of_a_dockerfile() -> None:
    text = (
        "# syntax=docker/dockerfile:1\n# escape=`\nARG V=1\nARG V\nFROM a:${V} AS one\nARG W\nARG X=2\n"
        "COPY --from=b /x /y\nRUN <<EOF\nFROM fake\nEOF\nFROM one\nFROM $MISSING\n"
    )
    found = outline(text, {})
    assert (found.syntax, found.heredoc_line, found.stages) == ("docker/dockerfile:1", 9, ("one",))
    assert [(one.name, one.default) for one in found.arguments] == [("V", "1"), ("W", None), ("X", "2")]
    assert [one.value for one in found.images] == ["a:1", "b", None]
    assert [one.value for one in outline(text, {"V": "2", "MISSING": "m"}).images][:1] == ["a:2"]
