"""An image whose containers can run something: a shell and a few programs of this machine, without a download.

Container images are usually pulled; the testbed has no internet. The machine's own programs run in containers too,
because these use the same kernel: what they need is the programs, their libraries and the loader.
"""

from __future__ import annotations

import functools
import hashlib
import io
import json
import re
import subprocess
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from testbed.errors import TestbedError, TestbedUnavailable
from testbed.layers import LABEL, add_bytes
from testbed.processes import find_program

if TYPE_CHECKING:
    import docker

#: The programs of the image, beside the shell's own commands (``echo``, ``printf``, ``trap``, ``wait``, …).
PROGRAMS = ("sh", "cat", "env", "head", "id", "ls", "pwd", "sleep", "yes")
_LIBRARY = re.compile(r"(?:=> )?(/\S+) \(0x")
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@functools.cache
def programs_layer() -> bytes:
    """The tar of the image's only layer: ``/bin`` with `PROGRAMS`, their libraries, ``/tmp`` and ``/etc``.

    Raises:
        TestbedUnavailable: a program is not on this machine.
    """
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, mode in (("bin", 0o755), ("etc", 0o755), ("tmp", 0o1777)):
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, mode
            archive.addfile(folder)
        add_bytes(archive, "etc/passwd", b"root:x:0:0:root:/:/bin/sh\nann:x:1000:1000::/tmp:/bin/sh\n")
        done: set[str] = set()
        for program in PROGRAMS:
            path = Path(find_program(program, "coreutils"))
            for name, source in [(f"bin/{program}", path), *_libraries(path)]:
                if name not in done:
                    done.add(name)
                    info = tarfile.TarInfo(name)
                    info.mode = 0o755
                    data = source.read_bytes()
                    info.size = len(data)
                    archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def load_programs(
    client: docker.APIClient, references: Sequence[str], config: Mapping[str, object] | None = None
) -> str:
    """Load an image with a shell and `PROGRAMS` as *references*; returns its id (of its configuration).

    Images of other names have other ids, so that tests on one engine do not share one. ``config``: more of its
    configuration, such as ``{"Cmd": ["sleep", "60"], "ExposedPorts": {"80/tcp": {}}}``.

    Raises:
        TestbedError: the engine refused it.
    """
    layer = programs_layer()
    machine = _ARCHITECTURES.get(_machine(), _machine())
    image = json.dumps(
        {
            "created": "2024-05-01T10:00:00Z",
            "os": "linux",
            "architecture": machine,
            "config": {
                "Cmd": ["/bin/sh"],
                "Env": ["PATH=/bin"],
                "Labels": {LABEL: "1", "testbed.name": references[0]},
                **(config or {}),
            },
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
            "history": [{"created": "2024-05-01T10:00:00Z", "created_by": "COPY programs /"}],
        },
        sort_keys=True,
    ).encode()
    name = f"{hashlib.sha256(image).hexdigest()}.json"
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.GNU_FORMAT) as tar:
        add_bytes(tar, name, image)
        add_bytes(tar, "layer.tar", layer)
        manifest = [{"Config": name, "RepoTags": list(references), "Layers": ["layer.tar"]}]
        add_bytes(tar, "manifest.json", json.dumps(manifest).encode())
    archive.seek(0)
    for event in client.load_image(archive):  # type: ignore[no-untyped-call]
        if "errorDetail" in event or "error" in event:
            raise TestbedError(f"loading {', '.join(references)} failed: {event}")
    return f"sha256:{name.removesuffix('.json')}"


def _libraries(program: Path) -> Iterator[tuple[str, Path]]:
    """The libraries and the loader of *program*: their names in the image, and their files."""
    done = subprocess.run(
        [find_program("ldd", "libc-bin"), str(program)],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    if done.returncode != 0:
        raise TestbedUnavailable(f"the libraries of {program} are not known: {done.stderr.strip()}")
    for found in _LIBRARY.findall(done.stdout):
        yield found.lstrip("/"), Path(found)


def _machine() -> str:
    import platform

    return platform.machine()
