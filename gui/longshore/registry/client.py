"""The client of one registry (OCI distribution-spec 1.1). Blocking, thread-safe, cancellable in every phase."""

from __future__ import annotations

import json
import os
import ssl
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urljoin, urlsplit

import urllib3
from urllib3.exceptions import HTTPError, ProtocolError

from longshore.cancellation import Cancellation
from longshore.credentials import Credential
from longshore.oci.descriptor import Descriptor
from longshore.oci.digest import Verifier, sha256_of, valid_digest
from longshore.oci.errors import (
    AccessDenied,
    DigestMismatch,
    ListingUnsupported,
    LongshoreError,
    NotInRegistry,
    SignInRequired,
    TlsFailed,
)
from longshore.oci.image_config import ImageConfig
from longshore.oci.manifest import ACCEPT, LARGEST_MANIFEST, Index, Manifest, parse_manifest
from longshore.oci.platform import Platform
from longshore.registry import failures
from longshore.registry.auth import Authorizer
from longshore.registry.challenge import next_link, parse_challenges
from longshore.registry.config import RegistryConfig
from longshore.registry.model import Page, RegistryInfo, TagDetails
from longshore.registry.transport import CONNECT_SECONDS, READ_SECONDS, Transport, cuttable

#: Bytes of one page of a listing, and of an image's configuration, that are read at most.
LARGEST_PAGE = 8 << 20
LARGEST_CONFIG = 8 << 20
#: Registries refuse more than 1,000 at once (distribution 2.8: PAGINATION_NUMBER_INVALID).
LARGEST_N = 1000
_MAX_REDIRECTS = 5
_MAX_TRIES = 3
#: Seconds of Retry-After that are waited out here; longer ones are told to the caller.
_SHORT_WAIT = 3.0
_CATALOG_SCOPE = ("registry:catalog:*",)


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    headers: urllib3.HTTPHeaderDict
    body: bytes
    url: str


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
    ) -> None:
        self._config = config
        self._transport = Transport(
            config,
            os.environ if environ is None else environ,
            connect_seconds=connect_seconds,
            read_seconds=read_seconds,
        )
        self._auth = Authorizer(config, self._transport, credentials)
        self._lock = threading.Lock()
        self._base: str | None = None

    # -- what there is

    def check(self, *, cancellation: Cancellation | None = None) -> RegistryInfo:
        """That a registry answers, and how it wants to be signed in to (distribution-spec, "Determining Support")."""
        reply = self._request("GET", self._url(""), (), cancellation, accept_status=(200, 401, 403, 404))
        if reply.status == 404:
            raise failures.unexpected(self._config, "there is no /v2/ there")
        return RegistryInfo(self._auth.scheme, self._base or "")

    def sign_in(self, credential: Credential, *, cancellation: Cancellation | None = None) -> None:
        """See that the registry accepts *credential*; keeps nothing. Raises SignInFailed if it does not."""
        trial = RegistryClient(self._config, lambda _host: credential)
        try:
            reply = trial._request("GET", trial._url(""), (), cancellation)
            if reply.status == 200 and trial._auth.scheme == "none":
                return  # it wants no sign-in; the credential does no harm
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
        url = self._page_url(page) or self._url("_catalog?" + urlencode({"n": min(n, LARGEST_N)}))
        try:
            reply = self._request("GET", url, _CATALOG_SCOPE, cancellation, limit=LARGEST_PAGE, subject="its catalogue")
        except (NotInRegistry, AccessDenied) as error:
            raise self._no_catalogue(error) from error
        except LongshoreError as error:
            if "HTTP 405" in error.detail or "HTTP 501" in error.detail:
                raise self._no_catalogue(error) from error
            raise
        found = self._strings(reply, "repositories")
        return Page(found, self._next(reply, page))

    def _no_catalogue(self, error: LongshoreError) -> ListingUnsupported:
        return ListingUnsupported(
            f"{self._config.host} does not list its repositories for you.",
            registry=self._config.host,
            advice="Pin a repository by name, or paste a reference into Pull….",
            detail=error.detail,
        )

    def tags(
        self, repository: str, page: str | None = None, *, cancellation: Cancellation | None = None
    ) -> Page[str]:
        """One page of the tags of *repository*, in the registry's order."""
        url = self._page_url(page) or self._url(f"{quote(repository)}/tags/list?n={LARGEST_N}")
        reply = self._request("GET", url, self._pull(repository), cancellation, limit=LARGEST_PAGE, subject=repository)
        return Page(self._strings(reply, "tags"), self._next(reply, page))

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
            image = self.manifest(repository, child.digest, cancellation=cancellation)
            if isinstance(image, Index):
                return TagDetails(tag, digest, None, platforms, None, media_type)
            found = image
        created = None
        with suppress(NotInRegistry):
            config = self.config(repository, found, cancellation=cancellation)
            created = config.created
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
        length = reply.headers.get("Content-Length", "")
        if not valid_digest(digest):
            found = self.manifest(repository, name, cancellation=cancellation)
            return found.descriptor
        return Descriptor(media_type, digest, int(length) if length.isdigit() else 0)

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
        """Bytes of a blob that *repository* has, None if it has it not."""
        url = self._url(f"{quote(repository)}/blobs/{quote(digest, safe=':')}")
        try:
            reply = self._request("HEAD", url, self._pull(repository), cancellation, subject=_named(repository, digest))
        except NotInRegistry:
            return None
        length = reply.headers.get("Content-Length", "")
        return int(length) if length.isdigit() else 0

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

    def _page_url(self, page: str | None) -> str | None:
        return page

    def _next(self, reply: _Reply, asked: str | None) -> str | None:
        link = next_link(reply.headers.get("Link", ""))
        if link is None:
            return None
        target = urlsplit(urljoin(reply.url, link))
        here = urlsplit(reply.url)
        if (target.scheme, target.netloc) != (here.scheme, here.netloc):
            raise failures.unexpected(self._config, "the next page is on another host")
        following = target.path + (f"?{target.query}" if target.query else "")
        if following in (asked, here.path + (f"?{here.query}" if here.query else "")):
            raise failures.unexpected(self._config, "the next page is this page again")
        return following

    def _strings(self, reply: _Reply, key: str) -> list[str]:
        try:
            document = json.loads(reply.body)
        except (ValueError, RecursionError):
            raise failures.unexpected(self._config, "not JSON") from None
        found = document.get(key) if isinstance(document, dict) else None
        if found is None and isinstance(document, dict):
            return []  # Go writes an empty list as null
        if not isinstance(found, list):
            raise failures.unexpected(self._config, f"no list of {key}")
        return [item for item in found if isinstance(item, str) and 0 < len(item) <= 512]

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
    ) -> _Reply:
        """One idempotent request, signed in, redirected, and tried again where that helps."""
        with cuttable(cancellation):
            tries = 0
            while True:
                tries += 1
                try:
                    reply = self._signed(method, path, scopes, dict(headers or {}), limit)
                except (HTTPError, OSError) as error:
                    # A kept connection that the other side has closed meanwhile fails at its first byte.
                    if isinstance(error, ProtocolError) and tries < _MAX_TRIES and not _cancelled(cancellation):
                        continue
                    raise failures.of_connection(error, self._config) from error
                if reply.status in accept_status:
                    return reply
                wait = failures.retry_after(reply.headers) if reply.status in (429, 503) else None
                passing = reply.status in (502, 503, 504) or (wait is not None and wait <= _SHORT_WAIT)
                if not passing or tries >= _MAX_TRIES or (wait or 0) > _SHORT_WAIT:
                    break
                if cancellation is not None:
                    cancellation.wait(wait if wait is not None else 0.3 * tries)
                    cancellation.raise_if_cancelled()
                else:
                    threading.Event().wait(wait if wait is not None else 0.3 * tries)
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
    ) -> _Reply:
        url = self._where() + path
        authorization = self._auth.header(scopes)
        reply = self._sent(method, url, {**headers, **_authorization(authorization)}, limit)
        if reply.status != 401:
            return reply
        challenges = parse_challenges(reply.headers.getlist("WWW-Authenticate"))
        if not self._auth.learn(challenges):
            return reply
        try:
            again = self._auth.header(scopes, fresh=authorization is not None)
        except SignInRequired:
            return reply
        if again is None or again == authorization:
            return reply
        return self._sent(method, url, {**headers, **_authorization(again)}, limit)

    def _sent(self, method: str, url: str, headers: dict[str, str], limit: int) -> _Reply:
        origin = urlsplit(url)
        for _ in range(_MAX_REDIRECTS + 1):
            answer = self._transport.send(method, url, headers)
            try:
                location = answer.get_redirect_location()
                if not location:
                    body = b"" if method == "HEAD" else self._bounded(answer, limit)
                    answer.release_conn()
                    return _Reply(answer.status, answer.headers, body, url)
                answer.drain_conn()
                answer.release_conn()
            except BaseException:
                answer.close()
                raise
            target = urlsplit(urljoin(url, location))
            if target.scheme not in ("http", "https") or (origin.scheme == "https" and target.scheme == "http"):
                raise failures.unexpected(self._config, "it redirects to an address that is not encrypted")
            if (target.scheme, target.netloc) != (origin.scheme, origin.netloc):
                headers = {key: value for key, value in headers.items() if key != "Authorization"}
            url = target.geturl()
        raise failures.unexpected(self._config, "it redirects without end")

    def _bounded(self, answer: Any, limit: int) -> bytes:
        limit = limit if answer.status == 200 else min(limit, failures.LARGEST_ERROR)
        body: bytes = answer.read(limit + 1, decode_content=True)
        if len(body) > limit:
            if answer.status == 200:
                answer.close()
                raise failures.unexpected(self._config, f"more than {limit >> 20} MiB in one answer")
            answer.close()
            return body[:limit]
        return body

    # -- scheme

    def _where(self) -> str:
        """``https://host`` or ``http://host``, found out once.

        Plain HTTP is tried only for registries that the user marked insecure and for this machine, and only when
        the other side does not speak TLS at all; a certificate that is not trusted is never worked around.
        """
        with self._lock:
            if self._base is not None:
                return self._base
        secure = f"https://{self._config.api_host}"
        base = secure
        if self._config.insecure or self._config.is_loopback:
            try:
                self._transport.send("GET", secure + self._url(""), {}).drain_conn()
            except (HTTPError, OSError) as error:
                if _speaks_no_tls(error):
                    base = f"http://{self._config.api_host}"
                else:
                    raise
        with self._lock:
            self._base = base
        return base


def _speaks_no_tls(error: BaseException) -> bool:
    text = str(error)
    if isinstance(error, (urllib3.exceptions.SSLError, ssl.SSLError)):
        return "CERTIFICATE" not in text.upper()
    return isinstance(error, ProtocolError) or "EOF" in text


def _authorization(value: str | None) -> dict[str, str]:
    return {} if value is None else {"Authorization": value}


def _named(repository: str, name: str) -> str:
    return f"{repository}@{name}" if ":" in name else f"{repository}:{name}"


def _cancelled(cancellation: Cancellation | None) -> bool:
    return cancellation is not None and cancellation.cancelled


__all__ = ["RegistryClient", "TlsFailed"]
