"""A home folder with Docker's files, and credential helpers that are real programs."""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from longshore import secrecy
from longshore.credentials import CredentialStore

# Keeps its secrets in one file and a log of its calls in another.
_HELPER = """#!{python} -IS
import json, os, sys
kept = {kept!r}
verb, data = sys.argv[1], sys.stdin.read()
with open(kept + ".log", "a") as log:
    log.write(verb + " " + (data if verb in ("get", "erase") else "") + "\\n")
known = json.load(open(kept)) if os.path.exists(kept) else {{}}
def fail(text):
    print(text)
    sys.exit(1)
if verb == "store":
    record = json.loads(data)
    known[record["ServerURL"]] = record
elif verb == "get":
    record = known.get(data) or fail({not_found!r})
    print(json.dumps(record))
elif verb == "erase":
    known.pop(data, None) or fail({not_found!r})
elif verb == "list":
    print(json.dumps({{server: record["Username"] for server, record in known.items()}}))
json.dump(known, open(kept, "w"))
"""

STANDARD_NOT_FOUND = "credentials not found in native keychain"


@dataclass(frozen=True)
class FakeKeychain:
    """What a credential helper has stored, and how it was called."""

    kept: Path

    @property
    def records(self) -> dict[str, dict[str, str]]:
        return json.loads(self.kept.read_text()) if self.kept.exists() else {}

    def put(self, server: str, user: str, secret: str) -> None:
        record = {"ServerURL": server, "Username": user, "Secret": secret}
        self.kept.write_text(json.dumps(self.records | {server: record}))

    @property
    def calls(self) -> list[str]:
        log = Path(f"{self.kept}.log")
        return [line.strip() for line in log.read_text().splitlines()] if log.exists() else []


@dataclass(frozen=True)
class DockerHome:
    """A user's home, as the docker CLI and a store see it."""

    home: Path
    programs: Path

    @property
    def config(self) -> Path:
        return self.home / ".docker" / "config.json"

    @property
    def environ(self) -> dict[str, str]:
        # Only the interpreter for the scripts, and none of this machine's helpers.
        return {"HOME": str(self.home), "PATH": str(self.programs)}

    @property
    def store(self) -> CredentialStore:
        return CredentialStore(environ=self.environ, settle=0.0)

    def write(self, values: Mapping[str, Any] | str) -> None:
        self.config.parent.mkdir(mode=0o700, exist_ok=True)
        text = values if isinstance(values, str) else json.dumps(values)
        self.config.write_text(text)
        self.config.chmod(0o600)

    def read(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.config.read_text())
        return found

    def keychain(self, name: str, not_found: str = STANDARD_NOT_FOUND) -> FakeKeychain:
        """Install a helper that works."""
        kept = self.home / f"{name}.kept"
        self.program(
            f"docker-credential-{name}",
            _HELPER.format(python=sys.executable, kept=str(kept), not_found=not_found),
        )
        return FakeKeychain(kept)

    def script(self, name: str, body: str) -> None:
        """Install a helper that runs the shell script *body*."""
        self.program(f"docker-credential-{name}", f"#!/bin/sh\n{body}\n")

    def program(self, name: str, text: str) -> None:
        path = self.programs / name
        path.write_text(text)
        path.chmod(0o755)


@pytest.fixture(autouse=True)
def _no_secrets_of_other_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_known", "_by_tail", "_short"):
        monkeypatch.setattr(secrecy, name, type(getattr(secrecy, name))())


@pytest.fixture
def docker_home(tmp_path: Path) -> DockerHome:
    home, programs = tmp_path / "home", tmp_path / "bin"
    home.mkdir()
    programs.mkdir()
    for name in ("sleep", "cat"):
        source = next(path for path in (Path("/bin") / name, Path("/usr/bin") / name) if path.exists())
        (programs / name).symlink_to(os.path.realpath(source))
    return DockerHome(home, programs)


def encoded(user: str, secret: str) -> str:
    """Both as `docker login` writes them."""
    return base64.b64encode(f"{user}:{secret}".encode()).decode()
