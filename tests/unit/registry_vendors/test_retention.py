"""A retention plan on Docker Hub, where a manifest that is read counts as a pull, and only its API deletes."""

from __future__ import annotations

from typing import Any

import pytest

from longshore.application.cleanup.retention import make
from longshore.application.cleanup.retention_rules import RetentionRules
from longshore.application.cleanup.retention_run import carry_out
from longshore.application.cleanup.tags import read_repository
from longshore.cancellation import Cancellation
from longshore.credentials import Credential
from longshore.oci.reference import Reference
from longshore.registry.tag_deletion import Way
from longshore.transfers.tag_changes import NO_RECORDER

SAM = Credential("sam", "a-secret")
ONE, TWO = "sha256:" + "1" * 64, "sha256:" + "2" * 64


class Hub:
    """Its registry and its API, as documented; *tags* with digest and date of the push."""

    def __init__(self, vendor: Any, reply: Any) -> None:
        self.tags = {
            "1.0": (ONE, "2024-01-01T00:00:00Z"),
            "old": (ONE, "2024-01-01T00:00:00Z"),
            "2.0": (TWO, "2024-06-01T00:00:00Z"),
        }
        self._vendor = vendor
        self._reply = reply
        vendor.default = self
        vendor.routes["/v2/"] = {}
        vendor.routes["/v2/auth/token"] = {"access_token": "a-token"}
        self.client = vendor.client()
        self._lister = vendor.lister("hub", credential=SAM)
        self.recorder = NO_RECORDER

    def registry(self, host: str) -> Any:
        return self.client

    def lister(self, host: str) -> Any:
        return self._lister

    def __call__(self, asked: Any) -> Any:
        path, name = asked.path, asked.path.rstrip("/").rpartition("/")[2]
        if asked.method == "DELETE" and path.startswith("/v2/repositories/sam/app/tags/"):
            return self._reply(b"", 204) if self.tags.pop(name, None) else self._reply({}, 404)
        if asked.method in ("DELETE", "POST"):
            return self._reply({"errors": [{"code": "UNSUPPORTED"}]}, 405)
        if path == "/v2/namespaces/sam/repositories/app/tags":
            return {"count": len(self.tags), "results": [self._row(tag) for tag in self.tags]}
        if path == "/v2/sam/app/tags/list":
            return {"tags": list(self.tags)}
        digest = self.tags[name][0] if name in self.tags else ""
        if asked.method != "HEAD" or not digest:
            return self._reply({}, 404)
        kind = "application/vnd.oci.image.manifest.v1+json"
        return self._reply(b"{}", 200, {"Docker-Content-Digest": digest, "Content-Type": kind})

    def _row(self, tag: str) -> dict[str, Any]:
        digest, pushed = self.tags[tag]
        image = {"os": "linux", "architecture": "amd64", "size": 1000, "digest": digest}
        return {"name": tag, "digest": digest, "tag_last_pushed": pushed, "images": [image]}


@pytest.fixture
def hub(vendor: Any, reply: Any) -> Hub:
    return Hub(vendor, reply)


def test_exactly_the_planned_tags_go_and_no_manifest_is_read(hub: Hub, vendor: Any) -> None:
    clients: Any = hub
    contents = read_repository(clients, Reference("docker.io", "sam/app"), Cancellation())
    assert contents.way is Way.VENDOR and not contents.complete
    assert [(one.tag, one.digest, one.size) for one in contents.tags] == [
        ("old", ONE, 1000),
        ("1.0", ONE, 1000),
        ("2.0", TWO, 1000),
    ]
    plan = make(contents, RetentionRules(keep_newest=1, never=("old",)))
    assert plan.all == ("1.0",)
    result = carry_out(clients, plan, plan.all, Cancellation())
    assert result.as_planned and hub.tags.keys() == {"old", "2.0"}
    # The last tag of an image goes in the same way.
    plan = make(
        read_repository(clients, Reference("docker.io", "sam/app"), Cancellation()),
        RetentionRules(keep_newest=1),
    )
    result = carry_out(clients, plan, plan.all, Cancellation())
    assert result.as_planned and hub.tags.keys() == {"2.0"}
    assert not [one.path for one in vendor.asked if one.method == "GET" and "/manifests/" in one.path]
