"""Keys and rules, as the window changes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from longshore.application.signatures.book import Key
from longshore.application.signatures.gate import KeyGate
from longshore.application.signatures.scopes import below
from longshore.application.signatures.verifying import Reason
from longshore.application.subject import Subject
from longshore.errors import InvalidInput, LongshoreError
from longshore.oci.reference import Reference
from longshore.operations.signatures import Signatures
from longshore.registry.config import RegistryConfig
from longshore.transfers.transfer import Endpoint, RegistryPlace
from signaturetools import Attacher, signer, simple
from transfertools.faulty import faulty_registries
from waiting import until

from .conftest import Desk

HOST = "registry.acme.io"


def test_keys_and_rules_are_changed_and_listed_as_they_are_then(play, tmp_path: Path) -> None:
    path = signer("ed25519").write(tmp_path / "release.pub")
    private = tmp_path / "cosign.key"
    private.write_bytes(signer().private_pem)

    async def scene(desk: Desk) -> None:
        gate = KeyGate(tmp_path / "keys.json", RegistryConfig, {})
        keys, answers = Signatures(desk.clients, desk.tasks, gate), list[Any]()
        changes: list[bool] = []
        keys.changed.connect(lambda: changes.append(True))

        async def answer() -> Any:
            await until(lambda: bool(answers))
            return answers.pop()

        keys.read(HOST, answers.append)
        assert await answer() == []
        keys.add(HOST, "acme/*", path, "release@acme.io", answers.append)
        (row,) = await answer()
        scope = below(HOST, "acme/*")
        assert (row.scope, row.name, row.kind, row.only_signed) == (
            scope,
            "release@acme.io",
            "Ed25519",
            False,
        )
        keys.set_only_signed(HOST, None, True, answers.append)
        assert [(row.scope.path, row.only_signed) for row in await answer()] == [
            ("", True),
            ("acme/*", False),
        ]
        keys.remove(HOST, scope, "release@acme.io", answers.append)
        assert [row.name for row in await answer()] == [""]
        assert len(changes) == 3
        keys.add(HOST, "", private, "", answers.append)
        assert isinstance(await answer(), InvalidInput)
        gate.book.path.write_text("{")
        keys.read(HOST, answers.append)
        assert isinstance(await answer(), LongshoreError)
        assert len(changes) == 3

    play(scene)


def test_details_verify_what_has_keys_and_the_rest_on_demand(play, tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        with faulty_registries(1) as [registry]:
            digest = registry.put_image("a", "1", b"layer")
            client = desk.clients.registry(registry.address)
            Attacher(client, "a").tag(digest, simple(signer(), digest))
            gate = KeyGate(tmp_path / "keys.json", RegistryConfig, {})
            keys, answers = Signatures(desk.clients, desk.tasks, gate), list[Any]()
            reference = Reference.parse(f"{registry.address}/a:1")
            subject = Subject(Endpoint(RegistryPlace(registry.address), reference))

            async def answer(*, asked: bool = False) -> Any:
                registry.asked.clear()
                keys.verify(subject, answers.append, asked=asked)
                await until(lambda: bool(answers))
                return answers.pop()

            assert await answer() is None and not registry.asked, "there is no key for it"
            assert (await answer(asked=True)).reason is Reason.NO_KEY
            gate.book.add(Key(below(registry.address, "a"), "Ann", signer().pem.decode()))
            keys.changed.emit()
            assert (await answer()).name == "Ann" and registry.asked
            assert (await answer()).name == "Ann" and not registry.asked, "it is known"
            assert (await answer(asked=True)).name == "Ann" and registry.asked
            keys.leave()
            client.close()

    play(scene)
