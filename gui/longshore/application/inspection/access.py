"""Who can pull an image from its registry, and the command with which others pull it."""

from __future__ import annotations

import enum
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from longshore.application.attached.kinds import Kind, kind_of_type
from longshore.errors import AccessDenied, LongshoreError, NotInRegistry, SignInRequired
from longshore.oci.reference import DOCKER_HUB
from longshore.registry.config import HUB_API_HOST, is_loopback, split_host

if TYPE_CHECKING:
    from longshore.application.clients import Clients
    from longshore.cancellation import Cancellation
    from longshore.oci.reference import Reference


class Access(enum.Enum):
    """Who can pull."""

    ANYONE = "anyone"
    SIGNED_IN = "signed-in"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class PullAccess:
    """Who can pull an image. *reason*: why that is not known, None if it is."""

    access: Access
    reason: LongshoreError | None = None


def who_can_pull(reference: Reference, clients: Clients, cancellation: Cancellation) -> PullAccess:
    """Ask the registry as a stranger: one HEAD, which Docker Hub does not count, after fetching a token. Blocks.

    *reference* exists. A registry that returns 404 hides it from strangers, as some do. Raises Cancelled only.
    """
    client = clients.anonymous(reference.domain)
    try:
        client.check_readable(reference.with_default_tag(), cancellation=cancellation)
    except (SignInRequired, AccessDenied, NotInRegistry):
        return PullAccess(Access.SIGNED_IN)
    except LongshoreError as error:
        return PullAccess(Access.UNKNOWN, error)
    finally:
        client.close()
    return PullAccess(Access.ANYONE)


@dataclass(frozen=True, slots=True)
class PullCommand:
    """What to type to pull an image. *by_tag*: what the tag points to then; *by_digest*: exactly this image, "" if its
    digest is not known. *only_here*: the registry is on this machine, so the commands work nowhere else."""

    by_tag: str
    by_digest: str
    only_here: bool


def command_of(reference: Reference, artifact_type: str, digest: str = "") -> PullCommand | None:
    """The command for an image, or for an artifact of that type; None if no command is known. No I/O."""
    if artifact_type:
        return artifact_command(reference, artifact_type)
    return pull_command(reference, digest)


def pull_command(reference: Reference, digest: str = "") -> PullCommand:
    """The command for an image in a registry. *digest*: of its manifest or index. No I/O."""
    tagged = reference.with_default_tag()
    exact = tagged.with_tag(None).with_digest(digest) if digest else None
    return PullCommand(
        f"docker pull {tagged.familiar}",
        "" if exact is None else f"docker pull {exact.familiar}",
        _only_here(reference),
    )


def artifact_command(reference: Reference, artifact_type: str) -> PullCommand | None:
    """The command for something that is no image: Helm's for a chart, None for everything else. No I/O.

    Helm writes the ``+`` of a version as ``_`` in the tag (helm.sh/docs/topics/registries), and takes no digest here.
    """
    if kind_of_type(artifact_type) is not Kind.HELM_CHART or reference.tag is None or reference.digest:
        return None
    host = HUB_API_HOST if reference.domain == DOCKER_HUB else reference.domain
    version = shlex.quote(reference.tag.replace("_", "+"))
    line = f"helm pull oci://{host}/{reference.path} --version {version}"
    return PullCommand(line, "", _only_here(reference))


def _only_here(reference: Reference) -> bool:
    return is_loopback(split_host(reference.domain)[0])
