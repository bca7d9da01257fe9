"""Runs credential helpers: ``docker-credential-NAME get|store|erase|list`` (docker-credential-helpers, README)."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Mapping
from typing import Any

from longshore.credentials import program
from longshore.credentials.credential import TOKEN_USER, Credential, is_text
from longshore.credentials.words import known_trouble, says_not_found, without, words_of
from longshore.errors import CredentialsError
from longshore.secrecy import keep_out
from longshore.text import plain

#: Seconds that a helper may take: it may ask the user to unlock a keyring.
TIMEOUT = 30.0
_PREFIX = "docker-credential-"
#: Longest response, in characters, whose words are removed from a helper's other output.
_COMPARED = 20_000
# The name comes from a file: it must not be a path or an option.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,60}")


class Helper:
    """One helper program, ``docker-credential-NAME``.

    Every call blocks until the program has responded, at most *seconds*; any worker thread. Every method raises
    CredentialsError if the program is missing or broken.
    """

    def __init__(self, name: str, environ: Mapping[str, str], seconds: float = TIMEOUT) -> None:
        self.name = name
        self._environ = environ
        self._seconds = seconds

    def get(self, server: str) -> Credential | None:
        """The credential stored for *server*, None if there is none."""
        answer = self._ask("get", server, server.encode())
        if answer is None:
            return None
        user, secret = answer.get("Username", ""), answer.get("Secret")
        if not isinstance(user, str) or not isinstance(secret, str):
            raise self._broken(server, "Its response has no Username and Secret.")
        if not is_text(user + secret):
            raise self._broken(server, "Its response contains characters that are not valid Unicode.")
        if not secret:
            return None
        return Credential("", "", secret) if user == TOKEN_USER else Credential(user, secret)

    def store(self, server: str, credential: Credential) -> None:
        """Store *credential* for *server*."""
        token = credential.identity_token
        keep_out(token or credential.secret, credential.username)
        record = {
            "ServerURL": server,
            "Username": TOKEN_USER if token else credential.username,
            "Secret": token or credential.secret,
        }
        result = self._run("store", server, json.dumps(record).encode())
        if result.code != 0:
            raise self._failed("store", server, result)

    def erase(self, server: str) -> None:
        """Erase the credential of *server*. A missing one is not an error."""
        result = self._run("erase", server, server.encode())
        if result.code != 0 and not _not_found(result):
            raise self._failed("erase", server, result)

    def users(self) -> dict[str, str]:
        """The user names by server, without secrets. Not every helper supports this."""
        result = self._run("list", "", b"")
        if result.code != 0:
            raise self._failed("list", "", result)
        answer = self._json("", _text(result.output).strip() or "{}")
        return {server: user for server, user in answer.items() if isinstance(user, str)}

    def _ask(self, verb: str, server: str, data: bytes) -> dict[str, Any] | None:
        result = self._run(verb, server, data)
        if result.code == 0:
            return self._json(server, _text(result.output))
        if _not_found(result):
            return None
        raise self._failed(verb, server, result)

    def _run(self, verb: str, server: str, data: bytes) -> program.Result:
        path = find_helper(self.name, self._environ)
        if path is None:
            raise CredentialsError(
                f"The credential helper “{_PREFIX}{self.name}” is not installed.",
                subject=server or self.name,
                advice="Install it, or remove it from Docker's config.json (credsStore, credHelpers).",
            )
        try:
            return program.run([path, verb], data, self._environ, self._seconds)
        except OSError as error:
            raise self._broken(server, error.strerror or str(error)) from error
        except program.TimedOut:
            raise self._broken(
                server, f"No response to “{verb}” within {self._seconds:.0f} seconds."
            ) from None
        except program.TooMuchOutput:
            raise self._broken(server, f"Its response to “{verb}” exceeds the size limit.") from None

    def _json(self, server: str, output: str) -> dict[str, Any]:
        try:
            answer = json.loads(output)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            # Without the response: it may contain the secret.
            raise self._broken(server, "Its response is not a JSON object.")
        return answer

    def _failed(self, verb: str, server: str, result: program.Result) -> CredentialsError:
        """The error for a helper that ended with an exit code."""
        # Cleaned here, and again in the error: removing a character must not join the parts of a secret.
        answer = _text(result.output)
        noise = plain(_text(result.noise), program.KEPT_NOISE, keep_lines=True, least=1)
        if len(result.noise) >= program.KEPT_NOISE:
            # A secret in the first line may have lost its beginning, so the line is removed.
            noise = noise.partition("\n")[2]
        if len(answer) > _COMPARED:
            noise = ""  # the response is too long to remove its words
        said = known_trouble(answer) or known_trouble(noise)
        lines = [
            f"“{verb}” ended with code {result.code}.",
            said,
            without(noise, words_of(answer)),
        ]
        return self._broken(server, "\n".join(line for line in lines if line))

    def _broken(self, server: str, why: str) -> CredentialsError:
        return CredentialsError(
            f"The credential helper “{_PREFIX}{self.name}” failed.",
            subject=server or self.name,
            advice=f"Try it in a terminal ({_PREFIX}{self.name} list), or sign in until Longshore closes.",
            detail=why,
        )


def find_helper(name: str, environ: Mapping[str, str]) -> str | None:
    """The program of the helper *name*, None if there is none or the name is not valid."""
    if _NAME.fullmatch(name) is None:
        return None
    return shutil.which(_PREFIX + name, path=environ.get("PATH", os.defpath))


def default_helper(environ: Mapping[str, str]) -> str:
    """The helper that `docker login` uses if none is configured and nobody is signed in; empty for the file.

    Follows docker/cli, cli/config/credentials/default_store*.go.
    """
    if sys.platform == "darwin":
        name = "osxkeychain"
    elif sys.platform == "win32":
        name = "wincred"
    else:
        name = "pass" if shutil.which("pass", path=environ.get("PATH", os.defpath)) else "secretservice"
    return name if find_helper(name, environ) else ""


def _not_found(result: program.Result) -> bool:
    # The standard helpers print errors to standard output, others to standard error.
    return says_not_found(_text(result.output).strip() or _text(result.noise))


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
