"""Certificates read, for people to look at, and the files that are given to us."""

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
)
from longshore.registry.config import RegistryConfig
from longshore.registry.tls import LARGEST_PEM, TlsFiles, UnusableFiles, check_files
from testbed.crypto import make_authority, make_certificate, make_key, openssl
from testbed.processes import run_program


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority (``ca.crt``) and a certificate of it (``server.crt`` with ``server.key``)."""
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


def test_files_that_can_be_used(folder: Path) -> None:
    pair = {"client_cert": folder / "server.crt", "client_key": folder / "server.key"}
    check_files(RegistryConfig("a.b"))
    check_files(RegistryConfig("a.b", ca_file=folder / "ca.crt", **pair))
    # One certificate alone may be trusted, too.
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
        (RegistryConfig("a.b", ca_file=text), r"text\.pem: it holds no certificate"),
        (RegistryConfig("a.b", ca_file=folder), "not a regular file"),
        (RegistryConfig("a.b", client_cert=mine), "no certificate with its key"),
        (RegistryConfig("a.b", client_cert=mine, client_key=other), "do not belong together"),
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
