"""What a client asks: the head of an HTTP request (RFC 9112), its path and its range (RFC 9110, 14). Pure."""

from __future__ import annotations

import http.client
import io
from dataclasses import dataclass
from email.message import Message
from urllib.parse import unquote

_VERSIONS = ("HTTP/1.0", "HTTP/1.1")
#: Digits of the largest number in a range: more than any blob has bytes.
_MOST_DIGITS = 18


@dataclass(frozen=True, slots=True)
class Request:
    """The head of a request. *path*: as sent, without the query. *keeps*: the client can send another one."""

    method: str
    path: str
    headers: Message
    keeps: bool

    @property
    def reads(self) -> bool:
        """True if it only asks for something."""
        return self.method in ("GET", "HEAD")

    @property
    def has_body(self) -> bool:
        """True if more bytes of this request follow."""
        return "Transfer-Encoding" in self.headers or self.headers.get("Content-Length", "0").strip() != "0"


@dataclass(frozen=True, slots=True)
class Place:
    """A path below a repository: ``/v2/<repository>/<kind>/<name>``. *name*: a tag or a digest."""

    repository: bytes
    kind: str
    name: str


def parse_head(head: bytes) -> Request | None:
    """The request that *head* begins, up to and without its empty line; None if it is not one of HTTP/1."""
    line, _, rest = head.partition(b"\r\n")
    words = line.decode("latin-1").split(" ")
    if len(words) != 3 or words[2] not in _VERSIONS:
        return None
    try:
        headers = http.client.parse_headers(io.BytesIO(rest + b"\r\n\r\n"))
    except http.client.HTTPException:
        return None  # too many of them
    wishes = [word.strip().lower() for word in headers.get("Connection", "").split(",")]
    keeps = words[2] == "HTTP/1.1" and "close" not in wishes
    return Request(words[0], words[1].partition("?")[0], headers, keeps)


def parse_path(path: str) -> Place | None:
    """The place that *path* names; None if it has another form. All offers have repositories of two parts."""
    parts = path.split("/")
    if len(parts) != 6 or parts[:2] != ["", "v2"]:
        return None
    return Place(f"{parts[2]}/{parts[3]}".encode("latin-1", "replace"), parts[4], unquote(parts[5]))


def byte_range(header: str, size: int) -> range | None:
    """The bytes that *header*, a Range, asks for of *size* bytes; empty if there are none (416).

    None for several ranges, other units, and what is not a range: all of it is sent then, as RFC 9110 allows.
    """
    unit, _, spans = header.partition("=")
    first, dash, last = spans.strip().partition("-")
    if unit.strip().lower() != "bytes" or not dash:
        return None
    if not first:
        length = _number(last)
        return None if length is None else range(max(size - length, 0), size)
    begin = _number(first)
    end = _number(last) if last else size - 1
    if begin is None or end is None or (last and end < begin):
        return None
    return range(begin, min(end + 1, size))


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None
