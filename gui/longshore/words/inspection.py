"""What an image is made of, in words: lines of its history, its health check, its attestations."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from longshore.application.inspection.access import Access, PullAccess
from longshore.application.inspection.sharing import BaseImage, SharedLayer
from longshore.application.inspection.values import Attestation, Inspected
from longshore.language import tr
from longshore.oci.image_config import HealthCheck
from longshore.oci.platform import Platform
from longshore.words import text, times
from longshore.words.artifacts import artifact_name

#: How builders write a step: docker's classic one (``/bin/sh -c #(nop)  CMD``, ``|1 A=b /bin/sh -c make``) and BuildKit
#: (``RUN /bin/sh -c make # buildkit``, ``RUN |1 A=b /bin/sh -c make``).
_SHELL = "/bin/sh -c "
_NOP = "#(nop)"
_BUILDKIT = "# buildkit"
_LONGEST = 2_000
#: Names of images in one line.
_NAMED = 5


def instruction(created_by: str) -> str:
    """A line of a history as it is in a Dockerfile, safe to show; "" for an empty one."""
    line = text.safe(created_by, _LONGEST).rstrip().removesuffix(_BUILDKIT).rstrip()
    before, shell, after = line.partition(_SHELL)
    if not shell:
        return line
    after = after.strip()
    if not before and after.startswith(_NOP):
        return after.removeprefix(_NOP).strip()
    # Build arguments precede the shell; their values may be secrets.
    if before in ("", "RUN ") or before.startswith(("|", "RUN |")):
        return f"RUN {after}"
    return line


def health_check(check: HealthCheck | None) -> str:
    """The command of a health check and how often it runs; "" without one."""
    if check is None:
        return ""
    if not check.command:
        return tr("turned off")
    command = check.command[0] if check.test[0] == "CMD-SHELL" else shlex.join(check.command)
    if check.interval:
        return tr("{0}, every {1}").format(text.safe(command, 1_000), times.duration(check.interval))
    return text.safe(command, 1_000)


def predicates(types: Sequence[str]) -> str:
    """What an attestation has, by the types of its predicates: ``SBOM, provenance``."""
    return ", ".join(dict.fromkeys(_predicate(one) for one in types))


def _predicate(kind: str) -> str:
    if kind.startswith("https://slsa.dev/provenance"):
        return tr("provenance")
    if kind.startswith(("https://spdx.dev/", "https://cyclonedx.org/")):
        return tr("SBOM")
    return text.safe(kind, 100)


def history_does_not_fit() -> str:
    """Why the lines of a history are not shown beside the layers."""
    return tr("The history does not match the layers, so its lines are listed after them.")


def presence(here: bool | None) -> str:
    """Whether a layer is on this machine."""
    if here is None:
        return ""
    return tr("present") if here else tr("not present")


def shared_with(names: Sequence[str]) -> str:
    """Which other images have a layer; "" for none. *names*: references or ids."""
    shown = [
        text.safe(text.short_digest(name) if name.startswith("sha256:") else name) for name in names[:_NAMED]
    ]
    if not shown:
        return ""
    more = len(names) - len(shown)
    if more:
        return tr("shared with {0} and {1} more").format(", ".join(shown), more)
    return tr("shared with {0}").format(", ".join(shown))


def base_image(base: BaseImage | None) -> str:
    """The base image and how that is known; "" without one."""
    if base is None:
        return ""
    name = base_name(base)
    if base.labelled:
        return name
    return tr("{0}, {1} in common").format(name, text.layers(base.layers or 0))


def base_name(base: BaseImage) -> str:
    """The base image alone."""
    return text.safe(base.name) or text.short_digest(base.image_id)


def who_can_pull(found: PullAccess) -> str:
    """Who can pull an image."""
    if found.access is Access.ANYONE:
        return tr("anyone")
    if found.access is Access.SIGNED_IN:
        return tr("only signed-in users")
    return tr("not known: {0}").format(found.reason.message if found.reason is not None else "")


def only_here() -> str:
    """Why a command to pull is of no use to a colleague."""
    return tr("This registry is on this machine: the command does not work on another one.")


def unknown_step() -> str:
    """What is shown for a layer whose line of the history is not known."""
    return tr("no history")


def layer_note(layer: SharedLayer, *, remote: bool) -> str:
    """Whether a place has a layer and with how many other images it is shared. *remote*: the image is elsewhere."""
    if layer.here is None:
        return ""
    if not layer.here:
        return tr("to fetch") if remote else ""
    count = len(layer.others)
    if count:
        return tr("shared with 1 image") if count == 1 else tr("shared with %n images", count)
    return tr("present") if remote else tr("only in this image")


def there(known: bool | None) -> str:
    """Whether the registry has a layer."""
    if known is None:
        return ""
    return tr("in the registry") if known else tr("not in the registry")


def tiny_digest(digest: str) -> str:
    """A digest in ten characters, for a narrow table: ``9bd6…f52a``; "" for none."""
    encoded = digest.rpartition(":")[2]
    return f"{encoded[:4]}…{encoded[-4:]}" if len(encoded) > 12 else encoded


def platform_text(platform: Platform | None) -> str:
    """A platform as its image names it, safe to show."""
    return tr("not named") if platform is None else text.safe(str(platform), 80)


def attests(found: Attestation) -> str:
    """Whose attestation it is."""
    if found.platform is not None:
        return tr("for {0}").format(platform_text(found.platform))
    return tr("for {0}").format(tiny_digest(found.subject)) if found.subject else tr("for an unknown image")


def platform_state(here: bool | None, *, remote: bool) -> str:
    """Whether the shown place has one platform of an image. *remote*: the image is in a registry."""
    if here is None:
        return ""
    if remote:
        return tr("in sync") if here else tr("only there")
    return tr("present") if here else tr("not stored")


def platforms_sentence(found: Inspected) -> str:
    """What a tag points to: one image, an index, or something else."""
    if not found.is_image:
        kind = artifact_name(found.artifact_type)
        return tr("This is not an image but an artifact: {0}.").format(kind) if kind else ""
    if not found.platforms and found.image_id and not found.digest:
        # Such an engine does not report whether the tag is of an index.
        return tr("The engine keeps this image for {0} only.").format(platform_text(found.platform))
    if not found.platforms:
        return tr("A single image, for {0}.").format(platform_text(found.platform))
    sizes = [one.size for one in found.platforms]
    count = len(sizes)
    whole = text.size(sum(size or 0 for size in sizes)) if None not in sizes else ""
    if whole:
        words = (
            tr("An index of 1 platform, {0}.")
            if count == 1
            else tr("An index of %n platforms, {0} in all.", count)
        )
        return words.format(whole)
    return tr("An index of 1 platform.") if count == 1 else tr("An index of %n platforms.", count)


def kept_sentence(place: str, platforms: Sequence[str]) -> str:
    """Which platforms of an index a place has."""
    if not platforms:
        return tr("{0} has none of them.").format(place)
    return tr("{0} has {1}.").format(place, ", ".join(platforms))
