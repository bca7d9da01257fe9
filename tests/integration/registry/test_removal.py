"""Removing tags and what is removed with them, on real registries."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from longshore.cancellation import Cancellation, Cancelled
from longshore.credentials import Credential
from longshore.errors import AccessDenied, Remedy, TagMoved
from longshore.oci.manifest import OCI_INDEX, OCI_MANIFEST
from longshore.registry.client import RegistryClient
from longshore.registry.removal import look, remove
from testbed.crane import CraneRegistry
from testbed.registry import PrivateRegistry
from testbed.throttle import Throttle

from .test_client import client_of, put_image

pytestmark = pytest.mark.integration


@contextlib.contextmanager
def deleting_images_only(root: Path) -> Iterator[tuple[RegistryClient, RegistryClient]]:
    """One client that writes, and one whose user may delete, but not push, so that no tag can be deleted alone."""
    with PrivateRegistry(root, auth="token") as registry:
        server = registry.token_server
        assert server is not None
        server.users["eve"] = "deletes"
        server.grant("eve", "*", ["pull", "delete"])
        with (
            client_of(registry.address, Credential(registry.username, registry.password)) as sam,
            client_of(registry.address, Credential("eve", "deletes")) as eve,
        ):
            yield sam, eve


def test_one_tag_goes_and_the_others_of_its_image_stay(tmp_path: Path) -> None:
    with PrivateRegistry(tmp_path) as registry, client_of(registry.address) as client:
        made = put_image(client, "a/b", "1.0")
        for tag in ("1", "latest"):
            client.put_manifest("a/b", tag, made.raw, OCI_MANIFEST)
        child = put_image(client, "a/b", "child", seed="child")
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [child.descriptor.to_json()]}
        client.put_manifest("a/b", "multi", json.dumps(index).encode(), OCI_INDEX)
        plan = look(client, "a/b", ["1.0", "child"], Cancellation())
        assert dict(plan.digests) == {made.digest: ("1.0",), child.digest: ("child",)}
        assert (plan.siblings, plan.broken, plan.staying) == ((), (), ("latest", "1"))
        remove(client, plan)
        assert sorted(client.tags("a/b").items) == ["1", "latest", "multi"]
        assert client.head("a/b", "1").digest == client.head("a/b", "latest").digest == made.digest
        assert client.head("a/b", child.digest).digest == child.digest


def test_every_tag_that_goes_is_named_and_the_others_stay(tmp_path: Path) -> None:
    with deleting_images_only(tmp_path) as (writer, client):
        made = put_image(writer, "a/b", "1.0")
        for tag in ("1", "latest", "sha256-looks-like-a-digest"):
            writer.put_manifest("a/b", tag, made.raw, OCI_MANIFEST)
        other = put_image(writer, "a/b", "2.0", seed="other")
        plan = look(client, "a/b", ["1.0"], Cancellation())
        assert set(plan.siblings) == {"1", "latest", "sha256-looks-like-a-digest"}
        ((digest, going),) = plan.digests
        assert digest == made.digest and set(going) == {"1.0", *plan.siblings}
        assert (plan.broken, plan.unknown) == ((), 0)
        remove(client, plan)
        assert client.tags("a/b").items == ["2.0"]
        assert client.head("a/b", "2.0").digest == other.digest
        assert look(client, "a/b", ["1.0"], Cancellation()).digests == ()
        remove(client, plan)  # a tag that is already removed is no error


def test_an_index_that_loses_an_image_is_named(tmp_path: Path) -> None:
    with deleting_images_only(tmp_path) as (writer, client):
        children = [
            put_image(writer, "multi", f"1-{name}", platform=f"linux/{name}") for name in ("amd64", "arm64")
        ]
        document = {
            "schemaVersion": 2,
            "mediaType": OCI_INDEX,
            "manifests": [child.descriptor.to_json() for child in children],
        }
        for tag in ("1", "stable"):
            writer.put_manifest("multi", tag, json.dumps(document).encode(), OCI_INDEX)
        plan = look(client, "multi", ["1-amd64"], Cancellation())
        assert plan.siblings == () and sorted(plan.broken) == ["1", "stable"]
        # If the index is removed too, nothing is broken.
        assert look(client, "multi", ["1-amd64", "1"], Cancellation()).broken == ()


def test_a_tag_that_was_moved_meanwhile_is_not_removed(tmp_path: Path) -> None:
    with deleting_images_only(tmp_path) as (writer, client):
        made = put_image(writer, "a/b", "1")
        writer.put_manifest("a/b", "same", made.raw, OCI_MANIFEST)
        plan = look(client, "a/b", ["1"], Cancellation())
        newer = put_image(writer, "a/b", "same", seed="newer")
        with pytest.raises(TagMoved, match="same was moved to another image"):
            remove(client, plan)
        assert client.head("a/b", "1").digest == made.digest
        assert client.head("a/b", "same").digest == newer.digest


def test_a_tag_that_was_moved_meanwhile_is_not_removed_alone(tmp_path: Path) -> None:
    with PrivateRegistry(tmp_path) as registry, client_of(registry.address) as client:
        made = put_image(client, "a/b", "1")
        client.put_manifest("a/b", "same", made.raw, OCI_MANIFEST)
        plan = look(client, "a/b", ["1"], Cancellation())
        newer = put_image(client, "a/b", "1", seed="newer")
        with pytest.raises(TagMoved, match="1 was moved to another image"):
            remove(client, plan)
        assert client.head("a/b", "1").digest == newer.digest
        assert client.head("a/b", "same").digest == made.digest


def test_a_registry_that_does_not_delete_says_so(tmp_path: Path) -> None:
    with PrivateRegistry(tmp_path, delete=False) as registry, client_of(registry.address) as client:
        put_image(client, "a/b", "1")
        plan = look(client, "a/b", ["1"], Cancellation())
        with pytest.raises(AccessDenied, match="does not allow deletion") as caught:
            remove(client, plan)
        assert "administrator" in caught.value.advice and "405" in caught.value.detail
        assert caught.value.remedy is Remedy.RETRY


def test_rights_to_delete_are_rights_of_their_own(tmp_path: Path) -> None:
    with PrivateRegistry(tmp_path, auth="token") as registry:
        server = registry.token_server
        assert server is not None
        server.users["eve"] = "writes"
        server.grant("eve", "*", ["pull", "push"])
        with client_of(registry.address, Credential("eve", "writes")) as eve:
            put_image(eve, "a/b", "1")
            plan = look(eve, "a/b", ["1"], Cancellation())
            with pytest.raises(AccessDenied, match="eve"):
                remove(eve, plan)
        with client_of(registry.address, Credential(registry.username, registry.password)) as sam:
            remove(sam, plan)
            assert sam.head("a/b", "1") is None


def test_tags_that_cannot_be_looked_at_are_counted_and_a_sick_registry_is_left_alone(tmp_path: Path) -> None:
    with PrivateRegistry(tmp_path) as registry, Throttle(registry.address) as line:
        with client_of(registry.address) as client:
            made = put_image(client, "a/b", "chosen")
            for number in range(60):
                client.put_manifest("a/b", f"t{number:02}", made.raw, OCI_MANIFEST)
        line.fail_next(r"/manifests/t0[0-4]", 403, 10)  # each HEAD, and the GET that replaces it
        with client_of(line.address) as client:
            line.fail_next(r"/blobs/uploads/", 405, 1)  # no push, so that only whole images can be deleted
            plan = look(client, "a/b", ["chosen"], Cancellation())
            assert (plan.unknown, len(plan.siblings), plan.alone) == (5, 55, frozenset())
            line.fail_next(r"/manifests/t", 403, 1000)
            before = len(line.requests)
            plan = look(client, "a/b", ["chosen"], Cancellation())
            assert (plan.unknown, plan.siblings) == (60, ())
            # Where a tag can be deleted alone, those that could not be checked are safe.
            assert plan.alone == {made.digest}
            assert len(line.requests) - before < 80  # of 121
            cancellation = Cancellation()
            cancellation.cancel()
            with pytest.raises(Cancelled):
                look(client, "a/b", ["chosen"], cancellation)


def test_a_registry_of_another_make_removes_one_tag_alone(crane_registry: CraneRegistry) -> None:
    with client_of(crane_registry.address) as client:
        made = put_image(client, "single/tags", "1.0")
        client.put_manifest("single/tags", "latest", made.raw, OCI_MANIFEST)
        plan = look(client, "single/tags", ["1.0"], Cancellation())
        assert (plan.siblings, plan.staying) == ((), ("latest",))
        remove(client, plan)
        assert client.head("single/tags", "1.0") is None
        assert client.head("single/tags", "latest").digest == made.digest
        # It keeps the tags of a manifest that is deleted by its digest, so that they have to be deleted, too.
        remove(client, look(client, "single/tags", ["latest"], Cancellation()))
        assert client.head("single/tags", "latest") is None
