"""The clients that the window and the transfers share."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from longshore.application.clients import Clients
from longshore.errors import CredentialsError, Remedy
from longshore.registry.config import RegistryConfig


def test_a_credential_that_cannot_be_read_names_the_registry_to_sign_in_to(tmp_path: Path) -> None:
    helpers = {"acme.example": "not-installed-anywhere"}
    (tmp_path / "config.json").write_text(json.dumps({"credHelpers": helpers}))
    clients = Clients({"DOCKER_CONFIG": str(tmp_path), "PATH": ""}, RegistryConfig)
    try:
        assert clients.credential("other.example") is None
        with pytest.raises(CredentialsError) as caught:
            clients.credential("acme.example")
        assert (caught.value.registry, caught.value.remedy) == ("acme.example", Remedy.SIGN_IN)
        (tmp_path / "config.json").write_text("{")
        with pytest.raises(CredentialsError) as caught:
            clients.credential("other.example")
        assert caught.value.registry == "other.example"
        assert caught.value.subject == str(tmp_path / "config.json")
    finally:
        clients.close()
