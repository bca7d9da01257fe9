"""Credential helpers: real programs, good and bad."""

from __future__ import annotations

import pytest

from longshore.credentials import Credential, StoredIn, helper
from longshore.errors import CredentialsError

from .conftest import DockerHome, encoded

HUB = "https://index.docker.io/v1/"
SECRET = Credential("me", "hunter2")


def test_store_keeps_it_in_the_helper_and_the_name_in_the_file(docker_home: DockerHome) -> None:
    keychain = docker_home.keychain("good")
    docker_home.write({"credsStore": "good", "other": 1})
    store = docker_home.store
    assert store.destination("x.example").name == "good"
    store.save("x.example", SECRET)
    store.save("docker.io", SECRET)
    store.save("t.example", Credential("me", "", "tok"))
    assert keychain.records == {
        server: {"ServerURL": server, "Username": user, "Secret": secret}
        for server, user, secret in (
            ("x.example", "me", "hunter2"),
            (HUB, "me", "hunter2"),
            ("t.example", "<token>", "tok"),
        )
    }
    # As the docker CLI does: an empty entry means that somebody is signed in.
    assert docker_home.read() == {
        "credsStore": "good",
        "other": 1,
        "auths": {"x.example": {}, HUB: {}, "t.example": {}},
    }
    assert store.get("x.example") == SECRET
    assert store.get("docker.io") == SECRET
    assert store.get("t.example") == Credential("", "", "tok")
    assert store.get("y.example") is None


def test_whose_asks_for_no_secret(docker_home: DockerHome) -> None:
    keychain = docker_home.keychain("good")
    keychain.put("x.example", "me", "hunter2")
    keychain.put("t.example", "<token>", "tok")
    keychain.put("https://u.example/v2/", "url", "s")
    docker_home.write({"credsStore": "good"})
    store = docker_home.store
    assert [store.whose(f"{name}.example") for name in "xtuy"] == ["me", "token", "url", None]
    assert set(keychain.calls) == {"list"}
    assert store.keeper("x.example").stored_in is StoredIn.HELPER
    assert store.keeper("x.example").name == "good"


def test_helpers_per_registry(docker_home: DockerHome) -> None:
    special, general = docker_home.keychain("special"), docker_home.keychain("general")
    special.put("x.example", "special", "s")
    general.put("x.example", "general", "s")
    general.put("y.example", "general", "s")
    special.put(HUB, "special", "s")
    docker_home.write(
        {
            "credsStore": "general",
            "credHelpers": {"x.example": "special", HUB: "special", "file.example": ""},
            "auths": {"file.example": {"auth": encoded("file", "s")}},
        }
    )
    store = docker_home.store
    assert store.whose("x.example") == "special"
    assert store.whose("y.example") == "general"
    assert store.whose("docker.io") == "special"
    assert store.whose("file.example") == "file", "an empty name means the file"
    assert store.destination("file.example").stored_in is StoredIn.CONFIG_FILE


def test_a_secret_in_the_file_counts_no_more_where_there_is_a_helper(docker_home: DockerHome) -> None:
    docker_home.keychain("good")
    docker_home.write({"credsStore": "good", "auths": {"x.example": {"auth": encoded("old", "s")}}})
    assert docker_home.store.get("x.example") is None, "as in Docker"
    docker_home.store.save("x.example", SECRET)
    assert docker_home.read()["auths"] == {"x.example": {}}, "the old secret is gone from the file"


def test_names_of_older_logins_are_found(docker_home: DockerHome) -> None:
    keychain = docker_home.keychain("good")
    keychain.put("https://x.example", "me", "hunter2")
    docker_home.write({"credsStore": "good", "auths": {"https://x.example": {}}})
    assert docker_home.store.get("x.example") == SECRET


def test_an_anonymous_lookup_asks_once(docker_home: DockerHome) -> None:
    keychain = docker_home.keychain("good")
    docker_home.write({"credsStore": "good"})
    assert docker_home.store.get("x.example") is None
    assert keychain.calls == ["get x.example"]


def test_forget_erases_all_names(docker_home: DockerHome) -> None:
    keychain = docker_home.keychain("good")
    for server in ("x.example", "http://x.example", "https://x.example", "https://x.example/v1/", HUB):
        keychain.put(server, "me", "s")
    docker_home.write(
        {"credsStore": "good", "auths": {"https://x.example/v1/": {}, HUB: {}, "y.example": {}}}
    )
    docker_home.store.forget("x.example")
    assert list(keychain.records) == [HUB]
    assert docker_home.read()["auths"] == {HUB: {}, "y.example": {}}
    docker_home.store.forget("docker.io")
    assert keychain.records == {}
    docker_home.store.forget("docker.io")


@pytest.mark.parametrize(
    "words",
    [
        "credentials not found in native keychain",
        "The specified item could not be found in the keychain.",
        "Credentials not found",
        "no credentials found for x.example",
        "Error: no such entry",
        "not logged in to x.example",
        "no stored credentials",
        "Key not found in the vault",
    ],
)
@pytest.mark.parametrize("channel", ["", " >&2"])
def test_nothing_kept_is_said_in_many_words(docker_home: DockerHome, words: str, channel: str) -> None:
    docker_home.script("odd", f'echo "{words}"{channel}; exit 1')
    docker_home.write({"credsStore": "odd"})
    store = docker_home.store
    assert store.get("x.example") is None
    assert store.whose("x.example") is None
    store.forget("x.example")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            'echo "exec: \\"pass\\": executable file not found in \\$PATH"; exit 1',
            "A program that it needs is not installed.",
        ),
        ("echo 'gpg: command not found, no credentials' >&2; exit 127", "command not found"),
        ("echo 'Cannot autolaunch D-Bus without X11' >&2; exit 1", "No keyring service is running."),
        ("echo 'the keyring is locked'; exit 1", "The keyring is locked."),
        ("echo 'something else'; exit 1", "“get” ended with code 1."),
        ("exit 3", "code 3"),
        ("kill -9 $$", "code -9"),
        ("echo 'Username: me'", "not a JSON object"),
        ("echo '[]'", "not a JSON object"),
        ("true", "not a JSON object"),
        ("echo '{}'", "no Username and Secret"),
        ("""echo '{"Username": 1, "Secret": "s"}'""", "no Username and Secret"),
        ("""echo '{"Username": "me", "Secret": 1}'""", "no Username and Secret"),
        (
            r"""printf '%s' '{"Username": "me", "Secret": "\ud800"}'""",
            "characters that are not valid Unicode",
        ),
        (r"""printf '%s' '{"Username": "\udfff", "Secret": "s"}'""", "characters that are not valid Unicode"),
    ],
)
def test_a_broken_helper_is_said_for_its_registry_only(
    docker_home: DockerHome, body: str, words: str
) -> None:
    docker_home.script("bad", body)
    docker_home.keychain("good").put("y.example", "me", "hunter2")
    docker_home.write({"credHelpers": {"x.example": "bad"}, "credsStore": "good"})
    store = docker_home.store
    with pytest.raises(CredentialsError) as caught:
        store.get("x.example")
    assert "docker-credential-bad" in caught.value.message
    assert caught.value.subject == "x.example"
    assert words in caught.value.detail
    assert store.get("y.example") == SECRET
    assert store.get("z.example") is None


def test_a_strange_answer_is_not_repeated(docker_home: DockerHome) -> None:
    docker_home.script("bad", """echo '{"Username": "me", "Secret": "hunter2"'""")
    docker_home.write({"credsStore": "bad"})
    with pytest.raises(CredentialsError) as caught:
        docker_home.store.get("x.example")
    error = caught.value
    assert "hunter2" not in repr((error.message, error.subject, error.advice, error.detail, error.__cause__))


def test_a_missing_helper_is_said(docker_home: DockerHome) -> None:
    docker_home.write({"credsStore": "gone", "auths": {"x.example": {}}})
    store = docker_home.store
    for call in (
        lambda: store.get("x.example"),
        lambda: store.whose("x.example"),
        lambda: store.save("x.example", SECRET),
    ):
        with pytest.raises(CredentialsError, match="“docker-credential-gone” is not installed"):
            call()
    assert docker_home.read() == {"credsStore": "gone", "auths": {"x.example": {}}}
    with pytest.raises(CredentialsError):
        store.forget("x.example")
    assert docker_home.read()["auths"] == {}, "signed out as far as possible"


@pytest.mark.parametrize("name", ["../evil", "a/b", "/bin/sh", "-x", "a b", "a\n", "x" * 100, "..", "a;b"])
def test_a_name_that_is_no_name_runs_nothing(docker_home: DockerHome, name: str) -> None:
    (docker_home.programs / "docker-credential-..").mkdir()
    docker_home.program("evil", "#!/bin/sh\n: > ran\n")
    docker_home.write({"credsStore": name})
    with pytest.raises(CredentialsError):
        docker_home.store.get("x.example")
    assert not list(docker_home.home.rglob("ran"))


@pytest.mark.parametrize("odd", [5, ["good"], {}, True])
def test_a_name_that_is_no_text_harms_only_who_needs_it(docker_home: DockerHome, odd: object) -> None:
    docker_home.write(
        {"credHelpers": {"x.example": odd}, "auths": {"y.example": {"auth": encoded("me", "hunter2")}}}
    )
    assert docker_home.store.get("y.example") == SECRET
    with pytest.raises(CredentialsError, match="name of a credential helper in Docker's"):
        docker_home.store.get("x.example")


def test_a_program_that_cannot_run_is_said(docker_home: DockerHome) -> None:
    docker_home.program("docker-credential-bad", "#!/no/such/interpreter\n")
    docker_home.write({"credsStore": "bad"})
    with pytest.raises(CredentialsError, match="“docker-credential-bad” failed") as caught:
        docker_home.store.get("x.example")
    assert caught.value.detail == "No such file or directory", "no error number and no path"


def test_a_helper_that_hangs_is_ended_with_all_it_started(docker_home: DockerHome) -> None:
    store = docker_home.store
    store.helper_seconds = 0.3
    docker_home.script("slow", "sleep 100")  # a child of the helper that keeps the pipes open
    docker_home.write({"credsStore": "slow"})
    with pytest.raises(CredentialsError) as caught:
        store.get("x.example")
    assert "No response to “get”" in caught.value.detail


def test_a_helper_that_does_not_read_its_input(docker_home: DockerHome) -> None:
    docker_home.script("deaf", """exec <&-; echo '{"Username": "me", "Secret": "hunter2"}'""")
    docker_home.write({"credsStore": "deaf"})
    assert docker_home.store.get("x.example") == SECRET


def test_a_helper_that_cannot_list_is_asked_for_the_one(docker_home: DockerHome) -> None:
    docker_home.script(
        "nolist",
        """[ "$1" = get ] || { echo unknown action; exit 1; }; echo '{"Username": "me", "Secret": "hunter2"}'""",
    )
    docker_home.write({"credsStore": "nolist"})
    assert docker_home.store.whose("x.example") == "me"


@pytest.mark.parametrize("body", [None, "exit 1", "echo x"], ids=["missing", "refuses", "answers oddly"])
def test_an_error_is_about_the_registry_or_else_the_helper(docker_home: DockerHome, body: str | None) -> None:
    if body is not None:
        docker_home.script("bad", body)
    bad = helper.Helper("bad", docker_home.environ)
    for call, subject in ((bad.users, "bad"), (lambda: bad.get("x.example"), "x.example")):
        with pytest.raises(CredentialsError) as caught:
            call()
        assert caught.value.subject == subject


def test_a_helper_that_refuses_to_store_leaves_the_file_alone(docker_home: DockerHome) -> None:
    docker_home.script("full", "cat >/dev/null; echo 'the keychain is full'; exit 1")
    docker_home.write({"credsStore": "full"})
    with pytest.raises(CredentialsError) as caught:
        docker_home.store.save("x.example", SECRET)
    assert "The keyring or its disk is full." in caught.value.detail
    assert "the keychain is full" not in caught.value.detail
    assert docker_home.read() == {"credsStore": "full"}


def test_no_secret_in_the_arguments_or_the_environment(docker_home: DockerHome) -> None:
    docker_home.script(
        "spy", f"cat /proc/$$/cmdline /proc/$$/environ > {docker_home.home}/seen; cat >/dev/null"
    )
    docker_home.write({"credsStore": "spy"})
    docker_home.store.save("x.example", SECRET)
    seen = (docker_home.home / "seen").read_bytes()
    assert b"docker-credential-spy" in seen
    assert b"hunter2" not in seen


def test_words_of_a_helper_are_made_safe(docker_home: DockerHome) -> None:
    docker_home.script("loud", r"printf '\033[31mbad\033[0m\n\342\200\256x\377'; exit 1")
    docker_home.write({"credsStore": "loud"})
    with pytest.raises(CredentialsError) as caught:
        docker_home.store.get("x.example")
    assert "\x1b" not in caught.value.detail
    assert "\u202e" not in caught.value.detail


def test_on_a_fresh_machine_the_platforms_helper_is_taken_as_docker_login_does(
    docker_home: DockerHome,
) -> None:
    keychain = docker_home.keychain("secretservice")
    store = docker_home.store
    assert store.get("x.example") is None
    assert store.destination("x.example").name == "secretservice"
    store.save("x.example", SECRET)
    assert list(keychain.records) == ["x.example"]
    assert docker_home.read() == {"auths": {"x.example": {}}, "credsStore": "secretservice"}
    assert store.get("x.example") == SECRET


def test_what_the_platforms_helper_keeps_is_found_without_any_configuration(docker_home: DockerHome) -> None:
    docker_home.keychain("secretservice").put("x.example", "me", "hunter2")
    store = docker_home.store
    assert (store.get("x.example"), store.whose("x.example")) == (SECRET, "me")
    assert (store.get("y.example"), store.whose("y.example")) == (None, None)


def test_pass_is_preferred_where_it_is_installed(docker_home: DockerHome) -> None:
    docker_home.keychain("secretservice")
    docker_home.program("pass", "#!/bin/sh\n")
    assert docker_home.store.destination("x.example").stored_in is StoredIn.CONFIG_FILE
    docker_home.keychain("pass")
    assert docker_home.store.destination("x.example").name == "pass"


def test_no_default_helper_where_somebody_is_signed_in_already(docker_home: DockerHome) -> None:
    docker_home.keychain("secretservice")
    docker_home.write({"auths": {"y.example": {"auth": encoded("me", "s")}}})
    docker_home.store.save("x.example", SECRET)
    assert docker_home.read()["auths"]["x.example"] == {"auth": encoded("me", "hunter2")}
    assert "credsStore" not in docker_home.read()


def test_a_default_helper_that_does_not_work_stops_nobody(docker_home: DockerHome) -> None:
    docker_home.script("secretservice", "echo 'Cannot autolaunch D-Bus without X11 $DISPLAY'; exit 1")
    assert docker_home.store.get("x.example") is None
    assert docker_home.store.whose("x.example") is None
