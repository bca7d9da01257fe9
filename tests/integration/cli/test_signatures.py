"""Keys, verify, and the rule "only signed", on real registries and the library."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from longshore.registry.client import RegistryClient
from longshore.registry.config import RegistryConfig
from signaturetools import Attacher, dsse, signer, simple
from testbed.registry import PrivateRegistry
from testbed.remote_images import seed_repository

PLATFORMS = (("linux", "amd64"), ("linux", "arm64"))


@pytest.fixture
def client(open_registry: PrivateRegistry) -> Iterator[RegistryClient]:
    made = RegistryClient(RegistryConfig(open_registry.address), lambda _: None)
    yield made
    made.close()


def test_images_are_verified_and_only_signed_ones_are_fetched(
    alone: Any,
    client: RegistryClient,
    open_registry: PrivateRegistry,
    second_registry: PrivateRegistry,
    tmp_path: Path,
) -> None:
    host, repository = open_registry.address, "signed/app"
    digests = {
        tag: seed_repository(host, repository, [tag], platforms=PLATFORMS, layers=(1000,)).digest
        for tag in ("tag", "bundle", "none", "other", "moved", "altered")
    }
    attach, mine = Attacher(client, repository), signer()
    attach.tag(digests["tag"], simple(mine, digests["tag"], reference=f"{host}/{repository}"))
    attach.bundle(digests["bundle"], dsse(mine, digests["bundle"]))
    attach.referrer(digests["other"], simple(signer("p256", 1), digests["other"]))
    attach.tag(digests["tag"], simple(mine, digests["tag"]), named=digests["moved"])
    body, value = simple(mine, digests["altered"])
    attach.tag(digests["altered"], (body.replace(b"team", b"meat"), value))
    key = mine.write(tmp_path / "release.pub")

    # By a file, in one go; then by the user's keys.
    names = [f"{host}/{repository}:{tag}" for tag in digests]
    found = alone.records("verify", "--key", key, *names, code=3)
    assert [(one["state"], one["reason"]) for one in found] == [
        ("signed", None),
        ("signed", None),
        ("unsigned", None),
        ("broken", "other key"),
        ("broken", "other image"),
        ("broken", "other key"),
    ]
    assert [one["digest"] for one in found] == list(digests.values())
    assert (found[0]["index"], found[0]["signer"]) == (True, "release")
    assert alone.records("verify", names[0], code=1)[0]["reason"] == "no key"
    scope = f"{host}/signed/*"
    alone("keys", "add", scope, key, "--name", "release@example.com")
    done = alone("verify", names[0])
    assert done.stdout.splitlines()[0] == f"{names[0]}: signed by release@example.com"
    assert "key of signed/*. The signature covers all platforms." in done.stdout

    # The rule holds for every way out of the registry.
    assert "no key" not in alone("keys", "only-signed", scope).stderr
    listed = alone.records("keys", "list")
    assert [(one["kind"], one["scope"]) for one in listed] == [("key", scope), ("only_signed", scope)]
    for command in (
        ("pull", "--to", "library", names[2]),
        ("copy", names[2], f"{second_registry.address}/signed/copy:1"),
        ("copy", names[2], f"oci:{tmp_path / 'layout'}:1"),
        ("save", "--from", "registry", "-o", tmp_path / "image.tar", names[2]),
    ):
        refused = alone(*command, code=1)
        assert f"{names[2]}: The image is not signed, and only signed images are allowed." in refused.stderr
        assert "change the rule with longshore keys." in refused.stderr
    refused = alone("inspect", "--files", names[2], code=1)
    assert "only signed images are allowed" in refused.stderr
    assert not list((Path(alone.environ["XDG_DATA_HOME"]) / "longshore").rglob("sha256/*"))
    alone("inspect", "--files", "--platform", "linux/amd64", names[0])
    alone("pull", "--to", "library", *names[3:], code=1)
    pulled = alone.records("pull", "--to", "library", "--all-platforms", names[0])[-1]
    assert (pulled["state"], pulled["digest"]) == ("Succeeded", digests["tag"])
    alone("copy", "--referrers", names[1], f"{second_registry.address}/signed/copy:1")
    # A copy with its signatures can be verified where it is, also without a registry.
    alone("copy", "--referrers", names[0], "library:signed/app:1")
    copies = f"{second_registry.address}/signed/copy:1", "library:signed/app:1"
    found = alone.records("verify", "--key", key, *copies)
    assert [(one["place"], one["state"]) for one in found] == [("registry", "signed"), ("library", "signed")]

    # Without the rule, a command may ask for it.
    alone("keys", "only-signed", "--off", scope)
    alone("pull", "--to", "library", "--only-signed", names[2], code=1)
    alone("pull", "--to", "library", names[2])
    alone("keys", "remove", scope, "release@example.com")
    alone("keys", "remove", scope, code=2)


def test_a_private_key_is_refused_and_not_repeated(alone: Any, tmp_path: Path) -> None:
    path = tmp_path / "cosign.key"
    path.write_bytes(signer().private_pem)
    done = alone("keys", "add", "registry.example.com", path, code=2)
    assert "private key" in done.stderr
    assert signer().private_pem.decode().splitlines()[1] not in done.stderr
    assert alone.records("keys", "list") == []
    alone("keys", "add", "registry.example.com", signer().write(tmp_path / "release.pub"))
    (file,) = Path(alone.environ["XDG_CONFIG_HOME"]).glob("longshore/keys.json")
    file.write_text(file.read_text().replace("PUBLIC KEY-----\\n", "PUBLIC KEY-----\\n!", 1))
    assert [one["type"] for one in alone.records("keys", "list")] == ["damaged"]
