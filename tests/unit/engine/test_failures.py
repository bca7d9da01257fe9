"""Error texts of engines, as recorded, and the errors that they become."""

from __future__ import annotations

import errno
import http.client
import io
import socket
import ssl
from typing import Any

import pytest

from longshore import errors
from longshore.engine import failures
from longshore.engine.address import EngineAddress, Origin
from longshore.engine.attempt import Attempt
from longshore.engine.failures import classify
from longshore.engine.refusals import refusal
from longshore.engine.transport import SshError
from longshore.engine.unavailable import explain, no_version
from longshore.errors import EngineLost, EngineUnavailable, LongshoreError, UnavailableCause
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference

OWN = Reference.parse("registry.example:5000/team/app:1")
PULL = Attempt(OWN)
SIGNED = Attempt(OWN, signed_in=True)
PUSH = Attempt(OWN, pushing=True)
SIGNED_PUSH = Attempt(OWN, pushing=True, signed_in=True)

HTTP = 'Get "https://registry.example:5000/v2/": http: server gave HTTP response to HTTPS client'
X509 = 'Get "https://registry.example:5000/v2/": x509: certificate signed by unknown authority'
DENIED = "requested access to the resource is denied"


@pytest.mark.parametrize(
    ("text", "attempt", "kind"),
    [
        # 20.10
        (f"manifest for {OWN} not found: manifest unknown: manifest unknown", PULL, errors.NotInRegistry),
        (f"pull access denied for x, repository does not exist or may require 'docker login': {DENIED}", PULL,
         errors.AccessDenied),
        ('Get "https://r/v2/": no basic auth credentials', PULL, errors.SignInRequired),
        ("no basic auth credentials", SIGNED_PUSH, errors.SignInFailed),
        ("unauthorized: authentication required", PUSH, errors.SignInRequired),
        ("unauthorized: incorrect username or password", SIGNED, errors.SignInFailed),
        (f"denied: {DENIED}", PUSH, errors.SignInRequired),
        (f"denied: {DENIED}", SIGNED_PUSH, errors.AccessDenied),
        ("toomanyrequests: You have reached your pull rate limit.", PULL, errors.RateLimited),
        ("received unexpected HTTP status: 503 Service Unavailable", PULL, errors.RegistryFailure),
        ("received unexpected HTTP status: 507 Insufficient Storage", PUSH, errors.UnexpectedReply),
        ("filesystem layer verification failed for digest sha256:aa", PULL, errors.DigestMismatch),
        ("write /var/lib/docker/tmp/GetImageBlob1: no space left on device", PULL, errors.DiskFull),
        ("An image does not exist locally with the tag: registry.example:5000/team/app", PUSH, errors.ImageUnknown),
        ("tag does not exist: registry.example:5000/team/app:1", PUSH, errors.ImageUnknown),
        (f"NotFound: content digest sha256:{'3' * 64}: not found", PUSH, errors.EngineFailure),
        ("dial tcp 1.2.3.4:5000: connect: connection refused", PULL, errors.RegistryUnreachable),
        ("dial tcp: lookup registry.example on 10.0.0.1:53: no such host", PULL, errors.RegistryUnreachable),
        ("net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)",
         PULL, errors.RegistryUnreachable),
        ("net/http: TLS handshake timeout", PULL, errors.RegistryUnreachable),
        ("read tcp 1.1.1.1:1->2.2.2.2:2: read: connection reset by peer", PULL, errors.RegistryUnreachable),
        ("unexpected EOF", PULL, errors.RegistryUnreachable),
        ('Get "https://registry.example:5000/v2/": EOF', PULL, errors.RegistryUnreachable),
        ("proxyconnect tcp: dial tcp: lookup proxy: no such host", PULL, errors.RegistryUnreachable),
        (HTTP, PULL, errors.TlsFailed),
        (X509, PULL, errors.TlsFailed),
        ("remote error: tls: bad certificate", PULL, errors.TlsFailed),
        ("x509: certificate has expired or is not yet valid", PULL, errors.TlsFailed),
        ("x509: certificate is valid for a.example, not b.example", PULL, errors.TlsFailed),
        ("Client sent an HTTP request to an HTTPS server.", PULL, errors.TlsFailed),
        ("no matching manifest for linux/s390x in the manifest list entries", PULL, errors.NotInRegistry),
        ("invalid reference format", PULL, errors.InvalidReference),
        ('error parsing HTTP 404 response body: invalid character "<" looking for beginning of value: "<html>"',
         PULL, errors.UnexpectedReply),
        ("error parsing HTTP 413 response body: invalid character", PUSH, errors.UnexpectedReply),
        ("error parsing HTTP 403 response body: invalid character", SIGNED_PUSH, errors.AccessDenied),
        ("unsupported: The operation is unsupported.", PUSH, errors.UnexpectedReply),
        ("unknown: Failed to process request due to 'app:1' configured as immutable.", PUSH, errors.TagImmutable),
        (
            "tag invalid: The image tag '1' already exists in the 'app' repository and cannot be overwritten because "
            "the tag is immutable.",
            PUSH,
            errors.TagImmutable,
        ),
        (
            "failed commit on ref: unexpected status from PUT request to https://r.example/v2/a/manifests/1: 412 "
            "Precondition Failed",
            PUSH,
            errors.TagImmutable,
        ),
        ("name unknown: repository name not known to registry", PUSH, errors.NotInRegistry),
        ("blob unknown: blob unknown to registry", PULL, errors.NotInRegistry),
        ("manifest blob unknown: blob unknown to registry", PUSH, errors.RegistryFailure),
        # 28 with containerd's store
        ("failed to resolve reference \"registry.example:5000/team/app:1\": registry.example:5000/team/app:1: "
         "not found", PULL, errors.NotInRegistry),
        ("pull access denied, repository does not exist or may require authorization: server message: "
         "insufficient_scope: authorization failed", PULL, errors.AccessDenied),
        ("failed to authorize: failed to fetch oauth token: unexpected status from GET request to "
         "https://auth/token: 401 Unauthorized", SIGNED, errors.SignInFailed),
        ("push access denied, repository does not exist or may require authorization: server message: "
         "insufficient_scope: authorization failed", SIGNED_PUSH, errors.AccessDenied),
        ("unexpected status from PUT request to https://r/v2/team/app/blobs/uploads/1?digest=sha256%3Aaa: "
         "502 Bad Gateway", PUSH, errors.RegistryFailure),
        ("failed commit on ref \"layer-sha256:aa\": unexpected commit digest sha256:bb, expected sha256:aa", PULL,
         errors.DigestMismatch),
        ("no match for platform in manifest: not found", PULL, errors.NotInRegistry),
        ("connection error: desc = \"transport: Error while dialing: dial unix /run/containerd/containerd.sock: "
         "connect: connection refused\"", PULL, errors.EngineLost),
        # Podman 5.8
        ('no image found in image index for architecture "s390x", variant "", OS "linux"', PULL, errors.NotInRegistry),
        ('error parsing HTTP 429 response body: unexpected end of JSON input: ""', PULL, errors.RateLimited),
        ("Download config.json digest sha256:aa does not match expected sha256:bb", PULL, errors.DigestMismatch),
        ('writing blob: initiating layer upload to /v2/x/blobs/uploads/ in registry.example:5000: StatusCode: 413, "x"',
         PUSH, errors.UnexpectedReply),
        ('writing blob: StatusCode: 502, "x"', PUSH, errors.RegistryFailure),
        ("failed to find image registry.example:5000/team/app:1: registry.example:5000/team/app:1: image not known",
         PUSH, errors.ImageUnknown),
        ("checking whether a blob sha256:aa exists in registry.example:5000/team/app: authentication required", PUSH,
         errors.SignInRequired),
        ("unable to retrieve auth token: invalid username/password: unauthorized: incorrect username or password",
         SIGNED, errors.SignInFailed),
        ("connection refused", PULL, errors.RegistryUnreachable),
        # a port that looks like a status
        ("failed to authorize: failed to fetch anonymous token: Get \"http://127.0.0.1:40123/token\": "
         "dial tcp 127.0.0.1:40123: connect: connection refused", PULL, errors.RegistryUnreachable),
        ("failed to fetch oauth token: Post \"http://127.0.0.1:54034/token\": dial tcp 127.0.0.1:54034: "
         "connect: connection refused", PULL, errors.RegistryUnreachable),
        # never seen
        ("the moon is in the wrong house", PULL, errors.EngineFailure),
        ("", PUSH, errors.EngineFailure),
    ],
)  # fmt: skip
def test_every_failure_has_its_kind_and_words(
    text: str, attempt: Attempt, kind: type[LongshoreError]
) -> None:
    error = classify(text, attempt)
    assert type(error) is kind, error.message
    assert error.message.endswith(".")
    assert error.advice.endswith((".", ")"))
    assert error.subject == OWN.familiar
    assert error.detail == text
    if isinstance(error, errors.RegistryError):
        assert error.registry == OWN.domain
    assert "{" not in error.message + error.advice


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (404, errors.NotInRegistry),
        (401, errors.SignInRequired),
        (403, errors.AccessDenied),
        (429, errors.RateLimited),
        (500, errors.EngineFailure),
    ],
)
def test_the_status_where_the_words_say_nothing(status: int, kind: type[LongshoreError]) -> None:
    assert type(classify("hm", PULL, status)) is kind


def test_images_may_be_called_anything() -> None:
    """Engines repeat the image's name, which must not be mistaken for the cause."""
    reference = Reference.parse("registry.example/x509/denied/eof:toomanyrequests")
    text = f"manifest for {reference} not found: manifest unknown: manifest unknown"
    assert type(classify(text, Attempt(reference))) is errors.NotInRegistry
    text = 'Head "https://registry.example/v2/x509/denied/eof/manifests/toomanyrequests": no basic auth credentials'
    assert type(classify(text, Attempt(reference))) is errors.SignInRequired


@pytest.mark.parametrize("kind", ["manifests", "blobs"])
def test_a_digest_that_the_registry_does_not_have_is_no_missing_tag(kind: str) -> None:
    """containerd's text if the header has a different digest from the manifest's, or if a layer is missing."""
    text = (
        "failed to copy: httpReadSeeker: failed open: content at "
        f"https://registry.example:5000/v2/team/app/{kind}/sha256:{'1' * 64} not found: not found"
    )
    error = classify(text, PULL)
    assert type(error) is errors.NotInRegistry and error.detail == text
    assert (
        error.message
        == f"registry.example:5000 refers to the digest 111111111111 for “{OWN}”, but does not have it."
    )
    asked = Attempt(Reference.parse(f"registry.example:5000/team/app@sha256:{'1' * 64}"))
    assert "no image with that digest" in classify(text, asked).message


def test_what_people_read() -> None:
    hub = Attempt(Reference.parse("postgrse:16"))
    error = classify(f"pull access denied for postgrse, repository does not exist: {DENIED}", hub, 404)
    assert error.message == "Docker Hub has no image “postgrse”, or it is private."
    assert error.advice == "Check the name, or sign in to Docker Hub."
    error = classify(
        "manifest for postgres:x not found: manifest unknown", Attempt(Reference.parse("postgres:x"))
    )
    assert error.message == "Docker Hub has no tag “x” in “postgres”."
    error = classify(HTTP, PULL)
    assert "registry.example:5000 with TLS" in error.message
    assert "The engine makes this connection" in error.advice
    assert "insecure-registries" in error.advice
    error = classify(X509, PULL)
    assert "/etc/docker/certs.d/registry.example:5000/ca.crt" in error.advice
    arm = Attempt(OWN, platform=Platform("linux", "arm64"))
    error = classify("no matching manifest for linux/arm64/v8 in the manifest list entries", arm)
    assert error.message == "“registry.example:5000/team/app:1” is not available for linux/arm64."


SOCKET = EngineAddress("default", "unix:///var/run/docker.sock", Origin.DEFAULT)
TCP = EngineAddress("box", "tcp://box:2375", Origin.CONTEXT)


def wrapped(error: Exception) -> Exception:
    """*error* as requests and urllib3 raise it."""
    from requests.exceptions import ConnectionError as RequestsError
    from urllib3.exceptions import ProtocolError

    return RequestsError(ProtocolError("Connection aborted.", error))


@pytest.mark.parametrize(
    ("address", "error", "cause"),
    [
        (SOCKET, FileNotFoundError(errno.ENOENT, "No such file"), UnavailableCause.NO_SOCKET),
        (SOCKET, NotADirectoryError(errno.ENOTDIR, "Not a directory"), UnavailableCause.NO_SOCKET),
        (SOCKET, ConnectionRefusedError(errno.ECONNREFUSED, "refused"), UnavailableCause.NOT_RUNNING),
        (SOCKET, PermissionError(errno.EACCES, "Permission denied"), UnavailableCause.NO_PERMISSION),
        (SOCKET, OSError("AF_UNIX path too long"), UnavailableCause.UNSUPPORTED),
        (TCP, ConnectionRefusedError(errno.ECONNREFUSED, "refused"), UnavailableCause.NOT_RUNNING),
        (TCP, OSError(errno.EHOSTUNREACH, "No route to host"), UnavailableCause.UNREACHABLE),
        (TCP, OSError(errno.ENETUNREACH, "unreachable"), UnavailableCause.UNREACHABLE),
        (TCP, socket.gaierror(-2, "Name or service not known"), UnavailableCause.UNREACHABLE),
        (TCP, TimeoutError("timed out"), UnavailableCause.TIMED_OUT),
        (TCP, ssl.SSLCertVerificationError("CERTIFICATE_VERIFY_FAILED"), UnavailableCause.TLS),
        (TCP, http.client.BadStatusLine("SSH-2.0"), UnavailableCause.UNSUPPORTED),
        (TCP, ValueError("not JSON"), UnavailableCause.UNSUPPORTED),
    ],
)
def test_why_an_engine_is_not_there(
    address: EngineAddress, error: Exception, cause: UnavailableCause
) -> None:
    for each in (error, wrapped(error)) if not isinstance(error, ValueError) else (error,):
        found = explain(address, each)
        assert isinstance(found, EngineUnavailable), found
        assert found.cause is cause
        assert found.subject == address.url
        assert found.message
        assert found.advice
    messages = {explain(SOCKET, wrapped(OSError(number, "x"))).message for number in (2, 13, 111)}
    assert len(messages) == 3


def test_no_permission_says_how_to_get_it() -> None:
    found = explain(SOCKET, wrapped(PermissionError(errno.EACCES, "Permission denied")))
    assert "group docker" in found.advice
    found = explain(TCP, wrapped(PermissionError(errno.EACCES, "Permission denied")))
    assert "firewall" in found.advice


def test_nobody_listens() -> None:
    refused = ConnectionRefusedError(errno.ECONNREFUSED, "refused")
    here, elsewhere = explain(SOCKET, refused), explain(TCP, refused)
    assert "nothing is listening on its socket" in here.message and "Start the engine" in here.advice
    assert "at its address" in elsewhere.message and "check host and port" in elsewhere.advice


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)", "does not use TLS"),
        ("[SSL] record layer failure (_ssl.c:1006)", "does not use TLS"),  # OpenSSL 3.2
        (
            "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate",
            "is not trusted",
        ),
        ("CERTIFICATE_REQUIRED", "does not accept your certificate"),
        (
            "[SSL: SSLV3_ALERT_BAD_CERTIFICATE] sslv3 alert bad certificate",
            "does not accept your certificate",
        ),
        ("EOF occurred in violation of protocol (_ssl.c:1006)", "TLS connection to the engine failed"),
    ],
)
def test_what_is_wrong_with_tls(text: str, message: str) -> None:
    found = explain(TCP, wrapped(ssl.SSLError(1, text)))
    assert isinstance(found, EngineUnavailable)
    assert found.cause is UnavailableCause.TLS
    assert message in found.message
    assert text in found.detail


@pytest.mark.parametrize(
    ("said", "cause", "message"),
    [
        (
            "me@box: Permission denied (publickey,password).",
            UnavailableCause.NO_PERMISSION,
            "SSH access to the engine's machine was denied",
        ),
        (
            "ssh: Could not resolve hostname box: Name or service not known",
            UnavailableCause.UNREACHABLE,
            "host was not found",
        ),
        ("Host key verification failed.", UnavailableCause.TLS, "the key has changed"),
        (
            "bash: line 1: docker: command not found",
            UnavailableCause.UNSUPPORTED,
            "docker command is not installed",
        ),
        ("sh: 1: docker: not found", UnavailableCause.UNSUPPORTED, "docker command is not installed"),
        (
            "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
            UnavailableCause.NOT_RUNNING,
            "No engine is running",
        ),
        (
            "ssh: connect to host box port 22: Connection refused",
            UnavailableCause.NOT_RUNNING,
            "SSH is not responding",
        ),
        (
            "ssh: connect to host box port 22: Connection timed out",
            UnavailableCause.TIMED_OUT,
            "did not respond in time",
        ),
        ("kex_exchange_identification: read", UnavailableCause.UNREACHABLE, "can't reach"),
    ],
)
def test_what_ssh_says(said: str, cause: UnavailableCause, message: str) -> None:
    address = EngineAddress("box", "ssh://me@box")
    found = explain(address, wrapped(SshError(said)))
    assert isinstance(found, EngineUnavailable)
    assert (found.cause, found.subject, found.detail) == (cause, "ssh://me@box", said)
    assert message in found.message
    assert found.advice


def test_there_is_no_ssh_here() -> None:
    address = EngineAddress("box", "ssh://me@box")
    found = explain(address, wrapped(FileNotFoundError(errno.ENOENT, "No such file", "ssh")))
    assert isinstance(found, EngineUnavailable)
    assert (found.cause, found.advice) == (UnavailableCause.UNSUPPORTED, "Install the OpenSSH client.")
    lost = explain(address, wrapped(BrokenPipeError(errno.EPIPE, "Broken pipe")))
    assert isinstance(lost, EngineLost)


@pytest.mark.parametrize("origin", Origin)
def test_a_socket_that_does_not_exist_is_changed_where_it_was_named(origin: Origin) -> None:
    address = EngineAddress("x", "unix:///x.sock", origin)
    found = explain(address, FileNotFoundError(errno.ENOENT, "No such file"))
    where = {
        Origin.OPTION: "change --engine.",
        Origin.ENVIRONMENT: "change DOCKER_HOST.",
        Origin.CONTEXT: "change the Docker context.",
    }.get(origin, "set DOCKER_HOST or choose another engine.")
    assert found.advice.endswith(where)


@pytest.mark.parametrize(
    "error",
    [
        ConnectionResetError(errno.ECONNRESET, "reset"),
        BrokenPipeError(errno.EPIPE, "pipe"),
        http.client.RemoteDisconnected("gone"),
        http.client.IncompleteRead(b""),
    ],
)
def test_an_engine_that_goes_away(error: Exception) -> None:
    found = explain(SOCKET, wrapped(error), doing="pulling “x”")
    assert isinstance(found, EngineLost)
    assert found.message == "The connection to the engine was lost while pulling “x”."


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("the library is confused"),
        OSError("what has no number"),
        io.UnsupportedOperation("of both kinds"),
        EOFError("too soon"),
    ],
)
def test_an_engine_that_goes_away_in_a_way_that_nobody_knows(error: Exception) -> None:
    """Only an unreadable response is not an engine's; io.UnsupportedOperation is a ValueError and an OSError."""
    for doing, message in (
        ("", "The connection to the engine was lost."),
        ("x", "The connection to the engine was lost while x."),
    ):
        found = explain(TCP, error, doing=doing)
        assert isinstance(found, EngineLost)
        assert (found.message, found.subject) == (message, TCP.url)
        assert found.detail == f"{type(error).__name__}: {error}"
        assert found.advice


def test_what_answers_the_first_question() -> None:
    assert (
        no_version(TCP, 400, "Client sent an HTTP request to an HTTPS server.").cause is UnavailableCause.TLS
    )
    for status in (401, 403, 407):
        assert no_version(TCP, status, "no").cause is UnavailableCause.NO_PERMISSION
    assert no_version(TCP, 404, "404 page not found").cause is UnavailableCause.UNSUPPORTED


@pytest.mark.parametrize(
    ("status", "text", "kind", "words"),
    [
        (404, "No such image: x", errors.ImageUnknown, "has no image “x”"),
        (
            409,
            "unable to remove (must force) - container 1 is using its image",
            errors.ImageInUse,
            "container",
        ),
        (409, "image is referenced in multiple repositories", errors.ImageInUse, "names"),
        (409, "image is known by more than one name", errors.ImageInUse, "names"),
        (500, "image is referenced in multiple repositories", errors.EngineFailure, "could not"),
        (409, "image has dependent child images", errors.ImageInUse, "built on"),
        (409, "conflict", errors.ImageInUse, "is in use"),
        (403, "authorization denied by plugin", errors.EngineFailure, "does not allow"),
        (500, "no space left on device", errors.DiskFull, "full"),
        (500, "write /var/lib/docker/x: disk quota exceeded", errors.DiskFull, "full"),
        (500, "boom", errors.EngineFailure, "could not"),
        (500, "image not known", errors.ImageUnknown, "has no image"),
    ],
)
def test_refusals(status: int, text: str, kind: type[LongshoreError], words: str) -> None:
    error = refusal(status, text, "x")
    assert type(error) is kind
    assert words in error.message
    assert error.detail == text
    assert error.advice


class Looked:
    """A rule that records the text that it is given, and never applies."""

    def __init__(self) -> None:
        self.given: list[str] = []

    def search(self, text: str) -> None:
        self.given.append(text)


def test_of_very_long_words_the_beginning_and_the_end_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = Looked()
    rules: list[Any] = [(looked, None), *failures.RULES]
    monkeypatch.setattr(failures, "RULES", rules)
    for text in ("x" * 10_000_000 + " manifest unknown", "manifest unknown " + "x" * 10_000_000):
        assert isinstance(classify(text, PULL), errors.NotInRegistry)
    assert all(len(each) <= 16 * 1024 + 3 for each in looked.given)
    exact = "x" * 16 * 1024
    classify(exact, PULL)
    assert looked.given[-1] == exact


@pytest.mark.parametrize(
    "piece",
    ["failed to register layer ", "failed to fetch token ", "manifests/", "media type ", "repository ",
     "unexpected status from GET request to ", "HTTP ", "lookup ", "failed to authorize ", "manifest for "],
)  # fmt: skip
def test_words_that_begin_a_rule_over_and_over(piece: str) -> None:
    # Each rule's repetitions are bounded (test_patterns.py), so each position is tried only once.
    assert classify(piece * 100_000, PULL).detail
