"""Reads the few fields of an X.509 certificate that a person needs to recognise it (RFC 5280, DER of X.690).

The standard library decodes only certificates that it has verified, and the one to show is the one that failed.
Nothing here decides about trust.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

_UTC_TIME, _GENERALIZED_TIME = 0x17, 0x18
_VERSION, _EXTENSIONS = 0xA0, 0xA3
_DNS_NAME, _IP_ADDRESS = 0x82, 0x87
_SUBJECT_ALT_NAME = bytes.fromhex("551d11")  # 2.5.29.17
_NAMES = {
    bytes.fromhex("550403"): "CN",
    bytes.fromhex("550406"): "C",
    bytes.fromhex("550407"): "L",
    bytes.fromhex("550408"): "ST",
    bytes.fromhex("55040a"): "O",
    bytes.fromhex("55040b"): "OU",
}
_ENCODINGS = {0x1E: "utf-16-be", 0x0C: "utf-8", 0x1C: "utf-32-be"}


def describe(der: bytes) -> list[str]:
    """Lines with subject, issuer, dates and names; empty for bytes that are no certificate. Pure; any thread."""
    try:
        return list(_lines(der))
    except (ValueError, IndexError, StopIteration):
        return []


def _lines(der: bytes) -> Iterator[str]:
    _, certificate = next(_parts(der))
    _, signed = next(_parts(certificate))
    fields = [part for part in _parts(signed) if part[0] != _VERSION]
    # serialNumber, signature, issuer, validity, subject, subjectPublicKeyInfo, then optional ones.
    issuer, validity, subject = fields[2][1], fields[3][1], fields[4][1]
    yield f"Subject: {_name(subject)}"
    yield f"Issuer: {_name(issuer)}" + (" (itself)" if issuer == subject else "")
    begin, end = (_time(tag, value) for tag, value in _parts(validity))
    yield f"Valid: {begin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC"
    names = [name for tag, value in fields[6:] if tag == _EXTENSIONS for name in _alternatives(value)]
    if names:
        yield "Names: " + ", ".join(names[:20])


def _parts(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and value of each element in *data*. Raises ValueError for lengths that do not fit."""
    at = 0
    while at < len(data):
        tag, length, at = data[at], data[at + 1], at + 2
        if length & 0x80:
            digits = length & 0x7F
            if not 1 <= digits <= 4:
                raise ValueError("length")
            length, at = int.from_bytes(data[at : at + digits], "big"), at + digits
        if at + length > len(data):
            raise ValueError("too short")
        yield tag, data[at : at + length]
        at += length


def _name(sequence: bytes) -> str:
    found = []
    for _, group in _parts(sequence):
        for _, pair in _parts(group):
            (_, kind), (tag, value) = list(_parts(pair))[:2]
            text = value.decode(_ENCODINGS.get(tag, "latin-1"), "replace")
            found.append(f"{_NAMES.get(kind, kind.hex())}={text}")
    return ", ".join(found) or "(empty)"


def _time(tag: int, value: bytes) -> datetime:
    text = value.decode("ascii")
    if tag == _UTC_TIME:
        # RFC 5280 4.1.2.5.1: 50 to 99 are 19xx.
        text = ("19" if text[:2] >= "50" else "20") + text
    elif tag != _GENERALIZED_TIME:
        raise ValueError("time")
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _alternatives(extensions: bytes) -> Iterator[str]:
    for _, listed in _parts(extensions):
        for _, extension in _parts(listed):
            fields = list(_parts(extension))
            if fields[0][1] != _SUBJECT_ALT_NAME:
                continue
            _, names = next(_parts(fields[-1][1]))
            for tag, value in _parts(names):
                if tag == _DNS_NAME:
                    yield value.decode("latin-1")
                elif tag == _IP_ADDRESS and len(value) == 4:
                    yield ".".join(str(byte) for byte in value)
