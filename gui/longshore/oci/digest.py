"""Content digests: their grammar, and verification of bytes against them (OCI image-spec, descriptor.md#digests)."""

from __future__ import annotations

import hashlib
import re

from longshore.errors import DigestMismatch, InvalidReference
from longshore.text import plain

# The registered algorithms, with the number of hex digits of each. All others are errors, as in the engines.
_HEX_DIGITS = {"sha256": 64, "sha384": 96, "sha512": 128}
#: The algorithms that a digest may name.
ALGORITHMS = tuple(_HEX_DIGITS)
_DIGEST = re.compile(r"(sha256):([a-f0-9]{64})|(sha384):([a-f0-9]{96})|(sha512):([a-f0-9]{128})")
_EXAMPLE = "A digest is written as sha256: and 64 characters 0-9 and a-f."


def valid_digest(text: str) -> bool:
    """True if *text* is a digest of a registered algorithm (sha256, sha384, sha512). Any thread."""
    return _DIGEST.fullmatch(text) is not None


def check_digest(text: str) -> str:
    """Return *text* if it is a digest of a registered algorithm. Any thread.

    Raises InvalidReference that names the invalid part. Callers that got the digest from a server, not from a
    person, raise an error of their own instead.
    """
    if valid_digest(text):
        return text
    raise InvalidReference(_what_is_wrong(text), subject=text, advice=_EXAMPLE)


def _what_is_wrong(text: str) -> str:
    algorithm, colon, encoded = text.partition(":")
    shown = plain(text, 80)
    if not text:
        return "The digest after “@” is missing."
    if not colon:
        return f"The digest “{shown}” does not name its algorithm."
    if algorithm not in _HEX_DIGITS:
        if algorithm.lower() in _HEX_DIGITS:
            return f"The digest algorithm “{plain(algorithm, 40)}” must be lower case."
        return f"The digest algorithm “{plain(algorithm, 40)}” is unknown."
    wanted = _HEX_DIGITS[algorithm]
    strange = next((char for char in encoded if char not in "0123456789abcdef"), None)
    if strange is not None and strange in "ABCDEF":
        return f"The digest “{shown}” must be lower case."
    if strange is not None:
        return f"The digest “{shown}” contains “{plain(strange)}”, which is not a hexadecimal digit."
    return f"The digest “{shown}” has {len(encoded)} characters after “{algorithm}:” instead of {wanted}."


def sha256_of(content: bytes | bytearray | memoryview) -> str:
    """The sha256 digest of *content*, ``sha256:<hex>``. Any thread."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


def short(digest: str, length: int = 12) -> str:
    """The first *length* hex digits of a digest or image id, as the docker CLI shows ids. Any thread."""
    return digest.rpartition(":")[2][:length]


class Verifier:
    """Hashes streamed content and compares it with the promised digest and size. One thread at a time.

    *size*: promised bytes, None if unknown. Raises InvalidReference for a digest of an unknown algorithm.
    """

    def __init__(self, digest: str, size: int | None = None) -> None:
        check_digest(digest)
        self.digest = digest
        self.size = size
        self.seen = 0  #: bytes so far
        self._hash = hashlib.new(digest.partition(":")[0])

    def update(self, chunk: bytes | bytearray | memoryview) -> None:
        """Hash the next bytes. Raises DigestMismatch as soon as there are more than promised."""
        self.seen += memoryview(chunk).nbytes
        if self.size is not None and self.seen > self.size:
            raise self._mismatch(f"More than the expected {self.size} bytes arrived.")
        self._hash.update(chunk)

    def finish(self) -> None:
        """Raise DigestMismatch unless all bytes came and hash to the digest."""
        if self.size is not None and self.seen != self.size:
            raise self._mismatch(f"{self.seen} of {self.size} bytes arrived.")
        algorithm = self.digest.partition(":")[0]
        found = f"{algorithm}:{self._hash.hexdigest()}"
        if found != self.digest:
            raise self._mismatch(f"The content hashes to {found}.")

    def _mismatch(self, detail: str) -> DigestMismatch:
        return DigestMismatch(
            "The content does not match its digest.",
            subject=self.digest,
            advice="Try again. If it happens again, the registry or a proxy in between damages content.",
            detail=detail,
        )
