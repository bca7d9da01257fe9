"""What keys and rules are for."""

from __future__ import annotations

import pytest

from longshore.application.signatures.scopes import below, parse_scope
from longshore.errors import LongshoreError
from longshore.oci.reference import Reference


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("registry.example.com", "registry.example.com"),
        ("Registry.Example.com:443/", "registry.example.com"),
        ("localhost:5000", "localhost:5000"),
        ("127.0.0.1:05000/a/*", "127.0.0.1:5000/a/*"),
        ("docker.io", "docker.io"),
        ("registry-1.docker.io", "docker.io"),
        ("nginx", "docker.io/library/nginx"),
        ("team/app", "docker.io/team/app"),
        ("team/*", "docker.io/team/*"),
        ("registry.example.com/team/app", "registry.example.com/team/app"),
        ("registry.example.com/team/**", "registry.example.com/team/**"),
        ("[::1]:5000", "[::1]:5000"),
        ("registry.example.com/**", "registry.example.com"),
        ("registry:5000/**", "registry:5000/**"),
    ],
)
def test_texts_are_scopes_and_scopes_are_texts(text: str, same: str) -> None:
    found = parse_scope(text)
    assert str(found) == same
    assert parse_scope(str(found)) == found


@pytest.mark.parametrize(
    "text", ["", " ", "a b/c", "app:1", "team/app@sha256:" + "0" * 64, "*.example.com/x", "ex.com/*:1", "é/*"]
)
def test_what_is_no_scope_is_refused(text: str) -> None:
    with pytest.raises(LongshoreError):
        parse_scope(text)


def test_a_registry_and_a_path_in_it_are_a_scope() -> None:
    assert str(below("registry:5000", "")) == "registry:5000/**"
    assert below("registry:5000", "") == parse_scope("registry:5000/**")
    assert str(below("docker.io", "nginx")) == "docker.io/library/nginx"
    assert str(below("r.example.com", "/team/*/")) == "r.example.com/team/*"


@pytest.mark.parametrize(
    ("scope", "reference", "covered"),
    [
        ("r.example.com", "r.example.com/a/b:1", True),
        ("r.example.com", "R.EXAMPLE.COM/a/b:1", True),
        ("r.example.com", "r.example.com:443/a", True),
        ("r.example.com:443", "r.example.com/a", True),
        ("r.example.com", "r.example.com:5000/a", False),
        ("r.example.com", "r.example.com.evil.org/a", False),
        ("r.example.com/team/*", "r.example.com/team/app", True),
        ("r.example.com/team/*", "r.example.com/team/app/sub", False),
        ("r.example.com/team/**", "r.example.com/team/app/sub", True),
        ("r.example.com/team/*", "r.example.com/teams/app", False),
        ("r.example.com/team", "r.example.com/team/app", False),
        ("r.example.com", "r.example.com:0443/a", True),
        ("r.example.com", "r.example.com:80/a", True),
        ("r.example.com:0080", "r.example.com/a", True),
        ("127.0.0.1:5000/team/*", "127.0.0.1:05000/team/a", True),
        ("127.0.0.1:5000/team/*", "localhost:5000/team/a", True),
        ("localhost:5000", "[::1]:5000/a", True),
        ("localhost:5000", "[0:0:0:0:0:0:0:1]:5000/a", True),
        ("localhost:5000", "[::ffff:7f00:1]:5000/a", True),
        ("localhost:5000", "127.1:5000/a", True),
        ("localhost:5000", "0.0.0.0:5000/a", True),
        ("localhost:5000", "reg.localhost:5000/a", True),
        ("[::1]:5000", "127.0.0.1:5000/a", True),
        ("localhost:5000", "localhost:5001/a", False),
        ("192.0.2.7:5000", "192.0.519:5000/a", True),
        ("192.0.2.7:5000", "192.0.2.8:5000/a", False),
        ("cafe.example", "fade.example/a", False),
        ("docker.io", "nginx", True),
        ("nginx", "registry-1.docker.io/library/nginx:1", True),
        ("nginx", "index.docker.io/library/nginx@sha256:" + "0" * 64, True),
        ("nginx", "registry-1.docker.io:0443/nginx:1", True),
        ("127.0.0.1:5000", f"127.0.0.1:{'0' * 5000}5000/a", True),
        ("127.0.0.1:5000", f"{'0' * 60}177.0.0.1:5000/a", True),
    ],
)
def test_a_registry_by_another_spelling_does_not_escape(scope: str, reference: str, covered: bool) -> None:
    assert parse_scope(scope).covers(Reference.parse(reference)) is covered
