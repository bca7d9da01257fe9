"""Engines pull exactly the image whose signature was verified, and none that is not signed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from longshore.application.clients import Clients
from longshore.application.signatures.book import Key
from longshore.application.signatures.gate import KeyGate
from longshore.application.signatures.scopes import parse_scope
from longshore.errors import ImageUnknown, NotSigned
from longshore.registry.config import RegistryConfig
from longshore.transfers.transfer import NoteKind, State
from signaturetools import Attacher, signer, simple
from testbed.engine import PrivateEngine
from testbed.registry import PrivateRegistry
from testbed.remote_images import seed_repository
from transfertools import address_of, pull


def test_an_engine_pulls_what_is_signed_and_nothing_else(
    any_engine: PrivateEngine,
    open_registry: PrivateRegistry,
    clients: Clients,
    make_queue: Callable[..., Any],
    tmp_path: Path,
) -> None:
    host, repository = open_registry.address, "only/app"
    gate = KeyGate(tmp_path / "keys.json", RegistryConfig, {})
    clients.gate = gate
    gate.book.add(Key(parse_scope(host), "release@example.com", signer().pem.decode()))
    gate.book.set_only_signed(parse_scope(f"{host}/only/*"), True)
    platforms = (("linux", "amd64"), ("linux", "arm64"))
    signed = seed_repository(host, repository, ["1"], platforms=platforms, layers=(1000,))
    seed_repository(host, repository, ["2"], layers=(1000,))
    Attacher(clients.registry(host), repository).tag(signed.digest, simple(signer(), signed.digest))
    engine = clients.engine(address_of(any_engine.host))
    queue, eye = make_queue()

    row = eye.until(queue.add(pull(f"{host}/{repository}:2", engine.address)), State.FAILED, 60)
    assert isinstance(row.error, NotSigned)
    with pytest.raises(ImageUnknown):
        engine.image(f"{host}/{repository}:2")

    row = eye.until(queue.add(pull(f"{host}/{repository}:1", engine.address)), State.SUCCEEDED, 60)
    kinds = {note.kind: note.text for note in row.notes}
    assert kinds[NoteKind.SIGNED] == "release@example.com"
    assert NoteKind.NOT_VERIFIED not in kinds
    image = engine.image(f"{host}/{repository}:1")
    assert any(name.endswith(signed.digest) for name in image.repo_digests) or image.image_id == signed.digest
    # Removing the tag removes the image: no name by digest is left behind.
    engine.remove(f"{host}/{repository}:1")
    assert image.image_id not in [one.image_id for one in engine.images()]
