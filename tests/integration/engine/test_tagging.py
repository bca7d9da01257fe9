"""Several names at once on every kind of engine: what the plan says is what happens to the other image."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from longshore.application.tagging import Effect, carry_out, parse_name, plan
from longshore.engine.address import current_address
from longshore.engine.engine import Engine
from longshore.errors import LongshoreError
from longshore.oci.local_image import LocalImage
from testbed.engine import PrivateEngine
from testbed.images import load_image


@pytest.fixture
def engine(any_engine: PrivateEngine) -> Iterator[Engine]:
    """An engine with ``tagging.example/one:1`` and ``…/two:1``."""
    with contextlib.closing(any_engine.client()) as client:
        for name in ("one", "two"):
            load_image(client, [f"tagging.example/{name}:1"], seed=f"tagging/{name}")
    found = Engine(current_address(any_engine.host, {}))
    yield found
    for image in mine(found):
        with contextlib.suppress(LongshoreError):
            found.remove(image.image_id, force=True)
    found.close()


def mine(engine: Engine) -> list[LocalImage]:
    listed = engine.images()
    ids = {i.image_id for i in listed if i.reference is not None and i.reference.domain == "tagging.example"}
    return [image for image in listed if image.image_id in ids]


def named(engine: Engine, name: str) -> LocalImage | None:
    wanted = parse_name(name)
    return next((image for image in engine.images() if image.reference == wanted), None)


def test_an_image_gets_several_names_and_takes_one_from_another(engine: Engine) -> None:
    one, two = named(engine, "tagging.example/one:1"), named(engine, "tagging.example/two:1")
    assert one is not None and two is not None
    names = ["tagging.example/one:2", "127.0.0.1:5000/tagging/one:latest", "tagging.example/two:1"]
    wanted = [(one.name, parse_name(name)) for name in names]
    planned = plan(engine.images(), wanted)
    assert [name.effect for name in planned] == [Effect.NEW, Effect.NEW, Effect.LAST]
    assert planned[2].other == two.name
    carry_out(engine, wanted)
    for name in ("tagging.example/one:1", *names):
        found = named(engine, name)
        assert found is not None and found.image_id == one.image_id, name
    left = [image for image in engine.images() if image.image_id == two.image_id]
    assert [image.reference for image in left] == [None], "it has no name, as the plan said, and is kept"
    assert [name.effect for name in plan(engine.images(), wanted)] == [Effect.SAME] * 3
    # An image without a name gets one by its id.
    carry_out(engine, [(left[0].name, parse_name("tagging.example/two:2"))])
    back = named(engine, "tagging.example/two:2")
    assert back is not None and back.image_id == two.image_id


def test_a_name_whose_image_is_gone_does_not_stop_the_others(engine: Engine) -> None:
    one, two = named(engine, "tagging.example/one:1"), named(engine, "tagging.example/two:1")
    assert one is not None and two is not None
    engine.remove("tagging.example/one:1")
    with pytest.raises(LongshoreError):
        carry_out(
            engine,
            [(one.name, parse_name("tagging.example/x:1")), (two.name, parse_name("tagging.example/x:2"))],
        )
    assert named(engine, "tagging.example/x:1") is None
    found = named(engine, "tagging.example/x:2")
    assert found is not None and found.image_id == two.image_id
