"""How an engine is started: its command, its environment, and its mount namespace."""

from __future__ import annotations

import functools
import json
import os
import re
import resource
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from testbed.environ import bare_environ
from testbed.errors import TestbedUnavailable
from testbed.newer_engines import DOCKER, OVERLAY, PODMAN, find
from testbed.processes import find_program

# $1: the private /etc/docker. $2: the data folder. $3: its size in bytes, or empty. $4: a folder with newer
# packages, or empty; they are laid over the machine's /usr (and /etc/containers) for the engine alone. $5: not empty
# in a network of its own.
# Engines leave files in /run and /dev/shm, so they get their own, with the machine's name servers in it.
NAMESPACE_SCRIPT = (
    f"""
set -e
{OVERLAY}"""
    """
if [ -n "$4" ]; then lay_over "$4"; fi
if [ -n "$5" ]; then ip link set lo up; fi
if [ -d /etc/docker ]; then mount --bind "$1" /etc/docker; fi
if [ -n "$3" ]; then mount -t tmpfs -o "size=$3" testbed "$2"; fi
mount -t tmpfs testbed /dev/shm
resolv=$(readlink -m /etc/resolv.conf)
cp -L /etc/resolv.conf "$1/resolv.conf" 2>/dev/null || : >"$1/resolv.conf"
case "$1" in
/run/*) ;;
*)  mount -t tmpfs testbed /run
    case "$resolv" in /run/*) mkdir -p "${resolv%/*}"; cp "$1/resolv.conf" "$resolv" ;; esac ;;
esac
shift 5
exec "$@"
"""
)

FIRST_WITH_CONTAINERD_STORE = 25
FIRST_WITHOUT_KEY = 24

PODMAN_REGISTRIES = """\
unqualified-search-registries = ["docker.io"]
[[registry]]
location = "127.0.0.1"
insecure = true
"""
PODMAN_POLICY = {"default": [{"type": "insecureAcceptAnything"}]}


@dataclass(frozen=True, slots=True)
class Launch:
    """What `testbed.processes.Process` needs to start an engine."""

    wrapper: list[str]
    command: list[str]
    environ: dict[str, str]


def docker_launch(
    root: Path,
    data_root: Path,
    short: Path,
    *,
    newer: bool,
    containerd_store: bool,
    arguments: Sequence[str],
    config: Mapping[str, object],
    data_bytes: int | None,
    own_network: bool = False,
) -> Launch:
    """A dockerd with its sockets in ``short``: the installed one, or with ``newer`` one of Debian's newest packages.

    Raises:
        TestbedUnavailable: there is none, or none with containerd's store if that is required.
    """
    packages = None
    if newer:
        try:
            packages = find(DOCKER)
        except TestbedUnavailable:
            # A machine newer than this code may have a suitable engine installed.
            if not containerd_store or _installed_version() < FIRST_WITH_CONTAINERD_STORE:
                raise
    program = "/usr/sbin/dockerd" if packages else find_program("dockerd", "docker.io")
    # Always set, because the default depends on the engine's version.
    features = {"containerd-snapshotter": containerd_store}
    settings = {"shutdown-timeout": 2, "features": features, **config}
    if packages is None and _installed_version() < FIRST_WITHOUT_KEY:
        # Older daemons write a key, by default into /etc/docker; later ones do not know this setting.
        settings["deprecated-key-path"] = str(short / "key.json")
    settings_file = root / "daemon.json"
    settings_file.write_text(json.dumps(settings, indent=2), "utf-8")
    command = [
        program,
        f"--config-file={settings_file}",
        f"--data-root={data_root}",
        f"--exec-root={short / 'exec'}",
        f"--pidfile={short / 'pid'}",
        f"--host=unix://{short / 'docker.sock'}",
        # A bridge would stay on the machine.
        *(() if own_network else ("--bridge=none",)),
        *("--iptables=false", "--ip6tables=false", "--ip-masq=false"),
        "--insecure-registry=127.0.0.0/8",
        *arguments,
    ]
    return Launch(_wrapper(root, data_root, data_bytes, packages, own_network), command, bare_environ(root))


@functools.cache
def _installed_version() -> int:
    """The major version of the installed dockerd."""
    asked = [find_program("dockerd", "docker.io"), "--version"]
    said = subprocess.run(asked, capture_output=True, text=True, timeout=30, check=False).stdout
    found = re.search(r"version (\d+)\.", said)
    return int(found[1]) if found else 0


def podman_settings() -> str:
    """Settings with which containers start here.

    Podman would raise limits further than this machine may allow, and crun refuses two versions of cgroups at once.
    """
    limits = {"nofile": resource.RLIMIT_NOFILE, "nproc": resource.RLIMIT_NPROC}
    most = {name: resource.getrlimit(limit)[1] for name, limit in limits.items()}
    ulimits = [f"{name}={hard}:{hard}" for name, hard in most.items()]
    lines = [
        *("[containers]", f"default_ulimits = {json.dumps(ulimits)}"),
        *("[engine]", 'runtime = "runc"'),
        # Networks need nft otherwise, which is not on every machine.
        *("[network]", 'firewall_driver = "none"'),
    ]
    return "\n".join([*lines, ""])


def podman_launch(
    root: Path, data_root: Path, short: Path, *, data_bytes: int | None, own_network: bool = False
) -> Launch:
    """Podman's Docker-compatible service, from Debian's newest packages. Raises TestbedUnavailable."""
    packages = find(PODMAN)
    settings = root / "podman"
    settings.mkdir(exist_ok=True)
    (settings / "registries.conf").write_text(PODMAN_REGISTRIES, "utf-8")
    (settings / "containers.conf").write_text(podman_settings(), "utf-8")
    # The service looks for the policy in HOME first.
    policy = root / ".config" / "containers" / "policy.json"
    policy.parent.mkdir(parents=True, exist_ok=True)
    policy.write_text(json.dumps(PODMAN_POLICY), "utf-8")
    command = [
        "/usr/bin/podman",
        f"--root={data_root}",
        f"--runroot={short / 'run'}",
        f"--tmpdir={short / 'tmp'}",
        "--cgroup-manager=cgroupfs",
        *("--events-backend=file", "--log-level=info"),
        *("system", "service", "--time=0", f"unix://{short / 'docker.sock'}"),
    ]
    environ = bare_environ(root)
    environ |= {
        "PATH": f"{_without_package_queries(root)}{os.pathsep}{environ['PATH']}",
        "CONTAINERS_REGISTRIES_CONF": str(settings / "registries.conf"),
        "CONTAINERS_CONF": str(settings / "containers.conf"),
    }
    return Launch(_wrapper(root, data_root, data_bytes, packages, own_network), command, environ)


def _without_package_queries(root: Path) -> Path:
    """A folder whose dpkg-query knows nothing. Podman asks for the packages of its programs at each ``/info`` and
    ``/version``: 0.75 s instead of 0.03 s."""
    folder = root / "bin"
    folder.mkdir(exist_ok=True)
    stub = folder / "dpkg-query"
    stub.write_text("#!/bin/sh\nexit 1\n", "utf-8")
    stub.chmod(0o755)
    return folder


def _wrapper(
    root: Path, data_root: Path, data_bytes: int | None, packages: Path | None, own_network: bool
) -> list[str]:
    return [
        find_program("unshare", "util-linux"),
        *(("--net",) if own_network else ()),
        *("--mount", "--propagation", "slave", "--", "sh", "-c", NAMESPACE_SCRIPT, "testbed"),
        str(root / "etc-docker"),
        str(data_root),
        "" if data_bytes is None else str(data_bytes),
        "" if packages is None else str(packages),
        "1" if own_network else "",
    ]
