"""Credentials do not show their secrets."""

from __future__ import annotations

import pytest

from longshore.credentials import Credential


def test_no_secret_in_its_repr() -> None:
    credential = Credential("me", "hunter2", "tok-en")
    for shown in (repr(credential), str(credential), f"{[credential]}"):
        assert "hunter2" not in shown
        assert "tok-en" not in shown
    assert "me" in repr(credential)


@pytest.mark.parametrize(
    ("credential", "wanted"),
    [
        (Credential("me", "s"), {"username": "me", "password": "s"}),
        (Credential("me", "", "t"), {"identitytoken": "t"}),
        (Credential("me", "s", "t"), {"identitytoken": "t"}),
        (Credential("me", ""), {}),
        (Credential("", ""), {}),
    ],
)
def test_for_the_engine(credential: Credential, wanted: dict[str, str]) -> None:
    assert credential.auth_config() == wanted
    assert bool(credential) is bool(wanted)
