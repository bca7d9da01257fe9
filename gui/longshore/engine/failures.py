"""Recognizes the messages of engines whose pull or push failed.

An engine reports one line of joined Go errors, its own and the registry's. The texts below were seen from dockerd
20.10 and 28 (both stores), containerd and Podman; order matters, the first match wins.
"""

from __future__ import annotations

import re

from longshore.engine.attempt import Attempt
from longshore.engine.sentences import error_of
from longshore.errors import LongshoreError
from longshore.oci.reference import Reference

#: The maximum number of characters of a message that are searched, and how many of them are the last ones.
_LONGEST = 16 * 1024
_LAST = 4 * 1024


def classify(text: str, attempt: Attempt, status: int | None = None) -> LongshoreError:
    """The error for *text*, the engine's message.

    *status*: of its HTTP response, None if the message was in the stream.
    """
    text = _bounded(text)
    bare = _without_names(text, attempt.reference)
    for pattern, name in RULES:
        found = pattern.search(bare)
        if found is not None:
            return error_of(name, attempt, text, next(filter(None, found.groups()), ""))
    return error_of(BY_STATUS.get(status or 0, "unexplained"), attempt, text)


def _bounded(text: str) -> str:
    """The beginning and the end of a text that is too long, so that the rules search a bounded text."""
    if len(text) <= _LONGEST:
        return text
    return f"{text[: _LONGEST - _LAST]} … {text[-_LAST:]}"


def _without_names(text: str, reference: Reference) -> str:
    """*text* without the image's own name and tag, which may be called anything ("x509", "denied")."""
    names = {str(reference), reference.name, reference.familiar, reference.familiar_name, reference.path}
    if reference.tag:
        names |= {f"{reference.path}:{reference.tag}"}
    for name in sorted(names, key=len, reverse=True):
        text = re.sub(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", "@", text)
    if reference.tag:
        text = re.sub(rf"(?<=manifests/){re.escape(reference.tag)}(?![\w.-])", "@", text)
    return text


def _rule(pattern: str, name: str) -> tuple[re.Pattern[str], str]:
    return re.compile(pattern, re.IGNORECASE), name


#: The texts are foreign, so every repetition is bounded: the work is at most a few hundred times their length. Groups
#: are only around values that are shown, a status or a digest; the names are those of ``sentences.TABLE``.
RULES: list[tuple[re.Pattern[str], str]] = [
    _rule(r"no space left on device|disk quota exceeded|not enough space", "disk full"),
    _rule(r"dialing: dial unix|containerd\.sock|code = Unavailable", "containerd"),
    _rule(r"toomanyrequests|too many requests|rate limit|HTTP 429", "rate limited"),
    _rule(
        r"server gave HTTP response to HTTPS client|first record does not look like a TLS handshake",
        "http registry",
    ),
    _rule(r"HTTP request to an HTTPS server|malformed HTTP response \"?\\x15", "https registry"),
    _rule(r"certificate required|tls: bad certificate|tls: handshake failure", "client certificate"),
    _rule(r"TLS handshake timeout", "slow"),
    _rule(
        r"(?:x509: |tls: |certificate (?:signed by|has|verify)).{0,400}(?:expired|not yet valid)",
        "certificate out of date",
    ),
    _rule(
        r"(?:x509: |tls: |certificate verify).{0,400}(?:is valid for|\bSANs\b|not valid for any names)",
        "certificate of another",
    ),
    _rule(r"x509: |tls: |certificate (?:signed by|has expired|verify)", "certificate"),
    _rule(r"proxyconnect|proxy authentication required", "proxy"),
    _rule(
        r"filesystem layer verification failed|verification failed for digest|digest mismatch"
        r"|mismatched digest|does not match (?:digest|expected)|did not match the expected|failed size validation"
        r"|unexpected commit (?:digest|size)|invalid checksum|provided digest did not match"
        r"|failed to register layer.{0,400}(?:gzip: invalid|unexpected EOF)|gzip: invalid (?:checksum|header)",
        "checksum",
    ),
    _rule(
        r"no matching manifest for|no match for platform|does not provide (?:the|any|a) |not found for platform"
        r"|does not match the (?:specified|requested) platform|no image found in (?:manifest list|image index)",
        "no platform",
    ),
    _rule(r"does not exist locally|tag does not exist|no such image|image not known", "unknown locally"),
    _rule(r"content digest \S{1,200}: not found", "not whole"),
    _rule(
        r"content at \S{1,600}/(?:manifests|blobs)/(sha256:[0-9a-f]{64})\S{0,200} not found",
        "missing part",
    ),
    _rule(r"no basic auth credentials|authentication required", "sign in"),
    _rule(
        r"incorrect username or password|invalid username/password|authentication failed|bad credentials"
        r"|failed to fetch (?:anonymous |oauth )?token.{0,400}(?:\b401\b|unauthorized)"
        r"|failed to authorize.{0,400}\b401\b"
        r"|: unauthorized|unauthorized:|401 Unauthorized",
        "bad password",
    ),
    _rule(
        r"pull access denied|requested access to the resource is denied|insufficient_scope"
        r"|repository does not exist or may require",
        "denied",
    ),
    _rule(
        r"tag is immutable|as immutable|immutable tag|tag immutability|tag_immutable|cannot be overwritten"
        r"|412 Precondition Failed",
        "immutable tag",
    ),
    _rule(r"413 Request Entity Too Large|413 Payload Too Large|HTTP 413|: 413\b", "too large"),
    _rule(
        r"unsupported: |405 Method Not Allowed|operation is unsupported|HTTP 405|StatusCode: 405"
        r"|registry is read-?only",
        "read only",
    ),
    _rule(
        r"\bdenied: |403 Forbidden|HTTP 403|failed to fetch (?:anonymous |oauth )?token.{0,400}\b403\b",
        "forbidden",
    ),
    _rule(r"blob unknown|unknown blob|blob upload unknown", "unknown blob"),
    _rule(
        r"name unknown|repository name not known|repository .{0,300}not found: does not exist",
        "unknown repository",
    ),
    _rule(
        r"manifest unknown|manifest for .{0,600}not found|manifests/\S{1,300} ?: ?404|: not found$"
        r"|not found: does not exist",
        "unknown tag",
    ),
    _rule(
        r"schema ?(?:version )?1|media ?type .{0,300} no longer supported|unsupported media type|unsupported manifest"
        r"|unknown media type|invalid rootfs in image",
        "old manifest",
    ),
    _rule(
        r"(?:unexpected HTTP status|unexpected status(?: code)?(?: from \w{1,10} request to \S{1,400})?|HTTP)"
        r"[^\d\n]{0,300}\b(5\d\d)\b|\b(5\d\d) (?:Internal|Bad Gateway|Service|Gateway)|StatusCode: (5\d\d)",
        "server error",
    ),
    _rule(
        r"response body: invalid character|error parsing HTTP|looking for beginning of value",
        "not a registry",
    ),
    _rule(r"invalid reference format|repository name must be lowercase", "bad reference"),
    _rule(r"no such host|server misbehaving|name resolution|lookup \S{1,300} (?:on|:)", "no host"),
    _rule(r"connection refused", "down"),
    _rule(r"network is unreachable|no route to host", "no way"),
    _rule(r"i/o timeout|Client\.Timeout|deadline exceeded|operation timed out|awaiting headers", "slow"),
    _rule(r"connection reset|broken pipe|\bEOF\b|use of closed network|connection closed", "cut"),
]

BY_STATUS: dict[int, str] = {
    400: "bad reference",
    401: "bad password",
    403: "forbidden",
    404: "unknown tag",
    429: "rate limited",
}
