"""The mirror sheet: a repository, or its tags that match a pattern, is compared and copied, or saved as a rule."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QSpinBox,
    QWidget,
)

from longshore.application.mirrors.plan import RulePlan
from longshore.application.mirrors.repositories import Namespace, RepositoryPattern, check_repository
from longshore.application.mirrors.rules import LARGEST_NEWEST, LONGEST_AGE, Extras, MirrorRule
from longshore.errors import LongshoreError
from longshore.oci.known_platforms import parse_known
from longshore.oci.reference import DOCKER_HUB, Reference
from longshore.registry.config import parse_registry
from longshore.transfers.transfer import TransferRequest
from longshore.widgets.dialogs.mirror_plan import MirrorPlanTable
from longshore.widgets.dialogs.sheet import Sheet
from longshore.widgets.dialogs.target_names import default_path
from longshore.widgets.notices import plain_label

#: Milliseconds between the last key press and asking both registries.
ASK_AFTER = 500


class MirrorSheet(Sheet):
    """Asks for target and tags and shows what would be copied. *saving*: only saves the rule."""

    plan_requested = Signal(object)  # MirrorRule; answer with tell and show_plan
    plan_cancelled = Signal()  # cancels the last plan_requested
    transfers_requested = Signal(object)  # list[TransferRequest]
    deletions_requested = Signal(object)  # dict[MirrorRule, list[ExtraTag]], each rule for one repository
    save_requested = Signal(object)  # MirrorRule

    def __init__(
        self,
        parent: QWidget | None,
        source: Reference | RepositoryPattern,
        registries: Sequence[tuple[str, str]],  # host, user
        host: str,
        repository: str = "",
        *,
        rule: MirrorRule | None = None,
        saving: bool = False,
    ) -> None:
        title = self.tr("Mirror {0}").format(source.familiar_name)
        super().__init__(parent, title, self.tr("Save") if saving else self.tr("Copy"), width=720)
        self._source = source.with_tag(None).with_digest(None) if isinstance(source, Reference) else source
        self._saving = saving
        self._users = dict(registries)
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
        form.addRow(self.tr("Limits"), self._limits(rule))
        self.extras = QComboBox()
        self.extras.setAccessibleName(self.tr("Extra tags"))
        self.extras.addItem(self.tr("Keep"), Extras.KEEP)
        self.extras.addItem(self.tr("Offer to delete, with a backup tag"), Extras.DELETE)
        self.extras.setCurrentIndex(self.extras.findData(rule.extras if rule else Extras.KEEP))
        self.extras.setToolTip(self.tr("Tags of the destination that the source no longer has"))
        form.addRow(self.tr("Extra tags"), self.extras)
        self.name = QLineEdit(rule.name if rule else "")
        self.name.setAccessibleName(self.tr("Name of the rule"))
        self.name.setPlaceholderText(self.tr("Optional: save as a reusable rule"))
        self.name.setMaxLength(100)
        form.addRow(self.tr("Rule"), self.name)
        self._plan = MirrorPlanTable(self)
        self._plan.changed.connect(self._ticked)
        self.table = self._plan.table
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
        for number in (self.newest, self.age):
            number.valueChanged.connect(self._changed)
        self.extras.currentIndexChanged.connect(self._changed)
        self.finished.connect(lambda _: self.plan_cancelled.emit())
        self.tags.setFocus()
        self._changed()

    def _limits(self, rule: MirrorRule | None) -> QHBoxLayout:
        self.newest = QSpinBox()
        self.newest.setRange(0, LARGEST_NEWEST)
        self.newest.setSpecialValueText(self.tr("all"))
        self.newest.setAccessibleName(self.tr("Newest versions"))
        self.newest.setValue(rule.newest if rule else 0)
        self.age = QSpinBox()
        self.age.setRange(0, LONGEST_AGE)
        self.age.setSpecialValueText(self.tr("any"))
        self.age.setSuffix(self.tr(" days"))
        self.age.setAccessibleName(self.tr("Minimum age"))
        self.age.setValue(rule.minimum_age_days if rule else 0)
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(plain_label(self.tr("Newest versions")))
        line.addWidget(self.newest)
        line.addSpacing(12)
        line.addWidget(plain_label(self.tr("Minimum age")))
        line.addWidget(self.age)
        line.addStretch(1)
        return line

    # -- the rule

    def _offered(self) -> str:
        if isinstance(self._source, RepositoryPattern):
            return self._source.namespace
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
        return MirrorRule(
            name=name or self.name.text().strip() or self._source.familiar_name,
            source=self._source,
            destination=self._destination(host, path),
            tags=tuple(self.tags.text().replace(",", " ").split()),
            platforms=tuple(parse_known(words) for words in self.platforms.text().replace(",", " ").split()),
            referrers=self.referrers.isChecked(),
            newest=self.newest.value(),
            minimum_age_days=self.age.value(),
            extras=self.extras.currentData(),
        )

    def _destination(self, host: str, path: str) -> Reference | Namespace:
        if isinstance(self._source, RepositoryPattern):
            return Namespace(host, path)
        target = Reference.parse(path if host == DOCKER_HUB else f"{host}/{path}")
        if host == DOCKER_HUB and target.domain != DOCKER_HUB:
            target = Reference(host, path)
        check_repository(str(target))
        return target

    def _changed(self) -> None:
        self.plan_cancelled.emit()
        self._plan.clear()
        self._ticked()
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

    def show_plan(self, found: RulePlan | LongshoreError) -> None:
        """Show what would be copied and deleted, or why that is unknown."""
        if isinstance(found, LongshoreError):
            self.summary.setText("")
            self.show_problem(found)
            return
        self._plan.show(found)
        self.show_problem(self._plan.problem())
        self.confirm.setEnabled(True)
        self._ticked()
        self.refit()

    @Slot()
    def _ticked(self) -> None:
        """Name what the verb does with the ticked tags."""
        if self._plan.plan is not None:
            self.summary.setText(self._plan.summary())
        if self._saving:
            return
        deletes = bool(self._plan.deletions())
        words = self.tr("Copy")
        if deletes:
            words = self.tr("Copy and delete") if self._plan.requests() else self.tr("Delete")
        self.confirm.setText(words)
        self.confirm.setAccessibleName(words)
        self.set_dangerous(deletes)

    def planned(self) -> list[TransferRequest]:
        """Return the transfers of the ticked tags; none before the plan is known."""
        return self._plan.requests()

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
        if not self._saving and self._plan.plan is None:
            return False
        requests, deletions = self._plan.requests(), self._plan.deletions()
        if not self._saving and not requests and not deletions and not named:
            self.show_problem(self.tr("There is nothing to copy."))
            return False
        if named:
            self.save_requested.emit(rule)
        if not self._saving:
            self.transfers_requested.emit(requests)
            if deletions:
                self.deletions_requested.emit(deletions)
        return True
