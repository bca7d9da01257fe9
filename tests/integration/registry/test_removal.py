"""Removing tags and what is removed with them, on real registries."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from longshore.cancellation import Cancellation, Cancelled
from longshore.credentials import Credential
from longshore.errors import AccessDenied, Remedy, VerificationFailed
from longshore.oci.manifest import OCI_INDEX, OCI_MANIFEST
from longshore.registry.removal import look, remove
from testbed.crane import CraneRegistry
from testbed.registry import PrivateRegistry
from testbed.throttle import Throttle

from .test_client import client_of, put_image

pytestmark = pytest.mark.integration


def test_every_tag_that_goes_is_named_and_the_others_stay(tmp_path: Path) -> None:
    with PrivateRegistry(tmp_path) as registry, client_of(registry.address) as client:
        made = put_image(client, "a/b", "1.0")
        for tag in ("1", "latest", "sha256-looks-like-a-digest"):
            client.put_manifest("a/b", tag, made.raw, OCI_MANIFEST)
        other = put_image(client, "a/b", "2.0", seed="other")
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
    with PrivateRegistry(tmp_path) as registry, client_of(registry.address) as client:
        children = [
            put_image(client, "multi", f"1-{name}", platform=f"linux/{name}") for name in ("amd64", "arm64")
        ]
        document = {
            "schemaVersion": 2,
            "mediaType": OCI_INDEX,
            "manifests": [child.descriptor.to_json() for child in children],
        }
        for tag in ("1", "stable"):
            client.put_manifest("multi", tag, json.dumps(document).encode(), OCI_INDEX)
        plan = look(client, "multi", ["1-amd64"], Cancellation())
        assert plan.siblings == () and sorted(plan.broken) == ["1", "stable"]
        # If the index is removed too, nothing is broken.
        assert look(client, "multi", ["1-amd64", "1"], Cancellation()).broken == ()


def test_a_tag_that_was_moved_meanwhile_is_not_removed(tmp_path: Path) -> None:
    with PrivateRegistry(tmp_path) as registry, client_of(registry.address) as client:
        made = put_image(client, "a/b", "1")
        client.put_manifest("a/b", "same", made.raw, OCI_MANIFEST)
        plan = look(client, "a/b", ["1"], Cancellation())
        newer = put_image(client, "a/b", "same", seed="newer")
        with pytest.raises(VerificationFailed, match="same was moved to another image"):
            remove(client, plan)
        assert client.head("a/b", "1").digest == made.digest
        assert client.head("a/b", "same").digest == newer.digest


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
            plan = look(client, "a/b", ["chosen"], Cancellation())
            assert (plan.unknown, len(plan.siblings)) == (5, 55)
            line.fail_next(r"/manifests/t", 403, 1000)
            before = len(line.requests)
            plan = look(client, "a/b", ["chosen"], Cancellation())
            assert (plan.unknown, plan.siblings) == (60, ())
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
