"""The names under which the docker CLI keeps a registry (docker/cli, cli/config/credentials/file_store.go)."""

from __future__ import annotations

from longshore.oci.reference import DOCKER_HUB

#: The key of Docker Hub, in files and helpers alike.
HUB_KEY = "https://index.docker.io/v1/"

# Stored beside it by `docker login` through the browser. Not a user name and password, and not for registries.
HUB_TOKEN_KEYS = (f"{HUB_KEY}access-token", f"{HUB_KEY}refresh-token")

_HUB_HOSTS = frozenset({DOCKER_HUB, "index.docker.io", "registry-1.docker.io"})


def canonical(registry: str) -> str:
    """One name per registry: lower case, and ``docker.io`` for all names of Docker Hub."""
    lower = registry.lower()
    return DOCKER_HUB if lower in _HUB_HOSTS else lower


def key_of(registry: str) -> str:
    """The key under which `docker login` keeps *registry*."""
    return HUB_KEY if canonical(registry) == DOCKER_HUB else registry


def logout_keys(registry: str) -> list[str]:
    """The keys that `docker logout` erases for *registry*: older versions stored them with a scheme in front."""
    if canonical(registry) == DOCKER_HUB:
        return [HUB_KEY, *HUB_TOKEN_KEYS]
    return [registry, f"http://{registry}", f"https://{registry}"]


def host_of(key: str) -> str:
    """The registry of a key; keys may be URLs followed by ``/v1/``, ``/v2/`` or another path.

    Docker uses a credential for ``host/namespace`` for the whole host.
    """
    if key in HUB_TOKEN_KEYS:
        return ""
    bare = key.partition("://")[2] if key.startswith(("http://", "https://")) else key
    return canonical(bare.partition("/")[0])


def nearness(key: str, registry: str) -> int:
    """How well *key*, a key of *registry*, fits it: 0 for Docker's own key, more for others."""
    if key == key_of(registry):
        return 0
    bare = key.partition("://")[2] or key
    path = bare.partition("/")[2].strip("/")
    return 1 if path in ("", "v1", "v2") else 2
