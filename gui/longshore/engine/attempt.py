"""What was tried, for the words about how it went."""

from __future__ import annotations

from dataclasses import dataclass

from longshore.oci.platform import Platform
from longshore.oci.reference import DOCKER_HUB, Reference


@dataclass(frozen=True, slots=True)
class Attempt:
    """What was tried. *signed_in*: credentials were sent along."""

    reference: Reference
    pushing: bool = False
    signed_in: bool = False
    platform: Platform | None = None

    @property
    def host(self) -> str:
        """The registry, as people call it."""
        return "Docker Hub" if self.reference.domain == DOCKER_HUB else self.reference.domain

    @property
    def image(self) -> str:
        """The reference in quotes."""
        return f"“{self.reference.familiar}”"

    @property
    def repository(self) -> str:
        """The repository in quotes, as the registry of that name knows it."""
        named = self.reference.familiar_name
        return f"“{named if self.reference.domain == DOCKER_HUB else self.reference.path}”"

    @property
    def verb(self) -> str:
        """``push`` or ``pull``."""
        return "push" if self.pushing else "pull"
