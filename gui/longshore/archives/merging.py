"""Merges the two lists of an archive: docker's ``manifest.json`` and the OCI layout's ``index.json``.

The second keeps the digests, and is used where both agree. Where they differ docker's list wins, as in ``docker load``:
engines 25.0 to 28 have written indexes that omit images or have the layers in another order (moby 47065, 47150, 47232,
51389).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from longshore.archives.model import Archived, Oddity, Remark
from longshore.archives.scan import Contents
from longshore.errors import InvalidReference
from longshore.oci.digest import short
from longshore.oci.reference import Reference
from longshore.text import plain

#: The number of names and digests that a remark shows.
_SHOWN = 3


def references_of(tags: Sequence[str]) -> tuple[Reference, ...]:
    """The valid names, each once."""
    found = []
    for text in tags:
        try:
            found.append(Reference.parse(text).with_default_tag())
        except InvalidReference:
            continue
    return tuple(dict.fromkeys(found))


def merged(oci: Sequence[Archived], docker: Sequence[Archived]) -> tuple[list[Archived], bool]:
    """All images of both lists, each once; and whether docker's list had to correct the other."""
    names: dict[str, tuple[Reference, ...]] = {}
    owners: dict[Reference, str] = {}
    for entry in docker:
        config = entry.images[0].manifest.config.digest
        names[config] = (*names.get(config, ()), *entry.references)
        owners |= dict.fromkeys(entry.references, config)
    configs = [{image.manifest.config.digest for image in entry.images} for entry in oci]
    kept = [
        tuple(name for name in entry.references if owners.get(name) in (None, *here))
        for entry, here in zip(oci, configs, strict=True)
    ]
    differ = any(len(own) < len(entry.references) for own, entry in zip(kept, oci, strict=True))
    known = {name for own in kept for name in own}
    found: list[Archived] = []
    for entry, own in zip(oci, kept, strict=True):
        more = (
            name
            for image in entry.images
            for name in names.pop(image.manifest.config.digest, ())
            if name not in known
        )
        found.append(replace(entry, references=tuple(dict.fromkeys((*own, *more)))))
    covered: set[str] = set().union(*configs)
    for entry in docker:
        if entry.images[0].manifest.config.digest not in covered:
            found.append(entry)
            differ = True
    return found, differ


def joined(found: Sequence[Archived]) -> Iterator[Archived]:
    """The images, each once: an index lists an image once per name."""
    rows: dict[str, list[Archived]] = {}
    for entry in found:
        rows.setdefault(entry.top.digest, []).append(entry)
    for same in rows.values():
        names = tuple(dict.fromkeys(name for entry in same for name in entry.references))
        ref_names = tuple(dict.fromkeys(name for entry in same for name in entry.ref_names))
        yield replace(same[0], references=names, ref_names=ref_names)


def remarks_on(contents: Contents, *, differ: bool, absent: Sequence[str]) -> tuple[Remark, ...]:
    """The oddities of a usable archive, to show to the user."""
    found = []
    if differ:
        found.append(Remark(Oddity.LISTS_DIFFER))
    if absent:
        found.append(Remark(Oddity.ABSENT, _some([short(digest) for digest in absent])))
    if contents.twice:
        found.append(Remark(Oddity.TWICE, _some(contents.twice)))
    if contents.ignored:
        found.append(Remark(Oddity.IGNORED, _some(contents.ignored)))
    return tuple(found)


def _some(texts: Sequence[str]) -> str:
    more = ", …" if len(texts) > _SHOWN else ""
    return ", ".join(plain(text, 120) for text in texts[:_SHOWN]) + more
