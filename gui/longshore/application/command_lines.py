"""Transfers as commands: the ``longshore`` line that requests the same transfer, and those of other programs.

Each form builds the request that its line would make (``cli.moving``, ``cli.copying``, ``cli.archives``) and compares
it with the asked one: a transfer that the command line cannot request exactly has no line. Lines contain no secrets,
because requests contain none.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from longshore.application import requests
from longshore.application.other_programs import PROGRAMS
from longshore.application.terminal import Terminal
from longshore.errors import LongshoreError
from longshore.oci.known_platforms import parse_known
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.transfers.transfer import (
    NATIVE,
    ONLY_SIGNED,
    REF_NAME,
    ArchivePlace,
    Endpoint,
    EnginePlace,
    FolderPlace,
    LibraryPlace,
    Operation,
    Place,
    RegistryPlace,
    TransferRequest,
)

if TYPE_CHECKING:
    from longshore.application.mirrors.rules import MirrorRule

#: Words before a colon that ``longshore copy`` reads as a kind of place.
_TRANSPORTS = frozenset(
    {
        *("docker-daemon", "engine", "library", "oci", "oci-archive", "docker-archive"),
        *("dir", "containers-storage", "ostree", "sif", "atomic", "tarball"),
    }
)
_ID = re.compile(r"sha256:[0-9a-f]{64}")
#: What separates patterns on the command line.
_SEPARATOR = re.compile(r"[\s,]|^$")


class _NoLineError(Exception):
    """The command line has no words for this."""


def command_lines(wanted: Iterable[TransferRequest], terminal: Terminal) -> dict[str, list[str]]:
    """Return the lines for all of *wanted*, in their order, by the name of their program.

    Programs: ``longshore``, ``docker``, ``skopeo``, ``regctl``; one that cannot do all of them exactly is left out.
    Pulls of one image into several engines are one line of ``longshore``. Pure; any thread.
    """
    wanted = list(dict.fromkeys(wanted))
    own: dict[str, None] = {}
    found: dict[str, list[str]] = {}
    for group in _groups(wanted):
        lines = [_line(request, terminal) for request in group]
        together = _pull_to_several(group, terminal) if len(group) > 1 else ""
        own.update(dict.fromkeys([together] if together else lines))
    if own and "" not in own:
        found["longshore"] = list(own)
    for name, line_of in PROGRAMS.items():
        foreign = dict.fromkeys(line_of(request, terminal) for request in wanted)
        if foreign and "" not in foreign:
            found[name] = list(foreign)
    return found


def mirror_line(rule: MirrorRule) -> str | None:
    """Return the line that copies the tags of *rule*; None if its patterns cannot be written on one line.

    ``copy`` has no words for choosing by age or version, for many repositories and for extra tags. Such a rule is
    saved, and its line runs it by its name.
    """
    from longshore.application.mirrors.rules import Extras

    if (
        rule.newest
        or rule.minimum_age_days
        or rule.extras is Extras.DELETE
        or not isinstance(rule.source, Reference)
        or not isinstance(rule.destination, Reference)
    ):
        named = ["--", rule.name] if rule.name.startswith("-") else [rule.name]
        return shlex.join(["longshore", "mirror", "run", *named]) if rule.name.isprintable() else None
    if any(_SEPARATOR.search(pattern) or not pattern.isprintable() for pattern in rule.tags):
        return None
    words = ["copy"]
    if rule.tags == ("*",):
        words.append("--all-tags")
    else:
        patterns = " ".join(rule.tags)
        words += [f"--tags={patterns}"] if patterns.startswith("-") else ["--tags", patterns]
    try:
        for platform in rule.platforms:
            words += _platform(platform)
        words += ["--referrers"] if rule.referrers else []
        words += [_registry(rule.source), _registry(rule.destination, written=True)]
    except (_NoLineError, LongshoreError):
        return None
    return shlex.join(["longshore", *words])


def _groups(wanted: Iterable[TransferRequest]) -> list[list[TransferRequest]]:
    """Pulls of the same image into engines together, everything else alone."""
    groups: dict[object, list[TransferRequest]] = {}
    for request in wanted:
        end = request.destination
        into_engine = request.operation is Operation.PULL and isinstance(end.place, EnginePlace)
        key = (
            replace(request, destination=replace(end, place=request.source.place)) if into_engine else request
        )
        groups.setdefault((into_engine, key), []).append(request)
    return list(groups.values())


def _pull_to_several(group: Sequence[TransferRequest], terminal: Terminal) -> str:
    """One line for pulls of the same image into several engines, "" if there is none."""
    request, words = group[0], ["longshore", "pull"]
    try:
        reference, flags = _named(request.source), _flags(request)
        for one in group:
            place = _engine_place(one)
            _same(one, _pull_by(flags, reference, place, request.platform))
            words += _engine(_engine_place(one), terminal, always=True)
        return shlex.join([*words, *_platform(request.platform), *flags, _typed(reference)])
    except (_NoLineError, LongshoreError):
        return ""


def _engine_place(request: TransferRequest) -> EnginePlace:
    if not isinstance(request.destination.place, EnginePlace):
        raise _NoLineError
    return request.destination.place


def _line(request: TransferRequest, terminal: Terminal) -> str:
    """The line for *request*, "" if there is none."""
    for form in (_pull, _push, _save, _load, _copy, _copy_tag, _index, _build):
        try:
            return shlex.join(["longshore", *form(request, terminal)])
        except (_NoLineError, LongshoreError):
            continue
    return ""


# -- the forms: each returns the words behind ``longshore``


def _pull(request: TransferRequest, terminal: Terminal) -> list[str]:
    reference, place = _named(request.source), request.destination.place
    whole = dict(request.options).get("platforms") == "all"
    if isinstance(place, EnginePlace):
        words = _engine(place, terminal)
        whole = False  # an engine pulls one platform
    elif isinstance(place, LibraryPlace) and place.path == terminal.library:
        words = ["--to", "library"]
    else:
        raise _NoLineError
    flags = _flags(request)
    _same(request, _pull_by(flags, reference, place, request.platform, whole=whole))
    words += [*_platform(request.platform), *flags]
    return ["pull", *words, *(["--all-platforms"] if whole else []), _typed(reference)]


def _flags(request: TransferRequest) -> list[str]:
    """The flags of ``pull`` for the options of *request*."""
    options, into_engine = dict(request.options), isinstance(request.destination.place, EnginePlace)
    flags = ["--native"] if into_engine and options.get(NATIVE) == "1" else []
    return [*flags, *(["--only-signed"] if options.get(ONLY_SIGNED) == "1" else [])]


def _pull_by(
    flags: Sequence[str],
    reference: Reference,
    place: requests.LocalPlace,
    platform: Platform | None,
    *,
    whole: bool = False,
) -> TransferRequest:
    """The request that ``pull`` makes with *flags*."""
    return requests.pull(
        reference,
        place,
        platform,
        whole=whole,
        only_signed="--only-signed" in flags,
        native="--native" in flags,
    )


def _push(request: TransferRequest, terminal: Terminal) -> list[str]:
    source, target = request.source, _named(request.destination)
    if isinstance(source.place, ArchivePlace) or target.tag is None:
        raise _NoLineError
    _same(request, requests.push(source, target))
    words = ["push", *_local(source.place, terminal), _image(source)]
    own = source.reference
    if own is None or own.with_default_tag().with_digest(None) != target:
        words.append(_target(target))
    return words


def _save(request: TransferRequest, terminal: Terminal) -> list[str]:
    source, archive = request.source, request.destination.place
    if not isinstance(archive, ArchivePlace):
        raise _NoLineError
    _same(request, requests.save(source, archive, request.platform))
    if isinstance(source.place, RegistryPlace):
        words, image = ["--from", "registry"], _typed(_tagged(source))
    else:
        words, image = _local(source.place, terminal), _image(source)
    words += [] if archive.format == "docker" else ["--format", archive.format]
    return ["save", *words, *_platform(request.platform), "-o", _path(archive.path), image]


def _load(request: TransferRequest, terminal: Terminal) -> list[str]:
    source, place = request.source, request.destination.place
    if not isinstance(source.place, ArchivePlace) or source.place.format != "docker":
        raise _NoLineError  # the line reads both formats, and calls either docker
    if isinstance(place, EnginePlace) and source.reference is None and not source.image_id:
        _same(request, requests.load(source, place))
        return ["load", *_engine(place, terminal), _path(source.place.path)]
    if isinstance(place, RegistryPlace) and source.reference is None and source.image_id:
        # The command refuses an archive with several images.
        target = _target(_tagged(request.destination))
        _same(request, requests.push(source, _named(request.destination)))
        return ["load", _path(source.place.path), "--to", target]
    raise _NoLineError


def _copy(request: TransferRequest, terminal: Terminal) -> list[str]:
    source, destination = request.source, request.destination
    options = dict(request.options)
    platforms = [name for name in options.get("platforms", "").split(",") if name]
    engines = [end.place for end in (source, destination) if isinstance(end.place, EnginePlace)]
    if len(platforms) == 1 or len(engines) > 1 or (platforms and request.platform):
        raise _NoLineError
    if engines and options.keys() - {REF_NAME}:
        raise _NoLineError
    if destination.reference is None and source.reference is not None:
        raise _NoLineError
    if isinstance(source.place, ArchivePlace) and source.reference is not None:
        # The archive is asked by name, and the id is found in it.
        source = replace(source, image_id="")
        destination = replace(destination, image_id="")
        request = replace(request, source=source, destination=destination)
    kept = "" if isinstance(destination.place, RegistryPlace) else source.image_id
    renamed = destination.reference != source.reference
    made = requests.move(
        source,
        Endpoint(destination.place, destination.reference, "" if renamed else kept),
        referrers=options.get("referrers") == "1",
        ref_name=request.ref_name,
    )
    if platforms:
        made = replace(
            made, options=tuple(sorted([*made.options, ("platforms", ",".join(sorted(platforms)))]))
        )
    _same(request, replace(made, platform=request.platform))
    words = ["copy"]
    for engine in engines:
        words += _engine(engine, terminal)
    words += _platform(request.platform)
    for name in platforms:
        words += _platform(Platform.parse(name))
    words += ["--referrers"] if "referrers" in options else []
    return [*words, _source(source, terminal), _destination(destination, terminal, request.ref_name)]


def _copy_tag(request: TransferRequest, terminal: Terminal) -> list[str]:
    """One platform of an index, in an index: ``--platform`` means this where a repository's tags are copied."""
    source, target = _named(request.source), _named(request.destination)
    options = dict(request.options)
    platform, referrers = Platform.parse(options.get("platforms", "")), options.get("referrers") == "1"
    _same(request, requests.copy(source, target, [platform], referrers=referrers))
    if source.tag is None or source.tag != target.tag or source.digest or target.digest:
        raise _NoLineError
    if source.name == target.name or not options.get("platforms"):
        raise _NoLineError
    words = ["copy", "--tags", source.tag, *_platform(platform), *(["--referrers"] if referrers else [])]
    return [*words, _registry(source.with_tag(None)), _registry(target.with_tag(None), written=True)]


def _index(request: TransferRequest, terminal: Terminal) -> list[str]:
    from longshore.transfers.index_parts import is_replacing, parts_of

    parts, replacing = parts_of(request), is_replacing(request)
    made = requests.index(parts, request.destination, replacing=replacing, ref_name=request.ref_name)
    _same(request, made)
    engines = {part.place for part in parts if isinstance(part.place, EnginePlace)}
    if len(engines) > 1:
        raise _NoLineError
    words = ["index", *(["--replace"] if replacing else [])]
    for engine in engines:
        words += _engine(engine, terminal)
    destination = _destination(request.destination, terminal, request.ref_name)
    # As ``places.end_of`` finds them, an engine's and the library's images have their ids.
    return [*words, destination, *(_source(part, terminal) for part in parts)]


def _build(request: TransferRequest, terminal: Terminal) -> list[str]:
    """The values of secret arguments are taken from the environment: a line must not contain them."""
    from longshore.application.build_options import build_words
    from longshore.transfers.builds import Build

    if request.operation is not Operation.BUILD:
        raise _NoLineError
    build = Build.of(request)
    options = build_words(build)
    if options is None:
        raise _NoLineError
    words = [*_engine(build.place, terminal), *options]
    words += ["--builder", build.builder] if build.builder else []
    return ["build", *words, *_platform(build.platform), _path(build.folder)]


def _same(asked: TransferRequest, made: TransferRequest) -> None:
    if asked != made:
        raise _NoLineError


# -- their words


def _engine(place: EnginePlace, terminal: Terminal, *, always: bool = False) -> list[str]:
    """The option that names the engine. *always*: also for the current one."""
    name = terminal.engine(place.address, always=always)
    if name is None:
        raise _NoLineError
    return ["--engine", name.context or name.url] if name.context or name.url else []


def _local(place: Place, terminal: Terminal) -> list[str]:
    """The option that selects an engine or the library as the source."""
    if isinstance(place, EnginePlace):
        return _engine(place, terminal)
    if isinstance(place, LibraryPlace) and place.path == terminal.library:
        return ["--from", "library"]
    raise _NoLineError


def _platform(platform: Platform | None) -> list[str]:
    if platform is None:
        return []
    if parse_known(str(platform)) != platform:
        raise _NoLineError
    return ["--platform", str(platform)]


def _named(end: Endpoint) -> Reference:
    """The reference of an end that is a registry and nothing but a reference."""
    if end.reference is None or end.place != RegistryPlace(end.reference.domain) or end.image_id:
        raise _NoLineError
    return end.reference


def _tagged(end: Endpoint) -> Reference:
    reference = _named(end)
    if reference != reference.with_default_tag():
        raise _NoLineError  # a line would add the tag
    return reference


def _typed(reference: Reference) -> str:
    """The reference as people type it, unless it would be read as something else."""
    for text in (reference.familiar, str(reference)):
        try:
            if Reference.parse_input(text) == reference:
                return text
        except LongshoreError:
            continue
    raise _NoLineError


def _target(reference: Reference) -> str:
    """The reference as a destination, where a word alone does not mean Docker Hub."""
    text = _typed(reference)
    return text if "/" in text else str(reference)


def _registry(reference: Reference, *, written: bool = False) -> str:
    """The word for a registry's image or repository where any place can be named. *written*: as a destination."""
    text = _target(reference) if written else _typed(reference)
    before, colon, _ = text.partition(":")
    return f"docker://{text}" if colon and before in _TRANSPORTS else text


def _image(end: Endpoint) -> str:
    """The word for an image of an engine or the library: its name, else its id."""
    if end.reference is not None:
        return _typed(end.reference)
    if not _ID.fullmatch(end.image_id):
        raise _NoLineError
    return end.image_id


def _path(path: Path) -> str:
    text = str(path.absolute())
    # A terminal acts on control characters, and a clipboard holds only Unicode.
    if not text.isprintable():
        raise _NoLineError
    return text


def _before_colon(path: Path) -> str:
    """The path where a name follows after a colon."""
    text = _path(path)
    if ":" in text:
        raise _NoLineError
    return text


def _in_layout(place: LibraryPlace | ArchivePlace, name: str, whole: str, terminal: Terminal) -> str:
    """The word for an image of the library, a layout or an archive. *name*: as people type it. Layouts are asked
    literally, so that they need the *whole* name."""
    if isinstance(place, ArchivePlace):
        name = name if place.format == "docker" else whole
        return f"{place.format}-archive:{_before_colon(place.path)}{name and f':{name}'}"
    if place.path == terminal.library:
        return f"library:{name}"
    return f"oci:{_before_colon(place.path)}:{whole}"


def _source(end: Endpoint, terminal: Terminal) -> str:
    match end.place:
        case RegistryPlace():
            return _registry(_tagged(end))
        case EnginePlace():
            return f"docker-daemon:{_image(end)}"
        case LibraryPlace() as place:
            whole = end.image_id if end.reference is None else str(end.reference)
            return _in_layout(place, _image(end), whole, terminal)
        case ArchivePlace() as place:
            if end.image_id:
                raise _NoLineError
            if end.reference is None:
                return _in_layout(place, "", "", terminal)
            return _in_layout(place, _typed(end.reference), str(end.reference), terminal)
        case FolderPlace():
            raise _NoLineError  # no command but build


def _destination(end: Endpoint, terminal: Terminal, ref_name: str) -> str:
    reference = end.reference
    if isinstance(end.place, RegistryPlace):
        return _registry(_tagged(end), written=True)
    if reference is None:
        if isinstance(end.place, ArchivePlace):
            return _in_layout(end.place, "", "", terminal)
        raise _NoLineError
    if reference.tag is None or reference.digest is not None:
        raise _NoLineError
    name = _typed(reference)
    if isinstance(end.place, FolderPlace):
        raise _NoLineError
    if isinstance(end.place, EnginePlace):
        return f"docker-daemon:{name}"
    if ref_name and (
        end.place == LibraryPlace(terminal.library) or end.place == ArchivePlace(end.place.path)
    ):
        raise _NoLineError  # the library's images, and those of docker's archives, have their whole names
    return _in_layout(end.place, name, ref_name or str(reference), terminal)
