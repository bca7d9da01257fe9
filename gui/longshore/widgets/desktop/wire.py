"""The few shapes of D-Bus messages that are needed here, as bytes and back (D-Bus Specification 0.42).

Pure: no socket, no Qt. What is read comes from other programs of the session and is bounded and checked.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

#: Bytes of the largest message that is read; more is nothing that was asked for. The protocol's own bound is 128 MiB.
MAX_MESSAGE = 1 << 20
CALL, REPLY, ERROR, SIGNAL = 1, 2, 3, 4
_PATH, _INTERFACE, _MEMBER, _ERROR_NAME, _REPLY_SERIAL, _DESTINATION, _SENDER, _SIGNATURE = range(1, 9)
_SIZES = {"y": 1, "b": 4, "i": 4, "u": 4, "x": 8, "d": 8, "s": 4, "o": 4, "g": 1, "v": 1, "a": 4}
_CODES = {"y": "B", "i": "i", "u": "I", "x": "q", "d": "d"}


class Malformed(Exception):
    """What was read is no D-Bus message, or none that is understood here."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A value with its type, for dictionaries: one of ``s b y i u x d``."""

    kind: str
    value: Any


@dataclass(frozen=True, slots=True)
class Message:
    """One message. *body*: values of the types in *signature*."""

    kind: int
    serial: int = 0
    path: str = ""
    interface: str = ""
    member: str = ""
    destination: str = ""
    error: str = ""
    reply_to: int = 0
    sender: str = ""
    signature: str = ""
    body: tuple[Any, ...] = field(default=())


# -- writing


class _Writer:
    def __init__(self) -> None:
        self.data = bytearray()

    def pad(self, size: int) -> None:
        self.data += bytes(-len(self.data) % size)

    def put(self, kind: str, value: Any) -> None:
        """One value of a simple type."""
        if kind in _CODES:
            self.pad(_SIZES[kind])
            self.data += struct.pack("<" + _CODES[kind], value)
        elif kind == "b":
            self.put("u", 1 if value else 0)
        elif kind in "so":
            # NUL would end the string for the reader, and the bus would cut the line for it.
            raw = str(value).replace("\0", "").encode("utf-8", "replace")
            self.put("u", len(raw))
            self.data += raw + b"\0"
        elif kind == "g":
            raw = str(value).encode("ascii")
            self.data += bytes([len(raw)]) + raw + b"\0"
        else:
            raise ValueError(f"no simple type: {kind}")

    def variant(self, value: Variant) -> None:
        self.put("g", value.kind)
        self.put(value.kind, value.value)

    def strings(self, values: Sequence[str]) -> None:
        inner = _Writer()
        for value in values:
            inner.put("s", value)
        self.put("u", len(inner.data))
        self.data += inner.data

    def dictionary(self, values: Mapping[str, Variant]) -> None:
        self.pad(4)
        place = len(self.data)
        self.put("u", 0)
        self.pad(8)
        begin = len(self.data)
        for name, value in values.items():
            self.pad(8)
            self.put("s", name)
            self.variant(value)
        struct.pack_into("<I", self.data, place, len(self.data) - begin)


def body_bytes(signature: str, values: Sequence[Any]) -> bytes:
    """*values* as the types of *signature* want them; it may hold simple types, ``as``, ``v`` and ``a{sv}``."""
    writer = _Writer()
    rest = signature
    for value in values:
        if rest.startswith("a{sv}"):
            writer.dictionary(value)
            rest = rest[5:]
        elif rest.startswith("as"):
            writer.strings(value)
            rest = rest[2:]
        elif rest.startswith("v"):
            writer.variant(value)
            rest = rest[1:]
        else:
            writer.put(rest[:1], value)
            rest = rest[1:]
    return bytes(writer.data)


def encode(message: Message) -> bytes:
    """*message*, little-endian."""
    body = body_bytes(message.signature, message.body)
    writer = _Writer()
    writer.data += struct.pack("<cBBBII", b"l", message.kind, 0, 1, len(body), message.serial)
    fields = _Writer()
    for code, kind, value in (
        (_PATH, "o", message.path),
        (_INTERFACE, "s", message.interface),
        (_MEMBER, "s", message.member),
        (_ERROR_NAME, "s", message.error),
        (_REPLY_SERIAL, "u", message.reply_to),
        (_DESTINATION, "s", message.destination),
        (_SIGNATURE, "g", message.signature),
    ):
        if value:
            fields.pad(8)
            fields.put("y", code)
            fields.variant(Variant(kind, value))
    writer.put("u", len(fields.data))
    # The fields begin at byte 16, so that their own alignment is that of the whole.
    writer.data += fields.data
    writer.pad(8)
    return bytes(writer.data) + body


# -- reading


class _Reader:
    def __init__(self, data: bytes, order: str, at: int = 0) -> None:
        self.data, self.order, self.at = data, order, at

    def pad(self, size: int) -> None:
        self.at += -self.at % size

    def take(self, length: int) -> bytes:
        part = self.data[self.at : self.at + length]
        if len(part) != length:
            raise Malformed("cut short")
        self.at += length
        return part

    def get(self, kind: str) -> Any:
        if kind in _CODES:
            self.pad(_SIZES[kind])
            return struct.unpack(self.order + _CODES[kind], self.take(_SIZES[kind]))[0]
        if kind == "b":
            return bool(self.get("u"))
        if kind in ("s", "o", "g"):
            length = int(self.get("y" if kind == "g" else "u"))
            raw = self.take(length + 1)
            return raw[:-1].decode("utf-8", "replace")
        if kind == "as":
            end = int(self.get("u")) + self.at
            found = []
            while self.at < end:
                found.append(self.get("s"))
            return found
        raise Malformed(f"type {kind!r}")

    def variant(self) -> Any:
        return self.get(str(self.get("g")))


def size_of(head: bytes) -> int | None:
    """The whole length in bytes of the message that begins with *head*; None while too little of it is there.

    Raises Malformed for what is no message, or one that is too large.
    """
    if len(head) < 16:
        return None
    order = _order(head)
    body, _, fields = struct.unpack(order + "III", head[4:16])
    size = 16 + fields + (-fields % 8) + body
    if size > MAX_MESSAGE:
        raise Malformed(f"{size} bytes")
    return int(size)


def _order(head: bytes) -> str:
    if head[:1] not in (b"l", b"B") or head[3] != 1:
        raise Malformed("no message")
    return "<" if head[:1] == b"l" else ">"


def decode(data: bytes) -> Message:
    """One whole message. Its body is read if it holds simple types, variants of them and ``as`` only; else it is empty.

    Raises Malformed.
    """
    order = _order(data)
    body_length, serial, fields_length = struct.unpack(order + "III", data[4:16])
    reader = _Reader(data[: 16 + fields_length], order, 16)
    found: dict[int, Any] = {}
    while reader.at < 16 + fields_length:
        reader.pad(8)
        code = int(reader.get("y"))
        found[code] = reader.variant()
    signature = str(found.get(_SIGNATURE, ""))
    start = 16 + fields_length + (-fields_length % 8)
    return Message(
        kind=data[1],
        serial=serial,
        path=str(found.get(_PATH, "")),
        interface=str(found.get(_INTERFACE, "")),
        member=str(found.get(_MEMBER, "")),
        destination=str(found.get(_DESTINATION, "")),
        error=str(found.get(_ERROR_NAME, "")),
        reply_to=int(found.get(_REPLY_SERIAL, 0)),
        sender=str(found.get(_SENDER, "")),
        signature=signature,
        body=_body(signature, data[start : start + body_length], order),
    )


def _body(signature: str, data: bytes, order: str) -> tuple[Any, ...]:
    reader = _Reader(data, order)
    values = []
    rest = signature
    while rest:
        kind = "as" if rest.startswith("as") else rest[:1]
        if kind == "v":
            values.append(reader.variant())
            rest = rest[1:]
            continue
        if kind not in _CODES and kind not in ("as", "b", "s", "o", "g"):
            return ()  # nothing that we asked for looks like that
        values.append(reader.get(kind))
        rest = rest[len(kind) :]
    return tuple(values)
