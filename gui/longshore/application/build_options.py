"""The options of a build as words of a command line."""

from __future__ import annotations

from longshore.errors import LongshoreError
from longshore.oci.reference import Reference
from longshore.transfers.builds import Build


def build_words(build: Build) -> list[str] | None:
    """The options that ``docker build`` and ``longshore build`` share, without the platform; None if no line has them.

    A secret argument is named without its value, which both then take from the environment. A label can't be.
    """
    if build.hidden_labels():
        return None
    pairs: list[tuple[str, str]] = []
    for tag in build.tags:
        try:
            typed = tag.familiar if Reference.parse_input(tag.familiar) == tag else str(tag)
        except LongshoreError:
            return None
        pairs.append(("-t", typed))
    if build.dockerfile is not None:
        pairs.append(("-f", str((build.folder / build.dockerfile).absolute())))
    if build.target:
        pairs.append(("--target", build.target))
    secrets = build.secrets()
    for name, value in build.arguments.items():
        hidden = value is None or name in secrets
        pairs.append(("--build-arg", name if hidden else f"{name}={value}"))
    pairs += [("--label", f"{name}={value}") for name, value in build.labels.items()]
    if any(not value.isprintable() or value.startswith("-") for _, value in pairs):
        return None
    words = [word for pair in pairs for word in pair]
    words += ["--no-cache"] if build.no_cache else []
    return [*words, *(["--pull"] if build.pull else [])]
