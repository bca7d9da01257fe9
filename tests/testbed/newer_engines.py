"""Engines that are newer than the machine's own: Docker and Podman from Debian's newest packages; other programs too.

``python -m testbed.newer_engines`` fetches them into a cache (``LONGSHORE_TESTBED_CACHE``, or
``longshore-testbed`` in the user's cache folder); ``tools/bootstrap test`` calls it, so that no test ever
fetches. `testbed.engine_launch` lays the unpacked ``/usr`` over the machine's in the engine's own mount
namespace: the newer programs find the newer libraries, and no other program does.

Debian unstable changes. If a suite's programs cannot be fetched, or do not start over this machine's ``/usr``,
the next suite is used; `client.version()` shows the result. At the time of writing it is Docker 28.5 and
Podman 5.8 (60 and 40 MB to fetch, 230 and 130 MB on disk).
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from testbed.debian_packages import Deadline, fetch, mirrors
from testbed.errors import TestbedUnavailable
from testbed.processes import find_program

CACHE = "LONGSHORE_TESTBED_CACHE"
#: Newest first. Debian guarantees that the last works; it is new enough for containerd's store (25 or later).
SUITES = ("sid", "testing", "stable")
#: Seconds for all fetching of one engine, including failures.
FETCH_SECONDS = 240.0
#: Part of the folder's name, so that files fetched by an older testbed are not used.
FORMAT = 2

# A shell function that shows the newer packages in $1 instead of the machine's own files.
OVERLAY = """
lay_over() {
    mount -t overlay -o "ro,lowerdir=$1/usr:/usr" testbed /usr
    if [ -d "$1/etc/containers" ]; then mount -t overlay -o "ro,lowerdir=$1/etc:/etc" testbed /etc; fi
}
"""


@dataclass(frozen=True, slots=True)
class Packed:
    """An engine among Debian's packages: their names, and the programs that must start when called with ``ask``."""

    name: str
    packages: Sequence[str]
    programs: Sequence[str]
    ask: str = "--version"


DOCKER = Packed("docker", ("docker.io", "containerd", "runc"), ("dockerd", "containerd", "runc"))
PODMAN = Packed(
    "podman",
    (
        *("podman", "conmon", "crun", "netavark"),
        *("golang-github-containers-common", "golang-github-containers-image"),
    ),
    ("podman", "conmon", "crun"),
)
#: Not an engine, but a registry of another make than docker-registry: ``crane registry serve``.
CRANE = Packed("crane", ("crane",), ("crane",), "--help")
#: Docker's other builder, a program of its own.
BUILDX = Packed("buildx", ("docker-buildx",), ("/usr/libexec/docker/cli-plugins/docker-buildx",), "version")


def _cache_folder() -> Path:
    if named := os.environ.get(CACHE):
        return Path(named)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "longshore-testbed"


# Evaluated on import, because a test run later gets a private HOME that is removed at its end.
CACHE_FOLDER = _cache_folder()


def find(engine: Packed, cache: Path = CACHE_FOLDER) -> Path:
    """The folder that an engine was unpacked into.

    Raises:
        TestbedUnavailable: there is none; the message says why.
    """
    if (done := _folder(engine, cache)).is_dir():
        return done
    try:
        why = _reason_file(engine, cache).read_text("utf-8")
    except OSError:
        why = "it was not fetched: call tools/bootstrap test as root"
    raise TestbedUnavailable(f"no newer {engine.name} here: {why}")


def prepare(
    engine: Packed,
    cache: Path = CACHE_FOLDER,
    *,
    seconds: float = FETCH_SECONDS,
    suites: Sequence[str] = SUITES,
) -> Path:
    """The folder of an engine, fetched if necessary, within ``seconds``. A failure's reason is stored for `find`.

    Raises:
        TestbedUnavailable: no suite of any mirror has one that works here.
    """
    done = _folder(engine, cache)
    if done.is_dir():
        return done
    for character in ":,\\":
        if character in str(cache):
            raise TestbedUnavailable(f"{CACHE}: overlay mounts allow no {character!r} in {cache}")
    cache.mkdir(parents=True, exist_ok=True)
    # If two run at once, the second waits and finds what the first has fetched.
    with (cache / f"{engine.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if done.is_dir():
            return done
        try:
            _fetch_any(engine, cache, done, Deadline(seconds), suites)
        except TestbedUnavailable as problem:
            _reason_file(engine, cache).write_text(str(problem), "utf-8")
            raise
        _reason_file(engine, cache).unlink(missing_ok=True)
    return done


def _fetch_any(engine: Packed, cache: Path, done: Path, deadline: Deadline, suites: Sequence[str]) -> None:
    problems = []
    part = cache / f"{engine.name}.part"
    for suite in suites:
        for mirror in mirrors(deadline):
            shutil.rmtree(part, ignore_errors=True)
            try:
                fetch(cache / f"{engine.name}.apt", mirror, suite, engine.packages, part, deadline)
                _try(engine, part, deadline)
            except TestbedUnavailable as problem:
                problems.append(f"{suite}: {problem}")
            else:
                part.rename(done)
                return
            finally:
                shutil.rmtree(part, ignore_errors=True)
    raise TestbedUnavailable("; ".join(dict.fromkeys(problems)))


def _try(engine: Packed, root: Path, deadline: Deadline) -> None:
    """Check that the programs start: a library may be missing, or too old for one of the machine's own."""
    asking = " && ".join(f"{program} {engine.ask}" for program in engine.programs)
    try:
        done = subprocess.run(
            [
                find_program("unshare", "util-linux"),
                *(
                    "--mount",
                    "--propagation",
                    "slave",
                    "--",
                    "sh",
                    "-ec",
                    f'{OVERLAY}lay_over "$1"; {asking}',
                ),
                *("testbed", str(root)),
            ],
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(root)},
            capture_output=True,
            text=True,
            timeout=deadline.left,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise TestbedUnavailable("its programs do not answer") from error
    if done.returncode != 0:
        raise TestbedUnavailable(f"its programs do not start: {done.stderr.strip()[-300:]}")


def _folder(engine: Packed, cache: Path) -> Path:
    return cache / f"{engine.name}-{FORMAT}"


def _reason_file(engine: Packed, cache: Path) -> Path:
    return cache / f"{engine.name}.reason"


def main() -> None:
    """Fetch what is missing. Reports failures in one line each, and leaves the rest to the tests."""
    if os.geteuid() != 0:
        return  # only root can start a private engine
    for engine in (DOCKER, PODMAN, CRANE, BUILDX):
        if _folder(engine, CACHE_FOLDER).is_dir():
            continue
        print(f"longshore: fetching a newer {engine.name} for the tests into {CACHE_FOLDER}", file=sys.stderr)
        try:
            prepare(engine)
        except (TestbedUnavailable, OSError) as problem:
            print(f"longshore: no newer {engine.name}: {problem}", file=sys.stderr)


if __name__ == "__main__":
    main()
