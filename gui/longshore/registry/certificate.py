"""Reads the few fields of an X.509 certificate that a person needs to recognise it (RFC 5280, DER of X.690).

The standard library decodes only certificates that it has verified, but the refused one must be shown. Nothing here
decides about trust.
"""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from longshore.errors import TlsFailed
from longshore.registry.config import RegistryConfig, split_host

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
_MOST_NAMES = 20


@dataclass(frozen=True, slots=True)
class Certificate:
    """The fields of a certificate, unverified. Texts may contain anything.

    *names*: hosts and addresses that it covers. *fingerprint*: SHA-256 of *der*, as browsers and openssl write it.
    """

    subject: str
    issuer: str
    begins: datetime
    ends: datetime
    names: tuple[str, ...]
    der: bytes

    @property
    def self_issued(self) -> bool:
        """True if it names itself as its issuer."""
        return self.subject == self.issuer

    @property
    def fingerprint(self) -> str:
        """SHA-256 of *der* as ``AB:CD:…``, 32 bytes."""
        digest = hashlib.sha256(self.der).hexdigest().upper()
        return ":".join(digest[at : at + 2] for at in range(0, len(digest), 2))

    @property
    def pem(self) -> str:
        """The certificate in PEM form."""
        return ssl.DER_cert_to_PEM_cert(self.der)

    def covers(self, host: str) -> bool:
        """True if it covers *host*, a name or an address without port and brackets (RFC 6125, 6.4)."""
        address = None
        with contextlib.suppress(ValueError):
            address = ipaddress.ip_address(host)
        if address is not None:
            return str(address) in self.names
        labels = host.lower().rstrip(".").split(".")
        for name in self.names:
            wanted = name.lower().rstrip(".").split(".")
            if wanted == labels or (wanted[:1] == ["*"] and len(wanted) > 2 and wanted[1:] == labels[1:]):
                return True
        return False

    def lines(self) -> list[str]:
        """Lines for a person: subject, issuer, dates, names, fingerprint."""
        found = [
            f"Subject: {self.subject}",
            f"Issuer: {self.issuer}" + (" (itself)" if self.self_issued else ""),
            f"Valid: {self.begins:%Y-%m-%d %H:%M} to {self.ends:%Y-%m-%d %H:%M} UTC",
        ]
        if self.names:
            found.append("Names: " + ", ".join(self.names[:_MOST_NAMES]))
        return [*found, f"SHA-256 fingerprint: {self.fingerprint}"]


@dataclass(frozen=True, slots=True)
class CertificateReport:
    """The result of looking at the certificate of a registry or of its token service.

    *address*: host and port that presented it. *certificate*: None if there is none (plain HTTP, or the host cannot
    be reached). *problem*: why it is not trusted, None if it is trusted or if that could not be checked.
    """

    config: RegistryConfig
    address: str
    certificate: Certificate | None
    problem: TlsFailed | None

    def in_date(self, now: datetime) -> bool:
        """True if the certificate is valid at *now*."""
        found = self.certificate
        return found is not None and found.begins <= now <= found.ends

    @property
    def covers_host(self) -> bool:
        """True if the certificate covers the host that presented it."""
        return self.certificate is not None and self.certificate.covers(split_host(self.address)[0])

    def can_be_trusted(self, now: datetime) -> bool:
        """True if its only problem is that no known authority issued it."""
        return self.about_trust and self.covers_host and self.in_date(now)

    @property
    def about_trust(self) -> bool:
        """True if the problem is the certificate, and not our own certificate or a server without TLS."""
        return self.problem is not None and bool(self.problem.certificate)


_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


def with_certificate(pem: str, report: CertificateReport, *, replacing: bool) -> str:
    """*pem*, the text of a CA file, with the certificate of *report* added. Pure; any thread.

    *replacing*: removes certificates for the same host, which now presents another one. The rest is kept.
    """
    if report.certificate is None:
        raise ValueError("no certificate")
    kept = [pem.strip()] if pem.strip() else []
    if replacing:
        host = split_host(report.address)[0]
        kept = [block for block in _blocks(pem) if not _covers(block, host)]
    return "\n".join([*kept, report.certificate.pem])


def _blocks(pem: str) -> Iterator[str]:
    for part in pem.split(_BEGIN)[1:]:
        body, end, _ = part.partition(_END)
        if end:
            yield f"{_BEGIN}{body}{end}"


def _covers(block: str, host: str) -> bool:
    try:
        found = read_certificate(ssl.PEM_cert_to_DER_cert(block))
    except ValueError:
        return False
    return found is not None and found.covers(host)


def read_certificate(der: bytes) -> Certificate | None:
    """Parse the certificate in *der*, None for other bytes. Pure; any thread."""
    try:
        return _read(der)
    except (ValueError, IndexError, StopIteration, OverflowError):
        return None


def _read(der: bytes) -> Certificate:
    _, certificate = next(_parts(der))
    _, signed = next(_parts(certificate))
    fields = [part for part in _parts(signed) if part[0] != _VERSION]
    # serialNumber, signature, issuer, validity, subject, subjectPublicKeyInfo, then optional fields.
    issuer, validity, subject = fields[2][1], fields[3][1], fields[4][1]
    begin, end = (_time(tag, value) for tag, value in _parts(validity))
    names = [name for tag, value in fields[6:] if tag == _EXTENSIONS for name in _alternatives(value)]
    return Certificate(_name(subject), _name(issuer), begin, end, tuple(dict.fromkeys(names)), der)


def _parts(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and value of each element in *data*. Raises ValueError for invalid lengths."""
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
        # RFC 5280 4.1.2.5.1: 50 to 99 mean 19xx.
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
                elif tag == _IP_ADDRESS and len(value) in (4, 16):
                    yield str(ipaddress.ip_address(value))
