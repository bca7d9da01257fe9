"""Servers that repeat what they were sent: no secret appears in an error."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote

import pytest

from longshore.credentials import Credential
from longshore.errors import LongshoreError
from longshore.registry.config import RegistryConfig
from longshore.registry.listing import lister_for

from .conftest import Asked, reply

ANN = Credential("ann", "s3cr3t-PASSWORD", "")
BOTH = base64.b64encode(b"ann:s3cr3t-PASSWORD").decode()
TOKEN = "tok-SECRETTOKEN-1234567"
REFRESH = "refresh-SECRET-7654321"
SECRETS = (BOTH, BOTH.rstrip("="), quote(BOTH, safe=""), ANN.secret, TOKEN, REFRESH)


def echo(asked: Asked, status: int = 403) -> Any:
    said = f"cannot use {asked.authorization} {quote(asked.authorization)} {asked.path} {asked.body.decode()}"
    words = f"{said}; {said[12:].partition(' ')[2]}"
    return reply({"errors": [{"code": "DENIED", "message": words}]}, status)


def clean(error: LongshoreError) -> None:
    told = " ".join((str(error), error.message, error.subject, error.advice, error.detail))
    assert "cannot use" in error.detail
    assert not [secret for secret in SECRETS if secret in told]


@pytest.mark.parametrize("status", [400, 403, 404, 500])
def test_a_registry_that_repeats_the_password(serve, connect, status: int) -> None:
    def script(asked: Asked) -> Any:
        if asked.authorization:
            return echo(asked, status)
        return reply({}, 401, WWW_Authenticate='Basic realm="x"')

    with pytest.raises(LongshoreError) as caught:
        connect(serve(script), ANN).tags("a/b")
    clean(caught.value)


@pytest.mark.parametrize("status", [401, 403, 500])
@pytest.mark.parametrize("credential", [ANN, Credential("ann", "", REFRESH)])
def test_a_token_service_that_repeats_the_password_or_the_refresh_token(
    serve, connect, status: int, credential: Credential
) -> None:
    def script(asked: Asked) -> Any:
        if asked.path.startswith("/token"):
            return echo(asked, status)
        realm = f"http://{asked.headers['host']}/token"
        return reply({}, 401, WWW_Authenticate=f'Bearer realm="{realm}",service="x"')

    with pytest.raises(LongshoreError) as caught:
        connect(serve(script), credential).tags("a/b")
    clean(caught.value)


@pytest.mark.parametrize("status", [400, 403])
def test_a_registry_that_repeats_its_token(serve, connect, status: int) -> None:
    def script(asked: Asked) -> Any:
        if asked.path.startswith("/token"):
            return reply({"token": TOKEN})
        if asked.authorization:
            return echo(asked, status)
        realm = f"http://{asked.headers['host']}/token"
        return reply({}, 401, WWW_Authenticate=f'Bearer realm="{realm}",service="x"')

    with pytest.raises(LongshoreError) as caught:
        connect(serve(script), ANN).tags("a/b")
    clean(caught.value)


def test_a_manifest_that_is_the_password(serve, connect) -> None:
    def script(asked: Asked) -> Any:
        if not asked.authorization:
            return reply({}, 401, WWW_Authenticate='Basic realm="x"')
        return reply(f"cannot use {asked.authorization}".encode(), Content_Type=f"x/{BOTH}")

    with pytest.raises(LongshoreError) as caught:
        connect(serve(script), ANN).manifest("a/b", "1")
    clean(caught.value)


def test_a_storage_that_repeats_what_it_was_sent(serve, connect) -> None:
    storage = serve(lambda asked: reply(f"cannot use {asked.path}".encode(), 400))

    def script(asked: Asked) -> Any:
        if not asked.authorization:
            return reply({}, 401, WWW_Authenticate='Basic realm="x"')
        return reply({}, 307, Location=f"{storage.url}/?{quote(asked.authorization)}")

    with pytest.raises(LongshoreError) as caught:
        connect(serve(script), ANN).manifest("a/b", "1")
    clean(caught.value)


@pytest.mark.parametrize("kind", ["harbor", "gitlab", "gitea", "ghcr", "artifactory", "nexus", "hub", "acr"])
def test_the_api_of_a_vendor_that_repeats_the_password(serve, connect, kind: str) -> None:
    server = serve(echo)
    client = connect(server, ANN)
    config = RegistryConfig(server.host, kind=kind, namespace="team")
    lister = lister_for(config, client, lambda _host: ANN, environ={}, api_base=server.url)
    try:
        with pytest.raises(LongshoreError) as caught:
            lister.repositories()
        told = f"{caught.value} {caught.value.detail} {caught.value.advice}"
        assert not [secret for secret in SECRETS if secret in told]
    finally:
        lister.close()
