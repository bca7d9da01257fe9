"""The tags of one repository as a registry lists them: pages of names, and details as they arrive."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot

from longshore.language import tr
from longshore.models import tag_choices
from longshore.models.columns import TagColumn
from longshore.models.row_table import RowTable
from longshore.models.signature_cells import TagSignatures
from longshore.models.state_cells import TagStates
from longshore.words import errors

if TYPE_CHECKING:
    from longshore.errors import LongshoreError
    from longshore.models.tag_row import TagRow
    from longshore.oci.reference import Reference
    from longshore.registry.listing import TagInfo
    from longshore.registry.model import TagDetails

_Item = Qt.ItemDataRole
#: Milliseconds of gathering details before the rows are sorted once for all of them, and the number of rows for
#: which it takes as long again.
_GATHER, _GATHER_ROWS = 120, 2000


class TagListing(RowTable["TagRow"]):
    """Base of the table of tags: what is listed, and which details are requested. GUI thread only."""

    #: (generation: int, tags: list[str]): the view shows these tags, and their details are not known.
    details_requested = Signal(int, object)
    #: (str): the sentence shown in place of rows has changed; see :attr:`note`.
    note_changed = Signal(str)
    #: dict[Reference, TagDetails] of tags that have become known, of which there are local images.
    details_known = Signal(object)
    #: (int): the images of the shown repository that no tag points to are needed; the generation.
    untagged_wanted = Signal(int)
    #: Rows were added or removed: :attr:`total`, :attr:`hidden_count` and :attr:`has_more` may have changed.
    counts_changed = Signal()

    _columns = TagColumn
    _numbers = frozenset({TagColumn.SIZE})

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._host = ""
        self._repository = ""
        self._generation = 0
        self._by_tag: dict[str, TagRow] = {}
        self._states = TagStates()
        #: The cells of the column Signature, and the requests for them.
        self.signatures = TagSignatures(self)
        self.signatures.changed.connect(self._signatures_changed)
        self._loading = False
        self._has_more = False
        self._expected: int | None = None
        self._error: LongshoreError | None = None
        self._note = ""
        self._show_digest_like = False
        self._span: tuple[int, int] | None = None
        self._gathered: set[TagRow] = set()
        self._disordered = False  # states have changed by which the rows are sorted
        self._counted: tuple[list[TagRow], int, int] = ([], 0, 0)
        self._gather = QTimer(self)
        self._gather.setSingleShot(True)
        self._gather.setInterval(_GATHER)
        self._gather.timeout.connect(self.settle_details)
        self._update_note()

    # -- listing

    @property
    def generation(self) -> int:
        """The number of the listing; results for an older one are ignored."""
        return self._generation

    @property
    def host(self) -> str:
        """The registry, "" if no repository is shown."""
        return self._host

    @property
    def repository(self) -> str:
        """The path of the repository, "" if none is shown."""
        return self._repository

    @property
    def has_more(self) -> bool:
        """True if more tags are still to be listed."""
        return self._has_more

    @property
    def loading(self) -> bool:
        """True while a listing runs."""
        return self._loading

    @property
    def error(self) -> LongshoreError | None:
        """Why the tags could not be listed."""
        return self._error

    @property
    def note(self) -> str:
        """The sentence to show if there are no rows; empty if there are rows."""
        return self._note

    @property
    def expected(self) -> int | None:
        """The number of tags that the registry reports, None if it reports none."""
        return self._expected

    @property
    def shown_count(self) -> int:
        """The number of tags without those hidden by the toggle."""
        hidden, untagged = self._count()
        if tag_choices.UNTAGGED in self.chosen:
            untagged = 0
        return self.total - untagged - (0 if self._show_digest_like else hidden)

    @property
    def awaited_details(self) -> int:
        """The number of tags whose details were requested but have not arrived yet."""
        return sum(row.asked and row.details is None and row.error is None for row in self._all)

    @property
    def hidden_count(self) -> int:
        """The number of digest-like tags."""
        return self._count()[0]

    def _count(self) -> tuple[int, int]:
        """Return the number of digest-like tags and of images that no tag points to; counted once per listing."""
        if self._counted[0] is not self._all:
            digest_like = sum(row.digest_like for row in self._all)
            self._counted = self._all, digest_like, sum(row.untagged for row in self._all)
        return self._counted[1:]

    def reset(self, host: str, repository: str) -> int:
        """Show *repository* of *host*, and return the generation that its tags must have.

        The rows of the same repository stay until the new listing replaces them. An empty *host* shows nothing.
        """
        self._generation += 1
        self._gather.stop()
        self._gathered.clear()
        self._disordered = False
        self._error = None
        self._expected = None
        self._loading = bool(host)
        self._has_more = False
        self.signatures.begin(self._generation, (host, repository))
        if (host, repository) == (self._host, self._repository):
            for row in self._all:
                row.stale, row.asked = True, False
        else:
            self._host, self._repository = host, repository
            self._states.show(host, repository)
            self._sieve = self._sieve_for(self._filter)
            self._span = None
            self.beginResetModel()
            self._all, self._ordered, self._rows, self._by_tag = [], [], [], {}
            self.endResetModel()
        self._update_note()
        self.counts_changed.emit()
        return self._generation

    def append_tags(
        self,
        generation: int,
        tags: Sequence[str | TagInfo],
        has_more: bool,
        total: int | None = None,
    ) -> None:
        """Add a page of tags, as names or with the vendor's data. A stale *generation* is ignored.

        Complete details are not requested again. *total*: the number of tags on all pages, None if unknown.
        """
        if generation != self._generation or not self._host:
            return
        from longshore.models.tag_row import TagRow  # needed with the first tags, not at start

        changed: set[TagRow] = set()
        for tag in tags:
            name = tag if isinstance(tag, str) else tag.name
            row = self._by_tag.get(name)
            if row is None:
                if not TagRow.can_show(name):
                    continue  # it could not be pulled
                row = self._by_tag[name] = TagRow(name)
            if not isinstance(tag, str) and tag.details is not None:
                row.set_details(tag.details)
                row.asked = tag.complete
                changed.add(row)
            row.stale = False
        if not has_more:
            self._by_tag = {name: row for name, row in self._by_tag.items() if not row.stale}
        self._loading = self._has_more = has_more
        if total is not None or not has_more:
            self._expected = total
        self._all = sorted(self._by_tag.values(), key=lambda row: row.natural, reverse=True)
        self._arrange()
        self._tell_changed(changed)
        self._tell_details(changed)
        self._update_note()
        self.counts_changed.emit()
        self._want_again()
        if not has_more and tag_choices.UNTAGGED in self.chosen:
            self.untagged_wanted.emit(self._generation)  # the listing was refreshed

    def fail(self, generation: int, error: LongshoreError) -> None:
        """End the listing with *error*; loaded rows stay."""
        if generation == self._generation:
            self._error = error
            self._loading = self._has_more = False
            self._update_note()
            self.counts_changed.emit()

    def set_details(self, generation: int, *details: TagDetails) -> None:
        """Set the details of tags. Rows change at once, and move a moment later together with others."""
        if generation != self._generation:
            return
        for one in details:
            row = self._by_tag.get(one.tag)
            if row is not None:
                row.set_details(one)
                self._gathered.add(row)
        self._start_gathering()

    def _start_gathering(self) -> None:
        if (self._gathered or self._disordered) and not self._gather.isActive():
            self._gather.start(_GATHER * (1 + len(self._all) // _GATHER_ROWS))

    def details_failed(self, generation: int, tag: str, error: LongshoreError) -> None:
        """Note that the details of *tag* are not available; its row says so."""
        row = self._by_tag.get(tag)
        if generation == self._generation and row is not None:
            row.error = error
            self._tell_changed({row})

    def settle_details(self) -> None:
        """Show the details that arrived, and sort once for all of them. Runs by itself a moment after they arrive."""
        self._gather.stop()
        gathered, self._gathered = self._gathered, set()
        disordered, self._disordered = self._disordered, False
        if gathered:
            self._tell_changed(gathered)
            self._tell_details(gathered)
            if self._span is not None:
                self.signatures.look(self._rows[max(self._span[0], 0) : self._span[1] + 1])
            self.counts_changed.emit()
        elif not disordered:
            return
        if self._sort_column == TagColumn.STATE and not self._sieve and not self._chosen:
            if disordered:  # details change nothing about this order
                self._arrange()
                self._want_again()
        elif self._sort_column != TagColumn.TAG or self._sieve or self._chosen:
            self._arrange()
            self._want_again()

    def _tell_details(self, rows: Iterable[TagRow]) -> None:
        local = [row for row in rows if row.tag in self._states.local and row.details is not None]
        if local:
            self.details_known.emit({self.reference_of(row): row.details for row in local})

    def want_details(self, first: int, last: int) -> None:
        """Request the missing details of the rows *first* to *last*, which the view shows."""
        self._span = (first, last)
        self._want_again()

    def _want_again(self) -> None:
        if self._span is None:
            return
        first, last = self._span
        self._ask(self._rows[max(first, 0) : last + 1])
        self.signatures.look(self._rows[max(first, 0) : last + 1])

    @Slot(object)
    def _signatures_changed(self, tags: Iterable[str] | None) -> None:
        rows = self._all if tags is None else [self._by_tag[tag] for tag in tags if tag in self._by_tag]
        self._tell_changed(set(rows), TagColumn.SIGNATURE, TagColumn.SIGNATURE)
        if self._sort_column == TagColumn.SIGNATURE:
            self._arrange()
        if tags is None:
            self._want_again()

    def want_all_details(self) -> None:
        """Request all missing details: an order by date or size is correct only if all are known."""
        self._ask(self._rows)

    def _ask(self, rows: Iterable[TagRow]) -> None:
        missing = [row for row in rows if not row.asked]
        for row in missing:
            row.asked = True
        if missing:
            self.details_requested.emit(self._generation, [row.tag for row in missing])

    def _update_note(self) -> None:
        note = ""
        if not self._rows:
            if not self._host:
                note = tr("Select a repository to see its tags")
            elif self._error is not None:
                note = errors.message(self._error)
            elif self._loading:
                note = tr("Loading tags…")
            elif self._all and (self._sieve or self._chosen):
                note = tr("No tag matches the filter")
            elif self._all:
                note = tr("Only digest tags, which are hidden")
            else:
                note = tr("This repository has no tags")
        if note != self._note:
            self._note = note
            self.note_changed.emit(note)

    def set_untagged(self, generation: int, found: Sequence[TagDetails]) -> None:
        """Add the images that no tag points to. A stale *generation* is ignored."""
        if generation != self._generation:
            return
        from longshore.models.tag_row import TagRow

        for details in found:
            row = self._by_tag.get(details.digest) or TagRow(details.digest)
            row.set_details(details)
            row.asked, row.stale = True, False
            self._by_tag[details.digest] = row
        self._all = sorted(self._by_tag.values(), key=lambda row: row.natural, reverse=True)
        self._arrange()
        self._update_note()
        self.counts_changed.emit()

    def reference_of(self, row: TagRow) -> Reference:
        """Return the full reference of *row*."""
        return row.reference(self._host, self._repository)
