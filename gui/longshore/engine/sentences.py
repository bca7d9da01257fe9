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
    ("disk full", "", DiskFull, "The disk of the engine is full; {image} does not fit on it.",
     "Remove images that are not needed, or give the engine more room."),
    ("rate limited", "signed", RateLimited, "{host} has had too many requests from here for now.", "Wait a while."),
    ("rate limited", "", RateLimited, "{host} has had too many requests from here for now.",
     "Wait a while, or sign in: accounts may do more than strangers."),
    ("http registry", "", TlsFailed, "The engine asks {host} with TLS, and it answers without.",
     "The engine makes this connection, so it must allow it: add {address} to “insecure-registries” in its "
     "daemon.json and restart the engine (Podman: “insecure = true” in registries.conf)."),
    ("https registry", "", TlsFailed, "{host} requires TLS, and the engine asks without.",
     "The engine makes this connection: take {address} out of “insecure-registries” in its daemon.json and restart "
     "the engine, and give it the registry's certificate in /etc/docker/certs.d/{address}/ca.crt."),
    ("client certificate", "", TlsFailed, "{host} requires a client certificate from the engine.",
     "The engine makes this connection: put client.cert and client.key into /etc/docker/certs.d/{address} on its "
     "machine."),
    ("certificate out of date", "", TlsFailed, "The certificate of {host} is out of date.",
     "Have it renewed, and check the clock of the engine's machine, which makes this connection."),
    ("certificate of another", "", TlsFailed, "The certificate of {host} is for another name.",
     "Use the name that it is for; the engine makes this connection and checks it."),
    ("certificate", "", TlsFailed, "The engine does not trust the certificate of {host}.",
     "The engine makes this connection: put the certificate of the registry's authority into "
     "/etc/docker/certs.d/{address}/ca.crt on its machine. No restart is needed."),
    ("sign in", "signed", SignInFailed, "{host} does not accept your sign-in for {image}.",
     "Sign in at {host} again; if it stays so, ask for the right to {verb} there."),
    ("sign in", "", SignInRequired, "Sign in to {host} to {verb} {image}.", "Sign in, then retry."),
    ("bad password", "signed", SignInFailed, "{host} refuses the user name or the password.",
     "Sign in at {host} again."),
    ("bad password", "", SignInRequired, "Sign in to {host} to {verb} {image}.", "Sign in, then retry."),
    ("denied", "push signed", AccessDenied, "You are signed in at {host}, and may not push to {repository}.",
     "Push to a repository of yours, ask its owner, or sign in as somebody else."),
    ("denied", "push", SignInRequired, "Sign in to {host} to {verb} {image}.", "Sign in, then retry."),
    ("denied", "signed", AccessDenied, "{host} has no image {repository}, or you may not pull it.",
     "Check the name, ask its owner, or sign in as somebody else."),
    ("denied", "", AccessDenied, "{host} has no public image {repository}, or it is private.",
     "Check the name, or sign in at {host}."),
    ("immutable tag", "", TagImmutable, "The tag of {image} is immutable at {host}.",
     "Use another tag, or ask the registry's owner to allow changes to this one."),
    ("forbidden", "signed", AccessDenied, "{host} does not let you {verb} {image}.", "Ask whoever runs the registry."),
    ("forbidden", "", AccessDenied, "{host} does not let you {verb} {image}.",
     "Sign in at {host}, or ask who runs it."),
    ("unknown tag", "push", ImageUnknown, "The engine has no image {image}.",
     "It may have been removed or renamed meanwhile: refresh the list."),
    ("unknown tag", "digest", NotInRegistry, "{host} has no image of that digest in {repository}.",
     "Check the name and the tag; capitals count in tags."),
    ("unknown tag", "", NotInRegistry, "{host} has no tag “{tag}” in {repository}.",
     "Check the name and the tag; capitals count in tags."),
    ("unknown repository", "push", NotInRegistry, "{host} has no repository {repository}.",
     "Have the repository created there first."),
    ("unknown repository", "", NotInRegistry, "{host} has no repository {repository}.", "Check the name."),
    # The tag is there; what the registry announces for it, or what its manifest names, is not.
    ("missing part", "asked", NotInRegistry, "{host} has no image of that digest in {repository}.",
     "Check the name and the tag; capitals count in tags."),
    ("missing part", "", NotInRegistry,
     "{host} refers to the digest {found} for {image}, but does not have it.",
     "The registry or a proxy may announce a digest that does not match, or the image is incomplete: push it again."),
    # Seen where several pushes bring the same layers to one repository: one of them comes too early.
    ("unknown blob", "push", RegistryFailure, "{host} does not find a part of {image} that was just pushed.",
     "Push it again."),
    ("unknown blob", "", NotInRegistry, "{host} does not have all parts of {image}.",
     "The image is broken in the registry: push it there again."),
    ("no platform", "platform", NotInRegistry, "There is no {platform} image under {image}.",
     "Choose a platform that the tag has."),
    ("no platform", "", NotInRegistry, "There is no image for the engine's platform under {image}.",
     "Choose a platform that the tag has."),
    ("unknown locally", "", ImageUnknown, "The engine has no image {image}.",
     "It may have been removed or renamed meanwhile: refresh the list."),
    ("not whole", "", EngineFailure,
     "The engine does not hold all of {image}: when it was pulled, layers of another image were taken, which are there "
     "unpacked only.",
     "Remove this image and those that share its layers, and pull it again; or copy it from registry to registry."),
    ("checksum", "push", DigestMismatch, "{host} received something else than the engine sent for {image}.",
     "Retry. If it stays so, the registry or something on the way to it alters the data."),
    ("checksum", "", DigestMismatch, "What came from {host} for {image} is not what its digest says.",
     "Retry. If it stays so, the registry or something on the way to it alters the data."),
    ("containerd", "", EngineLost, "A part of the engine (containerd) does not answer.",
     "Restart the engine, and retry."),
    ("too large", "", UnexpectedReply, "{host} refuses a layer of {image} because it is too large.",
     "A proxy before the registry limits uploads: have its limit raised (nginx: client_max_body_size)."),
    ("read only", "push", AccessDenied, "{host} takes no pushes.",
     "It may be read-only, or a cache of another registry."),
    ("read only", "", AccessDenied, "{host} does not allow this.",
     "It may be read-only, or a cache of another registry."),
    ("server error", "507", UnexpectedReply, "{host} has no room left.", "Tell whoever runs the registry."),
    ("server error", "found", RegistryFailure, "{host} has trouble of its own (status {found}).",
     "Retry later, or tell whoever runs the registry."),
    ("server error", "", RegistryFailure, "{host} has trouble of its own.",
     "Retry later, or tell whoever runs the registry."),
    ("not a registry", "", UnexpectedReply, "{host} does not answer like a registry.",
     "Check host and port; a sign-in page of a network or a proxy may answer in its place."),
    ("old manifest", "", InvalidManifest, "{image} is of a kind that the engine does not know.",
     "It may be too old (schema 1: push it anew with a current engine), or no container image."),
    ("bad reference", "", InvalidReference, "The engine does not take {image} for the name of an image.",
     "Older engines allow lower-case letters only."),
    ("cut", "", RegistryUnreachable, "The connection between the engine and {host} was cut.",
     "Retry. If it stays so, look at the network between them."),
    ("down", "", RegistryUnreachable, "The engine cannot reach {host}: the connection is refused.",
     "Check that the registry runs, and its port. “localhost” is the engine's machine here."),
    ("no host", "", RegistryUnreachable, "The engine cannot find {host}: no machine has that name.",
     "Check the name, and the name servers of the engine's machine."),
    ("slow", "", RegistryUnreachable, "The engine waited too long for {host}.",
     "Check the network, firewall and proxy of the engine's machine, and retry."),
    ("no way", "", RegistryUnreachable, "There is no way from the engine to {host}.",
     "Check the network of the engine's machine."),
    ("proxy", "", RegistryUnreachable, "The engine's proxy does not let it through to {host}.",
     "Check the proxy settings of the engine, not of this program."),
    ("unexplained", "", EngineFailure, "The engine could not {verb} {image}.", "Its own words are in the details."),
    # A push whose stream ended without reporting what was pushed.
    ("no digest", "", EngineFailure, "The engine stopped pushing {image} without saying that it arrived.",
     "Look at the tag in the registry, and retry."),
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
