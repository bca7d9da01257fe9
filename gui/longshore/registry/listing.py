"""Chooses how a registry is listed: by which vendor of ``registry.vendors``.

``RegistryConfig.kind`` decides if it is one of :data:`KINDS`. ``auto`` goes by the host's name and, if the name is
unknown, by how the registry asks for a sign-in.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from longshore.cancellation import Cancellation
from longshore.credentials import Credential
from longshore.registry.client import RegistryClient
from longshore.registry.config import RegistryConfig
from longshore.registry.kinds import KINDS, kind_of_host
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
