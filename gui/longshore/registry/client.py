"""The client of one registry (OCI distribution-spec 1.1). Blocking, thread-safe, cancellable in every phase."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from longshore.cancellation import Cancellation
from longshore.credentials import Credential
from longshore.errors import (
    AccessDenied,
    DigestMismatch,
    InvalidContent,
    LongshoreError,
    NotInRegistry,
    RegistryUnreachable,
    SignInFailed,
    SignInRequired,
    TlsFailed,
    UnexpectedReply,
)
from longshore.oci.manifest import MANIFESTS, Index, Manifest
from longshore.oci.platform import Platform
from longshore.registry import failures
from longshore.registry.allowed_addresses import AllowedAddresses
from longshore.registry.blobs import Blobs
from longshore.registry.catalogue import Listings
from longshore.registry.config import RegistryConfig
from longshore.registry.connections import CONNECT_SECONDS
from longshore.registry.details_cache import DetailsCache
from longshore.registry.manifests import Manifests
from longshore.registry.model import Parts, PlatformDetails, RegistryInfo, TagDetails
from longshore.registry.pull_budget import PullBudget
from longshore.registry.session import Session
from longshore.registry.tls import ENGINE_FOLDERS, TlsFiles
from longshore.registry.transport import READ_SECONDS, Transport

if TYPE_CHECKING:
    from longshore.registry.certificate import CertificateReport

#: Most images of one index whose sizes are requested.
_MOST_PLATFORMS = 64
#: Most platforms of one tag that are kept, and most characters of one.
_MOST_SHOWN = 100
_LONGEST_PLATFORM = 200


class RegistryClient(Manifests, Blobs, Listings):
    """One registry. Every call blocks and may be made from any worker thread, many at once.

    *credentials* is called (and may run a helper) when the registry first requires a sign-in, and again after a
    refusal. *certificate_folders*: the engine's, each with a folder per host. *details*: stores the details of tags on
    disk.

    In addition to the errors of each method, all raise RegistryError and its subclasses, CredentialsError,
    InvalidReference for invalid names, and Cancelled within a fifth of a second of their cancellation.
    """

    def __init__(
        self,
        config: RegistryConfig,
        credentials: Callable[[str], Credential | None],
        *,
        environ: Mapping[str, str] | None = None,
        connect_seconds: float = CONNECT_SECONDS,
        read_seconds: float = READ_SECONDS,
        certificate_folders: Sequence[Path] = ENGINE_FOLDERS,
        details: DetailsCache | None = None,
    ) -> None:
        self._environ = os.environ if environ is None else environ
        self._transport = Transport(
            config,
            self._environ,
            TlsFiles(config, certificate_folders),
            connect_seconds=connect_seconds,
            read_seconds=read_seconds,
        )
        session = Session(config, self._transport, credentials)
        Manifests.__init__(self, session)
        Blobs.__init__(self, session)
        Listings.__init__(self, session)
        self._details = details

    @property
    def registry(self) -> RegistryConfig:
        """The configuration: how the registry is reached."""
        return self._session.config

    @property
    def allowed_addresses(self) -> AllowedAddresses:
        """The addresses that the registry may send us to."""
        return self._transport.allowed_addresses

    def base(self, *, cancellation: Cancellation | None = None) -> str:
        """``https://host`` or ``http://host``: the base of the registry. Sends a request if it is not certain; the
        content of the response does not matter."""
        return self._session.base(cancellation)

    def check(self, *, cancellation: Cancellation | None = None) -> RegistryInfo:
        """Check that a registry responds, and return how to sign in (distribution-spec, "Determining Support").

        Signs in with *credentials*; not being signed in is not an error. Raises UnexpectedReply if the server is not
        a registry.
        """
        try:
            reply = self._session.fetch("GET", "", cancellation=cancellation)
        except (SignInRequired, AccessDenied):
            pass
        except NotInRegistry as error:
            raise failures.unexpected(self._session.config, "there is no /v2/ at this address") from error
        else:
            if failures.html(reply.headers.get("Content-Type", ""), reply.body):
                raise failures.web_page(self._session.config)
        challenge = self._session.auth.challenge
        return RegistryInfo(
            "none" if challenge is None else challenge.scheme,
            self._session.base(cancellation),
            "" if challenge is None else challenge.realm,
        )

    @property
    def auth(self) -> str:
        """How the registry requires a sign-in, if known: ``basic``, ``bearer``, ``none`` (it has served an anonymous
        request), or "". Returns at once."""
        challenge = self._session.auth.challenge
        if challenge is None:
            return "none" if self._session.auth.answered else ""
        return challenge.scheme

    @property
    def user(self) -> str:
        """The user who is signed in, as far as the registry has required it so far; "" for none. Returns at once."""
        return self._session.auth.user

    @property
    def budget(self) -> PullBudget | None:
        """The pulls that the registry still allows, as it last reported; None if it has not. Returns at once."""
        return self._session.budget

    @property
    def slowed(self) -> int:
        """How often the registry has asked for slower requests so far: with 429 or Retry-After. Returns at once."""
        return self._session.slowed

    def known_details(self, digest: str) -> TagDetails | None:
        """The details on disk of the manifest *digest*, for this machine's platform and without a tag; None if there
        are none. No request."""
        known = self._details.get(digest, Platform.host()) if self._details is not None else None
        return None if known is None else known.details

    def sign_in(self, credential: Credential, *, cancellation: Cancellation | None = None) -> Credential:
        """Verify that the registry accepts *credential*, and return the credential to keep. Raises SignInFailed.

        As `docker login` does, it asks a token service for a refresh token. If the service returns one, it is kept
        instead of the password. This client drops what it knew of earlier credentials, so that the next request asks
        for them again; it stores nothing itself.
        """
        config = self._session.config
        trial = Session(config, self._transport, lambda _host: credential, offline=True)
        try:
            trial.fetch("GET", "", cancellation=cancellation)
            if trial.auth.challenge is None:
                # Anonymous reads are allowed here, so nothing has been verified yet.
                trial.fetch("GET", "", outright=True, cancellation=cancellation)
        except (SignInRequired, SignInFailed, AccessDenied) as error:
            raise failures.wrong_password(config, error.detail) from error
        except NotInRegistry as error:
            raise failures.unexpected(config, "there is no /v2/ at this address") from error
        self._session.auth.forget()
        token = trial.auth.refresh_token
        return Credential(credential.username, "", token) if token else credential

    def certificate(self, *, cancellation: Cancellation | None = None) -> CertificateReport:
        """The certificate of the registry (or of its token service, if that one is refused), and why it is not trusted.
        For people to look at: no decision depends on it. Raises RegistryUnreachable."""
        problem: TlsFailed | None = None
        try:
            self._session.fetch("GET", "", cancellation=cancellation)
        except TlsFailed as error:
            problem = error
        except RegistryUnreachable:
            raise  # nothing is known of its certificate
        except LongshoreError:
            pass  # any other error is not about the certificate
        config = self._session.config
        elsewhere = problem.address if problem is not None else ""
        url = f"https://{elsewhere}" if elsewhere else self._session.base(cancellation)
        found = self._transport.peer_certificate(url, cancellation=cancellation)
        from longshore.registry.certificate import CertificateReport

        return CertificateReport(config, elsewhere or config.api_host, found, problem)

    def tag_details(
        self,
        repository: str,
        tag: str,
        *,
        platform: Platform | None = None,
        cheaply: bool = False,
        cancellation: Cancellation | None = None,
    ) -> TagDetails:
        """Digest, size, platforms and date of *tag*. Size and date of an index are those of *platform* (this machine's
        if not given), or else of its first image. Two or three requests; one (a HEAD) if the details are on disk.

        *cheaply*: only that HEAD, which Docker Hub does not count as a pull; only the digest if nothing is on disk.
        """
        wanted = platform or Platform.host()
        cache, host = self._details, self._session.config.host
        if cheaply or (cache is not None and cache.knows(host, repository, tag)):
            head = self.head(repository, tag, cancellation=cancellation)
            known = cache.get(head.digest, wanted) if cache is not None and head is not None else None
            if known is not None:
                return known.as_tag(tag)
            if cheaply:
                if head is None:
                    raise NotInRegistry("The tag no longer exists.", registry=host, subject=repository)
                return TagDetails(tag, head.digest, None, (), None, head.media_type)
        manifest = self.manifest(repository, tag, cancellation=cancellation)
        found = self._read_details(repository, tag, manifest, wanted, cancellation)
        if cache is not None:
            cache.put(host, repository, found, wanted)
        return found

    def tag_contents(
        self, repository: str, tag: str, digest: str, *, cancellation: Cancellation | None = None
    ) -> tuple[TagDetails, Parts]:
        """Details (for this machine's platform) and parts of *tag*, which points to *digest*.

        Two or three requests; none if both are on disk. Raises NotInRegistry, InvalidManifest.
        """
        wanted, cache = Platform.host(), self._details
        known = cache.get(digest, wanted) if cache is not None else None
        parts = cache.parts(digest) if cache is not None else None
        if known is not None and parts is not None:
            return known.as_tag(tag), parts
        manifest = self.manifest(repository, digest, cancellation=cancellation)
        parts = self._parts_of(manifest)
        if known is not None:
            return known.as_tag(tag), parts
        found = self._read_details(repository, tag, manifest, wanted, cancellation)
        if cache is not None:
            cache.put(self._session.config.host, repository, found, wanted)
        return found, parts

    def parts(self, repository: str, digest: str, *, cancellation: Cancellation | None = None) -> Parts:
        """The parts of the manifest *digest*: one request, none if they are on disk. Raises NotInRegistry,
        InvalidManifest."""
        known = self._details.parts(digest) if self._details is not None else None
        if known is not None:
            return known
        return self._parts_of(self.manifest(repository, digest, cancellation=cancellation))

    def _parts_of(self, found: Manifest | Index) -> Parts:
        if isinstance(found, Index):
            parts = Parts(children=tuple(dict.fromkeys(child.digest for child in found.manifests)))
        else:
            parts = Parts(tuple({one.digest: one.size for one in (found.config, *found.layers)}.items()))
        if self._details is not None:
            self._details.put_parts(found.digest, parts)
        return parts

    def _read_details(
        self,
        repository: str,
        tag: str,
        found: Manifest | Index,
        wanted: Platform,
        cancellation: Cancellation | None,
    ) -> TagDetails:
        digest, media_type = found.digest, found.media_type
        platforms: tuple[Platform, ...] = ()
        images: tuple[str, ...] = ()
        image: Manifest | Index = found
        if isinstance(found, Index):
            platforms, images = _shown(found.platforms), _images(found)
            child = found.select(wanted) or next(iter(found.images), None)
            try:
                if child is not None:
                    image = self.manifest(repository, child.digest, cancellation=cancellation)
            except DigestMismatch:
                raise
            except (NotInRegistry, InvalidContent):
                pass  # an index may name images that were never pushed, and content that is not an image
        if isinstance(image, Index):
            return TagDetails(tag, digest, None, platforms, None, media_type, images)
        created = None
        try:
            config = self.config(repository, image, cancellation=cancellation)
            created = config.created
            if not platforms and config.platform is not None:
                platforms = _shown((config.platform,))
        except DigestMismatch:
            raise  # the image is unusable
        except (NotInRegistry, InvalidContent, SignInRequired, AccessDenied, UnexpectedReply):
            pass  # artifacts (charts, signatures) have configurations of other kinds, of any size
        size, settings = image.compressed_size, image.config.digest
        return TagDetails(tag, digest, size, platforms, created, media_type, images, settings)

    def platform_details(
        self, repository: str, index: Index, *, cancellation: Cancellation | None = None
    ) -> list[PlatformDetails]:
        """The size of each image of *index*, one request each. Missing images are left out."""
        found = []
        for child in index.images[:_MOST_PLATFORMS]:
            try:
                image = self.manifest(repository, child.digest, cancellation=cancellation)
            except (NotInRegistry, InvalidContent):
                continue
            if isinstance(image, Manifest):
                found.append(PlatformDetails(child.platform, child.digest, image.compressed_size))
        return found

    def close(self) -> None:
        """Close idle connections. Running calls continue."""
        self._session.close()


def _shown(platforms: tuple[Platform, ...]) -> tuple[Platform, ...]:
    """The platforms that a row keeps: only those of plausible length, and a limited number."""
    return tuple(one for one in platforms[:_MOST_SHOWN] if len(str(one)) <= _LONGEST_PLATFORM)


def _images(index: Index) -> tuple[str, ...]:
    """The digests of the index's images: all of them or none, so that a digest not among them is another image."""
    found = index.images
    whole = len(found) <= _MOST_SHOWN and all(one.media_type in MANIFESTS for one in found)
    return tuple(one.digest for one in found) if whole else ()
