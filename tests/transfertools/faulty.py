"""A registry in memory over real HTTP, with faults on demand that no real registry offers."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

_PATH = re.compile(r"/v2/(.+)/(manifests|blobs|referrers)/(uploads/)?([^/]*)$")
#: A fault: a status with headers and a body, or the number of body bytes after which the connection is cut.
Fault = tuple[int, dict[str, str], bytes] | int


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


class FaultyRegistry:
    """A registry with the referrers API.

    It keeps upload sessions after a cut (at completed chunks), and changes an upload's location with every response.

    *ranges*: "honour" them, "ignore" them, or return an "other" part. *short_chunks*: bytes of each PATCH that it
    keeps, all if None. *strict*: refuses with 416 a PATCH or PUT whose Content-Range does not continue what it has.
    *told*: returns the byte count for the Range header, given how many bytes it has and how many came last; None: no
    Range. *named*: changes the Location of an upload. *fault*: called for each request (method, path), may return a
    :data:`Fault`. *blobs*: by digest; served unchanged, right or wrong.
    """

    def __init__(self) -> None:
        self.blobs: dict[tuple[str, str], bytes] = {}
        self.manifests: dict[tuple[str, str], tuple[str, bytes]] = {}
        self.ranges = "honour"
        self.short_chunks: int | None = None
        self.strict = False
        self.told: Callable[[int, int], int | None] = lambda kept, last: kept
        self.named: Callable[[str], str] = lambda location: location
        self.fault: Callable[[str, str], Fault | None] = lambda method, path: None
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self._uploads: dict[
            str, tuple[bytes, int]
        ] = {}  # by id: the bytes kept, and the state of the location
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        faulty = self

        class Handler(BaseHTTPRequestHandler):
            disable_nagle_algorithm = True  # headers and body are two writes
            protocol_version = "HTTP/1.1"

            def handle(self) -> None:
                with contextlib.suppress(ConnectionError, ValueError, TimeoutError):
                    # A TLS greeting contains no line break, and http.server would wait for one forever.
                    if self.connection.recv(1, socket.MSG_PEEK) != b"\x16":
                        super().handle()

            def log_message(self, *_: Any) -> None:
                pass

            def __getattr__(self, name: str) -> Any:
                if name.startswith("do_"):
                    return lambda: faulty._serve(self)
                raise AttributeError(name)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = False
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Close the registry. Close its clients first, because it waits for their connections."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def requests(self, method: str, pattern: str = "") -> list[dict[str, str]]:
        """Return the headers of all matching requests so far."""
        with self._lock:
            return [h for m, path, h in self.asked if m == method and re.search(pattern, path)]

    def put_blob(self, repository: str, data: bytes) -> dict[str, Any]:
        """Store a blob; return a descriptor without a media type."""
        self.blobs[repository, digest_of(data)] = data
        return {"digest": digest_of(data), "size": len(data)}

    def put_manifest(self, repository: str, document: dict[str, Any], *names: str) -> str:
        """Store a manifest under its digest and *names*; return the digest."""
        raw = json.dumps(document).encode()
        for name in (digest_of(raw), *names):
            self.manifests[repository, name] = (document["mediaType"], raw)
        return digest_of(raw)

    def put_image(self, repository: str, tag: str, *layers: bytes, **more: Any) -> str:
        """Store an OCI image of these layers; return its digest."""
        config = json.dumps({"os": "linux", "architecture": "amd64", "of": [digest_of(x) for x in layers]})
        document = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": self.put_blob(repository, config.encode())
            | {"mediaType": "application/vnd.oci.image.config.v1+json"},
            "layers": [
                self.put_blob(repository, layer)
                | {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip"}
                for layer in layers
            ],
            **more,
        }
        return self.put_manifest(repository, document, tag)

    # -- serving

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        method, path = handler.command, handler.path
        with self._lock:
            headers = {key.lower(): value for key, value in handler.headers.items()}
            self.asked.append((method, path, headers))
        fault = self.fault(method, path)
        if isinstance(fault, int) and method in ("PATCH", "PUT"):
            handler.rfile.read(fault)
            self._cut(handler)
            return
        length = int(handler.headers.get("Content-Length") or 0)
        body = handler.rfile.read(length)
        if len(body) < length:
            self._cut(handler)
            return
        if isinstance(fault, tuple):
            self._answer(handler, *fault)
            return
        status, more, data = self._do(handler, method, urlsplit(path), headers, body)
        if isinstance(fault, int):
            self._answer(handler, status, more, data, fault)
        else:
            self._answer(handler, status, more, data)

    def _cut(self, handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        with contextlib.suppress(OSError):
            handler.connection.shutdown(socket.SHUT_RDWR)

    def _answer(
        self,
        handler: BaseHTTPRequestHandler,
        status: int,
        headers: dict[str, str],
        data: bytes,
        cut: int | None = None,
    ) -> None:
        handler.send_response(status)
        for key, value in {"Content-Length": str(len(data)), **headers}.items():
            handler.send_header(key, value)
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(data if cut is None else data[:cut])
        if cut is not None:
            self._cut(handler)

    def _do(
        self, handler: BaseHTTPRequestHandler, method: str, url: Any, headers: dict[str, str], body: bytes
    ) -> Fault | Any:
        found = _PATH.match(url.path)
        if found is None:
            return (200, {}, b"{}") if url.path == "/v2/" else (404, {}, b"{}")
        repository, kind, uploads, name = found.groups()
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        if uploads:
            return self._upload(method, repository, name, query, headers, body)
        if kind == "referrers":
            return self._referrers(repository, name)
        if kind == "manifests" and method == "PUT":
            subject = json.loads(body).get("subject")
            self.manifests[repository, digest_of(body)] = (headers["content-type"], body)
            self.manifests[repository, name] = (headers["content-type"], body)
            more = {"OCI-Subject": subject["digest"]} if subject else {}
            return 201, {"Docker-Content-Digest": digest_of(body), **more}, b""
        if kind == "manifests":
            media_type, data = self.manifests.get((repository, name), ("", b""))
            if not media_type:
                return 404, {}, b"{}"
            return 200, {"Content-Type": media_type, "Docker-Content-Digest": digest_of(data)}, data
        blob = self.blobs.get((repository, name))
        if blob is None:
            return 404, {}, b"{}"
        return self._blob(blob, headers.get("range", ""))

    def _blob(self, blob: bytes, wanted: str) -> Any:
        if not wanted or self.ranges == "ignore":
            return 200, {}, blob
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        begin, end = int(first), int(last) + 1 if last else len(blob)
        if self.ranges == "other":
            begin += 7
        part = blob[begin:end]
        span = f"bytes {begin}-{begin + len(part) - 1}/{len(blob)}"
        return 206, {"Content-Range": span}, part

    def _referrers(self, repository: str, digest: str) -> Any:
        about = [
            {"mediaType": media_type, "digest": digest_of(raw), "size": len(raw)}
            for (where, name), (media_type, raw) in list(self.manifests.items())
            if where == repository
            and name == digest_of(raw)
            and (json.loads(raw).get("subject") or {}).get("digest") == digest
        ]
        document = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": about,
        }
        return 200, {"Content-Type": document["mediaType"]}, json.dumps(document).encode()

    def _upload(
        self,
        method: str,
        repository: str,
        name: str,
        query: dict[str, str],
        headers: dict[str, str],
        body: bytes,
    ) -> Any:
        with self._lock:
            if method == "POST":
                if (query.get("from", ""), query.get("mount", "")) in self.blobs:
                    self.blobs[repository, query["mount"]] = self.blobs[query["from"], query["mount"]]
                    return 201, {}, b""
                name = f"u{next(self._numbers)}"
                self._uploads[name] = (b"", 0)
                return 202, self._place(repository, name), b""
            kept, state = self._uploads.get(name, (b"", -1))
            if state < 0 or query.get("state") != str(state):
                return 404, {}, b'{"errors":[{"code":"BLOB_UPLOAD_INVALID"}]}'
            if method == "GET":
                return 204, self._place(repository, name), b""
            if method == "DELETE":
                del self._uploads[name]
                return 204, {}, b""
            begin = int(headers.get("content-range", f"{len(kept)}-").partition("-")[0])
            if self.strict and method in ("PATCH", "PUT") and begin != len(kept):
                return 416, self._place(repository, name), b""
            if method == "PATCH":
                taken = body if self.short_chunks is None else body[: self.short_chunks]
                self._uploads[name] = (kept + taken, state + 1)
                return 202, self._place(repository, name, len(taken)), b""
            whole = kept + body
            if digest_of(whole) != query["digest"]:
                return 400, {}, b'{"errors":[{"code":"DIGEST_INVALID"}]}'
            del self._uploads[name]
            self.blobs[repository, query["digest"]] = whole
            return 201, {}, b""

    def _place(self, repository: str, name: str, last: int = 0) -> dict[str, str]:
        kept, state = self._uploads[name]
        told = self.told(len(kept), last)
        location = self.named(f"/v2/{repository}/blobs/uploads/{name}?state={state}")
        return {"Location": location} | ({} if told is None else {"Range": f"0-{max(told - 1, 0)}"})


@contextlib.contextmanager
def faulty_registries(count: int) -> Iterator[list[FaultyRegistry]]:
    """Context manager: *count* registries; close their clients before it ends."""
    made = [FaultyRegistry() for _ in range(count)]
    try:
        yield made
    finally:
        for one in made:
            one.close()
