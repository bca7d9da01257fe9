"""Turns what goes wrong with a registry into sentences for people."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from time import time
from urllib.parse import urlsplit

from urllib3 import exceptions as u3

from longshore.credentials import Credential
from longshore.oci.errors import (
    AccessDenied,
    LongshoreError,
    NotInRegistry,
    RateLimited,
    RegistryFailure,
    RegistryUnreachable,
    SignInFailed,
    SignInRequired,
    TagImmutable,
    TlsFailed,
    UnexpectedReply,
)
from longshore.oci.foreign_json import SMALL, parse_json
from longshore.oci.secrecy import without_secrets
from longshore.registry.certificate import Certificate
from longshore.registry.config import RegistryConfig, split_host
from longshore.registry.reach import OutOfReachError
from longshore.registry.tls import UnusableFiles

#: Bytes of an error's body that are read.
LARGEST_ERROR = 64 * 1024
#: How a registry refuses one request. Where it only saves work (a mount, the question whether something is there), the
#: work is done without it; whether the sign-in is wrong is seen at the first request that has to succeed.
REFUSALS = (SignInRequired, SignInFailed, AccessDenied, NotInRegistry, UnexpectedReply, RegistryFailure)
#: Characters of a header with a date.
_LONGEST_DATE = 64


def called(config: RegistryConfig) -> str:
    """What the registry is called in a sentence."""
    return "Docker Hub" if config.is_hub else config.host


def of_connection(
    error: BaseException,
    config: RegistryConfig,
    url: str = "",
    shown: Callable[[str], Certificate | None] = lambda url: None,
) -> LongshoreError:
    """The LongshoreError for an exception of the transport, for a request to *url* (its host may be a token service
    or a storage). *shown* fetches the certificate that was refused, and may block for some seconds."""
    host = urlsplit(url).hostname or split_host(config.api_host)[0]
    place = urlsplit(url).netloc or config.api_host
    foreign = elsewhere(url, config)
    name = f"{place} (where {called(config)} sends us)" if foreign else called(config)
    # A registry that names its insides cannot be helped from here.
    outside = f"Whoever runs {called(config)} has to name an address there that can be reached from here"
    outside = f"{outside}, or the network between is down."
    while isinstance(error, u3.MaxRetryError) and error.reason is not None:
        error = error.reason
    if isinstance(error, u3.ProxySchemeUnknown):
        return RegistryUnreachable(
            f"The proxy on the way to {name} is of a kind that Longshore cannot use.",
            registry=config.host,
            advice="Name an http:// or https:// proxy in HTTPS_PROXY, or the registry in NO_PROXY.",
            detail=str(error),
        )
    if isinstance(error, u3.ProxyError):
        return RegistryUnreachable(
            f"The proxy on the way to {name} does not let us through.",
            registry=config.host,
            advice="Check HTTPS_PROXY and NO_PROXY.",
            detail=str(error.original_error),
        )
    if isinstance(error, u3.SSLError | ssl.SSLError):
        return _of_tls(error, config, name, url or f"https://{config.api_host}", shown)
    if isinstance(error, OutOfReachError):
        return _out_of_reach(error, config)
    if isinstance(error, u3.NameResolutionError | socket.gaierror):
        return RegistryUnreachable(
            f"The host {host} was not found"
            + (f", and {called(config)} sends us there." if foreign else "."),
            registry=config.host,
            advice=outside if foreign else "Check the name of the registry and your network.",
            detail=str(error),
        )
    # NewConnectionError is a kind of timeout to urllib3.
    if isinstance(error, u3.TimeoutError | TimeoutError) and not isinstance(error, u3.NewConnectionError):
        return RegistryUnreachable(
            f"{name} does not answer.",
            registry=config.host,
            advice="Try again later, or check your network and proxy.",
            detail=str(error),
        )
    if isinstance(error, u3.LocationParseError):
        # Not its words: they repeat the address, and a proxy's may hold a password.
        return RegistryUnreachable(
            f"The address of {name}, or of the proxy on the way to it, cannot be read.",
            registry=config.host,
            advice="Check HTTPS_PROXY, HTTP_PROXY and ALL_PROXY.",
        )
    if isinstance(error, u3.InvalidHeader):
        return unexpected(config, str(error))
    text = str(error)
    if "refused" in text.lower():
        return RegistryUnreachable(
            f"Nothing is listening on {place}"
            + (f", and {called(config)} sends us there." if foreign else "."),
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


def _out_of_reach(error: OutOfReachError, config: RegistryConfig) -> UnexpectedReply:
    where = error.host if error.host == error.address else f"{error.host} ({error.address})"
    return UnexpectedReply(
        f"{called(config)} sends us to {where}, which is not a public address.",
        registry=config.host,
        advice="Longshore does not go nearer to this machine or its network than the registry is itself. Whoever runs "
        "the registry has to name its public address there.",
        detail=str(error),
    )


def refused_by_storage(
    config: RegistryConfig, status: int, url: str, body: bytes, subject: str
) -> UnexpectedReply:
    """The place at *url*, where the registry's content is, does not let us in; the sign-in is not the reason."""
    return UnexpectedReply(
        f"{urlsplit(url).netloc} (where {called(config)} sends us) refuses access.",
        registry=config.host,
        subject=subject,
        advice="Check this machine's clock, by which signed addresses expire; if it is right, tell whoever runs the "
        "registry.",
        detail=f"HTTP {status}: {said(body)}".rstrip(": "),
    )


def misnamed(config: RegistryConfig, url: str, what: str) -> UnexpectedReply:
    """The registry is reached by https and *what* it does leads to plain http at *url*."""
    return UnexpectedReply(
        f"{called(config)} {what}: {urlsplit(url).netloc}.",
        registry=config.host,
        advice="Nothing was sent there. Whoever runs the registry has to set its external address to https (http.host "
        "of distribution, external_url of Harbor and GitLab, X-Forwarded-Proto of the proxy before it).",
    )


def elsewhere(url: str, config: RegistryConfig) -> bool:
    """True for a URL of another host or port than the registry's own: its token service, a storage. Any thread."""
    parts = urlsplit(url)
    if not parts.hostname:
        return False
    default = 80 if parts.scheme == "http" else 443
    host, port = split_host(config.api_host)
    return (parts.hostname, parts.port or default) != (host, port or default)


# OpenSSL's verification codes (x509_vfy.h): in words, and whether trusting the certificate would help.
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
        return "Check this machine's clock; if it is right, whoever runs the registry has to renew the certificate."
    if code in (_OTHER_HOST, _OTHER_ADDRESS):
        names = ", ".join(certificate.names[:5]) if certificate is not None else ""
        return (f"It is for {names}. " if names else "") + (
            "Use a name that it is for, or ask whoever runs the registry for one that fits."
        )
    return (
        "If it is the right one, trust it, or choose its CA file for Longshore in the registry's settings. The engine "
        f"checks for itself: put the CA into /etc/docker/certs.d/{config.host}/ca.crt."
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
            f"{name} speaks plain HTTP, and Longshore asked with TLS.",
            registry=config.host,
            advice="If that is meant so, mark the registry as insecure here and add it to the engine's "
            "insecure-registries for Pull and Push.",
            detail=text,
        )
    if "certificate required" in low or "bad certificate" in low or "handshake failure" in low:
        return TlsFailed(
            f"{name} wants a certificate from us, or refuses the one it got.",
            registry=config.host,
            advice="Choose a client certificate and its key in the registry's settings. The engine takes client.cert "
            f"and client.key from /etc/docker/certs.d/{config.host}/.",
            detail=text,
        )
    return TlsFailed(
        f"No encrypted connection to {name} could be made.",
        registry=config.host,
        advice="Check the address; an old server or a proxy in between may be the cause.",
        detail=text,
    )


def of_files(error: UnusableFiles, config: RegistryConfig) -> TlsFailed:
    """A certificate or key on our side that cannot be used."""
    return TlsFailed(
        f"The certificate files for {called(config)} cannot be used.",
        registry=config.host,
        advice="Choose them again in the registry's settings, as PEM files; see also the engine's certs.d folder.",
        detail=str(error),
    )


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds of a Retry-After header (RFC 9110 section 10.2.3), None without a usable one."""
    value = headers.get("Retry-After", "").strip()[:_LONGEST_DATE]
    if value.isascii() and value.isdigit():
        return float(min(int(value[:9]), 86_400))
    try:
        return min(max(0.0, parsedate_to_datetime(value).timestamp() - time()), 86_400.0)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def of_status(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    config: RegistryConfig,
    *,
    subject: str,
    credential: Credential | None,
    basic: bool = False,
    teller: str = "",
) -> LongshoreError:
    """The LongshoreError for a status that is not success (distribution-spec, "Error Codes").

    *subject*: what was asked for, empty for the registry itself. *credential*: what was signed in with. *teller*: who
    says so, where it is not the registry.
    """
    name = called(config)
    words = said(body)
    host = config.host
    detail = teller + (f"HTTP {status}: {words}" if words else f"HTTP {status}")
    if status in (401, 403) and credential is None:
        return SignInRequired(
            f"{name} wants you to sign in.",
            registry=host,
            subject=subject,
            advice="Use Sign in…, then try again. A name that does not exist may look the same.",
            detail=detail,
        )
    if status == 401 and basic:
        return SignInFailed(
            f"{name} refuses the user name or the password.",
            registry=host,
            subject=subject,
            advice="Use Sign in… again. Many registries want an access token in place of the password.",
            detail=detail,
        )
    if status in (401, 403):
        return AccessDenied(
            f"{name} does not allow this to {credential.username if credential else 'you'}.",
            registry=host,
            subject=subject,
            advice="Ask its owner for the right, or sign in as someone who has it.",
            detail=detail,
        )
    if status == 404:
        return NotInRegistry(
            f"{name} has no {subject}." if subject else f"{name} does not know this address.",
            registry=host,
            subject=subject,
            advice="Check the name and the tag.",
            detail=detail,
        )
    if status == 429:
        wait = retry_after(headers)
        return RateLimited(
            f"{name} limits how often it may be asked." + (f" It asks to wait {wait:.0f} s." if wait else ""),
            registry=host,
            subject=subject,
            advice="Wait and try again."
            if credential
            else "Wait, or sign in: limits for accounts are higher.",
            retry_after=wait,
            detail=detail,
        )
    if status in (407, 511):
        return RegistryUnreachable(
            f"Something on the way to {name} wants you to sign in to the network first.",
            registry=host,
            subject=subject,
            advice="Sign in to the network or its proxy (HTTPS_PROXY may hold user and password), then try again.",
            detail=detail,
        )
    if status == 413:
        return UnexpectedReply(
            f"{name}, or a proxy before it, refuses this because it is too large.",
            registry=host,
            subject=subject,
            advice="Its administrator sets the limit (client_max_body_size of nginx, for example).",
            detail=detail,
        )
    if status in (405, 501):
        return UnexpectedReply(
            f"{name} does not offer this.",
            registry=host,
            subject=subject,
            advice="It may be read-only, or have it switched off.",
            detail=detail,
        )
    if status == 507:
        return UnexpectedReply(
            f"{name} has no room left.",
            registry=host,
            subject=subject,
            advice="Tell whoever runs the registry.",
            detail=detail,
        )
    if status >= 500:
        return RegistryFailure(
            f"{name} has a problem of its own.",
            registry=host,
            subject=subject,
            advice="Try again later.",
            detail=detail,
        )
    if "http request to an https server" in body[:LARGEST_ERROR].decode("utf-8", "replace").lower():
        return TlsFailed(
            f"{name} speaks TLS, and was asked with plain HTTP.",
            registry=host,
            subject=subject,
            advice="Try again.",
        )
    return UnexpectedReply(
        f"{name} answers in a way that is not the protocol's.",
        registry=host,
        subject=subject,
        advice="Check the address; it may not be a registry, or a proxy stands in between.",
        detail=detail,
    )


def said(body: bytes) -> str:
    """The other side's own words, from its JSON or as they are; nothing for web pages."""
    text = body[:LARGEST_ERROR].decode("utf-8", "replace").strip()
    try:
        reply = parse_json(body[:LARGEST_ERROR], SMALL)
        errors = reply.get("errors") or [
            {"message": reply.get("details") or reply.get("error") or reply.get("message")}
        ]
        return "; ".join(_one(item) for item in errors[:5])
    except (ValueError, KeyError, TypeError, AttributeError):
        # Secrets before the cut, which could leave half of one.
        return "" if text.startswith("<") else without_secrets(text)[:1000]


def _one(item: dict[str, object]) -> str:
    return ": ".join(str(item[key]) for key in ("code", "message") if item.get(key))


def html(content_type: str, body: bytes) -> bool:
    """True for a web page."""
    return "html" in content_type.lower() or body[:256].lstrip()[:1] == b"<"


def no_json(
    config: RegistryConfig, headers: Mapping[str, str], body: bytes, error: ValueError, subject: str = ""
) -> UnexpectedReply:
    """*body* is not the JSON that belongs there, for *error*."""
    page = html(headers.get("Content-Type", ""), body)
    if page:
        return unexpected(config, "a web page came where data belongs", subject)
    found = unexpected(config, "what came is not JSON, or more than can be", subject)
    return UnexpectedReply(
        found.message, registry=found.registry, subject=subject, advice=found.advice, detail=str(error)
    )


def unexpected(config: RegistryConfig, why: str, subject: str = "") -> UnexpectedReply:
    """The registry answered outside its protocol."""
    return UnexpectedReply(
        f"{called(config)} answers in a way that is not the protocol's: {why}.",
        registry=config.host,
        subject=subject,
        advice="Check the address; a proxy or a sign-in page may stand in between.",
    )


def silent_upload(config: RegistryConfig, subject: str, what: str) -> RegistryUnreachable:
    """The registry took no more bytes of an upload (*what* "sending"), or did not answer after the last ("answer")."""
    name = called(config)
    return RegistryUnreachable(
        f"{name} received the data and did not respond."
        if what == "answer"
        else f"{name} stopped accepting data.",
        registry=config.host,
        subject=subject,
        advice="Try again later, or check the registry and the network in between.",
    )


#: With what registries refuse to move a tag: Harbor 412, Quay 409, Amazon ECR and Google 400, Azure 405, others 403.
_IMMUTABLE = ("HTTP 400", "HTTP 403", "HTTP 405", "HTTP 409", "HTTP 412")
_IMMUTABLE_WORDS = ("immutab", "cannot be overwritten", "tag already exists", "is locked")


def of_tag(error: LongshoreError, config: RegistryConfig, subject: str, tag: str) -> LongshoreError:
    """What *error*, a refused write of the manifest under *tag*, means: TagImmutable, or the error as it is."""
    said = error.detail.lower()
    # We send no condition that could fail with 412, so that it can only be about the tag.
    sure = error.detail == "HTTP 409" or error.detail.startswith("HTTP 412")
    worded = error.detail.startswith(_IMMUTABLE) and any(word in said for word in _IMMUTABLE_WORDS)
    if not sure and not worded:
        return error
    return TagImmutable(
        f"The tag {tag} is immutable at {called(config)}.",
        registry=config.host,
        subject=subject,
        advice="Use another tag, or ask the registry's owner to allow changes to this one.",
        detail=error.detail,
    )
