"""What longshore whoami --check takes for a failure."""

from __future__ import annotations

import pytest

from longshore.application.sign_in import Account, Identity
from longshore.cli.sign_in import _row, trouble_of
from longshore.errors import LongshoreError, RegistryUnreachable, SignInFailed, SignInRequired

SILENT = RegistryUnreachable("docker.io does not respond.", registry="docker.io")
REFUSED = SignInFailed("The password is wrong.", registry="docker.io")


def identity(user: str, auth: str, refused: LongshoreError | None) -> Identity:
    return Identity("docker.io", Account(user, None, None), auth, "", refused)


@pytest.mark.parametrize(
    ("user", "auth", "refused", "named", "check", "trouble"),
    [
        ("", "", SILENT, False, "Unreachable", None),  # in the list on a closed network: nobody asked for it
        ("", "", SILENT, True, "Unreachable", RegistryUnreachable),
        ("ann", "", SILENT, False, "Unreachable", RegistryUnreachable),
        ("ann", "bearer", REFUSED, False, "Refused", SignInFailed),
        ("", "bearer", None, False, "", None),
        ("", "bearer", None, True, "", SignInRequired),
        ("", "none", None, True, "Public", None),
        ("ann", "basic", None, False, "Accepted", None),
    ],
)
def test_the_failures_of_a_check(
    user: str, auth: str, refused: LongshoreError | None, named: bool, check: str, trouble: type | None
) -> None:
    found = identity(user, auth, refused)
    assert _row(found)[3] == check
    assert type(trouble_of(found, named=named)) is (trouble or type(None))
