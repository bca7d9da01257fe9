"""Extra tags of a mirror's destination: deleted one by one on a real registry, each with a backup."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from longshore.application.clients import Clients
from longshore.application.mirrors.extras import (
    DeletedTag,
    KeptTag,
    backup_tag,
    check_deletions,
    delete_extras,
)
from longshore.application.mirrors.plan import ExtraTag, MirrorPlan, RulePlan
from longshore.application.mirrors.rules import MirrorRule
from longshore.cancellation import Cancellation, Cancelled
from longshore.errors import AccessDenied, InvalidInput, RegistryFailure, VerificationFailed
from longshore.oci.reference import Reference
from longshore.registry.client import RegistryClient
from longshore.registry.removal import look, remove
from testbed.crane import CraneRegistry
from testbed.registry import PrivateRegistry
from testbed.remote_images import Format, seed_repository
from testbed.throttle import Throttle


def tags_of(client: RegistryClient, path: str) -> dict[str, str]:
    found = {}
    for tag in client.tags(path).items:
        head = client.head(path, tag)
        if head is not None:
            found[tag] = head.digest
    return found


def rule_of(host: str, path: str) -> MirrorRule:
    return MirrorRule("x", Reference(host, f"{path}-source"), Reference(host, path))


def planned(clients: Clients, host: str, path: str, *tags: str) -> list[ExtraTag]:
    """These tags as a plan has them, also if they are gone."""
    there = tags_of(clients.registry(host), path)
    return [ExtraTag(tag, there.get(tag, "sha256:gone")) for tag in tags]


def delete(clients: Clients, host: str, path: str, *tags: str) -> list[tuple[str, str, str]]:
    extras = planned(clients, host, path, *tags)
    done = delete_extras(rule_of(host, path), extras, clients, cancellation=Cancellation())
    return [(one.tag, one.digest, one.backup) for one in done if isinstance(one, DeletedTag)]


@pytest.mark.parametrize("image_format", ["oci", "docker"])
def test_a_tag_goes_and_its_siblings_and_its_backup_stay(
    clients: Clients, open_registry: PrivateRegistry, image_format: Format
) -> None:
    host, path = open_registry.address, f"extras/{image_format}"
    shared = seed_repository(
        host,
        path,
        ("1.0", "stable"),
        platforms=(("linux", "amd64"), ("linux", "arm64")),
        image_format=image_format,
    )
    single = seed_repository(host, path, ("0.9",), layers=(100,), image_format=image_format)
    kept = seed_repository(host, path, ("2.0",), layers=(200,), image_format=image_format)
    backups = [backup_tag("1.0", shared.digest), backup_tag("0.9", single.digest)]
    assert delete(clients, host, path, "1.0", "gone", "0.9") == [
        ("1.0", shared.digest, backups[0]),
        ("0.9", single.digest, backups[1]),
    ]
    client = clients.registry(host)
    assert tags_of(client, path) == {
        "stable": shared.digest,
        "2.0": kept.digest,
        backups[0]: shared.digest,
        backups[1]: single.digest,
    }
    # Nothing was lost: the images below the index too.
    for image in shared.images:
        assert client.manifest(path, image.digest).digest == image.digest
    # Twice is once.
    assert delete(clients, host, path, "1.0", "0.9") == []
    # A backup can be removed in the usual way.
    remove(client, look(client, path, [backups[1]], Cancellation()))
    assert backups[1] not in tags_of(client, path)


def test_on_a_registry_of_another_make(
    clients: Clients, crane_registry: CraneRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    host, path = crane_registry.address, "extras/crane"
    shared = seed_repository(host, path, ("1.0", "stable"), layers=(100,))
    backup = backup_tag("1.0", shared.digest)
    with caplog.at_level(logging.INFO, "longshore.application.mirrors.extras"):
        assert delete(clients, host, path, "1.0") == [("1.0", shared.digest, backup)]
    assert caplog.messages == [f"deleted {host}/{path}:1.0 ({shared.digest}), backup {backup}"]
    assert tags_of(clients.registry(host), path) == {"stable": shared.digest, backup: shared.digest}


def test_nothing_changes_where_deletion_is_not_allowed(clients: Clients, tmp_path: Path) -> None:
    with PrivateRegistry(tmp_path / "registry", delete=False) as registry:
        seeded = seed_repository(registry.address, "extras/kept", ("1.0",), layers=(100,))
        with pytest.raises(AccessDenied, match="does not allow deletion") as error:
            delete(clients, registry.address, "extras/kept", "1.0")
        assert error.value.subject == f"{registry.address}/extras/kept:1.0"
        assert tags_of(clients.registry(registry.address), "extras/kept") == {"1.0": seeded.digest}


def test_a_deletion_that_fails_puts_the_tag_back(clients: Clients, open_registry: PrivateRegistry) -> None:
    path = "extras/fails"
    seeded = seed_repository(open_registry.address, path, ("1.0",), layers=(100,))
    with Throttle(open_registry.address) as line:
        deletion = delete_extras(
            rule_of(line.address, path),
            planned(clients, line.address, path, "gone", "1.0"),
            clients,
            cancellation=Cancellation(),
        )
        # The first DELETE is the trial.
        client = clients.registry(line.address)
        allowed = client.delete_manifest
        calls: list[str] = []

        def second_fails(repository: str, digest: str, **more: object) -> None:
            calls.append(digest)
            if len(calls) == 2:
                line.fail_next(r"/manifests/sha256:", 503, times=10, method="DELETE")
            allowed(repository, digest, **more)  # type: ignore[arg-type]

        client.delete_manifest = second_fails  # type: ignore[method-assign]
        with pytest.raises(RegistryFailure):
            list(deletion)
    backup = backup_tag("1.0", seeded.digest)
    assert tags_of(clients.registry(open_registry.address), path) == {
        "1.0": seeded.digest,
        backup: seeded.digest,
    }


def test_a_registry_that_keeps_the_tag_is_found_out(
    clients: Clients, open_registry: PrivateRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, path = open_registry.address, "extras/lies"
    seeded = seed_repository(host, path, ("1.0",), layers=(100,))
    client = clients.registry(host)
    monkeypatch.setattr(client, "delete_manifest", lambda *_, **__: None)
    with pytest.raises(VerificationFailed, match=r"accepted the removal of 1\.0, but still has") as error:
        delete(clients, host, path, "1.0")
    backup = backup_tag("1.0", seeded.digest)
    assert backup in error.value.advice
    assert tags_of(client, path)[backup] == seeded.digest


def test_what_a_killed_run_left_is_removed_without_another_backup(
    clients: Clients, open_registry: PrivateRegistry
) -> None:
    host, path = open_registry.address, "extras/killed"
    seeded = seed_repository(host, path, ("1.0",), layers=(100,))
    client = clients.registry(host)
    deleted = client.delete_manifest
    calls: list[str] = []

    class Killed(BaseException):
        pass

    def killed(repository: str, digest: str, **more: object) -> None:
        calls.append(digest)
        if len(calls) == 2:
            raise Killed
        deleted(repository, digest, **more)  # type: ignore[arg-type]

    client.delete_manifest = killed  # type: ignore[method-assign]
    with pytest.raises(Killed):
        delete(clients, host, path, "1.0")
    client.delete_manifest = deleted  # type: ignore[method-assign]
    backup = backup_tag("1.0", seeded.digest)
    assert tags_of(client, path) == {"1.0": calls[1], backup: seeded.digest}
    assert delete(clients, host, path, "1.0") == [("1.0", calls[1], "")]
    assert tags_of(client, path) == {backup: seeded.digest}


def test_a_tag_that_somebody_moves_meanwhile_stays(
    clients: Clients, open_registry: PrivateRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, path = open_registry.address, "extras/moved"
    seed_repository(host, path, ("1.0",), layers=(100,))
    client = clients.registry(host)
    put = client.put_manifest
    newer: list[str] = []

    def moved(repository: str, name: str, *rest: object, **more: object) -> str:
        done = put(repository, name, *rest, **more)  # type: ignore[arg-type]
        if name.startswith("longshore-backup-"):
            newer.append(seed_repository(host, path, ("1.0",), layers=(300,), seed="newer").digest)
        return done

    monkeypatch.setattr(client, "put_manifest", moved)
    with pytest.raises(VerificationFailed, match=r"The tag 1\.0 was moved to another image"):
        delete(clients, host, path, "1.0")
    assert tags_of(client, path)["1.0"] == newer[0]


def test_a_cancellation_waits_until_the_tag_is_gone(
    clients: Clients, open_registry: PrivateRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, path = open_registry.address, "extras/cancelled"
    seeded = seed_repository(host, path, ("1.0", "2.0"), layers=(100,))
    client, cancellation = clients.registry(host), Cancellation()
    put = client.put_manifest

    def cancelled(repository: str, name: str, *rest: object, **more: object) -> str:
        done = put(repository, name, *rest, **more)  # type: ignore[arg-type]
        if name == "1.0":
            cancellation.cancel()
        return done

    monkeypatch.setattr(client, "put_manifest", cancelled)
    deletion = delete_extras(
        rule_of(host, path),
        planned(clients, host, path, "1.0", "2.0"),
        clients,
        cancellation=cancellation,
    )
    assert isinstance(next(deletion), DeletedTag)
    with pytest.raises(Cancelled):
        next(deletion)
    assert tags_of(client, path) == {"2.0": seeded.digest, backup_tag("1.0", seeded.digest): seeded.digest}


def test_a_tag_that_cannot_be_put_back_is_named(
    clients: Clients, open_registry: PrivateRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, path = open_registry.address, "extras/lost"
    seeded = seed_repository(host, path, ("1.0",), layers=(100,))
    client = clients.registry(host)
    put, deleted = client.put_manifest, client.delete_manifest
    calls: list[str] = []

    def fails(repository: str, digest: str, **more: object) -> None:
        calls.append(digest)
        if len(calls) > 1:
            monkeypatch.setattr(client, "put_manifest", fails_too)
            raise RegistryFailure("It broke.", registry=host)
        deleted(repository, digest, **more)  # type: ignore[arg-type]

    def fails_too(*_: object, **__: object) -> str:
        raise RegistryFailure("It broke, too.", registry=host)

    monkeypatch.setattr(client, "delete_manifest", fails)
    with pytest.raises(VerificationFailed, match=r"1\.0 could be neither deleted nor put back") as error:
        delete(clients, host, path, "1.0")
    backup = backup_tag("1.0", seeded.digest)
    assert backup in error.value.advice
    monkeypatch.setattr(client, "put_manifest", put)
    monkeypatch.setattr(client, "delete_manifest", deleted)
    assert len(delete(clients, host, path, "1.0")) == 1
    assert tags_of(client, path) == {backup: seeded.digest}


def test_what_the_plan_did_not_show_is_kept(clients: Clients, open_registry: PrivateRegistry) -> None:
    host, path = open_registry.address, "extras/later"
    seed_repository(host, path, ("a", "b", "c", "d"), layers=(100,))
    extras = planned(clients, host, path, "a", "b", "c", "d")
    newer = seed_repository(host, path, ("c",), layers=(200,), seed="newer")
    seed_repository(host, f"{path}-source", ("b",), layers=(300,))
    seed_repository(host, f"{path}-other", ("a", "d"), layers=(300,))
    other = MirrorRule("y", Reference(host, f"{path}-other"), Reference(host, path), ("d",))
    done = list(
        delete_extras(rule_of(host, path), extras, clients, others=[other], cancellation=Cancellation())
    )
    kept = {one.tag: one.reason.message for one in done if isinstance(one, KeptTag)}
    assert kept == {
        "b": f"It was not deleted, because {host}/{path}-source has this tag now.",
        "c": "It was not deleted, because it points to another image than in the plan.",
        "d": f"It was not deleted, because {host}/{path}-other has this tag now.",
    }
    there = tags_of(clients.registry(host), path)
    assert {"b", "c", "d"} <= there.keys()
    assert "a" not in there
    assert there["c"] == newer.digest


def test_more_deletions_than_allowed_are_refused() -> None:
    rule = MirrorRule("x", Reference("a.io", "x"), Reference("b.io", "x"))
    extras = tuple(ExtraTag(tag) for tag in "123")
    plan = RulePlan(rule, (MirrorPlan(rule, (), extras=extras[:2]), MirrorPlan(rule, (), extras=extras[2:])))
    assert check_deletions([plan], 3) == 3
    with pytest.raises(
        InvalidInput, match="3 extra tags would be deleted, but at most 2 are allowed"
    ) as refused:
        check_deletions([plan], 2)
    assert refused.value.subject == "b.io/x"
    assert "--max-deletes 3" in refused.value.advice
    # Of all rules of a run together.
    assert check_deletions([plan, plan], 6) == 6
    with pytest.raises(InvalidInput, match="6 extra tags would be deleted, but at most 5"):
        check_deletions([plan, plan], 5)


def test_names_of_backups_are_tags() -> None:
    digest = "sha256:" + "ab" * 32
    assert backup_tag("1.0", digest) == "longshore-backup-abababababab-1.0"
    longest = backup_tag("x" * 128, digest)
    assert str(Reference("a.io", "x", longest)).endswith("x" * 98)
    assert json.dumps(longest)
