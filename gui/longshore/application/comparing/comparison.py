"""Compares two images that were inspected. Pure; any thread."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from longshore.application.comparing.values import (
    ComparedLayer,
    ComparedPackage,
    Comparison,
    ConfigLine,
    LineKind,
    Side,
)
from longshore.application.inspection.secrets import environment
from longshore.application.inspection.sharing import present_layers
from longshore.transfers.transfer import EnginePlace

if TYPE_CHECKING:
    from longshore.application.attached.sboms import Package
    from longshore.application.inspection.values import Inspected, Layer

#: Most lines of a configuration that are compared; no real image has as many.
MOST_LINES = 5_000
#: Settings that have lines of their own, as manifests and engines write them.
_SETTINGS_SHOWN = frozenset(
    {
        *("architecture", "os", "variant", "os.version", "created", "author", "config"),
        *("config.entrypoint", "config.cmd", "config.user", "config.workingdir", "config.exposedports"),
        *("config.volumes", "config.healthcheck", "config.stopsignal", "config.shell", "config.onbuild"),
        *("config.argsescaped", "config.stoptimeout"),
    }
)


def compare(left: Inspected, right: Inspected, *, counted: bool = False) -> Comparison:
    """Compare *left* with *right*. *counted*: see :class:`Comparison`."""
    return Comparison(
        left,
        right,
        _same(left, right),
        tuple(_layers(left, right)),
        tuple(_lines(left, right)),
        missing_bytes(left, right),
        missing_bytes(right, left),
        counted,
    )


def _same(left: Inspected, right: Inspected) -> bool:
    for mine, theirs in (
        (left.digest, right.digest),
        (left.manifest_digest, right.manifest_digest),
        (left.config_digest or left.image_id, right.config_digest or right.image_id),
    ):
        if mine and mine == theirs:
            return True
    return False


def missing_bytes(wanted: Inspected, there: Inspected) -> int | None:
    """The compressed bytes that a pull of *wanted* fetches where *there* is: its layers that are not in *there*, and
    its configuration unless that is the same. None if a size is not known, as in an engine, or what *there* has."""
    if _same(wanted, there):
        return 0
    if wanted.size_compressed is None:
        return None
    sizes: dict[str, int] = {}
    missing: set[str] = set()
    for layer, here in zip(wanted.layers, _present(wanted, there), strict=True):
        if layer.size is None or here is None:
            return None
        sizes[layer.name] = layer.size
        if not here:
            missing.add(layer.name)
    configuration = max(wanted.size_compressed - sum(sizes.values()), 0)
    return sum(sizes[name] for name in missing) + configuration


def _present(wanted: Inspected, there: Inspected) -> tuple[bool | None, ...]:
    """Whether a place with *there* has each layer of *wanted*: engines know unpacked layers, others compressed ones."""
    if isinstance(there.end.place, EnginePlace):
        return present_layers(wanted, there)
    digests = {layer.digest for layer in there.layers}
    return tuple(layer.digest in digests if layer.digest else None for layer in wanted.layers)


def _layers(left: Inspected, right: Inspected) -> Iterator[ComparedLayer]:
    """The layers of *left* in their order, and those that only *right* has behind the layer that they lie on."""
    theirs: dict[str, int] = {}
    for number, layer in enumerate(right.layers):
        for name in filter(None, (layer.digest, layer.diff_id)):
            theirs.setdefault(name, number)
    shared: dict[int, int] = {}  # numbers of the right's layers to those of the left's
    in_right: set[int] = set()
    for number, layer in enumerate(left.layers):
        found = theirs.get(layer.digest) if layer.digest else None
        if found is None and layer.diff_id:
            found = theirs.get(layer.diff_id)
        if found is not None:
            shared.setdefault(found, number)
            in_right.add(number)
    digests = {name for layer in left.layers for name in (layer.digest, layer.diff_id) if name}
    behind: dict[int, list[ComparedLayer]] = {}
    below = -1
    for number, layer in enumerate(right.layers):
        if number in shared:
            below = shared[number]
        elif not digests.intersection((layer.digest, layer.diff_id)):
            behind.setdefault(below, []).append(ComparedLayer(layer, Side.RIGHT))
    yield from behind.get(-1, ())
    for number, layer in enumerate(left.layers):
        yield ComparedLayer(_known_best(layer, right), Side.BOTH if number in in_right else Side.LEFT)
        yield from behind.get(number, ())


def _known_best(layer: Layer, right: Inspected) -> Layer:
    """*layer*, or the same one of *right* if only that one has a size: an engine reports no compressed sizes."""
    if layer.size is not None or not layer.diff_id:
        return layer
    return next((one for one in right.layers if one.diff_id == layer.diff_id), layer)


# -- the configuration


def _lines(left: Inspected, right: Inspected) -> Iterator[ConfigLine]:
    mine, theirs = _values(left), _values(right)
    if EnginePlace in (type(left.end.place), type(right.end.place)):
        # An engine returns a document of its own, with other names.
        mine, theirs = (
            {key: value for key, value in one.items() if key[0] is not LineKind.SETTING}
            for one in (mine, theirs)
        )
    order = {kind: number for number, kind in enumerate(LineKind)}
    keys = sorted({*mine, *theirs}, key=lambda key: (order[key[0]], key[1]))
    for kind, name in keys[:MOST_LINES]:
        yield ConfigLine(kind, name, mine.get((kind, name)), theirs.get((kind, name)))


def _values(found: Inspected) -> Mapping[tuple[LineKind, str], str]:
    """All that the configuration says, by line; what is empty is left out."""
    run = found.run
    plain = {
        LineKind.TYPE: found.artifact_type,
        LineKind.PLATFORM: "" if found.platform is None else str(found.platform),
        LineKind.PLATFORMS: _platforms(found),
        LineKind.CREATED: "" if found.created is None else found.created.isoformat(" ", "seconds"),
        LineKind.AUTHOR: found.author,
        LineKind.ENTRYPOINT: shlex.join(run.entrypoint),
        LineKind.COMMAND: shlex.join(run.command),
        LineKind.USER: run.user,
        LineKind.WORKING_DIRECTORY: run.working_directory,
        LineKind.PORTS: _joined(run.ports),
        LineKind.VOLUMES: _joined(run.volumes),
        LineKind.HEALTH_CHECK: "" if run.health_check is None else shlex.join(run.health_check.test),
        LineKind.STOP_SIGNAL: run.stop_signal,
        LineKind.SHELL: shlex.join(run.shell),
        LineKind.ON_BUILD: "\n".join(run.on_build),
    }
    out = {(kind, ""): value for kind, value in plain.items() if value}
    named: tuple[tuple[LineKind, Iterable[tuple[str, str]]], ...] = (
        (LineKind.VARIABLE, environment(run.environment, secrets=True)),
        (LineKind.LABEL, found.labels),
        (LineKind.ANNOTATION, found.annotations),
        (LineKind.SETTING, ((n, v) for n, v in found.settings if n.lower() not in _SETTINGS_SHOWN)),
    )
    for kind, pairs in named:
        for name, value in pairs:
            if len(out) < MOST_LINES:
                out[kind, name] = value
    return out


def _platforms(found: Inspected) -> str:
    """The platforms of an index with several; one alone is the image's, which has its own line."""
    named = [str(one.platform) for one in found.platforms if one.platform is not None]
    return _joined(named) if len(named) > 1 else ""


def _joined(parts: Iterable[str]) -> str:
    return ", ".join(sorted(set(parts)))


# -- packages


def compare_packages(left: Sequence[Package], right: Sequence[Package]) -> tuple[ComparedPackage, ...]:
    """The packages of both, by name and type."""
    versions: dict[tuple[str, str], tuple[set[str], set[str]]] = {}
    for side, packages in enumerate((left, right)):
        for one in packages:
            versions.setdefault((one.name, one.type), (set(), set()))[side].add(one.version)
    return tuple(
        ComparedPackage(name, kind, tuple(sorted(mine)), tuple(sorted(theirs)))
        for (name, kind), (mine, theirs) in sorted(versions.items())
    )
