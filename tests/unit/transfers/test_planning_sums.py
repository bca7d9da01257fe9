"""What a plan adds up to. A plan that fails never fails its transfer."""

from __future__ import annotations

import threading
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from longshore.cancellation import Cancellation, Cancelled
from longshore.errors import ImageUnknown, InvalidManifest, RegistryUnreachable
from longshore.oci.platform import Platform
from longshore.transfers.progress.meter import PlannedLayer
from longshore.transfers.transfer import Plan
from longshore.transfers.ways import planning
from longshore.transfers.ways.planning import (
    LayerMemory,
    image_manifest,
    layers_of,
    or_none,
    plan_of,
    present_blobs,
)
from transfertools import layouts

A, B, C = (f"sha256:{letter * 64}" for letter in "abc")


def test_each_content_counts_once() -> None:
    layers = [
        PlannedLayer(A, 10),
        PlannedLayer(B, 20, here=True),
        PlannedLayer(A, 10),
        PlannedLayer(C, None, here=True),
    ]
    assert plan_of(layers, estimated=True, digest=C) == Plan(3, 30, 2, 20, estimated=True, digest=C)
    assert plan_of([], estimated=False) == Plan(0, 0, 0, 0, estimated=False, digest="")


def test_diff_ids_belong_to_layers_only_where_they_are_as_many() -> None:
    manifest: Any = SimpleNamespace(
        layers=[SimpleNamespace(digest=A, size=1), SimpleNamespace(digest=B, size=2)]
    )
    assert layers_of(manifest, ["x", "y"]) == [PlannedLayer(A, 1, "x"), PlannedLayer(B, 2, "y")]
    for wrong in ([], ["x"], ["x", "y", "z"]):
        assert layers_of(manifest, wrong) == [PlannedLayer(A, 1, ""), PlannedLayer(B, 2, "")]


class Images:
    """An engine's images and their layers; records what it is asked for."""

    def __init__(self, **images: tuple[str, ...]) -> None:
        self.address = SimpleNamespace(url="unix:///x")
        self.images = images
        self.asked: list[str] = []

    def image(self, image_id: str) -> Any:
        self.asked.append(image_id)
        if image_id not in self.images:
            raise ImageUnknown("gone")
        return SimpleNamespace(diff_ids=self.images[image_id])


def prefix(memory: LayerMemory, engine: Any, wanted: list[str], *images: str) -> int:
    return memory.longest_prefix(engine, wanted, images, Cancellation())


def test_the_longest_common_beginning_counts() -> None:
    engine = Images(one=("a", "x", "c"), two=("a", "b"), three=("z", "b", "c"), same=("a", "b", "c", "d"))
    memory = LayerMemory()
    wanted = ["a", "b", "c"]
    assert prefix(memory, engine, wanted) == 0
    assert prefix(memory, engine, wanted, "three") == 0
    assert prefix(memory, engine, wanted, "one") == 1
    assert prefix(memory, engine, wanted, "two", "one") == 2
    assert prefix(memory, engine, wanted, "gone", "two") == 2
    engine.asked.clear()
    assert prefix(memory, engine, wanted, "same", "one", "gone") == 3
    assert engine.asked == ["same"]  # no image can have more in common


def test_layers_are_remembered_and_what_is_gone_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "REMEMBERED", 2)
    engine = Images(one=("a",), two=("b",), three=("c",))
    memory = LayerMemory()
    for image in ("one", "two", "one", "gone", "gone"):
        prefix(memory, engine, ["z"], image)
    assert engine.asked == ["one", "two", "gone", "gone"]
    prefix(memory, engine, ["z"], "three")  # "two" is the least recently used
    engine.asked.clear()
    for image in ("one", "three", "two"):
        prefix(memory, engine, ["z"], image)
    assert engine.asked == ["two"]


def test_looking_for_a_common_beginning_can_be_cancelled() -> None:
    cancellation = Cancellation()
    cancellation.cancel()
    with pytest.raises(Cancelled):
        LayerMemory().longest_prefix(Images(one=("a",)), ["a"], ["one"], cancellation)  # type: ignore[arg-type]


def test_a_plan_that_cannot_be_made_is_none() -> None:
    def fails(cancellation: Cancellation) -> Plan:
        raise RegistryUnreachable("away", registry="r")

    plan = Plan(1, 1)
    assert or_none("x", Cancellation(), lambda bounded: plan) is plan
    assert or_none("x", Cancellation(), fails) is None


@pytest.mark.expects_log("no plan for x")
def test_an_unexpected_error_of_a_plan_is_none_and_logged() -> None:
    def breaks(cancellation: Cancellation) -> Plan:
        raise KeyError("oops")

    assert or_none("x", Cancellation(), breaks) is None


def test_a_plan_that_takes_too_long_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "PLAN_SECONDS", 0.01)

    def slow(cancellation: Cancellation) -> Plan:
        assert cancellation.wait(10)
        raise Cancelled

    assert or_none("x", Cancellation(), slow) is None


def test_a_cancelled_transfer_makes_no_plan() -> None:
    cancellation = Cancellation()

    def cancels(bounded: Cancellation) -> Plan:
        cancellation.cancel()
        assert bounded.wait(10)
        raise Cancelled

    with pytest.raises(Cancelled):
        or_none("x", cancellation, cancels)


def test_each_blob_is_asked_for_once() -> None:
    lock, asked = threading.Lock(), []

    def size(repository: str, digest: str, *, cancellation: Cancellation) -> int | None:
        with lock:
            asked.append((repository, digest))
        return {A: 5, B: None, C: 0}[digest]

    client: Any = SimpleNamespace(blob_size=size)
    assert present_blobs(client, "team/app", [A, B, C, A], Cancellation()) == {A, C}
    assert sorted(asked) == [("team/app", A), ("team/app", B), ("team/app", C)]
    assert present_blobs(client, "team/app", [], Cancellation()) == set()


AMD, ARM = (layouts.image(name.encode(), platform=f"linux/{name}") for name in ("amd64", "arm64"))
LISTED = layouts.index(("linux/amd64", AMD), ("linux/arm64", ARM))


def manifest_for(platform: str, **found: Any) -> tuple[str, Any]:
    """What a registry with *found*, by tag or by digest, returns to an engine of *platform*."""
    there = {each.digest: each for each in found.values()} | found
    client: Any = SimpleNamespace(manifest=lambda repository, name, *, cancellation: there[name])
    return image_manifest(client, "team/app", "tag", Platform.parse(platform), Cancellation())


def test_the_manifest_that_an_engine_takes() -> None:
    assert manifest_for("linux/amd64", tag=AMD.manifest) == (AMD.manifest.digest, AMD.manifest)
    found = manifest_for("linux/arm64", tag=LISTED, amd=AMD.manifest, arm=ARM.manifest)
    assert found == (LISTED.digest, ARM.manifest)


def test_an_image_without_the_engines_platform_has_no_plan() -> None:
    with pytest.raises(InvalidManifest, match="image is available for linux/s390x") as caught:
        manifest_for("linux/s390x", tag=LISTED, amd=AMD.manifest, arm=ARM.manifest)
    assert caught.value.subject == "team/app:tag"


def test_an_index_within_an_index_has_no_plan() -> None:
    child = replace(LISTED.manifests[0], digest=LISTED.digest)
    outer = replace(LISTED, digest=A, manifests=(child,))
    with pytest.raises(InvalidManifest, match="nested too deeply"):
        manifest_for("linux/amd64", tag=outer, inner=LISTED)
