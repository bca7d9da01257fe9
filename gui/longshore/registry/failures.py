"""Turns what goes wrong with a registry into sentences for people."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from time import time

from longshore.credentials import Credential
from longshore.errors import (
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
from longshore.registry.config import RegistryConfig
from longshore.secrecy import without_secrets

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
