"""The column Signature: what is verified, when, and what the cells say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt

from longshore.application.signatures.book import Key
from longshore.application.signatures.gate import KeyGate
from longshore.application.signatures.scopes import below
from longshore.application.signatures.verifying import SignatureState, Verdict
from longshore.models.columns import Role, TagColumn, Tone
from longshore.models.tags import TagModel
from longshore.operations.signatures import Signatures
from longshore.operations.tag_signatures import TagSignatures, _Job
from longshore.registry.config import RegistryConfig
from longshore.registry.model import TagDetails
from signaturetools import Attacher, signer, simple
from transfertools.faulty import FaultyRegistry, faulty_registries
from waiting import until

from .conftest import Desk

A, B = "sha256:" + "a" * 64, "sha256:" + "b" * 64
OCI = "application/vnd.oci.image.manifest.v1+json"


@pytest.fixture
def registry() -> Iterator[FaultyRegistry]:
    with faulty_registries(1) as [one]:
        yield one


class Shown:
    """A table of the tags of a repository, with its column Signature."""

    def __init__(self, desk: Desk, host: str, tmp_path: Path, digests: dict[str, str]) -> None:
        self.gate = KeyGate(tmp_path / "keys.json", RegistryConfig, {})
        self.keys = Signatures(desk.clients, desk.tasks, self.gate)
        self.model = TagModel()
        self.reader = TagSignatures(desk.clients, desk.tasks, self.keys, self.model)
        self.digests = digests
        self.host = host
        self.list()

    def list(self) -> None:
        """List the tags (again)."""
        generation = self.model.reset(self.host, "a")
        self.model.append_tags(generation, list(self.digests), has_more=False)
        details = [TagDetails(tag, digest, 1, (), None, OCI) for tag, digest in self.digests.items()]
        self.model.want_details(0, 50)
        self.model.set_details(generation, *details)
        self.model.settle_details()

    def cell(self, tag: str, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = next(
            number for number in range(self.model.rowCount()) if self.model.index(number, 0).data() == tag
        )
        return self.model.index(row, TagColumn.SIGNATURE).data(role)

    def texts(self) -> dict[str, str]:
        return {tag: self.cell(tag) for tag in self.digests}


def test_visible_tags_are_verified_while_the_column_is_shown(
    play, registry: FaultyRegistry, tmp_path: Path
) -> None:
    digests = {tag: registry.put_image("a", tag, tag.encode()) for tag in ("1", "2", "3")}

    async def scene(desk: Desk) -> None:
        attach = Attacher(desk.clients.registry(registry.address), "a")
        attach.tag(digests["1"], simple(signer(), digests["1"]))
        attach.tag(digests["2"], simple(signer("p256", 1), digests["2"]))
        shown = Shown(desk, registry.address, tmp_path, digests)
        registry.asked.clear()
        assert shown.texts() == {"1": "", "2": "", "3": ""} and not registry.asked
        shown.model.signatures.show(True)
        await until(lambda: shown.texts() == {"1": "unverified", "2": "unverified", "3": "unsigned"})
        assert not registry.requests("GET", "/manifests/(1|sha256:)"), "no manifest of an image is read"
        assert "no key" in shown.cell("1", Qt.ItemDataRole.ToolTipRole)

        # A key changes what is known.
        shown.gate.book.add(Key(below(registry.address, ""), "release@acme.io", signer().pem.decode()))
        shown.keys.changed.emit()
        await until(
            lambda: shown.texts() == {"1": "signed by release@acme.io", "2": "broken", "3": "unsigned"}
        )
        tones = {tag: shown.cell(tag, Role.TONE) for tag in digests}
        assert tones == {"1": Tone.GOOD, "2": Tone.BAD, "3": Tone.NONE}
        shown.model.sort(TagColumn.SIGNATURE)
        assert [shown.model.index(row, 0).data() for row in range(3)] == ["2", "3", "1"]

        # Listed again, it is verified again; a tag that moved has no verdict until then.
        before, old = len(registry.asked), digests["3"]
        digests["3"] = digests["1"]
        shown.list()
        assert shown.cell("3") == ""
        await until(lambda: shown.cell("3") == "signed by release@acme.io")
        assert len(registry.asked) > before
        late = Verdict(old, SignatureState.UNSIGNED)
        shown.model.signatures.set(shown.model.generation, [("3", late)])
        assert shown.cell("3") == "signed by release@acme.io", (
            "an answer about the image before comes too late"
        )
        shown.model.signatures.show(False)
        before = len(registry.asked)
        shown.list()
        assert len(registry.asked) == before
        shown.reader.stop()

    play(scene)


def test_docker_hub_is_not_asked_and_a_failure_is_told(
    play, registry: FaultyRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("longshore.registry.session.pause", lambda *_: None)
    digests = {"1": registry.put_image("a", "1", b"1")}
    registry.fault = lambda _, path: (503, {}, b"") if "/referrers/" in path else None

    async def scene(desk: Desk) -> None:
        shown = Shown(desk, "docker.io", tmp_path, digests)
        shown.model.signatures.show(True)
        await until(lambda: shown.cell("1") == "not known")
        assert "counts" in shown.cell("1", Qt.ItemDataRole.ToolTipRole)
        shown.host = registry.address
        shown.list()
        await until(lambda: shown.cell("1") == "not known")
        assert "internal error" in shown.cell("1", Qt.ItemDataRole.ToolTipRole)
        shown.reader.stop()

    play(scene)


def test_an_answer_about_the_image_before_replaces_none() -> None:
    """While a listing is refreshed, a tag is asked for the image before and for its own, in any order."""
    for order in ((A, B), (B, A)):
        job = _Job("r.io", "a", 1)
        for digest in order:
            job.came("3", Verdict(digest, SignatureState.UNSIGNED))
        assert {(tag, verdict.digest) for tag, verdict in job.take()} == {("3", A), ("3", B)}
        assert job.take() == []
