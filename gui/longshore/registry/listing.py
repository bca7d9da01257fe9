"""Chooses how a registry is listed: by which vendor of ``registry.vendors``.

``RegistryConfig.kind`` decides if it is one of :data:`KINDS`. ``auto`` goes by the host's name and, if the name is
unknown, by how the registry asks for a sign-in.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping

from longshore.cancellation import Cancellation
from longshore.credentials import Credential
from longshore.registry.client import RegistryClient
from longshore.registry.config import RegistryConfig, split_host
from longshore.registry.vendors.acr import AcrLister
from longshore.registry.vendors.artifactory import ArtifactoryLister
from longshore.registry.vendors.base import VendorLister
from longshore.registry.vendors.detecting import DetectingLister
from longshore.registry.vendors.digitalocean import DigitalOceanLister
from longshore.registry.vendors.ecr import EcrLister
from longshore.registry.vendors.ghcr import GhcrLister
from longshore.registry.vendors.gitea import GiteaLister
from longshore.registry.vendors.gitlab import GitLabLister
from longshore.registry.vendors.google import GoogleLister
from longshore.registry.vendors.harbor import HarborLister
from longshore.registry.vendors.hub import HubLister
from longshore.registry.vendors.nexus import NexusLister
from longshore.registry.vendors.plain import PlainLister
from longshore.registry.vendors.probe import make_of
from longshore.registry.vendors.protocol import Lister, RepositoryInfo, TagInfo
from longshore.registry.vendors.quay import QuayLister

__all__ = ["KINDS", "Lister", "RepositoryInfo", "TagInfo", "kind_of_host", "lister_for"]

#: The keys allowed in ``RegistryConfig.kind``, with their names for people.
KINDS: Mapping[str, str] = {
    "auto": "Detect",
    "distribution": "Plain registry (distribution, zot)",
    "hub": "Docker Hub",
    "ghcr": "GitHub",
    "gitlab": "GitLab",
    "quay": "Quay",
    "harbor": "Harbor",
    "gitea": "Gitea, Forgejo",
    "ecr": "Amazon ECR",
    "acr": "Azure Container Registry",
    "google": "Google Artifact Registry",
    "digitalocean": "DigitalOcean",
    "artifactory": "Artifactory",
    "nexus": "Nexus",
}

_VENDORS: tuple[type[VendorLister], ...] = (
    HubLister,
    GhcrLister,
    GitLabLister,
    QuayLister,
    HarborLister,
    GiteaLister,
    AcrLister,
    GoogleLister,
    DigitalOceanLister,
    ArtifactoryLister,
    NexusLister,
)
_BY_KIND = {vendor.kind: vendor for vendor in _VENDORS}
_HOSTS = {
    "docker.io": "hub",
    "ghcr.io": "ghcr",
    "registry.gitlab.com": "gitlab",
    "quay.io": "quay",
    "public.ecr.aws": "ecr",
    "registry.digitalocean.com": "digitalocean",
    "codeberg.org": "gitea",
    "gitea.com": "gitea",
}
_PATTERNS = (
    (re.compile(r"[0-9]{12}\.dkr[.-]ecr(-fips)?\.[a-z0-9-]+\.(amazonaws\.com(\.cn)?|on\.aws)"), "ecr"),
    (re.compile(r"[a-z0-9-]+\.azurecr\.(io|cn|us)"), "acr"),
    (re.compile(r"[a-z0-9-]+-docker\.pkg\.dev"), "google"),
    (re.compile(r"[a-z0-9-]+\.jfrog\.io"), "artifactory"),
)


def kind_of_host(host: str) -> str:
    """The key of the vendor of *host* (as in references), ``auto`` if the name is unknown. Any thread."""
    name = split_host(host)[0]
    for pattern, kind in _PATTERNS:
        if pattern.fullmatch(name):
            return kind
    return _HOSTS.get(name, "auto")


def lister_for(
    config: RegistryConfig,
    client: RegistryClient,
    credentials: Callable[[str], Credential | None],
    *,
    environ: Mapping[str, str] | None = None,
    api_base: str = "",
) -> Lister:
    """The lister of one registry. Does not connect; any thread. Close it after use; *client* stays open.

    *credentials* is called once, with the registry's host, when first needed: make a new lister after a sign-in.
    *api_base*: the address of the vendor's API (``https://host``) if it is not the documented one: for tests, and for
    GitHub Enterprise and the like. Credentials are sent there.
    """
    settled = os.environ if environ is None else environ
    kind = config.kind if config.kind in KINDS and config.kind != "auto" else kind_of_host(config.host)

    def made(found: str) -> Lister:
        if found == "ecr":
            return EcrLister(config, client)
        vendor = _BY_KIND.get(found)
        if vendor is None:
            return PlainLister(config, client)
        return vendor(config, client, credentials, environ=settled, api_base=api_base)

    def detected(cancellation: Cancellation | None) -> str:
        base = f"https://{config.api_host}"
        if config.insecure or config.is_loopback:
            # Only the client may determine that it speaks plain HTTP.
            base = client.base(cancellation=cancellation)
        return make_of(base, config, settled, cancellation)

    return DetectingLister(detected, made) if kind == "auto" else made(kind)
