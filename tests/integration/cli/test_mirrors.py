"""``longshore mirror`` on real registries: plans, runs, deletions, a run that is killed, schedules, regsync's files.

``systemctl`` and ``crontab`` are stand-ins on PATH: the real ones need a running systemd, and a spool of cron.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from testbed.processes import wait_until
from testbed.registry import PrivateRegistry
from testbed.remote_images import MEDIA_TYPES, RegistryWriter, digest_of, seed_repository
from testbed.throttle import Throttle

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes a file of one rule."""

    def written(source: str, destination: str, *, name: str = "mine", **more: object) -> Path:
        path = tmp_path / "mirrors.yaml"
        rule = {"name": name, "source": source, "destination": destination, **more}
        path.write_text(json.dumps({"version": 1, "mirrors": [rule]}))
        return path

    return written


def digests(registry: PrivateRegistry, path: str) -> dict[str, str]:
    """The tags of a repository with their digests, by another program."""
    listed = subprocess.run(
        ["skopeo", "list-tags", "--tls-verify=false", f"docker://{registry.address}/{path}"],
        capture_output=True,
        check=True,
        timeout=60,
    )
    found = {}
    for tag in json.loads(listed.stdout)["Tags"]:
        done = subprocess.run(
            ["skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{registry.address}/{path}:{tag}"],
            capture_output=True,
            check=False,
            timeout=60,
        )
        if done.returncode == 0:
            found[tag] = digest_of(done.stdout)
    return found


def test_a_file_is_planned_run_and_in_step(
    longshore: Any, open_registry: PrivateRegistry, second_registry: PrivateRegistry, write: Write
) -> None:
    path, copies = "clim/app", "clim/copies"
    one = seed_repository(open_registry.address, path, ("1.9", "1.10"), layers=(10_000,), seed="a")
    two = seed_repository(
        open_registry.address, path, ("2.0",), platforms=(("linux", "amd64"), ("linux", "arm64")), seed="b"
    )
    seed_repository(open_registry.address, path, ("2.0-rc1",), layers=(100,))
    file = write(
        f"{open_registry.address}/{path}", f"{second_registry.address}/{copies}", tags=["*", "!*-rc*"]
    )
    planned = longshore("mirror", "plan", file).stdout.splitlines()
    assert planned[0] == (f"mine: {open_registry.address}/{path} → {second_registry.address}/{copies}")
    assert [line.split()[:2] for line in planned[1:5]] == [
        ["TAG", "RESULT"],
        ["1.9", "new"],
        ["1.10", "new"],
        ["2.0", "new"],
    ]
    assert planned[5].startswith("3 tags: 3 new. ")
    assert planned[5].endswith(" to copy.")
    # Neither a plan nor a dry run changes anything.
    assert longshore("mirror", "run", "--dry-run", file).stdout.splitlines() == planned
    records = longshore.records("mirror", "run", file)
    assert [one["tag"] for one in records if one["kind"] == "mirror_tag"] == ["1.9", "1.10", "2.0"]
    (plan,) = [one for one in records if one["kind"] == "mirror_plan"]
    assert (plan["schema"], plan["transfers"], plan["tags"]["missing"]) == (1, 3, 3)
    ended = {one["id"]: one["state"] for one in records if one["kind"] == "transfer"}
    assert sorted(ended.values()) == ["Succeeded"] * 3
    assert digests(second_registry, copies) == {"1.9": one.digest, "1.10": one.digest, "2.0": two.digest}
    # In step: a HEAD at each side for a tag, and no manifest.
    before = [len(registry.requests()) for registry in (open_registry, second_registry)]
    again = longshore("mirror", "run", "--all", file).stdout.splitlines()
    assert [line.split() for line in again[2:5]] == [[tag, "unchanged"] for tag in ("1.9", "1.10", "2.0")]
    assert again[5] == "3 tags: 3 unchanged."
    for registry, start, name in zip((open_registry, second_registry), before, (path, copies), strict=True):
        asked = Counter(
            (each.method, each.path.partition("?")[0].rpartition("/")[2])
            for each in registry.requests()[start:]
            if f"/{name}/" in each.path
        )
        assert asked == {("GET", "list"): 1} | {("HEAD", tag): 1 for tag in ("1.9", "1.10", "2.0")}


def test_what_failed_is_said_and_tried_again(
    longshore: Any, open_registry: PrivateRegistry, second_registry: PrivateRegistry, write: Write
) -> None:
    path, copies = "clim/odd", "clim/odd-copies"
    seed_repository(open_registry.address, path, ("1",), layers=(100,))
    broken = b"not JSON"
    with closing(RegistryWriter(open_registry.address)) as writer:
        manifest = {
            "schemaVersion": 2,
            "mediaType": MEDIA_TYPES["oci"]["manifest"],
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": writer.put_blob(path, broken),
                "size": len(broken),
            },
            "layers": [],
        }
        writer.put_manifest(path, "2", json.dumps(manifest).encode(), MEDIA_TYPES["oci"]["manifest"])
    seed_repository(open_registry.address, path, ("3",), platforms=(("linux", "s390x"),), seed="s390x")
    old = seed_repository(second_registry.address, copies, ("old",), layers=(300,), seed="old")
    file = write(
        f"{open_registry.address}/{path}",
        f"{second_registry.address}/{copies}",
        platforms=["linux/amd64"],
        extras="delete",
    )
    done = longshore("mirror", "run", file, "--yes", code=3)
    assert f"longshore: {open_registry.address}/{path}:2: " in done.stderr
    assert "No extra tag was deleted" in done.stderr
    # An image for other platforms is named and left out, and is no error.
    assert next(line.split() for line in done.stdout.splitlines() if line.startswith("3 ")) == [
        "3",
        *["not", "for", "these", "platforms"],
    ]
    assert digests(second_registry, copies).keys() == {"1", "old"}
    seed_repository(open_registry.address, path, ("2",), layers=(200,), index=True)
    longshore("mirror", "run", file, "--yes")
    there = digests(second_registry, copies)
    assert {"1", "2"} < there.keys()
    assert {there[tag] for tag in there.keys() - {"1", "2"}} == {old.digest}
    assert "old" not in there
    missing = write(f"{open_registry.address}/clim/none", f"{second_registry.address}/{copies}")
    assert "clim/none" in longshore("mirror", "run", missing, code=1).stderr


def test_extras_are_deleted_only_when_asked_shown_and_few(
    longshore: Any, open_registry: PrivateRegistry, second_registry: PrivateRegistry, write: Write
) -> None:
    path, copies = "clim/extras", "clim/extras-copies"
    kept = seed_repository(open_registry.address, path, ("2",), layers=(100,), seed="kept")
    old = seed_repository(second_registry.address, copies, ("1", "0", "stable"), layers=(200,), seed="old")
    ends = (f"{open_registry.address}/{path}", f"{second_registry.address}/{copies}")
    file = write(*ends, tags=["#"])
    before = {"0": old.digest, "1": old.digest, "stable": old.digest}
    done = longshore("mirror", "run", file, "--delete-extras")
    assert [line.split()[:3] for line in done.stdout.splitlines()[2:5]] == [
        ["2", "new", "tag"],
        ["0", "extra,", "kept"],
        ["1", "extra,", "kept"],
    ]
    planned = longshore("mirror", "plan", file, "--delete-extras").stdout
    assert planned.count("extra, will be deleted") == 2
    # Without --yes, as for a rule that deletes: copied, and kept.
    assert "2 extra tags are kept" in done.stderr
    assert digests(second_registry, copies) == {**before, "2": kept.digest}
    # More than allowed: what is missing is copied, and nothing deleted.
    done = longshore("mirror", "run", file, "--delete-extras", "--yes", "--max-deletes", "1", code=1)
    assert "2 extra tags would be deleted, but at most 1 are allowed" in done.stderr
    assert digests(second_registry, copies) == {**before, "2": kept.digest}
    # A rule that deletes does so only with --yes as well.
    file = write(*ends, tags=["#"], extras="delete")
    assert "2 extra tags are kept" in longshore("mirror", "run", file).stderr
    assert digests(second_registry, copies) == {**before, "2": kept.digest}
    records = longshore.records("mirror", "run", file, "--yes")
    deleted = [one for one in records if one["kind"] == "mirror_deleted"]
    backups = {one["tag"]: one["backup"] for one in deleted}
    assert set(backups) == {"0", "1"}
    assert {one["digest"] for one in deleted} == {old.digest}
    after = digests(second_registry, copies)
    assert after == {
        "2": kept.digest,
        "stable": old.digest,  # the same image under a tag that the rule is not about
        **dict.fromkeys(backups.values(), old.digest),
    }
    # A backup brings the tag back.
    longshore("copy", f"{ends[1]}:{backups['1']}", f"{ends[1]}:1")
    assert digests(second_registry, copies) == {**after, "1": old.digest}


def test_a_killed_run_is_gone_on_with(
    longshore: Any, open_registry: PrivateRegistry, second_registry: PrivateRegistry, write: Write
) -> None:
    path, copies, tags = "clim/killed", "clim/killed-copies", ("1", "2", "3", "4")
    seeded = [
        seed_repository(
            open_registry.address, path, (tag,), layers=(1000 if tag == "1" else 2_000_000,), seed=tag
        )
        for tag in tags
    ]
    with Throttle(open_registry.address, bytes_per_second=400_000) as line:
        file = write(f"{line.address}/{path}", f"{second_registry.address}/{copies}")
        running = longshore.start("mirror", "run", file)
        try:
            wait_until(
                lambda: any(
                    one.method == "PUT" and f"/{copies}/manifests/" in one.path
                    for one in second_registry.requests()
                ),
                timeout=60,
                what="first tag",
            )
            line.stall()
            # Another run of the same mirror does not interfere.
            refused = longshore("mirror", "run", file, code=1)
            assert "Another run of this mirror has not ended yet" in refused.stderr
            running.kill()
        finally:
            running.kill()
            running.communicate(timeout=30)
        there = digests(second_registry, copies)
        assert 0 < len(there) < len(tags)
        left = {row["destination"]["reference"] for row in longshore.records("queue")}
        assert left >= {f"{second_registry.address}/{copies}:{tag}" for tag in set(tags) - set(there)}
        start, moved = len(second_registry.requests()), line.moved_bytes["response"]
        line.bytes_per_second = None
        line.resume()
        records = longshore.records("mirror", "run", file)
        (plan,) = [one for one in records if one["kind"] == "mirror_plan"]
        assert plan["transfers"] == len(tags) - len(there)
        assert plan["tags"]["same"] == len(there)
        # Its rows are taken over.
        assert longshore.records("queue") == []
        # Only what was not there yet was read again.
        assert line.moved_bytes["response"] - moved < 2_100_000 * plan["transfers"]
    put = [
        one.path.rpartition("/")[2]
        for one in second_registry.requests()[start:]
        if one.method == "PUT" and "/manifests/" in one.path
    ]
    assert set(put) == set(tags) - set(there)
    assert digests(second_registry, copies) == {
        tag: one.digest for tag, one in zip(tags, seeded, strict=True)
    }


def test_many_repositories_with_one_rule(
    longshore: Any, open_registry: PrivateRegistry, second_registry: PrivateRegistry, write: Write
) -> None:
    seeded = {
        name: seed_repository(open_registry.address, f"climany/{name}", ("1",), layers=(100,)).digest
        for name in ("a", "b", "sub/c")
    }
    file = write(f"{open_registry.address}/climany/**", f"{second_registry.address}/climany-copies")
    done = longshore("mirror", "run", file)
    assert [line.split()[0] for line in done.stdout.splitlines()[2:5]] == [
        "climany/a:1",
        "climany/b:1",
        "climany/sub/c:1",
    ]
    for name, digest in seeded.items():
        assert digests(second_registry, f"climany-copies/{name}") == {"1": digest}


def test_saved_rules_come_from_regsync_and_go_there(
    longshore: Any, open_registry: PrivateRegistry, second_registry: PrivateRegistry, tmp_path: Path
) -> None:
    seeded = seed_repository(open_registry.address, "clim/regsync", ("3.1", "3.x"), layers=(100,))
    regsync = tmp_path / "regsync.yml"
    regsync.write_text(
        f"""\
version: 1
defaults:
  interval: 60m
sync:
  - source: {open_registry.address}/clim/regsync
    target: {second_registry.address}/clim/from-regsync
    type: repository
    backup: "old-{{{{.Ref.Tag}}}}"
    tags: {{allow: ['3\\.\\d+']}}
  - source: '{{{{ env "X" }}}}'
    target: a
    type: image
"""
    )
    name = f"{open_registry.address}/clim/regsync"
    shown = longshore("mirror", "import", regsync, "--dry-run", code=3)
    assert f"{name}: {name} → {second_registry.address}/clim/from-regsync   3.#" in shown.stdout
    for said in ("line 3: interval", "line 8: backup", 'line 10: source: the template {{ env "X" }}'):
        assert said in shown.stderr
    assert longshore.records("mirror", "list") == []
    longshore("mirror", "import", regsync, code=3)
    (rule,) = longshore.records("mirror", "list")
    assert (rule["kind"], rule["name"], rule["tags"]) == ("mirror", name, ["3.#"])
    longshore("mirror", "import", regsync, code=3)  # the same again is no problem
    regsync.write_text(regsync.read_text().replace("3\\.", "4\\."))
    assert "--replace" in longshore("mirror", "import", regsync, code=1).stderr
    longshore("mirror", "run", name)
    assert digests(second_registry, "clim/from-regsync") == {"3.1": seeded.digest}
    text = longshore("mirror", "export", name).stdout
    assert f'source: "{name}"' in text
    assert '- "3\\\\.[0-9]+"' in text
    assert 'tls: "disabled"' in text


SYSTEMCTL = '#!/bin/sh\necho "$@" >> "$FAKES/systemctl.log"\n'


def test_a_mirror_is_scheduled_after_its_text_was_shown(longshore: Any, tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "systemctl").write_text(SYSTEMCTL)
    (programs / "systemctl").chmod(0o755)
    environ = {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "FAKES": str(tmp_path)}
    environ["XDG_CONFIG_HOME"] = str(tmp_path / "config")
    rules = tmp_path / "rules.yaml"
    # The name looks like an option, and would break out of a unit file.
    name = '--yes %h "$HOME"'
    rules.write_text(
        json.dumps(
            {
                "mirrors": [
                    {
                        "name": name,
                        "source": "a.example/x",
                        "destination": "b.example/x",
                        "extras": "delete",
                    }
                ]
            }
        )
    )
    longshore("mirror", "import", rules, **environ)
    shown = longshore("mirror", "schedule", "--", name, "daily", code=2, **environ)
    assert "add --delete-extras here" in shown.stderr
    assert (
        "add --delete-extras"
        not in longshore(
            "mirror", "schedule", "--delete-extras", "--", name, "daily", code=2, **environ
        ).stderr
    )
    folder = tmp_path / "config" / "systemd" / "user"
    assert f"{folder}/longshore-mirror-yes-h-HOME-" in shown.stdout
    assert '"mirror" "run" "--quiet" "--" "--yes %%h \\"$$HOME\\""' in shown.stdout
    assert not folder.exists()
    longshore(
        "--registry",
        "b.example:5000",
        "mirror",
        "schedule",
        "--yes",
        "--max-deletes",
        "3",
        "--",
        name,
        "daily",
        SSL_CERT_FILE="/etc/own.pem",
        **environ,
    )
    timer, service = sorted(folder.iterdir(), key=lambda path: path.suffix, reverse=True)
    assert "OnCalendar=daily\n" in timer.read_text()
    assert '"--max-deletes" "3" "--" ' in service.read_text()
    assert '"--registry" "b.example:5000" "mirror" "run" ' in service.read_text()
    assert 'Environment="SSL_CERT_FILE=/etc/own.pem"' in service.read_text()
    assert f"XDG_CONFIG_HOME={tmp_path}/config" in service.read_text()
    calls = (tmp_path / "systemctl.log").read_text().splitlines()
    assert calls[-2:] == ["--user daemon-reload", f"--user enable --now {timer.name}"]
    (listed,) = longshore.records("mirror", "schedule", "--list", **environ)
    assert (listed["mirror"], listed["when"], listed["by"]) == (name, "daily", "systemd")
    assert longshore.records("mirror", "list", **environ)[0]["schedule"] == "daily"
    # What the service runs finds the rule; nothing listens at its registries.
    assert "a.example" in longshore("mirror", "run", "--quiet", "--", name, code=1, **environ).stderr
    longshore("mirror", "schedule", f"--remove={name}", **environ)
    assert list(folder.iterdir()) == []
    assert longshore.records("mirror", "schedule", "--list", **environ) == []


def test_wrong_usage(longshore: Any, tmp_path: Path) -> None:
    assert "no saved rule and no file" in longshore("mirror", "run", "nothing", code=2).stderr
    assert "There are no saved rules" in longshore("mirror", "run", code=2).stderr
    broken = tmp_path / "broken.yaml"
    broken.write_text("mirrors:\n- name: x\n  sorce: y\n")
    said = longshore("mirror", "plan", broken, code=2).stderr
    assert said.startswith(f"longshore: {broken}: Line 3 has the unknown key sorce.")
    empty = tmp_path / "empty.yaml"
    empty.write_text("mirrors: []\n")
    assert longshore("mirror", "run", empty, code=2).stderr == f"longshore: {empty}: It has no rules.\n"
    assert "ACTION" in longshore("mirror", code=2).stderr
    assert "a number" in longshore("mirror", "run", broken, "--max-deletes", "-1", code=2).stderr


def test_rules_with_one_destination_keep_each_others_tags(
    longshore: Any, open_registry: PrivateRegistry, second_registry: PrivateRegistry, tmp_path: Path
) -> None:
    one = seed_repository(open_registry.address, "climflip/one", ("1",), layers=(100,), seed="one")
    two = seed_repository(open_registry.address, "climflip/two", ("2",), layers=(100,), seed="two")
    flip = "climflip/copies"
    seed_repository(second_registry.address, flip, ("old",), layers=(100,), seed="old")
    rules = [
        {
            "name": name,
            "source": f"{open_registry.address}/climflip/{name}",
            "destination": f"{second_registry.address}/{flip}",
            "extras": "delete",
        }
        for name in ("one", "two")
    ]
    file = tmp_path / "flip.yaml"
    file.write_text(json.dumps({"mirrors": rules}))
    longshore("mirror", "run", file, "--yes")
    longshore("mirror", "run", file, "--yes")
    there = digests(second_registry, flip)
    assert {tag: there.get(tag) for tag in ("1", "2", "old")} == {
        "1": one.digest,
        "2": two.digest,
        "old": None,
    }
    # A saved rule counts too, and one whose source is not known keeps everything.
    saved = tmp_path / "saved.yaml"
    saved.write_text(json.dumps({"mirrors": [rules[1]]}))
    longshore("mirror", "import", saved)
    file.write_text(json.dumps({"mirrors": [rules[0]]}))
    longshore("mirror", "run", file, "--yes")
    assert digests(second_registry, flip)["2"] == two.digest
    saved.write_text(json.dumps({"mirrors": [rules[1] | {"source": f"{open_registry.address}/climflip/no"}]}))
    longshore("mirror", "import", saved, "--replace")
    said = longshore("mirror", "run", file, "--yes").stderr
    assert "extra tags are not known. Another rule with this destination needs" in said
    assert digests(second_registry, flip)["2"] == two.digest


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_deletion_that_is_ended_leaves_no_tag_half_deleted(
    longshore: Any,
    open_registry: PrivateRegistry,
    second_registry: PrivateRegistry,
    write: Write,
    number: signal.Signals,
) -> None:
    path, copies = "climend/app", f"climend/copies-{number}"
    seed_repository(open_registry.address, path, ("2",), layers=(100,))
    old = seed_repository(second_registry.address, copies, ("0", "1"), layers=(200,), seed="old")
    seed_repository(second_registry.address, copies, ("2",), layers=(100,))
    with Throttle(second_registry.address) as line:
        file = write(f"{open_registry.address}/{path}", f"{line.address}/{copies}", tags=["0", "1"])
        line.latency = 0.3
        running = longshore.start("mirror", "run", file, "--delete-extras", "--yes")
        try:
            # The tag points to the stand-in that is deleted next.
            wait_until(
                lambda: any(
                    one.method == "PUT" and one.path.endswith("/manifests/0") and one.status == 201
                    for one in line.requests
                ),
                timeout=60,
                what="a tag on its way out",
            )
            running.send_signal(number)
            out, err = running.communicate(timeout=60)
        finally:
            running.kill()
            running.communicate(timeout=30)
    assert running.returncode == 130
    assert "Interrupted after 1 of 2 extra tags. The others are unchanged." in err
    there = digests(second_registry, copies)
    backups = [tag for tag in there if tag.startswith("longshore-backup-")]
    assert [there.pop(tag) for tag in backups] == [old.digest]
    assert f"Deleted: {line.address}/{copies}:0, backup {backups[0]}" in out
    assert set(there) == {"1", "2"}
    assert there["1"] == old.digest
