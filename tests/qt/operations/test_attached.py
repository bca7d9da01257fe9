"""Reads what is attached for Details: in turn, once, and only where that does not count; saves, exports, scans."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import shiboken6
from PySide6.QtCore import QObject, Signal

from longshore.application.attached.kinds import Kind
from longshore.application.attached.scanning import Scanner
from longshore.application.signatures.book import Key
from longshore.application.signatures.gate import KeyGate
from longshore.application.signatures.scopes import below
from longshore.application.signatures.verifying import Reason
from longshore.application.subject import Subject
from longshore.oci.reference import Reference
from longshore.operations import attached as operation
from longshore.operations.attached import Attached
from longshore.registry.config import RegistryConfig
from longshore.registry.model import TagDetails
from longshore.transfers.transfer import Endpoint, RegistryPlace
from longshore.wiring.shared import short_path
from qt.models.made import ENGINE, image, sha
from signaturetools import Attacher, signer, simple
from testbed import attachments as made
from testbed.registry import PrivateRegistry
from testbed.remote_images import RegistryWriter
from transfertools.faulty import faulty_registries
from waiting import until

from .conftest import Desk, Play

STATEMENTS = {made.SPDX: made.spdx([("curl", "7", "curl")]), made.SLSA_1: made.slsa_1()}


class Heard:
    """The operation with its signals, in order."""

    def __init__(self, attached: Attached) -> None:
        self.attached = attached
        self.signals: list[tuple[Any, ...]] = []
        for name in (
            "found",
            "read",
            "registry_scanned",
            "ended",
            "failed",
            "withheld",
            "scanned",
            "scan_failed",
            "saved",
            "scan_began",
            "scanners_found",
        ):
            getattr(attached, name).connect(lambda *said, name=name: self.signals.append((name, *said)))

    def names(self) -> list[str]:
        return [one[0] for one in self.signals]

    async def wait(self, name: str) -> tuple[Any, ...]:
        await until(lambda: name in self.names())
        return next(one for one in reversed(self.signals) if one[0] == name)


def hear(play: Play, body: Callable[[Heard], Coroutine[Any, Any, None]]) -> None:
    """Run *body* with the operation on a running loop."""

    async def scene(desk: Desk) -> None:
        environ = {"PATH": os.environ["PATH"]}
        attached = Attached(desk.clients, desk.tasks, {"docker.io"}.__contains__, environ)
        await body(Heard(attached))
        attached.stop()
        shiboken6.delete(attached)

    play(scene)


@pytest.fixture
def built(open_registry: PrivateRegistry) -> Subject:
    """An image with an SBOM and provenance."""
    with closing(RegistryWriter(open_registry.address)) as writer:
        made.put_built(writer, "details/attached", "1", [("linux", "amd64")], STATEMENTS)
    reference = Reference.parse(f"{open_registry.address}/details/attached:1")
    return Subject(Endpoint(RegistryPlace(reference.domain), reference))


def test_it_reads_in_turn_and_once(
    play: Play, built: Subject, open_registry: PrivateRegistry, tmp_path: Path
) -> None:
    async def body(heard: Heard) -> None:
        heard.attached.look(built)
        await heard.wait("ended")
        assert heard.names() == ["found", "read", "read", "ended"]
        digest = heard.signals[0][2].digest
        _, subject, attachment, read = heard.signals[1]
        assert (subject, attachment.kind) == (built, Kind.SBOM)
        assert [row.cells for row in read.packages] == [("curl", "7", "curl")]
        asked = len(open_registry.requests())
        heard.signals.clear()
        # The row knows the digest by now.
        details = TagDetails("1", digest, None, (), None, "")
        heard.attached.look(replace(built, tag=details))
        await heard.wait("ended")
        assert heard.names() == ["found", "read", "read", "ended"]
        assert not [one for one in open_registry.requests()[asked:] if "manifests" in one.path]
        heard.signals.clear()
        # The tag has moved: it is read again.
        heard.attached.look(replace(built, tag=replace(details, digest=sha("moved"))))
        await heard.wait("ended")
        assert [one for one in open_registry.requests()[asked:] if "manifests" in one.path]
        # Save and export.
        heard.attached.save(built, attachment, tmp_path / "sbom.json")
        assert (await heard.wait("saved"))[1] is None
        assert b"SPDX-2.3" in (tmp_path / "sbom.json").read_bytes()
        heard.signals.clear()
        heard.attached.export(lambda: "a,b\r\n", tmp_path / "gone" / "x" / "a.csv")
        await heard.wait("saved")
        heard.signals.clear()
        heard.attached.export(lambda: "a,b\r\n", tmp_path / "sbom.json" / "a.csv")
        assert (await heard.wait("saved"))[1].message == "The file could not be written."

    hear(play, body)


def test_large_documents_are_read_when_they_are_selected(
    play: Play, built: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operation, "LARGEST_BY_ITSELF", 10)

    async def body(heard: Heard) -> None:
        heard.attached.look(built)
        _, _, found = await heard.wait("found")
        await heard.wait("ended")
        assert "read" not in heard.names()
        heard.attached.read_one(built, found.attachments[1])
        assert (await heard.wait("read"))[2] == found.attachments[1]
        heard.signals.clear()
        # One that is selected while others are read comes next, and once.
        monkeypatch.setattr(operation, "LARGEST_BY_ITSELF", 10**6)
        heard.attached.forget(built)
        heard.attached.found.connect(
            lambda subject, found: heard.attached.read_one(built, found.attachments[1])
        )
        heard.attached.look(built)
        await heard.wait("ended")
        read = [one[2] for one in heard.signals if one[0] == "read"]
        assert read == [found.attachments[1], found.attachments[0]]

    hear(play, body)


def test_a_failure(play: Play, open_registry: PrivateRegistry) -> None:
    async def body(heard: Heard) -> None:
        reference = Reference.parse(f"{open_registry.address}/details/nothing:1")
        subject = Subject(Endpoint(RegistryPlace(reference.domain), reference))
        heard.attached.look(subject)
        assert (await heard.wait("failed"))[1] is subject

    hear(play, body)


def test_a_registry_that_counts_is_not_asked_unasked(play: Play) -> None:
    async def body(heard: Heard) -> None:
        hub = Reference.parse("docker.io/library/alpine:3")
        remote = Subject(Endpoint(RegistryPlace("docker.io"), hub))
        digests = (f"alpine@{sha('a')}",)
        local = Subject(Endpoint(ENGINE, hub), image=image("alpine:3", repo_digests=digests))
        for subject in (remote, local):
            heard.attached.look(subject)
            assert heard.signals.pop() == ("withheld", subject)

    hear(play, body)


@pytest.mark.parametrize("counts", [False, True])
def test_a_new_key_changes_the_verdict_on_a_signature(play: Play, tmp_path: Path, counts: bool) -> None:
    async def scene(desk: Desk) -> None:
        with faulty_registries(1) as [registry]:
            digest = registry.put_image("a", "1", b"layer")
            client = desk.clients.registry(registry.address)
            Attacher(client, "a").tag(digest, simple(signer(), digest))
            gate = KeyGate(tmp_path / "keys.json", RegistryConfig, {})
            attached = Attached(desk.clients, desk.tasks, lambda _host: counts, {}, gate)
            heard = Heard(attached)
            reference = Reference.parse(f"{registry.address}/a:1")
            known = TagDetails("1", digest, None, (), None, "")
            subject = Subject(Endpoint(RegistryPlace(registry.address), reference), tag=known)
            attached.look(subject, asked=True)
            await heard.wait("ended")
            assert (await heard.wait("read"))[3].verdict.reason is Reason.NO_KEY
            heard.signals.clear()
            registry.asked.clear()
            gate.book.add(Key(below(registry.address, "a"), "Ann", signer().pem.decode()))
            attached.forget_verdicts(subject)
            if counts:
                assert heard.names() == ["read"] and heard.signals[0][3].verdict is None
                assert not registry.asked
                attached.look(subject)
                assert heard.names() == ["read", "withheld"]
            else:
                await heard.wait("ended")
                assert heard.names() == ["read", "ended"], "the list stays as it is"
                assert heard.signals[0][3].verdict.name == "Ann"
            attached.stop()
            shiboken6.delete(attached)
            client.close()

    play(scene)


def stub(folder: Path, script: str) -> Scanner:
    program = folder / "trivy"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return Scanner("trivy", program)


def test_a_scan(play: Play, built: Subject, tmp_path: Path) -> None:
    async def body(heard: Heard) -> None:
        document = '{"SchemaVersion": 2, "Results": [{"Vulnerabilities": [{"VulnerabilityID": "C"}]}]}'
        heard.attached.scan(built, stub(tmp_path, f"echo Loading >&2; echo '{document}'"))
        assert heard.attached.scanned_subject is built
        _, subject, result, rows = await heard.wait("scanned")
        assert (subject, result.total, rows[0].cells[1]) == (built, 1, "C")
        console = heard.signals[0][3]
        assert console.last == "Loading\n"
        heard.signals.clear()
        heard.attached.scan(built, stub(tmp_path, "exit 3"))
        assert (await heard.wait("scan_failed"))[2].message == "trivy could not scan the image."
        heard.signals.clear()
        heard.attached.scan(built, stub(tmp_path, "sleep 300"))
        heard.attached.scan(built, stub(tmp_path, "sleep 300"))  # one at a time
        heard.attached.stop_scan()
        assert heard.names() == ["scan_began", "scan_failed"]
        assert heard.signals[-1] == ("scan_failed", built, None)
        assert heard.attached.scanned_subject is None

    hear(play, body)


def test_which_scanners_are_installed(play: Play) -> None:
    async def body(heard: Heard) -> None:
        heard.attached.look_for_scanners()
        assert isinstance((await heard.wait("scanners_found"))[1], list)

    hear(play, body)


def test_the_tab_shows_what_is_read(play: Play, built: Subject, tmp_path: Path) -> None:
    from longshore.widgets.details.attached import AttachedTab
    from longshore.wiring.attached import Attached as Wiring

    class Details(QObject):
        subject_changed = Signal(object)
        read_requested = Signal()

    class Keys(QObject):
        changed = Signal()

    told: list[str] = []
    shared = SimpleNamespace(told=lambda error: told.append("" if error is None else error.message))
    shared.to_clipboard = told.append

    async def body(heard: Heard) -> None:
        tab, details = AttachedTab(), Details()
        operations = SimpleNamespace(attached=heard.attached, details=details, signatures=Keys())
        window = SimpleNamespace(explain=lambda words, tone: told.append(words), details=details)
        wiring = Wiring(tab, cast(Any, window), cast(Any, operations), cast(Any, shared))
        tab.set_subject(built)
        tab.settle()
        await heard.wait("ended")
        assert [row.says for row in tab.model.rows] == [
            "SPDX 2.3, 1 package, made by syft 1.18.1",
            "SLSA 1.0, GitHub Actions, acme/web@4be91d0",
        ]
        assert tab.tables.section is tab.tables.package_section
        row = tab.selected
        assert row is not None and row.attachment is not None
        wiring._folder = str(tmp_path)
        heard.attached.save(built, row.attachment, tmp_path / "sbom.json")
        await heard.wait("saved")
        assert told == ["", f"The file was saved in {short_path(tmp_path)}."]
        heard.signals.clear()
        details.read_requested.emit()
        assert not tab.loading.isVisible() and heard.signals == []  # another tab is shown
        details.subject_changed.emit(None)
        for widget in (tab.verbs, tab.note, tab, details):
            shiboken6.delete(widget)

    hear(play, body)
