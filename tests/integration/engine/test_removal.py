"""Removing images that containers use, on every kind of engine: what is refused, and what force does."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from longshore.application.clients import Clients
from longshore.application.removal import LocalRemoval, carry_out, look
from longshore.cancellation import Cancellation
from longshore.engine.address import current_address
from longshore.engine.container_model import RunRequest
from longshore.engine.engine import Engine
from longshore.engine.model import ImageStore
from longshore.errors import ImageInUse, LongshoreError
from longshore.oci.image_name import ImageName
from longshore.oci.reference import Reference
from longshore.registry.config import RegistryConfig
from longshore.transfers.transfer import EnginePlace
from testbed.engine import PrivateEngine
from testbed.programs import load_programs

ONE, TWO = "removal.example/tool:1", "removal.example/tool:2"
BOTH = [ImageName(Reference.parse(name)) for name in (ONE, TWO)]


class Bench:
    """An engine with an image of two names, and a container of it."""

    def __init__(self, private: PrivateEngine) -> None:
        with contextlib.closing(private.client()) as client:
            load_programs(client, [ONE, TWO])
        address = current_address(private.host, {})
        self.clients = Clients({}, RegistryConfig)
        self.place = EnginePlace(address)
        self.engine: Engine = self.clients.engine(address)

    def run(self, *, running: bool) -> None:
        command = ("sleep", "1000") if running else ("true",)
        request = RunRequest(ONE, ("sh", "-c", " ".join(command)), name="user", detach=running)
        list(self.engine.containers.run(request, Cancellation()))

    def look(self, *names: ImageName) -> list[LocalRemoval]:
        return look(self.place, self.clients, names or BOTH)

    def remove(self, removals: list[LocalRemoval], *, force: bool) -> None:
        for one in removals:
            carry_out(self.engine, one, self.engine.images(), force=force)

    @property
    def names(self) -> list[str]:
        return sorted(i.name.shown for i in self.engine.images() if i.name.shown in (ONE, TWO))

    @property
    def containers(self) -> list[str]:
        return [each.name for each in self.engine.containers.all()]

    def close(self) -> None:
        for each in self.engine.containers.all():
            self.engine.containers.remove(each.id, force=True)
        for image in self.engine.images():
            with contextlib.suppress(LongshoreError):
                self.engine.remove(image.image_id, force=True)
        self.clients.close()


@pytest.fixture
def bench(any_engine: PrivateEngine) -> Iterator[Bench]:
    made = Bench(any_engine)
    yield made
    made.close()


def test_a_stopped_container_is_named_and_force_removes_the_image(bench: Bench) -> None:
    bench.run(running=False)
    first, last = bench.look()
    assert [user.name for user in last.holders] == ["user"] and not last.running
    image_id = last.image.image_id
    with pytest.raises(ImageInUse, match=r"Containers use the image: user\."):
        bench.remove([first, last], force=False)
    assert bench.names == [ONE, TWO], "none of the names is gone"
    # A name goes while another stays, whoever uses the image.
    (alone,) = bench.look(BOTH[1])
    assert alone.staying == 1 and not alone.containers
    bench.remove([alone], force=False)
    assert bench.names == [ONE]
    bench.remove(bench.look(BOTH[0]), force=True)
    assert all(image.image_id != image_id for image in bench.engine.images())
    podman = bench.engine.probe().store is ImageStore.PODMAN
    assert bench.containers == ([] if podman else ["user"]), "as the sheet says"


def test_with_all_its_names_at_once(bench: Bench) -> None:
    bench.run(running=False)
    removals = bench.look()
    bench.remove(removals, force=True)
    assert bench.names == []
    assert all(image.image_id != removals[0].image.image_id for image in bench.engine.images())


def test_a_running_container_keeps_its_image(bench: Bench) -> None:
    bench.run(running=True)
    removals = bench.look()
    assert [user.name for user in removals[0].running] == ["user"]
    for force in (False, True):
        with pytest.raises(ImageInUse, match=r"A running container uses the image: user\."):
            bench.remove(removals, force=force)
    # It was started after it was looked at: the engine itself refuses, and takes not even the name.
    unseen = [LocalRemoval(one.image, one.staying, one.last, ()) for one in removals]
    bench.remove(unseen[:1], force=True)
    with pytest.raises(ImageInUse):
        bench.remove(unseen[1:], force=True)
    assert bench.names == [unseen[1].image.name.shown] and bench.containers == ["user"]
    bench.engine.containers.remove("user", force=True)
    bench.remove(bench.look(), force=False)
    assert bench.names == []
