"""Keys, certificates, signatures and password hashes, made with tools that Debian always has.

The openssl command makes the keys and signs; libcrypt, through ctypes, makes the bcrypt hashes that a registry's
htpasswd file requires. So the tests need no cryptography package.
"""

from __future__ import annotations

import base64
import ctypes
import ctypes.util
import hashlib
import re
import secrets
import string
from datetime import UTC, datetime, timedelta
from pathlib import Path

from testbed.errors import TestbedUnavailable
from testbed.processes import find_program, run_program

BCRYPT_LETTERS = "./" + string.ascii_uppercase + string.ascii_lowercase + string.digits
CERTIFICATE_DAYS = 30


def openssl() -> str:
    return find_program("openssl", "openssl")


def make_key(path: Path, *, rsa: bool = False) -> None:
    """Write a private key as PEM: elliptic P-256, or RSA of 2048 bits."""
    if rsa:
        kind = ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]
    else:
        kind = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
    run_program([openssl(), "genpkey", *kind, "-out", str(path)])
    path.chmod(0o600)


def make_authority(
    folder: Path, name: str = "Longshore testbed CA", *, rsa: bool = False
) -> tuple[Path, Path]:
    """Make a certificate authority in ``folder``; returns its certificate and its key."""
    folder.mkdir(parents=True, exist_ok=True)
    key, certificate = folder / "ca.key", folder / "ca.crt"
    make_key(key, rsa=rsa)
    extensions = [
        *("-addext", "basicConstraints=critical,CA:TRUE"),
        *("-addext", "keyUsage=critical,keyCertSign,cRLSign,digitalSignature"),
    ]
    run_program(
        [
            *(openssl(), "req", "-x509", "-new", "-key", str(key), "-sha256"),
            *("-days", str(CERTIFICATE_DAYS), "-subj", f"/CN={name}", *extensions, "-out", str(certificate)),
        ]
    )
    return certificate, key


def make_certificate(
    folder: Path, authority: tuple[Path, Path], hosts: list[str], *, days: tuple[int, int] | None = None
) -> tuple[Path, Path]:
    """Make a server (and client) certificate for ``hosts``, names or addresses, signed by ``authority``.

    ``days``: first and last day of its validity, counted from today; with a last day before today it has expired.
    """
    key, request, certificate = folder / "server.key", folder / "server.csr", folder / "server.crt"
    make_key(key)
    run_program(
        [openssl(), "req", "-new", "-key", str(key), "-subj", f"/CN={hosts[0]}", "-out", str(request)]
    )
    names = ",".join(f"{'IP' if re.fullmatch(r'[0-9.]+|.*:.*', host) else 'DNS'}:{host}" for host in hosts)
    extensions = folder / "server.ext"
    extensions.write_text(
        f"basicConstraints=CA:FALSE\nsubjectAltName={names}\nextendedKeyUsage=serverAuth,clientAuth\n",
        "utf-8",
    )
    if days is None:
        run_program(
            [
                *(openssl(), "x509", "-req", "-in", str(request), "-sha256", "-days", str(CERTIFICATE_DAYS)),
                *(
                    "-CA",
                    str(authority[0]),
                    "-CAkey",
                    str(authority[1]),
                    "-set_serial",
                    str(secrets.randbits(63)),
                ),
                *("-extfile", str(extensions), "-out", str(certificate)),
            ]
        )
    else:
        _sign_dated(folder, authority, request, extensions, certificate, days)
    return certificate, key


def _sign_dated(
    folder: Path,
    authority: tuple[Path, Path],
    request: Path,
    extensions: Path,
    certificate: Path,
    days: tuple[int, int],
) -> None:
    """Sign with ``openssl ca``, because only that takes dates (``x509`` does from OpenSSL 3.4 on)."""
    begin, end = (f"{datetime.now(UTC) + timedelta(days=day):%Y%m%d%H%M%SZ}" for day in days)
    index, settings = folder / "index.txt", folder / "ca.cnf"
    index.write_text("", "utf-8")
    settings.write_text(
        f"[ca]\ndefault_ca=here\n[here]\ndatabase={index}\nnew_certs_dir={folder}\nrand_serial=yes\n"
        "default_md=sha256\npolicy=any\nemail_in_dn=no\n[any]\ncommonName=supplied\n",
        "utf-8",
    )
    run_program(
        [
            *(openssl(), "ca", "-batch", "-notext", "-config", str(settings), "-in", str(request)),
            *("-cert", str(authority[0]), "-keyfile", str(authority[1]), "-extfile", str(extensions)),
            *("-startdate", begin, "-enddate", end, "-out", str(certificate)),
        ]
    )


def key_id(key: Path) -> str:
    """The id by which distribution 2.x finds a key in its root bundle: libtrust's fingerprint.

    Base32 of the first 240 bits of the SHA-256 of the public key's DER, in twelve groups of four
    (docker/libtrust, ``keyIDFromCryptoKey``).
    """
    public = run_program([openssl(), "pkey", "-in", str(key), "-pubout", "-outform", "DER"])
    text = base64.b32encode(hashlib.sha256(public).digest()[:30]).decode()
    return ":".join(text[at : at + 4] for at in range(0, len(text), 4))


def sign(key: Path, data: bytes, *, rsa: bool = False) -> bytes:
    """A JWS signature of ``data``: RS256, or ES256 with its two numbers side by side (RFC 7518, 3.4)."""
    signature = run_program([openssl(), "dgst", "-sha256", "-sign", str(key)], data=data)
    return signature if rsa else _numbers_of_der(signature)


def _numbers_of_der(der: bytes) -> bytes:
    """The two INTEGERs of an ECDSA signature's SEQUENCE, 32 bytes each. All lengths are short for P-256."""
    at = 2
    numbers = b""
    for _ in range(2):
        length = der[at + 1]
        numbers += der[at + 2 : at + 2 + length].lstrip(b"\0").rjust(32, b"\0")
        at += 2 + length
    return numbers


def bcrypt(password: str) -> str:
    """The bcrypt hash of a password, at the lowest cost, because these secrets protect nothing.

    Raises:
        TestbedUnavailable: this machine's libcrypt does not support bcrypt.
    """
    library = ctypes.util.find_library("crypt")
    if library is None:
        raise TestbedUnavailable("libcrypt is missing (Debian package libcrypt1)")
    crypt = ctypes.CDLL(library).crypt
    crypt.restype = ctypes.c_char_p
    crypt.argtypes = [ctypes.c_char_p, ctypes.c_char_p]
    # The 22nd character of a salt carries only two bits; "O" has zeros in the rest.
    salt = "".join(secrets.choice(BCRYPT_LETTERS) for _ in range(21)) + "O"
    hashed: bytes | None = crypt(password.encode(), f"$2b$04${salt}".encode())
    if not hashed or not hashed.startswith(b"$2b$"):
        raise TestbedUnavailable("libcrypt makes no bcrypt hashes here")
    return hashed.decode()
