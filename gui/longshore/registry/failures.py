"""Turns what goes wrong with a registry into sentences for people."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from time import time
from urllib.parse import urlsplit

import urllib3
from urllib3 import exceptions as u3

from longshore.oci.errors import (
    AccessDenied,
    LongshoreError,
    NotInRegistry,
    RateLimited,
    RegistryFailure,
    RegistryUnreachable,
    SignInFailed,
    SignInRequired,
    TlsFailed,
    UnexpectedReply,
)
from longshore.registry.certificate import described
from longshore.registry.config import RegistryConfig

#: Bytes of an error's body that are read.
LARGEST_ERROR = 64 * 1024
#: Seconds; no wait that a registry asks for is believed beyond a day.
LONGEST_WAIT = 86_400.0
#: Where the engine looks for certificates, for the advice.
ENGINE_FOLDER = "/etc/docker/certs.d"


def called(config: RegistryConfig) -> str:
    """What the registry is called in a sentence."""
    return "Docker Hub" if config.is_hub else config.host


def of_connection(
    error: BaseException, config: RegistryConfig, url: str, certificate: Callable[[], bytes] = bytes
) -> LongshoreError:
    """The LongshoreError for an exception of the transport.

    *url*: what was asked for, which need not be the registry itself. *certificate*: gets the certificate that the
    other side shows (DER); called only where it explains the failure.
    """
    host = urlsplit(url).netloc.rpartition("@")[2]
    name = called(config) if host == config.api_host else f"{host} (for {called(config)})"
    while isinstance(error, u3.MaxRetryError) and error.reason is not None:
        error = error.reason
    detail = str(error)
    if isinstance(error, u3.ProxyError):
        message, advice = f"The proxy on the way to {name} does not let us through.", "Check HTTPS_PROXY and NO_PROXY."
    elif is_tls(error) and not is_cut_off(error):
        return _of_tls(error, config, name, host, certificate)
    elif isinstance(error, (u3.NameResolutionError, socket.gaierror)):
        message, advice = f"There is no host called {host}.", "Check the name of the registry and your network."
    elif "refused" in detail.lower():
        message, advice = f"Nothing listens at {host}.", "Is the registry running? Check host and port."
    elif isinstance(error, (u3.NewConnectionError, u3.TimeoutError, TimeoutError)):
        # NewConnectionError is one of urllib3's time-outs too.
        message, advice = f"{name} does not answer.", "Try again later, or check your network and proxy."
    elif isinstance(error, u3.DecodeError):
        return unexpected(config, "the content is not compressed as it is said to be")
    else:
        message, advice = f"The connection to {name} failed.", "Try again; check your network and proxy."
    return RegistryUnreachable(message, registry=config.host, advice=advice, detail=detail)


def is_tls(error: BaseException) -> bool:
    """True if the failure is one of TLS."""
    return isinstance(error, (u3.SSLError, ssl.SSLError, ssl.CertificateError))


def is_cut_off(error: BaseException) -> bool:
    """True if a connection that had been made ended where it should not: another one may live."""
    if is_tls(error):
        return any(word in str(error).upper() for word in ("EOF", "SYSCALL", "SHUTDOWN"))
    return isinstance(error, (u3.ProtocolError, u3.ClosedPoolError, ConnectionError))


def speaks_no_tls(error: BaseException) -> bool:
    """True if the other side answered a TLS handshake in another language."""
    text = str(error).upper().replace(" ", "_")
    words = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "PACKET_LENGTH", "UNKNOWN_PROTOCOL")
    return is_tls(error) and any(word in text for word in words)


def may_be_plain(error: BaseException) -> bool:
    """True if what met our TLS handshake may be a server of plain HTTP: it spoke otherwise, hung up, or waited."""
    if isinstance(error, u3.ReadTimeoutError):
        return True
    return speaks_no_tls(error) or is_cut_off(error)


def _of_tls(
    error: BaseException, config: RegistryConfig, name: str, host: str, certificate: Callable[[], bytes]
) -> TlsFailed:
    text = str(error)
    upper = text.upper().replace(" ", "_")
    if speaks_no_tls(error):
        return TlsFailed(
            f"{name} speaks plain HTTP, and Longshore asked with TLS.",
            registry=config.host,
            advice="If that is meant so, allow plain HTTP for it (Add registry…) and, for pull and push, add it to the "
            "engine's insecure-registries.",
            detail=text,
        )
    if "ALERT" in upper:
        return TlsFailed(
            f"{name} ends the TLS handshake; it may want a certificate of yours.",
            registry=config.host,
            advice="Choose a client certificate and its key for Longshore (Add registry…). The engine has its own: "
            f"client.cert and client.key in {ENGINE_FOLDER}/{host}/.",
            detail=text,
        )
    shown = described(certificate())
    if "HOSTNAME_MISMATCH" in upper or "IP_ADDRESS_MISMATCH" in upper or "DOESN'T_MATCH" in upper:
        message = f"The certificate of {name} is for another name."
        advice = "Use the name that the certificate is for, or have one made for this name. The engine checks the same."
    elif "EXPIRED" in upper:
        message = f"The certificate of {name} has run out."
        advice = "Ask its owner for a new one, and check this computer's clock. The engine checks the same."
    else:
        message = f"The certificate of {name} is not trusted."
        advice = (
            "If it is yours, choose its CA file for Longshore (Add registry…). The engine checks for itself: put the "
            f"CA into {ENGINE_FOLDER}/{host}/ca.crt."
        )
    detail = "\n".join(part for part in (text, shown) if part)
    return TlsFailed(message, registry=config.host, advice=advice, detail=detail, certificate=shown)


def retry_after(headers: urllib3.HTTPHeaderDict) -> float | None:
    """Seconds of a Retry-After header (RFC 9110 section 10.2.3), None without a usable one."""
    value = headers.get("Retry-After", "").strip()
    if not value:
        return None
    seconds = number(value)
    if seconds is not None:
        return float(min(seconds, LONGEST_WAIT))
    try:
        return min(max(0.0, parsedate_to_datetime(value).timestamp() - time()), LONGEST_WAIT)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def number(value: str) -> int | None:
    """A number as HTTP writes it, None for anything else (RFC 9110: 1*DIGIT)."""
    value = value.strip()
    return int(value) if 0 < len(value) <= 18 and value.isascii() and value.isdigit() else None


def of_status(
    status: int,
    headers: urllib3.HTTPHeaderDict,
    body: bytes,
    config: RegistryConfig,
    *,
    subject: str,
    signed_in: bool,
    basic: bool = False,
) -> LongshoreError:
    """The LongshoreError for a status that is not success (distribution-spec, "Error Codes")."""
    name = called(config)
    said = _said(body)
    where = {"registry": config.host, "subject": subject, "detail": f"HTTP {status}: {said}" if said else f"HTTP {status}"}
    if status == 401 and not signed_in:
        return SignInRequired(
            f"{name} wants you to sign in.", advice="Sign in…, then try again. A private or unknown name looks the same.",
            **where,
        )
    if status == 401 and basic:
        return SignInFailed(f"{name} refuses the user name or the password.", advice="Sign in… again.", **where)
    about = "" if subject in ("", config.host) else f" for {subject}"
    if status in (401, 403):
        return AccessDenied(
            f"{name} does not allow this{about}.",
            advice="Ask its owner for the right, or sign in as someone who has it.",
            **where,
        )
    if status == 404:
        wanted = "what was asked for" if not about else subject
        return NotInRegistry(f"{name} does not have {wanted}.", advice="Check the name and the tag.", **where)
    if status == 429:
        wait = retry_after(headers)
        hint = f" It asks to wait {wait:.0f} seconds." if wait is not None else ""
        return RateLimited(
            f"{name} limits how often it may be asked.{hint}",
            advice="Wait, or sign in: limits for accounts are higher.",
            retry_after=wait,
            **where,
        )
    if status >= 500:
        return RegistryFailure(f"{name} has a problem of its own (HTTP {status}).", advice="Try again later.", **where)
    return UnexpectedReply(
        f"{name} answers in a way that is not the protocol's (HTTP {status}).", advice="Is it a registry?", **where
    )


def _said(body: bytes) -> str:
    """The registry's own words, from its JSON or as they are."""
    text = body[:LARGEST_ERROR].decode("utf-8", "replace").strip()
    try:
        errors = json.loads(text)["errors"]
        return "; ".join(f"{item.get('code', '')}: {item.get('message', '')}" for item in errors[:5])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return "" if text.startswith("<") else text[:1000]


def unexpected(config: RegistryConfig, why: str, subject: str = "") -> UnexpectedReply:
    """The registry answered outside its protocol."""
    return UnexpectedReply(
        f"{called(config)} answers in a way that is not the protocol's: {why}.",
        registry=config.host,
        subject=subject,
        advice="Check the address; a proxy or a sign-in page may stand in between.",
    )
