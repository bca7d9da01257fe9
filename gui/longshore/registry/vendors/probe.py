"""Detects a registry's vendor by how it asks for a sign-in. One anonymous request; blocking."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from longshore.cancellation import Cancellation
from longshore.registry import connecting, failures
from longshore.registry.challenge import Challenge, parse_challenges
from longshore.registry.config import RegistryConfig
from longshore.registry.tls import TlsFiles, UnusableFiles
from longshore.registry.transport import Transport


def make_of(
    base: str, config: RegistryConfig, environ: Mapping[str, str], cancellation: Cancellation | None
) -> str:
    """The vendor's key, ``distribution`` if it is not recognised. Raises RegistryError and its subclasses, Cancelled.

    Recognised by realm: GitLab ``…/jwt/auth``, Harbor ``…/service/token`` for the service harbor-registry, Quay
    ``…/v2/auth``, Gitea and Forgejo ``…/v2/token`` for container_registry. Artifactory and Nexus name themselves.
    """
    headers = _headers(base, config, environ, cancellation)
    if "X-JFrog-Version" in headers or "X-Artifactory-Id" in headers:
        return "artifactory"
    if headers.get("Server", "").startswith("Nexus/"):
        return "nexus"
    for challenge in parse_challenges(headers.getlist("WWW-Authenticate")):
        found = _told(challenge)
        if found:
            return found
    return "distribution"


def _told(challenge: Challenge) -> str:
    realm, service = challenge.parameters.get("realm", ""), challenge.parameters.get("service", "")
    if challenge.scheme == "basic":
        if realm.startswith("Sonatype Nexus"):
            return "nexus"
        return {"Artifactory Realm": "artifactory", "harbor": "harbor"}.get(realm, "")
    try:
        path = urlsplit(realm).path
    except ValueError:
        return ""
    if path.endswith("/jwt/auth"):
        return "gitlab"
    if service == "harbor-registry":
        return "harbor"
    if path == "/v2/auth":
        return "quay"
    if path.endswith("/v2/token") and "/api/docker/" in path:
        return "artifactory"
    if path.endswith("/v2/token") and service in ("container_registry", ""):
        return "gitea"
    return ""


def _headers(
    base: str, config: RegistryConfig, environ: Mapping[str, str], cancellation: Cancellation | None
) -> urllib3.HTTPHeaderDict:
    transport = Transport(config, environ, TlsFiles(config))
    url = f"{base}/{config.prefix}/v2/" if config.prefix else f"{base}/v2/"
    try:
        with transport.send("GET", url, {}, cancellation=cancellation) as reply:
            reply.read(failures.LARGEST_ERROR)
            return reply.headers
    except UnusableFiles as unusable:
        raise connecting.of_files(unusable, config) from unusable
    except (HTTPError, OSError) as error:
        shown = partial(transport.peer_certificate, cancellation=cancellation)
        raise connecting.of_connection(error, config, url, shown) from error
    finally:
        transport.close()
