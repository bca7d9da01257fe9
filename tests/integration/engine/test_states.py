"""What the digests that each kind of engine lists prove: images pulled, moved away, built and never pushed."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from pathlib import Path

from longshore.application.clients import Clients
from longshore.application.states import judge as judged
from longshore.application.states import lists_only_proof, of_images, read
from longshore.application.tag_checks import TagChecks
from longshore.cancellation import Cancellation
from longshore.engine.address import current_address
from longshore.registry.config import RegistryConfig
from testbed.engine import PrivateEngine
from testbed.images import build_image, seed_repository
from testbed.registry import PrivateRegistry

OLD, NEW = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
BOTH = [("linux", "amd64"), ("linux", "arm64")]


def test_states_of_a_real_store(
    any_engine: PrivateEngine, open_registry: PrivateRegistry, tmp_path: Path
) -> None:
    host, name = open_registry.address, f"{open_registry.address}/states/app"
    seed_repository(host, "states/app", ["same", "moved"], created=OLD, platforms=BOTH, layers=[5000])
    seed_repository(host, "states/app", ["back"], created=NEW, layers=[5000])
    with contextlib.closing(any_engine.client()) as client:
        for tag in ("same", "moved", "back"):
            client.pull(name, tag)
        build_image(client, f"{name}:built", layers=[5000])
    clients = Clients({"HOME": str(tmp_path)}, RegistryConfig, cache=tmp_path)
    with contextlib.closing(clients):
        engine = clients.engine(current_address(any_engine.host, {}))
        checks = TagChecks(clients, clients.checked_tags())
        sure = lists_only_proof(engine.probe())

        def states(*, reading: bool = False) -> dict[str, str]:
            found = {}
            for here in of_images(engine.images(), picked=False, sure=sure):
                if here.reference.name == name:
                    there = checks.ask(here.reference, Cancellation())
                    if reading and there.digest:
                        here, there = read(clients, here, there, Cancellation())
                    found[here.reference.tag or ""] = judged(here, there).state.value
            return found

        in_step = {"same": "in sync", "moved": "in sync", "back": "in sync", "built": "only here"}
        assert states() == in_step
        seed_repository(host, "states/app", ["moved"], created=NEW, platforms=BOTH, layers=[5000], seed="m")
        seed_repository(host, "states/app", ["back"], created=OLD, layers=[5000], seed="b")
        # A HEAD tells that a tag has moved; only dates tell that it moved back.
        assert states() == {**in_step, "moved": "newer", "back": "newer"}
        assert states(reading=True) == {**in_step, "moved": "newer", "back": "differs"}
