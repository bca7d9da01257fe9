"""Many repositories of one registry: a pattern for the sources of a rule, and the namespace of their copies."""

from __future__ import annotations

from dataclasses import dataclass

from longshore.application.mirrors.patterns import SPECIAL, check, is_pattern, matches
from longshore.errors import InvalidInput
from longshore.oci.grammar import DOCKER_HUB, check_domain, check_path
from longshore.oci.reference import Reference

_EXAMPLE = "For example: registry.example.com/team/* or registry.example.com/**."


@dataclass(frozen=True, slots=True)
class RepositoryPattern:
    """The repositories of the registry *domain* whose paths match *path* (see :mod:`.patterns`). Immutable."""

    domain: str
    path: str

    def __post_init__(self) -> None:
        check_domain(self.domain)
        check(self.path, path=True)
        printable = self.path.isascii() and self.path.isprintable() and " " not in self.path
        if not self.path or self.path.startswith("/") or not printable:
            raise InvalidInput("This is not a pattern for repositories.", subject=self.name, advice=_EXAMPLE)
        if self.domain == DOCKER_HUB and not self.namespace:
            raise InvalidInput(
                "Docker Hub does not list all of its repositories.",
                subject=self.name,
                advice="Name a namespace, for example docker.io/team/*.",
            )

    @property
    def name(self) -> str:
        """Registry and pattern."""
        return f"{self.domain}/{self.path}"

    familiar_name = name

    @property
    def namespace(self) -> str:
        """The path in front of the first part with a wildcard, "" for none: everything that matches is below it."""
        parts: list[str] = []
        for part in self.path.split("/")[:-1]:
            if is_pattern(part):
                break
            parts.append(part)
        return "/".join(parts)

    def matches(self, path: str) -> bool:
        """Whether the repository *path* is one of these."""
        return matches(self.path, path, path=True)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Namespace:
    """Where a registry keeps the copies of many repositories: below *path*, or at its root for "". Immutable."""

    domain: str
    path: str

    def __post_init__(self) -> None:
        check_domain(self.domain)
        if self.path or self.domain == DOCKER_HUB:
            check_path(self.path)

    @property
    def name(self) -> str:
        """Registry and path."""
        return f"{self.domain}/{self.path}" if self.path else self.domain

    familiar_name = name

    def below(self, path: str) -> Reference:
        """The repository *path* in this namespace. Raises InvalidReference."""
        return Reference(self.domain, f"{self.path}/{path}" if self.path else path)

    def __str__(self) -> str:
        return self.name


def check_repository(text: str) -> None:
    """Check that *text*, an end of a rule, names no tag and no digest, which would be ignored. Raises InvalidInput."""
    text = text.strip()
    if is_pattern(text):
        ignored = not {":", "@"}.isdisjoint(text.partition("/")[2])
    else:
        found = Reference.parse(text)
        ignored = found.tag is not None or found.digest is not None
    if ignored:
        raise InvalidInput(
            "A rule names repositories of registries, without a tag or digest.",
            subject=text,
            advice="Leave it out, and choose tags by the rule's patterns for tags.",
        )


def parse_source(text: str) -> Reference | RepositoryPattern:
    """The repository, or the pattern for repositories, in *text*. Any thread. Raises InvalidInput."""
    text = text.strip()
    if not is_pattern(text):
        return Reference.parse(text).with_tag(None).with_digest(None)
    domain, slash, path = text.partition("/")
    if not slash or not SPECIAL.isdisjoint(domain):
        raise InvalidInput(
            "A pattern for repositories begins with a registry.", subject=text, advice=_EXAMPLE
        )
    if "." not in domain and ":" not in domain and domain != "localhost":
        return RepositoryPattern(DOCKER_HUB, text)
    return RepositoryPattern(DOCKER_HUB if domain == "index.docker.io" else domain, path)


def parse_namespace(text: str) -> Namespace:
    """The registry, or the registry and path, in *text*. Any thread. Raises InvalidInput."""
    text = text.strip().rstrip("/")
    domain, _, path = text.partition("/")
    if "." not in domain and ":" not in domain and domain != "localhost":
        domain, path = DOCKER_HUB, text  # a namespace of Docker Hub
    return Namespace(DOCKER_HUB if domain == "index.docker.io" else domain, path)
