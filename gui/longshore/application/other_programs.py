"""The lines of ``docker``, ``skopeo`` and ``regctl`` that do the same as a transfer.

The same means: the same content with the same digests, under the same name, and nothing else changed. A pair of places
for which a program does something else has no line: docker has no library, and skopeo packs what engines and archives
of docker save hold under new digests. Registries with settings that a line cannot carry (certificates, a path before
``/v2/``) have none either.

Options: docs.docker.com/reference/cli, skopeo-copy(1), and regctl's ``image copy``. Its hidden ``--platforms`` is not
used: it copies an index without some of its images, where a transfer makes a new index.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from pathlib import Path

from longshore.application.terminal import Terminal
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.transfers.transfer import (
    NATIVE,
    ArchivePlace,
    Endpoint,
    EnginePlace,
    FolderPlace,
    LibraryPlace,
    RegistryPlace,
    TransferRequest,
)

#: Returns the line for a request, "" if the program cannot do it.
LineOf = Callable[[TransferRequest, Terminal], str]


def docker_line(request: TransferRequest, terminal: Terminal) -> str:
    """Return the line of ``docker``: pull, tag and push, save, load, or save into load."""
    source, destination = request.source, request.destination
    if isinstance(source.place, FolderPlace):
        return _docker_build(request, terminal)
    # The engine's own pull is docker's.
    options = {name for name, _ in request.options} - {NATIVE}
    if options or not all(_plain(end, terminal) for end in (source, destination)):
        return ""
    pulls = isinstance(source.place, RegistryPlace)
    if request.platform is not None and (not pulls or request.platform.os_version):
        return ""
    engines = [end.place for end in (source, destination) if isinstance(end.place, EnginePlace)]
    named = [_docker(place, terminal) for place in engines]
    if not named or not all(named):
        return ""
    image = _image(source)
    match source.place, destination.place:
        case RegistryPlace(), EnginePlace():
            return _docker_pull(request, named[0])
        case EnginePlace(), RegistryPlace() if destination.reference is not None:
            target = destination.reference.with_default_tag()
            if target.digest is not None or not image:
                return ""
            push = [*named[0], "push", target.familiar]
            if source.reference is not None and source.reference.with_default_tag() == target:
                return shlex.join(push)
            return _then([*named[0], "tag", image, target.familiar], push)
        case EnginePlace(), ArchivePlace(path, "docker"):
            if not image or _packed(path) or destination.name != source.name:
                return ""
            return _line(*named[0], "save", "-o", str(path.absolute()), image)
        case ArchivePlace(path), EnginePlace():
            # docker loads everything that an archive has.
            ends = {end.name.asked for end in (source, destination)}
            return _line(*named[0], "load", "-i", str(path.absolute())) if ends == {""} else ""
        case EnginePlace(), EnginePlace():
            if not image or destination.name != source.name:
                return ""
            return f"{shlex.join([*named[0], 'save', image])} | {shlex.join([*named[1], 'load'])}"
    return ""


def _docker_build(request: TransferRequest, terminal: Terminal) -> str:
    """Docker's own build chooses its builder; where buildx is installed, that is BuildKit."""
    from longshore.application.build_options import build_words
    from longshore.transfers.builds import BUILDX, Build

    build = Build.of(request)
    docker, words = _docker(build.place, terminal), build_words(build)
    if not docker or words is None:
        return ""
    command = ["buildx", "build", "--load"] if build.builder == BUILDX else ["build"]
    platform = ["--platform", str(build.platform)] if build.platform is not None else []
    return _line(*docker, *command, *words, *platform, str(build.folder.absolute()))


def _docker_pull(request: TransferRequest, docker: list[str]) -> str:
    source, wanted = request.source.reference, request.destination.reference
    if source is None:
        return ""
    source = source.with_default_tag()
    platform = [] if request.platform is None else ["--platform", str(request.platform)]
    pull = [*docker, "pull", *platform, source.familiar]
    if wanted is None or wanted.with_default_tag() == source:
        return shlex.join(pull)
    if wanted.digest is not None:
        return ""
    return _then(pull, [*docker, "tag", source.familiar, wanted.with_default_tag().familiar])


def _docker(place: EnginePlace, terminal: Terminal) -> list[str]:
    name = terminal.engine(place.address)
    if name is None:
        return []
    if name.context:
        return ["docker", "--context", name.context]
    return ["docker", "-H", name.url] if name.url else ["docker"]


def skopeo_line(request: TransferRequest, terminal: Terminal) -> str:
    """Return the line of ``skopeo copy``, between registries, the library and OCI archives."""
    # Slow to import, and needed only here.
    from longshore.transfers.ways.library_pull import for_library

    if isinstance(request.destination.place, LibraryPlace):
        request = for_library(request)
    if request.options:
        return ""  # referrers, and an index of some platforms
    source = _skopeo(request.source, "src", terminal)
    destination = _skopeo(request.destination, "dest", terminal)
    if source is None or destination is None:
        return ""
    which = _skopeo_platform(request.platform)
    if which is None:
        return ""
    all_of_it = ["--all"] if request.platform is None else []
    ends = [source, destination]
    options = [option for option, _ in ends if option]
    return _line(
        "skopeo", *which, "copy", *all_of_it, "--preserve-digests", *options, *(word for _, word in ends)
    )


def _skopeo_platform(platform: Platform | None) -> list[str] | None:
    """The global options that choose the image of an index; None if skopeo would choose another."""
    if platform is None:
        return []
    if not _clear(platform):
        return None
    words = ["--override-os", platform.os, "--override-arch", platform.architecture]
    return [*words, "--override-variant", platform.variant] if platform.variant else words


def _clear(platform: Platform) -> bool:
    """Whether programs agree on the image that *platform* means: arm without a variant may be any of its variants."""
    return not platform.os_version and (platform.architecture != "arm" or bool(platform.variant))


def _skopeo(end: Endpoint, side: str, terminal: Terminal) -> tuple[str, str] | None:
    """An option for an end, and its word; None if skopeo has none that means the same."""
    reference = end.reference
    if reference is None or not _plain(end, terminal):
        return None
    if isinstance(end.place, RegistryPlace):
        if end.image_id:
            return None
        if reference.digest is not None and side == "dest":
            return None
        # skopeo refuses a tag beside a digest. The digest counts.
        name = reference.with_default_tag() if reference.digest is None else reference.with_tag(None)
        trusting = terminal.registry(end.place.host)
        option = f"--{side}-tls-verify=false" if trusting.insecure or trusting.is_loopback else ""
        return option, f"docker://{name.familiar}"
    if reference.tag is None or reference.digest is not None:
        return None
    match end.place:
        case LibraryPlace(path):
            transport = "oci"
        case ArchivePlace(path, "oci") if not _packed(path):
            transport = "oci-archive"
        case _:
            return None
    if ":" in str(path.absolute()):
        return None
    return "", f"{transport}:{path.absolute()}:{reference}"


def regctl_line(request: TransferRequest, terminal: Terminal) -> str:
    """Return the line of ``regctl image copy``, from registry to registry."""
    source, destination = request.source, request.destination
    options = dict(request.options)
    referrers = options.pop("referrers", "") == "1"
    names = [end.reference for end in (source, destination) if isinstance(end.place, RegistryPlace)]
    if options or len(names) != 2 or not all(_plain(end, terminal) for end in (source, destination)):
        return ""
    for end in (source, destination):
        if isinstance(end.place, RegistryPlace):
            settings = terminal.registry(end.place.host)
            if settings.insecure or settings.is_loopback:
                return ""  # it must be told whether TLS is off or not verified, and that is not known here
    platform = request.platform
    if platform is not None and (referrers or not _clear(platform)):
        return ""
    words = ["--platform", str(platform)] if platform is not None else []
    # Longshore also copies the tags in which cosign keeps signatures.
    words += ["--referrers", "--digest-tags"] if referrers else []
    typed = [name.with_default_tag().familiar for name in names if name is not None]
    return _line("regctl", "image", "copy", *words, *typed) if len(typed) == 2 else ""


#: The other programs, by name.
PROGRAMS: Mapping[str, LineOf] = {"docker": docker_line, "skopeo": skopeo_line, "regctl": regctl_line}


def _image(end: Endpoint) -> str:
    """What docker calls the image: its name, else its id."""
    if end.reference is None:
        return end.image_id
    return end.reference.with_default_tag().familiar


def _plain(end: Endpoint, terminal: Terminal) -> bool:
    """Whether other programs reach this end with no more than its name."""
    if not isinstance(end.place, RegistryPlace):
        return True
    settings = terminal.registry(end.place.host)
    files = (settings.ca_file, settings.client_cert, settings.client_key)
    return not settings.prefix and not any(files) and _domain(end.reference) == end.place.host


def _domain(reference: Reference | None) -> str:
    return "" if reference is None else reference.domain


def _packed(path: Path) -> bool:
    from longshore.archives.compression import Compression, compression_for

    return compression_for(path) is not Compression.NONE


def _line(*words: str) -> str:
    """The words as a line, "" if a terminal would act on one of their characters."""
    return shlex.join(words) if all(word.isprintable() for word in words) else ""


def _then(first: list[str], second: list[str]) -> str:
    return f"{shlex.join(first)} && {shlex.join(second)}"
