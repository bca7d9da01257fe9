"""Talks to credential helpers: ``docker-credential-NAME get|store|erase|list`` (docker-credential-helpers, README)."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from longshore.credentials.credential import TOKEN_USER, Credential
from longshore.oci.errors import CredentialsError

#: Seconds that a helper may take: it may ask the user to unlock a keyring.
TIMEOUT = 30.0
_PREFIX = "docker-credential-"
# The name comes from a file: it must not become a path or an option.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,60}")

# "credentials not found in native keychain" is the standard; helpers of vendors have words of their own.
_NOT_FOUND = re.compile(
    r"\b(credentials?|item|entry|secret|password|account|key|login|server|user|registry)\b.*\bnot (be )?found\b"
    r"|\b(no|have no|without) (stored |saved |matching |such )?(credentials?|entry|item|key|password|secret)\b"
    r"|\bnot logged in\b",
    re.IGNORECASE,
)
# The same words about a program or file that is missing mean a broken helper.
_MISSING_PROGRAM = re.compile(
    r"executable|command not found|no such file|\$PATH|keyring daemon", re.IGNORECASE
)


class Helper:
    """One helper program, ``docker-credential-NAME``. Every call blocks until it answered, at most :data:`TIMEOUT`
    seconds; any worker thread. Every method raises CredentialsError when the program is missing or broken.
    """

    def __init__(self, name: str, environ: Mapping[str, str]) -> None:
        self.name = name
        self._environ = environ

    def get(self, server: str) -> Credential | None:
        """The credential kept for *server*, None if there is none."""
        code, output, words = self._run("get", server, server.encode())
        if code != 0:
            if says_not_found(words):
                return None
            raise self._broken(server, words)
        answer = self._json(server, output)
        user, secret = answer.get("Username", ""), answer.get("Secret")
        if not isinstance(user, str) or not isinstance(secret, str):
            raise self._broken(server, "Its answer has no Username and Secret.")
        if not secret:
            return None
        return Credential("", "", secret) if user == TOKEN_USER else Credential(user, secret)

    def store(self, server: str, credential: Credential) -> None:
        """Keep *credential* for *server*."""
        token = credential.identity_token
        record = {
            "ServerURL": server,
            "Username": TOKEN_USER if token else credential.username,
            "Secret": token or credential.secret,
        }
        code, _, words = self._run("store", server, json.dumps(record).encode())
        if code != 0:
            raise self._broken(server, words)

    def erase(self, server: str) -> None:
        """Forget *server*; nothing to forget is no error."""
        code, _, words = self._run("erase", server, server.encode())
        if code != 0 and not says_not_found(words):
            raise self._broken(server, words)

    def users(self) -> dict[str, str]:
        """Who is signed in where, without secrets: server to user name. Not every helper can tell."""
        code, output, words = self._run("list", "", b"")
        if code != 0:
            raise self._broken("", words)
        answer = self._json("", output or "{}")
        return {server: user for server, user in answer.items() if isinstance(user, str)}

    def _run(self, verb: str, server: str, data: bytes) -> tuple[int, str, str]:
        """Exit code, what it printed, and its words for a failure."""
        program = find_helper(self.name, self._environ)
        if program is None:
            raise CredentialsError(
                f"The credential helper “{_PREFIX}{self.name}” is not installed.",
                subject=server or self.name,
                advice="Install it, or take it out of Docker's config.json (credsStore, credHelpers).",
            )
        try:
            # A session of its own, so that what the helper starts can be ended with it.
            process = subprocess.Popen(
                [program, verb],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=dict(self._environ),
                start_new_session=True,
            )
        except OSError as error:
            raise self._broken(server, error.strerror or str(error)) from error
        with process:
            try:
                out, err = process.communicate(data, timeout=TIMEOUT)
            except subprocess.TimeoutExpired:
                _end(process)
                process.communicate()
                raise self._broken(server, f"No answer to “{verb}” within {TIMEOUT:.0f} seconds.") from None
        printed = out.decode("utf-8", "replace").strip()
        words = printed or err[-4000:].decode("utf-8", "replace").strip()
        return process.returncode, printed, words or f"“{verb}” ended with code {process.returncode}."

    def _json(self, server: str, output: str) -> dict[str, Any]:
        try:
            answer = json.loads(output)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            # Not the answer itself: it may hold the secret.
            raise self._broken(server, "Its answer is not a JSON object.")
        return answer

    def _broken(self, server: str, why: str) -> CredentialsError:
        return CredentialsError(
            f"The credential helper “{_PREFIX}{self.name}” failed.",
            subject=server or self.name,
            advice=f"Try it in a terminal: {_PREFIX}{self.name} list. Signing in for this run only works without it.",
            detail=why,
        )


def find_helper(name: str, environ: Mapping[str, str]) -> str | None:
    """The program of the helper *name*, None if there is none or the name cannot be one."""
    if _NAME.fullmatch(name) is None:
        return None
    return shutil.which(_PREFIX + name, path=environ.get("PATH", os.defpath))


def default_helper(environ: Mapping[str, str]) -> str:
    """The helper that `docker login` takes where none is configured and nobody is signed in; empty for the file.

    The rule of docker/cli, cli/config/credentials/default_store*.go.
    """
    if sys.platform == "darwin":
        name = "osxkeychain"
    elif sys.platform == "win32":
        name = "wincred"
    else:
        name = "pass" if shutil.which("pass", path=environ.get("PATH", os.defpath)) else "secretservice"
    return name if find_helper(name, environ) else ""


def says_not_found(words: str) -> bool:
    """True if a helper's words for a failure mean that it keeps nothing for this server."""
    return _NOT_FOUND.search(words) is not None and _MISSING_PROGRAM.search(words) is None


def _end(process: subprocess.Popen[bytes]) -> None:
    if sys.platform == "win32":
        process.kill()
    else:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
