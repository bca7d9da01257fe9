"""A certificate in words for a person. No network; any thread."""

from __future__ import annotations

import hashlib
import ssl
import tempfile
from pathlib import Path
from typing import Any


def described(der: bytes) -> str:
    """Subject, issuer, names, dates and SHA-256 fingerprint of a certificate, as lines. Empty for no bytes."""
    if not der:
        return ""
    digest = hashlib.sha256(der).hexdigest().upper()
    fingerprint = ":".join(digest[at : at + 2] for at in range(0, len(digest), 2))
    return "\n".join([*_fields(_decoded(der)), f"SHA-256 fingerprint: {fingerprint}"])


def _fields(certificate: dict[str, Any]) -> list[str]:
    if not certificate:
        return []
    names = ", ".join(str(value) for _, value in certificate.get("subjectAltName", ()))
    return [
        f"Subject: {_name(certificate.get('subject'))}",
        f"Issuer: {_name(certificate.get('issuer'))}",
        *([f"For: {names}"] if names else []),
        f"Valid: {certificate.get('notBefore', '?')} to {certificate.get('notAfter', '?')}",
    ]


def _decoded(der: bytes) -> dict[str, Any]:
    """The certificate's fields; {} if this Python cannot tell.

    The standard library's public functions decode only certificates that it has verified or that are authorities;
    the function behind them, which CPython's own tests use, takes any, from a file.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cadata=der)
        authorities = context.get_ca_certs()
    except (ssl.SSLError, ValueError):
        return {}
    if authorities:
        return dict(authorities[0])
    decode = getattr(getattr(ssl, "_ssl", None), "_test_decode_cert", None)
    if decode is None:
        return {}
    try:
        with tempfile.TemporaryDirectory(prefix="longshore-") as folder:
            file = Path(folder) / "certificate.pem"
            file.write_text(ssl.DER_cert_to_PEM_cert(der), "ascii")
            return dict(decode(str(file)))
    except (OSError, ValueError):
        return {}


def _name(parts: Any) -> str:
    return ", ".join(f"{key}={value}" for group in parts or () for key, value in group) or "(none)"
