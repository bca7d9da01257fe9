"""An attempted pull or push, for messages about its outcome."""

from __future__ import annotations

from dataclasses import dataclass

from longshore.oci.platform import Platform
from longshore.oci.reference import DOCKER_HUB, Reference, registry_name


@dataclass(frozen=True, slots=True)
class Attempt:
    """The attempt. *signed_in*: credentials were sent along."""

    reference: Reference
    pushing: bool = False
    signed_in: bool = False
    platform: Platform | None = None

    @property
    def host(self) -> str:
        """The registry's usual name."""
        return registry_name(self.reference.domain)

    @property
    def image(self) -> str:
        """The reference in quotes."""
        return f"“{self.reference.familiar}”"

    @property
    def repository(self) -> str:
        """The repository in quotes, as its registry names it."""
        named = self.reference.familiar_name
        return f"“{named if self.reference.domain == DOCKER_HUB else self.reference.path}”"

    @property
    def verb(self) -> str:
        """``push`` or ``pull``."""
        return "push" if self.pushing else "pull"
