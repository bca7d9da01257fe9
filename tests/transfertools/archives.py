"""Helpers for tests of archives: requests, skopeo, and a small disk."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from longshore.engine.address import EngineAddress
from longshore.library.library import Library
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.transfers.transfer import (
    ArchivePlace,
    Endpoint,
    EnginePlace,
    LibraryPlace,
    Operation,
    RegistryPlace,
    TransferRequest,
)
from testbed.errors import TestbedUnavailable
from testbed.processes import find_program


def in_engine(address: EngineAddress, name: str = "", image_id: str = "") -> Endpoint:
    return Endpoint(EnginePlace(address), Reference.parse(name) if name else None, image_id)


def in_registry(name: str) -> Endpoint:
    reference = Reference.parse(name)
    return Endpoint(RegistryPlace(reference.domain), reference)


def in_library(library: Library, name: str) -> Endpoint:
    return Endpoint(LibraryPlace(library.path), Reference.parse(name))


def in_archive(path: Path, name: str = "", format: str = "docker", image_id: str = "") -> Endpoint:
    return Endpoint(ArchivePlace(path, format), Reference.parse(name) if name else None, image_id)


def moving(
    source: Endpoint, destination: Endpoint, *, platform: Platform | None = None, **options: str
) -> TransferRequest:
    """Return a request, with the operation for the pair of places."""
    operation = Operation.COPY
    if isinstance(destination.place, ArchivePlace):
        operation = Operation.SAVE
    elif isinstance(source.place, ArchivePlace):
        operation = Operation.LOAD
    return TransferRequest(operation, source, destination, platform, tuple(sorted(options.items())))


def skopeo(*arguments: str) -> str:
    """Run skopeo and return its output; fail the test if it fails."""
    done = subprocess.run(
        [find_program("skopeo", "skopeo"), "--insecure-policy", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextlib.contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Path]:
    """Context manager: a disk of *size* bytes at *folder*. Raises TestbedUnavailable if none can be mounted."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        raise TestbedUnavailable("a small disk needs root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)
