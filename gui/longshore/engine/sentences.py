"""The errors for what goes wrong between an engine and a registry: what happened, to what, and what to do.

Each takes the attempt, the engine's own words and the match that led here. The engine makes these
connections, not this program: the advice says where to set what.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from longshore.engine.attempt import Attempt
from longshore.errors import (
    AccessDenied,
    DigestMismatch,
    DiskFull,
    EngineFailure,
    EngineLost,
    ImageUnknown,
    InvalidManifest,
    InvalidReference,
    LongshoreError,
    NotInRegistry,
    RateLimited,
    RegistryFailure,
    RegistryUnreachable,
    SignInFailed,
    SignInRequired,
    TagImmutable,
    TlsFailed,
    UnexpectedReply,
)
from longshore.oci.digest import short

RESTART = "and restart the engine"

Match = re.Match[str] | None
Make = Callable[[Attempt, str, Match], LongshoreError]


def _registry_error(
    kind: Callable[..., LongshoreError], attempt: Attempt, text: str, message: str, advice: str = ""
) -> LongshoreError:
    return kind(
        message,
        registry=attempt.reference.domain,
        subject=attempt.reference.familiar,
        advice=advice,
        detail=text,
    )


def disk_full(attempt: Attempt, text: str, _: Match) -> LongshoreError:
    return DiskFull(
        f"The disk of the engine is full; {attempt.image} does not fit on it.",
        subject=attempt.reference.familiar,
        advice="Remove images that are not needed, or give the engine more room.",
        detail=text,
    )


def rate_limited(attempt: Attempt, text: str, _: Match) -> LongshoreError:
    return _registry_error(
        RateLimited,
        attempt,
        text,
        f"{attempt.host} has had too many requests from here for now.",
        "Wait a while."
        if attempt.signed_in
        else "Wait a while, or sign in: accounts may do more than strangers.",
    )


def http_registry(attempt: Attempt, text: str, _: Match) -> LongshoreError:
    host = attempt.reference.registry_host
    return _registry_error(
        TlsFailed,
        attempt,
        text,
        f"The engine asks {attempt.host} with TLS, and it answers without.",
        f"The engine makes this connection, so it must allow it: add {host} to “insecure-registries” in "
        f"its daemon.json {RESTART} (Podman: “insecure = true” in registries.conf).",
    )


def https_registry(attempt: Attempt, text: str, _: Match) -> LongshoreError:
    host = attempt.reference.registry_host
    return _registry_error(
        TlsFailed,
        attempt,
        text,
        f"{attempt.host} wants TLS, and the engine asks without.",
        f"The engine makes this connection: take {host} out of “insecure-registries” in its daemon.json "
        f"{RESTART}, and give it the registry's certificate in /etc/docker/certs.d/{host}/ca.crt.",
    )


def client_certificate(attempt: Attempt, text: str, _: Match) -> LongshoreError:
    folder = f"/etc/docker/certs.d/{attempt.reference.registry_host}"
    return _registry_error(
        TlsFailed,
        attempt,
        text,
        f"{attempt.host} wants a client certificate from the engine.",
        f"The engine makes this connection: put client.cert and client.key into {folder} on its machine.",
    )


def certificate(attempt: Attempt, text: str, _: Match) -> LongshoreError:
    lowered = text.lower()
    host = attempt.reference.registry_host
    place = f"/etc/docker/certs.d/{host}/ca.crt"
    if "expired" in lowered or "not yet valid" in lowered:
        message = f"The certificate of {attempt.host} is out of date."
        advice = "Have it renewed, and check the clock of the engine's machine, which makes this connection."
    elif re.search(r"is valid for|\bsans\b|not valid for any names", lowered):
        message = f"The certificate of {attempt.host} is for another name."
        advice = "Use the name that it is for; the engine makes this connection and checks it."
    else:
        message = f"The engine does not trust the certificate of {attempt.host}."
        advice = (
            f"The engine makes this connection: put the certificate of the registry's authority into {place} "
            "on its machine. No restart is needed."
        )
    return _registry_error(TlsFailed, attempt, text, message, advice)


def _unreachable(message: str, advice: str) -> Make:
    def make(attempt: Attempt, text: str, _: Match) -> LongshoreError:
        return _registry_error(RegistryUnreachable, attempt, text, message.format(attempt.host), advice)

    return make


def sign_in(attempt: Attempt, text: str, _: Match) -> LongshoreError:
    if attempt.signed_in:
        return _registry_error(
            SignInFailed,
            attempt,
            text,
            f"{attempt.host} does not accept your sign-in for {attempt.image}.",
            f"Sign in at {attempt.host} again; if it stays so, ask for the right to {attempt.verb} there.",
        )
    return _registry_error(
        SignInRequired,
        attempt,
        text,
        f"{attempt.host} wants you to sign in before you {attempt.verb} {attempt.image}.",
        f"Sign in at {attempt.host} and retry.",
    )


def bad_password(attempt: Attempt, text: str, found: Match) -> LongshoreError:
    if not attempt.signed_in:
        return sign_in(attempt, text, found)
    return _registry_error(
        SignInFailed,
        attempt,
        text,
        f"{attempt.host} refuses the user name or the password.",
        f"Sign in at {attempt.host} again.",
    )


def denied(attempt: Attempt, text: str, found: Match) -> LongshoreError:
    if attempt.pushing:
        if not attempt.signed_in:
            return sign_in(attempt, text, found)
        message = f"You are signed in at {attempt.host}, and may not push to {attempt.repository}."
        advice = "Push to a repository of yours, ask its owner, or sign in as somebody else."
    elif attempt.signed_in:
        message = f"{attempt.host} has no image {attempt.repository}, or you may not pull it."
        advice = "Check the name, ask its owner, or sign in as somebody else."
    else:
        message = f"{attempt.host} has no public image {attempt.repository}, or it is private."
        advice = f"Check the name, or sign in at {attempt.host}."
    return _registry_error(AccessDenied, attempt, text, message, advice)


def immutable_tag(attempt: Attempt, text: str, _: Match) -> LongshoreError:
    return _registry_error(
        TagImmutable,
        attempt,
        text,
        f"The tag of {attempt.image} is immutable at {attempt.host}.",
        "Use another tag, or ask the registry's owner to allow changes to this one.",
    )


def forbidden(attempt: Attempt, text: str, _: Match) -> LongshoreError:
    return _registry_error(
        AccessDenied,
        attempt,
        text,
        f"{attempt.host} does not let you {attempt.verb} {attempt.image}.",
        "Ask whoever runs the registry."
        if attempt.signed_in
        else f"Sign in at {attempt.host}, or ask who runs it.",
    )


def unknown_tag(attempt: Attempt, text: str, found: Match) -> LongshoreError:
    reference = attempt.reference
    if attempt.pushing:
        return unknown_locally(attempt, text, found)
    if reference.digest:
        what = f"no image of that digest in {attempt.repository}"
    else:
        what = f"no tag “{reference.tag or 'latest'}” in {attempt.repository}"
    return _registry_error(
        NotInRegistry,
        attempt,
        text,
        f"{attempt.host} has {what}.",
        "Check the name and the tag; capitals count in tags.",
    )


def unknown_repository(attempt: Attempt, text: str, _: Match) -> LongshoreError:
    return _registry_error(
        NotInRegistry,
        attempt,
        text,
        f"{attempt.host} has no repository {attempt.repository}.",
        "Check the name." if not attempt.pushing else "Have the repository created there first.",
    )


def missing_part(attempt: Attempt, text: str, found: Match) -> LongshoreError:
    """The tag is there; what the registry announces for it, or what its manifest names, is not."""
    digest = found["digest"] if found is not None else ""
    if attempt.reference.digest == digest:
        return unknown_tag(attempt, text, found)
    return _registry_error(
        NotInRegistry,
        attempt,
        text,
        f"{attempt.host} refers to the digest {short(digest)} for {attempt.image}, but does not have it.",
        "The registry or a proxy may announce a digest that does not match, or the image is incomplete: push it again.",
    )


def unknown_blob(attempt: Attempt, text: str, _: Match) -> LongshoreError:
    if attempt.pushing:
        # Seen where several pushes bring the same layers to one repository: one of them comes too early.
        return _registry_error(
            RegistryFailure,
            attempt,
            text,
            f"{attempt.host} does not find a part of {attempt.image} that was just pushed.",
            "Push it again.",
        )
    return _registry_error(
        NotInRegistry,
        attempt,
        text,
        f"{attempt.host} does not have all parts of {attempt.image}.",
        "The image is broken in the registry: push it there again.",
    )


def no_platform(attempt: Attempt, text: str, _: Match) -> LongshoreError:
    if attempt.platform is not None:
        message = f"There is no {attempt.platform} image under {attempt.image}."
    else:
        message = f"There is no image for the engine's platform under {attempt.image}."
    return _registry_error(NotInRegistry, attempt, text, message, "Choose a platform that the tag has.")


def unknown_locally(attempt: Attempt, text: str, _: Match) -> LongshoreError:
    return ImageUnknown(
        f"The engine has no image {attempt.image}.",
        subject=attempt.reference.familiar,
        advice="It may have been removed or renamed meanwhile: refresh the list.",
        detail=text,
    )


def not_whole(attempt: Attempt, text: str, _: Match) -> LongshoreError:
    return EngineFailure(
        f"The engine does not hold all of {attempt.image}: when it was pulled, layers of another image were taken, "
        "which are there unpacked only.",
        subject=attempt.reference.familiar,
        advice="Remove this image and those that share its layers, and pull it again; or copy it from registry to "
        "registry.",
        detail=text,
    )


def checksum(attempt: Attempt, text: str, _: Match) -> LongshoreError:
    return DigestMismatch(
        f"What came from {attempt.host} for {attempt.image} is not what its digest says."
        if not attempt.pushing
        else f"{attempt.host} received something else than the engine sent for {attempt.image}.",
        subject=attempt.reference.familiar,
        advice="Retry. If it stays so, the registry or something on the way to it alters the data.",
        detail=text,
    )


def containerd(attempt: Attempt, text: str, _: Match) -> LongshoreError:
    return EngineLost(
        "A part of the engine (containerd) does not answer.",
        subject=attempt.reference.familiar,
        advice="Restart the engine, and retry.",
        detail=text,
    )


def too_large(attempt: Attempt, text: str, _: Match) -> LongshoreError:
    return _registry_error(
        UnexpectedReply,
        attempt,
        text,
        f"{attempt.host} refuses a layer of {attempt.image} because it is too large.",
        "A proxy before the registry limits uploads: have its limit raised (nginx: client_max_body_size).",
    )


def read_only(attempt: Attempt, text: str, _: Match) -> LongshoreError:
    return _registry_error(
        AccessDenied,
        attempt,
        text,
        f"{attempt.host} takes no pushes." if attempt.pushing else f"{attempt.host} does not allow this.",
        "It may be read-only, or a cache of another registry.",
    )


def server_error(attempt: Attempt, text: str, found: Match) -> LongshoreError:
    status = next((each for each in found.groups() if each), "") if found is not None else ""
    if status == "507":
        return _registry_error(
            UnexpectedReply,
            attempt,
            text,
            f"{attempt.host} has no room left.",
            "Tell whoever runs the registry.",
        )
    return _registry_error(
        RegistryFailure,
        attempt,
        text,
        f"{attempt.host} has trouble of its own{f' (status {status})' if status else ''}.",
        "Retry later, or tell whoever runs the registry.",
    )


def not_a_registry(attempt: Attempt, text: str, _: Match) -> LongshoreError:
    return _registry_error(
        UnexpectedReply,
        attempt,
        text,
        f"{attempt.host} does not answer like a registry.",
        "Check host and port; a sign-in page of a network or a proxy may answer in its place.",
    )


def old_manifest(attempt: Attempt, text: str, _: Match) -> LongshoreError:
    return InvalidManifest(
        f"{attempt.image} is of a kind that the engine does not know.",
        subject=attempt.reference.familiar,
        advice="It may be too old (schema 1: push it anew with a current engine), or no container image.",
        detail=text,
    )


def bad_reference(attempt: Attempt, text: str, _: Match) -> LongshoreError:
    return InvalidReference(
        f"The engine does not take {attempt.image} for the name of an image.",
        subject=attempt.reference.familiar,
        advice="Older engines allow lower-case letters only.",
        detail=text,
    )


cut = _unreachable(
    "The connection between the engine and {} was cut.",
    "Retry. If it stays so, look at the network between them.",
)
down = _unreachable(
    "The engine cannot reach {}: the connection is refused.",
    "Check that the registry runs, and its port. “localhost” is the engine's machine here.",
)
no_host = _unreachable(
    "The engine cannot find {}: no machine has that name.",
    "Check the name, and the name servers of the engine's machine.",
)
slow = _unreachable(
    "The engine waited too long for {}.",
    "Check the network, firewall and proxy of the engine's machine, and retry.",
)
no_way = _unreachable("There is no way from the engine to {}.", "Check the network of the engine's machine.")
proxy = _unreachable(
    "The engine's proxy does not let it through to {}.",
    "Check the proxy settings of the engine, not of this program.",
)


def unexplained(attempt: Attempt, text: str) -> EngineFailure:
    """What nothing here knows."""
    return EngineFailure(
        f"The engine could not {attempt.verb} {attempt.image}.",
        subject=attempt.reference.familiar,
        advice="Its own words are in the details.",
        detail=text,
    )


def no_digest(attempt: Attempt) -> EngineFailure:
    """A push whose stream ended without telling what was pushed."""
    return EngineFailure(
        f"The engine stopped pushing {attempt.image} without saying that it arrived.",
        subject=attempt.reference.familiar,
        advice="Look at the tag in the registry, and retry.",
    )
