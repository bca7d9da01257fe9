"""The documents that are attached to images, as JSON: parsed within limits, and taken out of their envelopes."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any

from longshore.application.attached import keys
from longshore.errors import InvalidContent
from longshore.oci.foreign_json import ATTACHED, parse_json

#: Most bytes of a document that is read.
LARGEST = 64 * 1024 * 1024
#: Envelopes in one another: a bundle, its DSSE envelope, the statement, a document as text, and one to spare.
_MOST_ENVELOPES = 5


@dataclass(frozen=True, slots=True)
class Opened:
    """The innermost document. *predicate*: the type of the statement around it, "" if there is none. *signed*: whether
    it was in an envelope with a signature, which nobody has checked here."""

    document: dict[str, Any]
    predicate: str = ""
    signed: bool = False


def opened(raw: bytes) -> Opened:
    """The document in *raw*, at most :data:`LARGEST` bytes, out of its sigstore bundle, DSSE envelope and in-toto
    statement (github.com/secure-systems-lab/dsse; in-toto attestation, spec/v1; sigstore bundle v0.3).

    Keeps only the fields in ``keys.ALL``. Raises InvalidContent if it is not a JSON object, or too large. Any thread.
    """
    predicate, signed = "", False
    document = _parsed(raw)
    for _ in range(_MOST_ENVELOPES):
        inner: object
        if isinstance(document.get("dsseEnvelope"), dict):
            inner = document["dsseEnvelope"]
        elif isinstance(document.get("payload"), str) and "payloadType" in document:
            inner, signed = _parsed(_decoded(document["payload"])), True
        elif isinstance(document.get("predicateType"), str):
            predicate, inner = document["predicateType"], document.get("predicate")
        elif predicate and isinstance(document.get("Data"), str):
            inner = document["Data"]  # what cosign makes of a file that it does not know
        else:
            break
        if isinstance(inner, str):
            inner = _parsed(inner.encode("utf-8", "surrogatepass"))
        document = inner if isinstance(inner, dict) else {}
    return Opened(document, predicate, signed)


def _parsed(raw: bytes) -> dict[str, Any]:
    if len(raw) > LARGEST:
        raise too_large(len(raw))
    try:
        found = parse_json(raw, ATTACHED, keys.ALL)
    except ValueError as error:
        raise InvalidContent(
            "The document can't be read.", advice="Save it to look at it.", detail=str(error)
        ) from error
    if found is not None and not isinstance(found, dict):
        raise InvalidContent("The document can't be read.", detail="not a JSON object")
    return found or {}


def _decoded(payload: str) -> bytes:
    try:
        # Standard or URL-safe, both are allowed (DSSE protocol.md).
        return base64.b64decode(payload.encode("ascii").translate(_STANDARD) + b"==", validate=False)
    except (ValueError, binascii.Error) as error:
        raise InvalidContent("The document can't be read.", detail="its payload is not base64") from error


_STANDARD = bytes.maketrans(b"-_", b"+/")


def too_large(size: int) -> InvalidContent:
    """The error for a document of *size* bytes."""
    return InvalidContent(
        "The document is too large to be shown.",
        advice="Save it to look at it.",
        detail=f"{size} bytes; the limit is {LARGEST}",
    )
