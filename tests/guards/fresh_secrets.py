"""Starts each test without known secrets: a password of one test is an ordinary word in another."""

from __future__ import annotations

import pytest

from longshore import secrecy


@pytest.fixture(autouse=True)
def no_secrets_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the secrets of other tests, so that only this test's own are redacted."""
    for name in ("_known", "_by_tail", "_short"):
        monkeypatch.setattr(secrecy, name, type(getattr(secrecy, name))())
    monkeypatch.setattr(secrecy, "_longest", 0)
