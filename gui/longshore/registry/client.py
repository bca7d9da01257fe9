"""The client of one registry (OCI distribution-spec 1.1). Blocking, thread-safe, cancellable in every phase."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote, urlencode

from urllib3.exceptions import HTTPError

from longshore.cancellation import Cancellation
from longshore.credentials import Credential
from longshore.oci.descriptor import Descriptor
from longshore.oci.digest import Verifier, sha256_of, valid_digest
from longshore.oci.errors import (
    AccessDenied,
    DigestMismatch,
    ListingUnsupported,
    NotInRegistry,
    SignInFailed,
    SignInRequired,
)
from longshore.oci.grammar import valid_tag
from longshore.oci.image_config import LARGEST_CONFIG, ImageConfig, parse_time
from longshore.oci.manifest import (
    ACCEPT,
    DOCKER_CONFIG,
    LARGEST_MANIFEST,
    OCI_CONFIG,
    Index,
    Manifest,
    parse_manifest,
)
from longshore.oci.platform import Platform
from longshore.registry import failures
from longshore.registry.auth import Authorizer
from longshore.registry.challenge import parse_challenges
from longshore.registry.config import RegistryConfig
from longshore.registry.cutting import cuttable, raise_if_cut, turn
from longshore.registry.exchange import Exchange, Reply
from longshore.registry.model import Page, RegistryInfo, TagDetails
from longshore.registry.paging import PagingError, Place
from longshore.registry.transport import CERTS_D, CONNECT_SECONDS, READ_SECONDS, Transport

#: Bytes of one page of a listing that are read at most.
LARGEST_PAGE = 8 << 20
#: Registries refuse more than 1,000 at once (distribution 2.8: PAGINATION_NUMBER_INVALID).
LARGEST_N = 1000
_LONGEST_NAME = 255
_CREATED = "org.opencontainers.image.created"  # OCI image-spec, annotations.md
_CATALOG_SCOPE = ("registry:catalog:*",)
#: Seconds for a TLS handshake that may meet a server of plain HTTP, which waits for the end of a line.
_PROBE_SECONDS = 5.0


class RegistryClient:
    """All calls block; any worker thread. *credentials* is asked once, when the registry first wants a sign-in.

    Every call may raise: RegistryError and below, CredentialsError, and Cancelled when its cancellation was pulled.
    """

    def __init__(
        self,
        config: RegistryConfig,
        credentials: Callable[[str], Credential | None],
        *,
        environ: Mapping[str, str] | None = None,
        connect_seconds: float = CONNECT_SECONDS,
        read_seconds: float = READ_SECONDS,
        certs_d: Path = CERTS_D,
    ) -> None:
        self._config = config
        self._environ = os.environ if environ is None else environ
        self._connect_seconds = connect_seconds
        self._read_seconds = read_seconds
        self._certs_d = certs_d
        self._transport = Transport(
            config,
            self._environ,
            connect_seconds=connect_seconds,
            read_seconds=read_seconds,
            certs_d=certs_d,
        )
        self._exchange = Exchange(config, self._transport)
        self._auth = Authorizer(config, self._exchange, credentials)
        self._probing = threading.Lock()
        self._base = "" if config.insecure or config.is_loopback else f"https://{config.api_host}"

    # -- what there is

    def check(self, *, cancellation: Cancellation | None = None) -> RegistryInfo:
        """That a registry answers, and how it wants to be signed in to (distribution-spec, "Determining Support").

        Wants no rights: a registry that refuses us is one. Raises UnexpectedReply where none is.
        """
        reply = self._request("GET", self._url(""), (), cancellation, accept_status=(200, 401, 403, 404))
        if reply.status == 404:
            raise failures.unexpected(self._config, "there is no /v2/ there")
        if reply.status == 200 and reply.body.lstrip()[:1] == b"<":
            raise failures.unexpected(self._config, "there is a web page at /v2/")
        return RegistryInfo(self._auth.scheme, self._base)

    def sign_in(self, credential: Credential, *, cancellation: Cancellation | None = None) -> None:
        """See that the registry accepts *credential*; keeps nothing. Raises SignInFailed if it does not.

        A registry that wants no sign-in accepts any.
        """
        trial = RegistryClient(
            self._config,
            lambda _host: credential,
            environ=self._environ,
            connect_seconds=self._connect_seconds,
            read_seconds=self._read_seconds,
            certs_d=self._certs_d,
        )
        try:
            trial._request("GET", trial._url(""), (), cancellation)
        except (SignInRequired, AccessDenied) as error:
            raise SignInFailed(
                f"{failures.called(self._config)} refuses the user name or the password.",
                registry=self._config.host,
                advice="Sign in… again.",
                detail=error.detail,
            ) from error
        finally:
            trial.close()

    def repositories(
        self, page: str | None = None, n: int = 200, *, cancellation: Cancellation | None = None
    ) -> Page[str]:
        """One page of the catalogue. Raises ListingUnsupported where there is none for us."""
        if self._config.is_hub:
            raise ListingUnsupported(
                "Docker Hub does not list its repositories.",
                registry=self._config.host,
                advice="Pin a repository by name, or paste a reference into Pull….",
            )
        place = self._place(page, "_catalog?" + urlencode({"n": max(1, min(n, LARGEST_N))}))
        try:
            reply = self._request(
                "GET",
                place.path,
                _CATALOG_SCOPE,
                cancellation,
                limit=LARGEST_PAGE,
                subject="its catalogue",
                accept_status=(200, 405, 501),
            )
        except (NotInRegistry, AccessDenied) as error:
            raise self._no_catalogue(error.detail) from error
        if reply.status != 200:
            raise self._no_catalogue(f"HTTP {reply.status}")
        return self._page(reply, place, "repositories")

    def _no_catalogue(self, detail: str) -> ListingUnsupported:
        return ListingUnsupported(
            f"{self._config.host} does not list its repositories for you.",
            registry=self._config.host,
            advice="Pin a repository by name, or paste a reference into Pull….",
            detail=detail,
        )

    def tags(
        self, repository: str, page: str | None = None, *, cancellation: Cancellation | None = None
    ) -> Page[str]:
        """One page of the tags of *repository*, in the registry's order."""
        place = self._place(page, f"{quote(repository)}/tags/list?n={LARGEST_N}")
        reply = self._request(
            "GET", place.path, self._pull(repository), cancellation, limit=LARGEST_PAGE, subject=repository
        )
        return self._page(reply, place, "tags")

    def tag_details(
        self,
        repository: str,
        tag: str,
        *,
        platform: Platform | None = None,
        cancellation: Cancellation | None = None,
    ) -> TagDetails:
        """Digest, size, platforms and date of *tag*; of an index, size and date are those of *platform*."""
        found = self.manifest(repository, tag, cancellation=cancellation)
        digest, media_type = found.digest, found.media_type
        platforms: tuple[Platform, ...] = ()
        if isinstance(found, Index):
            platforms = found.platforms
            child = found.select(platform or Platform.host()) or next(iter(found.images), None)
            if child is None:
                return TagDetails(tag, digest, None, platforms, None, media_type)
            try:
                image = self.manifest(repository, child.digest, cancellation=cancellation)
            except NotInRegistry:
                # Indexes may name images that nobody has pushed here.
                return TagDetails(tag, digest, None, platforms, None, media_type)
            if isinstance(image, Index):
                return TagDetails(tag, digest, None, platforms, None, media_type)
            found = image
        created = parse_time(found.annotations.get(_CREATED))
        if found.config.media_type in (OCI_CONFIG, DOCKER_CONFIG):
            with suppress(NotInRegistry):
                config = self.config(repository, found, cancellation=cancellation)
                created = config.created or created
                if not platforms and config.platform is not None:
                    platforms = (config.platform,)
        return TagDetails(tag, digest, found.compressed_size, platforms, created, media_type)

    # -- manifests and blobs

    def manifest(
        self, repository: str, name: str, *, cancellation: Cancellation | None = None
    ) -> Manifest | Index:
        """The manifest or index of a tag or digest; its bytes are verified. Raises NotInRegistry, DigestMismatch."""
        url = self._url(f"{quote(repository)}/manifests/{quote(name, safe=':')}")
        reply = self._request(
            "GET",
            url,
            self._pull(repository),
            cancellation,
            headers={"Accept": ", ".join(ACCEPT)},
            limit=LARGEST_MANIFEST,
            subject=_named(repository, name),
        )
        if valid_digest(name):
            verifier = Verifier(name)
            verifier.update(reply.body)
            verifier.finish()
        announced = reply.headers.get("Docker-Content-Digest", "")
        if announced.startswith("sha256:") and announced != sha256_of(reply.body):
            raise DigestMismatch(
                "The manifest does not match the digest that the registry announces.",
                subject=_named(repository, name),
                advice="Try again; a proxy in between may have changed it.",
            )
        return parse_manifest(reply.body, reply.headers.get("Content-Type"))

    def head(
        self, repository: str, name: str, *, cancellation: Cancellation | None = None
    ) -> Descriptor | None:
        """What a tag or digest leads to, without reading it; None if it is not there."""
        url = self._url(f"{quote(repository)}/manifests/{quote(name, safe=':')}")
        try:
            reply = self._request(
                "HEAD",
                url,
                self._pull(repository),
                cancellation,
                headers={"Accept": ", ".join(ACCEPT)},
                subject=_named(repository, name),
            )
        except NotInRegistry:
            return None
        digest = reply.headers.get("Docker-Content-Digest", "")
        media_type = reply.headers.get("Content-Type", "").partition(";")[0].strip()
        length = failures.number(reply.headers.get("Content-Length", ""))
        if not valid_digest(digest) or length is None or media_type not in ACCEPT:
            try:
                return self.manifest(repository, name, cancellation=cancellation).descriptor
            except NotInRegistry:
                return None
        if valid_digest(name) and digest != name:
            raise DigestMismatch(
                "The registry names another digest than the one asked for.",
                subject=_named(repository, name),
                advice="Try again; a proxy in between may have changed it.",
                detail=digest,
            )
        return Descriptor(media_type, digest, length)

    def config(
        self, repository: str, manifest: Manifest, *, cancellation: Cancellation | None = None
    ) -> ImageConfig:
        """The image configuration that *manifest* names; verified. Raises NotInRegistry, DigestMismatch."""
        digest = manifest.config.digest
        url = self._url(f"{quote(repository)}/blobs/{quote(digest, safe=':')}")
        reply = self._request(
            "GET", url, self._pull(repository), cancellation, limit=LARGEST_CONFIG, subject=_named(repository, digest)
        )
        verifier = Verifier(digest, manifest.config.size)
        verifier.update(reply.body)
        verifier.finish()
        return ImageConfig.from_bytes(reply.body)

    def blob_size(
        self, repository: str, digest: str, *, cancellation: Cancellation | None = None
    ) -> int | None:
        """Bytes of a blob that *repository* has (0 where it does not say), None if it has it not."""
        url = self._url(f"{quote(repository)}/blobs/{quote(digest, safe=':')}")
        try:
            reply = self._request("HEAD", url, self._pull(repository), cancellation, subject=_named(repository, digest))
        except NotInRegistry:
            return None
        return failures.number(reply.headers.get("Content-Length", "")) or 0

    def close(self) -> None:
        """Close idle connections."""
        self._transport.close()

    # -- addresses

    def _pull(self, repository: str) -> tuple[str, ...]:
        return (f"repository:{repository}:pull",)

    def _url(self, path: str) -> str:
        """An address below /v2/, without host while it is not known how the registry is reached."""
        prefix = f"/{self._config.prefix}" if self._config.prefix else ""
        return f"{prefix}/v2/{path}"

    def _place(self, page: str | None, first: str) -> Place:
        return Place(self._url(first)) if page is None else Place.of_token(page)

    def _page(self, reply: Reply, place: Place, key: str) -> Page[str]:
        try:
            document = json.loads(reply.body)
        except (ValueError, RecursionError):
            raise failures.unexpected(self._config, "it sends no JSON") from None
        if not isinstance(document, dict) or not isinstance(document.get(key, ""), list | None):
            raise failures.unexpected(self._config, f"it sends no list of {key}")
        found = document[key] or ()  # Go writes an empty list as null
        names = dict.fromkeys(item for item in found if isinstance(item, str) and _sound(item, key))
        link = ", ".join(reply.headers.getlist("Link"))
        try:
            following = place.following(self._base, link, found_nothing=not names)
        except PagingError as error:
            raise failures.unexpected(self._config, str(error)) from None
        return Page(list(names), following.token() if following is not None else None)

    # -- requests

    def _request(
        self,
        method: str,
        path: str,
        scopes: tuple[str, ...],
        cancellation: Cancellation | None,
        *,
        headers: Mapping[str, str] | None = None,
        limit: int = 1 << 20,
        subject: str = "",
        accept_status: tuple[int, ...] = (200,),
    ) -> Reply:
        """One idempotent request, signed in. Raises what a status not in *accept_status* means."""
        with cuttable(cancellation):
            reply = self._signed(method, path, scopes, dict(headers or {}), limit)
        if reply.status in accept_status:
            return reply
        raise failures.of_status(
            reply.status,
            reply.headers,
            reply.body,
            self._config,
            subject=subject or self._config.host,
            signed_in=self._auth.signed_in,
            basic=self._auth.scheme == "basic",
        )

    def _signed(
        self, method: str, path: str, scopes: tuple[str, ...], headers: dict[str, str], limit: int
    ) -> Reply:
        url = self._where() + path
        authorization = self._auth.header(scopes)
        reply = self._exchange.ask(method, url, {**headers, **_authorization(authorization)}, limit=limit)
        if reply.status != 401:
            return reply
        challenges = parse_challenges(reply.headers.getlist("WWW-Authenticate"))
        if not self._auth.learn(challenges, scopes):
            kinds = ", ".join(sorted({challenge.scheme for challenge in challenges}))
            raise failures.unexpected(
                self._config, f"it wants a sign-in of a kind that Longshore does not know ({kinds or 'not named'})"
            )
        again = self._auth.header(scopes, rejected=authorization)
        if again is None or again == authorization:
            return reply
        return self._exchange.ask(method, url, {**headers, **_authorization(again)}, limit=limit)

    # -- scheme

    def _where(self) -> str:
        """``https://host`` or ``http://host``, found out once."""
        if not self._base:
            with turn(self._probing):
                if not self._base:
                    self._base = self._probed()
        return self._base

    def _probed(self) -> str:
        """Plain HTTP is tried only for registries that the user marked insecure and for this machine, and only when
        the other side does not speak TLS at all; a certificate that is not trusted is never worked around."""
        secure, plain = f"https://{self._config.api_host}", f"http://{self._config.api_host}"
        path = self._url("")
        try:
            self._exchange.first(secure + path, min(_PROBE_SECONDS, self._connect_seconds))
            return secure
        except (HTTPError, OSError) as error:
            raise_if_cut()
            if not failures.may_be_plain(error):
                raise self._exchange.explained(error, secure) from error
            first = error
        try:
            reply = self._exchange.first(plain + path)
        except (HTTPError, OSError) as error:
            raise_if_cut()
            raise self._exchange.explained(error, plain) from error
        if reply.status == 400:
            # What servers of TLS say to plain HTTP. It is TLS after all, and the first attempt was bad luck.
            raise self._exchange.explained(first, secure) from first
        return plain


def _sound(name: str, key: str) -> bool:
    """Whether a name from a listing can be one; nobody could use the others, and some are made to mislead."""
    return valid_tag(name) if key == "tags" else 0 < len(name) <= _LONGEST_NAME and name.isascii() and name.isprintable()


def _authorization(value: str | None) -> dict[str, str]:
    return {} if value is None else {"Authorization": value}


def _named(repository: str, name: str) -> str:
    return f"{repository}@{name}" if ":" in name else f"{repository}:{name}"
