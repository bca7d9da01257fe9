"""Converts connection errors, of a registry and of hosts that it sends us to, into errors for people."""

from __future__ import annotations

import http.client
import re
import socket
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from urllib3 import exceptions as u3

from longshore.errors import LongshoreError, RegistryUnreachable, TlsFailed, UnexpectedReply
from longshore.registry.allowed_addresses import AddressNotAllowedError
from longshore.registry.config import RegistryConfig, split_host
from longshore.registry.failures import called, said, unexpected
from longshore.registry.tls import UnusableFiles

if TYPE_CHECKING:
    from longshore.registry.certificate import Certificate

#: What urllib3 writes before its words: the connection or pool, as Python shows it.
_OBJECT = re.compile(r"^[A-Za-z]{1,40}\([^()]{0,300}\): ")
#: Errors within each other that are looked at.
_MOST_WRAPPED = 20


def of_connection(
    error: BaseException,
    config: RegistryConfig,
    url: str = "",
    shown: Callable[[str], Certificate | None] = lambda url: None,
) -> LongshoreError:
    """The LongshoreError for an exception of the transport on a request to *url*, whose host may be a token service or
    a storage. *shown* fetches the refused certificate, and may block for some seconds."""
    host = urlsplit(url).hostname or split_host(config.api_host)[0]
    place = urlsplit(url).netloc or config.api_host
    foreign = elsewhere(url, config)
    name = f"{place} (redirected from {called(config)})" if foreign else called(config)
    # A registry that names internal addresses cannot be fixed from here.
    outside = "Ask the registry's administrator for an address that can be reached from here, or check your network."
    while isinstance(error, u3.MaxRetryError) and error.reason is not None:
        error = error.reason
    if isinstance(error, u3.ProxySchemeUnknown):
        return RegistryUnreachable(
            f"Longshore does not support the type of proxy that is set for {name}.",
            registry=config.host,
            advice="Set an http:// or https:// proxy in HTTPS_PROXY, or add the registry to NO_PROXY.",
            detail=str(error),
        )
    if isinstance(error, u3.ProxyError):
        return RegistryUnreachable(
            f"The proxy for {name} {_why_no_proxy(error.original_error)}.",
            registry=config.host,
            advice="Check HTTPS_PROXY and NO_PROXY.",
            detail=_words(error.original_error),
        )
    if isinstance(error, u3.SSLError | ssl.SSLError):
        return _of_tls(error, config, name, url or f"https://{config.api_host}", shown)
    if isinstance(error, AddressNotAllowedError):
        return _not_allowed(error, config)
    if isinstance(error, u3.NameResolutionError | socket.gaierror):
        return RegistryUnreachable(
            f"The host {host} was not found" + (f" (redirected from {called(config)})." if foreign else "."),
            registry=config.host,
            advice=outside if foreign else "Check the name of the registry and your network.",
            detail=_words(error),
        )
    # urllib3's NewConnectionError is a subclass of its timeout.
    if isinstance(error, u3.TimeoutError | TimeoutError) and not isinstance(error, u3.NewConnectionError):
        return RegistryUnreachable(
            f"{name} does not respond.",
            registry=config.host,
            advice="Try again later, or check your network and proxy.",
            detail=_words(error),
            silent=True,
        )
    if isinstance(error, u3.LocationParseError):
        # Without the error's text: it repeats the address, and a proxy's may contain a password.
        return RegistryUnreachable(
            f"The address of {name} or of its proxy is not valid.",
            registry=config.host,
            advice="Check HTTPS_PROXY, HTTP_PROXY and ALL_PROXY.",
        )
    if isinstance(error, u3.InvalidHeader):
        return unexpected(config, str(error))
    text = _words(error)
    if "refused" in str(error).lower():
        return RegistryUnreachable(
            f"Nothing is listening on {place}"
            + (f" (redirected from {called(config)})." if foreign else "."),
            registry=config.host,
            advice=outside if foreign else "Is the registry running? Check host and port.",
            detail=text,
        )
    return RegistryUnreachable(
        f"The connection to {name} failed.",
        registry=config.host,
        advice="Try again; check your network and proxy.",
        detail=text,
    )


def _why_no_proxy(error: BaseException) -> str:
    """What is wrong with a proxy, by its *error*: one that responds refuses with an error of its own."""
    if isinstance(error, u3.TimeoutError | TimeoutError) and not isinstance(error, u3.NewConnectionError):
        return "does not respond"
    if isinstance(error, u3.NewConnectionError | ConnectionRefusedError | socket.gaierror):
        return "can't be reached"
    return "blocks the connection"


def _words(error: BaseException) -> str:
    """What the system or the library says about *error*, without the names of Python's objects."""
    for each in _chain(error):
        if isinstance(each, http.client.IncompleteRead):
            missing = each.expected
            return "The connection ended early" + (f": {missing:,} bytes are missing." if missing else ".")
    for each in _chain(error):
        if isinstance(each, OSError) and each.strerror and not isinstance(each, ssl.SSLError):
            return each.strerror if each.errno is None else f"[Errno {each.errno}] {each.strerror}"
    # The others are made of an object and a sentence, or of a sentence and the error behind it.
    parts = [part for part in map(str, error.args[::-1]) if part]
    return _OBJECT.sub("", parts[0] if parts else str(error), count=1)


def _chain(error: BaseException) -> list[BaseException]:
    """*error* and what it comes from, the nearest first; libraries wrap errors in different ways."""
    found: list[BaseException] = []
    todo: list[object] = [error]
    while todo and len(found) < _MOST_WRAPPED:
        each = todo.pop(0)
        if isinstance(each, BaseException) and all(each is not known for known in found):
            found.append(each)
            todo += [*each.args, getattr(each, "reason", None), each.__cause__]
    return found


def _not_allowed(error: AddressNotAllowedError, config: RegistryConfig) -> UnexpectedReply:
    where = error.host if error.host == error.address else f"{error.host} ({error.address})"
    return UnexpectedReply(
        f"{called(config)} redirects to {where}, which is not a public address.",
        registry=config.host,
        advice="Longshore does not follow redirects into private networks. Ask the registry's administrator for a "
        "public address.",
        detail=str(error),
    )


def refused_by_storage(
    config: RegistryConfig, status: int, url: str, body: bytes, subject: str
) -> UnexpectedReply:
    """The error for a storage at *url* that refuses the request; the sign-in is not the reason."""
    return UnexpectedReply(
        f"{urlsplit(url).netloc} (redirected from {called(config)}) refused access.",
        registry=config.host,
        subject=subject,
        advice="Check this machine's clock, because signed addresses expire. If it is right, tell the registry's "
        "administrator.",
        detail=f"HTTP {status}: {said(body)}".rstrip(": "),
    )


def misnamed(config: RegistryConfig, url: str, what: str) -> UnexpectedReply:
    """The error for a registry that uses https but leads to plain http at *url*. *what*: how it does that."""
    return UnexpectedReply(
        f"{called(config)} {what}: {urlsplit(url).netloc}.",
        registry=config.host,
        advice="Nothing was sent there. The registry's administrator must set its external address to https (http.host "
        "of distribution, external_url of Harbor and GitLab, X-Forwarded-Proto of a proxy in front of it).",
    )


def elsewhere(url: str, config: RegistryConfig) -> bool:
    """True if *url* has another host or port than the registry: its token service, a storage. Any thread."""
    parts = urlsplit(url)
    if not parts.hostname:
        return False
    default = 80 if parts.scheme == "http" else 443
    host, port = split_host(config.api_host)
    return (parts.hostname, parts.port or default) != (host, port or default)


# OpenSSL's verification codes (x509_vfy.h), in words.
_NOT_YET, _EXPIRED, _OTHER_HOST, _OTHER_ADDRESS = 9, 10, 62, 64
_WHY_NOT_TRUSTED = {
    _NOT_YET: "is not valid yet",
    _EXPIRED: "has expired",
    18: "is self-signed",
    19: "comes from an unknown authority",
    20: "comes from an unknown authority",
    21: "comes from an unknown authority",
    _OTHER_HOST: "is for another host",
    _OTHER_ADDRESS: "is for another address",
}


def _advice_for(code: int, config: RegistryConfig, certificate: Certificate | None) -> str:
    if code in (_NOT_YET, _EXPIRED):
        return "Check this machine's clock. If it is right, ask the registry's administrator for a new certificate."
    if code in (_OTHER_HOST, _OTHER_ADDRESS):
        names = ", ".join(certificate.names[:5]) if certificate is not None else ""
        return (f"It is for {names}. " if names else "") + (
            "Use a name that the certificate is for, or ask the registry's administrator for a matching one."
        )
    return (
        "If you expect this certificate, trust it, or choose its CA file in the registry's settings. The engine "
        f"checks it too: put the CA file at /etc/docker/certs.d/{config.host}/ca.crt."
    )


def _of_tls(
    error: BaseException,
    config: RegistryConfig,
    name: str,
    url: str,
    shown: Callable[[str], Certificate | None],
) -> TlsFailed:
    inner = error.args[0] if error.args and isinstance(error.args[0], ssl.SSLError) else error
    text = str(inner)
    low = text.lower().replace("_", " ")
    if isinstance(inner, ssl.SSLCertVerificationError):
        certificate = shown(url)
        lines = "\n".join(certificate.lines()) if certificate is not None else ""
        why = _WHY_NOT_TRUSTED.get(inner.verify_code, "is not trusted")
        return TlsFailed(
            f"The certificate of {name} {why}.",
            registry=config.host,
            advice=_advice_for(inner.verify_code, config, certificate),
            detail="\n".join(part for part in (text, lines) if part),
            certificate=lines,
            address=urlsplit(url).netloc if elsewhere(url, config) else "",
        )
    if "wrong version number" in low or "record layer failure" in low or "http request" in low:
        return TlsFailed(
            f"{name} uses plain HTTP, but Longshore connected with TLS.",
            registry=config.host,
            advice="If intended, mark the registry as insecure here, and add it to the engine's "
            "insecure-registries to pull and push.",
            detail=text,
        )
    if "certificate required" in low or "bad certificate" in low or "handshake failure" in low:
        return TlsFailed(
            f"{name} requires a client certificate, or refused yours.",
            registry=config.host,
            advice="Choose a client certificate and its key in the registry's settings. The engine takes client.cert "
            f"and client.key from /etc/docker/certs.d/{config.host}/.",
            detail=text,
        )
    return TlsFailed(
        f"The TLS connection to {name} failed.",
        registry=config.host,
        advice="Check the address; an old server or a proxy in between may be the cause.",
        detail=text,
    )


def of_files(error: UnusableFiles, config: RegistryConfig) -> TlsFailed:
    """The error for a certificate or key on this machine that cannot be used."""
    return TlsFailed(
        f"The certificate files for {called(config)} can't be used.",
        registry=config.host,
        advice="Choose them again in the registry's settings, as PEM files; see also the engine's certs.d folder.",
        detail=str(error),
    )
