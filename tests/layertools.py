"""Makes the tars of layers for tests, with entries that no honest program writes."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable

#: Stands for a folder, instead of content.
FOLDER = object()


class Link:
    """A link to *target*, instead of content."""

    def __init__(self, target: str, *, hard: bool = False) -> None:
        self.target = target
        self.hard = hard


def entry(
    name: str, what: bytes | Link | object = b"", *, mode: int = 0o644
) -> tuple[tarfile.TarInfo, bytes]:
    """One entry: a file with the content *what*, a Link, or a FOLDER. *what* may be the type flag of another kind."""
    info = tarfile.TarInfo(name)
    info.mode = mode
    content = b""
    if what is FOLDER:
        info.type, info.mode = tarfile.DIRTYPE, 0o755
    elif isinstance(what, Link):
        info.type = tarfile.LNKTYPE if what.hard else tarfile.SYMTYPE
        info.linkname = what.target
    elif isinstance(what, bytes):
        content, info.size = what, len(what)
    return info, content


def layer(*entries: tuple[str, bytes | Link | object] | tuple[tarfile.TarInfo, bytes]) -> bytes:
    """The tar of a layer with *entries*, in their order."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT, errors="surrogateescape") as tar:
        for first, second in entries:
            info, content = entry(first, second) if isinstance(first, str) else (first, second)
            assert isinstance(content, bytes)
            tar.addfile(info, io.BytesIO(content))
    return file.getvalue()


def pieces(raw: bytes, size: int = 1000) -> Iterable[bytes]:
    """*raw* in pieces of *size* bytes, as streams have it."""
    return (raw[at : at + size] for at in range(0, len(raw), size))
