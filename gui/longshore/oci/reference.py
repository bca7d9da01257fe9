"""Image references: a registry, a repository path, and a tag, a digest or both."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import total_ordering

from longshore.oci import paste
from longshore.oci.digest import check_digest, valid_digest
from longshore.oci.grammar import (
    DOCKER_HUB,
    LARGEST_PATH,
    OFFICIAL,
    check_domain,
    check_path,
    check_tag,
    domain_pattern,
    explain,
    is_identifier,
    remainder_pattern,
    split_domain,
    valid_tag,
)
from longshore.oci.platform import Platform

__all__ = [
    "DEFAULT_TAG",
    "DOCKER_HUB",
    "Reference",
    "check_domain",
    "check_path",
    "check_tag",
    "parse_pull_line",
    "registry_name",
    "valid_tag",
]

_HUB_REGISTRY = "registry-1.docker.io"

#: The tag that a name without tag and digest means.
DEFAULT_TAG = "latest"


@total_ordering
@dataclass(frozen=True, slots=True)
class Reference:
    """A complete image reference. Immutable, hashable, ordered by its parts; any thread.

    *domain*: the registry as references name it, with its port (``docker.io``, ``127.0.0.1:5000``,
    ``[::1]:5000``). *path*: the repository on that registry (``library/postgres``). Every instance is valid:
    the constructor and all methods that make one raise InvalidReference otherwise. When a reference has both
    a tag and a digest, engines use only the digest.
    """

    domain: str
    path: str
    tag: str | None = None
    digest: str | None = None

    def __post_init__(self) -> None:
        check_domain(self.domain)
        check_path(self.path)
        if self.domain == "index.docker.io":
            object.__setattr__(self, "domain", DOCKER_HUB)
        if self.domain == DOCKER_HUB and "/" not in self.path:
            object.__setattr__(self, "path", check_path(f"{OFFICIAL}/{self.path}"))
        if self.tag is not None:
            check_tag(self.tag)
        if self.digest is not None:
            check_digest(self.digest)

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Parse *text* by Docker's rules: ``postgres`` is ``docker.io/library/postgres``. Adds no tag.

        Raises InvalidReference: its message names the invalid part, its advice gives an example.
        """
        if is_identifier(text):
            raise explain(text)
        domain, remainder = split_domain(text)
        match = remainder_pattern.fullmatch(remainder)
        if match is None or not domain_pattern.fullmatch(domain) or len(match.group(1)) > LARGEST_PATH:
            raise explain(text)
        path, tag, digest = match.groups()
        if digest is not None and not valid_digest(digest):
            raise explain(text)
        return cls(domain, path, tag, digest)

    @classmethod
    def parse_input(cls, text: str) -> Reference:
        """Parse what a person typed or pasted.

        Accepts a reference with blanks, quotes or a prompt around it, a whole ``docker pull`` line, an ``image:``
        line of YAML, a ``FROM`` line, or the address of a Docker Hub page. Raises InvalidReference.
        """
        return parse_pull_line(text)[0]

    @property
    def name(self) -> str:
        """Registry and path: ``docker.io/library/postgres``."""
        return f"{self.domain}/{self.path}"

    @property
    def familiar_name(self) -> str:
        """The name as people write it: ``postgres``, ``team/app``. In full if the short form would be ambiguous."""
        if self.domain != DOCKER_HUB:
            return self.name
        official, _, rest = self.path.partition("/")
        if official == OFFICIAL and "/" not in rest:
            return self.name if is_identifier(rest) else rest
        # docker.io/foo.bar/x must not become foo.bar/x, which names the registry foo.bar.
        return self.path if split_domain(self.path) == (DOCKER_HUB, self.path) else self.name

    @property
    def familiar(self) -> str:
        """The whole reference as people write it: ``postgres:16``. Parses to the same reference."""
        return self.familiar_name + self._suffix

    @property
    def registry_host(self) -> str:
        """Host and port of the registry's API. Docker Hub's differ from its name in references."""
        return _HUB_REGISTRY if self.domain == DOCKER_HUB else self.domain

    @property
    def target(self) -> str:
        """The digest, the tag or ``latest``: what to request from the registry, in this order of preference."""
        return self.digest or self.tag or DEFAULT_TAG

    def with_tag(self, tag: str | None) -> Reference:
        """A copy with *tag*, or without a tag if None. Keeps the digest."""
        return dataclasses.replace(self, tag=tag)

    def with_digest(self, digest: str | None) -> Reference:
        """A copy with *digest*, or without a digest if None. Keeps the tag."""
        return dataclasses.replace(self, digest=digest)

    def with_default_tag(self) -> Reference:
        """A copy with the tag ``latest`` if there is neither tag nor digest, as the docker CLI does."""
        return self.with_tag(DEFAULT_TAG) if self.tag is None and self.digest is None else self

    def on(self, domain: str) -> Reference:
        """The same path, tag and digest on another registry."""
        return dataclasses.replace(self, domain=domain)

    @property
    def _suffix(self) -> str:
        tag = "" if self.tag is None else f":{self.tag}"
        return tag if self.digest is None else f"{tag}@{self.digest}"

    def __str__(self) -> str:
        return self.name + self._suffix

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, Reference):
            return NotImplemented
        return self._order < other._order

    @property
    def _order(self) -> tuple[str, str, str, str]:
        return (self.domain, self.path, self.tag or "", self.digest or "")


def registry_name(domain: str) -> str:
    """What a sentence calls the registry at *domain*: ``Docker Hub`` for docker.io, others by their domain. Any
    thread."""
    return "Docker Hub" if domain == DOCKER_HUB else domain


def parse_pull_line(text: str) -> tuple[Reference, Platform | None]:
    """Parse like :meth:`Reference.parse_input`, and also return the platform of a ``--platform`` option in *text*.

    Raises InvalidReference, or InvalidInput for an invalid platform. Any thread.
    """
    reference, platform = paste.unwrap(text)
    return Reference.parse(reference), None if platform is None else Platform.parse(platform)
