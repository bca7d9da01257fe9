"""Reading certificates to show them, and checking the files that users provide."""

from __future__ import annotations

import os
import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from longshore.errors import TlsFailed
from longshore.registry.certificate import (
    Certificate,
    CertificateReport,
    read_certificate,
    with_certificate,
)
from longshore.registry.config import RegistryConfig
from longshore.registry.tls import LARGEST_PEM, TlsFiles, UnusableFiles, check_files
from testbed.crypto import make_authority, make_certificate, make_key, openssl
from testbed.processes import run_program


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority (``ca.crt``) and a certificate that it issued (``server.crt`` with ``server.key``)."""
    found = tmp_path_factory.mktemp("certificates")
    make_certificate(found, make_authority(found), ["registry.test", "*.build.test", "127.0.0.1", "::1"])
    return found


def read(path: Path) -> Certificate:
    found = read_certificate(ssl.PEM_cert_to_DER_cert(path.read_text()))
    assert found is not None
    return found


def test_what_a_certificate_says(folder: Path) -> None:
    found = read(folder / "server.crt")
    assert (found.subject, found.issuer) == ("CN=registry.test", "CN=Longshore testbed CA")
    assert not found.self_issued and read(folder / "ca.crt").self_issued
    assert found.names == ("registry.test", "*.build.test", "127.0.0.1", "::1")
    assert timedelta(days=29) < found.ends - found.begins < timedelta(days=31)
    said = run_program(
        [openssl(), "x509", "-in", str(folder / "server.crt"), "-noout", "-fingerprint", "-sha256"]
    )
    assert found.fingerprint == said.decode().strip().partition("=")[2]
    assert found.lines()[-1] == f"SHA-256 fingerprint: {found.fingerprint}"
    assert ssl.PEM_cert_to_DER_cert(found.pem) == found.der


@pytest.mark.parametrize(
    ("host", "covered"),
    [
        ("registry.test", True),
        ("Registry.Test.", True),
        ("other.test", False),
        ("x.registry.test", False),
        ("a.build.test", True),
        ("build.test", False),
        ("a.b.build.test", False),
        ("127.0.0.1", True),
        ("127.0.0.2", False),
        ("::1", True),
        ("", False),
    ],
)
def test_whom_it_is_for(folder: Path, host: str, covered: bool) -> None:
    assert read(folder / "server.crt").covers(host) is covered


def test_trust_helps_only_where_nothing_else_is_wrong(folder: Path) -> None:
    found, refused = read(folder / "server.crt"), TlsFailed("No.", registry="registry.test", certificate="…")
    now = datetime.now(UTC)
    report = CertificateReport(RegistryConfig("registry.test:5000"), "registry.test:5000", found, refused)
    assert report.can_be_trusted(now)
    assert not replace(report, problem=None).can_be_trusted(now)
    no_matter_of_trust = TlsFailed("It wants a certificate from us.", registry="registry.test")
    assert not replace(report, problem=no_matter_of_trust).can_be_trusted(now)
    assert not replace(report, certificate=None).can_be_trusted(now)
    assert not replace(report, certificate=None).in_date(now)
    assert not replace(report, address="another.test").can_be_trusted(now)
    assert not report.can_be_trusted(now + timedelta(days=40))
    assert not report.can_be_trusted(now - timedelta(days=1))


@pytest.mark.parametrize(
    "junk", [b"", b"\x30", b"\x30\x03\x02\x01\x01", b"\x30\x84\xff\xff\xff\xff", bytes(900)]
)
def test_what_is_no_certificate(junk: bytes) -> None:
    assert read_certificate(junk) is None


def test_a_certificate_cut_anywhere_is_no_crash(folder: Path) -> None:
    der = read(folder / "server.crt").der
    assert all(read_certificate(der[:length]) is None for length in range(0, len(der), 7))


# -- parts of certificates that openssl does not make for us (DER, X.690)

CN, O_, OTHER = bytes.fromhex("0603550403"), bytes.fromhex("060355040a"), bytes.fromhex("0603550405")
SOON, LATER = b"\x17\x0d260102030405Z", b"\x17\x0d270102030405Z"


def der(tag: int, *parts: bytes) -> bytes:
    data = b"".join(parts)
    size = len(data)
    if size < 128:
        return bytes([tag, size]) + data
    digits = (size.bit_length() + 7) // 8
    return bytes([tag, 0x80 | digits]) + size.to_bytes(digits, "big") + data


def name(*parts: tuple[bytes, int, bytes]) -> bytes:
    return der(0x30, *(der(0x31, der(0x30, kind, der(tag, text))) for kind, tag, text in parts))


def made(
    subject: bytes = name((CN, 0x0C, b"x")),
    begins: bytes = SOON,
    ends: bytes = LATER,
    names: bytes | None = None,
    before: tuple[bytes, ...] = (),
) -> Certificate | None:
    """*before*: extensions before the one that holds *names*."""
    extensions = list(before)
    if names is not None:
        extensions.append(der(0x30, bytes.fromhex("0603551d11"), der(0x04, der(0x30, names))))
    signed = [
        der(0xA0, b"\x02\x01\x02"),
        b"\x02\x01\x01",
        der(0x30),
        name((CN, 0x0C, b"issuer")),
        der(0x30, begins, ends),
        subject,
        der(0x30),
    ]
    if extensions:
        signed.append(der(0xA3, der(0x30, *extensions)))
    return read_certificate(der(0x30, der(0x30, *signed)))


@pytest.mark.parametrize(
    ("time", "year"),
    [
        (b"\x17\x0d490102030405Z", 2049),
        (b"\x17\x0d500102030405Z", 1950),
        (b"\x17\x0d990102030405Z", 1999),
        (b"\x17\x0d000102030405Z", 2000),
        (b"\x18\x0f20500102030405Z", 2050),
        (b"\x18\x0f99991231235959Z", 9999),
    ],
)
def test_the_centuries_of_dates(time: bytes, year: int) -> None:
    """RFC 5280, 4.1.2.5."""
    found = made(begins=time, ends=time)
    assert found is not None and found.begins == found.ends and found.begins.year == year
    assert found.begins.tzinfo is UTC


@pytest.mark.parametrize(
    "time", [b"\x17\x0d261302030405Z", b"\x17\x010", b"\x0c\x0d260102030405Z", b"\x17\x02\xff\xff"]
)
def test_a_date_that_is_none_makes_it_no_certificate(time: bytes) -> None:
    assert made(begins=time) is None
    assert made(ends=time) is None


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        (name((CN, 0x0C, "ä".encode())), "CN=ä"),
        (name((CN, 0x13, b"x"), (O_, 0x14, b"\xe4")), "CN=x, O=ä"),
        (name((CN, 0x1E, "äb".encode("utf-16-be"))), "CN=äb"),
        (name((CN, 0x1C, "äb".encode("utf-32-be"))), "CN=äb"),
        (name((OTHER, 0x0C, b"7")), "550405=7"),
        (name((CN, 0x0C, b"\xff")), "CN=\ufffd"),
        (name((CN, 0x0C, b"x" * 200)), "CN=" + "x" * 200),
        (name((CN, 0x0C, b"x" * 70_000)), "CN=" + "x" * 70_000),
        (name(), "(empty)"),
    ],
)
def test_whom_a_certificate_names(subject: bytes, text: str) -> None:
    found = made(subject)
    assert found is not None
    assert (found.subject, found.issuer, found.self_issued) == (text, "CN=issuer", False)


def test_only_hosts_and_addresses_are_names() -> None:
    names = (
        der(0x81, b"me@a.example"),
        der(0x82, b"a.example"),
        der(0x86, b"https://b.example"),
        der(0x87, bytes([10, 0, 0, 1])),
        der(0x87, bytes(15) + b"\x01"),
        der(0x87, bytes(8)),
        der(0x87),
        der(0x82, b"a.example"),
    )
    other = der(0x30, bytes.fromhex("0603551d13"), der(0x04, der(0x30, der(0x82, b"no.example"))))
    critical = der(
        0x30, bytes.fromhex("0603551d11"), b"\x01\x01\xff", der(0x04, der(0x30, der(0x82, b"c.example")))
    )
    found = made(names=b"".join(names), before=(other, critical))
    assert found is not None
    assert found.names == ("c.example", "a.example", "10.0.0.1", "::1")
    bare = made()
    assert bare is not None and bare.names == ()
    assert not any(line.startswith("Names:") for line in bare.lines())


def test_a_certificate_with_many_names_is_told_in_lines_of_a_readable_length() -> None:
    found = made(names=b"".join(der(0x82, b"h%d.example" % number) for number in range(1000)))
    assert found is not None and len(found.names) == 1000
    assert found.covers("h999.example")
    (line,) = [line for line in found.lines() if line.startswith("Names:")]
    assert line == "Names: " + ", ".join(f"h{number}.example" for number in range(20))


@pytest.mark.parametrize(
    ("listed", "host", "covered"),
    [
        (b"*.example", "a.example", False),  # a wildcard for a whole top-level domain
        (b"*.a.example", "b.a.example", True),
        (b"*.A.Example.", "b.a.example", True),
        (b"*", "example", False),
        (b"b*.a.example", "bc.a.example", False),
        (b"10.0.0.1", "10.0.0.1", True),
        (b"*.0.0.1", "10.0.0.1", False),
    ],
)
def test_what_a_star_is_for(listed: bytes, host: str, covered: bool) -> None:
    found = made(names=der(0x82, listed))
    assert found is not None and found.covers(host) is covered


def test_a_file_of_authorities_gets_the_new_certificate(folder: Path) -> None:
    mine, other = read(folder / "server.crt"), read(folder / "ca.crt")
    config = RegistryConfig("registry.test:5000")
    report = CertificateReport(config, "registry.test:5000", mine, None)
    begun = "# ours\n" + other.pem
    added = with_certificate(begun, report, replacing=False)
    assert added.startswith("# ours\n") and added.count("BEGIN CERTIFICATE") == 2
    assert added.endswith(mine.pem)
    twice = with_certificate(added, report, replacing=False)
    assert twice.count("BEGIN CERTIFICATE") == 3
    again = with_certificate(twice, report, replacing=True)
    assert again.count("BEGIN CERTIFICATE") == 2
    assert other.pem.strip() in again and again.endswith(mine.pem)
    assert with_certificate(" \n", report, replacing=False) == mine.pem
    broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"
    assert with_certificate(broken, report, replacing=True).startswith(broken)
    with pytest.raises(ValueError, match="no certificate"):
        with_certificate("", replace(report, certificate=None), replacing=True)


def test_files_that_can_be_used(folder: Path) -> None:
    pair = {"client_cert": folder / "server.crt", "client_key": folder / "server.key"}
    check_files(RegistryConfig("a.b"))
    check_files(RegistryConfig("a.b", ca_file=folder / "ca.crt", **pair))
    # A single certificate may be trusted, too.
    check_files(RegistryConfig("a.b", ca_file=folder / "server.crt"))
    both = folder / "both.pem"
    both.write_text((folder / "server.crt").read_text() + (folder / "server.key").read_text())
    check_files(RegistryConfig("a.b", client_cert=both))


def test_files_that_cannot_be_used_are_named_with_the_reason(folder: Path) -> None:
    text, other, locked = folder / "text.pem", folder / "other.key", folder / "locked.key"
    text.write_text("no certificate at all")
    make_key(other)
    run_program(
        [
            openssl(),
            "pkey",
            "-in",
            str(folder / "server.key"),
            "-aes256",
            "-passout",
            "pass:x",
            "-out",
            str(locked),
        ]
    )
    mine = folder / "server.crt"
    for config, reason in (
        (RegistryConfig("a.b", ca_file=folder / "none.pem"), r"none\.pem: No such file"),
        (RegistryConfig("a.b", ca_file=text), r"text\.pem: it contains no certificate"),
        (RegistryConfig("a.b", ca_file=folder), "not a regular file"),
        (RegistryConfig("a.b", client_cert=mine), "no certificate with its key"),
        (RegistryConfig("a.b", client_cert=mine, client_key=other), "do not match"),
        # OpenSSL would ask for the password on the terminal, and wait there for ever.
        (RegistryConfig("a.b", client_cert=mine, client_key=locked), "protected by a password"),
    ):
        with pytest.raises(UnusableFiles, match=reason):
            check_files(config)


@pytest.mark.parametrize("kind", ["ca_file", "client_cert", "client_key"])
@pytest.mark.parametrize("odd", ["pipe", "device", "huge"])
def test_what_is_no_file_of_certificates_keeps_nobody_waiting(
    folder: Path, tmp_path: Path, kind: str, odd: str
) -> None:
    """OpenSSL would wait for the other end of the pipe, and read the device for ever."""
    path = tmp_path / "odd.pem"
    if odd == "pipe":
        os.mkfifo(path)
    elif odd == "device":
        path.symlink_to("/dev/zero")
    else:
        path.touch()
        os.truncate(path, LARGEST_PEM + 1)
    good = (
        {"client_cert": folder / "server.crt", "client_key": folder / "server.key"}
        if kind != "ca_file"
        else {}
    )
    with pytest.raises(
        UnusableFiles, match=rf"odd\.pem.*: ({'larger than' if odd == 'huge' else 'not a regular'})"
    ):
        check_files(RegistryConfig("a.b", **(good | {kind: path})))


def test_the_folder_of_the_engine_keeps_nobody_waiting(tmp_path: Path) -> None:
    (tmp_path / "a.b").mkdir()
    os.mkfifo(tmp_path / "a.b" / "ca.crt")
    with pytest.raises(UnusableFiles, match="not a regular file"):
        TlsFiles(RegistryConfig("a.b"), folders=[tmp_path]).context(own=True)
