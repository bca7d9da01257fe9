"""What looks like a secret: hidden, and everything else not."""

from __future__ import annotations

import pytest

from longshore.application.inspection.secrets import HIDDEN, environment, masked, masked_line, masked_words
from longshore.application.inspection.settings import settings_of


@pytest.mark.parametrize(
    ("variable", "shown"),
    [
        ("POSTGRES_PASSWORD=x", HIDDEN),
        ("github_token=x", HIDDEN),
        ("AWS_SECRET_ACCESS_KEY=x", HIDDEN),
        ("PASSWORD=", ""),
        ("AUTHORS=ann", "ann"),
        ("PATH=/bin:/usr/bin", "/bin:/usr/bin"),
        ("URL=redis://:pw@host:1/0", f"redis://{HIDDEN}@host:1/0"),
        ("URL=https://host:1/a@b", "https://host:1/a@b"),
        ("NOTHING", ""),
        ("GITHUB_PAT=x", HIDDEN),
        ("DB_PWD=x", HIDDEN),
        ("DB_PASS=x", HIDDEN),
        ("SENTRY_DSN=x", HIDDEN),
        ("CONN=Server=x;Password=topsecret;", HIDDEN),
        ("ConnectionStrings__Main=Server=x", HIDDEN),
        ("MAX_CONN=100", "100"),
        ("CONNECTOR=a", "a"),
        ("JAVA_OPTS=Server=x;Password=top secret;Db=y", f"Server=x;Password={HIDDEN};Db=y"),
        ("JAVA_OPTS=-Dpassword=a;b", f"-Dpassword={HIDDEN};{HIDDEN}"),
        ("X=ghp_0123456789abcdefAB", HIDDEN),
        ("X=a github_pat_0123456789abc b", f"a {HIDDEN} b"),
        ("X=glpat-0123456789abc", HIDDEN),
        ("X=xoxb-0123456789-abc", HIDDEN),
        ("X=AKIA0123456789ABCDEF", HIDDEN),
        ("X=sk-proj-abcdef0123456789", HIDDEN),
        ("X=sk-learn-is-a-long-name-of-it", "sk-learn-is-a-long-name-of-it"),
        ("X=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIx.c2ln", HIDDEN),
        ("X=-----BEGIN RSA PRIVATE KEY-----\nMII\nEnd", HIDDEN),
        (
            'X={"auths": {"r": {"auth": "YTpi", "url": "u"}}}',
            f'{{"auths": {{"r": {{"auth": "{HIDDEN}", "url": "u"}}}}}}',
        ),
        ("description=password=inlabel", f"password={HIDDEN}"),
        ("JAVA_VERSION=jdk-17.0.1+12", "jdk-17.0.1+12"),
    ],
)
def test_values_that_look_like_secrets(variable: str, shown: str) -> None:
    name, _, value = variable.partition("=")
    assert environment([variable], secrets=False) == [(name, shown)]
    assert environment([variable], secrets=True) == [(name, value)]


def test_hiding_secrets_takes_no_time() -> None:
    assert environment([f"{'a' * 200_000}={'://a' * 200_000}"], secrets=False)
    for part in (
        "a=",
        "://a",
        "a-",
        "--a ",
        "-u a:",
        "password=",
        'password="',
        "\\",
        "a: ",
        "x-key",
        "eyJa.",
        '"a":"',
    ):
        assert masked_line(part * 5_000)
        assert masked("a", f"{part};" * 1_000)


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("RUN |2 A=b NPM_TOKEN=s3 /bin/sh -c make", f"RUN |2 A=b NPM_TOKEN={HIDDEN} /bin/sh -c make"),
        ('ENV DB_PASSWORD="a b" LANG=C', f"ENV DB_PASSWORD={HIDDEN} LANG=C"),
        ("RUN git clone https://ann:pw@host/x", f"RUN git clone https://{HIDDEN}@host/x"),
        ("ENV AUTHOR=ann", "ENV AUTHOR=ann"),
        ("app --password=argsecret --port=80", f"app --password={HIDDEN} --port=80"),
        ("app --password 'arg secret' -v", f"app --password {HIDDEN} -v"),
        ("app --token --verbose", "app --token --verbose"),
        ("docker login --password-stdin host", "docker login --password-stdin host"),
        ("curl -u bob:hcsecret http://h", f"curl -u bob:{HIDDEN} http://h"),
        ("curl --user=bob:hcsecret http://h", f"curl --user=bob:{HIDDEN} http://h"),
        ("run -u 1000:1000 x", "run -u 1000:1000 x"),
        ('["curl","-u","bob:hcsecret","x"]', f'["curl","-u","bob:{HIDDEN}","x"]'),
        ('["app", "--password", "s3", "x"]', f'["app", "--password", "{HIDDEN}", "x"]'),
        ("RUN curl -H 'Authorization: Bearer abc' h", f"RUN curl -H 'Authorization: Bearer {HIDDEN}' h"),
        ("RUN curl -H 'X-Api-Key: abc' h", f"RUN curl -H 'X-Api-Key: {HIDDEN}' h"),
        ("RUN A=b;PASSWORD='x y' make", f"RUN A=b;PASSWORD={HIDDEN} make"),
        ("sh -c 'PASSWORD=x y'", f"sh -c 'PASSWORD={HIDDEN}'"),
        ('ENV DB_PASSWORD="cut in the mid', f"ENV DB_PASSWORD={HIDDEN}"),
        ("GET /x?token=abc", f"GET /x?token={HIDDEN}"),
        ("RUN apt-get install -y curl=7.88 # key: none", "RUN apt-get install -y curl=7.88 # key: none"),
        ("", ""),
    ],
)
def test_lines_of_a_history(line: str, shown: str) -> None:
    assert masked_line(line) == shown


def test_the_end_of_an_endless_value_is_hidden() -> None:
    assert masked("a", "x" * 100_001) == "x" * 100_000 + HIDDEN
    assert masked_line("x" * 100_000) == "x" * 100_000


def test_words_of_a_command() -> None:
    words = ["app", "--password", "s3", "-u", "ann:pw", "-u", "1:1", "--token=x", "--token", "--port", "80"]
    assert masked_words(words) == [
        *("app", "--password", HIDDEN, "-u", f"ann:{HIDDEN}", "-u", "1:1"),
        *(f"--token={HIDDEN}", "--token", "--port", "80"),
    ]


def test_settings_of_what_is_no_configuration() -> None:
    assert settings_of(b"\xff") == settings_of(b"[]") == settings_of(b"{") == ()
    assert settings_of(b'{"a": null, "b": {"c": 1}, "d": [1]}') == (("a", ""), ("b.c", "1"), ("d", "[1]"))
    assert len(settings_of(b'{"a": {' + b",".join(b'"%d": 1' % n for n in range(3_000)) + b"}}")) == 1_000
