"""The mirror sheet: a repository, or its tags that match a pattern, is compared and copied, or saved as a rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from longshore.application.mirrors.plan import MirrorPlan, MirrorTag, TagState
from longshore.application.mirrors.rules import MirrorRule
from longshore.errors import LongshoreError
from longshore.models.tooltips import tooltip
from longshore.oci.known_platforms import parse_known
from longshore.oci.reference import DOCKER_HUB, Reference
from longshore.registry.config import parse_registry
from longshore.transfers.transfer import TransferRequest
from longshore.widgets.dialogs.sheet import TABLE_ROW, Sheet, sheet_table
from longshore.widgets.dialogs.targets import default_path
from longshore.widgets.notices import plain_label
from longshore.widgets.theme import current_theme
from longshore.words import errors, text

#: Milliseconds between the last key press and asking both registries.
ASK_AFTER = 500
#: Maximum tags to list; the summary counts all of them.
MOST_ROWS = 1000
_VISIBLE = 7


class MirrorSheet(Sheet):
    """Asks for target and tags and shows what would be copied. *saving*: only saves the rule."""

    plan_requested = Signal(object)  # MirrorRule; answer with tell and show_plan
    plan_cancelled = Signal()  # cancels the last plan_requested
    transfers_requested = Signal(object)  # list[TransferRequest]
    save_requested = Signal(object)  # MirrorRule

    def __init__(
        self,
        parent: QWidget | None,
        source: Reference,
        registries: Sequence[tuple[str, str]],  # host, user
        host: str,
        repository: str = "",
        *,
        rule: MirrorRule | None = None,
        saving: bool = False,
    ) -> None:
        title = self.tr("Mirror {0}").format(source.familiar_name)
        super().__init__(parent, title, self.tr("Save") if saving else self.tr("Copy"), width=720)
        self._source = source.with_tag(None).with_digest(None)
        self._edited_rule = rule
        self._saving = saving
        self._users = dict(registries)
        self._plan: MirrorPlan | None = None
        self._edited = rule is not None or bool(repository)
        form = self.form()
        self.host = QComboBox()
        self.host.setEditable(True)
        self.host.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.host.setAccessibleName(self.tr("Registry"))
        self.host.addItems([known for known, _ in registries])
        self.path = QLineEdit()
        self.path.setAccessibleName(self.tr("Repository"))
        self.path.setMaxLength(500)
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(self.host, 2)
        line.addWidget(self.path, 3)
        form.addRow(self.tr("To"), line)
        # Docker Hub counts the manifests that comparing reads, so there the tags must be named first.
        every = "" if source.domain == DOCKER_HUB else "*"
        self.tags = QLineEdit(" ".join(rule.tags) if rule else every)
        self.tags.setAccessibleName(self.tr("Tags to copy"))
        self.tags.setPlaceholderText("1.*  v2*  !*-rc*")
        self.tags.setToolTip(
            self.tr("Patterns such as 1.* or v[0-9]*; a pattern that starts with ! excludes tags.")
        )
        form.addRow(self.tr("Tags"), self.tags)
        self.platforms = QLineEdit(" ".join(map(str, rule.platforms)) if rule else "")
        self.platforms.setAccessibleName(self.tr("Platforms"))
        self.platforms.setPlaceholderText(self.tr("all platforms, unchanged; or linux/amd64 linux/arm64"))
        form.addRow(self.tr("Platforms"), self.platforms)
        self.referrers = QCheckBox(self.tr("Include signatures and SBOMs"))
        self.referrers.setChecked(bool(rule and rule.referrers))
        form.addRow("", self.referrers)
        self.name = QLineEdit(rule.name if rule else "")
        self.name.setAccessibleName(self.tr("Name of the rule"))
        self.name.setPlaceholderText(self.tr("Optional: save as a reusable rule"))
        self.name.setMaxLength(100)
        form.addRow(self.tr("Rule"), self.name)
        self.table = self._make_table()
        self.body.addWidget(self.table, 1)
        self.summary = plain_label("", "dim", wrap=True)
        self.body.addWidget(self.summary)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(ASK_AFTER)
        self._timer.timeout.connect(self._ask)
        self.host.setCurrentText(rule.destination.domain if rule else host)
        self.path.setText(rule.destination.path if rule else repository or self._offered())
        self.host.currentTextChanged.connect(self._host_changed)
        self.path.textEdited.connect(self._path_edited)
        for field in (self.path, self.tags, self.platforms):
            field.textChanged.connect(self._changed)
        self.referrers.toggled.connect(self._changed)
        self.finished.connect(lambda _: self.plan_cancelled.emit())
        self.tags.setFocus()
        self._changed()

    def _make_table(self) -> QTableWidget:
        table = sheet_table(
            self.tr("Plan"),
            [self.tr("Tag"), self.tr("Result"), self.tr("Size"), self.tr("To copy")],
            numbers=(2, 3),
        )
        header = table.horizontalHeader()
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.resizeSection(1, 220)
        header.resizeSection(2, 110)
        header.resizeSection(3, 110)
        table.setFixedHeight(_VISIBLE * TABLE_ROW + header.sizeHint().height() + 6)
        return table

    # -- the rule

    def _offered(self) -> str:
        host = self.host.currentText().strip()
        return default_path(self._source, host, "", alone=True, user=self._users.get(host, ""))

    def _host_changed(self) -> None:
        if not self._edited:
            self.path.setText(self._offered())
        self._changed()

    def _path_edited(self) -> None:
        self._edited = True

    def rule(self, name: str = "") -> MirrorRule:
        """Return the rule that the fields describe. Raises LongshoreError."""
        host = parse_registry(self.host.currentText().strip()).host
        path = self.path.text().strip()
        target = Reference.parse(path if host == DOCKER_HUB else f"{host}/{path}")
        if host == DOCKER_HUB and target.domain != DOCKER_HUB:
            target = Reference(host, path)
        made = MirrorRule(
            name=name or self.name.text().strip() or self._source.familiar_name,
            source=self._source,
            destination=target.with_tag(None).with_digest(None),
            tags=tuple(self.tags.text().replace(",", " ").split()),
            platforms=tuple(parse_known(words) for words in self.platforms.text().replace(",", " ").split()),
            referrers=self.referrers.isChecked(),
        )
        if self._edited_rule is None:
            return made
        kept = self._edited_rule  # the sheet has no fields for the rest
        return replace(made, newest=kept.newest, minimum_age_days=kept.minimum_age_days, extras=kept.extras)

    def _changed(self) -> None:
        self._plan = None
        self.plan_cancelled.emit()
        self.table.setRowCount(0)
        if not self.tags.text().strip():
            self._timer.stop()
            self.show_problem(None)
            self.confirm.setEnabled(False)
            self.summary.setText(
                self.tr("Enter the tags to copy: patterns such as 1.* or v2*, or * for all.")
            )
            return
        try:
            self.rule()
        except LongshoreError as error:
            self._timer.stop()
            self.summary.setText("")
            self.show_problem(error)
            self.confirm.setEnabled(False)
            return
        self.show_problem(None)
        self.confirm.setEnabled(self._saving)
        self.summary.setText(self.tr("Comparing…"))
        self._timer.start()

    def _ask(self) -> None:
        self.plan_requested.emit(self.rule())

    # -- the plan

    def tell(self, done: int, total: int) -> None:
        """Show the progress of the plan."""
        self.summary.setText(self.tr("Comparing: {0} of {1} tags…").format(f"{done:,}", f"{total:,}"))

    def show_plan(self, found: MirrorPlan | LongshoreError) -> None:
        """Show what would be copied, or why that is unknown."""
        if isinstance(found, LongshoreError):
            self.summary.setText("")
            self.show_problem(found)
            return
        self._plan = found
        moving_first = sorted(found.tags, key=lambda tag: not (tag.copies or tag.error))
        self.table.setRowCount(min(len(moving_first), MOST_ROWS))
        for row, tag in enumerate(moving_first[:MOST_ROWS]):
            self._fill(row, tag)
        self.summary.setText(self._words(found))
        self.confirm.setEnabled(True)
        self.refit()

    def _fill(self, row: int, tag: MirrorTag) -> None:
        theme = current_theme()
        words, colour = {
            TagState.SAME: (self.tr("unchanged"), theme.dim),
            TagState.MISSING: (self.tr("new tag"), theme.text),
            TagState.DIFFERS: (self.tr("replaces existing"), theme.caution),
            TagState.UNSIGNED: (self.tr("signatures missing"), theme.text),
            TagState.UNREADABLE: (self.tr("can't be read"), theme.bad),
        }[tag.state]
        cells = (
            (text.safe(tag.tag), theme.dim if tag.state is TagState.SAME else theme.text, False),
            (words, colour, False),
            (text.size(tag.size) if tag.copies else "", theme.text, True),
            (text.size(tag.bytes_to_move) if tag.copies else "", theme.text, True),
        )
        for column, (shown, ink, right) in enumerate(cells):
            item = QTableWidgetItem(shown)
            item.setForeground(ink)
            if right:
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            if tag.error is not None:
                item.setToolTip(tooltip(errors.told(tag.error)) or "")
            self.table.setItem(row, column, item)

    def _words(self, plan: MirrorPlan) -> str:
        if not plan.tags:
            return self.tr("No tag matches.")
        counted = [
            (TagState.MISSING, self.tr("{0} new")),
            (TagState.DIFFERS, self.tr("{0} replaced")),
            (TagState.UNSIGNED, self.tr("{0} without signatures")),
            (TagState.SAME, self.tr("{0} unchanged")),
            (TagState.UNREADABLE, self.tr("{0} can't be read")),
        ]
        parts = [words.format(plan.count(state)) for state, words in counted if plan.count(state)]
        tags = self.tr("1 tag") if len(plan.tags) == 1 else self.tr("{0} tags").format(f"{len(plan.tags):,}")
        out = f"{tags}: {', '.join(parts)}."
        if plan.requests():
            out += " " + self.tr("{0} to copy.").format(text.size(plan.bytes_to_move) or "0 B")
        if len(plan.tags) > MOST_ROWS:
            out += " " + self.tr("The first {0} are listed.").format(f"{MOST_ROWS:,}")
        return out

    def planned(self) -> list[TransferRequest]:
        """Return the transfers of the plan; none before it is known."""
        return [] if self._plan is None else self._plan.requests()

    # -- the verb

    def check(self) -> bool:
        """Return True if there is something to copy or to save."""
        try:
            rule = self.rule()
        except LongshoreError as error:
            self.show_problem(error)
            return False
        named = bool(self.name.text().strip())
        if self._saving and not named:
            self.show_problem(self.tr("Enter a name for the rule."))
            self.name.setFocus()
            return False
        if not self._saving and self._plan is None:
            return False
        if self._plan is not None and not self._saving and not self._plan.requests() and not named:
            self.show_problem(self.tr("There is nothing to copy."))
            return False
        if named:
            self.save_requested.emit(rule)
        if not self._saving and self._plan is not None:
            self.transfers_requested.emit(self._plan.requests())
        return True
