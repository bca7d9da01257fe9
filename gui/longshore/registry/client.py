"""The client of one registry (OCI distribution-spec 1.1). Blocking, thread-safe, cancellable in every phase."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from longshore.cancellation import Cancellation
from longshore.credentials import Credential
from longshore.errors import (
    AccessDenied,
    DigestMismatch,
    InvalidContent,
    LongshoreError,
    NotInRegistry,
    SignInFailed,
    SignInRequired,
    TlsFailed,
    UnexpectedReply,
)
from longshore.oci.manifest import MANIFESTS, Index, Manifest
from longshore.oci.platform import Platform
from longshore.registry import failures
from longshore.registry.blobs import Blobs
from longshore.registry.catalogue import Listings
from longshore.registry.certificate import CertificateReport
from longshore.registry.config import RegistryConfig
from longshore.registry.connections import CONNECT_SECONDS
from longshore.registry.details_cache import DetailsCache
from longshore.registry.manifests import Manifests
from longshore.registry.model import PlatformDetails, RegistryInfo, TagDetails
from longshore.registry.reach import Reach
from longshore.registry.session import Session
from longshore.registry.tls import ENGINE_FOLDERS, TlsFiles
from longshore.registry.transport import READ_SECONDS, Transport

#: Images of one index whose sizes are asked for.
_MOST_PLATFORMS = 64
#: Platforms of one tag that are kept, and characters of one.
_MOST_SHOWN = 100
_LONGEST_PLATFORM = 200


class RegistryClient(Manifests, Blobs, Listings):
    """One registry. Every call blocks and may be made from any worker thread, many at once.

    *credentials* is asked (and may run a helper) when the registry first wants a sign-in, and again after a refusal.
    *certificate_folders*: the engine's, each with a folder per host. *details*: keeps the details of tags on disk.

    Besides what each call says, all raise RegistryError and below, CredentialsError, InvalidReference for names that
    cannot be, and Cancelled within a fifth of a second of their cancellation.
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
        """How it is reached."""
        return self._session.config

    @property
    def reach(self) -> Reach:
        """Where it may send us."""
        return self._transport.reach

    def base(self, *, cancellation: Cancellation | None = None) -> str:
        """``https://host`` or ``http://host``: how it is reached. Asks where that is not certain; what it answers does
        not matter."""
        return self._session.base(cancellation)

    def check(self, *, cancellation: Cancellation | None = None) -> RegistryInfo:
        """That a registry answers, and how it wants to be signed in to (distribution-spec, "Determining Support").

        Signs in with what *credentials* gives; not being signed in is no error. Raises UnexpectedReply for what is no
        registry.
        """
        try:
            reply = self._session.fetch("GET", "", cancellation=cancellation)
        except (SignInRequired, AccessDenied):
            pass
        except NotInRegistry as error:
            raise failures.unexpected(self._session.config, "there is no /v2/ at this address") from error
        else:
            if failures.html(reply.headers.get("Content-Type", ""), reply.body):
                raise failures.unexpected(
                    self._session.config, "a web page came in place of a registry's answer"
                )
        challenge = self._session.auth.challenge
        return RegistryInfo(
            "none" if challenge is None else challenge.scheme,
            self._session.base(cancellation),
            "" if challenge is None else challenge.realm,
        )

    @property
    def auth(self) -> str:
        """How the registry wants to be signed in to, as far as it has said: ``basic``, ``bearer``, ``none`` (it has
        answered strangers), or "". Returns at once."""
        challenge = self._session.auth.challenge
        if challenge is None:
            return "none" if self._session.auth.answered else ""
        return challenge.scheme

    def sign_in(self, credential: Credential, *, cancellation: Cancellation | None = None) -> Credential:
        """See that the registry accepts *credential*; the one to keep. Raises SignInFailed if it does not.

        As `docker login` does, a token service is asked for a refresh token, which is kept in place of the password
        where it gives one. What this client knew of earlier credentials is forgotten, so that the next request asks
        for them anew; it keeps nothing.
        """
        config = self._session.config
        trial = Session(config, self._transport, lambda _host: credential, offline=True)
        try:
            trial.fetch("GET", "", cancellation=cancellation)
            if trial.auth.challenge is None:
                # Strangers may read here, so nothing has been checked yet.
                trial.fetch("GET", "", outright=True, cancellation=cancellation)
        except (SignInRequired, SignInFailed, AccessDenied) as error:
            raise SignInFailed(
                f"{failures.called(config)} refuses the user name or the password.",
                registry=config.host,
                advice="Check them. Many registries want an access token in place of the password.",
                detail=error.detail,
            ) from error
        except NotInRegistry as error:
            raise failures.unexpected(config, "there is no /v2/ at this address") from error
        self._session.auth.forget()
        token = trial.auth.refresh_token
        return Credential(credential.username, "", token) if token else credential

    def certificate(self, *, cancellation: Cancellation | None = None) -> CertificateReport:
        """What the registry shows as its certificate (or its token service, if that is refused), and why it is not
        trusted, if it is not. For a person to look at: nothing is decided by it."""
        problem: TlsFailed | None = None
        try:
            self._session.fetch("GET", "", cancellation=cancellation)
        except TlsFailed as error:
            problem = error
        except LongshoreError:
            pass  # whatever it is, it is not about the certificate
        config = self._session.config
        elsewhere = problem.address if problem is not None else ""
        url = f"https://{elsewhere}" if elsewhere else self._session.base(cancellation)
        found = self._transport.peer_certificate(url, cancellation=cancellation)
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
        """Digest, size, platforms and date of *tag*; of an index, size and date are those of *platform* (this
        machine's if not given), or else of its first image. Two or three requests; one (a HEAD) if known on disk.

        *cheaply*: only that HEAD, which Docker Hub does not count as a pull: the digest alone if nothing is on disk.
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
                    raise NotInRegistry("The tag is not there any more.", registry=host, subject=repository)
                return TagDetails(tag, head.digest, None, (), None, head.media_type)
        found = self._read_details(repository, tag, wanted, cancellation)
        if cache is not None:
            cache.put(host, repository, found, wanted)
        return found

    def _read_details(
        self, repository: str, tag: str, wanted: Platform, cancellation: Cancellation | None
    ) -> TagDetails:
        found = self.manifest(repository, tag, cancellation=cancellation)
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
                pass  # an index may name images that were never pushed, and things that are no images
        if isinstance(image, Index):
            return TagDetails(tag, digest, None, platforms, None, media_type, images)
        created = None
        try:
            config = self.config(repository, image, cancellation=cancellation)
            created = config.created
            if not platforms and config.platform is not None:
                platforms = _shown((config.platform,))
        except DigestMismatch:
            raise  # nobody can use it
        except (NotInRegistry, InvalidContent, SignInRequired, AccessDenied, UnexpectedReply):
            pass  # artifacts (charts, signatures) have a configuration of their own kind, of any size
        return TagDetails(tag, digest, image.compressed_size, platforms, created, media_type, images)

    def platform_details(
        self, repository: str, index: Index, *, cancellation: Cancellation | None = None
    ) -> list[PlatformDetails]:
        """The size of each image of *index*, one request each; those that are not there are left out."""
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
        """Close idle connections; calls that run end as they are."""
        self._session.close()


def _shown(platforms: tuple[Platform, ...]) -> tuple[Platform, ...]:
    """What a row keeps of the platforms that an image names: those that can be ones, and not without end."""
    return tuple(one for one in platforms[:_MOST_SHOWN] if len(str(one)) <= _LONGEST_PLATFORM)


def _images(index: Index) -> tuple[str, ...]:
    """The digests of its images: all of them or none, so that one that is not among them is known to be another."""
    found = index.images
    whole = len(found) <= _MOST_SHOWN and all(one.media_type in MANIFESTS for one in found)
    return tuple(one.digest for one in found) if whole else ()
