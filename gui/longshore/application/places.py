"""Places as people write them: references, and the transport names of skopeo (containers/image, transports)."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from longshore.application import requests
from longshore.application.requests import LocalPlace
from longshore.application.session import Session
from longshore.errors import ImageUnknown, InvalidInput, InvalidReference, LongshoreError, NotInLibrary
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.text import plain
from longshore.transfers.transfer import (
    ArchivePlace,
    Endpoint,
    EnginePlace,
    LibraryPlace,
    Place,
    RegistryPlace,
    TransferRequest,
)

#: The transports and what their names mean; for ``--help`` and docs/library.md.
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
#: Names in an advice.
_SHOWN = 5
_ADVICE = {
    "dir": "Use oci:FOLDER.",
    "containers-storage": "Start Podman's service and use docker-daemon:NAME with --engine.",
}


@dataclass(frozen=True, slots=True)
class NamedPlace:
    """A place, and the text of the image's name there, "" for none.

    *literal*: the text is the ``ref.name`` of an image layout, as skopeo reads and writes it.
    """

    place: Place
    name: str
    literal: bool = False

    @property
    def reference(self) -> Reference | None:
        """The name as a reference; None for none. Raises InvalidReference."""
        if not self.name:
            return None
        return Reference.parse(self.name) if self.literal else Reference.parse_input(self.name)

    @property
    def ref_name(self) -> str:
        """The literal name if it is not the whole reference, otherwise ""."""
        if not self.literal or not self.name:
            return ""
        try:
            whole = str(Reference.parse(self.name).with_default_tag())
        except InvalidReference:
            return self.name
        return "" if whole == self.name else self.name


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
                return NamedPlace(LibraryPlace(Path(path).resolve()), name, literal=True)
            case "oci-archive" | "docker-archive":
                path, name = _path_and_name(rest)
                archive = ArchivePlace(archive_path(path), scheme.partition("-")[0])
                return NamedPlace(archive, name, literal=archive.format == "oci")
    if colon and scheme in _REFUSED:
        raise InvalidInput(_REFUSED[scheme], subject=plain(text, 200), advice=_ADVICE.get(scheme, ""))
    return _registry(text)


def parse_destination(text: str, session: Session) -> NamedPlace:
    """As :func:`parse_place`, for an image to be written: a word alone does not mean Docker Hub.

    A typing error such as ``enigne`` would otherwise be pushed there. Raises InvalidInput too for such a word.
    """
    if not has_transport(text):
        check_target(text)
    return parse_place(text, session)


def check_target(text: str) -> None:
    """Raise InvalidInput if *text* names neither a registry nor a path, and InvalidReference if it is no name."""
    reference = Reference.parse_input(text)
    if "/" not in text:
        raise InvalidInput(
            "The destination names no registry.",
            subject=plain(text, 200),
            advice=f"Name it in full, such as {reference}.",
        )


def local_reference(text: str) -> Reference:
    """The image *text* for a command that looks at the engine or the library and into the image's registry. Raises
    InvalidInput for a place: ``oci:folder`` would be an image of Docker Hub."""
    if has_transport(text):
        raise InvalidInput(
            "Only images of the engine or the library are compared with their registries.",
            subject=plain(text, 200),
            advice="Use the name of an image, with --from library for one of the library.",
        )
    return Reference.parse_input(text)


def has_transport(text: str) -> bool:
    """Whether *text* names its place itself, by a transport."""
    scheme, colon, rest = text.partition(":")
    return bool(colon) and (
        scheme in _TRANSPORTS or scheme in _REFUSED or (scheme == "docker" and rest.startswith("//"))
    )


def _registry(text: str) -> NamedPlace:
    reference = Reference.parse_input(text)
    return NamedPlace(RegistryPlace(reference.domain), str(reference))


def archive_path(text: str) -> Path:
    """The absolute path of the archive that a person named *text*.

    Raises InvalidInput for ``-``, which other programs take for standard input or output.
    """
    if text == "-":
        raise InvalidInput(
            "Archives are read from files and written to files, not to standard input or output.",
            advice="Name a file. A file that is called - is ./-",
        )
    return Path(text).absolute()


def _path_and_name(rest: str) -> tuple[str, str]:
    """The path, and the name behind its first colon, as in skopeo: a path cannot contain a colon."""
    path, _, name = rest.partition(":")
    if not path or "\0" in path:
        raise InvalidInput("A path is missing.", subject=plain(rest, 200), advice="Use oci:FOLDER:NAME.")
    return path, name


def check_free(place: Place, advice: str) -> None:
    """Raise InvalidInput, with *advice*, if *place* is an archive that exists: a transfer would replace it."""
    if not isinstance(place, ArchivePlace):
        return
    there = False
    with contextlib.suppress(OSError):  # what is wrong with the folder, the transfer reports
        there = place.path.exists()
    if there:
        raise InvalidInput("The file exists.", subject=str(place.path), advice=advice)


def end_of(named: NamedPlace, session: Session) -> Endpoint:
    """The source that *named* means: engines and the library are asked for it. Raises LongshoreError."""
    place = named.place
    if isinstance(place, EnginePlace | LibraryPlace):
        if not named.name and isinstance(place, LibraryPlace):
            return _only_image(session, place)
        return _literal(session, named) or local_end(session, place, named.name)
    if found := _literal(session, named):
        return found
    reference = named.reference
    if isinstance(place, RegistryPlace):
        assert reference is not None
        return Endpoint(place, reference.with_default_tag())
    return Endpoint(place, reference)


def _literal(session: Session, named: NamedPlace) -> Endpoint | None:
    """The image that an image layout calls exactly as *named*. None: it is looked up as a reference."""
    if not named.ref_name:
        return None
    if isinstance(named.place, LibraryPlace):
        entry = session.clients.library(named.place.path).find_ref_name(named.ref_name)
        return None if entry is None else Endpoint(named.place, entry.reference, entry.descriptor.digest)
    assert isinstance(named.place, ArchivePlace)
    from longshore.application.archives import find_ref_name
    from longshore.cancellation import Cancellation

    return find_ref_name(named.place, named.ref_name, Cancellation())


def _only_image(session: Session, place: LibraryPlace) -> Endpoint:
    from longshore.application.stores import open_store

    if not place.path.exists():
        raise _no_folder(place)
    names = {image.name for image in open_store(place, session.clients).images()}
    if len(names) != 1:
        raise InvalidInput(
            "The folder has several images." if names else "The folder has no images.",
            subject=str(place.path),
            advice=f"Name one: oci:{place.path}:NAME" if names else "",
        )
    return Endpoint.of(place, names.pop())


def local_end(session: Session, place: LocalPlace, text: str) -> Endpoint:
    """The image of an engine or the library that *text* names. Raises ImageUnknown, NotInLibrary, InvalidInput."""
    from longshore.application.image_names import find_image
    from longshore.application.stores import open_store

    name = find_image(open_store(place, session.clients).images(), text)
    if name is None:
        raise unknown_image(session, place, text)
    return Endpoint.of(place, name)


def unknown_image(session: Session, place: LocalPlace, text: str) -> LongshoreError:
    """The error for an image *text* that an engine, the library or a folder does not have."""
    if isinstance(place, EnginePlace):
        return ImageUnknown("The engine has no such image.", subject=text, advice="See longshore images.")
    if place == session.library():
        return NotInLibrary(
            "The library has no such image.", subject=text, advice="See longshore images --from library."
        )
    if not place.path.exists():
        return _no_folder(place)
    listed = [image for image in session.clients.library(place.path).images() if not image.subject]
    names = [
        image.name if image.reference is None else str(image.reference)
        for image in listed
        if image.reference is not None or image.name
    ]
    more = ", …" if len(names) > _SHOWN else ""
    return NotInLibrary(
        "The folder has no such image.",
        subject=f"{place.path}:{plain(text, 200)}",
        advice=f"It has: {', '.join(names[:_SHOWN])}{more}" if names else "",
    )


def _no_folder(place: LibraryPlace) -> NotInLibrary:
    return NotInLibrary("The folder does not exist.", subject=str(place.path), advice="Check its name.")


def request_between(
    source: Endpoint, destination: NamedPlace, platforms: Sequence[Platform] = (), *, referrers: bool = False
) -> TransferRequest:
    """The transfer from *source* to *destination*, under the source's name if the destination names none.

    Raises InvalidInput, InvalidReference.
    """
    place, name = destination.place, destination.reference
    if name is not None:
        name = name.with_default_tag()
        if name.digest is not None and not isinstance(place, RegistryPlace):
            raise InvalidInput("A destination is named by a tag.", subject=destination.name)
    elif not isinstance(place, ArchivePlace) or source.reference is not None:
        name = source.reference
    if referrers and (isinstance(place, EnginePlace) or isinstance(source.place, EnginePlace)):
        raise InvalidInput("An engine does not keep referrers.", advice="Copy the image without referrers.")
    # As in the window: an image that keeps its name keeps its id too, and two equal requests are one transfer.
    kept = name == source.reference and not isinstance(place, RegistryPlace)
    destination_end = Endpoint(place, name, source.image_id if kept else "")
    request = requests.move(source, destination_end, referrers=referrers, ref_name=destination.ref_name)
    if not platforms:
        return request
    if len(platforms) == 1:
        return replace(request, platform=platforms[0])
    if isinstance(place, EnginePlace) or isinstance(source.place, EnginePlace):
        raise InvalidInput("An engine takes or gives one platform.", advice="Choose one platform.")
    chosen = ",".join(sorted(map(str, platforms)))
    return replace(request, options=tuple(sorted([*request.options, ("platforms", chosen)])))
