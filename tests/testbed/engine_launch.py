"""How an engine is started: its command, its environment, and the mount namespace around it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from testbed.environ import bare_environ
from testbed.newer_engines import CACHE_FOLDER, fetch_newer_engine, fetch_podman
from testbed.processes import find_program

# $1 is the private /etc/docker, $2 the data folder, $3 its size in bytes or nothing, $4 a folder with newer
# packages or nothing, which are laid over the machine's /usr (and /etc/containers) for the engine alone.
# Engines leave files in /run and /dev/shm, so they get their own, with the machine's name servers in it.
NAMESPACE_SCRIPT = """
set -e
if [ -n "$4" ]; then
    mount -t overlay -o "ro,lowerdir=$4/usr:/usr" testbed /usr
    if [ -d "$4/etc/containers" ]; then mount -t overlay -o "ro,lowerdir=$4/etc:/etc" testbed /etc; fi
fi
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
shift 4
exec "$@"
"""

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
    arguments: Sequence[str],
    config: Mapping[str, object],
    data_bytes: int | None,
) -> Launch:
    """A dockerd with its sockets in ``short``: the installed one, or a newer one that is fetched first.

    Raises:
        TestbedUnavailable: there is none.
    """
    packages = fetch_newer_engine(CACHE_FOLDER) if newer else None
    program = "/usr/sbin/dockerd" if newer else find_program("dockerd", "docker.io")
    settings = {"shutdown-timeout": 2, **config}
    if not newer:
        # The 20.10 daemon writes a key, by default into /etc/docker; later ones know no such setting.
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
        *("--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-masq=false"),
        "--insecure-registry=127.0.0.0/8",
        *arguments,
    ]
    return Launch(_wrapper(root, data_root, data_bytes, packages), command, bare_environ(root))


def podman_launch(root: Path, data_root: Path, short: Path, *, data_bytes: int | None) -> Launch:
    """Podman's Docker-compatible service, from fetched packages. Raises TestbedUnavailable."""
    packages = fetch_podman(CACHE_FOLDER)
    settings = root / "podman"
    settings.mkdir(exist_ok=True)
    (settings / "registries.conf").write_text(PODMAN_REGISTRIES, "utf-8")
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
    environ = {**bare_environ(root), "CONTAINERS_REGISTRIES_CONF": str(settings / "registries.conf")}
    return Launch(_wrapper(root, data_root, data_bytes, packages), command, environ)


def _wrapper(root: Path, data_root: Path, data_bytes: int | None, packages: Path | None) -> list[str]:
    return [
        find_program("unshare", "util-linux"),
        *("--mount", "--propagation", "slave", "--", "sh", "-c", NAMESPACE_SCRIPT, "testbed"),
        str(root / "etc-docker"),
        str(data_root),
        "" if data_bytes is None else str(data_bytes),
        "" if packages is None else str(packages),
    ]
