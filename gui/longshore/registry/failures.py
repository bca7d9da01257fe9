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
    Sentence,
    SignInFailed,
    SignInRequired,
    TagImmutable,
    TlsFailed,
    UnexpectedReply,
)
from longshore.oci.foreign_json import SMALL, parse_json
from longshore.oci.reference import registry_name
from longshore.registry.config import RegistryConfig
from longshore.secrecy import without_secrets

#: Bytes of an error's body that are read.
LARGEST_ERROR = 64 * 1024
#: How a registry refuses one request. Where it only saves work (a mount, the question whether something is there), the
#: work is done without it; whether the sign-in is wrong is seen at the first request that has to succeed.
REFUSALS = (SignInRequired, SignInFailed, AccessDenied, NotInRegistry, UnexpectedReply, RegistryFailure)
#: Characters of a header with a date.
_LONGEST_DATE = 64


#: What a server says that was asked with plain HTTP where it speaks TLS.
_PLAIN_HTTP = b"http request to an https server"
_SIGN_IN_TO_NETWORK = Sentence(
    RegistryUnreachable,
    "A network sign-in page or a proxy blocks {name}.",
    "Sign in to the network or the proxy (HTTPS_PROXY can contain user name and password), then try again.",
)
_NOT_OFFERED = Sentence(
    UnexpectedReply, "{name} does not support this.", "It may be read-only, or the feature is disabled."
)
_LIMITED = "{name} received too many requests from here."
_LIMITED_FOR = "{name} received too many requests from here. It accepts the next one in {seconds} s."
_HIGHER = "Wait, or sign in: limits for accounts are higher."
_ASK = "Ask the registry's administrator for access, or sign in with an account that has it."
#: What a status means, or what it means to whom.
_STATUSES: dict[int | str, Sentence[LongshoreError]] = {
    "stranger": Sentence(
        SignInRequired,
        "{name} requires you to sign in.",
        "Use Sign in…, then try again. A name that does not exist may look the same.",
    ),
    "password": Sentence(
        SignInFailed,
        "{name} refused the user name or password.",
        "Check both. Many registries require an access token instead of the password.",
    ),
    "expired": Sentence(
        SignInFailed, "The stored sign-in for {name} has expired or was revoked.", "Sign in again."
    ),
    "denied": Sentence(AccessDenied, "{who} is not allowed to do this at {name}.", _ASK),
    "denied, nameless": Sentence(AccessDenied, "You are not allowed to do this at {name}.", _ASK),
    404: Sentence(NotInRegistry, "{name} has no {what}.", "Check the name and the tag."),
    "no address": Sentence(
        NotInRegistry, "{name} has nothing at this address.", "Check the registry's address."
    ),
    405: _NOT_OFFERED,
    407: _SIGN_IN_TO_NETWORK,
    413: Sentence(
        UnexpectedReply,
        "{name}, or a proxy in front of it, refused this because it is too large.",
        "The registry's administrator can raise the limit (client_max_body_size of nginx, for example).",
    ),
    "slow down": Sentence(RateLimited, _LIMITED, "Wait and try again."),
    "slow down, stranger": Sentence(RateLimited, _LIMITED, _HIGHER),
    "wait": Sentence(RateLimited, _LIMITED_FOR, "Wait and try again."),
    "wait, stranger": Sentence(RateLimited, _LIMITED_FOR, _HIGHER),
    500: Sentence(RegistryFailure, "{name} reports an internal error.", "Try again later."),
    501: _NOT_OFFERED,
    507: Sentence(UnexpectedReply, "{name} has no space left.", "Tell the registry's administrator."),
    511: _SIGN_IN_TO_NETWORK,
    "plain HTTP": Sentence(TlsFailed, "{name} uses TLS, but was contacted with plain HTTP.", "Try again."),
    "unknown": Sentence(
        UnexpectedReply,
        "{name} does not follow the registry protocol.",
        "Check the address; it may not be a registry, or a proxy is in between.",
    ),
}


def called(config: RegistryConfig) -> str:
    """What the registry is called in a sentence."""
    return registry_name(config.host)


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
    token_service: bool = False,
) -> LongshoreError:
    """The LongshoreError for a status that is not success (distribution-spec, "Error Codes").

    *subject*: what was asked for, empty for the registry itself. *credential*: what was signed in with.
    *token_service*: the credential was sent to the registry's token service, which answered.
    """
    words = said(body)
    wait = retry_after(headers) if status == 429 else None
    if status in (401, 403) or (token_service and status == 400):
        row = _STATUSES[_refusal(status, credential, basic=basic, token_service=token_service)]
    else:
        row = _STATUSES[_meaning(status, body, credential, named=bool(subject), wait=wait)]
    teller = "token service: " if token_service else ""
    error = row(
        subject,
        teller + (f"HTTP {status}: {words}" if words else f"HTTP {status}"),
        registry=config.host,
        name=called(config),
        who=credential.username if credential else "",
        what=subject,
        seconds=f"{wait or 0:.0f}",
    )
    if isinstance(error, RateLimited):
        error.retry_after = wait
    return error


def wrong_password(config: RegistryConfig, detail: str) -> LongshoreError:
    """The user name or the password is not accepted; SignInFailed."""
    return _STATUSES["password"](detail=detail, registry=config.host, name=called(config))


def _refusal(status: int, credential: Credential | None, *, basic: bool, token_service: bool) -> str:
    """The key of the row for a request that is refused because of who sends it.

    A 401 for a token is about rights, but the password itself is wrong where it was sent. OAuth2 token services refuse
    an expired refresh token with 400 (RFC 6749 section 5.2).
    """
    if credential is None:
        return "stranger"
    refresh = token_service and bool(credential.identity_token)
    if refresh and status in (400, 401):
        return "expired"
    if status == 401 and (basic or token_service):
        return "password"
    return "denied" if credential.username else "denied, nameless"


def _meaning(
    status: int, body: bytes, credential: Credential | None, *, named: bool, wait: float | None
) -> int | str:
    """The key of the row for any other status."""
    if status == 404 and not named:
        return "no address"
    if status == 429:
        return ("wait" if wait else "slow down") + ("" if credential else ", stranger")
    if status in _STATUSES:
        return status
    if status >= 500:
        return 500
    return "plain HTTP" if _PLAIN_HTTP in body[:LARGEST_ERROR].lower() else "unknown"


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
    if html(headers.get("Content-Type", ""), body):
        return web_page(config, subject)
    found = unexpected(config, "the response is not JSON, or exceeds the limits", subject)
    return UnexpectedReply(
        found.message, registry=found.registry, subject=subject, advice=found.advice, detail=str(error)
    )


def web_page(config: RegistryConfig, subject: str = "") -> UnexpectedReply:
    """The registry, or a proxy or sign-in page in between, answered with HTML."""
    return unexpected(config, "it returned a web page instead of data", subject)


def unexpected(config: RegistryConfig, why: str, subject: str = "") -> UnexpectedReply:
    """The registry answered outside its protocol."""
    return UnexpectedReply(
        f"{called(config)} does not follow the registry protocol: {why}.",
        registry=config.host,
        subject=subject,
        advice="Check the address; a proxy or a sign-in page may be in between.",
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


def of_parts(error: LongshoreError, config: RegistryConfig, subject: str) -> LongshoreError:
    """What *error*, a refused write of a manifest, means: RegistryFailure if the registry does not find blobs that were
    stored, or the error as it is.

    distribution reads a blob's link while another upload of the same blob writes it, and then finds nothing
    (DIGEST_INVALID together with MANIFEST_BLOB_UNKNOWN): a moment later all is well.
    """
    if "MANIFEST_BLOB_UNKNOWN" not in error.detail:
        return error
    return RegistryFailure(
        f"{called(config)} does not find content that it has just accepted.",
        registry=config.host,
        subject=subject,
        advice="Try again.",
        detail=error.detail,
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
        advice="Use another tag, or ask the registry's administrator to allow changes to this one.",
        detail=error.detail,
    )
