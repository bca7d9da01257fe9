"""Text about two images beside each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from longshore.application.comparing.values import ComparedPackages, Comparison, ConfigLine, LineKind, Side
from longshore.language import tr
from longshore.words import text

if TYPE_CHECKING:
    from longshore.application.inspection.values import Inspected

#: Most characters of a value.
LONGEST = 2_000


def verdict(compared: Comparison) -> str:
    """Return whether both are one image, in one sentence."""
    if compared.same:
        return tr("Both are the same image.")
    both = compared.count(Side.BOTH)
    if not both:
        return tr("They share no layer.")
    sized = compared.bytes_of(Side.BOTH)
    words = tr("1 layer is the same") if both == 1 else tr("{0} layers are the same").format(both)
    return f"{words}, {text.size(sized)}." if sized is not None else f"{words}."


def fetched(compared: Comparison, wanted: Side) -> str:
    """Return what a pull of the image on side *wanted* fetches where the other one is, in one sentence."""
    number, one = (
        (compared.fetch_left, compared.left)
        if wanted is Side.LEFT
        else (compared.fetch_right, compared.right)
    )
    if number is None and one.size_compressed is None:
        return (
            tr("What a pull of the left image fetches is not known: an engine reports no compressed sizes.")
            if wanted is Side.LEFT
            else tr(
                "What a pull of the right image fetches is not known: an engine reports no compressed sizes."
            )
        )
    shown = tr("an unknown number of bytes") if number is None else text.size(number)
    if number == 0:
        shown = tr("nothing")
    words = (
        tr("Pulling the left image fetches {0} if the right one is there.")
        if wanted is Side.LEFT
        else tr("Pulling the right image fetches {0} if the left one is there.")
    )
    return words.format(shown)


def side(where: Side) -> str:
    """Return the word for *where* a layer or a package is."""
    return {Side.BOTH: tr("same"), Side.LEFT: tr("only left"), Side.RIGHT: tr("only right")}[where]


def what(found: Inspected) -> str:
    """Return what an image is, in a few words: its platform, or the type of an artifact."""
    if found.artifact_type:
        return text.safe(found.artifact_type, 120)
    return "" if found.platform is None else text.safe(str(found.platform), 60)


def line_name(line: ConfigLine) -> str:
    """Return the name of a line of the configuration: ``Entrypoint``, ``PATH``."""
    return text.safe(line.name, 200) or {
        LineKind.TYPE: tr("Type"),
        LineKind.PLATFORM: tr("Platform"),
        LineKind.PLATFORMS: tr("Platforms"),
        LineKind.CREATED: tr("Created"),
        LineKind.AUTHOR: tr("Author"),
        LineKind.ENTRYPOINT: tr("Entrypoint"),
        LineKind.COMMAND: tr("Command"),
        LineKind.USER: tr("User"),
        LineKind.WORKING_DIRECTORY: tr("Directory"),
        LineKind.PORTS: tr("Ports"),
        LineKind.VOLUMES: tr("Volumes"),
        LineKind.HEALTH_CHECK: tr("Health check"),
        LineKind.STOP_SIGNAL: tr("Stop signal"),
        LineKind.SHELL: tr("Shell"),
        LineKind.ON_BUILD: tr("On build"),
    }.get(line.kind, "")


def group_name(kind: LineKind) -> str:
    """Return what kind of line it is, for those with names of their own: ``Variable``; "" for the others."""
    return {
        LineKind.VARIABLE: tr("Variable"),
        LineKind.LABEL: tr("Label"),
        LineKind.ANNOTATION: tr("Annotation"),
        LineKind.SETTING: tr("Setting"),
    }.get(kind, "")


def value(shown: str | None) -> str:
    """Return a value as one line, safe to show; a dash if there is none."""
    return "–" if shown is None else text.safe(shown, LONGEST)


def no_packages(found: ComparedPackages) -> str:
    """Return why no packages are compared; "" if they are."""
    if found.missing is None:
        return "" if found.packages else tr("The SBOMs name no packages.")
    return {
        Side.BOTH: tr("Neither image has an SBOM attached."),
        Side.LEFT: tr("The left image has no SBOM attached."),
        Side.RIGHT: tr("The right image has no SBOM attached."),
    }[found.missing]


def counted() -> str:
    """Return what reading the images cost on Docker Hub."""
    return tr("Docker Hub counts reading an image as a pull.")
