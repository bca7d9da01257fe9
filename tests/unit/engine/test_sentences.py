"""What is said depends on what was tried, and by whom: each condition turned shows here."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from longshore import errors
from longshore.engine import sentences as say
from longshore.engine.attempt import Attempt
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference

IMAGE = "r.example/team/app:1"
PULL = Attempt(Reference.parse(IMAGE))
SIGNED = replace(PULL, signed_in=True)
PUSH = replace(PULL, pushing=True)
SIGNED_PUSH = replace(PULL, pushing=True, signed_in=True)
BY_DIGEST = Attempt(Reference.parse(f"r.example/team/app@sha256:{'a' * 64}"))
ON_ARM = replace(PULL, platform=Platform("linux", "arm64"))
STATUS = re.compile("(5[0-9]{2})|x")


@pytest.mark.parametrize(
    ("make", "attempt", "kind", "message", "advice"),
    [
        (say.rate_limited, PULL, errors.RateLimited, "too many requests", "or sign in"),
        (say.rate_limited, SIGNED, errors.RateLimited, "too many requests", "Wait a while."),
        (say.http_registry, PULL, errors.TlsFailed, "with TLS, and it answers without", "add r.example to"),
        (say.https_registry, PULL, errors.TlsFailed, "wants TLS", "take r.example out"),
        (say.client_certificate, PULL, errors.TlsFailed, "a client certificate", "certs.d/r.example on"),
        (say.sign_in, PULL, errors.SignInRequired, "sign in before you pull", "Sign in at r.example and retry"),
        (say.sign_in, PUSH, errors.SignInRequired, "sign in before you push", "Sign in at r.example and retry"),
        (say.sign_in, SIGNED, errors.SignInFailed, "does not accept your sign-in", "the right to pull there"),
        (say.sign_in, SIGNED_PUSH, errors.SignInFailed, "your sign-in", "the right to push there"),
        (say.bad_password, PULL, errors.SignInRequired, "sign in before you pull", "and retry"),
        (say.bad_password, SIGNED, errors.SignInFailed, "the user name or the password", "Sign in at r.example again"),
        (say.denied, PULL, errors.AccessDenied, "no public image “team/app”", "or sign in at r.example"),
        (say.denied, SIGNED, errors.AccessDenied, "has no image “team/app”, or you may not", "as somebody else"),
        (say.denied, PUSH, errors.SignInRequired, "sign in before you push", "and retry"),
        (say.denied, SIGNED_PUSH, errors.AccessDenied, "may not push to “team/app”", "a repository of yours"),
        (say.forbidden, PULL, errors.AccessDenied, "does not let you pull", "Sign in at r.example"),
        (say.forbidden, SIGNED_PUSH, errors.AccessDenied, "does not let you push", "Ask whoever runs the registry."),
        (say.unknown_tag, PULL, errors.NotInRegistry, "no tag “1” in “team/app”", "capitals count"),
        (say.unknown_tag, BY_DIGEST, errors.NotInRegistry, "no image of that digest in “team/app”", "capitals count"),
        (say.unknown_tag, PUSH, errors.ImageUnknown, "The engine has no image", "refresh the list"),
        (say.unknown_repository, PULL, errors.NotInRegistry, "no repository “team/app”", "Check the name."),
        (say.unknown_repository, PUSH, errors.NotInRegistry, "no repository “team/app”", "created there first"),
        (say.unknown_blob, PULL, errors.NotInRegistry, "does not have all parts", "broken in the registry"),
        (say.unknown_blob, PUSH, errors.RegistryFailure, "a part of", "Push it again."),
        (say.no_platform, PULL, errors.NotInRegistry, "for the engine's platform under", "Choose a platform"),
        (say.no_platform, ON_ARM, errors.NotInRegistry, "There is no linux/arm64 image under", "Choose a platform"),
        (say.unknown_locally, PULL, errors.ImageUnknown, "The engine has no image", "refresh the list"),
        (say.not_whole, PUSH, errors.EngineFailure, "does not hold all of", "pull it again"),
        (say.checksum, PULL, errors.DigestMismatch, "What came from r.example", "alters the data"),
        (say.checksum, PUSH, errors.DigestMismatch, "r.example received something else", "alters the data"),
        (say.containerd, PULL, errors.EngineLost, "containerd", "Restart the engine"),
        (say.disk_full, PULL, errors.DiskFull, "The disk of the engine is full", "Remove images"),
        (say.too_large, PUSH, errors.UnexpectedReply, "because it is too large", "client_max_body_size"),
        (say.read_only, PUSH, errors.AccessDenied, "r.example takes no pushes", "read-only"),
        (say.read_only, PULL, errors.AccessDenied, "r.example does not allow this", "read-only"),
        (say.not_a_registry, PULL, errors.UnexpectedReply, "does not answer like a registry", "Check host and port"),
        (say.old_manifest, PULL, errors.InvalidManifest, "that the engine does not know", "schema 1"),
        (say.bad_reference, PULL, errors.InvalidReference, "for the name of an image", "lower-case"),
        (say.cut, PULL, errors.RegistryUnreachable, "between the engine and r.example was cut", "Retry."),
        (say.down, PULL, errors.RegistryUnreachable, "cannot reach r.example: the connection is refused", "port"),
        (say.no_host, PULL, errors.RegistryUnreachable, "cannot find r.example", "name servers"),
        (say.slow, PULL, errors.RegistryUnreachable, "waited too long for r.example", "firewall"),
        (say.no_way, PULL, errors.RegistryUnreachable, "no way from the engine to r.example", "network"),
        (say.proxy, PULL, errors.RegistryUnreachable, "through to r.example", "not of this program"),
    ],
)  # fmt: skip
def test_what_is_said(
    make: say.Make, attempt: Attempt, kind: type[errors.LongshoreError], message: str, advice: str
) -> None:
    error = make(attempt, "the engine's words", None)
    assert type(error) is kind
    assert message in error.message
    assert advice in error.advice
    assert error.detail == "the engine's words"
    assert error.subject == attempt.reference.familiar
    if isinstance(error, errors.RegistryError):
        assert error.registry == "r.example"


@pytest.mark.parametrize(
    ("text", "message", "advice"),
    [
        ("x509: certificate has expired or is not yet valid", "out of date", "the clock"),
        ("x509: certificate is not yet valid", "out of date", "the clock"),
        ("x509: Certificate Is Valid For a, not b", "for another name", "the name that it is for"),
        ("x509: cannot validate certificate because it does not contain any IP SANs", "for another name", "the name"),
        ("x509: certificate is not valid for any names", "for another name", "the name"),
        ("x509: signed by unknown authority", "does not trust", "/etc/docker/certs.d/r.example/ca.crt"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_certificate(text: str, message: str, advice: str) -> None:
    error = say.certificate(PULL, text, None)
    assert message in error.message
    assert advice in error.advice


@pytest.mark.parametrize(
    ("text", "kind", "message", "advice"),
    [
        ("507", errors.UnexpectedReply, "r.example has no room left.", "Tell whoever runs the registry."),
        ("503", errors.RegistryFailure, "r.example has trouble of its own (status 503).", "Retry later"),
        ("x", errors.RegistryFailure, "r.example has trouble of its own.", "Retry later"),
        ("", errors.RegistryFailure, "r.example has trouble of its own.", "Retry later"),
    ],
)
def test_a_registry_with_trouble_of_its_own(
    text: str, kind: type[errors.LongshoreError], message: str, advice: str
) -> None:
    error = say.server_error(PULL, text, STATUS.search(text))
    assert type(error) is kind
    assert (error.message, error.detail) == (message, text)
    assert advice in error.advice


def test_what_nothing_knows_and_a_push_without_an_end() -> None:
    for attempt, verb in ((PULL, "pull"), (PUSH, "push")):
        error = say.unexplained(attempt, "words")
        assert f"The engine could not {verb} " in error.message
        assert (error.subject, error.detail) == (IMAGE, "words")
    lost = say.no_digest(PUSH)
    assert "stopped pushing" in lost.message
    assert (lost.subject, lost.detail) == (IMAGE, "")
