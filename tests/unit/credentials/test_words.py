"""What a helper prints: parsing it is bounded, and no secret is repeated."""

from __future__ import annotations

import base64

import pytest

from longshore.credentials import Credential, helper, program
from longshore.credentials.words import LOOKED_AT, known_trouble, says_not_found, without, words_of
from longshore.errors import CredentialsError

from .conftest import DockerHome, encoded

NOT_FOUND = "credentials not found in native keychain"


@pytest.mark.parametrize(
    "words",
    [
        NOT_FOUND,
        NOT_FOUND.upper(),
        "warning: slow\ncredentials not found",
        "The specified item could not be found in the keychain.",
        "entry not found",
        "no credentials found for x.example",
        "without stored credential for it",
        "no such entry",
        "have no saved password",
        "you are not logged in to x.example",
        "no key",
    ],
)
def test_words_for_nothing_kept(words: str) -> None:
    assert says_not_found(words)


@pytest.mark.parametrize(
    "words",
    [
        "",
        "not found",
        "page not found",
        "the login failed\nnot found",  # on different lines
        "not found: the key is bad",  # what is not found has to come first
        "the keyring is locked",
        "keyhole not found",
        "no keys",
        "nowhere credentials",
        "credentials not founded",
        "exec: pass: executable file not found in $PATH",
        "command not found, no credentials",
        "no such file or directory: credentials not found",
        "credentials not found: no keyring daemon",
        "logged in",
    ],
)
def test_words_for_something_else(words: str) -> None:
    assert not says_not_found(words)


@pytest.mark.parametrize("word", ["key ", "no ", "credentials not ", "\n", "not be ", "a" * 50, "key\n"])
def test_what_is_looked_at_is_bounded(word: str) -> None:
    """64 kB of one word once took 9 s: now the same amount is examined, however much there is."""
    room = LOOKED_AT - len("\ncredentials not found")
    filler = (word * (room // len(word) + 1))[:room]
    assert says_not_found(f"{filler}\n{NOT_FOUND}" + word * 100_000)
    assert says_not_found("x" * room + f"\n{NOT_FOUND}")
    assert not says_not_found("x" * (room + 1) + f"\n{NOT_FOUND}")
    assert known_trouble("x" * (LOOKED_AT - 6) + "locked") == "The keyring is locked."
    assert known_trouble("x" * (LOOKED_AT - 5) + "locked") == ""


@pytest.mark.parametrize(
    ("words", "ours"),
    [
        ("exec: pass: executable file not found", "A program that it needs is not installed."),
        ("pass not initialized: exit status 1", "Its password store is not initialized."),
        ("Cannot unlock", "The keyring is locked."),
        ("Cannot autolaunch D-Bus without X11", "No keyring service is running."),
        ("gpg: decryption failed: No pinentry", "GnuPG could not decrypt or encrypt."),
        ("User canceled", "The request was cancelled in the keyring's window."),
        ("access denied", "Access was denied."),
        ("the keychain is full", "The keyring or its disk is full."),
        ("hunter2", ""),
    ],
)
def test_known_trouble_is_said_in_our_words(words: str, ours: str) -> None:
    assert known_trouble(words) == ours


def test_the_longest_secret_goes_first() -> None:
    assert without("secretive secret", {"secret", "secretive"}) == "*** ***"
    assert without("x", {""}) == "x"


def test_the_words_of_an_answer() -> None:
    assert words_of('{"ServerURL": "x.example", "Username":"ann","Secret":"abcd"}') == {"x.example", "abcd"}
    assert words_of("abc") == set()


# -- through a helper


def detail(home: DockerHome, body: str, verb: str = "get") -> str:
    home.script("odd", body)
    home.write({"credsStore": "odd"})
    calls = {
        "get": lambda: home.store.get("x.example"),
        "store": lambda: home.store.save("x.example", Credential("me", "hunter2")),
        "erase": lambda: home.store.forget("x.example"),
        "list": lambda: home.store.whose("x.example"),
    }
    with pytest.raises(CredentialsError) as caught:
        calls[verb]()
    error = caught.value
    assert error.__cause__ is None
    assert "hunter2" not in repr((error.message, error.subject, error.advice, error.detail))
    return error.detail


@pytest.mark.parametrize("verb", ["get", "store", "erase", "list"])
def test_what_a_helper_prints_never_becomes_text(docker_home: DockerHome, verb: str) -> None:
    found = detail(docker_home, "echo 'boom: hunter2 is wrong'; echo 'for people' >&2; exit 1", verb)
    assert "boom" not in found
    assert "code 1" in found and "for people" in found


@pytest.mark.parametrize(
    "body",
    [
        """echo '{"Username": "me", "Secret": "hunter2"}'; echo '+ echo hunter2' >&2; exit 1""",
        """echo 'Secret: hunter2'; printf 'hun\\342\\200\\213ter2 hunter2' >&2; exit 1""",
    ],
)
def test_what_it_prints_twice_is_masked(docker_home: DockerHome, body: str) -> None:
    assert "***" in detail(docker_home, body)


@pytest.mark.parametrize("form", ["hunter2", encoded("me", "hunter2"), base64.b64encode(b"hunter2").decode()])
def test_what_it_was_given_is_masked(docker_home: DockerHome, form: str) -> None:
    found = detail(docker_home, f"cat >/dev/null; echo 'cannot keep {form} today' >&2; exit 1", "store")
    assert "cannot keep ***" in found and " today" in found
    assert form not in found


def test_what_shows_only_after_cleaning_is_masked(docker_home: DockerHome) -> None:
    body = r"cat >/dev/null; printf 'it is hun\342\200\213ter2' >&2; exit 1"
    assert detail(docker_home, body, "store").endswith("it is ***")


def test_a_secret_that_is_cut_goes_with_its_line(docker_home: DockerHome) -> None:
    size = program.KEPT_NOISE - len("unter2\nend")
    body = f"cat >/dev/null; printf 'hunter2\\n%0{size + 1}d\\nend' 0 >&2; exit 1"
    found = detail(docker_home, body, "store")
    assert "unter2" not in found
    assert found.endswith("end")


def test_what_a_helper_says_to_people_is_bounded(docker_home: DockerHome) -> None:
    body = "i=0; while [ $i -lt 2000 ]; do echo 'line of words' >&2; i=$((i+1)); done; exit 1"
    assert len(detail(docker_home, body)) < program.KEPT_NOISE + 200


@pytest.mark.parametrize("more", [0, 1])
def test_an_answer_that_is_too_long_to_compare_leaves_only_our_words(
    docker_home: DockerHome, more: int
) -> None:
    size = helper._COMPARED - len("hunter2\n") + more
    body = f"printf 'hunter2\n%0{size}d' 0; echo 'it was hunter2' >&2; exit 1"
    assert ("it was ***" in detail(docker_home, body)) is (more == 0)
