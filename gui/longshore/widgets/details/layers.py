"""Layers: the steps of an image's build with the layers that they made, their sizes, and who shares them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget

from longshore.language import tr
from longshore.models.columns import Tone
from longshore.models.layers import LayerKind, LayerModel, LayerTotals, layer_rows, totals
from longshore.oci.reference import DOCKER_HUB
from longshore.widgets.columns import EDGE
from longshore.widgets.details.asking import AskingTab
from longshore.widgets.details.layer_view import LayerBar, LayerView, Swatch
from longshore.widgets.notices import ElidedLabel, Notice, plain_label
from longshore.words import errors, inspection, text

if TYPE_CHECKING:
    from longshore.application.inspection.sharing import LayerReport
    from longshore.application.inspection.values import Inspected
    from longshore.application.subject import Subject
    from longshore.errors import LongshoreError
    from longshore.oci.reference import Reference


class LayersTab(AskingTab):
    """See DetailsTab."""

    report_requested = Signal(object)  # Inspected: what the shown place knows of its layers
    registry_requested = Signal(object, object)  # Inspected, Reference: which layers the registry has
    copy_requested = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._report: LayerReport | None = None
        self._there: tuple[bool | None, ...] = ()
        top = QWidget()
        head = QHBoxLayout(top)
        head.setContentsMargins(EDGE, 14, EDGE, 6)
        self.bar = LayerBar()
        head.addWidget(self.bar)
        self.legend = QWidget()
        row = QHBoxLayout(self.legend)
        row.setContentsMargins(EDGE, 2, EDGE, 8)
        row.setSpacing(0)
        self._legend: dict[LayerKind, tuple[QWidget, QLabel, QLabel]] = {}
        for kind in (LayerKind.BASE, LayerKind.SHARED, LayerKind.UNIQUE):
            part = QWidget()
            line = QHBoxLayout(part)
            line.setContentsMargins(0, 0, 18, 0)
            line.setSpacing(6)
            name, size = plain_label(), plain_label("", "dim")
            line.addWidget(Swatch(kind))
            line.addWidget(name)
            line.addWidget(size)
            row.addWidget(part)
            self._legend[kind] = part, name, size
        row.addStretch(1)
        caption = QWidget()
        line = QHBoxLayout(caption)
        line.setContentsMargins(EDGE, 2, EDGE, 6)
        self.caption = ElidedLabel("dim")
        self.unit = plain_label("", "dim")
        line.addWidget(self.caption, 1)
        line.addWidget(self.unit)
        self.model = LayerModel()
        self.view = LayerView(self.model)
        self.view.copy_requested.connect(self.copy_requested)
        self.view.selectionModel().currentRowChanged.connect(lambda *_: self.verbs.look())
        self.notice = Notice()
        for widget in (top, self.legend, caption):
            self.body.addWidget(widget)
        self.body.addWidget(self.view, 1)
        self.body.addWidget(self.notice)
        self.copy_verb = self.verbs.add_verb(self.tr("Copy digest"), self._copy, why_not=self._no_layer)
        self.check_verb = self.verbs.add_verb(
            self.tr("Check registry"), self._check_registry, why_not=self._no_registry
        )
        self._show()

    # -- the protocol of tabs

    def set_subject(self, subject: Subject) -> None:
        """See DetailsTab."""
        super().set_subject(subject)
        self._report, self._there = None, ()
        self.notice.hide()
        self._show()

    def set_wide(self, wide: bool) -> None:
        """See DetailsTab."""
        super().set_wide(wide)
        self.legend.setVisible(not wide and bool(self.model.rows))

    def home(self) -> QWidget | None:
        """See DetailsTab."""
        return self.view

    # -- what the wiring answers

    def set_report(self, found: Inspected, report: LayerReport) -> None:
        """Show *report* about the layers of *found*, if that is still shown."""
        if found is self.inspected:
            self._report = report
            self._show()

    def set_there(self, found: Inspected, there: tuple[bool | None, ...]) -> None:
        """Show which layers of *found* the registry has, if that is still shown."""
        if found is self.inspected:
            self._there = there
            self._show()

    def set_refused(self, found: Inspected, error: LongshoreError) -> None:
        """Say why it is not known which layers the registry has."""
        if found is self.inspected:
            self.notice.say(errors.told(error), Tone.CAUTION)

    # -- verbs

    def _copy(self) -> None:
        if (row := self.model.row(self.view.currentIndex().row())) is not None and row.digest:
            self.copy_requested.emit(row.digest)

    def _no_layer(self) -> str:
        row = self.model.row(self.view.currentIndex().row())
        return "" if row is not None and row.digest else self.tr("Select a layer.")

    def _reference(self) -> Reference | None:
        """The name under which the registry of a local image may have it."""
        if self.subject is None or self.subject.is_remote:
            return None
        return self.subject.end.reference

    def _no_registry(self) -> str:
        if self.subject is not None and self.subject.is_remote:
            return self.tr("The image is in the registry.")
        if self._reference() is None:
            return self.tr("The image has no name, so no registry can be asked.")
        return (
            ""
            if self.inspected is not None and self.inspected.layers
            else self.tr("No layers are known yet.")
        )

    def _check_registry(self) -> None:
        reference = self._reference()
        if reference is not None and self.inspected is not None:
            self.registry_requested.emit(self.inspected, reference)

    # -- showing

    def _wants(self, found: Inspected) -> bool:
        return bool(found.layers)

    def _request(self, found: Inspected) -> None:
        self.report_requested.emit(found)

    def _show(self) -> None:
        found, subject = self.inspected, self.subject
        remote = subject is not None and subject.is_remote
        rows = [] if found is None else layer_rows(found, self._report, self._there, remote=remote)
        self.model.set_rows(rows)
        self.view.fit_rows()
        shown = totals(found, rows) if found is not None else LayerTotals(0, 0, 0, unpacked=False)
        self.bar.set_rows(rows)
        self._show_legend(shown, remote=remote)
        self.legend.setVisible(bool(rows) and not self.wide)
        self.bar.setVisible(bool(rows))
        hub = (reference := self._reference()) is not None and reference.domain == DOCKER_HUB
        words = self.tr("Reads the image's manifest from its registry.")
        self.check_verb.set_hint(self.tr("Docker Hub counts this as a pull.") if hub else words)
        self.caption.set_text(self._caption(found))
        self.unit.setText("" if not rows else tr("On disk") if shown.unpacked else tr("Compressed"))
        self.verbs.look()

    def _show_legend(self, shown: LayerTotals, *, remote: bool) -> None:
        known = self._report is not None
        names = {
            LayerKind.BASE: (tr("Base"), shown.base),
            LayerKind.SHARED: (tr("Present") if remote else tr("Shared"), shown.shared),
            LayerKind.UNIQUE: (tr("To fetch") if remote and known else tr("Unique"), shown.unique),
        }
        for kind, (part, name, size) in self._legend.items():
            words, count = names[kind]
            # Before the place was asked, all layers look alike.
            name.setText(words if known else tr("All layers"))
            size.setText(text.size(count))
            part.setVisible(bool(count) and (known or kind is LayerKind.UNIQUE))
        parts = [f"{names[kind][0]}: {text.size(names[kind][1])}" for kind in self._legend if names[kind][1]]
        self.bar.setAccessibleName(", ".join(parts) if known else "")

    def _caption(self, found: Inspected | None) -> str:
        if found is None:
            return ""
        if not found.layers:
            return self.tr("No layers.")
        if not found.history_fits:
            return inspection.history_does_not_fit()
        count = text.layers(len(found.layers))
        base = self._report.base if self._report is not None else None
        if base is not None:
            return self.tr("{0}, base image {1}").format(count, inspection.base_name(base))
        return self.tr("{0}, in build order").format(count)

    def sizeHint(self) -> QSize:
        """Qt's hook."""
        return QSize(380, 300)
