"""``inspect --files`` and ``--save-file``: the files of an image."""

from __future__ import annotations

import argparse
import itertools
import os
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from longshore.cli import exit_codes
from longshore.cli.output import Output, error_values, padded
from longshore.cli.streams import report
from longshore.cli.transfer_values import place_values
from longshore.errors import InvalidInput, LongshoreError, NotInImage
from longshore.text import plain

if TYPE_CHECKING:
    from longshore.application.files.layers import Cost, Layers, Stage, Told
    from longshore.application.files.looking import ImageFiles
    from longshore.application.files.tree import View
    from longshore.application.session import Session
    from longshore.cancellation import Cancellation
    from longshore.transfers.transfer import Endpoint

EPILOG = """\
--files lists the files without pulling the image into an engine: the layers of an image in a registry are downloaded
into the library, and nothing is unpacked. Files that a later layer removes are listed too, with that layer.
Paths may begin with a slash, as they must where a name begins with a dash: /-x.
"""
EXAMPLES = """\
  longshore inspect alpine --files --path /etc
  longshore inspect alpine --files --find '*.conf' --json
  longshore inspect oci-archive:app.tar --save-file /etc/os-release os-release
"""
#: Lines that are written at once.
_BATCH = 500
#: Seconds between two reports of how far the reading is.
_EVERY = 0.2
_CLEARED = "\r\x1b[K"
_CHANGES = {1: "added", 2: "changed", 3: "removes", 4: "replaces"}
_TYPES = ("folder", "file", "symlink", "hard_link", "device", "pipe", "whiteout", "sparse", "other")
_ODDITIES = {
    1: "outside",
    2: "too_long",
    3: "repeated",
    4: "no_target",
    5: "no_whiteout",
    6: "unprintable",
}


def add_options(parser: argparse.ArgumentParser, which: argparse._MutuallyExclusiveGroup) -> None:
    """Add the options to those of ``inspect``. *which*: of the options that print something else."""
    which.add_argument("--files", action="store_true", help="list the files in its layers")
    which.add_argument(
        "--save-file",
        metavar=("PATH", "DEST"),
        nargs=2,
        help="save one regular file of the image as the new file DEST",
    )
    parser.add_argument(
        "--path", metavar="PATH", help="with --files: only this file, or what is in this folder"
    )
    parser.add_argument(
        "--find",
        metavar="PATTERN",
        help="with --files: only names that contain this, or match it if it has * or ?; with a slash, paths",
    )
    parser.add_argument(
        "--layer",
        metavar="N",
        type=int,
        help="with --files, --save-file: as in the Nth layer, counted from 1",
    )


def asked(arguments: argparse.Namespace) -> bool:
    """Whether files are asked for. Raises InvalidInput for options that belong to files without them."""
    wanted = bool(arguments.files or arguments.save_file)
    for option in ("path", "find"):
        if getattr(arguments, option) is not None and not arguments.files:
            raise InvalidInput("This option needs --files.", subject=f"--{option}")
    if arguments.layer is not None and not wanted:
        raise InvalidInput("This option needs --files or --save-file.", subject="--layer")
    return wanted


def run(session: Session, arguments: argparse.Namespace, end: Endpoint, output: Output) -> int:
    """List the files of the image at *end*, or save one of them."""
    from longshore.application.files.cache import NameCache
    from longshore.application.files.looking import cost_of, read_files
    from longshore.application.files.opening import open_layers
    from longshore.cli.interrupting import cancelled_by_signal

    destination = _destination(arguments)
    cache = NameCache(session.folders.cache)
    session.limit_copies()
    with (
        cancelled_by_signal(also_ended=True) as cancellation,
        closing(
            open_layers(
                end, session.clients, session.library().path, cancellation, platform=arguments.platform
            )
        ) as layers,
    ):
        _tell_cost(cost_of(layers, cache), end, output)
        with _progress(output) as told:
            files = read_files(layers, cache, cancellation, told)
        for number, error in sorted(files.problems.items()):
            _tell_problem(number, error, output)
        view = _view(files, arguments.layer)
        if destination is not None:
            return _save(layers, files, view, arguments.save_file[0], destination, cancellation, output)
        _list(files, view, arguments, end, cancellation, output)
    return exit_codes.SOME_FAILED if files.problems else exit_codes.DONE


def _destination(arguments: argparse.Namespace) -> Path | None:
    """The absolute path of the file to write; None without one. Raises InvalidInput if it exists."""
    if not arguments.save_file:
        return None
    path = Path(arguments.save_file[1]).absolute()
    if os.path.lexists(path):
        raise InvalidInput("The file exists.", subject=str(path), advice="Choose another name.")
    return path


def _tell_cost(cost: Cost, end: Endpoint, output: Output) -> None:
    from longshore.words.files import cost_text
    from longshore.words.tag_history import place_text

    output.record(
        "files_cost",
        {
            "layers": cost.layers,
            "known": cost.known,
            "way": cost.way.value,
            "size": cost.size,
            "host": cost.host or None,
        },
    )
    if not (output.as_json or output.quiet) and cost.known < cost.layers:
        report(f"{cost_text(cost, place_text(end.place))}\n")


def _tell_problem(number: int, error: LongshoreError, output: Output) -> None:
    from longshore.words.files import problem_text

    output.warning(problem_text(number, " ".join(filter(None, (error.message, error.detail)))))


@contextmanager
def _progress(output: Output) -> Iterator[Told]:
    """Yield a function that shows how far the reading is, on a terminal."""
    from longshore.words.files import stage_text

    if not output.live:
        yield lambda stage, done, total: None
        return
    lock = threading.Lock()
    latest = 0.0

    def told(stage: Stage, done: int, total: int) -> None:
        nonlocal latest
        with lock:
            now = time.monotonic()
            if now - latest >= _EVERY:
                latest = now
                report(f"{_CLEARED}{stage_text(stage, done, total)}")

    try:
        yield told
    finally:
        report(_CLEARED)


def _view(files: ImageFiles, number: int | None) -> View:
    """The merged files, or those of one layer. Raises InvalidInput for a layer that the image does not have."""
    if number is None:
        return files.merged.view
    if not 0 < number <= len(files.layers):
        raise InvalidInput(
            "The image has no such layer.", subject=str(number), advice=f"It has {len(files.layers)}."
        )
    view = files.merged.views[number - 1]
    if view is None:
        raise files.problems[number]
    return view


def _node(view: View, path: str) -> int:
    node = view.tree.find(path)
    if node is None:
        raise NotInImage(
            "The image has no such file.", subject=plain(path, 400), advice="List the files with --files."
        )
    return node


def _save(
    layers: Layers,
    files: ImageFiles,
    view: View,
    path: str,
    destination: Path,
    cancellation: Cancellation,
    output: Output,
) -> int:
    from longshore.application.files.saving import save_file, stored_file

    stored = stored_file(files, view, _node(view, path))
    with _progress(output) as told:
        save_file(layers, stored, destination, cancellation, told)
    output.record(
        "saved_file",
        {
            "path": stored.path,
            "layer": stored.layer.number,
            "size": stored.size,
            "destination": str(destination),
        },
    )
    output.result(str(destination))
    return exit_codes.DONE


def _list(
    files: ImageFiles,
    view: View,
    arguments: argparse.Namespace,
    end: Endpoint,
    cancellation: Cancellation,
    output: Output,
) -> None:
    from longshore.application.files.finding import find
    from longshore.words.files import odd_text, totals_text

    top = 0 if arguments.path is None else _node(view, arguments.path)
    nodes = view.tree.walk(top) if arguments.find is None else find(view, arguments.find, cancellation, top)
    nodes = (node for node in nodes if node)
    if output.as_json:
        for node in nodes:
            output.record("file", _values(view, node))
        output.record("files", _summary(files, end))
        return
    if output.quiet:
        nodes = (node for node in nodes if not view.hidden_by[node])
    else:
        output.line(_line("Mode", "Size", "Layer", "Change", "Name"))
    while batch := list(itertools.islice(nodes, _BATCH)):
        cancellation.raise_if_cancelled()
        output.result("\n".join(_text(view, node, quiet=output.quiet) for node in batch))
    output.line("")
    for line in (totals_text(files.merged.totals), odd_text(files.merged.totals.odd)):
        if line:
            output.line(line)


def _text(view: View, node: int, *, quiet: bool) -> str:
    from longshore.words import files as words
    from longshore.words import text

    path = words.shown_name(view.tree.path(node), 4000)
    if quiet:
        return path
    target = words.target_text(view.tree, node)
    name = f"{path} -> {target}" if target else path
    if oddity := words.oddity_text(view.tree, node):
        name = f"{name}  ({oddity})"
    layer = view.same[node]
    return _line(
        words.mode_text(view, node),
        text.size(view.totals[node]),
        str(layer) if layer else "",
        words.change_text(view, node),
        name,
    )


def _line(mode: str, size: str, layer: str, change: str, name: str) -> str:
    return f"{mode:<10}  {size:>8}  {layer:>5}  {padded(change, 20)}  {name}".rstrip()


def _values(view: View, node: int) -> dict[str, Any]:
    """A file in JSON."""
    tree = view.tree
    return {
        "path": tree.path(node),
        "type": _TYPES[tree.kinds[node]],
        "mode": f"{tree.modes[node]:04o}",
        "size": view.totals[node],
        "target": tree.targets.get(node),
        "layer": view.layers[node],
        "change": _CHANGES.get(view.changes[node]),
        "hidden_by": view.hidden_by[node] or None,
        "oddity": _ODDITIES.get(tree.oddities.get(node, 0)),
    }


def _summary(files: ImageFiles, end: Endpoint) -> dict[str, Any]:
    totals = files.merged.totals
    return {
        **place_values(end.place),
        "reference": None if end.reference is None else str(end.reference),
        "files": totals.files,
        "folders": totals.folders,
        "links": totals.links,
        "others": totals.others,
        "size": totals.size,
        "hidden": totals.hidden,
        "oddities": totals.odd,
        "layers": [
            {
                "number": layer.number,
                "digest": layer.digest or None,
                "diff_id": layer.diff_id or None,
                "size_compressed": layer.size,
                "size": None if view is None else view.totals[0],
                "error": error_values(files.problems[layer.number])
                if layer.number in files.problems
                else None,
            }
            for layer, view in zip(files.layers, files.merged.views, strict=True)
        ],
    }
