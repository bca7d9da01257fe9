"""Newer engines than the machine's own: Debian's newest packages, fetched and unpacked, never installed.

``apt-get download`` with sources, lists and a status of our own checks the signatures of Debian's archive
against the machine's keyring; ``dpkg -x`` unpacks into a cache. `testbed.engine_launch` lays the unpacked
``/usr`` over the machine's in the engine's own mount namespace, so that the newer programs find the newer
libraries, and nobody else does. At the time of writing these are Docker 28.5 and Podman 5.8; what Debian
unstable holds changes, and `client.version()` tells. They stay in ``LONGSHORE_TESTBED_CACHE``, or in
``longshore-testbed`` of the user's cache folder.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from testbed.errors import TestbedUnavailable
from testbed.processes import find_program

CACHE = "LONGSHORE_TESTBED_CACHE"
MIRROR = "LONGSHORE_TESTBED_MIRROR"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
# The libraries are those whose versions these programs demand beyond Debian 12.
DOCKER_PACKAGES = ("docker.io", "containerd", "runc", "libc6", "libseccomp2")
PODMAN_PACKAGES = (
    *("podman", "conmon", "crun", "netavark", "golang-github-containers-common"),
    *("golang-github-containers-image", "libc6", "libgcc-s1", "libgpgme45", "libgpg-error0", "libassuan9"),
    *(
        "libglib2.0-0t64",
        "libpcre2-8-0",
        "libseccomp2",
        "libsqlite3-0",
        "libsubid6",
        "libblake3-0",
        "libcap2",
        "libjson-c5",
        "libsystemd0",
    ),
)
FETCH_SECONDS = 600

APT_CONFIGURATION = """\
Dir::State "{folder}";
Dir::State::lists "{folder}/lists";
Dir::State::status "{folder}/status";
Dir::Cache "{folder}/cache";
Dir::Etc::sourcelist "{folder}/sources.list";
Dir::Etc::sourceparts "-";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "-";
Acquire::Languages "none";
APT::Sandbox::User "root";
"""


def _cache_folder() -> Path:
    if named := os.environ.get(CACHE):
        return Path(named)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "longshore-testbed"


# Asked when this module is imported: a run of tests gets a private HOME later, which is gone at its end.
CACHE_FOLDER = _cache_folder()


def fetch_newer_engine(cache: Path) -> Path:
    """A folder with Debian unstable's Docker engine in it, fetched into ``cache`` unless it is there.

    Raises:
        TestbedUnavailable: it cannot be fetched here (no Debian, no network, …); the message says why.
    """
    return _fetch(cache, "docker", DOCKER_PACKAGES)


def fetch_podman(cache: Path) -> Path:
    """The same for Podman."""
    return _fetch(cache, "podman", PODMAN_PACKAGES)


def _fetch(cache: Path, name: str, packages: Sequence[str]) -> Path:
    done = cache / name
    if done.is_dir():
        return done
    for character in ":,\\":
        if character in str(cache):
            raise TestbedUnavailable(f"{CACHE}: overlay mounts allow no {character!r} in {cache}")
    cache.mkdir(parents=True, exist_ok=True)
    # Two test runs at once: the second waits, and finds what the first has fetched.
    with (cache / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if done.is_dir():
            return done
        work = cache / f"{name}.part"
        shutil.rmtree(work, ignore_errors=True)
        try:
            _download(work / "apt", packages)
            unpacked = work / "root"
            unpacked.mkdir()
            for package in sorted((work / "apt").glob("*.deb")):
                _run([find_program("dpkg", "dpkg"), "-x", str(package), str(unpacked)], work)
            # Older trees are not merged: what stands in /lib belongs in /usr/lib.
            if (unpacked / "lib").is_dir():
                shutil.copytree(unpacked / "lib", unpacked / "usr" / "lib", symlinks=True, dirs_exist_ok=True)
            unpacked.rename(done)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return done


def _download(folder: Path, packages: Sequence[str]) -> None:
    if not KEYRING.exists():
        raise TestbedUnavailable(f"newer engines come from Debian's archive, and {KEYRING} is not here")
    for part in ("lists/partial", "cache/archives/partial"):
        (folder / part).mkdir(parents=True)
    (folder / "status").touch()
    mirror = os.environ.get(MIRROR, "http://deb.debian.org/debian")
    (folder / "sources.list").write_text(f"deb [signed-by={KEYRING}] {mirror} sid main\n", "utf-8")
    configuration = folder / "apt.conf"
    configuration.write_text(APT_CONFIGURATION.format(folder=folder), "utf-8")
    apt = [find_program("apt-get", "apt"), "-q"]
    _run([*apt, "update", "--error-on=any"], folder, configuration)
    _run([*apt, "download", *packages], folder, configuration)


def _run(command: Sequence[str], folder: Path, configuration: Path | None = None) -> None:
    environ = {**os.environ, "LC_ALL": "C"}
    if configuration is not None:
        environ["APT_CONFIG"] = str(configuration)
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environ,
            capture_output=True,
            text=True,
            timeout=FETCH_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise TestbedUnavailable(f"{' '.join(command[:2])} took too long") from error
    if done.returncode != 0:
        what = done.stderr.strip() or done.stdout.strip()
        raise TestbedUnavailable(f"newer engines cannot be fetched: {' '.join(command[:3])}: {what[-500:]}")
