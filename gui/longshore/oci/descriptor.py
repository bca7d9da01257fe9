"""Descriptors: media type, size and digest of a piece of content (OCI image-spec, descriptor.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from longshore.errors import InvalidManifest
from longshore.oci.digest import valid_digest
from longshore.oci.platform import Platform
from longshore.text import plain

#: Opens a blob and returns its bytes from an offset on; may be called again, from another offset, after a cut.
OpenBlob = Callable[[int], AbstractContextManager[Iterable[bytes]]]

_LARGEST = 2**63 - 1  # int64, as in the specification
_ATTESTATION = "attestation-manifest"


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A validated descriptor. Immutable, any thread. *size* in bytes, 0 or more.

    *urls*: other addresses of the content (foreign layers). Whoever made the image chose them: never send
    credentials there.
    """

    media_type: str
    digest: str
    size: int
    platform: Platform | None = None
    annotations: Mapping[str, str] = field(default_factory=dict, hash=False)
    urls: tuple[str, ...] = ()
    artifact_type: str = ""

    @classmethod
    def from_json(cls, value: object, *, what: str = "descriptor") -> Descriptor:
        """Validate parsed JSON. *what* names the place in the error. Raises InvalidManifest."""
        if not isinstance(value, dict):
            raise _invalid(what, "it is not an object")
        media_type = value.get("mediaType")
        digest = value.get("digest")
        size = value.get("size")
        if not isinstance(media_type, str):
            raise _invalid(what, "it has no media type")
        if not isinstance(digest, str) or not valid_digest(digest):
            raise _invalid(what, f"its digest is not valid: {plain(repr(digest), 100)}")
        if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= _LARGEST:
            raise _invalid(what, f"its size is not valid: {plain(repr(size), 40)}")
        artifact_type = value.get("artifactType")
        urls = value.get("urls")
        return cls(
            media_type,
            digest,
            size,
            platform=_platform(value.get("platform"), what),
            annotations=strings(value.get("annotations")),
            urls=tuple(url for url in urls if isinstance(url, str)) if isinstance(urls, list) else (),
            artifact_type=artifact_type if isinstance(artifact_type, str) else "",
        )

    def to_json(self) -> dict[str, Any]:
        """The JSON object as manifests contain it, without absent fields."""
        out: dict[str, Any] = {"mediaType": self.media_type, "digest": self.digest, "size": self.size}
        if self.urls:
            out["urls"] = list(self.urls)
        if self.annotations:
            out["annotations"] = dict(self.annotations)
        if self.platform is not None:
            named = {
                "architecture": self.platform.architecture,
                "os": self.platform.os,
                "os.version": self.platform.os_version,
                "variant": self.platform.variant,
            }
            out["platform"] = {key: text for key, text in named.items() if text}
        if self.artifact_type:
            out["artifactType"] = self.artifact_type
        return out

    @property
    def is_attestation(self) -> bool:
        """True for attestations (provenance, SBOM), which BuildKit puts beside the images of an index."""
        if self.annotations.get("vnd.docker.reference.type") == _ATTESTATION:
            return True
        return self.platform is not None and not self.platform.known

    @property
    def attested(self) -> str:
        """The digest of the image in the same index that an attestation is about; "" if it names none (moby/buildkit,
        docs/attestations/attestation-storage.md)."""
        return self.annotations.get("vnd.docker.reference.digest", "")


def strings(value: object) -> dict[str, str]:
    """The entries of a JSON object whose values are strings; empty if *value* is not an object."""
    if not isinstance(value, dict):
        return {}
    return {key: text for key, text in value.items() if isinstance(text, str)}


def _platform(value: object, what: str) -> Platform | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise _invalid(what, "its platform is not an object")
    named = strings(value)
    # Kept as the manifest spells it, so that to_json() returns what was read.
    return Platform(
        os=named.get("os", ""),
        architecture=named.get("architecture", ""),
        variant=named.get("variant", ""),
        os_version=named.get("os.version", ""),
    )


def _invalid(what: str, why: str) -> InvalidManifest:
    return InvalidManifest("The manifest is broken.", detail=f"{what}: {why}")
