"""Looks into the file system of an image: what that costs, and its files in all layers."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from longshore.application.files.cache import NameCache
from longshore.application.files.layer_tar import LayerTar, read_tree
from longshore.application.files.layers import Cost, ImageLayer, Layers, Told
from longshore.application.files.merging import Merged, merge
from longshore.application.files.tree import Tree
from longshore.cancellation import Cancellation
from longshore.errors import DigestMismatch, InvalidLayer, LongshoreError


@dataclass(frozen=True, slots=True)
class ImageFiles:
    """The files of an image. *problems*: the layers that could not be read, by their number; the others are merged
    without them. Any thread may read it."""

    layers: tuple[ImageLayer, ...]
    merged: Merged
    problems: dict[int, LongshoreError]


def cost_of(layers: Layers, cache: NameCache) -> Cost:
    """What it takes to list the files: at most, because half of a layer may be here. Blocks briefly."""
    wanted = _unknown(layers, cache)
    way, size, host = layers.cost(wanted)
    return Cost(len(layers.names), len(layers.names) - len(wanted), way, size, host)


def read_files(
    layers: Layers,
    cache: NameCache,
    cancellation: Cancellation,
    told: Told = lambda stage, done, total: None,
) -> ImageFiles:
    """The files of the image. Blocks; a layer that is known is not read.

    Raises LongshoreError if a place or its answers are at fault, Cancelled. A layer that is damaged or hostile is one
    of the problems.
    """
    trees: dict[str, Tree] = {}
    problems = {one.number: one.problem for one in layers.names if one.problem is not None}
    wanted: dict[str, ImageLayer] = {}
    for one in layers.names:
        if one.key in trees or one.key in wanted or one.problem is not None:
            continue
        known = cache.get(one.key)
        if known is None:
            wanted[one.key] = one
        else:
            trees[one.key] = known
        cancellation.raise_if_cancelled()
    failed: dict[str, LongshoreError] = {}
    if wanted:
        _read(layers, wanted, trees, failed, cache, cancellation, told)
    for one in layers.names:
        if one.key in failed:
            problems[one.number] = failed[one.key]
    merged = merge([trees.get(one.key) for one in layers.names], cancellation)
    return ImageFiles(layers.names, merged, problems)


def _read(
    layers: Layers,
    wanted: dict[str, ImageLayer],
    trees: dict[str, Tree],
    failed: dict[str, LongshoreError],
    cache: NameCache,
    cancellation: Cancellation,
    told: Told,
) -> None:
    """Fill *trees* and *failed* with all of *wanted*."""
    nameless: list[LongshoreError] = []
    with contextlib.closing(layers.streams(list(wanted.values()), told, cancellation)) as streams:
        for one, chunks in streams:
            subject = "" if one is None else one.key
            tar = LayerTar(chunks, cancellation=cancellation, subject=subject)
            try:
                tree = read_tree(tar, subject)
            except InvalidLayer as error:
                if one is None:
                    nameless.append(error)
                else:
                    failed[one.key] = error
                continue
            key = tar.diff_id if one is None or one.diff_id else one.digest
            if one is not None and key != one.key:
                failed[one.key] = other_content(one, key)
                continue
            cache.put(key, tree)
            if key in wanted:
                trees[key] = tree
            if wanted.keys() <= trees.keys():
                break  # an engine sends more than the layers
    lost = iter(nameless)
    for key in wanted:
        if key not in trees and key not in failed:
            failed[key] = next(lost, None) or _not_sent(key)


def _unknown(layers: Layers, cache: NameCache) -> list[ImageLayer]:
    """The layers whose names are not kept, each content once."""
    found = {one.key: one for one in layers.names if one.problem is None}
    return [one for key, one in found.items() if not cache.has(key)]


def other_content(layer: ImageLayer, found: str) -> LongshoreError:
    """The error for a layer whose content is not what the image's configuration says."""
    return DigestMismatch(
        "The layer is not the one that the image's configuration names. Engines refuse such an image.",
        subject=layer.key,
        detail=f"its uncompressed content is {found}",
    )


def _not_sent(key: str) -> LongshoreError:
    return InvalidLayer("The engine did not send this layer.", subject=key, advice="Try again.")
