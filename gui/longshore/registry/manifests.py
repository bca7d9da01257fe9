"""Manifests, indexes and image configurations of a registry (distribution-spec, "Pulling Manifests", "Push")."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable

from longshore.cancellation import Cancellation
from longshore.errors import (
    AccessDenied,
    DigestMismatch,
    InvalidManifest,
    LongshoreError,
    NotInRegistry,
    RegistryFailure,
    Remedy,
    SignInRequired,
    UnexpectedReply,
    VerificationFailed,
)
from longshore.oci.attached_tags import tag_for
from longshore.oci.descriptor import Descriptor
from longshore.oci.digest import Verifier, sha256_of, valid_digest
from longshore.oci.image_config import LARGEST_CONFIG, ImageConfig
from longshore.oci.manifest import ACCEPT, LARGEST_MANIFEST, OCI_INDEX, Index, Manifest, parse_manifest
from longshore.oci.reference import DEFAULT_TAG, Reference
from longshore.registry import failures
from longshore.registry.addresses import at_home, joined, manifest_path, origin, repository_path
from longshore.registry.auth import Scopes
from longshore.registry.challenge import next_link, number
from longshore.registry.session import Document, Session

_ACCEPT = {"Accept": ", ".join(ACCEPT)}
_DIGEST = "Docker-Content-Digest"
#: How the detail of an error begins if the registry does not support the request.
_NOT_SUPPORTED = ("HTTP 400", "HTTP 405", "HTTP 501")
#: Most referrers read: an image with more is not honest.
_MOST_REFERRERS = 10_000
#: Most pages of referrers. Pages may be empty, because a registry filters after it has cut its list.
_MOST_PAGES = 100


def pull_scope(repository: str) -> Scopes:
    """The scope of a token that reads *repository*."""
    return (f"repository:{repository}:pull",)


def push_scope(repository: str, source: str = "") -> Scopes:
    """The scopes of a token that writes to *repository*, and mounts from *source*."""
    own = f"repository:{repository}:pull,push"
    return (own, f"repository:{source}:pull") if source and source != repository else (own,)


class Manifests:
    """The part of the client for manifests. Any worker thread."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def manifest(
        self, where: str | Reference, name: str | None = None, *, cancellation: Cancellation | None = None
    ) -> Manifest | Index:
        """The manifest or index of a tag or digest: ``manifest("team/app", "1.0")``, or of a Reference.

        Its bytes are verified. Raises NotInRegistry, DigestMismatch, InvalidManifest, InvalidReference.
        """
        repository, name = _place(where, name)
        return self._read(repository, name, pull_scope(repository), cancellation)

    def _read(
        self, repository: str, name: str, scopes: Scopes, cancellation: Cancellation | None
    ) -> Manifest | Index:
        subject = _named(repository, name)
        reply = self._session.fetch(
            "GET",
            manifest_path(repository, name),
            scopes=scopes,
            headers=_ACCEPT,
            limit=LARGEST_MANIFEST,
            subject=subject,
            cancellation=cancellation,
        )
        if valid_digest(name):
            verifier = Verifier(name)
            verifier.update(reply.body)
            verifier.finish()
        announced = reply.headers.get(_DIGEST, "")
        if announced.startswith("sha256:") and announced != sha256_of(reply.body):
            raise DigestMismatch(
                "The manifest does not match what the registry announced.",
                subject=subject,
                advice="Try again; a proxy in between may have changed it.",
                detail=f"announced {announced}, received {sha256_of(reply.body)}",
            )
        if failures.html(reply.headers.get("Content-Type", ""), reply.body):
            raise failures.web_page(self._session.config, subject)
        return parse_manifest(reply.body, reply.headers.get("Content-Type"))

    def head(
        self,
        where: str | Reference,
        name: str | None = None,
        *,
        for_push: bool = False,
        strictly: bool = False,
        cancellation: Cancellation | None = None,
    ) -> Descriptor | None:
        """The descriptor of a tag or digest, without its content; None if it is not there. Docker Hub does not count
        this as a pull.

        *for_push*: use the token of a push, because a repository that does not exist yet may be hidden from others.
        *strictly*: raise the error instead of reading the manifest if the registry does not support HEAD.
        """
        repository, name = _place(where, name)
        try:
            reply = self._session.fetch(
                "HEAD",
                manifest_path(repository, name),
                scopes=push_scope(repository) if for_push else pull_scope(repository),
                headers=_ACCEPT,
                subject=_named(repository, name),
                cancellation=cancellation,
            )
        except NotInRegistry:
            return None
        except failures.REFUSALS as error:
            # Storages refuse HEAD if the redirect was signed for GET (moby 50065); some proxies block HEAD.
            if isinstance(error, RegistryFailure) and not error.detail.startswith("HTTP 500"):
                raise  # the registry is down, and more requests do not help
            if strictly:
                raise
            return self._read_descriptor(repository, name, cancellation, for_push=for_push)
        digest = reply.headers.get(_DIGEST, "")
        media_type = reply.headers.get("Content-Type", "").partition(";")[0].strip()
        length = number(reply.headers.get("Content-Length", ""))
        if not valid_digest(digest) or length is None or not media_type:
            if strictly:
                problem = "its response to HEAD has no digest"
                raise failures.unexpected(self._session.config, problem, _named(repository, name))
            return self._read_descriptor(repository, name, cancellation, for_push=for_push)
        return Descriptor(media_type, digest, length)

    def check_readable(self, reference: Reference, *, cancellation: Cancellation | None = None) -> None:
        """One HEAD and never a GET, which Docker Hub would count. Raises what the registry refuses it with."""
        self._session.fetch(
            "HEAD",
            manifest_path(reference.path, reference.target),
            scopes=pull_scope(reference.path),
            headers=_ACCEPT,
            subject=_named(reference.path, reference.target),
            cancellation=cancellation,
        )

    def _read_descriptor(
        self, repository: str, name: str, cancellation: Cancellation | None, *, for_push: bool
    ) -> Descriptor | None:
        scopes = push_scope(repository) if for_push else pull_scope(repository)
        try:
            return self._read(repository, name, scopes, cancellation).descriptor
        except NotInRegistry:
            return None

    def config(
        self, where: str | Reference, manifest: Manifest, *, cancellation: Cancellation | None = None
    ) -> ImageConfig:
        """The image configuration that *manifest* names; verified. Raises NotInRegistry, DigestMismatch."""
        repository = where.path if isinstance(where, Reference) else where
        digest = manifest.config.digest
        reply = self._session.fetch(
            "GET",
            f"{repository_path(repository)}/blobs/{digest}",
            scopes=pull_scope(repository),
            limit=LARGEST_CONFIG,
            subject=_named(repository, digest),
            cancellation=cancellation,
        )
        verifier = Verifier(digest, manifest.config.size)
        verifier.update(reply.body)
        verifier.finish()
        return ImageConfig.from_bytes(reply.body)

    def put_manifest(
        self,
        repository: str,
        name: str,
        raw: bytes,
        media_type: str,
        *,
        cancellation: Cancellation | None = None,
    ) -> str:
        """Store *raw* unchanged under the tag or digest *name*, and return its digest. Its blobs and children must be
        in the repository.

        If it has a subject and the registry does not support referrers, the fallback tag is written too
        (distribution-spec, "Pushing Manifests with Subject"). Raises VerificationFailed if the registry reports that
        it stored other bytes, TagImmutable if it does not allow moving the tag.
        """
        subject = _named(repository, name)
        digest = sha256_of(raw)
        try:
            reply = self._session.fetch(
                "PUT",
                manifest_path(repository, name),
                scopes=push_scope(repository),
                headers={"Content-Type": media_type},
                body=raw,
                subject=subject,
                ok=(200, 201, 202, 204),
                cancellation=cancellation,
            )
        except (SignInRequired, AccessDenied, NotInRegistry, UnexpectedReply) as error:
            found = failures.of_parts(error, self._session.config, subject)
            if found is error and not valid_digest(name):
                found = failures.of_tag(error, self._session.config, subject, name)
            raise found from (None if found is error else error)
        announced = reply.headers.get(_DIGEST, "")
        if announced.startswith("sha256:") and announced != digest:
            raise VerificationFailed(
                "The registry stored a different manifest from the one it was sent.",
                subject=subject,
                advice="Try again; a proxy in between may have changed it.",
                detail=f"sent {digest}, stored {announced}",
            )
        if "OCI-Subject" not in reply.headers and b'"subject"' in raw:
            self._add_referrer(repository, raw, media_type, cancellation)
        return name if valid_digest(name) else digest

    def _add_referrer(
        self, repository: str, raw: bytes, media_type: str, cancellation: Cancellation | None
    ) -> None:
        try:
            made = parse_manifest(raw, media_type)
        except InvalidManifest:
            return
        if made.subject is None:
            return
        tag = tag_for(made.subject.digest)
        have = self._fallback(repository, tag, cancellation)
        if any(one.digest == made.digest for one in have):
            return
        kind = made.artifact_type or (made.config.media_type if isinstance(made, Manifest) else "")
        entry = Descriptor(
            made.media_type, made.digest, len(raw), annotations=made.annotations, artifact_type=kind
        )
        self.put_manifest(repository, tag, index_bytes([*have, entry]), OCI_INDEX, cancellation=cancellation)

    def delete_manifest(
        self, repository: str, digest: str, *, cancellation: Cancellation | None = None
    ) -> None:
        """Delete a manifest and every tag that points to it. Raises NotInRegistry, AccessDenied."""
        try:
            self._delete(repository, digest, cancellation)
        except UnexpectedReply as error:
            if not error.detail.startswith(_NOT_SUPPORTED):
                raise
            name_of = failures.called(self._session.config)
            raise AccessDenied(
                f"{name_of} does not allow deletion.",
                registry=error.registry,
                subject=_named(repository, digest),
                advice="The registry's administrator can allow it.",
                detail=error.detail,
                remedy=Remedy.RETRY,  # nobody may delete there, so another sign-in does not help
            ) from error

    def deletes_tags(self, repository: str, *, cancellation: Cancellation | None = None) -> bool:
        """Whether the registry can delete a tag and keep its manifest (distribution-spec 1.1, "Deleting tags").

        Requests the deletion of a tag that does not exist: a registry that deletes only manifests refuses the name.
        Also False if it refuses for another reason: the deletion itself will show that.
        """
        try:
            self._delete(repository, f"longshore-{secrets.token_hex(16)}", cancellation)
        except NotInRegistry:
            return True
        except failures.REFUSALS:
            return False
        return True

    def deletes_manifests(self, repository: str, *, cancellation: Cancellation | None = None) -> bool:
        """Whether the registry allows deletion by digest. Requests the deletion of a digest that does not exist.

        False if it refuses for any reason.
        """
        try:
            self._delete(repository, f"sha256:{secrets.token_hex(32)}", cancellation)
        except NotInRegistry:
            return True
        except failures.REFUSALS:
            return False
        return True

    def delete_tag(self, repository: str, tag: str, *, cancellation: Cancellation | None = None) -> None:
        """Delete a tag, and not its manifest, where :meth:`deletes_tags`. Raises NotInRegistry, UnexpectedReply,
        AccessDenied."""
        self._delete(repository, tag, cancellation)

    def _delete(self, repository: str, name: str, cancellation: Cancellation | None) -> None:
        self._session.fetch(
            "DELETE",
            manifest_path(repository, name),
            scopes=(f"repository:{repository}:delete",),
            subject=_named(repository, name),
            ok=(200, 202, 204),
            cancellation=cancellation,
        )

    def referrers(
        self,
        repository: str,
        digest: str,
        artifact_type: str = "",
        *,
        refused: Callable[[LongshoreError], None] | None = None,
        cancellation: Cancellation | None = None,
    ) -> list[Descriptor]:
        """The referrers of *digest*: signatures, SBOMs, attestations (distribution-spec, "Listing Referrers").

        Uses the fallback tag ``sha256-…`` if the registry does not list referrers. *refused* is called if the registry
        may have more than it shows: it responded with 401, 403 or 500, and not that it has no such list.
        """
        try:
            found = self._listed_referrers(repository, digest, cancellation)
        except InvalidManifest:
            found = self._fallback(repository, tag_for(digest), cancellation)
        except failures.REFUSALS as error:
            # 404 means that it does not support referrers; registries without support also send other statuses.
            if isinstance(error, RegistryFailure) and not error.detail.startswith("HTTP 500"):
                raise
            if not error.detail.startswith("HTTP "):
                raise  # it supports them, but its list is invalid
            if refused is not None and not isinstance(error, NotInRegistry | UnexpectedReply):
                refused(error)
            found = self._fallback(repository, tag_for(digest), cancellation)
        unique = {one.digest: one for one in found}.values()
        return [one for one in unique if not artifact_type or one.artifact_type == artifact_type]

    def _listed_referrers(
        self, repository: str, digest: str, cancellation: Cancellation | None
    ) -> list[Descriptor]:
        found: list[Descriptor] = []
        page: str | None = f"{repository_path(repository)}/referrers/{digest}"
        seen: set[str] = set()
        while page is not None:
            reply = self._referrers_page(repository, page, cancellation)
            index = parse_manifest(reply.body, reply.headers.get("Content-Type"))
            if not isinstance(index, Index):
                raise failures.unexpected(
                    self._session.config, "its list of referrers is not an index", repository
                )
            found += index.manifests
            seen.add(page)
            page = self._next_referrers(reply, cancellation)
            if page in seen:
                raise failures.unexpected(self._session.config, "its pages of referrers repeat", repository)
            if page is not None and (len(found) > _MOST_REFERRERS or len(seen) >= _MOST_PAGES):
                raise failures.unexpected(self._session.config, "it has too many referrers", repository)
        return found

    def _referrers_page(self, repository: str, path: str, cancellation: Cancellation | None) -> Document:
        return self._session.fetch(
            "GET",
            path,
            scopes=pull_scope(repository),
            headers={"Accept": OCI_INDEX},
            limit=LARGEST_MANIFEST,
            subject=repository,
            cancellation=cancellation,
        )

    def _next_referrers(self, reply: Document, cancellation: Cancellation | None) -> str | None:
        link = next_link(", ".join(reply.headers.getlist("Link")))
        if link is None:
            return None
        try:
            own = self._session.base(cancellation)
            url = at_home(joined(reply.url, link), self._session.url("", own))
            if origin(url) != origin(own) or url == reply.url:
                raise ValueError
        except ValueError:
            raise failures.unexpected(
                self._session.config, "the address of its next page is not valid"
            ) from None
        return url

    def _fallback(self, repository: str, tag: str, cancellation: Cancellation | None) -> list[Descriptor]:
        try:
            found = self.manifest(repository, tag, cancellation=cancellation)
        except NotInRegistry:
            return []
        return list(found.manifests) if isinstance(found, Index) else []


def index_bytes(manifests: list[Descriptor]) -> bytes:
    """An OCI index of *manifests*, serialised."""
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [one.to_json() for one in manifests]}
    return json.dumps(document, separators=(",", ":")).encode()


def _place(where: str | Reference, name: str | None) -> tuple[str, str]:
    if isinstance(where, Reference):
        return where.path, name or where.target
    return where, name or DEFAULT_TAG


def _named(repository: str, name: str) -> str:
    return f"{repository}@{name}" if ":" in name else f"{repository}:{name}"
