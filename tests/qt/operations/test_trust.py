"""Settings of registries, and certificates that are trusted."""

from __future__ import annotations

import ssl
from pathlib import Path

from longshore.oci.errors import LongshoreError, TlsFailed
from longshore.operations.book import RegistryBook
from longshore.operations.trust import Trust
from longshore.registry.config import RegistryConfig
from testbed.crypto import make_authority

from .conftest import Desk, add

HOST = "[::1]:5000"


def certificates(path: Path) -> int:
    """How many of them a file holds, all of which can be read."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(path)
    return len(context.get_ca_certs())


def test_what_is_trusted_is_kept_beside_what_was_chosen(play, tmp_path: Path) -> None:
    chosen = make_authority(tmp_path / "chosen", "Chosen")[0]
    first, second = (make_authority(tmp_path / name, name)[0].read_text() for name in ("first", "second"))
    changed: list[str] = []

    async def scene(desk: Desk) -> None:
        add(desk, HOST)
        trust = Trust(desk.services, desk.tasks, desk.book, tmp_path / "kept", changed.append)
        answers: list[LongshoreError | None] = []
        trust.save(RegistryConfig(HOST, ca_file=chosen), answers.append)
        await desk.until(lambda: len(answers) == 1)
        trust.trust(HOST, first, answers.append)
        await desk.until(lambda: len(answers) == 2)
        kept = trust.config(HOST).ca_file
        assert kept == trust.file_of(HOST) and kept.stat().st_mode & 0o777 == 0o600
        assert certificates(kept) == 2 and first in kept.read_text()
        assert answers == [None, None] and changed == [HOST, HOST]
        # Elsewhere nothing is trusted, and it is remembered.
        assert trust.config("docker.io").ca_file is None
        assert RegistryBook(desk.settings, []).config(HOST).ca_file == kept
        # Another certificate of the same registry takes the place of the first.
        trust.trust(HOST, second, answers.append)
        await desk.until(lambda: len(answers) == 3)
        assert second in kept.read_text() and first not in kept.read_text()
        trust.forget(HOST)
        await desk.until(lambda: not kept.exists())
        assert chosen.exists()

    play(scene)


def test_files_that_cannot_be_used_change_nothing(play, tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        add(desk, HOST)
        trust = Trust(desk.services, desk.tasks, desk.book, tmp_path / "kept", lambda host: None)
        answers: list[LongshoreError | None] = []
        trust.save(RegistryConfig(HOST, ca_file=tmp_path / "none.crt", title="Ours"), answers.append)
        await desk.until(lambda: bool(answers))
        assert isinstance(answers[0], TlsFailed) and "none.crt" in answers[0].detail
        assert trust.config(HOST) == RegistryConfig(HOST)

    play(scene)
