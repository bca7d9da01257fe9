"""The table of tags: its order, its filters and its cells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QMimeData, QObject, Qt

from longshore.language import tr
from longshore.models import mime, ordering, sieve, tag_choices
from longshore.models.columns import Dress, Role, TagColumn
from longshore.models.row_table import Index, RowChoice
from longshore.models.signature_cells import SIGNATURE_ROLES, signature_hint
from longshore.models.state_cells import STATE_ROLES, state_hint, state_text, state_tone
from longshore.models.tag_listing import TagListing
from longshore.models.tooltips import tooltip

if TYPE_CHECKING:
    from longshore.application.states import Compared
    from longshore.models.tag_row import TagRow
    from longshore.oci.reference import Reference

_Item = Qt.ItemDataRole
#: Columns whose text is not dim.
_PLAIN = frozenset({TagColumn.TAG, TagColumn.SIZE})


class TagModel(TagListing):
    """The tags of one repository. GUI thread only.

    The default order (column -1) is newest first once every date is known, and newest version first until then.
    """

    _columns = TagColumn
    _numbers = frozenset({TagColumn.SIZE})

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tells_untagged = False

    # -- order and filter

    def _sifted(self) -> None:
        self._update_note()

    def _sieve_for(self, words: str) -> sieve.Sieve:
        return sieve.for_tags(words, self._host, self._repository)

    def set_filter(self, words: str) -> None:
        super().set_filter(words)
        self._want_again()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        super().sort(column, order)
        self._want_again()

    def set_show_digest_like(self, shown: bool) -> None:
        """Show or hide (the default) signatures and other digest-like tags."""
        if shown != self._show_digest_like:
            self._show_digest_like = shown
            self._arrange()
            self._want_again()

    def _offered(self, rows: list[TagRow]) -> list[TagRow]:
        if "kind" in self._chosen:
            return rows
        every = self._show_digest_like
        return [row for row in rows if not row.untagged and (every or not row.digest_like)]

    def choices(self) -> list[RowChoice]:
        return tag_choices.choices(tells_untagged=self._tells_untagged)

    def set_tells_untagged(self, tells: bool) -> None:
        """Set whether the shown registry lists images that no tag points to."""
        self._tells_untagged = tells

    def _has(self, row: TagRow, key: str) -> bool:
        return key == f"kind:{row.kind}"

    def set_chosen(self, keys: Iterable[str]) -> None:
        before = tag_choices.UNTAGGED in self.chosen
        super().set_chosen(keys)
        if not before and tag_choices.UNTAGGED in self.chosen:
            self.untagged_wanted.emit(self._generation)
        self._want_again()

    def _default_order(self, rows: list[TagRow]) -> list[TagRow]:
        # With some dates missing, rows would jump up while the user scrolls and dates arrive.
        if any(row.sort_key(TagColumn.CREATED) is None for row in self._offered(rows)):
            return rows
        return ordering.ordered(rows, lambda row: row.sort_key(TagColumn.CREATED), descending=True)

    def _sort_key(self, row: TagRow, column: int) -> Any:
        if column == TagColumn.SIGNATURE:
            return self.signatures.order(row)
        return self._states.order(row.tag) if column == TagColumn.STATE else row.sort_key(column)

    def _sort_keys(self, rows: Sequence[TagRow], column: int) -> list[Any]:
        if column == TagColumn.STATE:
            return self._states.orders(row.tag for row in rows)
        return super()._sort_keys(rows, column)

    # -- comparison with the local images

    def set_states(
        self,
        states: Mapping[Reference, Compared | None],
        *,
        known: bool,
        changed: Iterable[Reference] | None = None,
    ) -> None:
        """Set the states of all local images, by reference; None while one is not known. *known*: the local images are
        known, so that all other tags are only there. *changed*: those that may have changed, None for all."""
        found = self._states.set(states, known=known, changed=changed)
        if found is None:
            rows = moved = set(self._all)
        else:
            rows, moved = ({self._by_tag[tag] for tag in tags if tag in self._by_tag} for tags in found)
        if rows:
            self._tell_changed(rows, TagColumn.STATE, TagColumn.STATE)
        if moved and self._sort_column == TagColumn.STATE:
            self._disordered = True  # sorted a moment later, together with others
            self._start_gathering()

    # -- content
    def refresh_ages(self) -> None:
        """Report to views that the ages have changed. The owner calls it about once a minute."""
        if self._rows:
            column = TagColumn.CREATED
            self.dataChanged.emit(self.index(0, column), self.index(len(self._rows) - 1, column))

    def _header(self, column: int, role: int) -> Any:
        if role == _Item.DisplayRole:
            return {
                TagColumn.TAG: tr("Tag"),
                TagColumn.DIGEST: tr("Digest"),
                TagColumn.SIZE: tr("Size"),
                TagColumn.PLATFORMS: tr("Platforms"),
                TagColumn.CREATED: tr("Created"),
                TagColumn.STATE: tr("State"),
                TagColumn.SIGNATURE: tr("Signature"),
            }[TagColumn(column)]
        if role == _Item.ToolTipRole and column == TagColumn.SIZE:
            return tr("Compressed size: what a pull downloads. It takes more space on disk.")
        if role == _Item.ToolTipRole and column == TagColumn.STATE:
            return state_hint()
        if role == _Item.ToolTipRole and column == TagColumn.SIGNATURE:
            return signature_hint()
        return None

    def _whole(self, row: TagRow, column: int) -> str:
        return self.reference_of(row).familiar if column == TagColumn.TAG else row.whole(column)

    def _dress(self, row: TagRow, column: int) -> Dress:
        if column == TagColumn.STATE:
            state = self._states.state(row.tag)
            return Dress(state_text(state), state_tone(state), dim=True)
        if column == TagColumn.SIGNATURE:
            return super()._dress(row, column)
        return Dress(
            row.text(column),
            strong=column == TagColumn.TAG and not row.untagged,
            dim=column not in _PLAIN,
            fixed_width=column == TagColumn.DIGEST and row.details is not None,
        )

    def _value(self, row: TagRow, column: int, role: int) -> Any:
        if column == TagColumn.STATE and role in STATE_ROLES:
            return self._states.value(self.reference_of(row), role)
        if column == TagColumn.SIGNATURE and role in SIGNATURE_ROLES:
            return self.signatures.value(row, self.reference_of(row), role)
        if role in (_Item.DisplayRole, _Item.AccessibleTextRole):
            return row.text(column)
        if role == _Item.ToolTipRole:
            return tooltip(self._whole(row, column))
        if role == _Item.AccessibleDescriptionRole:
            return self._whole(row, column)
        if role == Role.REFERENCE:
            return self.reference_of(row)
        if role == Role.TAG:
            return "" if row.untagged else row.tag
        if role == Role.HOST:
            return self._host
        if role == Role.REPOSITORY:
            return self._repository
        if role == Role.DETAILS:
            return row.details
        if role == Role.DIGEST:
            return row.details.digest if row.details is not None else ""
        if role == Role.ERROR:
            return row.error
        if role == Role.STATE:
            return self._states.state(row.tag)
        if role == Role.SORT:
            return self._sort_key(row, column)
        if role == Role.SHORT and column == TagColumn.CREATED:
            return (row.short_age,) if row.details is not None else ()
        if role == Role.COPY_TEXT:
            return self.reference_of(row).familiar
        if role == Role.STRONG:
            return column == TagColumn.TAG and not row.untagged
        if role == Role.DIM:
            return column not in _PLAIN
        if role == Role.FIXED_WIDTH:
            return column == TagColumn.DIGEST and row.details is not None
        return None

    # -- drag

    def mimeTypes(self) -> list[str]:
        return [mime.REFERENCES, mime.PLAIN]

    def mimeData(self, indexes: Iterable[Index]) -> QMimeData:
        return mime.encode_references(self.reference_of(row) for row in self._rows_of(indexes))
