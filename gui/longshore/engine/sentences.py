"""The errors between an engine and a registry: what happened, to what, and what to do.

The engine makes these connections, not this program: the advice says which file or setting to change.
"""

from __future__ import annotations

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
    Remedy,
    Sentence,
    SignInFailed,
    SignInRequired,
    TagImmutable,
    TlsFailed,
    UnexpectedReply,
)
from longshore.oci.digest import short

# fmt: off
#: Name, conditions, class, message and advice. Of the rows with one name, the first whose conditions all hold is used:
#: ``push``; ``signed`` (credentials were sent); ``digest`` and ``platform`` (the request had one); ``found`` (the
#: engine's message contains a status or digest); ``asked`` (it is the requested digest); ``507`` (it is that status).
TABLE: tuple[tuple[str, str, type[LongshoreError], str, str], ...] = (
    ("disk full", "", DiskFull, "The engine's disk is full; {image} does not fit on it.",
     "Remove images that you no longer need, or enlarge the engine's disk."),
    ("rate limited", "signed", RateLimited, "{host} received too many requests from here.", "Wait a while."),
    ("rate limited", "", RateLimited, "{host} received too many requests from here.",
     "Wait a while, or sign in: limits for accounts are higher."),
    ("http registry", "", TlsFailed, "The engine connects to {host} with TLS, but the registry uses plain HTTP.",
     "The engine makes this connection and must allow plain HTTP: add {address} to “insecure-registries” in its "
     "daemon.json and restart the engine (Podman: “insecure = true” in registries.conf)."),
    ("https registry", "", TlsFailed, "{host} requires TLS, but the engine connects without it.",
     "The engine makes this connection: remove {address} from “insecure-registries” in its daemon.json "
     "and restart "
     "the engine, and give it the registry's certificate in /etc/docker/certs.d/{address}/ca.crt."),
    ("client certificate", "", TlsFailed, "{host} requires a client certificate from the engine.",
     "The engine makes this connection: put client.cert and client.key into /etc/docker/certs.d/{address} on its "
     "machine."),
    ("certificate out of date", "", TlsFailed, "The certificate of {host} is out of date.",
     "Check the clock of the engine's machine, which makes this connection. If it is right, ask the registry's "
     "administrator for a new certificate."),
    ("certificate of another", "", TlsFailed, "The certificate of {host} is for another name.",
     "Use a name that the certificate is for. The engine makes this connection and checks the name."),
    ("certificate", "", TlsFailed, "The engine does not trust the certificate of {host}.",
     "The engine makes this connection: put the registry's CA certificate into "
     "/etc/docker/certs.d/{address}/ca.crt on its machine. No restart is needed."),
    ("sign in", "signed", SignInFailed, "{host} does not accept your sign-in for {image}.",
     "Sign in to {host} again; if that does not help, ask for permission to {verb} there."),
    ("sign in", "", SignInRequired, "Sign in to {host} to {verb} {image}.", "Sign in, then try again."),
    ("bad password", "signed", SignInFailed, "{host} refused the user name or password.",
     "Sign in to {host} again."),
    ("bad password", "", SignInRequired, "Sign in to {host} to {verb} {image}.", "Sign in, then try again."),
    ("denied", "push signed", AccessDenied, "You are signed in to {host}, but are not allowed to "
     "push to {repository}.",
     "Push to a repository of your own, ask the owner for access, or sign in as someone else."),
    ("denied", "push", SignInRequired, "Sign in to {host} to {verb} {image}.", "Sign in, then try again."),
    ("denied", "signed", AccessDenied, "{host} has no image {repository}, or you are not allowed to pull it.",
     "Check the name, ask the owner for access, or sign in as someone else."),
    ("denied", "", AccessDenied, "{host} has no image {repository}, or it is private.",
     "Check the name, or sign in to {host}."),
    ("immutable tag", "", TagImmutable, "The tag of {image} is immutable at {host}.",
     "Use another tag, or ask the registry's administrator to allow changes to this one."),
    ("forbidden", "signed", AccessDenied, "{host} does not allow you to {verb} {image}.",
     "Ask the registry's administrator."),
    ("forbidden", "", AccessDenied, "{host} does not allow you to {verb} {image}.",
     "Sign in to {host}, or ask the registry's administrator."),
    ("unknown tag", "push", ImageUnknown, "The engine has no image {image}.",
     "It may have been removed or renamed: see the list."),
    ("unknown tag", "digest", NotInRegistry, "{host} has no image with that digest in {repository}.",
     "Check the name and the digest."),
    ("unknown tag", "", NotInRegistry, "{host} has no tag “{tag}” in {repository}.",
     "Check the name and the tag; tags are case-sensitive."),
    ("unknown repository", "push", NotInRegistry, "{host} has no repository {repository}.",
     "Create the repository there first."),
    ("unknown repository", "", NotInRegistry, "{host} has no repository {repository}.", "Check the name."),
    # The tag exists; the digest that the registry returns for it, or a part that its manifest names, does not.
    ("missing part", "asked", NotInRegistry, "{host} has no image with that digest in {repository}.",
     "Check the name and the digest."),
    ("missing part", "", NotInRegistry,
     "{host} refers to the digest {found} for {image}, but does not have it.",
     "Push the image again. If it happens again, the registry or a proxy reports a wrong digest."),
    # Seen when several pushes send the same layers to one repository: one of them comes too early.
    ("unknown blob", "push", RegistryFailure, "{host} can't find a part of {image} that was just pushed.",
     "Push it again."),
    ("unknown blob", "", NotInRegistry, "{host} does not have all parts of {image}.",
     "The image is incomplete in the registry: push it again."),
    ("no platform", "platform", NotInRegistry, "{image} is not available for {platform}.",
     "Choose an available platform."),
    ("no platform", "", NotInRegistry, "{image} is not available for the engine's platform.",
     "Choose an available platform."),
    ("unknown locally", "", ImageUnknown, "The engine has no image {image}.",
     "It may have been removed or renamed: see the list."),
    ("not whole", "", EngineFailure,
     "The engine does not have all of {image}: some layers came with another image and exist only "
     "unpacked.",
     "Remove this image and those that share its layers, and pull it again; or copy it from registry to registry."),
    ("checksum", "push", DigestMismatch,
     "The data that {host} received for {image} differs from what the engine sent.",
     "Try again. If it happens again, the registry or a proxy in between damages content."),
    ("checksum", "", DigestMismatch, "The content from {host} for {image} does not match its digest.",
     "Try again. If it happens again, the registry or a proxy in between damages content."),
    ("containerd", "", EngineLost, "containerd, a component of the engine, does not respond.",
     "Restart the engine, then try again."),
    ("too large", "", UnexpectedReply, "{host} refused a layer of {image} because it is too large.",
     "A proxy in front of the registry limits uploads: ask for a higher limit (nginx: client_max_body_size)."),
    ("read only", "push", UnexpectedReply, "{host} does not accept pushes.",
     "It may be read-only, or a cache of another registry."),
    ("read only", "", UnexpectedReply, "{host} does not allow this.",
     "It may be read-only, or a cache of another registry."),
    ("server error", "507", UnexpectedReply, "{host} has no space left.", "Tell the registry's administrator."),
    ("server error", "found", RegistryFailure, "{host} reports an internal error (status {found}).",
     "Try again later, or tell the registry's administrator."),
    ("server error", "", RegistryFailure, "{host} reports an internal error.",
     "Try again later, or tell the registry's administrator."),
    ("not a registry", "", UnexpectedReply, "{host} does not respond like a registry.",
     "Check host and port; a proxy or a network's sign-in page may respond instead."),
    ("old manifest", "", InvalidManifest, "{image} has a format that the engine does not support.",
     "It may be too old (schema 1: push it again with a current engine), or not a container image."),
    ("bad reference", "", InvalidReference, "The engine does not accept {image} as an image name.",
     "Older engines accept lower-case letters only."),
    ("cut", "", RegistryUnreachable, "The connection between the engine and {host} was cut.",
     "Try again. If it happens again, check the network between them."),
    ("down", "", RegistryUnreachable, "The engine can't reach {host}: the connection is refused.",
     "Check that the registry is running, and check its port. “localhost” means the engine's machine here."),
    ("no host", "", RegistryUnreachable, "The engine can't find the host {host}.",
     "Check the name, and the DNS settings of the engine's machine."),
    ("slow", "", RegistryUnreachable, "The engine timed out waiting for {host}.",
     "Check the network, firewall and proxy of the engine's machine, then try again."),
    ("no way", "", RegistryUnreachable, "The engine has no network route to {host}.",
     "Check the network of the engine's machine."),
    ("proxy", "", RegistryUnreachable, "The engine's proxy blocks the connection to {host}.",
     "Check the proxy settings of the engine, not of this program."),
    ("unexplained", "", EngineFailure, "The engine could not {verb} {image}.",
     "See the engine's message in the details."),
    # A push whose stream ended without reporting what was pushed.
    ("no digest", "", EngineFailure, "The engine stopped pushing {image} without confirming the push.",
     "Check the tag in the registry, then try again."),
)
# fmt: on


def error_of(name: str, attempt: Attempt, text: str = "", found: str = "") -> LongshoreError:
    """The error *name* of the table. *text*: the engine's message; *found*: a status or digest in it."""
    reference, platform = attempt.reference, attempt.platform
    conditions = {
        "push": attempt.pushing,
        "signed": attempt.signed_in,
        "digest": reference.digest is not None,
        "platform": platform is not None,
        "found": bool(found),
        "asked": bool(found) and found == reference.digest,
        "507": found == "507",
    }
    holding = {condition for condition, holds in conditions.items() if holds}
    kind, message, advice = next(
        row[2:] for row in TABLE if row[0] == name and holding.issuperset(row[1].split())
    )
    # The certificate sheet shows the lines that the engine needs.
    remedy = Remedy.CERTIFICATE if kind is TlsFailed else None
    return Sentence(kind, message, advice, remedy)(
        reference.familiar,
        text,
        registry=reference.domain,
        host=attempt.host,
        address=reference.registry_host,
        image=attempt.image,
        repository=attempt.repository,
        verb=attempt.verb,
        tag=reference.target,
        platform=platform or "",
        found=short(found) if ":" in found else found,
    )
