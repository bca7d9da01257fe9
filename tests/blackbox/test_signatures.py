"""The rule "only signed": a refused pull offers Keys…, and once the key was added there, the image is pulled."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from longshore.registry.client import RegistryClient
from longshore.registry.config import RegistryConfig
from signaturetools import Attacher, signer, simple
from testbed.driver import Window
from testbed.registry import PrivateRegistry
from testbed.remote_images import seed_repository
from testbed.steps import TRANSFERRED, open_repository, wait_status

Start = Callable[..., Window]


def test_a_refused_row_leads_to_the_keys_and_the_signed_image_is_pulled(
    start: Start,
    open_registry: PrivateRegistry,
    run_command: Callable[..., subprocess.CompletedProcess[str]],
    tmp_path: Path,
) -> None:
    host, repository = open_registry.address, "guarded/app"
    signed = seed_repository(host, repository, ["1"], layers=(1000,))
    seed_repository(host, repository, ["2"], layers=(1000,))
    client = RegistryClient(RegistryConfig(host), lambda _: None)
    Attacher(client, repository).tag(
        signed.digest, simple(signer(), signed.digest, reference=f"{host}/{repository}")
    )
    client.close()
    key = signer().write(tmp_path / "release.pub")
    assert run_command("keys", "only-signed", f"{host}/guarded/*").returncode == 0

    window = start(open_registry)
    open_repository(window, host, repository)
    window.click_row("Tags", "1")
    window.press("Pull")
    row = wait_status(window, "Failed")
    assert "you have no key for" in row[TRANSFERRED]
    # The helping button, then the keyboard alone.
    window.press("Keys…")
    window.wait_text(f"Keys of {host}")
    window.wait_row("Keys", "guarded/*", "no key")
    window.type(str(key))
    window.keys("Tab", "Tab")
    window.type("release@acme.io")
    window.keys("Tab")
    window.type("guarded/*")
    window.keys("Return")
    window.wait_row("Keys", "guarded/*", "release@acme.io", "ECDSA P-256")
    window.keys("Escape")
    window.click_row("Tags", "1")
    window.press("Pull")
    window.wait_row("Transfers", "Pull", "Succeeded")
    window.wait_row("Local images", f"{host}/{repository}", "1")
    window.click_row("Tags", "2")
    window.press("Pull")
    window.wait_row(
        "Transfers",
        f"{host}/{repository}:2",
        "Failed",
        "The image is not signed, and only signed images are allowed.",
    )
