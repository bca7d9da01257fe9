"""A private HOME for the programs under test."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

from testbed.environ import bare_environ

#: A proxy that refuses every connection: nothing listens on the port discard.
NOWHERE = "http://127.0.0.1:9"

# Follows the protocol in docker-credential-helpers' README.
_KEYCHAIN = """#!/usr/bin/env python3
import json, os, sys
kept, verb, data = {kept!r}, sys.argv[1], sys.stdin.read().strip()
known = json.load(open(kept)) if os.path.exists(kept) else {{}}
if verb == "store":
    record = json.loads(data)
    known[record["ServerURL"]] = record
elif verb == "list":
    print(json.dumps({{server: record["Username"] for server, record in known.items()}}))
elif data not in known:
    print("credentials not found in native keychain")
    sys.exit(1)
elif verb == "get":
    print(json.dumps(known[data]))
else:
    del known[data]
if verb not in ("list", "get"):
    # As a real keychain: whoever reads at the same time finds the old or the new credentials.
    new = f"{{kept}}.{{os.getpid()}}"
    with open(new, "w") as file:
        json.dump(known, file)
    os.replace(new, kept)
"""


class PrivateHome:
    """The folders that a program takes from its environment, all below ``root`` and all empty.

    There is nothing to stop: the owner of ``root`` removes it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.home = root / "home"
        self.docker_config = self.home / ".docker"
        self.config = self.home / ".config"
        self.data = self.home / ".local" / "share"
        self.state = self.home / ".local" / "state"
        self.cache = self.home / ".cache"
        self.runtime = root / "run"
        for folder in (self.docker_config, self.config, self.data, self.state, self.cache, self.runtime):
            folder.mkdir(parents=True, exist_ok=True)
        # The specification of XDG_RUNTIME_DIR requires it, and Qt warns otherwise.
        self.runtime.chmod(0o700)

    def environ(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """A complete environment for a child process; only PATH and LANG are the user's.

        Its proxy does not exist, so that it reaches no registry but those of this machine.
        """
        return {
            **bare_environ(self.home),
            "DOCKER_CONFIG": str(self.docker_config),
            "XDG_CONFIG_HOME": str(self.config),
            "XDG_DATA_HOME": str(self.data),
            "XDG_STATE_HOME": str(self.state),
            "XDG_CACHE_HOME": str(self.cache),
            "XDG_RUNTIME_DIR": str(self.runtime),
            "HTTPS_PROXY": NOWHERE,
            **(extra or {}),
        }

    def write_docker_config(self, config: Mapping[str, object]) -> Path:
        """Write the docker CLI's ``config.json``; returns its path."""
        path = self.docker_config / "config.json"
        path.touch(mode=0o600)
        path.write_text(json.dumps(config, indent=2), "utf-8")
        return path

    def write_context(self, name: str, host: str, certificates: Mapping[str, Path] | None = None) -> None:
        """Store a context as ``docker context create`` does; ``certificates`` by their stored names (``ca.pem``)."""
        key = hashlib.sha256(name.encode()).hexdigest()
        contexts = self.docker_config / "contexts"
        meta = contexts / "meta" / key
        meta.mkdir(parents=True, exist_ok=True)
        endpoints = {"docker": {"Host": host, "SkipTLSVerify": False}}
        stored = {"Name": name, "Metadata": {}, "Endpoints": endpoints}
        (meta / "meta.json").write_text(json.dumps(stored), "utf-8")
        for file, source in (certificates or {}).items():
            place = contexts / "tls" / key / "docker" / file
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(source.read_bytes())

    def write_helper(self, name: str, script: str) -> Path:
        """Install ``docker-credential-NAME`` into a folder that ``helper_environ`` puts on PATH."""
        folder = self.home / "bin"
        folder.mkdir(exist_ok=True)
        path = folder / f"docker-credential-{name}"
        path.write_text(script, "utf-8")
        path.chmod(0o755)
        return path

    def write_keychain(self, name: str) -> None:
        """Install a working ``docker-credential-NAME`` that stores credentials in a file."""
        self.write_helper(name, _KEYCHAIN.format(kept=str(self._kept(name))))

    def keychain(self, name: str) -> dict[str, dict[str, str]]:
        """The credentials that the helper stores, by server: ``Username`` and ``Secret``."""
        kept = self._kept(name)
        found: dict[str, dict[str, str]] = json.loads(kept.read_text("utf-8")) if kept.exists() else {}
        return found

    def _kept(self, name: str) -> Path:
        return self.home / f"{name}.kept"

    def helper_environ(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """`environ` with the helpers of ``write_helper`` first on PATH."""
        environ = self.environ(extra)
        environ["PATH"] = f"{self.home / 'bin'}{os.pathsep}{environ['PATH']}"
        return environ
