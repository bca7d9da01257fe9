"""The folder of a build: where its Dockerfile is, and what its ignore file excludes."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from longshore.building.patterns import read_patterns
from longshore.errors import BuildFolderError, InvalidInput
from longshore.shared_files import FileTooLarge, NotAFile, read_file

#: Names that are looked for, in this order, where no Dockerfile is named.
NAMES = ("Dockerfile", "dockerfile", "Containerfile")
IGNORE_FILE = ".dockerignore"
#: Bytes of a Dockerfile and of an ignore file.
LARGEST = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class BuildFolder:
    """A folder that an image is built from. Immutable; any thread.

    *root*: without links. *dockerfile*: the Dockerfile's name in the tar that is sent; *text*: its content.
    *file*: where it is. *patterns*: what is left out. *added*: files of the tar that are not those of the folder, by
    their names.
    """

    root: Path
    dockerfile: str
    file: Path
    text: str = field(repr=False)
    patterns: tuple[str, ...] = ()
    added: dict[str, bytes] = field(default_factory=dict, repr=False)


def find_dockerfile(folder: Path) -> Path | None:
    """The Dockerfile of *folder*, None if it has none."""
    return next((folder / name for name in NAMES if (folder / name).is_file()), None)


def open_folder(folder: Path, dockerfile: Path | None = None) -> BuildFolder:
    """Read the Dockerfile and the ignore file of *folder*.

    *dockerfile*: another Dockerfile, which may be outside the folder; relative to the folder. Raises BuildFolderError.
    Blocks for a moment.

    Source: docker/cli, cli/command/image/build/context.go (GetContextFromLocalDir, TrimBuildFilesFromExcludes,
    AddDockerfileToBuildContext).
    """
    try:
        root = folder.resolve(strict=True)
        if not root.is_dir():
            raise NotADirectoryError
    except NotADirectoryError:
        raise _error("This is not a folder.", folder, "Choose the folder with the Dockerfile.") from None
    except (OSError, RuntimeError) as error:
        raise _error("The folder can't be opened.", folder, "Check its path.", error) from error
    named = find_dockerfile(root) if dockerfile is None else root / dockerfile
    if named is None:
        raise _error(
            "The folder has no Dockerfile.", folder, "Choose another folder, or name the Dockerfile."
        )
    file, content = _read_dockerfile(named)
    text = content.decode("utf-8-sig", "replace")
    specific = file.with_name(f"{file.name}.dockerignore")
    ignore = _read_ignore(specific)
    own = _read_ignore(root / IGNORE_FILE)
    patterns = _patterns(specific, ignore) if ignore is not None else _patterns(root / IGNORE_FILE, own)
    added: dict[str, bytes] = {}
    left_out: list[str] = []
    if file.is_relative_to(root):
        name = file.relative_to(root).as_posix()
    else:
        # As docker does: the file gets a name that no file of the folder has, and is not seen by COPY.
        name = f".dockerfile.{secrets.token_hex(10)}"
        added[name] = content
        left_out = [IGNORE_FILE, name]
    if ignore is not None:
        # The builder reads only the common name, and leaves out the Dockerfile if it is listed there.
        left_out = list(dict.fromkeys([*left_out, *([IGNORE_FILE] if own is None else [])]))
        own = ignore
    if left_out or ignore is not None:
        added[IGNORE_FILE] = b"\n".join([own or b"", *(each.encode() for each in left_out), b""])
    return BuildFolder(root, name, file, text, tuple(patterns), added)


def _read_dockerfile(named: Path) -> tuple[Path, bytes]:
    """The Dockerfile without links, and its content."""
    try:
        file = named.resolve(strict=True)
        return file, read_file(file, LARGEST)
    except FileNotFoundError:
        raise _error("There is no such Dockerfile.", named, "Check its path.") from None
    except NotAFile:
        raise _error("The Dockerfile is not a regular file.", named, "Choose another one.") from None
    except FileTooLarge:
        raise _error("The Dockerfile is too large.", named, "Choose another one.") from None
    except (OSError, RuntimeError) as error:
        raise _error("The Dockerfile can't be read.", named, "Check its permissions.", error) from error


def _read_ignore(file: Path) -> bytes | None:
    try:
        return read_file(file, LARGEST)
    except FileNotFoundError:
        return None
    except FileTooLarge:
        raise _error("The ignore file is too large.", file, "Shorten it.") from None
    except OSError as error:
        raise _error("The ignore file can't be read.", file, "Check the file.", error) from error


def _patterns(file: Path, content: bytes | None) -> list[str]:
    try:
        return read_patterns((content or b"").decode("utf-8", "surrogateescape"))
    except InvalidInput as error:
        raise BuildFolderError(
            error.message, subject=os.fspath(file), advice=error.advice, detail=error.detail
        ) from error


def _error(message: str, path: Path, advice: str, error: Exception | None = None) -> BuildFolderError:
    reason = error.strerror if isinstance(error, OSError) else None
    return BuildFolderError(
        message, subject=os.fspath(path), advice=advice, detail=reason or (str(error) if error else "")
    )
