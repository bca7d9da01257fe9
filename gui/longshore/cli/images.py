"""``images``: what the left pane of the window shows."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from longshore.application.name_patterns import matches
from longshore.application.requests import LocalPlace
from longshore.application.stores import open_store
from longshore.cli import exit_codes
from longshore.cli.output import Output
from longshore.cli.transfer_values import place_values
from longshore.naturalsort import natural_key
from longshore.oci.local_image import LocalImage
from longshore.transfers.transfer import EnginePlace, LibraryPlace
from longshore.words import text, times

if TYPE_CHECKING:
    from longshore.application.session import Session

_NONE = "<none>"
_EPILOG = """\
A pattern is compared with the repository and with repository:tag: alpine, 'ghcr.io/*', '*:1.*'; ! excludes.

SIZE is on disk for an engine, and compressed for the library. --json has both as size_on_disk and size_compressed.
--quiet prints what other commands take: the reference, or the full ID of an image without one.

examples:
  longshore images
  longshore images --from library 'ghcr.io/*' '!*:*-rc*'
  longshore images --quiet 'registry.example:5000/*' | xargs -n 1 longshore push
"""


def add(command: str, parser: argparse.ArgumentParser) -> None:
    """See ``parser.Group``."""
    parser.epilog = _EPILOG
    parser.add_argument(
        "patterns", metavar="NAME-PATTERN", nargs="*", help="only images whose name matches (default: all)"
    )
    parser.add_argument(
        "--from",
        dest="source",
        choices=("engine", "library"),
        default="engine",
        help="where they are (default: the engine)",
    )
    parser.add_argument("--digests", action="store_true", help="also the digest that registries know")
    parser.set_defaults(run=images)


def images(session: Session, arguments: argparse.Namespace, output: Output) -> int:
    """Run ``longshore images``."""
    place: LocalPlace = session.library() if arguments.source == "library" else session.engine()
    session.check_engines()
    found = [
        image
        for image in sorted(open_store(place, session.clients).images(), key=_order)
        if matches(arguments.patterns, *_names(image))
    ]
    for image in found:
        output.record("image", image_values(image, place))
    if output.quiet:
        for image in found:
            output.result(image.name.copied)
        return exit_codes.DONE
    header = [
        "REPOSITORY",
        "TAG",
        *(["DIGEST"] if arguments.digests else []),
        "IMAGE ID",
        "CREATED",
        "SIZE",
        "IN USE",
    ]
    if isinstance(place, LibraryPlace):
        header.remove("IN USE")
    spare = [header.index(column) for column in ("IN USE", "CREATED", "SIZE") if column in header]
    names = [column for column, name in enumerate(header) if name in ("REPOSITORY", "TAG", "DIGEST")]
    output.table(header, [_cells(image, header) for image in found], elided=names, spare=spare)
    return exit_codes.DONE


def image_values(image: LocalImage, place: LocalPlace) -> dict[str, Any]:
    """An image in JSON. Sizes in bytes."""
    from longshore.application.inspection.secrets import masked

    reference, on_engine = image.reference, isinstance(place, EnginePlace)
    return {
        **place_values(place),
        "reference": None if reference is None else str(reference),
        "repository": None if reference is None else reference.name,
        "tag": None if reference is None else reference.tag,
        "image_id": image.image_id,
        "digest": digest_of(image) or None,
        "created": None if image.created is None else times.aware(image.created).isoformat(),
        "size_on_disk": image.size if on_engine else None,
        "size_compressed": None if on_engine else image.size,
        "containers": image.in_use if on_engine else None,
        "labels": {name: masked(name, value) for name, value in dict(image.labels).items()},
    }


def digest_of(image: LocalImage) -> str:
    """The digest by which the registry of its name knows *image*, as far as its place knows it; otherwise ""."""
    reference = image.reference
    if reference is None:
        return ""
    named = [name.rpartition("@") for name in image.repo_digests]
    own = [digest for name, _, digest in named if name in (reference.name, reference.familiar_name)]
    return reference.digest or next(iter(own), "")


def _order(image: LocalImage) -> tuple[Any, ...]:
    """As in the window: images with a name first, by repository and natural tag."""
    reference = image.reference
    repository = "" if reference is None else reference.familiar_name
    tag = "" if reference is None else reference.tag or ""
    return (reference is None, repository.casefold(), natural_key(tag), image.image_id)


def _names(image: LocalImage) -> list[str]:
    """The names that patterns match: short and in full, without and with the tag."""
    reference = image.reference
    if reference is None:
        return [_NONE]
    return [reference.familiar_name, reference.familiar, reference.name, str(reference)]


def _cells(image: LocalImage, header: list[str]) -> list[str]:
    reference = image.reference
    cells = {
        "REPOSITORY": _NONE if reference is None else text.safe(reference.familiar_name),
        "TAG": _NONE if reference is None else reference.tag or _NONE,
        "DIGEST": digest_of(image) or _NONE,
        "IMAGE ID": image.name.short,
        "CREATED": times.age(image.created),
        "SIZE": text.size(image.size),
        "IN USE": text.containers(image.in_use),
    }
    return [cells[column] for column in header]
