"""Places on the command line: references, and the transport names of skopeo (containers/image, transports)."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from longshore.application.session import Session
from longshore.errors import InvalidInput
from longshore.oci.reference import Reference
from longshore.text import plain
from longshore.transfers.transfer import (
    ArchivePlace,
    Endpoint,
    EnginePlace,
    LibraryPlace,
    Place,
    RegistryPlace,
)

#: The transports and what their names mean; for ``--help``.
HELP = """\
places:
  NAME, docker://NAME        an image in a registry
  docker-daemon:NAME         an image of the engine (also engine:NAME)
  library:NAME               an image of Longshore's library
  oci:FOLDER[:NAME]          an image layout in a folder
  oci-archive:FILE[:NAME]    an image layout in a tar
  docker-archive:FILE[:NAME] a tar as of docker save
"""
_TRANSPORTS = {"docker-daemon", "engine", "library", "oci", "oci-archive", "docker-archive"}
_REFUSED = {
    "dir": "A folder of skopeo's dir transport keeps neither names nor media types.",
    "containers-storage": "Podman's storage can be changed only by Podman.",
    "ostree": "OSTree repositories are not supported.",
    "sif": "Singularity files are not supported.",
    "atomic": "The atomic transport is not supported.",
    "tarball": "A tar without an image's configuration is not an image.",
}
_ADVICE = {
    "dir": "Use oci:FOLDER.",
    "containers-storage": "Start Podman's service and use docker-daemon:NAME with --engine.",
}


@dataclass(frozen=True, slots=True)
class NamedPlace:
    """A place, and the text of the image's name there, "" for none."""

    place: Place
    name: str

    @property
    def reference(self) -> Reference | None:
        """The name as a reference; None for none. Raises InvalidReference."""
        return Reference.parse_input(self.name) if self.name else None


def parse_place(text: str, session: Session) -> NamedPlace:
    """Return the place that *text* names; see HELP. Raises InvalidInput, InvalidReference, EngineError."""
    scheme, colon, rest = text.partition(":")
    if colon and scheme == "docker" and rest.startswith("//"):
        return _registry(rest[2:])
    if colon and scheme in _TRANSPORTS:
        match scheme:
            case "docker-daemon" | "engine":
                return NamedPlace(session.engine(), rest)
            case "library":
                return NamedPlace(session.library(), rest)
            case "oci":
                path, name = _path_and_name(rest)
                return NamedPlace(LibraryPlace(path.resolve()), name)
            case "oci-archive" | "docker-archive":
                path, name = _path_and_name(rest)
                return NamedPlace(ArchivePlace(path.absolute(), scheme.partition("-")[0]), name)
    if colon and scheme in _REFUSED:
        raise InvalidInput(_REFUSED[scheme], subject=plain(text, 200), advice=_ADVICE.get(scheme, ""))
    return _registry(text)


def _registry(text: str) -> NamedPlace:
    reference = Reference.parse_input(text)
    return NamedPlace(RegistryPlace(reference.domain), str(reference))


def _path_and_name(rest: str) -> tuple[Path, str]:
    """The path, and the name behind its first colon, as in skopeo: a path cannot contain a colon."""
    path, _, name = rest.partition(":")
    if not path or "\0" in path:
        raise InvalidInput("A path is missing.", subject=plain(rest, 200), advice="Use oci:FOLDER:NAME.")
    return Path(path), name


def end_of(named: NamedPlace, session: Session) -> Endpoint:
    """The source that *named* means: engines and the library are asked for it. Raises LongshoreError."""
    from longshore.cli.moving import local_end

    place = named.place
    if isinstance(place, EnginePlace | LibraryPlace):
        if not named.name and isinstance(place, LibraryPlace):
            return _only_image(session, place)
        return local_end(session, place, named.name)
    reference = named.reference
    if isinstance(place, RegistryPlace):
        assert reference is not None
        return Endpoint(place, reference.with_default_tag())
    return Endpoint(place, reference)


def _only_image(session: Session, place: LibraryPlace) -> Endpoint:
    from longshore.application.stores import open_store

    names = {image.name for image in open_store(place, session.clients).images()}
    if len(names) != 1:
        raise InvalidInput(
            "The folder has several images." if names else "The folder has no images.",
            subject=str(place.path),
            advice=f"Name one: oci:{place.path}:NAME" if names else "",
        )
    return Endpoint.of(place, names.pop())


def add_place(parser: argparse.ArgumentParser, name: str, metavar: str, help_text: str) -> None:
    """Add a positional argument that names a place."""
    parser.add_argument(name, metavar=metavar, help=help_text)
