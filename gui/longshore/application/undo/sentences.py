"""Why a tag cannot be put back, in sentences."""

from __future__ import annotations

from longshore.errors import (
    ImageInUse,
    ImageUnknown,
    LongshoreError,
    NotInLibrary,
    NotInRegistry,
    Sentence,
    TagMoved,
)

#: The record does not say what to go back to.
UNKNOWN: Sentence[LongshoreError] = Sentence(
    LongshoreError,
    "It is not known what the tag {tag} pointed to before.",
    "Look in its tag history for the digest to put back.",
)
#: Nothing would change.
SAME: Sentence[LongshoreError] = Sentence(LongshoreError, "The tag {tag} already points to this image.")
NO_TAG: Sentence[LongshoreError] = Sentence(LongshoreError, "The tag {tag} does not exist any more.")
UNDONE: Sentence[LongshoreError] = Sentence(LongshoreError, "This change was undone.")
#: The content is gone.
GONE: Sentence[NotInRegistry] = Sentence(
    NotInRegistry,
    "The registry no longer has the image {digest}, and no other place that Longshore knows has it.",
    "A registry's garbage collection deletes images without tags. Push it again from where it was built.",
)
INCOMPLETE: Sentence[NotInRegistry] = Sentence(
    NotInRegistry,
    "The registry no longer has all of the image {digest}, and no other place that Longshore knows has it.",
    "A registry's garbage collection deletes what no tag needs. Push the image again from where it was built.",
)
NOT_IN_ENGINE: Sentence[ImageUnknown] = Sentence(
    ImageUnknown,
    "The engine no longer has the image {digest}, and no other place that Longshore knows has it.",
    "Build it or pull it again.",
)
NOT_IN_LIBRARY: Sentence[NotInLibrary] = Sentence(
    NotInLibrary,
    "The library no longer has the image {digest}, and no other place that Longshore knows has it.",
    "Pull it again.",
)
#: The tag was new, and cannot be taken away alone.
NOT_ALONE: Sentence[LongshoreError] = Sentence(
    LongshoreError,
    "The registry does not allow removing the tag {tag} alone.",
    "Remove the image with all its tags instead, or ask the registry's administrator to allow deletion.",
)
IN_USE: Sentence[ImageInUse] = Sentence(
    ImageInUse,
    "Removing the tag {tag} would delete its image, and containers use it.",
    "Remove the containers first.",
)
#: Somebody else was faster.
MOVED: Sentence[TagMoved] = Sentence(
    TagMoved, "The tag {tag} was changed meanwhile.", "Nothing was changed. Check again."
)
NOT_DONE: Sentence[TagMoved] = Sentence(
    TagMoved,
    "The tag {tag} does not point to the image that was put back.",
    "Someone else may have changed it.",
)
