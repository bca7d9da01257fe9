"""The layers of an engine's images and their sizes, from what its API reports. Pure: no I/O, any thread."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any

Json = Mapping[str, Any]

#: Instructions after ``#(nop)`` whose steps may be layers, even without bytes. Docker's WORKDIR makes one, Podman's
#: does not.
_MAKE_LAYERS = ("copy", "add", "workdir")
#: Most layers of an image; the engines allow about 125.
MOST_LAYERS = 1000
#: Rounds in which the sizes of compressed layers are fitted, and the difference that is good enough, as a share.
_ROUNDS = 200
_CLOSE = 0.00005
#: The size of a layer of an image whose history the engine cannot tell.
_NOT_TOLD = -1
#: The share of a store's content that may be others than the listed images'.
_NOISE = 0.01


@dataclass(frozen=True, slots=True)
class Layer:
    """One unpacked layer. *id*: unique in its store, and equal for equal layers on equal ones. *size*: in bytes.

    *diff_id*: the digest of its content.
    """

    id: str
    size: int
    diff_id: str = field(default="", compare=False)


def layers_of(image: Json, history: Iterable[object] | None) -> tuple[Layer, ...]:
    """The layers of an image from ``/images/NAME/json`` and ``/images/NAME/history``, the lowest first.

    Without a history, :func:`with_sizes` gives them their sizes.
    """
    diff_ids = _texts(_mapping(image.get("RootFS")).get("Layers"))[:MOST_LAYERS]
    folders = folders_of(image)
    if len(folders) != len(diff_ids):
        folders = chain_ids(diff_ids)
    if history is None:
        return tuple(
            Layer(folder, _NOT_TOLD, diff_id) for folder, diff_id in zip(folders, diff_ids, strict=True)
        )
    sizes = _sizes([step for step in history if isinstance(step, Mapping)], len(diff_ids))
    return tuple(map(Layer, folders, sizes, diff_ids))


def with_sizes(
    images: Mapping[str, tuple[Layer, ...]], wholes: Mapping[str, int]
) -> dict[str, tuple[Layer, ...]]:
    """The layers of *images*, where those without a size have that which another image knows.

    The rest of an image's size, of *wholes*, is that of its highest other layer: the sum is right.
    """
    known = {layer.id: layer.size for each in images.values() for layer in each if layer.size != _NOT_TOLD}
    for image_id, each in images.items():
        missing = [layer.id for layer in each if layer.id not in known]
        if missing:
            rest = wholes[image_id] - sum(known.get(layer.id, 0) for layer in each)
            known |= dict.fromkeys(missing, 0) | {missing[-1]: max(rest, 0)}
    return {
        image_id: tuple(
            replace(layer, size=known[layer.id]) if layer.size == _NOT_TOLD else layer for layer in each
        )
        for image_id, each in images.items()
    }


def chain_ids(diff_ids: Sequence[str]) -> list[str]:
    """The chain ids of layers (OCI image-spec, config.md, "Layer ChainID"), the lowest first."""
    found: list[str] = []
    for diff_id in diff_ids:
        if found:
            text = f"{found[-1]} {diff_id}"
            found.append(f"sha256:{hashlib.sha256(text.encode()).hexdigest()}")
        else:
            found.append(diff_id)
    return found


def folders_of(described: Json) -> list[str]:
    """The folders of the layers of an image or a container, the lowest first; none if its driver has none.

    Each layer of overlayfs is a folder of its own (``GraphDriver.Data``): the only name that containers have for the
    layers of an image that the engine has forgotten. A container's own layers are included.
    """
    data = _mapping(_mapping(described.get("GraphDriver")).get("Data"))
    upper, lower = data.get("UpperDir"), data.get("LowerDir")
    paths = [upper] if isinstance(upper, str) and upper else []
    paths += lower.split(":") if isinstance(lower, str) and lower else []
    return [PurePosixPath(path).parent.name for path in reversed(paths[: MOST_LAYERS + 2])]


def _sizes(history: Sequence[Json], count: int) -> list[int]:
    """The size of each of *count* layers from the steps of a history, the newest first.

    The API does not say which steps made a layer. All with a size did; of the others, those of instructions that make
    layers, if that gives the right number.
    """
    sizes = [_bytes(step.get("Size")) for step in reversed(history)]
    made = steps_with_layers(history, count)
    if made is not None:
        return [size for size, layer in zip(sizes, made, strict=True) if layer]
    sized = [size for size in sizes if size]
    # The bytes are right; only their layer may be a neighbour.
    if len(sized) > count:
        return [*sized[: count - 1], sum(sized[count - 1 :])] if count else []
    return [*sized, *[0] * (count - len(sized))]


def steps_with_layers(history: Sequence[Json], count: int) -> list[bool] | None:
    """Whether each step of *history* (the newest first) made one of *count* layers, the first step first.

    None if neither sizes nor instructions give that number.
    """
    steps = [(_bytes(step.get("Size")), str(step.get("CreatedBy") or "")) for step in reversed(history)]
    sized = [bool(size) for size, _ in steps]
    if sum(sized) == count:
        return sized
    made = [bool(size) or _makes_layer(text) for size, text in steps]
    return made if sum(made) == count else None


def _makes_layer(text: str) -> bool:
    """Whether a step may be a layer: ``COPY … # buildkit``, ``/bin/sh -c …`` or ``… #(nop) COPY …``."""
    _, marker, after = text[:400].partition("#(nop)")
    if marker:
        return after.strip().lower().startswith(_MAKE_LAYERS)
    words = text[:400].split(None, 1)
    return not words or words[0].lower() not in _METADATA


#: Instructions that only change the configuration, as BuildKit writes them in histories.
_METADATA = frozenset(
    (
        *("arg", "cmd", "entrypoint", "env", "expose", "healthcheck", "label", "maintainer"),
        *("onbuild", "shell", "stopsignal", "user", "volume"),
    )
)


@dataclass(slots=True)
class Content:
    """The compressed content of one platform's image in containerd's store.

    *digest*: of its manifest. *size*: of all of it, which the store reports. *layers*: of the image unpacked, if it is.
    """

    digest: str
    size: int
    layers: tuple[Layer, ...]


def content_sizes(contents: Sequence[Content], *, whole: int | None = None) -> dict[str, float]:
    """The estimated size of each layer's compressed content, by the layer's id, and of the rest by the manifest's.

    The store reports only the sum per image. The estimate keeps all sums (and *whole*, the size of all content, if it
    is known), and where they leave a choice, compresses layers of one image alike. Iterative proportional fitting:
    where the sums determine a size, it is right. Equal layers are assumed to be compressed once.
    """
    sums: list[tuple[list[str], int]] = []
    guesses: dict[str, list[float]] = {}
    for content in contents:
        unpacked = sum(layer.size for layer in content.layers)
        rest = min(_DOCUMENTS, content.size) if content.layers else content.size
        share = (content.size - rest) / unpacked if unpacked else 0.0
        own = {layer.id: layer.size * share for layer in content.layers}
        own[content.digest] = own.get(content.digest, 0.0) + rest
        for name, guess in own.items():
            guesses.setdefault(name, []).append(guess)
        sums.append((list(own), content.size))
    found = {name: sum(several) / len(several) for name, several in guesses.items()}
    _fit(found, sums)
    if whole is not None and abs(sum(found.values()) - whole) > _NOISE * whole:
        # The first ones are met least well: what else is in the store is counted, too.
        _fit(found, [(list(found), whole), *sums])
    return found


def _fit(found: dict[str, float], sums: Sequence[tuple[Sequence[str], int]]) -> None:
    """Change the sizes *found* in proportion until the *sums* are right, or nearly so."""
    for _ in range(_ROUNDS):
        worst = 0.0
        for names, wanted in sums:
            now = sum(found[name] for name in names)
            if now > 0:
                worst = max(worst, abs(wanted - now) / max(wanted, 1))
                for name in names:
                    found[name] *= wanted / now
        if worst < _CLOSE:
            return


#: The usual size of a manifest with a configuration, in bytes.
_DOCUMENTS = 2_000


def _mapping(value: object) -> Json:
    return value if isinstance(value, Mapping) else {}


def _texts(value: object) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _bytes(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**63 else 0
