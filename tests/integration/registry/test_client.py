"""The client against real registries."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from longshore.cancellation import Cancellation, Cancelled
from longshore.credentials import Credential
from longshore.errors import (
    AccessDenied,
    NotInRegistry,
    RegistryUnreachable,
    SignInFailed,
    SignInRequired,
    TlsFailed,
    VerificationFailed,
)
from longshore.oci.digest import sha256_of
from longshore.oci.layer import BlobOutcome
from longshore.oci.manifest import OCI_INDEX, OCI_MANIFEST, Index, Manifest
from longshore.oci.platform import Platform
from longshore.registry.client import RegistryClient
from longshore.registry.config import RegistryConfig
from longshore.registry.details_cache import FILE_NAME, DetailsCache
from testbed.registry import PrivateRegistry
from testbed.throttle import Throttle

pytestmark = pytest.mark.integration


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path


@contextlib.contextmanager
def client_of(
    address: str, credential: Credential | None = None, **settings: Any
) -> Iterator[RegistryClient]:
    options = {
        key: settings.pop(key)
        for key in ("details", "read_seconds", "certificate_folders")
        if key in settings
    }
    client = RegistryClient(
        RegistryConfig(address, **settings),
        lambda _host: credential,
        environ={},
        **{"certificate_folders": (), **options},
    )
    try:
        yield client
    finally:
        client.close()


def upload(client: RegistryClient, repository: str, content: bytes, **more: Any) -> BlobOutcome:
    return client.upload_blob(
        repository,
        sha256_of(content),
        len(content),
        lambda offset: contextlib.nullcontext(
            content[at : at + 65_536] for at in range(offset, len(content), 65_536)
        ),
        **more,
    )


def put_image(
    client: RegistryClient, repository: str, tag: str, *, platform: str = "linux/amd64", seed: str = ""
) -> Manifest:
    system, architecture = platform.split("/")
    layer = (f"{repository}{platform}{seed}" * 500).encode()
    config = json.dumps(
        {"os": system, "architecture": architecture, "created": "2026-01-02T03:04:05Z",
         "rootfs": {"type": "layers", "diff_ids": [sha256_of(layer)]}}
    ).encode()  # fmt: skip
    upload(client, repository, layer)
    upload(client, repository, config)
    raw = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": sha256_of(config),
                "size": len(config),
            },
            "layers": [
                {
                    "mediaType": "application/vnd.oci.image.layer.v1.tar",
                    "digest": sha256_of(layer),
                    "size": len(layer),
                }
            ],
        }
    ).encode()
    client.put_manifest(repository, tag or sha256_of(raw), raw, OCI_MANIFEST)
    found = client.manifest(repository, tag or sha256_of(raw))
    assert isinstance(found, Manifest) and found.raw == raw
    return found


def test_open_registry_writes_lists_reads_and_deletes(root: Path) -> None:
    with PrivateRegistry(root) as registry, client_of(registry.address) as client:
        assert client.check().auth == "none"
        assert client.check().url == registry.url
        for name in ("one/a", "one/b", "two/c"):
            put_image(client, name, "1.0")
        page = client.repositories(n=2)
        names = list(page.items)
        while page.next:
            page = client.repositories(page.next, 2)
            names += page.items
        assert names == ["one/a", "one/b", "two/c"]
        made = put_image(client, "one/a", "1.1", seed="x")
        assert sorted(client.tags("one/a").items) == ["1.0", "1.1"]
        head = client.head("one/a", "1.1")
        assert head is not None and head.digest == made.digest and head.size == len(made.raw)
        assert client.head("one/a", "none") is None
        assert client.config("one/a", made).platform == Platform("linux", "amd64")
        details = client.tag_details("one/a", "1.1")
        assert (details.digest, details.size) == (made.digest, made.compressed_size)
        assert details.created is not None and details.created.year == 2026
        with pytest.raises(AccessDenied, match="deletion"):
            client.delete_manifest("one/a", "1.1")  # distribution deletes by digest only
        client.delete_manifest("one/a", made.digest)
        assert client.head("one/a", "1.1") is None
        with pytest.raises(NotInRegistry):
            client.tags("no/such")
        with pytest.raises(SignInRequired if client.check().auth != "none" else NotInRegistry):
            client.manifest("no/such", "1")


def test_an_index_its_platforms_and_the_cache(root: Path) -> None:
    cache = DetailsCache(root / "cache")
    with PrivateRegistry(root) as registry, client_of(registry.address, details=cache) as client:
        children = [put_image(client, "multi", "", platform=name) for name in ("linux/amd64", "linux/arm64")]
        entries = [
            {**child.descriptor.to_json(), "platform": {"os": "linux", "architecture": name}}
            for child, name in zip(children, ("amd64", "arm64"), strict=True)
        ]
        attestation = {**entries[0], "platform": {"os": "unknown", "architecture": "unknown"}}
        raw = json.dumps(
            {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [*entries, attestation]}
        ).encode()
        client.put_manifest("multi", "1", raw, OCI_INDEX)
        found = client.tag_details("multi", "1", platform=Platform("linux", "arm64"))
        assert found.digest == sha256_of(raw) and found.media_type == OCI_INDEX
        assert found.size == children[1].compressed_size
        assert [str(one) for one in found.platforms] == ["linux/amd64", "linux/arm64"]
        assert found.images == tuple(child.digest for child in children), "no attestation"
        index = client.manifest("multi", "1")
        assert isinstance(index, Index)
        assert [one.size for one in client.platform_details("multi", index)][:2] == [
            c.compressed_size for c in children
        ]
        before = len(registry.requests())
        assert client.tag_details("multi", "1", platform=Platform("linux", "arm64")) == found
        assert [one.method for one in registry.requests()[before:]] == ["HEAD"]
    cache.close()


def test_a_broken_cache_harms_nobody(root: Path) -> None:
    folder = root / "cache"
    folder.mkdir()
    (folder / FILE_NAME).write_bytes(b"no database at all" * 100)
    cache = DetailsCache(folder)
    with PrivateRegistry(root) as registry, client_of(registry.address, details=cache) as client:
        put_image(client, "a", "1")
        assert client.tag_details("a", "1") == client.tag_details("a", "1")
    cache.close()
    assert not cache.knows("a", "b", "1")


def test_basic_sign_in(root: Path) -> None:
    with PrivateRegistry(root, auth="htpasswd") as registry:
        sam = Credential(registry.username, registry.password)
        with client_of(registry.address) as stranger:
            assert stranger.check().auth == "basic"
            with pytest.raises(SignInRequired):
                stranger.repositories()
            stranger.sign_in(sam)
            with pytest.raises(SignInFailed):
                stranger.sign_in(Credential("sam", "wrong"))
        with client_of(registry.address, sam) as client:
            put_image(client, "a/b", "1")
            assert client.repositories().items == ["a/b"]


def test_token_sign_in_push_mount_and_delete(root: Path) -> None:
    with PrivateRegistry(root, auth="token") as registry:
        sam = Credential(registry.username, registry.password)
        with client_of(registry.address) as stranger:
            assert stranger.check().auth == "bearer"
            with pytest.raises(SignInFailed):
                stranger.sign_in(Credential("sam", "wrong"))
            stranger.sign_in(sam)
        with client_of(registry.address, sam) as client:
            made = put_image(client, "a/b", "1")
            assert client.repositories().items == ["a/b"]
            layer = made.layers[0].digest
            assert client.mount("c/d", layer, "a/b") is None
            assert client.blob_size("c/d", layer) == made.layers[0].size
            unknown = client.mount("c/d", sha256_of(b"unknown"), "a/b")
            assert unknown is not None
            client.finish_upload(unknown, sha256_of(b"unknown"), [b"unknown"], 7)
            assert client.blob_size("c/d", sha256_of(b"unknown")) == 7
            client.delete_manifest("a/b", made.digest)
            assert client.head("a/b", "1") is None


def test_own_authority_and_the_certificate_of_the_refused(root: Path) -> None:
    with PrivateRegistry(root, tls=True) as registry:
        assert registry.ca_file is not None
        with client_of(registry.address) as client, pytest.raises(TlsFailed) as caught:
            client.check()
        assert "SHA-256 fingerprint: " in caught.value.certificate
        assert "Subject: " in caught.value.certificate and "Valid: " in caught.value.certificate
        assert "certs.d" in caught.value.advice
        with client_of(registry.address, ca_file=registry.ca_file) as client:
            put_image(client, "a", "1")
            assert client.repositories().items == ["a"]
        with client_of(registry.address, insecure=True) as client:
            assert client.repositories().items == ["a"]
        folder = root / "certs.d" / registry.address
        folder.mkdir(parents=True)
        (folder / "ca.crt").write_bytes(registry.ca_file.read_bytes())
        with client_of(registry.address, certificate_folders=[root / "certs.d"]) as client:
            assert client.repositories().items == ["a"]


def test_client_certificates(root: Path) -> None:
    with PrivateRegistry(root, tls=True, client_certificates=True) as registry:
        certificate, key = registry.client_certificate
        with (
            client_of(registry.address, ca_file=registry.ca_file) as client,
            pytest.raises(TlsFailed, match="certificate"),
        ):
            client.check()
        with client_of(registry.address, ca_file=registry.ca_file) as client:
            report = client.certificate()
            assert report.certificate is not None and report.problem is not None
            assert not report.about_trust, "our certificate is missing"
        settings = {"ca_file": registry.ca_file, "client_cert": certificate, "client_key": key}
        with client_of(registry.address, **settings) as client:
            assert client.check().auth == "none"
        with (
            client_of(registry.address, ca_file=root / "missing.pem") as client,
            pytest.raises(TlsFailed, match="files"),
        ):
            client.check()


def test_a_prefix_before_v2(root: Path) -> None:
    with (
        PrivateRegistry(root, prefix="/images/") as registry,
        client_of(registry.address, prefix="images") as client,
    ):
        put_image(client, "a", "1")
        put_image(client, "b", "1")
        page = client.repositories(n=1)
        assert page.items == ["a"] and client.repositories(page.next).items == ["b"]


@pytest.mark.parametrize("relative", [False, True])
def test_uploads_in_chunks(root: Path, relative: bool) -> None:
    content = os.urandom(5_000_000)
    with PrivateRegistry(root, relative_urls=relative) as registry, client_of(registry.address) as client:
        states = []
        assert upload(client, "a", content, chunk=2_000_000, confirmed=states.append) is BlobOutcome.UPLOADED
        assert [one.offset for one in states] == [2_000_000, 4_000_000]
        assert upload(client, "a", content) is BlobOutcome.SKIPPED
        assert upload(client, "b", content, mount_from="a") is BlobOutcome.MOUNTED
        assert upload(client, "c", b"") is BlobOutcome.UPLOADED
        with client.read_blob("a", sha256_of(content)) as blob:
            assert blob.size == len(content)
            assert hashlib.sha256(b"".join(blob)).digest() == hashlib.sha256(content).digest()
        with client.read_blob("a", sha256_of(content), 4_999_990) as blob:
            assert (b"".join(blob), blob.size) == (content[-10:], len(content))
        with client.read_blob("a", sha256_of(content), len(content)) as blob:
            assert b"".join(blob) == b""


def test_an_upload_goes_on_where_it_was(root: Path) -> None:
    content = os.urandom(3_000_000)
    with PrivateRegistry(root) as registry, client_of(registry.address) as client:
        session = client.start_upload("a")
        session = client.upload_chunk(session, [content[:1_000_000]], 1_000_000)
        registry.restart()
        asked: list[int] = []

        def source(offset: int) -> Any:
            asked.append(offset)
            return contextlib.nullcontext([content[offset:]])

        client.upload_blob("a", sha256_of(content), len(content), source, resume=session)
        assert asked == [1_000_000]
        with pytest.raises(VerificationFailed):
            other = client.start_upload("a")
            client.finish_upload(other, sha256_of(b"x"), [b"y"], 1)


def test_an_upload_that_is_cut_begins_again(root: Path) -> None:
    content = os.urandom(3_000_000)
    with (
        PrivateRegistry(root) as registry,
        Throttle(registry.address) as line,
        client_of(line.address) as client,
    ):
        cut = [True]

        def source(offset: int) -> Any:
            def pieces() -> Iterator[bytes]:
                yield content[offset : offset + 500_000]
                if cut.pop() if cut else False:
                    line.refuse()
                    line.start()
                yield content[offset + 500_000 :]

            return contextlib.nullcontext(pieces())

        assert client.upload_blob("a", sha256_of(content), len(content), source) is BlobOutcome.UPLOADED
        assert client.blob_size("a", sha256_of(content)) == len(content)


def test_cancels_a_download_and_an_upload(root: Path) -> None:
    content = os.urandom(4_000_000)
    with PrivateRegistry(root) as registry, client_of(registry.address) as direct:
        upload(direct, "a", content)
        with Throttle(registry.address, bytes_per_second=200_000) as line, client_of(line.address) as client:
            cancellation = Cancellation()
            with (
                pytest.raises(Cancelled),
                client.read_blob("a", sha256_of(content), cancellation=cancellation) as blob,
            ):
                for _ in blob:
                    cancellation.cancel()
            other = Cancellation()
            sent = [0]

            def source(offset: int) -> Any:
                def pieces() -> Iterator[bytes]:
                    for at in range(offset, len(content), 65_536):
                        if at > 500_000:
                            other.cancel()
                        sent[0] = at
                        yield content[at : at + 65_536]

                return contextlib.nullcontext(pieces())

            with pytest.raises(Cancelled):
                client.upload_blob("b", sha256_of(content), len(content), source, cancellation=other)
            # The piece in transit at the cancellation is still sent, and perhaps one more.
            assert sent[0] < 500_000 + 3 * 65_536


def test_referrers_by_the_fallback_tag(root: Path) -> None:
    with PrivateRegistry(root) as registry, client_of(registry.address) as client:
        image = put_image(client, "a", "1")
        assert client.referrers("a", image.digest) == []
        empty = b"{}"
        upload(client, "a", empty)
        descriptor = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": sha256_of(empty), "size": 2}
        raw = json.dumps(
            {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": "application/x.signature",
             "config": descriptor, "layers": [descriptor], "subject": image.descriptor.to_json()}
        ).encode()  # fmt: skip
        digest = client.put_manifest("a", sha256_of(raw), raw, OCI_MANIFEST)
        assert [one.digest for one in client.referrers("a", image.digest)] == [digest]
        assert client.referrers("a", image.digest, "application/x.other") == []


def test_finds_a_registry_again_that_was_away(root: Path) -> None:
    with PrivateRegistry(root) as registry, client_of(registry.address) as client:
        put_image(client, "a", "1")
        registry.stop()
        with pytest.raises(RegistryUnreachable):
            client.tags("a")
        registry.start()
        assert client.tags("a").items == ["1"]
