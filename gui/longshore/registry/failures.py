"""Turns what goes wrong with a registry into sentences for people."""

from __future__ import annotations

import json
import socket
import ssl
from email.utils import parsedate_to_datetime
from time import time

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
from longshore.registry.config import RegistryConfig
from longshore.registry.transport import peer_certificate

#: Bytes of an error's body that are read.
LARGEST_ERROR = 64 * 1024


def called(config: RegistryConfig) -> str:
    """What the registry is called in a sentence."""
    return "Docker Hub" if config.is_hub else config.host


def of_connection(error: BaseException, config: RegistryConfig) -> LongshoreError:
    """The LongshoreError for an exception of the transport."""
    name = called(config)
    while isinstance(error, u3.MaxRetryError) and error.reason is not None:
        error = error.reason
    if isinstance(error, u3.ProxyError):
        return RegistryUnreachable(
            f"The proxy on the way to {name} does not let us through.",
            registry=config.host,
            advice="Check HTTPS_PROXY and NO_PROXY.",
            detail=str(error),
        )
    if isinstance(error, (u3.SSLError, ssl.SSLError)):
        return _of_tls(error, config, name)
    if isinstance(error, u3.NameResolutionError | socket.gaierror):
        return RegistryUnreachable(
            f"There is no host called {config.api_host}.",
            registry=config.host,
            advice="Check the name of the registry and your network.",
            detail=str(error),
        )
    if isinstance(error, (u3.TimeoutError, TimeoutError)):
        return RegistryUnreachable(
            f"{name} does not answer.",
            registry=config.host,
            advice="Try again later, or check your network and proxy.",
            detail=str(error),
        )
    text = str(error)
    if "refused" in text.lower():
        return RegistryUnreachable(
            f"Nothing listens at {config.api_host}.",
            registry=config.host,
            advice="Is the registry running? Check host and port.",
            detail=text,
        )
    return RegistryUnreachable(
        f"The connection to {name} failed.",
        registry=config.host,
        advice="Try again; check your network and proxy.",
        detail=text,
    )


def _of_tls(error: BaseException, config: RegistryConfig, name: str) -> TlsFailed:
    text = str(error)
    if "WRONG_VERSION_NUMBER" in text or "record layer" in text.lower():
        return TlsFailed(
            f"{name} speaks plain HTTP, and Longshore asked with TLS.",
            registry=config.host,
            advice="If that is meant so, allow plain HTTP for it (Add registry…) and, for pull and push, add it to the "
            "engine's insecure-registries.",
            detail=text,
        )
    certificate = peer_certificate(config)
    return TlsFailed(
        f"The certificate of {name} is not trusted.",
        registry=config.host,
        advice="If it is yours, choose its CA file for Longshore (Add registry…). The engine checks for itself: put "
        f"the CA into /etc/docker/certs.d/{config.host}/ca.crt.",
        detail="\n".join(part for part in (text, certificate) if part),
        certificate=certificate,
    )


def retry_after(headers: urllib3.HTTPHeaderDict) -> float | None:
    """Seconds of a Retry-After header (RFC 9110 section 10.2.3), None without a usable one."""
    value = headers.get("Retry-After", "").strip()
    if not value:
        return None
    if value.isdigit():
        return float(min(int(value), 86_400))
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time())
    except (ValueError, TypeError):
        return None


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
    if status in (401, 403):
        return AccessDenied(
            f"{name} does not allow this for {subject}.",
            advice="Ask its owner for the right, or sign in as someone who has it.",
            **where,
        )
    if status == 404:
        return NotInRegistry(f"{name} has no {subject}.", advice="Check the name and the tag.", **where)
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
    return UnexpectedReply(f"{name} answers in a way that is not the protocol's.", advice="Is it a registry?", **where)


def _said(body: bytes) -> str:
    """The registry's own words, from its JSON or as they are."""
    text = body[:LARGEST_ERROR].decode("utf-8", "replace").strip()
    try:
        errors = json.loads(text)["errors"]
        return "; ".join(f"{item.get('code', '')}: {item.get('message', '')}" for item in errors[:5])
    except (ValueError, KeyError, TypeError, AttributeError):
        return "" if text.startswith("<") else text[:1000]


def unexpected(config: RegistryConfig, why: str, subject: str = "") -> UnexpectedReply:
    """The registry answered outside its protocol."""
    return UnexpectedReply(
        f"{called(config)} answers in a way that is not the protocol's: {why}",
        registry=config.host,
        subject=subject,
        advice="Check the address; a proxy or a sign-in page may stand in between.",
    )
