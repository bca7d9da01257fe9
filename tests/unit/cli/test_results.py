"""What commands print about a transfer that ended: NAME@DIGEST only where that names the image."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from longshore.cli.output import Output
from longshore.cli.progress import report_unfinished, shown
from longshore.cli.transfer_values import transfer_values
from longshore.engine.address import EngineAddress, Origin
from longshore.errors import UnexpectedReply
from longshore.oci.reference import Reference
from longshore.transfers.transfer import (
    ArchivePlace,
    Endpoint,
    EnginePlace,
    LibraryPlace,
    NoteKind,
    Operation,
    Plan,
    RegistryPlace,
    State,
    TransferNote,
    TransferRequest,
    TransferSnapshot,
)

A, B = (f"sha256:{digit * 64}" for digit in "ab")
NAME = Reference.parse_input("acme.io/app:1")
ENGINE = EnginePlace(EngineAddress("test", "unix:///nowhere/docker.sock", Origin.OPTION))
REGISTRY, LIBRARY, ARCHIVE = (
    RegistryPlace("acme.io"),
    LibraryPlace(Path("/library")),
    ArchivePlace(Path("/q.tar")),
)
MOMENT = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


def ended(
    source: Endpoint, destination: Endpoint, digest: str, plan: str = "", changed: str = ""
) -> TransferSnapshot:
    notes = (TransferNote(NoteKind.SOURCE_CHANGED, changed),) if changed else ()
    request = TransferRequest(Operation.LOAD, source, destination)
    return TransferSnapshot(
        "a1", request, State.SUCCEEDED, 1000, 0, 0, None, None, MOMENT,
        digest=digest, plan=Plan(1, 1, digest=plan), notes=notes,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("row", "printed", "digest", "image_id"),
    [
        # The engine reports the digest of what it pulled; registries and the library have digests only.
        (ended(Endpoint(REGISTRY, NAME), Endpoint(ENGINE, NAME), A), f"acme.io/app:1@{A}", A, None),
        (ended(Endpoint(ENGINE, NAME, A), Endpoint(REGISTRY, NAME), B), f"acme.io/app:1@{B}", B, None),
        (ended(Endpoint(ENGINE, NAME, A), Endpoint(LIBRARY, NAME), B), f"acme.io/app:1@{B}", B, None),
        # A loaded image has an ID, which is a digest only in containerd's store.
        (ended(Endpoint(LIBRARY, NAME, B), Endpoint(ENGINE, NAME), A), "acme.io/app:1", None, A),
        (ended(Endpoint(LIBRARY, NAME, A), Endpoint(ENGINE, NAME), A, A), f"acme.io/app:1@{A}", A, A),
        (ended(Endpoint(ENGINE, NAME, A), Endpoint(ENGINE, NAME), A, A), "acme.io/app:1", None, A),
        (ended(Endpoint(ARCHIVE, None), Endpoint(ENGINE, None), A), A, None, A),
        # A tar of docker save has no manifest.
        (ended(Endpoint(ENGINE, NAME, A), Endpoint(ARCHIVE, NAME, A), A), "acme.io/app:1", None, A),
        (
            ended(Endpoint(ENGINE, NAME, A), Endpoint(ARCHIVE, NAME, A), B, changed=B),
            "acme.io/app:1",
            None,
            B,
        ),
        (ended(Endpoint(ENGINE, None, A), Endpoint(ARCHIVE, None, A), A), A, None, A),
        (ended(Endpoint(ENGINE, NAME, A), Endpoint(ARCHIVE, NAME, A), B), f"acme.io/app:1@{B}", B, None),
        (ended(Endpoint(LIBRARY, None, A), Endpoint(ARCHIVE, None, A), A), A, A, None),
    ],
)
def test_the_digest_and_the_id(
    row: TransferSnapshot,
    printed: str,
    digest: str | None,
    image_id: str | None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with shown(Output(as_json=False, quiet=True)) as changed:
        changed([row])
    assert capsys.readouterr().out == f"{printed}\n"
    values = transfer_values(row)
    assert (values["digest"], values["image_id"]) == (digest, image_id)


def test_unfinished_transfers_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    row = ended(Endpoint(REGISTRY, NAME), Endpoint(LIBRARY, NAME), "")
    running = replace(row, state=State.RUNNING)
    output = Output(as_json=False, quiet=True)
    report_unfinished([row, running], output)
    report_unfinished([running, replace(running, id="b2")], output)
    report_unfinished([row], output)
    assert capsys.readouterr().err.splitlines() == [
        "longshore: Interrupted: acme.io/app:1",
        "longshore: To resume: longshore queue resume a1",
        *["longshore: Interrupted: acme.io/app:1"] * 2,
        "longshore: To resume: longshore queue resume --all",
    ]


def test_a_loaded_archive_is_named_by_its_file(capsys: pytest.CaptureFixture[str]) -> None:
    with shown(Output(as_json=False, quiet=False)) as changed:
        changed([ended(Endpoint(ARCHIVE, None), Endpoint(ENGINE, None), A)])
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("Loaded q.tar: ")
    assert second == f"  Image ID: {A}"


@pytest.mark.parametrize("kind", ["docker", "oci"])
def test_only_an_archive_that_is_written_has_a_known_format(kind: str) -> None:
    archive = ArchivePlace(Path("/q.tar"), kind)
    loaded = transfer_values(ended(Endpoint(archive, NAME), Endpoint(ENGINE, NAME), A))
    saved = transfer_values(ended(Endpoint(ENGINE, NAME), Endpoint(archive, NAME), A))
    assert loaded["source"]["format"] is None
    assert "format" not in loaded["destination"]
    assert saved["destination"]["format"] == kind


@pytest.mark.parametrize(
    ("subject", "registry", "said"),
    [
        ("team/app", "b.io", "b.io/team/app:1"),
        ("team/app", "a.io", "a.io/team/app:1"),
        (f"team/app@{A}", "a.io", f"team/app@{A}"),
        ("other", "b.io", "other"),
    ],
)
def test_an_error_that_names_a_repository_is_about_its_image(
    subject: str, registry: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ends = [Endpoint(RegistryPlace(host), Reference(host, "team/app", "1")) for host in ("a.io", "b.io")]
    error = UnexpectedReply("It broke.", registry=registry, subject=subject)
    row = replace(ended(*ends, A), state=State.FAILED, error=error)
    with shown(Output(as_json=False, quiet=False)) as changed:
        changed([row])
    assert capsys.readouterr().err == f"longshore: {said}: It broke.\n"
