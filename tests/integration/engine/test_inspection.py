"""What each kind of engine reports about an image of several platforms, and what its layers share."""

from __future__ import annotations

from pathlib import Path

from longshore.application.clients import Clients
from longshore.application.inspection.inspecting import inspect
from longshore.application.inspection.presence import present_platforms
from longshore.application.inspection.pulling import choices_here, pull_choices, with_costs
from longshore.application.inspection.sharing import known_images, shared_layers
from longshore.application.inspection.values import DocumentKind
from longshore.cancellation import Cancellation
from longshore.engine.address import current_address
from longshore.oci.reference import Reference
from longshore.registry.config import RegistryConfig
from longshore.transfers.transfer import Endpoint, EnginePlace, RegistryPlace
from testbed.engine import PrivateEngine
from testbed.many_platforms import STEPS, seed_index
from testbed.registry import PrivateRegistry


def test_steps_sizes_and_shared_layers(
    any_engine: PrivateEngine, open_registry: PrivateRegistry, tmp_path: Path
) -> None:
    index = seed_index(open_registry.address, "inspect/three", "1")
    mine = index.images[0]
    name = Reference.parse(f"{open_registry.address}/inspect/three:1")
    place = EnginePlace(current_address(any_engine.host, {}))
    clients = Clients({"DOCKER_CONFIG": str(tmp_path), "PATH": ""}, RegistryConfig)
    with any_engine.client() as client:
        before = pull_choices(name, place, clients, Cancellation())
        client.pull(name.name, tag="1")
        try:
            found = inspect(Endpoint(place, name), clients, Cancellation())
            remote = inspect(Endpoint(RegistryPlace(name.domain), name), clients, Cancellation())
            known = known_images(place, clients, Cancellation())
            here = present_platforms(remote, place, clients)
            assert choices_here(before, place, clients) == here
        finally:
            client.remove_image(str(name), force=True)
    clients.close()
    assert [str(one.platform) for one in before.choices] == [image.name for image in index.images]
    assert [one.own for one in before.choices] == [True, False, False]
    assert before.whole == sum(one.size or 0 for one in before.choices)
    after = with_costs(before, known).choices
    assert [one.to_fetch for one in after] == [0, after[1].size, after[2].size]
    digests = [image.digest for image in index.images]
    assert here == dict(zip(digests, [True, False, False], strict=True))
    assert found.history_fits
    assert [step.layer for step in found.steps] == [0, None, 1, None, 2]
    assert [step.entry and step.entry.created_by for step in found.steps] == [line for line, _ in STEPS]
    assert tuple(layer.diff_id for layer in found.layers) == mine.diff_ids
    wanted = [size for _, size in STEPS if size]
    for layer, size in zip(found.layers, wanted, strict=True):
        # As many bytes as the files, the tar, or whole blocks.
        assert layer.size_on_disk is not None and size <= layer.size_on_disk <= size + 12_288
    containerd = any_engine.flavour == "containerd"
    assert found.digest == (index.digest if containerd else "")
    assert [one.here for one in found.platforms] == ([True, False, False] if containerd else [])
    subjects = [one.subject for one in found.attestations]
    assert subjects == ([image.digest for image in index.images] if containerd else [])
    assert found.size_on_disk is not None
    assert found.size_on_disk >= sum(wanted) * (2 if containerd else 1)
    document = found.document(DocumentKind.INSPECT)
    assert document is not None and document.raw.startswith(b"{") and b"RootFS" in document.raw
    # Seen from its registry, the engine has all its layers, and no other image shares them.
    for seen in (found, remote):
        assert [(one.here, one.others) for one in shared_layers(seen, known)] == [(True, ())] * 3
