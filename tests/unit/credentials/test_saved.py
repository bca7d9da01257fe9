"""A sign-in that was saved: still there, undone by a stale write, or changed by somebody on purpose."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from longshore import shared_files
from longshore.cancellation import Cancellation, Cancelled
from longshore.credentials import Credential, CredentialStore, Fate, SavedSignIn, config_file
from longshore.credentials import store as store_module
from longshore.errors import CredentialsError
from longshore.shared_files import locked

from .conftest import DockerHome, encoded

ME = Credential("me", "secret")
MINE = {"auth": encoded("me", "secret")}
OTHER = {"auth": encoded("other", "1")}
OLD = {"auth": encoded("me", "old")}
NEW = {"auth": encoded("new", "2")}
LOCK = ".config.json.longshore.lock"


def saved(home: DockerHome, before: dict[str, Any]) -> SavedSignIn:
    home.write(before)
    return home.store.save("x.example", ME)


def fate(home: DockerHome, one: SavedSignIn, now: dict[str, Any]) -> Fate:
    home.write(now)
    return home.store.fate(one)[0]


def test_what_is_as_we_left_it_is_kept(docker_home: DockerHome) -> None:
    one = saved(docker_home, {"auths": {"o.example": OTHER}})
    assert docker_home.store.fate(one)[0] is Fate.KEPT
    # Written in another form, with other entries beside it.
    spelled = {"username": "me", "password": "secret", "email": "x"}
    assert fate(docker_home, one, {"auths": {"x.example": spelled, "n.example": NEW}, "a": 1}) is Fate.KEPT


@pytest.mark.parametrize(
    "now",
    [
        {"auths": {}},
        {"auths": {}, "psFormat": "t"},  # everything else is unchanged
        {},
        {"auths": {}, "HttpHeaders": {"User-Agent": "Docker-Client/19.03"}},  # older docker CLIs add it
        {"auths": {"x.example": NEW}},
        {"auths": {"x.example": NEW, "n.example": NEW}},
        {"auths": {"x.example": {}}, "n": 1},
    ],
)
def test_signing_out_and_in_elsewhere_is_not_undone(docker_home: DockerHome, now: dict[str, Any]) -> None:
    one = saved(docker_home, {"auths": {}, "psFormat": "t"})
    assert fate(docker_home, one, now) is Fate.CHANGED
    assert docker_home.store.save_again(one) is None
    assert docker_home.read() == now


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ({"auths": {}}, {"auths": {"n.example": NEW}}),  # docker login n.example, begun before our save
        ({"auths": {"o.example": OTHER}}, {"auths": {}}),  # docker logout o.example
        ({"auths": {"o.example": OTHER}}, {"auths": {"o.example": NEW}}),
        ({"auths": {}}, {"auths": {}, "currentContext": "desk"}),  # docker context use
        ({"auths": {}, "currentContext": "a"}, {"auths": {}, "currentContext": "b"}),
        ({"auths": {"x.example": OLD}}, {"auths": {"x.example": OLD, "n.example": NEW}}),
        ({"auths": {"https://x.example": OLD}}, {"auths": {"https://x.example": OLD, "n.example": NEW}}),
    ],
)
def test_a_stale_write_is_undone_once_and_keeps_what_it_brought(
    docker_home: DockerHome, before: dict[str, Any], now: dict[str, Any]
) -> None:
    one = saved(docker_home, before)
    assert fate(docker_home, one, now) is Fate.OVERWRITTEN
    again = docker_home.store.save_again(one)
    assert again is not None
    others = {key: entry for key, entry in now["auths"].items() if "x.example" not in key}
    assert docker_home.read() == {**now, "auths": {**others, "x.example": MINE}}
    assert docker_home.store.fate(again)[0] is Fate.KEPT
    # The same stale text is found again; it is up to the caller to stop.
    assert fate(docker_home, again, {**now, "more": 1}) is Fate.OVERWRITTEN


def test_signing_out_where_an_older_sign_in_was_replaced(docker_home: DockerHome) -> None:
    one = saved(docker_home, {"auths": {"x.example": OLD}})
    assert fate(docker_home, one, {"auths": {"n.example": NEW}}) is Fate.CHANGED
    assert fate(docker_home, one, {"auths": {"x.example": OLD}}) is Fate.CHANGED


def test_what_changed_while_it_was_kept_is_no_sign_later(docker_home: DockerHome) -> None:
    one = saved(docker_home, {"auths": {}})
    docker_home.write({"auths": {"x.example": MINE, "n.example": NEW}})
    found, one = docker_home.store.fate(one)
    assert found is Fate.KEPT
    assert fate(docker_home, one, {"auths": {"n.example": NEW}}) is Fate.CHANGED, "docker logout x.example"
    assert fate(docker_home, one, {"auths": {"m.example": NEW}}) is Fate.OVERWRITTEN


def test_entries_of_others_that_cannot_be_read_are_compared_as_they_are(docker_home: DockerHome) -> None:
    one = saved(docker_home, {"auths": {"odd.example": {"auth": "%%"}}})
    assert fate(docker_home, one, {"auths": {"odd.example": {"auth": "%%"}}}) is Fate.CHANGED
    assert fate(docker_home, one, {"auths": {"odd.example": {"auth": "%"}}}) is Fate.OVERWRITTEN


def test_the_entry_of_a_helper_is_guarded_too(docker_home: DockerHome) -> None:
    docker_home.keychain("secretservice")
    one = docker_home.store.save("x.example", ME)
    assert one.helper == "secretservice"
    assert "secret" not in docker_home.config.read_text().replace("secretservice", "")
    assert fate(docker_home, one, {"auths": {"n.example": NEW}}) is Fate.OVERWRITTEN
    assert docker_home.store.save_again(one) is not None
    assert docker_home.read() == {
        "auths": {"n.example": NEW, "x.example": {}},
        "credsStore": "secretservice",
    }
    # The entry is there but the helper's name is not, and other content changed as well.
    assert fate(docker_home, one, {"auths": {"x.example": {}, "n.example": NEW}}) is Fate.OVERWRITTEN
    assert fate(docker_home, one, {"auths": {"x.example": {}}}) is Fate.CHANGED
    assert fate(docker_home, one, {"auths": {}, "credsStore": "secretservice"}) is Fate.CHANGED


def test_a_secret_goes_into_no_file_once_there_is_a_helper(docker_home: DockerHome) -> None:
    docker_home.keychain("good")
    one = saved(docker_home, {"auths": {}})
    assert fate(docker_home, one, {"auths": {}, "credsStore": "good"}) is Fate.OVERWRITTEN
    assert docker_home.store.save_again(one) is None
    assert docker_home.read() == {"auths": {}, "credsStore": "good"}


def test_no_secret_in_its_repr(docker_home: DockerHome) -> None:
    proxies = {"default": {"httpProxy": "http://me:tok3n@proxy.example"}}
    one = saved(docker_home, {"auths": {"x.example": OLD, "o.example": OTHER}, "proxies": proxies})
    for secret in ("secret", "old", "other", MINE["auth"], OTHER["auth"], "tok3n"):
        assert secret not in repr(one)


# -- saving while others write


def stale(home: DockerHome, values: dict[str, Any]) -> None:
    """Write the file as a program without our lock does."""
    other = home.config.with_name("foreign.tmp")
    other.write_text(json.dumps(values))
    other.replace(home.config)


def test_what_comes_between_reading_and_writing_is_merged(
    docker_home: DockerHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker_home.write({"auths": {}})
    swap = shared_files._swap
    writes = iter([1])

    def interfered(one: Path, other: Path) -> bool:
        if next(writes, None):
            stale(docker_home, {"auths": {"n.example": NEW}, "psFormat": "t"})
        return swap(one, other)

    monkeypatch.setattr(shared_files, "_swap", interfered)
    docker_home.store.save("x.example", ME)
    assert docker_home.read() == {"auths": {"n.example": NEW, "x.example": MINE}, "psFormat": "t"}


def test_what_overwrites_us_while_we_watch_is_merged(docker_home: DockerHome) -> None:
    docker_home.write({"auths": {}})
    enough = Cancellation()

    def docker() -> None:
        while "x.example" not in docker_home.config.read_text():
            enough.wait(0.001)
        stale(docker_home, {"auths": {"n.example": NEW}})
        while "x.example" not in docker_home.config.read_text():
            enough.wait(0.001)
        enough.cancel()

    thread = threading.Thread(target=docker)
    thread.start()
    # It would watch for a minute; cancelling ends the watch, not the write.
    store = CredentialStore(environ=docker_home.environ, settle=60.0)
    one = store.save("x.example", ME, cancellation=enough)
    thread.join()
    assert docker_home.read() == {"auths": {"n.example": NEW, "x.example": MINE}}
    assert store.fate(one)[0] is Fate.KEPT


def test_what_does_not_last_is_reported(docker_home: DockerHome, monkeypatch: pytest.MonkeyPatch) -> None:
    docker_home.write({"auths": {}})
    swap = shared_files._swap
    seen: set[Path] = set()

    def interfered(one: Path, other: Path) -> bool:
        if one not in seen:  # at each write of ours, not when their text is put back
            seen.add(one)
            stale(docker_home, {"auths": {}, "n": len(seen)})
        return swap(one, other)

    monkeypatch.setattr(shared_files, "_swap", interfered)
    with pytest.raises(CredentialsError, match="could not be changed") as caught:
        docker_home.store.save("x.example", ME)
    assert "another program overwrites it" in caught.value.detail.lower()
    assert "Close the program" in caught.value.advice
    assert list(docker_home.read()["auths"]) == []
    assert [each.name for each in docker_home.config.parent.iterdir() if each.suffix == ".tmp"] == []


def test_the_file_is_watched_as_long_as_it_is_said(
    monkeypatch: pytest.MonkeyPatch, docker_home: DockerHome
) -> None:
    made: list[float] = []
    shared_file = store_module.SharedFile

    def noted(path: Path, **options: Any) -> shared_files.SharedFile:
        made.append(options["settle"])
        return shared_file(path, **options)

    monkeypatch.setattr(store_module, "SharedFile", noted)
    CredentialStore(environ=docker_home.environ)
    CredentialStore(environ=docker_home.environ, settle=3.0)
    assert made == [store_module.SETTLE, 3.0]
    assert store_module.SETTLE > 0


def test_a_lock_that_is_held_can_be_waited_for_and_cancelled(docker_home: DockerHome) -> None:
    docker_home.write({"auths": {"o.example": OTHER}})
    cancellation = Cancellation()
    with locked(docker_home.config.with_name(LOCK)):
        cancellation.cancel()
        with pytest.raises(Cancelled):
            docker_home.store.save("x.example", ME, cancellation=cancellation)
        with pytest.raises(Cancelled):
            docker_home.store.forget("o.example", cancellation=cancellation)
        # Reading does not wait for the lock, nor does forgetting a sign-in that does not exist.
        assert docker_home.store.whose("o.example") == "other"
        docker_home.store.forget("x.example")
    assert docker_home.read() == {"auths": {"o.example": OTHER}}


def test_a_lock_that_is_stuck_is_reported(docker_home: DockerHome) -> None:
    error = config_file.unwritable(docker_home.config, shared_files.LockBusy(Path("x")))
    assert "Close other Longshore windows" in error.advice
    assert error.detail == "Another program keeps it locked."


def test_two_stores_at_once_keep_both(docker_home: DockerHome) -> None:
    for number in range(10):
        docker_home.write("{}")
        stores = [docker_home.store, docker_home.store]
        threads = [
            threading.Thread(target=store.save, args=(f"{name}.example", ME))
            for store, name in zip(stores, "ab", strict=True)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert set(docker_home.read()["auths"]) == {"a.example", "b.example"}, number


# -- killed


_KILLED = """
import os, signal, sys
from longshore import shared_files
from longshore.credentials import Credential, CredentialStore
store = CredentialStore(environ={"HOME": sys.argv[1], "PATH": "/nowhere"}, settle=0.0)
step, last = 0, int(sys.argv[2])
def counted(event, arguments):
    global step
    if event in ("open", "os.rename", "os.link", "os.remove", "ctypes.dlsym", "os.scandir", "os.mkdir"):
        step += 1
        if step > last:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(counted)
store.save("x.example", Credential("me", "secret"))
"""


def test_a_save_that_is_killed_at_any_step_leaves_the_old_or_the_new_and_nothing_for_long(
    docker_home: DockerHome,
) -> None:
    old = {"auths": {f"r{number}.example": OTHER for number in range(200)}}
    new = {"auths": {**old["auths"], "x.example": MINE}}
    left = 0
    seen = []
    for last in range(100):
        docker_home.write(old)
        done = subprocess.run([sys.executable, "-c", _KILLED, str(docker_home.home), str(last)], check=False)
        seen.append(docker_home.read())
        assert seen[-1] in (old, new), last
        temporary = [each for each in docker_home.config.parent.iterdir() if each.suffix == ".tmp"]
        left += bool(temporary)
        # The next start checks who is signed in, and removes them.
        docker_home.store.whose("x.example")
        assert sorted(each.name for each in docker_home.config.parent.iterdir()) in (
            [LOCK, "config.json"],
            ["config.json"],
        )
        if done.returncode == 0:
            break
    assert seen[0] == old and seen[-1] == new
    assert left > 0, "some unfinished text was left behind"


def test_unfinished_texts_are_looked_for_once(docker_home: DockerHome) -> None:
    docker_home.write({})
    store = docker_home.store
    store.get("x.example")
    left = docker_home.config.with_name(".config.json.longshore-0123456789abcdef.tmp")
    left.write_text("secret")
    store.get("x.example")
    assert left.exists(), "not looked for at every read"
    docker_home.store.get("x.example")
    assert not left.exists()
