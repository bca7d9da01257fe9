"""What looks like a secret: hidden, and everything else not."""

from __future__ import annotations

import pytest

from longshore.application.inspection.secrets import HIDDEN, environment, masked_line
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
    ],
)
def test_values_that_look_like_secrets(variable: str, shown: str) -> None:
    name, _, value = variable.partition("=")
    assert environment([variable], secrets=False) == [(name, shown)]
    assert environment([variable], secrets=True) == [(name, value)]


def test_hiding_secrets_takes_no_time() -> None:
    assert environment([f"{'a' * 200_000}={'://a' * 200_000}"], secrets=False)
    assert masked_line("a=" * 20_000 + "://a" * 20_000)


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("RUN |2 A=b NPM_TOKEN=s3 /bin/sh -c make", f"RUN |2 A=b NPM_TOKEN={HIDDEN} /bin/sh -c make"),
        ('ENV DB_PASSWORD="a b" LANG=C', f"ENV DB_PASSWORD={HIDDEN} LANG=C"),
        ("RUN git clone https://ann:pw@host/x", f"RUN git clone https://{HIDDEN}@host/x"),
        ("ENV AUTHOR=ann", "ENV AUTHOR=ann"),
        ("", ""),
    ],
)
def test_lines_of_a_history(line: str, shown: str) -> None:
    assert masked_line(line) == shown


def test_settings_of_what_is_no_configuration() -> None:
    assert settings_of(b"\xff") == settings_of(b"[]") == settings_of(b"{") == ()
    assert settings_of(b'{"a": null, "b": {"c": 1}, "d": [1]}') == (("a", ""), ("b.c", "1"), ("d", "[1]"))
    assert len(settings_of(b'{"a": {' + b",".join(b'"%d": 1' % n for n in range(3_000)) + b"}}")) == 1_000
