"""The parts of images: layers of random files (the same bytes for the same seed) and configurations."""

from __future__ import annotations

import gzip
import hashlib
import io
import random
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, Protocol, cast

MEMORY_BYTES = 8 * 1024 * 1024
BLOCK_BYTES = 1024 * 1024
LABEL = "dev.longshore.testbed"


class RandomFile(io.RawIOBase):
    """A readable file of ``size`` random bytes, generated while reading."""

    def __init__(self, size: int, seed: object) -> None:
        super().__init__()
        self._left = size
        self._random = random.Random(f"longshore/{seed}")
        self._block = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        count = min(len(buffer), self._left)
        if count and not self._block:
            self._block = self._random.randbytes(min(BLOCK_BYTES, self._left))
        taken, self._block = self._block[:count], self._block[count:]
        buffer[: len(taken)] = taken
        self._left -= len(taken)
        return len(taken)


def add_random_file(archive: tarfile.TarFile, name: str, size: int, seed: object) -> None:
    """Add a file of ``size`` random bytes, dated 1970 so that equal seeds make equal archives."""
    info = tarfile.TarInfo(name)
    info.size = size
    info.mode = 0o644
    archive.addfile(info, io.BufferedReader(RandomFile(size, seed), BLOCK_BYTES))


def add_bytes(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    info.mode = 0o644
    archive.addfile(info, io.BytesIO(data))


class _Writable(Protocol):
    def write(self, data: bytes, /) -> int: ...

    def flush(self) -> object: ...


class _HashingFile:
    """Passes writes on, and keeps the SHA-256 and the number of bytes written."""

    def __init__(self, file: _Writable) -> None:
        self._file = file
        self._hash = hashlib.sha256()
        self.count = 0

    def write(self, data: bytes) -> int:
        self._hash.update(data)
        self.count += len(data)
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()

    @property
    def digest(self) -> str:
        return f"sha256:{self._hash.hexdigest()}"


@dataclass(frozen=True, slots=True)
class Layer:
    """A stored layer: ``size`` and ``digest`` of its stored bytes, ``diff_id`` of the tar inside.

    ``file`` contains the bytes (on disk if there are many); `close` closes it.
    """

    file: IO[bytes]
    size: int
    digest: str
    diff_id: str

    def blocks(self) -> Iterator[bytes]:
        self.file.seek(0)
        while block := self.file.read(BLOCK_BYTES):
            yield block

    def close(self) -> None:
        self.file.close()


def make_layer(size: int, seed: object, *, compress: bool = True) -> Layer:
    """Make a layer with one file of ``size`` random bytes.

    With ``compress`` it is a gzip stream without compression, which is quick, and random bytes do not
    compress anyway; without, it is a plain tar.
    """
    file = tempfile.SpooledTemporaryFile(max_size=MEMORY_BYTES)  # noqa: SIM115 - lives on in the Layer
    stored = _HashingFile(file)
    if not compress:
        _write_tar(stored, size, seed)
        return Layer(file, stored.count, stored.digest, stored.digest)
    # Without name and time, so that equal content has an equal digest.
    with gzip.GzipFile(filename="", mode="wb", compresslevel=0, fileobj=stored, mtime=0) as packed:
        content = _HashingFile(packed)
        _write_tar(content, size, seed)
    return Layer(file, stored.count, stored.digest, content.digest)


def _write_tar(to: _HashingFile, size: int, seed: object) -> None:
    with tarfile.open(fileobj=cast(IO[bytes], to), mode="w|", format=tarfile.GNU_FORMAT) as archive:
        add_random_file(archive, f"data/{hashlib.sha256(str(seed).encode()).hexdigest()[:12]}", size, seed)


def image_config(
    diff_ids: Sequence[str], platform: tuple[str, str], created: datetime, labels: Mapping[str, str]
) -> dict[str, object]:
    """An image configuration (OCI image-spec, config.md) that runs nothing."""
    when = created.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "created": when,
        "os": platform[0],
        "architecture": platform[1],
        "config": {"Cmd": ["/nothing"], "Labels": {LABEL: "1", **labels}},
        "rootfs": {"type": "layers", "diff_ids": list(diff_ids)},
        "history": [{"created": when, "created_by": f"COPY layer{at} /"} for at in range(len(diff_ids))],
    }
