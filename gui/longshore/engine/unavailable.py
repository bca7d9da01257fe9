"""The reason why an engine is unavailable, from the exceptions of the layers below.

Recognizes them by type and number, not by text.
"""

from __future__ import annotations

import errno
import http.client
import socket
import ssl
from collections.abc import Iterator

from longshore.engine.address import EngineAddress, Origin
from longshore.errors import EngineError, EngineLost, EngineUnavailable, UnavailableCause

_UNREACHABLE = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN, errno.EADDRNOTAVAIL}
_START = "Start the engine (for Docker on Linux: sudo systemctl start docker)."


def explain(address: EngineAddress, error: BaseException, *, doing: str = "") -> EngineError:
    """The error to show for *error*, which was raised while talking to the engine at *address*.

    *doing*: the interrupted work, for an engine that was lost meanwhile, e.g. ``pulling “postgres:16”``.
    """
    chain = list(_chain(error))
    for each in chain:
        found = _known(address, each)
        if found is not None:
            return found
    if isinstance(error, ValueError) and not isinstance(error, OSError):
        return _not_an_engine(address, str(error))
    return EngineLost(
        f"The connection to the engine was lost while {doing}."
        if doing
        else "The connection to the engine was lost.",
        subject=address.url,
        advice="Try again when the engine is running.",
        detail=_words(chain),
    )


def no_version(address: EngineAddress, status: int, text: str) -> EngineUnavailable:
    """The error for an HTTP *status* in response to the first request, which every engine answers without a sign-in."""
    if status == 400 and "HTTPS server" in text:
        return _unavailable(
            address,
            UnavailableCause.TLS,
            "The engine requires TLS, but its address is configured without TLS.",
            "Set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH, or use a Docker context that has its certificates.",
            text,
        )
    if status in (401, 403, 407):
        return _unavailable(
            address,
            UnavailableCause.NO_PERMISSION,
            "Access to the engine is denied, probably by a proxy in front of it.",
            "Ask the administrator of the engine or the proxy.",
            f"{status} {text}",
        )
    return _not_an_engine(address, f"{status} {text}")


def no_ssh(address: EngineAddress, detail: str = "") -> EngineUnavailable:
    """The error for an ``ssh://`` address on a machine without an ssh program."""
    return _unavailable(
        address,
        UnavailableCause.UNSUPPORTED,
        "This engine is reached over SSH, but ssh is not installed on this machine.",
        "Install the OpenSSH client.",
        detail,
    )


def _known(address: EngineAddress, error: BaseException) -> EngineError | None:
    from requests import exceptions as requests_errors
    from urllib3 import exceptions as urllib3_errors

    from longshore.engine.transport import SshError

    detail = str(error)
    if isinstance(error, EngineError):
        return error
    if isinstance(error, SshError):
        return _ssh(address, error)
    if isinstance(error, ssl.SSLError | urllib3_errors.SSLError | requests_errors.SSLError):
        return _tls(address, error)
    if isinstance(error, socket.gaierror | urllib3_errors.NameResolutionError):
        return _unavailable(
            address,
            UnavailableCause.UNREACHABLE,
            "The engine's host was not found.",
            "Check the name in the address, and the network or VPN it is on.",
            detail,
        )
    if isinstance(error, TimeoutError | urllib3_errors.TimeoutError | requests_errors.Timeout):
        return _unavailable(
            address,
            UnavailableCause.TIMED_OUT,
            "The engine did not respond in time.",
            "It may be starting, overloaded, or hidden by a firewall. Try again, or restart it.",
            detail,
        )
    if isinstance(error, requests_errors.InvalidJSONError):  # an OSError too, like all errors of that library
        return _not_an_engine(address, detail)
    if isinstance(error, http.client.BadStatusLine) and not isinstance(error, http.client.RemoteDisconnected):
        return _not_an_engine(address, str(error))
    if isinstance(error, OSError):
        return _os_error(address, error)
    return None


def _os_error(address: EngineAddress, error: OSError) -> EngineError | None:
    detail = str(error)
    local = address.socket_path is not None
    if isinstance(error, ConnectionRefusedError):
        return _unavailable(
            address,
            UnavailableCause.NOT_RUNNING,
            "The engine is not running: nothing is listening on its socket."
            if local
            else "The engine is not running: nothing is listening at its address.",
            _START if local else "Start it, or check host and port.",
            detail,
        )
    if address.scheme == "ssh" and isinstance(error, FileNotFoundError):
        return no_ssh(address, detail)
    if local and isinstance(error, FileNotFoundError | NotADirectoryError):
        return _unavailable(
            address,
            UnavailableCause.NO_SOCKET,
            "Can't connect to Docker: socket not found.",
            f"{_START} Docker elsewhere? Then {_elsewhere(address)}.",
            detail,
        )
    if isinstance(error, PermissionError):
        return _unavailable(
            address,
            UnavailableCause.NO_PERMISSION,
            "You are not allowed to use this engine.",
            "Add yourself to the group docker (sudo usermod -aG docker $USER) and log in again, or use a "
            "rootless engine. Members of that group have root access."
            if local
            else "Check this machine's firewall and security policies: one of them blocks the connection.",
            detail,
        )
    if error.errno in _UNREACHABLE:
        return _unavailable(
            address,
            UnavailableCause.UNREACHABLE,
            "There is no network route to the engine's machine.",
            "Check the network or VPN it is on.",
            detail,
        )
    # UnixLine's path is too long; this error has no number.
    if error.errno is None and "AF_UNIX" in detail:
        return _unavailable(
            address,
            UnavailableCause.UNSUPPORTED,
            "The path of the engine's socket is too long for this system.",
            "Use a symbolic link with a shorter path.",
            detail,
        )
    return None


def _elsewhere(address: EngineAddress) -> str:
    match address.origin:
        case Origin.OPTION:
            return "change --engine"
        case Origin.ENVIRONMENT:
            return "change DOCKER_HOST"
        case Origin.CONTEXT:
            return "change the Docker context"
        case _:
            return "set DOCKER_HOST or choose another engine"


def _tls(address: EngineAddress, error: BaseException) -> EngineUnavailable:
    detail = str(error)
    if "WRONG_VERSION_NUMBER" in detail or "record layer failure" in detail.lower():
        message = "The engine does not use TLS at this address."
        advice = "Check the port (usually 2375 without TLS, 2376 with TLS), or unset DOCKER_TLS_VERIFY."
    elif "CERTIFICATE_VERIFY_FAILED" in detail:
        message = "The engine's certificate is not trusted."
        advice = "Put its CA certificate into ca.pem in DOCKER_CERT_PATH or in the Docker context."
    elif "CERTIFICATE_REQUIRED" in detail or "alert" in detail.lower():
        message = "The engine does not accept your certificate."
        advice = "Check cert.pem and key.pem in DOCKER_CERT_PATH or in the Docker context."
    else:
        message = "The TLS connection to the engine failed."
        advice = "Check ca.pem, cert.pem and key.pem in DOCKER_CERT_PATH or in the Docker context."
    return _unavailable(address, UnavailableCause.TLS, message, advice, detail)


def _ssh(address: EngineAddress, error: BaseException) -> EngineUnavailable:
    said = str(error)
    if "Permission denied" in said:
        cause = UnavailableCause.NO_PERMISSION
        message, advice = (
            "SSH access to the engine's machine was denied.",
            "Load your key into the SSH agent; a password can't be typed here.",
        )
    elif "Could not resolve hostname" in said:
        cause = UnavailableCause.UNREACHABLE
        message, advice = "The engine's host was not found.", "Check the host in the address."
    elif "Host key verification failed" in said:
        cause = UnavailableCause.TLS
        message = "SSH does not know the key of the engine's machine, or the key has changed."
        advice = "Connect once with ssh in a terminal and check the key."
    elif "not found" in said:
        cause = UnavailableCause.UNSUPPORTED
        message, advice = (
            "The docker command is not installed on that machine.",
            "Install Docker's command line tool there.",
        )
    elif "Cannot connect to the Docker daemon" in said:
        cause = UnavailableCause.NOT_RUNNING
        message = "No engine is running on that machine, or its socket is elsewhere."
        advice = "Start it, or give the path of its socket: ssh://user@host/path/docker.sock."
    elif "refused" in said:
        cause = UnavailableCause.NOT_RUNNING
        message, advice = "SSH is not responding on that machine, or its engine is not running.", "Start it."
    elif "timed out" in said:
        cause = UnavailableCause.TIMED_OUT
        message, advice = (
            "The engine's machine did not respond in time.",
            "Check the network or VPN it is on.",
        )
    else:
        cause = UnavailableCause.UNREACHABLE
        message, advice = "SSH can't reach the engine.", "Try “docker -H ssh://… version” in a terminal."
    return _unavailable(address, cause, message, advice, said)


def _not_an_engine(address: EngineAddress, detail: str) -> EngineUnavailable:
    return _unavailable(
        address,
        UnavailableCause.UNSUPPORTED,
        "The server at this address is not a container engine.",
        "Check the address; engines usually use port 2375 or 2376.",
        detail,
    )


def _unavailable(
    address: EngineAddress, cause: UnavailableCause, message: str, advice: str, detail: str
) -> EngineUnavailable:
    return EngineUnavailable(message, cause=cause, subject=address.url, advice=advice, detail=detail)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """*error* and its causes, the innermost first: HTTP libraries wrap errors in three different ways."""
    seen: list[BaseException] = []
    todo: list[object] = [error]
    while todo:
        each = todo.pop(0)
        if not isinstance(each, BaseException) or any(each is known for known in seen):
            continue
        seen.append(each)
        todo += [each.__cause__, each.__context__, getattr(each, "reason", None), *each.args]
    return reversed(seen)


def _words(chain: list[BaseException]) -> str:
    """The reason in the words of the layers below; none for a response that ended early, named by Python only."""
    early = any(isinstance(each, http.client.IncompleteRead) for each in chain)
    return "" if early or type(chain[0]) is ValueError else f"{type(chain[0]).__name__}: {chain[0]}"
