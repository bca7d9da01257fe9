"""One row of the table of tags: the data of a tag and the text of its cells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from longshore.errors import LongshoreError
from longshore.language import tr
from longshore.models import sieve
from longshore.models.columns import TagColumn
from longshore.models.row_table import TableRow
from longshore.naturalsort import natural_key
from longshore.oci.attached_tags import is_digest_like
from longshore.oci.grammar import valid_tag
from longshore.oci.manifest import MANIFESTS
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.words import errors, text, times

if TYPE_CHECKING:
    from longshore.registry.model import TagDetails


class TagRow(TableRow):
    """One tag.

    *asked*: its details were already requested in this listing. *stale*: this listing has not returned it yet.
    """

    __slots__ = ("_keys", "asked", "details", "digest_like", "error", "natural", "stale", "tag", "untagged")

    def __init__(self, tag: str) -> None:
        super().__init__(sieve.haystack([tag]))
        self.tag = tag
        self.natural = natural_key(tag)
        #: Precomputed sort keys by column.
        self._keys: tuple[Any, ...] = (self.natural, None, None, None, None)
        self.digest_like = is_digest_like(tag)
        #: No tag points to the image; *tag* is its digest, which no tag can be.
        self.untagged = ":" in tag
        self.details: TagDetails | None = None
        self.error: LongshoreError | None = None
        self.asked = False
        self.stale = False

    @staticmethod
    def can_show(tag: str) -> bool:
        """Return True if *tag*, as listed by a registry, can be pulled."""
        return valid_tag(tag)

    def reference(self, host: str, repository: str) -> Reference:
        """Return the full reference, with the tag, or with the digest of an image without one."""
        if self.untagged:
            return Reference(host, repository, None, self.tag)
        return Reference(host, repository, self.tag)

    def set_details(self, details: TagDetails) -> None:
        """Set the registry's details of the tag."""
        self.details = details
        self.error = None
        self.haystack = sieve.haystack([self.tag, details.digest])
        created = None if details.created is None else times.aware(details.created).timestamp()
        # Ten thousand rows are sorted repeatedly while details arrive, so the keys are computed once.
        self._keys = (self.natural, details.digest or None, details.size, None, created)

    def sort_key(self, column: int) -> Any:
        """Return the sort key of the row in *column*, None if it is unknown."""
        if column == TagColumn.PLATFORMS:
            known = () if self.details is None else self.details.platforms
            return tuple(platform_text(one) for one in known) or None
        return self._keys[column]

    def text(self, column: int) -> str:
        """Return the text of the cell in *column*."""
        if column == TagColumn.TAG:
            return text.short_digest(self.tag) if self.untagged else self.tag
        details = self.details
        if details is None:
            return tr("can't be read") if self.error is not None and column == TagColumn.DIGEST else ""
        if column == TagColumn.DIGEST:
            return text.short_digest(details.digest)
        if column == TagColumn.SIZE:
            return text.size(details.size)
        if column == TagColumn.PLATFORMS:
            return "  ".join(platform_text(one) for one in details.platforms)
        return times.age(details.created)

    @property
    def short_age(self) -> str:
        """The age of the tag in its shortest form."""
        return times.short_age(None if self.details is None else self.details.created)

    def whole(self, column: int) -> str:
        """Return the full text of the cell in *column* (not of the tag's own cell, which needs the repository)."""
        details = self.details
        if details is None:
            return errors.told(self.error) if self.error is not None else ""
        if column == TagColumn.DIGEST:
            return text.safe(details.digest)
        if column == TagColumn.SIZE:
            return tr("{size} compressed").replace("{size}", text.size(details.size)) if details.size else ""
        if column == TagColumn.PLATFORMS:
            return ", ".join(text.safe(str(one)) for one in details.platforms)
        return times.moment_text(details.created)

    @property
    def kind(self) -> str:
        """What it is, as far as that is known: ``untagged``, ``signatures`` (attestations and SBOMs, too),
        ``artifacts``, ``images``.

        An image's configuration names its platform, a chart's has none.
        """
        details = self.details
        if self.untagged:
            return "untagged"
        if self.digest_like:
            return "signatures"
        if details is None or details.platforms or not details.config or details.media_type not in MANIFESTS:
            return "images"
        return "artifacts"


def platform_text(platform: Platform) -> str:
    """Return a platform in short form, without the usual ``linux/``."""
    name = str(platform).removeprefix("linux/")
    return text.safe("arm64" if name == "arm64/v8" else name)
