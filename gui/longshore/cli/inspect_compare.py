"""``inspect --compare``: two images beside each other."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from longshore.application import places
from longshore.application.comparing.values import Side
from longshore.cli import exit_codes
from longshore.cli.output import Output
from longshore.cli.transfer_values import place_values
from longshore.errors import InvalidContent
from longshore.words import comparing as words
from longshore.words import text, transfers

if TYPE_CHECKING:
    from longshore.application.comparing.values import ComparedPackages, Comparison
    from longshore.application.inspection.values import Inspected
    from longshore.application.session import Session
    from longshore.transfers.transfer import Endpoint

HELP = """\
--compare shows OTHER at the right of REF: which layers both have, the lines of the configuration that differ, what a
pull of one fetches where the other is, and with --packages the packages of their SBOMs. Either may be in an engine, a
registry, the library or an archive.
"""
_SIGNS = {Side.BOTH: "=", Side.LEFT: "<", Side.RIGHT: ">"}


def add(parser: argparse.ArgumentParser) -> None:
    """Add the option to ``inspect``."""
    parser.add_argument("--compare", metavar="OTHER", help="compare with this image, which may be anywhere")


def run(session: Session, arguments: argparse.Namespace, output: Output, left: Endpoint) -> int:
    """Print the image at *left* beside the other one."""
    from longshore.application.comparing import reading
    from longshore.cancellation import Cancellation

    cancellation = Cancellation()
    right = places.end_of(places.parse_place(arguments.compare, session), session)
    found = reading.read(left, right, session.clients, cancellation, arguments.platform)
    packages, unread = None, None
    if arguments.packages:
        try:
            packages = reading.read_packages(found, session.clients, cancellation)
        except InvalidContent as error:
            unread = error
    output.record("comparison", values(found, packages, secrets=arguments.show_secrets))
    for line in lines(found, packages, secrets=arguments.show_secrets):
        output.line(line)
    if unread is not None:
        output.error(unread)
        return exit_codes.SOME_FAILED
    return exit_codes.DONE


def values(found: Comparison, packages: ComparedPackages | None, *, secrets: bool) -> dict[str, Any]:
    """A comparison in JSON. Bytes are compressed; null: not known. Equal lines of the configuration are in it, too."""
    return {
        "left": _image(found.left),
        "right": _image(found.right),
        "same": found.same,
        "fetch_left": found.fetch_left,
        "fetch_right": found.fetch_right,
        "layers": [
            {
                "digest": one.layer.digest or None,
                "diff_id": one.layer.diff_id or None,
                "size_compressed": one.layer.size,
                "side": one.side.value,
            }
            for one in found.layers
        ],
        "lines": [
            {
                "kind": one.kind.value,
                "name": one.name or None,
                "left": one.shown(secrets=secrets)[0],
                "right": one.shown(secrets=secrets)[1],
                "same": one.same,
            }
            for one in found.lines
        ],
        "packages": None
        if packages is None or packages.missing is not None
        else [
            {"name": one.name, "type": one.type or None, "left": list(one.left), "right": list(one.right)}
            for one in packages.packages
        ],
        "without_sbom": None if packages is None or packages.missing is None else packages.missing.value,
    }


def _image(found: Inspected) -> dict[str, Any]:
    return {
        **place_values(found.end.place),
        "reference": None if found.end.reference is None else str(found.end.reference),
        "digest": found.digest or None,
        "image_id": found.image_id or None,
        "platform": None if found.platform is None else str(found.platform),
        "artifact_type": found.artifact_type or None,
        "size_compressed": found.size_compressed,
    }


def lines(found: Comparison, packages: ComparedPackages | None, *, secrets: bool) -> Iterator[str]:
    """A comparison for people: only what differs, and all layers."""
    for name, one in (("Left", found.left), ("Right", found.right)):
        about = "  ".join(filter(None, (words.what(one), text.short_digest(one.digest or one.image_id))))
        shown = transfers.image_name(one.end) or transfers.end_text(one.end, is_source=True)
        yield f"{name:<6} {shown}  {about}".rstrip()
    yield ""
    yield words.verdict(found)
    for where in (Side.RIGHT, Side.LEFT):
        yield words.fetched(found, where)
    if found.layers:
        yield ""
        yield "Layers (= both, < only left, > only right)"
        for layer, where in found.layers:
            size = "" if layer.size is None else text.size(layer.size)
            yield f"  {_SIGNS[where]} {text.short_digest(layer.name)}  {size}".rstrip()
    changed = [line for line in found.lines if not line.same]
    if changed:
        yield ""
        yield "Configuration"
    for line in changed:
        yield f"  {' '.join(filter(None, (words.group_name(line.kind), words.line_name(line))))}"
        mine, theirs = line.shown(secrets=secrets)
        if mine is not None:
            yield f"    < {words.value(mine)}"
        if theirs is not None:
            yield f"    > {words.value(theirs)}"
    if packages is not None:
        yield from _package_lines(packages)


def _package_lines(found: ComparedPackages) -> Iterator[str]:
    yield ""
    if reason := words.no_packages(found):
        yield reason
        return
    changed = [one for one in found.packages if not one.same]
    yield f"Packages: {len(found.packages) - len(changed):,} the same, {len(changed):,} different"
    for one in changed:
        mine, theirs = (", ".join(side) or "–" for side in (one.left, one.right))
        yield f"  {text.safe(one.name, 200)}  {text.safe(mine, 200)} → {text.safe(theirs, 200)}"
