"""Credentials in Docker's config.json."""

from __future__ import annotations

import json
import os
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from longshore import shared_files
from longshore.credentials import Credential, CredentialStore, StoredIn
from longshore.credentials.config_file import LARGEST, ConfigFile
from longshore.errors import CredentialsError

from .conftest import DockerHome, encoded

ME = {"auth": encoded("me", "secret")}
HUB = "https://index.docker.io/v1/"


LOCK = ".config.json.longshore.lock"


def beside(home: DockerHome) -> list[str]:
    return [each.name for each in home.config.parent.iterdir() if each != home.config]


def test_nobody_signed_in(docker_home: DockerHome) -> None:
    store = docker_home.store
    assert store.get("x.example") is None
    assert store.whose("x.example") is None
    assert store.keeper("x.example").stored_in is StoredIn.CONFIG_FILE
    assert store.destination("x.example").stored_in is StoredIn.CONFIG_FILE
    assert store.destination("x.example").path == docker_home.config
    store.forget("x.example")
    assert not docker_home.config.exists()


@pytest.mark.parametrize(
    ("registry", "key"),
    [
        ("x.example", "x.example"),
        ("x.example", "https://x.example"),
        ("x.example", "http://x.example"),
        ("x.example", "https://x.example/"),
        ("x.example", "https://x.example/v1/"),
        ("x.example", "https://x.example/v2/"),
        ("x.example", "x.example/v2"),
        ("x.example", "x.example/team"),  # Docker uses it for the whole host
        ("X.example", "x.example"),
        ("127.0.0.1:5000", "127.0.0.1:5000"),
        ("127.0.0.1:5000", "http://127.0.0.1:5000/v2/"),
        ("[::1]:5000", "[::1]:5000"),
        ("[::1]:5000", "https://[::1]:5000/v2/"),
        ("docker.io", HUB),
        ("docker.io", "docker.io"),
        ("docker.io", "index.docker.io"),
        ("docker.io", "https://registry-1.docker.io/v2/"),
        ("index.docker.io", HUB),
        ("registry-1.docker.io", HUB),
    ],
)
def test_found_under_all_keys_that_docker_knows(docker_home: DockerHome, registry: str, key: str) -> None:
    docker_home.write({"auths": {"other.example": {"auth": encoded("not", "me")}, key: ME}})
    store = docker_home.store
    assert store.get(registry) == Credential("me", "secret")
    assert store.whose(registry) == "me"
    assert store.keeper(registry).stored_in is StoredIn.CONFIG_FILE


@pytest.mark.parametrize(
    ("registry", "key"),
    [
        ("x.example", "x.example:443"),
        ("x.example:5000", "x.example"),
        ("x.example", "y.x.example"),
        ("x.example", "x.example.evil.example"),
        ("x.example", "https://x.example@evil.example/"),
        ("x.example", "evil.example/x.example"),
        ("x.example", ""),
        ("Foo", HUB),
        ("docker.io", "https://hub.docker.com"),
        # `docker login` through the browser stores tokens there, not a password.
        ("docker.io", HUB + "access-token"),
        ("docker.io", HUB + "refresh-token"),
    ],
)
def test_not_given_to_another_registry(docker_home: DockerHome, registry: str, key: str) -> None:
    docker_home.write({"auths": {key: ME}})
    assert docker_home.store.get(registry) is None


def test_no_secret_in_the_repr_of_the_file(docker_home: DockerHome) -> None:
    docker_home.write({"auths": {"x.example": {**ME, "identitytoken": "tok"}}})
    shown = repr(ConfigFile.read(docker_home.config))
    assert ME["auth"] not in shown and "tok" not in shown
    assert "config.json" in shown


def test_an_empty_entry_hides_no_other_of_its_registry(docker_home: DockerHome) -> None:
    """A helper that was removed leaves such entries behind."""
    docker_home.write({"auths": {"x.example": {}, "https://x.example/v1/": ME, "https://x.example/v2/": {}}})
    assert docker_home.store.get("x.example") == Credential("me", "secret")


def test_the_key_that_fits_best_wins(docker_home: DockerHome) -> None:
    keys = {"team": "https://x.example/team", "url": "https://x.example/v2/", "host": "x.example"}
    for wanted in ("host", "url", "team"):
        docker_home.write({"auths": {key: {"auth": encoded(name, "s")} for name, key in keys.items()}})
        assert docker_home.store.whose("x.example") == wanted
        del keys[wanted]


@pytest.mark.parametrize(
    ("entry", "wanted"),
    [
        ({"auth": encoded("me", "a:b:ü")}, Credential("me", "a:b:ü")),
        ({"auth": encoded("me", "secret\0\0")}, Credential("me", "secret")),
        ({"auth": encoded("me", "secret") + "\n"}, Credential("me", "secret")),
        ({"username": "me", "password": "secret"}, Credential("me", "secret")),
        ({"auth": encoded("me", ""), "identitytoken": "t"}, Credential("me", "", "t")),
        ({"auth": encoded("me", "secret"), "identitytoken": "t"}, Credential("me", "", "t")),
        ({"identitytoken": "t"}, Credential("", "", "t")),
        (
            {"auth": encoded("00000000-0000-0000-0000-000000000000", ""), "identitytoken": "t"},
            Credential("00000000-0000-0000-0000-000000000000", "", "t"),
        ),
        ({}, None),
        ({"auth": ""}, None),
        ({"auth": None}, None),
        ({"email": "me@x"}, None),
    ],
)
def test_forms_of_an_entry(docker_home: DockerHome, entry: dict[str, Any], wanted: Credential | None) -> None:
    docker_home.write({"auths": {"x.example": entry}})
    assert docker_home.store.get("x.example") == wanted


def test_a_token_without_a_name_is_called_token(docker_home: DockerHome) -> None:
    docker_home.write({"auths": {"x.example": {"identitytoken": "t"}}})
    assert docker_home.store.whose("x.example") == "token"


@pytest.mark.parametrize(
    "entry",
    [
        None,
        [],
        "text",
        {"auth": "%%%"},
        {"auth": "bm9jb2xvbg=="},
        {"auth": 5},
        {"auth": "/////w=="},
        {"identitytoken": {}},
        {"username": [], "password": "x"},
        {"username": "\ud800", "password": "x"},
        {"username": "me", "password": "\udfff"},
        {"identitytoken": "\udc00"},
    ],
)
def test_an_odd_entry_harms_only_its_registry(docker_home: DockerHome, entry: object) -> None:
    docker_home.write({"auths": {"odd.example": entry, "x.example": ME}})
    store = docker_home.store
    assert store.get("x.example") == Credential("me", "secret")
    assert store.get("third.example") is None
    with pytest.raises(CredentialsError) as caught:
        store.get("odd.example")
    assert caught.value.subject == "odd.example"
    store.save("odd.example", Credential("me", "new"))
    assert store.get("odd.example") == Credential("me", "new")


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "null",
        "\x00",
        '{"auths": {"x.example": {"auth": "c2VjcmV0"}}',
        pytest.param("[" * 100_000, id="deep"),
        pytest.param('{"auths": ' + '{"a":' * 900 + "1" + "}" * 901, id="deep object"),
        pytest.param('{"auths": {}, "n": ' + "9" * 6000 + "}", id="long number"),
    ],
)
def test_a_broken_file_is_said_and_left_alone(docker_home: DockerHome, text: str) -> None:
    docker_home.write(text)
    store = docker_home.store
    for call in (
        lambda: store.get("x.example"),
        lambda: store.whose("x.example"),
        lambda: store.keeper("x.example"),
        lambda: store.save("x.example", Credential("me", "s")),
        lambda: store.forget("x.example"),
    ):
        with pytest.raises(CredentialsError) as caught:
            call()
        error = caught.value
        assert error.subject == str(docker_home.config)
        assert "c2VjcmV0" not in error.message + error.detail + error.advice
    assert docker_home.config.read_text() == text
    # Even with a broken file, a credential can be kept for this run.
    store.keep_for_this_run("x.example", Credential("me", "s"))
    assert store.get("x.example") == Credential("me", "s")


def test_an_unreadable_file_is_said(docker_home: DockerHome) -> None:
    docker_home.config.mkdir(parents=True)
    with pytest.raises(CredentialsError, match="can't be read"):
        docker_home.store.get("x.example")


@pytest.mark.parametrize("part", ["auths", "credHelpers"])
def test_odd_parts_are_named(docker_home: DockerHome, part: str) -> None:
    docker_home.write({part: ["x"]})
    with pytest.raises(CredentialsError) as caught:
        docker_home.store.get("x.example")
    assert f"“{part}” is not an object" in caught.value.detail


@pytest.mark.parametrize("text", ["", "  \n", "{}", '{"auths": null}', '\ufeff{"auths": {}}'])
def test_an_empty_file_is_no_error(docker_home: DockerHome, text: str) -> None:
    docker_home.write(text)
    store = docker_home.store
    assert store.get("x.example") is None
    assert store.whose("x.example") is None
    # An existing but empty file is reported when signing in.
    assert store.destination("x.example").empty is (not text.strip())
    store.forget("x.example")
    assert docker_home.config.read_text() == text
    store.save("x.example", Credential("me", "secret"))
    assert docker_home.read()["auths"] == {"x.example": ME}
    assert not store.destination("x.example").empty


@pytest.mark.parametrize(("text", "wanted"), [("", "old"), ("\n", "old"), ("{}", None)])
def test_an_empty_file_counts_as_absent(docker_home: DockerHome, text: str, wanted: str | None) -> None:
    (docker_home.home / ".dockercfg").write_text(json.dumps({"x.example": {"auth": encoded("old", "1")}}))
    docker_home.write(text)
    assert docker_home.store.whose("x.example") == wanted


@pytest.mark.parametrize("name", ["config.json", ".dockercfg"])
def test_a_pipe_in_its_place_is_reported_at_once(docker_home: DockerHome, name: str) -> None:
    path = docker_home.config if name == "config.json" else docker_home.home / name
    path.parent.mkdir(exist_ok=True)
    os.mkfifo(path)
    store = docker_home.store
    calls = [lambda: store.get("x.example"), lambda: store.whose("x.example")]
    if name == "config.json":
        calls += [
            lambda: store.destination("x.example"),
            lambda: store.save("x.example", Credential("me", "s")),
            lambda: store.forget("x.example"),
        ]
    for call in calls:
        with pytest.raises(CredentialsError, match="can't be read") as caught:
            call()
        assert caught.value.detail == "Not a regular file."


@pytest.mark.parametrize("more", [0, 1])
def test_the_size_of_the_file_is_bounded(docker_home: DockerHome, more: int) -> None:
    text = json.dumps({"auths": {"x.example": ME}})
    docker_home.write(text + " " * (LARGEST - len(text) + more))
    if more:
        with pytest.raises(CredentialsError) as caught:
            docker_home.store.get("x.example")
        assert f"Larger than {LARGEST} bytes" in caught.value.detail
    else:
        assert docker_home.store.whose("x.example") == "me"


def test_saved_as_docker_does(docker_home: DockerHome) -> None:
    store = docker_home.store
    store.save("x.example:5000", Credential("me", "secret"))
    store.save("docker.io", Credential("hub", "s"))
    store.save("t.example", Credential("me", "", "t"))
    store.save("n.example", Credential("", "", "t"))
    assert docker_home.read() == {
        "auths": {
            "x.example:5000": ME,
            HUB: {"auth": encoded("hub", "s")},
            "t.example": {"auth": encoded("me", ""), "identitytoken": "t"},
            "n.example": {"identitytoken": "t"},
        }
    }
    assert docker_home.config.read_text().startswith('{\n\t"auths": {\n\t\t"')
    assert stat.S_IMODE(docker_home.config.stat().st_mode) == 0o600
    assert stat.S_IMODE(docker_home.config.parent.stat().st_mode) == 0o700
    assert beside(docker_home) == [LOCK], "nothing is left beside it"
    for registry, wanted in (("docker.io", "hub"), ("x.example:5000", "me"), ("n.example", "token")):
        assert store.whose(registry) == wanted


OTHERS = {
    "HttpHeaders": {"b": "1", "a": "2"},
    "auths": {
        "z.example": {"auth": encoded("z", "1"), "email": "z@x", "future": [1]},
        "a.example": {"auth": encoded("a", "1")},
    },
    "psFormat": "table ü {{.ID}} <&>",
    "currentContext": "desk",
    "plugins": {"x": {"big": 12345678901234567890, "float": 1.5}},
}


def test_what_others_keep_there_stays_in_its_order(docker_home: DockerHome) -> None:
    docker_home.write(OTHERS)
    store = docker_home.store
    store.save("m.example", Credential("me", "secret"))
    found = docker_home.read()
    assert found == {**OTHERS, "auths": {**OTHERS["auths"], "m.example": ME}}  # type: ignore[dict-item]
    assert list(found) == list(OTHERS)
    assert list(found["auths"]) == ["z.example", "a.example", "m.example"]
    store.forget("m.example")
    assert docker_home.read() == OTHERS
    assert list(docker_home.read()["HttpHeaders"]) == ["b", "a"]


def test_saving_again_replaces_the_secret_only(docker_home: DockerHome) -> None:
    docker_home.write(OTHERS)
    docker_home.store.save("z.example", Credential("me", "secret"))
    assert docker_home.read()["auths"]["z.example"] == {**ME, "email": "z@x", "future": [1]}
    assert list(docker_home.read()["auths"]) == ["z.example", "a.example"]
    docker_home.write(
        {"auths": {"x.example": {"username": "old", "password": "old", "identitytoken": "old"}}}
    )
    docker_home.store.save("x.example", Credential("me", "secret"))
    assert docker_home.read()["auths"] == {"x.example": ME}


def test_saving_replaces_older_names_of_the_registry(docker_home: DockerHome) -> None:
    old = {"auth": encoded("old", "1")}
    docker_home.write({"auths": {"https://x.example/v1/": old, "y.example": old, "http://x.example": old}})
    docker_home.store.save("x.example", Credential("me", "secret"))
    assert docker_home.read()["auths"] == {"y.example": old, "x.example": ME}


def test_forgetting_takes_all_names_of_the_registry_and_no_other(docker_home: DockerHome) -> None:
    docker_home.write({"auths": {"x.example": ME, "https://x.example/v2/": ME, "x.example:443": ME, HUB: ME}})
    docker_home.store.forget("x.example")
    assert list(docker_home.read()["auths"]) == ["x.example:443", HUB]
    docker_home.store.forget("docker.io")
    assert list(docker_home.read()["auths"]) == ["x.example:443"]


def test_a_file_without_the_registry_is_the_same_without_it(docker_home: DockerHome) -> None:
    for text in (b'{"psFormat": "t"}', b'{"auths": null}', b'{"auths": {"y.example": {}}}'):
        config = ConfigFile.parse(docker_home.config, text)
        assert config.without("x.example").values == json.loads(text)


def test_forgetting_nobody_writes_nothing(docker_home: DockerHome) -> None:
    docker_home.write({"auths": {"x.example": ME}})
    before = docker_home.config.stat().st_ino
    docker_home.store.forget("y.example")
    assert docker_home.config.stat().st_ino == before


@pytest.mark.parametrize(
    ("credential", "why"),
    [
        (Credential("", "secret"), "no user name"),
        (Credential("a:b", "secret"), "a colon in the user name"),
        (Credential("\ud800", "secret"), "characters"),
        (Credential("me", "\udfff"), "characters"),
        (Credential("me", "", "\udc00"), "characters"),
    ],
)
def test_what_the_file_cannot_hold_is_refused(
    docker_home: DockerHome, credential: Credential, why: str
) -> None:
    # The docker CLI would refuse the whole file, or read a different name and password.
    docker_home.write({"auths": {"x.example": ME}})
    with pytest.raises(CredentialsError, match=why):
        docker_home.store.save("x.example", credential)
    assert docker_home.read() == {"auths": {"x.example": ME}}


def test_a_link_is_followed_and_stays(docker_home: DockerHome, tmp_path: Path) -> None:
    dotfiles = tmp_path / "dotfiles"
    dotfiles.mkdir()
    target = dotfiles / "docker.json"
    target.write_text('{"auths": {}}')
    target.chmod(0o644)
    docker_home.config.parent.mkdir()
    docker_home.config.symlink_to(target)
    docker_home.store.save("x.example", Credential("me", "secret"))
    assert docker_home.config.is_symlink()
    assert json.loads(target.read_text())["auths"] == {"x.example": ME}
    assert stat.S_IMODE(target.stat().st_mode) == 0o600, "it now holds a secret"


def test_what_cannot_be_replaced_is_said(docker_home: DockerHome, monkeypatch: pytest.MonkeyPatch) -> None:
    docker_home.write({"auths": {"x.example": ME}})

    def refuse(*_: object) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(shared_files, "_swap", refuse)
    with pytest.raises(CredentialsError, match="could not be changed") as caught:
        docker_home.store.forget("x.example")
    assert "Permission denied" in caught.value.detail
    assert "Check the permissions" in caught.value.advice
    assert docker_home.read() == {"auths": {"x.example": ME}}
    assert beside(docker_home) == [LOCK]


def test_for_this_run_only(docker_home: DockerHome) -> None:
    docker_home.write({"auths": {"x.example": ME}})
    store = docker_home.store
    store.keep_for_this_run("X.example", Credential("other", "s"))
    assert store.get("x.example") == Credential("other", "s")
    assert store.whose("x.example") == "other"
    assert store.keeper("x.example").stored_in is StoredIn.THIS_RUN
    assert docker_home.store.whose("x.example") == "me", "no other store knows it"
    store.keep_for_this_run("docker.io", Credential("hub", "s"))
    assert store.whose("registry-1.docker.io") == "hub"
    store.save("x.example", Credential("third", "s"))
    assert store.whose("x.example") == "third", "the later one counts"
    store.keep_for_this_run("x.example", Credential("", "", "t"))
    assert store.whose("x.example") == "token"
    store.forget("x.example")
    assert store.whose("x.example") is None
    assert docker_home.read()["auths"] == {}


def test_logins_of_others_are_seen_at_once(docker_home: DockerHome) -> None:
    store = docker_home.store
    assert store.get("x.example") is None
    docker_home.write({"auths": {"x.example": ME}})
    assert store.whose("x.example") == "me"


def test_where_the_file_is(tmp_path: Path, docker_home: DockerHome) -> None:
    elsewhere = tmp_path / "elsewhere"
    named = CredentialStore(environ={**docker_home.environ, "DOCKER_CONFIG": str(elsewhere)})
    assert named.path == elsewhere / "config.json"
    assert CredentialStore(tmp_path, environ=docker_home.environ).path == tmp_path / "config.json"
    named.save("x.example", Credential("me", "secret"))
    assert named.whose("x.example") == "me"
    assert docker_home.store.whose("x.example") is None


def test_the_file_of_ancient_docker_belongs_to_the_usual_folder(
    tmp_path: Path, docker_home: DockerHome
) -> None:
    (docker_home.home / ".dockercfg").write_text(json.dumps({"x.example": ME}))
    named = {**docker_home.environ, "DOCKER_CONFIG": str(tmp_path / "elsewhere")}
    assert docker_home.store.whose("x.example") == "me"
    assert CredentialStore(environ=named).whose("x.example") is None
    assert CredentialStore(tmp_path, environ=docker_home.environ).whose("x.example") is None


def test_the_file_of_ancient_docker_is_read_where_there_is_no_other(docker_home: DockerHome) -> None:
    (docker_home.home / ".dockercfg").write_text(json.dumps({HUB: {**ME, "email": "me@x"}}))
    store = docker_home.store
    assert store.get("docker.io") == Credential("me", "secret")
    store.save("x.example", Credential("new", "s"))
    assert store.get("docker.io") is None, "as in Docker: a config.json replaces the old file"


def test_many_threads_lose_nothing(docker_home: DockerHome) -> None:
    store = docker_home.store
    threads = [
        threading.Thread(target=store.save, args=(f"r{number}.example", Credential(f"u{number}", "s")))
        for number in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [store.whose(f"r{number}.example") for number in range(12)] == [
        f"u{number}" for number in range(12)
    ]


def test_what_the_file_mentions(docker_home: DockerHome) -> None:
    docker_home.write(
        {
            "auths": {
                "a.example": {"auth": "eDp5"},
                "https://index.docker.io/v1/": {},
                "http://b.example/v2/": {},
            },
            "credHelpers": {"c.example": "one", "d.example": "two", "e.example": "one"},
            "credsStore": "three",
        }
    )
    found = ConfigFile.read(docker_home.config)
    assert found.helpers() == ["three", "one", "two"]
    assert found.has_secrets
    # None of the helpers is installed: what the file mentions is known anyway.
    assert docker_home.store.registries() == [
        "a.example",
        "b.example",
        "c.example",
        "d.example",
        "docker.io",
        "e.example",
    ]
    docker_home.write({"auths": {"a.example": {}}})
    assert not ConfigFile.read(docker_home.config).has_secrets


def test_registries_that_only_a_helper_knows(docker_home: DockerHome) -> None:
    keychain = docker_home.keychain("chain")
    keychain.put("https://index.docker.io/v1/", "ann", "tide")
    keychain.put("https://index.docker.io/v1/access-token", "ann", "tide")
    keychain.put("f.example:5000", "bob", "timber")
    docker_home.write({"credsStore": "chain"})
    store = docker_home.store
    assert store.registries() == ["docker.io", "f.example:5000"]
    store.keep_for_this_run("a.example", Credential("x", "y"))
    assert store.registries() == ["a.example", "docker.io", "f.example:5000"]
    assert {call.split()[0] for call in keychain.calls} == {"list"}
