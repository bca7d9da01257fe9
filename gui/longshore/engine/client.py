"""A subclass of the Docker SDK's client that does not read the user's credentials and can be interrupted.

Importing this module imports ``docker``, which takes longer than a window takes to appear: only engine.py does, late.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import docker
import requests
import requests.utils
from docker.auth import AuthConfig, encode_header
from docker.utils.proxy import ProxyConfig

import longshore
from longshore.engine.address import EngineAddress, TlsFiles
from longshore.engine.transport import DialledAdapter, Sockets, SshLine, TcpAdapter, UnixLine
from longshore.engine.unavailable import no_ssh
from longshore.errors import EngineUnavailable, UnavailableCause
from longshore.shared_files import FileTooLarge, NotAFile, read_file

CONNECT_SECONDS = 10.0
#: The maximum length of one line of a stream, in bytes.
LONGEST_LINE = 16 * 1024 * 1024
READ_SIZE = 65536
#: Bytes read from an error response.
LONGEST_REFUSAL = 65536
#: The maximum size of a certificate file in bytes.
LARGEST_PEM = 4 * 1024 * 1024

Timeout = float | tuple[float, float | None]


class StatusError(Exception):
    """The engine returned an error status. *text* is its message, unchanged."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status}: {text}")
        self.status = status
        self.text = text


def _check_files(address: EngineAddress, tls: TlsFiles) -> None:
    """Raise EngineUnavailable (TLS) for a pipe, a device or a huge file: OpenSSL would wait or read forever."""
    for path in (tls.ca if tls.verify else None, tls.cert, tls.key):
        try:
            if path is not None:
                read_file(path, LARGEST_PEM)
        except (NotAFile, FileTooLarge) as error:
            raise EngineUnavailable(
                "A certificate or key file for the engine can't be used.",
                cause=UnavailableCause.TLS,
                subject=address.url,
                advice="Check ca.pem, cert.pem and key.pem in DOCKER_CERT_PATH or in the Docker context.",
                detail=f"{path}: {error.strerror}",
            ) from error
        except OSError:
            continue


class Client(docker.APIClient):
    """One client of one engine. Does not connect when created.

    Deliberately skips the SDK's own constructor: it reads the user's config.json, fails on some of them, keeps their
    passwords, and asks the engine for its version. *timeout* in seconds, or (to connect, to read). *version*: of the
    Engine API; may be empty until :meth:`speak`, for calls without one.
    """

    def __init__(self, address: EngineAddress, version: str, timeout: Timeout) -> None:
        requests.Session.__init__(self)
        # Neither ~/.netrc nor REQUESTS_CA_BUNDLE may change requests to an engine.
        self.trust_env = False
        self.sockets = Sockets()
        self.headers["User-Agent"] = f"longshore/{longshore.__version__}"
        self.timeout: Any = timeout
        self._version = version
        self._general_configs: dict[str, Any] = {}
        self._proxy_configs = ProxyConfig()
        self._auth_configs = AuthConfig({})
        self.credstore_env = None
        self._custom_adapter = None
        #: Whether each of its connections is a process of ssh.
        self.is_ssh = address.scheme == "ssh"
        self.base_url = self._mount(address)

    def _mount(self, address: EngineAddress) -> str:
        """Mount the adapter for *address*; returns the base of the URLs.

        Raises EngineUnavailable (UNSUPPORTED).
        """
        for scheme in ("http://", "https://"):
            self.adapters.pop(scheme)
        local = "http+docker://localhost"
        match address.scheme:
            case "unix":
                path = address.url.removeprefix("unix://")
                self.mount("http+docker://", DialledAdapter(partial(UnixLine, path), self.sockets))
            case "ssh":
                if shutil.which("ssh") is None:
                    raise no_ssh(address)
                self.mount("http+docker://", DialledAdapter(partial(SshLine, address.url), self.sockets))
            case "tcp":
                secure = address.tls is not None
                local = f"{'https' if secure else 'http'}://{address.url.removeprefix('tcp://')}"
                self.mount(local, TcpAdapter(self.sockets))
                self.proxies = requests.utils.get_environ_proxies(local)
                if address.tls is not None:
                    tls = address.tls
                    _check_files(address, tls)
                    self.verify = (str(tls.ca) if tls.ca else True) if tls.verify else False
                    if tls.cert and tls.key:
                        self.cert = (str(tls.cert), str(tls.key))
            case "npipe" if sys.platform == "win32":
                from docker.transport import NpipeHTTPAdapter

                self.mount("http+docker://", NpipeHTTPAdapter(address.url, CONNECT_SECONDS))
            case _:
                raise EngineUnavailable(
                    "Named pipes work on Windows only.",
                    cause=UnavailableCause.UNSUPPORTED,
                    subject=address.url,
                    advice="Use unix://, tcp:// or ssh://.",
                )
        return local

    def cut(self) -> None:
        """Interrupt all calls that block on this client: they fail with an error. Any thread. Does not block."""
        self.sockets.cut()

    def close(self) -> None:
        """Close the idle connections."""
        requests.Session.close(self)

    def _raise_for_status(self, response: requests.Response) -> None:
        # Podman's errors have "cause" and "response" but sometimes no "message", for which the SDK raises KeyError.
        if response.status_code < 400:
            return
        text = _beginning(response)
        try:
            data = json.loads(text)
            text = str(data.get("message") or data.get("cause") or data.get("error") or text)
        except (ValueError, AttributeError, RecursionError):
            pass
        raise StatusError(response.status_code, text.strip() or (response.reason or ""))

    def speak(self, version: str) -> None:
        """Use *version* of the Engine API from now on."""
        self._version = version

    def image_json(self, name: str) -> dict[str, Any]:
        """The data of an image, with the platforms of its index if the engine keeps one (API 1.48).

        Raises StatusError, and ValueError if the response is not an object.
        """
        with self.exchange("GET", "/images/{0}/json", name, params={"manifests": "1"}) as response:
            found = response.json()
        if not isinstance(found, dict):
            raise ValueError("the response about an image is not a JSON object")
        return found

    @contextlib.contextmanager
    def exchange(
        self,
        method: str,
        path: str,
        *arguments: str,
        params: Mapping[str, Any],
        auth: Mapping[str, str] | None = None,
        data: Iterator[bytes] | None = None,
        auths: Mapping[str, Mapping[str, str]] | None = None,
        versioned: bool = True,
    ) -> Iterator[requests.Response]:
        """Send one request; yields the response with its body unread, and closes it at the end. Raises StatusError.

        *auth*: registry credentials to send along, an empty mapping for anonymous access. *auths*: those of several
        registries by their names, for a build. *versioned*: *path* belongs to the Docker Engine API.
        """
        headers: dict[str, str | bytes] = (
            {} if auth is None else {"X-Registry-Auth": encode_header(dict(auth))}
        )
        if auths is not None:
            headers["X-Registry-Config"] = encode_header({name: dict(one) for name, one in auths.items()})
        if data is not None:
            headers["Content-Type"] = "application/x-tar"
        response = self.request(
            method,
            self._url(path, *arguments, versioned_api=versioned),  # type: ignore[attr-defined]
            params=params,
            headers=headers,
            data=data,
            stream=True,
            timeout=self.timeout,
        )
        with contextlib.closing(response):
            self._raise_for_status(response)
            yield response

    @contextlib.contextmanager
    def objects(
        self,
        method: str,
        path: str,
        *arguments: str,
        params: Mapping[str, Any],
        auth: Mapping[str, str] | None = None,
        data: Iterator[bytes] | None = None,
        auths: Mapping[str, Mapping[str, str]] | None = None,
        versioned: bool = True,
    ) -> Iterator[Iterator[dict[str, Any]]]:
        """Like :meth:`exchange`, yielding the JSON objects of the response, each as soon as it arrives."""
        with self.exchange(
            method, path, *arguments, params=params, auth=auth, data=data, auths=auths, versioned=versioned
        ) as response:
            yield read_lines(response)


def _beginning(response: requests.Response) -> str:
    """The beginning of the body, up to the limit; the rest is not read."""
    data = b""
    for piece in response.iter_content(READ_SIZE):
        data += piece
        if len(data) >= LONGEST_REFUSAL:
            break
    return data[:LONGEST_REFUSAL].decode("utf-8", "replace")


def read_lines(response: requests.Response) -> Iterator[dict[str, Any]]:
    """The JSON objects of a stream, each as soon as it arrives. Raises ValueError for anything else."""
    decoder = json.JSONDecoder()
    pending = b""
    while data := _read(response):
        lines = (pending + data).split(b"\n")
        pending = lines.pop()
        for line in lines:
            yield from _objects(decoder, line)
        if len(pending) > LONGEST_LINE:
            raise ValueError("a line of the engine's response exceeds the size limit")
    yield from _objects(decoder, pending)


def _read(response: requests.Response) -> bytes:
    data: bytes = response.raw.read1(READ_SIZE)
    return data


def _objects(decoder: json.JSONDecoder, line: bytes) -> Iterator[dict[str, Any]]:
    text = line.decode("utf-8", "replace").strip()
    at = 0
    while at < len(text):
        try:
            found, at = decoder.raw_decode(text, at)
        except RecursionError as error:
            raise ValueError("a line of the engine's response is nested too deeply") from error
        if isinstance(found, dict):
            yield found
        while at < len(text) and text[at].isspace():
            at += 1
