"""The vendors by their keys, and the hosts whose names reveal them. Pure; quick to import."""

from __future__ import annotations

import re
from collections.abc import Mapping

from longshore.registry.config import split_host

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
#: The vendors whose API lists images that no tag points to.
TELLS_UNTAGGED = frozenset({"harbor", "ghcr"})
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
