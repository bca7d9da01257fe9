"""The errors for requests that an engine refuses, other than pulls and pushes."""

from __future__ import annotations

from longshore.errors import DiskFull, EngineFailure, ImageInUse, ImageUnknown, LongshoreError
from longshore.text import plain


def refusal(status: int, text: str, subject: str) -> LongshoreError:
    """The error for a response with *status* (0: in the stream) about the image *subject* (may be empty)."""
    lowered = text.lower()
    named = f"“{plain(subject, 120)}”" if subject else "the image"
    if "no space left on device" in lowered or "disk quota exceeded" in lowered:
        return DiskFull(
            "The engine's disk is full.",
            subject=subject,
            advice="Remove images that you no longer need, or enlarge the engine's disk.",
            detail=text,
        )
    if status == 404 or "no such image" in lowered or "image not known" in lowered:
        return ImageUnknown(
            f"The engine has no image {named}.",
            subject=subject,
            advice="It may have been removed or renamed: see the list.",
            detail=text,
        )
    if status == 409:
        if "container" in lowered:
            message = f"A container uses {named}."
            advice = "Remove the container first."
        elif "multiple repositories" in lowered or "more than one" in lowered:
            message = f"Several names point to {named}."
            advice = "Remove the names one by one."
        elif "child" in lowered:
            message = f"Other images are built on {named}."
            advice = "Remove them first."
        else:
            message = f"The engine reports that {named} is in use."
            advice = "Remove whatever uses it first; see the engine's message in the details."
        return ImageInUse(message, subject=subject, advice=advice, detail=text)
    if status == 403:
        return EngineFailure(
            "The engine does not allow this.",
            subject=subject,
            advice="Ask the engine's administrator.",
            detail=text,
        )
    return EngineFailure(
        "The engine could not do this.",
        subject=subject,
        advice="See the engine's message in the details.",
        detail=text,
    )
