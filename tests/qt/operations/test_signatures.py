"""Keys and rules, as the window changes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from longshore.application.signatures.gate import KeyGate
from longshore.application.signatures.scopes import below
from longshore.errors import InvalidInput, LongshoreError
from longshore.operations.signatures import Signatures
from longshore.registry.config import RegistryConfig
from signaturetools import signer
from waiting import until

from .conftest import Desk

HOST = "registry.acme.io"


def test_keys_and_rules_are_changed_and_listed_as_they_are_then(play, tmp_path: Path) -> None:
    path = signer("ed25519").write(tmp_path / "release.pub")
    private = tmp_path / "cosign.key"
    private.write_bytes(signer().private_pem)

    async def scene(desk: Desk) -> None:
        gate = KeyGate(tmp_path / "keys.json", RegistryConfig, {})
        keys, answers = Signatures(desk.tasks, gate), list[Any]()
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
