"""The image that Details shows, with what its row in a list knows of it already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from longshore.transfers.transfer import EnginePlace, LibraryPlace, RegistryPlace

if TYPE_CHECKING:
    from longshore.application.states import State
    from longshore.oci.local_image import LocalImage
    from longshore.oci.reference import Reference
    from longshore.registry.model import TagDetails
    from longshore.transfers.transfer import Endpoint


@dataclass(frozen=True, slots=True)
class Subject:
    """One image in one place. Immutable, any thread.

    *image*: its row in Local images; *tag*: its row in Tags, None until a registry has returned the details of the tag.
    *names*: further references that point to the same image in that place. *place_name*: the title of the place, safe
    to show. *state*: as in the column State, None while it is not known, and the *reason* for it.
    """

    end: Endpoint
    image: LocalImage | None = None
    tag: TagDetails | None = None
    names: tuple[Reference, ...] = ()
    place_name: str = ""
    state: State | None = None
    reason: str = ""

    @property
    def shown(self) -> str:
        """Its name for people. Safe to show."""
        return self.end.name.shown

    @property
    def short(self) -> str:
        """Its name without the registry, for people. Safe to show."""
        reference = self.end.reference
        if reference is None:
            return self.shown
        host = f"{reference.domain}/"
        return reference.familiar.removeprefix(host)

    @property
    def is_remote(self) -> bool:
        """True if a registry has it."""
        return isinstance(self.end.place, RegistryPlace)

    @property
    def is_in_engine(self) -> bool:
        """True if an engine has it, which shows neither manifest nor configuration unchanged."""
        return isinstance(self.end.place, EnginePlace)

    @property
    def digest(self) -> str:
        """The digest of its manifest or index as far as the row knows it, else ""."""
        if self.tag is not None:
            return self.tag.digest
        if self.image is None:
            return ""
        if isinstance(self.end.place, LibraryPlace):
            return self.image.image_id
        reference = self.end.reference
        for entry in self.image.repo_digests:
            name, _, digest = entry.rpartition("@")
            if reference is not None and name in (reference.familiar_name, reference.name):
                return digest
        return ""

    @property
    def key(self) -> tuple[object, ...]:
        """Identifies its content: subjects with equal keys show the same."""
        if self.image is not None:
            return (self.end, self.image.image_id, self.image.repo_digests)
        return (self.end, self.digest)
