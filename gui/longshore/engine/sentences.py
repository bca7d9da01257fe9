"""The errors for what goes wrong between an engine and a registry: what happened, to what, and what to do.

The engine makes these connections, not this program: the advice says where to set what.
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
#: Name, conditions, class, message and advice. Of the rows of one name the first is taken whose conditions hold, all of
#: them: ``push``; ``signed`` (credentials were sent); ``digest`` and ``platform`` (they were asked for); ``found``
#: (something was, in the engine's words); ``asked`` (that is the digest asked for); ``507`` (that is the status).
TABLE: tuple[tuple[str, str, type[LongshoreError], str, str], ...] = (
    ("disk full", "", DiskFull, "The engine's disk is full; {image} does not fit on it.",
     "Remove images that are not needed, or give the engine more room."),
    ("rate limited", "signed", RateLimited, "{host} received too many requests from here.", "Wait a while."),
    ("rate limited", "", RateLimited, "{host} received too many requests from here.",
     "Wait a while, or sign in: limits for accounts are higher."),
    ("http registry", "", TlsFailed, "The engine connects to {host} with TLS, but it uses plain HTTP.",
     "The engine makes this connection, so it must allow it: add {address} to “insecure-registries” in its "
     "daemon.json and restart the engine (Podman: “insecure = true” in registries.conf)."),
    ("https registry", "", TlsFailed, "{host} requires TLS, but the engine connects without it.",
     "The engine makes this connection: remove {address} from “insecure-registries” in its daemon.json "
     "and restart "
     "the engine, and give it the registry's certificate in /etc/docker/certs.d/{address}/ca.crt."),
    ("client certificate", "", TlsFailed, "{host} requires a client certificate from the engine.",
     "The engine makes this connection: put client.cert and client.key into /etc/docker/certs.d/{address} on its "
     "machine."),
    ("certificate out of date", "", TlsFailed, "The certificate of {host} is out of date.",
     "Have it renewed, and check the clock of the engine's machine, which makes this connection."),
    ("certificate of another", "", TlsFailed, "The certificate of {host} is for another name.",
     "Use the name that the certificate is for; the engine makes this connection and checks it."),
    ("certificate", "", TlsFailed, "The engine does not trust the certificate of {host}.",
     "The engine makes this connection: put the certificate of the registry's authority into "
     "/etc/docker/certs.d/{address}/ca.crt on its machine. No restart is needed."),
    ("sign in", "signed", SignInFailed, "{host} does not accept your sign-in for {image}.",
     "Sign in at {host} again; if that does not help, ask for permission to {verb} there."),
    ("sign in", "", SignInRequired, "Sign in to {host} to {verb} {image}.", "Sign in, then retry."),
    ("bad password", "signed", SignInFailed, "{host} refused the user name or password.",
     "Sign in at {host} again."),
    ("bad password", "", SignInRequired, "Sign in to {host} to {verb} {image}.", "Sign in, then retry."),
    ("denied", "push signed", AccessDenied, "You are signed in to {host}, but may not push to {repository}.",
     "Push to a repository of yours, ask its owner, or sign in as someone else."),
    ("denied", "push", SignInRequired, "Sign in to {host} to {verb} {image}.", "Sign in, then retry."),
    ("denied", "signed", AccessDenied, "{host} has no image {repository}, or you may not pull it.",
     "Check the name, ask its owner, or sign in as someone else."),
    ("denied", "", AccessDenied, "{host} has no public image {repository}, or it is private.",
     "Check the name, or sign in at {host}."),
    ("immutable tag", "", TagImmutable, "The tag of {image} is immutable at {host}.",
     "Use another tag, or ask the registry's owner to allow changes to this one."),
    ("forbidden", "signed", AccessDenied, "{host} does not allow you to {verb} {image}.", "Ask whoever "
        "runs the registry."),
    ("forbidden", "", AccessDenied, "{host} does not allow you to {verb} {image}.",
     "Sign in at {host}, or ask who runs it."),
    ("unknown tag", "push", ImageUnknown, "The engine has no image {image}.",
     "It may have been removed or renamed meanwhile: refresh the list."),
    ("unknown tag", "digest", NotInRegistry, "{host} has no image of that digest in {repository}.",
     "Check the name and the tag; capitals count in tags."),
    ("unknown tag", "", NotInRegistry, "{host} has no tag “{tag}” in {repository}.",
     "Check the name and the tag; capitals count in tags."),
    ("unknown repository", "push", NotInRegistry, "{host} has no repository {repository}.",
     "Create the repository there first."),
    ("unknown repository", "", NotInRegistry, "{host} has no repository {repository}.", "Check the name."),
    # The tag is there; what the registry announces for it, or what its manifest names, is not.
    ("missing part", "asked", NotInRegistry, "{host} has no image of that digest in {repository}.",
     "Check the name and the tag; capitals count in tags."),
    ("missing part", "", NotInRegistry,
     "{host} refers to the digest {found} for {image}, but does not have it.",
     "The registry or a proxy may announce a digest that does not match, or the image is incomplete: push it again."),
    # Seen where several pushes bring the same layers to one repository: one of them comes too early.
    ("unknown blob", "push", RegistryFailure, "{host} cannot find a part of {image} that was just pushed.",
     "Push it again."),
    ("unknown blob", "", NotInRegistry, "{host} does not have all parts of {image}.",
     "The image is broken in the registry: push it there again."),
    ("no platform", "platform", NotInRegistry, "{image} has no image for {platform}.",
     "Choose a platform that the tag has."),
    ("no platform", "", NotInRegistry, "{image} has no image for the engine's platform.",
     "Choose a platform that the tag has."),
    ("unknown locally", "", ImageUnknown, "The engine has no image {image}.",
     "It may have been removed or renamed meanwhile: refresh the list."),
    ("not whole", "", EngineFailure,
     "The engine does not have all of {image}: it was pulled with layers of another image, which exist "
     "only unpacked.",
     "Remove this image and those that share its layers, and pull it again; or copy it from registry to registry."),
    ("checksum", "push", DigestMismatch, "{host} received different data from what the engine sent for "
        "{image}.",
     "Retry. If it keeps happening, the registry or something in between alters the data."),
    ("checksum", "", DigestMismatch, "The content from {host} for {image} does not match its digest.",
     "Retry. If it keeps happening, the registry or something in between alters the data."),
    ("containerd", "", EngineLost, "containerd, a part of the engine, does not respond.",
     "Restart the engine, and retry."),
    ("too large", "", UnexpectedReply, "{host} refused a layer of {image} because it is too large.",
     "A proxy in front of the registry limits uploads: ask for a higher limit (nginx: "
     "client_max_body_size)."),
    ("read only", "push", AccessDenied, "{host} does not accept pushes.",
     "It may be read-only, or a cache of another registry."),
    ("read only", "", AccessDenied, "{host} does not allow this.",
     "It may be read-only, or a cache of another registry."),
    ("server error", "507", UnexpectedReply, "{host} has no space left.", "Tell whoever runs the registry."),
    ("server error", "found", RegistryFailure, "{host} reports an internal error (status {found}).",
     "Retry later, or tell whoever runs the registry."),
    ("server error", "", RegistryFailure, "{host} reports an internal error.",
     "Retry later, or tell whoever runs the registry."),
    ("not a registry", "", UnexpectedReply, "{host} does not respond like a registry.",
     "Check host and port; a sign-in page of a network or a proxy may answer in its place."),
    ("old manifest", "", InvalidManifest, "{image} is of a kind that the engine does not know.",
     "It may be too old (schema 1: push it again with a current engine), or not a container image."),
    ("bad reference", "", InvalidReference, "The engine does not accept {image} as an image name.",
     "Older engines allow lower-case letters only."),
    ("cut", "", RegistryUnreachable, "The connection between the engine and {host} was cut.",
     "Retry. If it keeps happening, check the network between them."),
    ("down", "", RegistryUnreachable, "The engine cannot reach {host}: the connection is refused.",
     "Check that the registry is running, and its port. “localhost” is the engine's machine here."),
    ("no host", "", RegistryUnreachable, "The engine cannot find the host {host}.",
     "Check the name, and the DNS settings of the engine's machine."),
    ("slow", "", RegistryUnreachable, "The engine timed out waiting for {host}.",
     "Check the network, firewall and proxy of the engine's machine, and retry."),
    ("no way", "", RegistryUnreachable, "The engine has no network route to {host}.",
     "Check the network of the engine's machine."),
    ("proxy", "", RegistryUnreachable, "The engine's proxy blocks the connection to {host}.",
     "Check the proxy settings of the engine, not of this program."),
    ("unexplained", "", EngineFailure, "The engine could not {verb} {image}.", "Its own message is in the "
        "details."),
    # A push whose stream ended without reporting what was pushed.
    ("no digest", "", EngineFailure, "The engine stopped pushing {image} without saying that it arrived.",
     "Check the tag in the registry, and retry."),
)
# fmt: on


def error_of(name: str, attempt: Attempt, text: str = "", found: str = "") -> LongshoreError:
    """The error *name* of the table. *text*: the engine's words; *found*: a status or digest that is in them."""
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
    # The sheet of a certificate has the lines that the engine needs.
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
