"""The message depends on what was tried, and by whom: negating any of the conditions fails a test here."""

from __future__ import annotations

from dataclasses import replace

import pytest

from longshore import errors
from longshore.engine.attempt import Attempt
from longshore.engine.failures import BY_STATUS, RULES, classify
from longshore.engine.sentences import TABLE, error_of
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference

IMAGE = "r.example/team/app:1"
PULL = Attempt(Reference.parse(IMAGE))
SIGNED = replace(PULL, signed_in=True)
PUSH = replace(PULL, pushing=True)
SIGNED_PUSH = replace(PULL, pushing=True, signed_in=True)
BY_DIGEST = Attempt(Reference.parse(f"r.example/team/app@sha256:{'a' * 64}"))
ON_ARM = replace(PULL, platform=Platform("linux", "arm64"))


@pytest.mark.parametrize(
    ("name", "attempt", "kind", "message", "advice"),
    [
        ("rate limited", PULL, errors.RateLimited, "too many requests", "or sign in"),
        ("rate limited", SIGNED, errors.RateLimited, "too many requests", "Wait a while."),
        ("http registry", PULL, errors.TlsFailed, "with TLS, but the registry uses plain HTTP", "add r.example to"),
        ("https registry", PULL, errors.TlsFailed, "requires TLS", "remove r.example from"),
        ("client certificate", PULL, errors.TlsFailed, "a client certificate", "certs.d/r.example on"),
        ("sign in", PULL, errors.SignInRequired, "Sign in to r.example to pull “", "then try again"),
        ("sign in", PUSH, errors.SignInRequired, "Sign in to r.example to push “", "then try again"),
        ("sign in", SIGNED, errors.SignInFailed, "does not accept your sign-in", "permission to pull there"),
        ("sign in", SIGNED_PUSH, errors.SignInFailed, "your sign-in", "permission to push there"),
        ("bad password", PULL, errors.SignInRequired, "Sign in to r.example to pull “", "then try again"),
        ("bad password", SIGNED, errors.SignInFailed, "the user name or password", "Sign in to r.example again"),
        ("denied", PULL, errors.AccessDenied, "no image “team/app”, or it is private", "or sign in to r.example"),
        ("denied", SIGNED, errors.AccessDenied, "no image “team/app”, or you are not allowed", "as someone else"),
        ("denied", PUSH, errors.SignInRequired, "Sign in to r.example to push “", "then try again"),
        ("denied", SIGNED_PUSH, errors.AccessDenied, "not allowed to push to “team/app”", "your own"),
        ("forbidden", PULL, errors.AccessDenied, "does not allow you to pull", "Sign in to r.example"),
        ("forbidden", SIGNED_PUSH, errors.AccessDenied, "not allow you to push", "Ask the registry's administrator."),
        ("unknown tag", PULL, errors.NotInRegistry, "no tag “1” in “team/app”", "tags are case-sensitive"),
        ("unknown tag", BY_DIGEST, errors.NotInRegistry, "no image with that digest in “team/app”", "and the digest"),
        ("unknown tag", PUSH, errors.ImageUnknown, "The engine has no image", "see the list"),
        ("unknown repository", PULL, errors.NotInRegistry, "no repository “team/app”", "Check the name."),
        ("unknown repository", PUSH, errors.NotInRegistry, "no repository “team/app”", "Create the repository there"),
        ("unknown blob", PULL, errors.NotInRegistry, "does not have all parts", "incomplete in the registry"),
        ("unknown blob", PUSH, errors.RegistryFailure, "a part of", "Push it again."),
        ("no platform", PULL, errors.NotInRegistry, "for the engine's platform", "Choose an available"),
        ("no platform", ON_ARM, errors.NotInRegistry, "is not available for linux/arm64", "Choose an available"),
        ("unknown locally", PULL, errors.ImageUnknown, "The engine has no image", "see the list"),
        ("not whole", PUSH, errors.EngineFailure, "does not have all of", "pull it again"),
        ("checksum", PULL, errors.DigestMismatch, "The content from r.example", "in between damages content"),
        ("checksum", PUSH, errors.DigestMismatch, "that r.example received for", "in between damages content"),
        ("containerd", PULL, errors.EngineLost, "containerd", "Restart the engine"),
        ("disk full", PULL, errors.DiskFull, "The engine's disk is full", "Remove images"),
        ("too large", PUSH, errors.UnexpectedReply, "because it is too large", "client_max_body_size"),
        ("read only", PUSH, errors.UnexpectedReply, "r.example does not accept pushes", "read-only"),
        ("read only", PULL, errors.UnexpectedReply, "r.example does not allow this", "read-only"),
        ("not a registry", PULL, errors.UnexpectedReply, "does not respond like a registry", "Check host and port"),
        ("old manifest", PULL, errors.InvalidManifest, "that the engine does not support", "schema 1"),
        ("bad reference", PULL, errors.InvalidReference, "as an image name", "lower-case"),
        ("cut", PULL, errors.RegistryUnreachable, "between the engine and r.example was cut", "Try again."),
        ("down", PULL, errors.RegistryUnreachable, "can't reach r.example: the connection is refused", "port"),
        ("no host", PULL, errors.RegistryUnreachable, "can't find the host r.example", "DNS settings"),
        ("slow", PULL, errors.RegistryUnreachable, "timed out waiting for r.example", "firewall"),
        ("no way", PULL, errors.RegistryUnreachable, "no network route to r.example", "network"),
        ("proxy", PULL, errors.RegistryUnreachable, "blocks the connection to r.example", "not of this program"),
    ],
)  # fmt: skip
def test_what_is_said(
    name: str, attempt: Attempt, kind: type[errors.LongshoreError], message: str, advice: str
) -> None:
    error = error_of(name, attempt, "the engine's words")
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
        ("x509: Certificate Is Valid For a, not b", "for another name", "a name that the certificate is for"),
        ("x509: cannot validate certificate because it does not contain any IP SANs", "for another name", "the name"),
        ("x509: certificate is not valid for any names", "for another name", "the name"),
        ("x509: signed by unknown authority", "does not trust", "/etc/docker/certs.d/r.example/ca.crt"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_certificate(text: str, message: str, advice: str) -> None:
    error = classify(text, PULL)
    assert isinstance(error, errors.TlsFailed)
    assert error.remedy is errors.Remedy.CERTIFICATE
    assert message in error.message
    assert advice in error.advice


@pytest.mark.parametrize(
    ("text", "kind", "message", "advice"),
    [
        ("507", errors.UnexpectedReply, "r.example has no space left.", "Tell the registry's administrator."),
        (
            "503",
            errors.RegistryFailure,
            "r.example reports an internal error (status 503).",
            "Try again later",
        ),
        ("", errors.RegistryFailure, "r.example reports an internal error.", "Try again later"),
    ],
)
def test_a_registry_with_trouble_of_its_own(
    text: str, kind: type[errors.LongshoreError], message: str, advice: str
) -> None:
    error = error_of("server error", PULL, "words", text)
    assert type(error) is kind
    assert (error.message, error.detail) == (message, "words")
    assert advice in error.advice


def test_what_nothing_knows_and_a_push_without_an_end() -> None:
    for attempt, verb in ((PULL, "pull"), (PUSH, "push")):
        error = error_of("unexplained", attempt, "words")
        assert f"The engine could not {verb} " in error.message
        assert (error.subject, error.detail) == (IMAGE, "words")
    lost = error_of("no digest", PUSH)
    assert "stopped pushing" in lost.message
    assert (lost.subject, lost.detail) == (IMAGE, "")


def test_every_name_has_its_rows_and_the_last_of_them_always_holds() -> None:
    asked = {name for _, name in RULES} | set(BY_STATUS.values()) | {"unexplained", "no digest"}
    last = {name: conditions for name, conditions, *_ in TABLE}
    assert last.keys() == asked
    assert set(last.values()) == {""}


def test_what_was_found_in_the_words_is_shown_or_was_asked_for() -> None:
    digest = f"sha256:{'a' * 64}"
    words = f"content at https://r.example/v2/team/app/manifests/{digest} not found: not found"
    assert "refers to the digest aaaaaaaaaaaa for" in classify(words, PULL).message
    assert "no image with that digest in “team/app”" in classify(words, BY_DIGEST).message
    assert "(status 502)" in classify("received unexpected HTTP status: 502 Bad Gateway", PULL).message


def test_names_from_outside_are_not_read_as_arguments() -> None:
    error = error_of("unexplained", PULL, "{host} {image}")
    assert error.detail == "{host} {image}"
    found = error_of("missing part", PULL, "", "{host}")
    assert "refers to the digest {host} for" in found.message
