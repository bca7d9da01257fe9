"""What a removal frees, forecast and measured, on every kind of engine."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from longshore.application.cleanup.plan import look
from longshore.application.cleanup.rules import Rules
from longshore.application.cleanup.running import carry_out
from longshore.application.usage import freed_by
from longshore.cancellation import Cancellation, Cancelled
from longshore.engine.address import current_address
from longshore.engine.engine import Engine
from longshore.oci.disk_usage import DiskUsage
from longshore.transfers.transfer import EnginePlace
from testbed.engine import PrivateEngine
from testbed.images import load_image
from testbed.processes import find_program

MB = 1_000_000
#: Five images that share layers: a base, two that are built on it, one on its first layer, and one alone. The base
#: comes first: containerd's store forgets that an image that is loaded after all its layers uses them.
SHARING = ((8 * MB, 4 * MB), (8 * MB, 4 * MB, 2 * MB), (8 * MB, 4 * MB, 3 * MB), (8 * MB, 6 * MB), (10 * MB,))
#: What is removed together.
SETS = ((0, 1), (1, 2), (3, 4), (0, 1, 2, 3), (0, 1, 2, 3, 4))


@pytest.fixture
def client(any_engine: PrivateEngine) -> Iterator[docker.APIClient]:
    with contextlib.closing(any_engine.client()) as made:
        yield made


@pytest.fixture
def engine(any_engine: PrivateEngine) -> Iterator[Engine]:
    made = Engine(current_address(any_engine.host, {}))
    yield made
    made.close()


def usage_of(engine: Engine) -> DiskUsage:
    return engine.usage(Cancellation())


def counted(client: docker.APIClient) -> int:
    """The bytes of all images as the engine counts them: nothing of ours."""
    found: int = client.df()["LayersSize"]
    return found


def on_disk(engine: PrivateEngine) -> int:
    """The bytes below the engine's data folder, as the disk has them."""
    done = subprocess.run(
        ["du", "-sx", "-B1", str(engine.data_root)], capture_output=True, text=True, check=False, timeout=60
    )
    return int(done.stdout.split()[0])


def load_sharing(client: docker.APIClient, seed: str) -> None:
    for number, layers in enumerate(SHARING):
        load_image(client, [f"usage/{seed}:{number}"], layers, seed=f"usage {seed}")


def ids(engine: Engine, repository: str) -> dict[str, str]:
    """The ids of the images of a repository by their tags; Podman writes localhost before its names."""
    return {
        row.reference.tag or "": row.image_id
        for row in engine.images()
        if row.reference is not None and row.reference.path.endswith(repository)
    }


def remove(engine: Engine, repository: str, *tags: str) -> None:
    for row in engine.images():
        reference = row.reference
        if reference is not None and reference.path.endswith(repository) and reference.tag in tags:
            engine.remove(str(reference))


def near(found: int, wanted: int, *, of: int = 0) -> bool:
    """Within 2 %, or the few kB of manifests and folders."""
    return abs(found - wanted) <= 0.02 * max(wanted, of) + 50_000


@pytest.mark.parametrize("gone", SETS, ids=str)
def test_forecast_and_measured_of_five_that_share_layers(
    engine: Engine, client: docker.APIClient, any_engine: PrivateEngine, gone: tuple[int, ...]
) -> None:
    seed = "set" + "".join(map(str, gone))
    load_sharing(client, seed)
    try:
        found = ids(engine, f"usage/{seed}")
        forecast = usage_of(engine).freed({found[str(number)] for number in gone})
        before, disk = counted(client), on_disk(any_engine)
        remove(engine, f"usage/{seed}", *map(str, gone))
        freed = before - counted(client)
        assert near(forecast.bytes, freed), (forecast, freed)
        assert forecast.cached == 0
        if any_engine.is_ours:
            # Besides layers, each image has folders and documents, which the disk rounds up.
            assert abs(disk - on_disk(any_engine) - forecast.bytes) <= 0.02 * forecast.bytes + 400_000
    finally:
        remove(engine, f"usage/{seed}", *map(str, range(5)))


def test_totals_unique_and_shared(engine: Engine, client: docker.APIClient) -> None:
    load_sharing(client, "totals")
    try:
        usage, found = usage_of(engine), ids(engine, "usage/totals")
        assert near(usage.total, counted(client))
        # What is unpacked, and in containerd's store the same once more, compressed by nothing.
        times = 2 if usage.estimated else 1
        unique = [usage.unique(found[str(number)]) for number in range(5)]
        assert all(
            near(one or 0, times * size * MB) for one, size in zip(unique, (0, 2, 3, 6, 10), strict=True)
        )
        assert near(usage.union(found.values()), times * 33 * MB)
        # Known layers are not asked for again.
        assert usage_of(engine).images == usage.images
    finally:
        remove(engine, "usage/totals", *map(str, range(5)))


def test_eight_tags_of_one_image(engine: Engine, client: docker.APIClient) -> None:
    tags = [f"usage/eight:{number}" for number in range(8)]
    load_image(client, tags, (4 * MB, 2 * MB), seed="usage eight")
    place = EnginePlace(engine.address)
    try:
        one = look(place, engine, Rules(names=("*usage/eight:0",)), (), Cancellation())
        (candidate,) = one.candidates
        assert (len(candidate.names), candidate.staying) == (1, 7)
        assert one.freed([candidate]) is not None and one.freed([candidate]).bytes == 0  # type: ignore[union-attr]
        before = counted(client)
        lost = carry_out(one, one.candidates, engine, frozenset, Cancellation())
        assert (lost.removed, lost.freed, before - counted(client)) == (1, 0, 0)
        rest = look(place, engine, Rules(names=("*usage/eight:*",)), (), Cancellation())
        forecast = rest.freed(rest.candidates)
        assert forecast is not None and forecast.bytes >= 6 * MB
        whole = carry_out(rest, rest.candidates, engine, frozenset, Cancellation())
        assert (whole.removed, whole.failures) == (7, [])
        assert whole.freed is not None and near(whole.freed, forecast.bytes)
        assert near(before - counted(client), forecast.bytes)
        assert ids(engine, "usage/eight") == {}
    finally:
        remove(engine, "usage/eight", *map(str, range(8)))


def _context(**files: bytes) -> io.BytesIO:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    out.seek(0)
    return out


def _build(client: docker.APIClient, tag: str, lines: str, **files: bytes) -> None:
    stream = client.build(
        fileobj=_context(Dockerfile=lines.encode(), **files),
        custom_context=True,
        tag=tag,
        rm=True,
        decode=True,
    )
    for event in stream:
        assert "error" not in event, event


def test_a_base_and_what_was_built_on_it(engine: Engine, client: docker.APIClient) -> None:
    """Parents of the classic builder are not listed, layers without bytes are, and layers compress differently."""
    half = os.urandom(1000) * 2000 + os.urandom(2 * MB)
    _build(
        client,
        "usage/base:1",
        'FROM scratch\nLABEL a=b\nCOPY a /a\nENV X=1\nWORKDIR /w\nCOPY b /b\nCMD ["/a"]\n',
        a=half,
        b=os.urandom(3 * MB),
    )
    for number in range(3):
        lines = "FROM usage/base:1\nENV Y=1\nCOPY c /c\n"
        _build(client, f"usage/built:{number}", lines, c=os.urandom((number + 1) * MB))
    try:
        for repository, tags in (
            ("usage/built", ("0", "1")),
            ("usage/base", ("1",)),
            ("usage/built", ("2",)),
        ):
            found = ids(engine, repository)
            forecast = usage_of(engine).freed({found[tag] for tag in tags})
            before = counted(client)
            remove(engine, repository, *tags)
            assert near(forecast.bytes, before - counted(client)), (repository, tags, forecast)
    finally:
        remove(engine, "usage/built", "0", "1", "2")
        remove(engine, "usage/base", "1")


def test_what_buildkit_keeps_is_not_freed(
    engine: Engine, client: docker.APIClient, any_engine: PrivateEngine, tmp_path: Path
) -> None:
    if any_engine.flavour == "podman":
        pytest.skip("Podman has no BuildKit")
    for program in (Path("/usr/bin/docker"), Path(find_program("docker", "docker.io"))):
        context = tmp_path / "context"
        context.mkdir(exist_ok=True)
        (context / "Dockerfile").write_text("FROM scratch\nCOPY a /a\nENV X=1\nCOPY b /b\n")
        (context / "a").write_bytes(os.urandom(6 * MB))
        (context / "b").write_bytes(os.urandom(4 * MB))
        environ = {
            "DOCKER_HOST": any_engine.host,
            "DOCKER_BUILDKIT": "1",
            "HOME": str(tmp_path),
            "PATH": os.environ["PATH"],
        }
        done = subprocess.run(
            [str(program), "build", "-q", "-t", "usage/buildkit:1", str(context)],
            env=environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode == 0:
            break
    else:
        pytest.skip(f"BuildKit can't be used here: {done.stderr.strip()[-200:]}")
    try:
        (image_id,) = ids(engine, "usage/buildkit").values()
        place = EnginePlace(engine.address)
        plan = look(place, engine, Rules(names=("usage/buildkit",)), (), Cancellation())
        forecast = plan.freed(plan.candidates)
        assert forecast is not None
        assert near(forecast.cached, 10 * MB), forecast
        disk = on_disk(any_engine)
        outcome = carry_out(plan, plan.candidates, engine, frozenset, Cancellation())
        assert outcome.freed is not None and near(outcome.freed, forecast.bytes, of=10 * MB)
        if any_engine.is_ours:
            assert abs(disk - on_disk(any_engine) - forecast.bytes) <= 400_000
        assert image_id not in {row.image_id for row in engine.images()}
    finally:
        client.post(f"{client.base_url}/v{client.api_version}/build/prune", params={"all": "1"})


def test_layers_of_a_container_whose_image_is_gone_stay(
    engine: Engine, client: docker.APIClient, any_engine: PrivateEngine
) -> None:
    if any_engine.flavour in ("podman", "containerd"):
        pytest.skip("a removal by force removes the container, or the store does not name its layers")
    load_image(client, ["usage/held:1"], (4 * MB, MB), seed="usage held")
    load_image(client, ["usage/held:2"], (4 * MB, 2 * MB), seed="usage held")
    container = client.create_container("usage/held:1", command=["/none"])
    try:
        client.remove_image("usage/held:1", force=True)
        listed = engine.images()
        chosen = [row.name for row in listed if str(row.reference).endswith("usage/held:2")]
        forecast = freed_by(usage_of(engine), listed, chosen)
        assert forecast.bytes == 2 * MB
    finally:
        client.remove_container(container["Id"], force=True)
        remove(engine, "usage/held", "1", "2")


def test_a_cancelled_usage_ends(engine: Engine) -> None:
    cancellation = Cancellation()
    cancellation.cancel()
    with pytest.raises(Cancelled):
        engine.usage(cancellation)
