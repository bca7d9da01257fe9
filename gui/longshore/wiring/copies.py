"""Copies between registries: the copy sheet for tags, the mirror sheet for repositories, and its rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from longshore.application.mirrors.extras import DeletedTag, KeptTag
from longshore.application.mirrors.repositories import RepositoryPattern
from longshore.application.mirrors.rules import BACKUP, MirrorRule
from longshore.cancellation import Cancellation
from longshore.errors import LongshoreError
from longshore.oci.reference import Reference
from longshore.operations import Operations
from longshore.widgets.main_window import MainWindow
from longshore.wiring.shared import Shared

if TYPE_CHECKING:
    from longshore.widgets.command_menu import Lines
    from longshore.widgets.dialogs.mirror import MirrorSheet


class Copies(QObject):
    """Connects the copy and mirror sheets. GUI thread."""

    def __init__(self, window: MainWindow, operations: Operations, shared: Shared) -> None:
        super().__init__(window)
        self.window = window
        self.operations = operations
        self._shared = shared
        window.registry_pane.copy_requested.connect(self._copy_selected)
        window.mirrors_requested.connect(self._mirrors)

    @Slot(object)
    def _copy_selected(self, chosen: list[Reference]) -> None:
        hosts = [host for host, _ in self._shared.registries()]
        # Offer other registries than the source, the user's own before Docker Hub.
        others = [host for host in reversed(hosts) if all(host != one.domain for one in chosen)]
        others.sort(key=self.operations.registries.refuses)  # one that refuses is probably not meant
        self.copy(chosen, others[0] if others else hosts[0], "")

    @Slot(object, str, str)
    def copy(self, references: list[Reference], host: str, repository: str) -> None:
        """Open the copy sheet, or the mirror sheet for a whole repository.

        It offers *host* and *repository* ("" for none) as the target.
        """
        from longshore.widgets.dialogs.copy import CopySheet

        whole = [one for one in references if not one.tag and not one.digest]
        if len(whole) > 1:
            self.window.registry_pane.explain(
                self.tr("Copy one repository at a time. You can review the changes first.")
            )
            return
        if whole:
            self._mirror(whole[0], host, repository)
            return
        sheet = CopySheet(self.window, references, self._shared.registries(), host, repository)
        self._shared.answer_targets(sheet)
        self._shared.answer(
            sheet, sheet.contents_requested, self.operations.contents.read, sheet.set_contents
        )
        sheet.ask_contents()
        sheet.open()

    # -- whole repositories

    def _mirror(
        self,
        source: Reference | RepositoryPattern,
        host: str,
        repository: str = "",
        *,
        rule: MirrorRule | None = None,
        saving: bool = False,
    ) -> None:
        from longshore.widgets.dialogs.mirror import MirrorSheet

        mirrors = self.operations.mirrors
        sheet = MirrorSheet(
            self.window, source, self._shared.registries(), host, repository, rule=rule, saving=saving
        )
        running: list[Cancellation] = []

        def unwanted() -> None:
            for cancellation in running:
                cancellation.cancel()
            running.clear()

        def wanted(asked: MirrorRule) -> None:
            unwanted()
            running.append(mirrors.plan(asked, sheet.tell, sheet.show_plan))

        def save(kept: MirrorRule) -> None:
            if rule is not None and rule.name != kept.name:
                mirrors.rules.remove(rule.name)
            mirrors.rules.save(kept)

        sheet.offer_commands(lambda: self._lines(sheet), self._shared.to_clipboard)
        sheet.plan_requested.connect(wanted)
        sheet.plan_cancelled.connect(unwanted)
        sheet.save_requested.connect(save)
        sheet.transfers_requested.connect(self.operations.transfers.ask)
        sheet.deletions_requested.connect(lambda tags: mirrors.delete_extras(tags, self._deleted))
        sheet.open()

    def _deleted(self, ended: Sequence[DeletedTag | KeptTag], error: LongshoreError | None) -> None:
        deleted = [one for one in ended if isinstance(one, DeletedTag)]
        kept = [one.reason for one in ended if isinstance(one, KeptTag)]
        for repository in {one.repository for one in deleted}:
            self.operations.registries.expect(repository)
        if error is not None or kept:
            self._shared.show_failure(error or kept[0])
        elif len(deleted) == 1:
            self.window.registry_pane.explain(
                self.tr("Deleted {0}. The tag {1} keeps its image.").format(
                    deleted[0].repository.with_tag(deleted[0].tag).familiar, deleted[0].backup
                )
            )
        elif deleted:
            self.window.registry_pane.explain(
                self.tr("Deleted {0} tags. Tags that begin with {1} keep their images.").format(
                    len(deleted), BACKUP
                )
            )

    def _lines(self, sheet: MirrorSheet) -> Lines:
        """The command for the sheet's rule, and those of other programs for the tags that its plan would copy."""
        try:
            found = dict(self._shared.commands.of_rule(sheet.rule()))
        except LongshoreError:
            return {}
        of_tags = self._shared.commands.of_requests(sheet.planned())
        return found | {program: lines for program, lines in of_tags.items() if program != "longshore"}

    @Slot()
    def _mirrors(self) -> None:
        from longshore.widgets.dialogs.mirrors import MirrorsSheet

        rules = self.operations.mirrors.rules
        sheet = MirrorsSheet(self.window, rules.all())
        sheet.remove_requested.connect(rules.remove)
        sheet.run_requested.connect(lambda rule: self._mirror(rule.source, "", rule=rule))
        sheet.edit_requested.connect(lambda rule: self._mirror(rule.source, "", rule=rule, saving=True))
        sheet.open()
