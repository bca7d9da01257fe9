"""Sentences about the removal of local images: what is final, and what stays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from longshore.language import tr
from longshore.words import text

if TYPE_CHECKING:
    from longshore.application.removal import LocalRemoval


def effect(removals: Sequence[LocalRemoval], freed: str, *, library: bool = False) -> str:
    """Return what *removals* delete and what they keep; "" if images that run are all.

    *freed*: the size that deleting the images frees, "" if it is not known. *library*: they are removed from the
    library.
    """
    going = [one for one in removals if not one.running]
    images = {one.image.image_id for one in going}
    deleted = {one.image.image_id for one in going if one.last}
    kept = [one for one in going if one.staying]
    words = []
    if len(images) == 1 and len(going) > 1:
        words.append(tr("They are all references of one image."))
    if deleted:
        words.append(_deleted(len(deleted), len(images), freed))
        words.append(
            (
                tr("Undo cannot bring it back unless a registry has it.")
                if library
                else tr("Undo cannot bring it back unless a registry or the library has it.")
            )
            if len(deleted) == 1
            else (
                tr("Undo cannot bring them back unless a registry has them.")
                if library
                else tr("Undo cannot bring them back unless a registry or the library has them.")
            )
        )
    if kept and len(images) == 1:
        others = kept[0].staying
        words.append(
            tr("The image is kept: it has another reference.")
            if others == 1
            else tr("The image is kept: it has {0} other references.").format(f"{others:,}")
        )
    elif kept:
        words.append(tr("Images with other references are kept."))
    return " ".join(words)


def _deleted(number: int, images: int, freed: str) -> str:
    what = tr("the image") if number == images == 1 else text.images(number)
    if not freed:
        return tr("This deletes {what}.").replace("{what}", what)
    words = tr("This deletes {what} and frees {size}.")
    return words.replace("{what}", what).replace("{size}", freed)
