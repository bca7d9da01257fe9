"""No foreign text shows a secret in use, in any form."""

from __future__ import annotations

import base64
import html
import json
from urllib.parse import quote, quote_plus

import pytest

from longshore import secrecy
from longshore.errors import LongshoreError
from longshore.secrecy import HIDDEN, keep_out, without_secrets
from longshore.text import plain

USER, PASSWORD = "ann", "s3cr3t & <PASS>/WORD+é?>?>~"
BOTH = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
URL_SAFE = base64.urlsafe_b64encode(f"{USER}:{PASSWORD}".encode()).decode()


@pytest.fixture(autouse=True)
def _known() -> None:
    keep_out(PASSWORD, USER)


ECHOES = {
    PASSWORD,
    BOTH,
    BOTH.rstrip("="),
    URL_SAFE,
    quote(BOTH, safe=""),
    quote(PASSWORD, safe=""),
    quote(PASSWORD, safe="").lower().replace("pass", "PASS").replace("word", "WORD"),
    quote(PASSWORD),
    quote_plus(PASSWORD),
    json.dumps(PASSWORD)[1:-1],
    json.dumps(PASSWORD)[1:-1].replace("/", "\\/"),
    html.escape(PASSWORD),
    PASSWORD.encode().hex(),
    base64.b64encode(PASSWORD.encode()).decode(),
}


@pytest.mark.parametrize("echo", sorted(ECHOES), ids=range(len(ECHOES)))
def test_every_form_is_replaced(echo: str) -> None:
    found = LongshoreError("refused", detail=f"DENIED: you sent [{echo}] here").detail
    assert found == f"DENIED: you sent [{HIDDEN}] here"


@pytest.mark.parametrize("before", range(6))
def test_base64_of_more_than_the_secret_is_replaced_wherever_it_begins(before: int) -> None:
    # X-Registry-Auth of engines: JSON in base64.
    coded = base64.b64encode(
        b"x" * before + json.dumps({"p": PASSWORD}, ensure_ascii=False).encode()
    ).decode()
    found = without_secrets(coded)
    assert HIDDEN in found
    shown = base64.b64decode(found.replace(HIDDEN, "") + "==", validate=False)
    assert b"cr3t" not in shown and b"WORD" not in shown


def test_every_field_of_an_error_is_clean() -> None:
    error = LongshoreError(f"m {BOTH}", subject=f"s {BOTH}", advice=f"a {PASSWORD}", detail=PASSWORD)
    for text in (error.message, error.subject, error.advice, error.detail, str(error)):
        assert BOTH not in text and PASSWORD not in text and HIDDEN in text


def test_a_cut_leaves_no_half_of_a_secret() -> None:
    token = "".join(f"T{number:04}" for number in range(100))
    keep_out(token)
    for padding in range(560, 620):
        shown = plain("x" * padding + " " + token + " y" * 500, 300)
        assert "T0001" not in shown
    for padding in range(15_900, 16_010, 7):
        assert "T0001" not in LongshoreError("m", detail=f"{'x' * padding} {token} {'y' * 9000}").detail
    # Replacing shortens the text, so more of what follows comes within the limit.
    for padding in range(0, 500, 13):
        assert "T0001" not in plain("z" * padding + f" {token}" * 4, 300)


def test_a_short_password_is_a_word_of_details_and_of_no_sentence_of_ours() -> None:
    keep_out("pull", "ann")
    keep_out("registry", "bob")
    error = LongshoreError("The registry refused the pull.", detail="password pull of pulling; registry")
    assert error.message == "The registry refused the pull."
    assert error.detail == f"password {HIDDEN} of pulling; {HIDDEN}"


def test_what_signs_in_is_replaced_also_where_nobody_knows_it() -> None:
    assert without_secrets("got Bearer eyJhbGciOi1.x-y_z, no") == f"got Bearer {HIDDEN}, no"
    assert without_secrets("Authorization:basic%20YW5uOnB3MTIz=") == f"Authorization:basic%20{HIDDEN}"
    assert without_secrets("Basic authentication required") == "Basic authentication required"


def test_secrets_are_forgotten_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrecy, "_MOST", 3)
    tokens = [f"token-number-{number}-of-many" for number in range(5)]
    for token in tokens:
        keep_out(token)
    assert [token in without_secrets(token) for token in tokens] == [True, True, False, False, False]
    assert sum(map(len, secrecy._by_tail.values())) == sum(map(len, secrecy._known.values()))


def test_the_work_grows_with_the_text_only() -> None:
    # Tokens of one service begin alike. Comparing each of them with each place in the text would take 10^9 steps.
    for number in range(1000):
        keep_out("eyJhbGciOiJSUzI1NiIs" * 20 + f"{number:06}")
    text = "eyJhbGciOiJSUzI1NiIs" * 10_000
    assert without_secrets(text) == text


JWT = "eyJhbGciOiJSUzI1NiIsIn.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl-_x"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("denied: password=hunter2, user=ann", f"denied: password={HIDDEN}, user=ann"),
        ("denied: password: hunter2", f"denied: password: {HIDDEN}"),
        ('{"password": "hunter 2", "a": 1}', f'{{"password": {HIDDEN}, "a": 1}}'),
        ("{'refresh_token':'abc'}", f"{{'refresh_token':{HIDDEN}}}"),
        ("GET /x?token=abc&x=1", f"GET /x?token={HIDDEN}&x=1"),
        ("?X-Amz-Signature=0a1b&sig=2c", f"?X-Amz-Signature={HIDDEN}&sig={HIDDEN}"),
        (f"got {JWT}.", f"got {HIDDEN}."),
        ("from http://ann:hunter2@proxy.example/x", f"from http://{HIDDEN}@proxy.example/x"),
        ("invalid token: expired", None),
        ("token: the token is not valid", None),
        ("unauthorized: incorrect username or password", None),
        ("secret not found: line 7", None),
        ("POST https://auth.example/token: 401 Unauthorized", None),
        ("password: none was given", None),
        ("the signature of eyJhbGciOiJSUzI1NiIs is wrong", None),
        ("http://proxy.example:3128/a@b", None),
        ("sha256:0123456789 at docker.io/library/x:1", None),
    ],
)
def test_details_show_nothing_that_looks_like_a_secret(said: str, shown: str | None) -> None:
    assert LongshoreError("refused", detail=said).detail == (said if shown is None else shown)


def test_nor_is_that_slow_for_hostile_texts() -> None:
    """Each of these would take minutes with a pattern that begins anew at every character."""
    for part in (
        "eyJhbGciOiJS",
        "eyJhbGciOiJS.",
        "token",
        "token:",
        "token=",
        'token="',
        "://a:",
        "sig:\t",
        "password: ",
    ):
        assert len(secrecy.without_likely_secrets(part * (200_000 // len(part)))) <= 200_000


@pytest.mark.parametrize(
    "name",
    [
        *("MYKEY", "KEY", "ENCRYPTION_KEY", "LICENSE_KEY", "COOKIE", "SENTRY_DSN", "NPM_TOKEN", "npmToken"),
        *(
            "AWS_ACCESS_KEY_ID",
            "API_KEY2",
            "GH_PAT",
            "DB_PASSWORDS",
            "MYSECRETVALUE",
            "GITHUBTOKEN",
            "TOKENS",
        ),
    ],
)
def test_names_of_secrets(name: str) -> None:
    assert secrecy.names_secret(name)


@pytest.mark.parametrize(
    "name",
    ["TOKENIZERS_PARALLELISM", "TOKENIZER", "MONKEY", "SSH_PUBLIC_KEY", "KEYBOARD", "PATH", "AUTHOR", ""],
)
def test_names_of_other_values(name: str) -> None:
    assert not secrecy.names_secret(name)


@pytest.mark.parametrize(
    "value",
    [
        *("ghp_" + "a1" * 18, "glpat-" + "x" * 20, "npm_" + "b" * 36, "AKIA" + "A1" * 8),
        *("-----BEGIN RSA PRIVATE KEY-----\nMII", "https://tok@host/x", "http://u:p@host"),
    ],
)
def test_values_that_sign_in(value: str) -> None:
    assert secrecy.holds_sign_in(value)
    assert secrecy.holds_sign_in(f"first {value}")


@pytest.mark.parametrize("value", ["https://host/a@b", "git@github.com:a/b", "npm_config", "1.2.3", "AKIA"])
def test_values_that_do_not_sign_in(value: str) -> None:
    assert not secrecy.holds_sign_in(value)


def test_words_and_numbers_stay_in_output() -> None:
    assert [
        value for value in ("false", "True", "12345678", "1.2", "w0rd", "enabled") if secrecy.is_hidden(value)
    ] == []
    assert all(secrecy.is_hidden(value) for value in ("s3cr3t", "1234567890123456", "correct horse"))
