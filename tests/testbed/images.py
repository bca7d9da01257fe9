"""Images in an engine, made from nothing: by its builder, or loaded from an archive.

For images in a registry, without an engine, see `testbed.remote_images`; its names are exported here too.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING

from testbed.errors import TestbedError
from testbed.layers import LABEL, MEMORY_BYTES, add_bytes, add_random_file, image_config, make_layer
from testbed.remote_images import SeededImage, SeededRepository, seed_repository
from testbed.storage import seed_many_repositories, seed_many_tags

if TYPE_CHECKING:
    import docker

__all__ = [
    "SeededImage",
    "SeededRepository",
    "build_image",
    "load_image",
    "save_images",
    "seed_many_repositories",
    "seed_many_tags",
    "seed_repository",
    "small_image",
]

SMALL_LAYERS = (10_000, 30_000, 50_000)


def build_image(
    client: docker.APIClient,
    reference: str,
    layers: Sequence[int] = SMALL_LAYERS,
    *,
    labels: Mapping[str, str] | None = None,
    platform: str | None = None,
    seed: object = 0,
) -> str:
    """Build an image ``FROM scratch`` with the engine's classic builder; returns its id.

    ``layers``: bytes of random data per layer. Equal seeds make equal files, but not equal images, because
    the builder records the time. ``reference`` may be empty, for an image without a tag.

    Raises:
        TestbedError: the build failed.
    """
    image_id = ""
    with _context(layers, labels or {}, seed) as context:
        stream = client.build(
            fileobj=context,
            custom_context=True,
            tag=reference or None,
            rm=True,
            forcerm=True,
            nocache=True,
            platform=platform,
            decode=True,
        )
        for event in stream:
            if "errorDetail" in event or "error" in event:
                raise TestbedError(f"building {reference} failed: {event}")
            # The stream continues after the id: the image has its tag only at the end of the stream.
            image_id = str((event.get("aux") or {}).get("ID") or image_id)
    return image_id or str(client.inspect_image(reference)["Id"])  # type: ignore[no-untyped-call]


def small_image(client: docker.APIClient, reference: str, *, seed: object = None) -> str:
    """Build an image of three layers of 10 to 50 KB; without ``seed`` its content depends on its name."""
    return build_image(client, reference, SMALL_LAYERS, seed=reference if seed is None else seed)


def load_image(
    client: docker.APIClient,
    references: Sequence[str],
    layers: Sequence[int] = SMALL_LAYERS,
    *,
    labels: Mapping[str, str] | None = None,
    platform: tuple[str, str] = ("linux", "amd64"),
    created: datetime | None = None,
    seed: object = 0,
) -> str:
    """Load an image from a generated archive; returns its id (of its configuration).

    Faster than building, with any date and platform, and the same image for the same arguments.
    ``references`` may be empty, for an image without a tag.

    Raises:
        TestbedError: the engine refused it.
    """
    with contextlib.ExitStack() as stack:
        made = [make_layer(size, f"{seed}/{at}", compress=False) for at, size in enumerate(layers)]
        for layer in made:
            stack.callback(layer.close)
        config = json.dumps(
            image_config(
                [layer.diff_id for layer in made], platform, created or datetime.now(UTC), labels or {}
            ),
            sort_keys=True,
        ).encode()
        archive = stack.enter_context(tempfile.TemporaryFile(prefix="ls-"))
        with tarfile.open(fileobj=archive, mode="w", format=tarfile.GNU_FORMAT) as tar:
            config_name = f"{hashlib.sha256(config).hexdigest()}.json"
            add_bytes(tar, config_name, config)
            names = []
            for at, layer in enumerate(made):
                info = tarfile.TarInfo(f"layer{at}.tar")
                info.size = layer.size
                layer.file.seek(0)
                tar.addfile(info, layer.file)
                names.append(info.name)
            manifest = [{"Config": config_name, "RepoTags": list(references) or None, "Layers": names}]
            add_bytes(tar, "manifest.json", json.dumps(manifest).encode())
        archive.seek(0)
        for event in client.load_image(archive):  # type: ignore[no-untyped-call]
            if "errorDetail" in event or "error" in event:
                raise TestbedError(f"loading {', '.join(references)} failed: {event}")
    return f"sha256:{hashlib.sha256(config).hexdigest()}"


def save_images(client: docker.APIClient, references: Sequence[str]) -> bytes:
    """The archive that ``docker save`` writes for *references*."""
    with client.get(  # the SDK can save only one image
        f"{client.base_url}/v{client.api_version}/images/get", params={"names": list(references)}
    ) as response:
        response.raise_for_status()
        return bytes(response.content)


@contextlib.contextmanager
def _context(layers: Sequence[int], labels: Mapping[str, str], seed: object) -> Iterator[IO[bytes]]:
    """A build context with a Dockerfile; on disk if it is large."""
    lines = ["FROM scratch"]
    lines += [f"COPY layer{at} /layer{at}" for at in range(len(layers))]
    lines += [
        f"LABEL {json.dumps(name)}={json.dumps(value)}" for name, value in {LABEL: "1", **labels}.items()
    ]
    lines += ['CMD ["/nothing"]']
    with tempfile.SpooledTemporaryFile(max_size=MEMORY_BYTES) as file:
        with tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT) as archive:
            add_bytes(archive, "Dockerfile", "\n".join(lines).encode())
            for at, size in enumerate(layers):
                add_random_file(archive, f"layer{at}", size, f"{seed}/{at}")
        file.seek(0)
        yield file
