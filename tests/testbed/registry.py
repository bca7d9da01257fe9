"""Private registries: real docker-registry processes, each with its own data, port and log."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from testbed.crypto import bcrypt, make_authority, make_certificate
from testbed.environ import bare_environ
from testbed.errors import TestbedError, TestbedUnavailable
from testbed.processes import Process, find_program, read_log, wait_until
from testbed.token_server import TokenServer

Authentication = Literal["htpasswd", "token"]

START_SECONDS = 20.0
MEMORY = Path("/dev/shm")
LISTENING = re.compile(r"listening on \S*?:(\d+)(?:, tls)?\"")
ACCESS_LINE = re.compile(
    r'^\S+ \S+ (?P<user>.*?) \[[^\]]*\] "(?P<method>[A-Z]+) (?P<path>\S+) [^"]*"'
    r' (?P<status>\d+) (?P<size>\d+|-) "[^"]*" "(?P<agent>[^"]*)"'
)


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """A line of the registry's access log. ``size``: bytes of the response's body."""

    method: str
    path: str
    status: int
    size: int
    agent: str


class PrivateRegistry:
    """A docker-registry for tests; started by ``start()`` or by entering it.

    Args:
        root: folder for its data, configuration and logs.
        auth: None for an open one, ``htpasswd`` for Basic, ``token`` for Bearer by a `TokenServer`.
        tls: serve https, with a certificate by its own authority (`ca_file`).
        client_certificates: with ``tls``, require client certificates by the same authority.
        delete: allow DELETE.
        port: 0 uses a free one; a restart keeps it.
        read_only: refuse every write (405).
        proxy: URL of the registry for which this one is a pull-through cache.
        host: address to listen on. Engines require the CA for addresses outside of 127.0.0.0/8.
        prefix: path before ``/v2/``, such as ``/images/``.
        relative_urls: send Locations without a host.
        in_memory: keep the data in /dev/shm if it exists: for tens of thousands of small files, which take
            minutes to make and remove on a busy disk.
        token_server: a `TokenServer` that the caller has started; without it one is made.
    """

    def __init__(
        self,
        root: Path,
        *,
        auth: Authentication | None = None,
        tls: bool = False,
        client_certificates: bool = False,
        delete: bool = True,
        port: int = 0,
        read_only: bool = False,
        proxy: str = "",
        host: str = "127.0.0.1",
        prefix: str = "",
        relative_urls: bool = False,
        in_memory: bool = False,
        username: str = "sam",
        password: str = "tide-and-timber",
        token_server: TokenServer | None = None,
    ) -> None:
        self.root = root
        self.auth = auth
        self.tls = tls
        self.client_certificates = client_certificates
        self.delete = delete
        self.port = port
        self.read_only = read_only
        self.proxy = proxy
        self.host = host
        self.prefix = prefix
        self.relative_urls = relative_urls
        self.username = username if auth else ""
        self.password = password if auth else ""
        self.in_memory = in_memory and MEMORY.is_dir()
        self.storage = Path(tempfile.mkdtemp(prefix="ls-", dir=MEMORY)) if self.in_memory else root / "data"
        self.log = root / "registry.log"
        self.access_log = root / "access.log"
        self.token_server = token_server
        self._owns_token_server = auth == "token" and token_server is None
        self._process: Process | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def address(self) -> str:
        """``127.0.0.1:PORT``, as it precedes the repository in a reference."""
        if not self.port:
            raise TestbedError("the registry has no port before its first start")
        return f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """The root of its API without ``/v2/``, such as ``http://127.0.0.1:5000``."""
        return f"{'https' if self.tls else 'http'}://{self.address}{self.prefix.rstrip('/')}"

    @property
    def ca_file(self) -> Path | None:
        """The certificate of the authority that signed the registry's own; None without TLS."""
        return self.root / "tls" / "ca.crt" if self.tls else None

    @property
    def client_certificate(self) -> tuple[Path, Path]:
        """A certificate and a key that this registry accepts from a client (the server's own)."""
        if not self.tls:
            raise TestbedError("a registry without TLS takes no client certificates")
        return self.root / "tls" / "server.crt", self.root / "tls" / "server.key"

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.is_running

    def start(self) -> None:
        """Start it and wait until it listens. Does nothing if it is running.

        Raises:
            TestbedUnavailable: docker-registry is not installed, or cannot start.
        """
        if self.is_running:
            return
        program = find_program("docker-registry", "docker-registry")
        self.root.mkdir(parents=True, exist_ok=True)
        self.storage.mkdir(parents=True, exist_ok=True)
        if self._owns_token_server and self.token_server is None:
            self.token_server = TokenServer(self.root / "token", users={self.username: self.password})
            self.token_server.start()
        if self.tls and not (self.root / "tls" / "server.crt").exists():
            authority = make_authority(self.root / "tls")
            make_certificate(self.root / "tls", authority, [self.host, "localhost"])
        settings = self.root / "config.yml"
        # JSON is also YAML.
        settings.write_text(json.dumps(self._settings(), indent=2), "utf-8")
        before = len(self.log_text())
        self._process = Process(
            "registry",
            [program, "serve", str(settings)],
            log=self.log,
            output_log=self.access_log,
            environ=bare_environ(self.root),
        )
        try:
            wait_until(
                lambda: LISTENING.search(self.log_text(), before) is not None,
                timeout=START_SECONDS,
                what="the registry",
                process=self._process,
            )
        except TestbedError as error:
            self.stop()
            raise TestbedUnavailable(f"docker-registry does not start here: {error}") from error
        found = LISTENING.search(self.log_text(), before)
        assert found is not None
        self.port = int(found[1])

    def stop(self) -> None:
        """Stop it; its data and port stay for the next start."""
        if self._process is not None:
            self._process.stop()
            self._process = None

    def kill(self) -> None:
        """SIGKILL: every connection is reset."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def restart(self) -> None:
        """Stop it if it is running, and start it on the same port."""
        self.stop()
        self.start()

    def collect_garbage(self, *, untagged: bool = True) -> None:
        """Stop, delete what no manifest needs (with ``untagged`` also manifests without a tag), and start again.

        Raises:
            TestbedError: the registry's garbage collection failed.
        """
        self.stop()
        program = find_program("docker-registry", "docker-registry")
        options = ["--delete-untagged"] if untagged else []
        done = subprocess.run(
            [program, "garbage-collect", *options, str(self.root / "config.yml")],
            env=bare_environ(self.root),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode:
            raise TestbedError(f"garbage collection: {done.stderr[-2000:]}")
        self.start()

    def close(self) -> None:
        """Stop it and its token server, and remove its data; the logs stay in ``root``."""
        self.stop()
        if self._owns_token_server and self.token_server is not None:
            self.token_server.close()
            self.token_server = None
        shutil.rmtree(self.storage, ignore_errors=True)

    def log_text(self) -> str:
        """The registry's log, without its access log."""
        return read_log(self.log)

    def requests(self) -> list[LoggedRequest]:
        """All answered requests so far, in the order in which their responses ended."""
        found = []
        for line in read_log(self.access_log).splitlines():
            match = ACCESS_LINE.match(line)
            if match:
                size = 0 if match["size"] == "-" else int(match["size"])
                found.append(
                    LoggedRequest(match["method"], match["path"], int(match["status"]), size, match["agent"])
                )
        return found

    def _settings(self) -> dict[str, object]:
        http: dict[str, object] = {
            # With a fixed secret, uploads can be resumed after a restart.
            "secret": "longshore-testbed",
            "addr": f"{self.host}:{self.port}",
            "relativeurls": self.relative_urls,
        }
        if self.prefix:
            http["prefix"] = self.prefix
        if self.tls:
            http["tls"] = {
                "certificate": str(self.root / "tls" / "server.crt"),
                "key": str(self.root / "tls" / "server.key"),
            } | ({"clientcas": [str(self.root / "tls" / "ca.crt")]} if self.client_certificates else {})
        settings: dict[str, object] = {
            "version": 0.1,
            "log": {"level": "info", "formatter": "text", "accesslog": {"disabled": False}},
            "storage": {
                "filesystem": {"rootdirectory": str(self.storage)},
                "delete": {"enabled": self.delete},
                "maintenance": {
                    "uploadpurging": {"enabled": False},
                    "readonly": {"enabled": self.read_only},
                },
            },
            "http": http,
        }
        if self.proxy:
            settings["proxy"] = {"remoteurl": self.proxy}
        if self.auth == "htpasswd":
            passwords = self.root / "htpasswd"
            passwords.write_text(f"{self.username}:{bcrypt(self.password)}\n", "utf-8")
            settings["auth"] = {"htpasswd": {"realm": "Longshore testbed", "path": str(passwords)}}
        elif self.auth == "token":
            assert self.token_server is not None
            settings["auth"] = {"token": self.token_server.registry_settings()}
        return settings
