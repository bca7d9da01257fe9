"""The cells of the column Signature in Tags."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Qt, Signal

from longshore.language import tr
from longshore.models.columns import Role, Tone
from longshore.models.tooltips import tooltip

if TYPE_CHECKING:
    from longshore.application.signatures.verifying import Verdict
    from longshore.models.tag_row import TagRow
    from longshore.oci.reference import Reference

_Item = Qt.ItemDataRole
#: Roles that the column answers by itself.
SIGNATURE_ROLES = frozenset(
    {
        _Item.DisplayRole,
        _Item.AccessibleTextRole,
        _Item.ToolTipRole,
        _Item.AccessibleDescriptionRole,
        Role.TONE,
    }
)
#: The tone and the place in the order of each state, by its value: what needs attention comes first.
_CELLS = {
    "broken": (Tone.BAD, 0),
    "unverified": (Tone.OUTLINE, 1),
    "unknown": (Tone.OUTLINE, 2),
    # Plain dim text: most images are not signed.
    "unsigned": (Tone.NONE, 3),
    "signed": (Tone.GOOD, 4),
}


def signature_hint() -> str:
    """Return the tooltip of the header."""
    return tr("Whether the image is signed by one of your keys. Add keys with Keys… of the registry.")


class TagSignatures(QObject):
    """The verdicts on the tags of one repository, as far as they are known. GUI thread.

    Nothing is requested unless the column is visible.
    """

    #: (generation: int, list[tuple[str, Descriptor]]): the view shows these tags, and nothing is known of their
    #: signatures.
    requested = Signal(int, object)
    changed = Signal(object)  # set[str] of tags, or None for all

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._shown = False
        self._generation = 0
        self._place = ("", "")
        self._verdicts: dict[str, Verdict] = {}
        #: Digests by tag that were requested.
        self._asked: dict[str, str] = {}

    def show(self, shown: bool) -> None:
        """The column is visible, or not."""
        if shown != self._shown:
            self._shown = shown
            if shown:
                self.changed.emit(None)

    def begin(self, generation: int, place: tuple[str, str]) -> None:
        """A listing of the repository *place* begins: ask again. What is known of the same one stays until then."""
        self._generation = generation
        self._asked.clear()
        if place != self._place:
            self._place = place
            self._verdicts.clear()  # the same image may be signed elsewhere

    def forget(self) -> None:
        """Forget everything and ask again: the keys have changed."""
        self._verdicts.clear()
        self._asked.clear()
        self.changed.emit(None)

    def look(self, rows: Iterable[TagRow]) -> None:
        """Request what is not known of *rows*, which the view shows."""
        if not self._shown:
            return
        from longshore.oci.descriptor import Descriptor  # the column is seldom shown

        wanted = []
        for row in rows:
            details = row.details
            if details is None or row.digest_like or self._asked.get(row.tag) == details.digest:
                continue
            self._asked[row.tag] = details.digest
            wanted.append((row.tag, Descriptor(details.media_type, details.digest, 0)))
        if wanted:
            self.requested.emit(self._generation, wanted)

    def set(self, generation: int, verdicts: Iterable[tuple[str, Verdict]]) -> None:
        """Set verdicts on tags. Those of an older listing, and on what a tag pointed to before, are ignored."""
        if generation == self._generation:
            # A tag may have moved while it was verified, and the answers come in any order.
            fresh = {tag: one for tag, one in verdicts if self._asked.get(tag) == one.digest}
            self._verdicts.update(fresh)
            self.changed.emit(set(fresh))

    def order(self, row: TagRow) -> tuple[int, str] | None:
        """Return the sort key of *row*; None while its verdict is not known."""
        verdict = self._of(row)
        return None if verdict is None else (_CELLS[verdict.state.value][1], verdict.name)

    def value(self, row: TagRow, reference: Reference, role: int) -> Any:
        """Return the value of the cell of *row* for one of :data:`SIGNATURE_ROLES`."""
        verdict = self._of(row)
        if verdict is None:
            return Tone.NONE if role == Role.TONE else "" if role != _Item.ToolTipRole else None
        if role == Role.TONE:
            return _CELLS[verdict.state.value][0]
        from longshore.words import signatures

        if role in (_Item.DisplayRole, _Item.AccessibleTextRole):
            return signatures.state_text(verdict)
        words = signatures.explanation(verdict, reference.name)
        return tooltip(words) if role == _Item.ToolTipRole else words

    def _of(self, row: TagRow) -> Verdict | None:
        """The verdict on what the tag points to now."""
        verdict = self._verdicts.get(row.tag)
        details = row.details
        return (
            verdict
            if verdict is not None and details is not None and verdict.digest == details.digest
            else None
        )
