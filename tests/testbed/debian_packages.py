"""Debian's packages, fetched and unpacked but never installed.

``apt-get download`` with our own sources, lists and status checks the signatures of Debian's archive
against the machine's keyring; ``dpkg -x`` unpacks. Nothing is written outside the given folders.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from testbed.errors import TestbedUnavailable
from testbed.processes import find_program

MIRROR = "LONGSHORE_TESTBED_MIRROR"
DEFAULT_MIRROR = "http://deb.debian.org/debian"
#: Debian's keys, under all names that the package has given them.
KEYRINGS = [Path(f"/usr/share/keyrings/debian-archive-keyring.{ending}") for ending in ("gpg", "pgp")]

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
Acquire::Retries "1";
Acquire::http::Timeout "20";
Acquire::https::Timeout "20";
APT::Sandbox::User "root";
"""


class Deadline:
    """The remaining seconds for a piece of work."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Remaining seconds, never negative."""
        return max(self._end - time.monotonic(), 0.0)


def mirrors(deadline: Deadline) -> list[str]:
    """The mirrors of Debian's archive to try, in order: only the one in ``LONGSHORE_TESTBED_MIRROR`` if it is set, else
    those that the machine's own apt uses, and Debian's own last."""
    if named := os.environ.get(MIRROR):
        return [named.rstrip("/")]
    form = "$(REPO_URI) $(ORIGIN) $(SUITE)"
    command = [find_program("apt-get", "apt"), "indextargets", "--format", form, "Created-By: Packages"]
    try:
        listed = _run(command, Path("/"), deadline)
    except TestbedUnavailable:
        listed = ""
    found = []
    for line in listed.splitlines():
        address, _, rest = line.partition(" ")
        address = address.rstrip("/")
        # The origin is known only once the lists have been fetched; before that, the path decides.
        if "security" not in line and (rest.startswith("Debian ") or address.endswith("/debian")):
            found.append(address)
    return list(dict.fromkeys([*found, DEFAULT_MIRROR]))


def fetch(
    folder: Path, mirror: str, suite: str, programs: Sequence[str], target: Path, deadline: Deadline
) -> None:
    """Unpack the packages *programs* of a *suite*, and all libraries that they depend on, into *target*.

    *folder* is for apt's temporary files, and is removed. Only packages called ``lib…`` are followed: the
    machine's own programs are sufficient, but newer programs need newer libraries, whose names change.

    Raises:
        TestbedUnavailable: it is not possible here; the message says why.
    """
    keyring = next((path for path in KEYRINGS if path.exists()), None)
    if keyring is None:
        raise TestbedUnavailable("Debian's keys are not here (Debian package debian-archive-keyring)")
    shutil.rmtree(folder, ignore_errors=True)
    try:
        for part in ("lists/partial", "cache/archives/partial"):
            (folder / part).mkdir(parents=True)
        (folder / "status").touch()
        (folder / "sources.list").write_text(f"deb [signed-by={keyring}] {mirror} {suite} main\n", "utf-8")
        configuration = folder / "apt.conf"
        configuration.write_text(APT_CONFIGURATION.format(folder=folder), "utf-8")
        apt = [find_program("apt-get", "apt"), "-q"]
        _run([*apt, "update", "--error-on=any"], folder, deadline, configuration)
        packages = [*programs, *_libraries(programs, folder, deadline, configuration)]
        _run([*apt, "download", *packages], folder, deadline, configuration)
        target.mkdir(parents=True)
        for package in sorted(folder.glob("*.deb")):
            _run([find_program("dpkg", "dpkg"), "-x", str(package), str(target)], folder, deadline)
        # Older trees are not merged: the content of /lib belongs in /usr/lib.
        if (target / "lib").is_dir():
            shutil.copytree(target / "lib", target / "usr" / "lib", symlinks=True, dirs_exist_ok=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _libraries(
    programs: Iterable[str], folder: Path, deadline: Deadline, configuration: Path
) -> Sequence[str]:
    """All libraries that packages depend on, directly or indirectly."""
    ask = [find_program("apt-cache", "apt"), "depends", "--no-recommends", "--no-suggests", "--no-conflicts"]
    ask += ["--no-breaks", "--no-replaces", "--no-enhances"]
    known: set[str] = set()
    new = set(programs)
    while new:
        answer = _run([*ask, *sorted(new)], folder, deadline, configuration)
        named = {
            line.partition("Depends: ")[2].strip() for line in answer.splitlines() if "Depends: " in line
        }
        new = {name for name in named if name.startswith("lib") and ":" not in name} - known
        known |= new
    return sorted(known)


def _run(command: Sequence[str], folder: Path, deadline: Deadline, configuration: Path | None = None) -> str:
    environ = {**os.environ, "LC_ALL": "C"}
    if configuration is not None:
        environ["APT_CONFIG"] = str(configuration)
    what = " ".join(Path(word).name for word in command[:3])
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=deadline.left,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise TestbedUnavailable(f"{what} took too long") from error
    if done.returncode != 0:
        said = done.stderr.strip() or done.stdout.strip()
        raise TestbedUnavailable(f"{what}: {' '.join(said.split())[-500:]}")
    return done.stdout
