"""What an engine's images take on its disk, layer by layer.

All facts were tried on Docker 20.10 and 28.5 (classic store), Docker 28.5 (containerd's store) and Podman 5.8.

- Removals free at once on all of them; containerd collects its garbage before the response. A layer goes with the
  last image that has it.
- ``LayersSize`` leaves out the layers of a container whose image was removed by force (classic store).
- ``/system/df`` and ``shared-size`` report what each image shares, but not with which others. So layers are read:
  two short requests per image, remembered, because an image never changes.
- Untagged parents from the classic builder are not shown. They have no layers that their children lack, and go with
  the last child. In containerd's store one that had a tag stays, and is shown from then on.
- BuildKit's cache keeps layers when the image is gone. ``/system/df`` lists its records and whether images share
  them, but not which layers they are: their sizes tell.
- containerd's store has each layer unpacked and compressed. The API reports the compressed size per image only. From
  ``shared-size`` it leaves out the compressed part. BuildKit's cache keeps the compressed part of what it built, and
  both parts of what it pulled. An image that was loaded when all its layers were unpacked already does not keep them
  (Docker 28.5), which the API does not show.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from longshore.engine.documents import read_document, read_history
from longshore.engine.layer_sizes import Content, Layer, content_sizes, folders_of, layers_of, with_sizes
from longshore.engine.model import ImageStore
from longshore.errors import EngineFailure
from longshore.oci.disk_usage import DiskUsage
from longshore.side_by_side import ask_all

if TYPE_CHECKING:
    from longshore.cancellation import Cancellation
    from longshore.engine.client import Client

Json = Mapping[str, Any]

#: Seconds for everything, and for ``/system/df`` alone: before API 1.42 it also measures volumes, which may take long.
SECONDS = 120.0
DF_SECONDS = 20.0
#: Images that are asked about side by side.
_ASKERS = 4
#: Images whose layers are remembered.
_REMEMBERED = 4000
#: Bytes of the largest response.
LARGEST = 64 << 20
#: Seconds for which what an older engine says about BuildKit's cache is good enough.
_OLD_DF_SECONDS = 300.0
#: The API version from which ``/system/df`` can be asked for images alone.
_DF_BY_TYPE = (1, 42)
#: How near the size of a record of BuildKit's cache is to the layer that it keeps, as a share.
_NEAR = 0.05


@dataclass(frozen=True, slots=True)
class _CacheRecord:
    """A record of BuildKit's cache that images share. *pulled*: otherwise it was built."""

    size: int
    pulled: bool


@dataclass(frozen=True, slots=True)
class _Beside:
    """What an engine has besides the layers of its images.

    *counted*: the size of all images as it counts it. *records*: what BuildKit's cache shares with images. *cache*,
    *containers*: whether there are any. *held*: layers of containers whose image is gone.
    """

    counted: int | None
    records: list[_CacheRecord]
    cache: bool
    containers: bool
    held: frozenset[str]


class UsageReader:
    """Reads the usage of one engine. Thread-safe. Remembers the layers of images."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[str, int], tuple[Layer, ...]] = OrderedDict()
        #: What an old engine's ``/system/df`` said, and when it is too old.
        self._cache: tuple[float, list[Json]] | None = None

    def read(
        self,
        client: Client,
        df: Client,
        store: ImageStore,
        version: str,
        cancellation: Cancellation,
        *,
        counting: bool = True,
    ) -> DiskUsage:
        """The usage now. *df*: a client with less time. *version*: of the API. Raises as Client, and Cancelled.

        *counting*: also what the engine itself counts, which takes containerd's store a second per fifty images.
        """
        until = time.monotonic() + SECONDS
        containerd = store is ImageStore.CONTAINERD
        query = {"manifests": "1", "all": "1"} if containerd else {}
        listed = _rows(client, **query)
        rows = _shown(listed) if containerd else listed
        layers = self._all_layers(client, listed, until, cancellation)
        found = _beside(client, self._disk_use(df, _number(version), counting), rows, until)
        if containerd:
            return _containerd_usage(rows, listed, layers, found)
        return _layered_usage(layers, found)

    def diff_ids(
        self, client: Client, store: ImageStore, cancellation: Cancellation
    ) -> dict[str, tuple[str, ...]]:
        """The diff ids of all images, by the images' ids, the lowest first. Raises as :meth:`read`."""
        until = time.monotonic() + SECONDS
        listed = _rows(client, **({"manifests": "1"} if store is ImageStore.CONTAINERD else {}))
        layers = self._all_layers(client, listed, until, cancellation)
        return {image_id: tuple(layer.diff_id for layer in each) for image_id, each in layers.items()}

    def _all_layers(
        self, client: Client, rows: Mapping[str, Json], until: float, cancellation: Cancellation
    ) -> dict[str, tuple[Layer, ...]]:
        def ask(image_id: str, part: Cancellation) -> tuple[Layer, ...]:
            part.raise_if_cancelled()
            _check_time(until)
            return self._layers(client, image_id, rows[image_id])

        # Each connection to a remote engine is an ssh process.
        askers = 1 if client.is_ssh else _ASKERS
        found = dict(zip(rows, ask_all(ask, list(rows), cancellation, askers), strict=True))
        return with_sizes(found, {image_id: _bytes(row.get("Size")) for image_id, row in rows.items()})

    def _disk_use(
        self, df: Client, number: tuple[int, ...], counting: bool = True
    ) -> tuple[int | None, list[Json]]:
        """The size of all images as the engine counts it, and the records of BuildKit's cache.

        An old engine measures all volumes to tell that: it is asked seldom, and its layers are counted here.
        """
        if number >= _DF_BY_TYPE:
            return _disk_use(df, [["image"], ["build-cache"]] if counting else [["build-cache"]])
        with self._lock:
            known = self._cache
        if known is None or time.monotonic() > known[0]:
            _, cache = _disk_use(df, [[]])
            known = time.monotonic() + _OLD_DF_SECONDS, cache
            with self._lock:
                self._cache = known
        return None, known[1]

    def _layers(self, client: Client, image_id: str, row: Json) -> tuple[Layer, ...]:
        """The layers of an image that is unpacked; none if it was removed meanwhile."""
        # containerd's store may unpack the image, or another platform of it, later.
        key = (image_id, _bytes(row.get("Size")))
        with self._lock:
            known = self._known.get(key)
            if known is not None:
                self._known.move_to_end(key)
                return known
        image = _there(partial(_document, client, "/images/{0}/json", image_id))
        if image is None:
            return ()
        # A list, because a history that the engine cannot tell is None, too.
        told = _there(lambda: [read_history(client, image_id, limit=LARGEST)])
        if told is None:
            return ()
        found = layers_of(_mapping(image), told[0])
        with self._lock:
            self._known[key] = found
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return found


def _rows(client: Client, **query: str) -> dict[str, Json]:
    """The listed images by their ids."""
    rows = _objects(_document(client, "/images/json", **query))
    return {str(row["Id"]): row for row in rows if row.get("Id")}


def _shown(listed: Mapping[str, Json]) -> dict[str, Json]:
    """The images that the engine shows: without parents that have no name. Asking for them takes as long again."""
    parents = {str(row.get("ParentId") or "") for row in listed.values()}
    return {
        image_id: row
        for image_id, row in listed.items()
        if image_id not in parents or row.get("RepoTags") or row.get("RepoDigests")
    }


def _layered_usage(layers: Mapping[str, tuple[Layer, ...]], found: _Beside) -> DiskUsage:
    """The usage of a store of unpacked layers: Docker's classic one, and Podman's."""
    parts = {layer.id: layer.size for each in layers.values() for layer in each}
    images = {image_id: frozenset(layer.id for layer in each) for image_id, each in layers.items()}
    left = Counter(record.size for record in found.records)
    cached = set()
    for name, size in parts.items():
        if size and left[size]:
            left[size] -= 1
            cached.add(name)
    # A layer that a container holds stays, whether an image has it or not.
    return DiskUsage(parts, images, found.held, frozenset(cached), counted=found.counted, of_files=True)


def _containerd_usage(
    rows: Mapping[str, Json],
    listed: Mapping[str, Json],
    layers: Mapping[str, tuple[Layer, ...]],
    found: _Beside,
) -> DiskUsage:
    """The usage of containerd's store: unpacked layers (snapshots), and compressed content.

    *listed*: also the parents that are not shown.
    """
    contents: dict[str, Content] = {}
    images: dict[str, frozenset[str]] = {}
    parts: dict[str, int] = {}
    for image_id, row in rows.items():
        mine: set[str] = set()
        for content in _contents(row, layers[image_id]):
            contents.setdefault(content.digest, content)
            unpacked = {f"unpacked {layer.id}": layer.size for layer in content.layers}
            parts |= unpacked
            mine |= unpacked.keys() | {f"content {layer.id}" for layer in content.layers}
            mine.add(f"content {content.digest}")
        images[image_id] = frozenset(mine)
    hidden = [image_id for image_id in listed if image_id not in rows]
    stay = [image_id for image_id in hidden if _was_tagged(image_id, listed)]
    # Containers and BuildKit's cache have unpacked layers of their own, which are counted too.
    alone = not found.containers and not found.cache
    whole = found.counted - sum(parts.values()) if alone and found.counted is not None else 0
    sizes = content_sizes(list(contents.values()), whole=whole if whole > 0 else None)
    users = Counter(layer.id for content in contents.values() for layer in content.layers)
    parts |= {f"content {name}": round(size) for name, size in sizes.items()}
    return DiskUsage(
        parts,
        images,
        used=frozenset(_layer_parts(stay, layers)) & parts.keys(),
        cached=frozenset(_cached_content(contents.values(), sizes, found.records)),
        estimated=frozenset(f"content {name}" for name, count in users.items() if count > 1),
        doubtful=frozenset(_layer_parts(hidden, layers)),
        counted=found.counted,
    )


def _was_tagged(image_id: str, listed: Mapping[str, Json]) -> bool:
    """Whether a parent that is not shown had a tag: then its own parents are gone, and it stays without children."""
    seen = set()
    while image_id and image_id not in seen:
        if image_id not in listed:
            return True
        seen.add(image_id)
        image_id = str(listed[image_id].get("ParentId") or "")
    return False


def _layer_parts(image_ids: Iterable[str], layers: Mapping[str, tuple[Layer, ...]]) -> Iterator[str]:
    for image_id in image_ids:
        for layer in layers[image_id]:
            yield f"unpacked {layer.id}"
            yield f"content {layer.id}"


def _contents(row: Json, layers: tuple[Layer, ...]) -> Iterator[Content]:
    """What the store has of each manifest of an image; *layers* are those of the platform that runs here."""
    found = []
    for manifest in _objects(row.get("Manifests")):
        digest = str(manifest.get("ID") or "")
        size = _bytes(_mapping(manifest.get("Size")).get("Content"))
        unpacked = _bytes(_mapping(_mapping(manifest.get("ImageData")).get("Size")).get("Unpacked"))
        if digest and (size or unpacked):
            found.append((digest, size, unpacked))
    listed = sum(layer.size for layer in layers)
    runs = min((one for one in found if one[2]), key=lambda one: abs(one[2] - listed), default=None)
    for digest, size, unpacked in found:
        if not unpacked:
            yield Content(digest, size, ())
        elif (digest, size, unpacked) == runs:
            # A history leaves out the empty layers, which take a block of the disk each.
            yield Content(digest, size, (*layers, Layer(digest, max(unpacked - listed, 0))))
        else:
            # Another platform: its layers are not asked for, since hardly anybody unpacks two.
            yield Content(digest, size, (Layer(digest, unpacked),))


def _cached_content(
    contents: Iterable[Content], sizes: Mapping[str, float], records: Iterable[_CacheRecord]
) -> Iterator[str]:
    """The parts that BuildKit's cache keeps: those whose sizes together are nearest to a record's."""
    layers = {layer.id: layer.size for content in contents for layer in content.layers}
    whole = {name: size + sizes[name] for name, size in layers.items() if size}
    for record in records:
        nearest = min(whole, key=lambda name: abs(whole[name] - record.size), default=None)
        if nearest is not None and abs(whole[nearest] - record.size) <= _NEAR * record.size:
            del whole[nearest]
            yield f"content {nearest}"
            if record.pulled:
                yield f"unpacked {nearest}"


def _beside(
    client: Client, disk_use: tuple[int | None, list[Json]], rows: Mapping[str, Json], until: float
) -> _Beside:
    """What else is on the engine's disk."""
    counted, cache = disk_use
    records = [
        _CacheRecord(
            _bytes(record.get("Size")), str(record.get("Description") or "").startswith("pulled from")
        )
        for record in cache
        if record.get("Shared") is True
    ]
    containers = list(_objects(_document(client, "/containers/json", all="1")))
    known = {_hexadecimal(image_id) for image_id in rows}
    held: set[str] = set()
    for container in containers:
        if _hexadecimal(str(container.get("ImageID") or "")) not in known:
            # Its image was removed by force.
            _check_time(until)
            described = _there(
                partial(_document, client, "/containers/{0}/json", str(container.get("Id") or ""))
            )
            held.update(folders_of(_mapping(described)))
    return _Beside(counted, records, bool(cache), bool(containers), frozenset(held))


def _disk_use(df: Client, asked: Iterable[list[str]]) -> tuple[int | None, list[Json]]:
    """The size of all images as the engine counts it, and the records of BuildKit's cache; without what it refuses.

    *asked*: the kinds of each request; before API 1.42 all come in one response.
    """
    from requests import RequestException
    from urllib3.exceptions import HTTPError

    from longshore.engine.client import StatusError

    counted: int | None = None
    cache: list[Json] = []
    for kinds in asked:
        try:
            found = _mapping(_document(df, "/system/df", type=kinds, verbose="1"))
        except (StatusError, RequestException, HTTPError, ValueError):
            continue
        # From API 1.52 on, the second names.
        size = found.get("LayersSize", _mapping(found.get("ImageUsage")).get("TotalSize"))
        if isinstance(size, int) and size >= 0 and "build-cache" not in kinds:
            counted = size
        cache += _objects(found.get("BuildCache") or _mapping(found.get("BuildCacheUsage")).get("Items"))
    return counted, cache


def _there(read: Callable[[], Any]) -> Any:
    """What *read* returns about something that may have been removed meanwhile: then None."""
    from longshore.engine.client import StatusError

    try:
        return read()
    except StatusError as error:
        if error.status == 404:
            return None
        raise


def _document(client: Client, path: str, *arguments: str, **query: Any) -> object:
    """The JSON document at *path*. Raises StatusError, and ValueError for no JSON or too much of it."""
    body = read_document(client, path, *arguments, limit=LARGEST, **query)
    try:
        found: object = json.loads(body)
    except RecursionError as error:
        raise ValueError("the engine's response is nested too deeply") from error
    return found


def _check_time(until: float) -> None:
    if time.monotonic() > until:
        raise EngineFailure(
            "The engine took too long to report what its images take on disk.",
            advice="Try again when it is less busy.",
        )


def _objects(value: object) -> list[Json]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def _mapping(value: object) -> Json:
    return value if isinstance(value, Mapping) else {}


def _bytes(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**63 else 0


def _hexadecimal(image_id: str) -> str:
    return image_id.removeprefix("sha256:")


def _number(version: str) -> tuple[int, ...]:
    """The API's version as numbers: 1.41 is older than 1.5."""
    return tuple(int(part) for part in version.split(".") if part.isdecimal())
