"""Connects the tabs Layers and Platforms of Details, and the signatures in Overview."""

from __future__ import annotations

from typing import TYPE_CHECKING

from longshore.transfers.transfer import EnginePlace, LibraryPlace

if TYPE_CHECKING:
    from longshore.application.inspection.values import Inspected
    from longshore.application.requests import LocalPlace
    from longshore.application.subject import Subject
    from longshore.oci.platform import Platform
    from longshore.oci.reference import Reference
    from longshore.operations import Operations
    from longshore.widgets.details.layers import LayersTab
    from longshore.widgets.details.overview import OverviewTab
    from longshore.widgets.details.platforms import PlatformsTab
    from longshore.widgets.main_window import MainWindow
    from longshore.wiring.shared import Shared


def _seen_from(found: Inspected, operations: Operations) -> LocalPlace | None:
    """The place from which an image is seen: its own, or the shown one for an image of a registry or an archive."""
    place = found.end.place
    if isinstance(place, EnginePlace | LibraryPlace):
        return place
    status = operations.images.status
    return status.place if status.error is None else None


def connect_layers(tab: LayersTab, operations: Operations, shared: Shared) -> None:
    """Connect *tab*."""
    layers = operations.layers

    def report(found: Inspected) -> None:
        place = _seen_from(found, operations)
        if place is not None:
            layers.report(found, place, lambda read: tab.set_report(found, read))

    def compare(found: Inspected, reference: Reference) -> None:
        layers.compare(
            found,
            reference,
            lambda there: tab.set_there(found, there),
            lambda error: tab.set_refused(found, error),
        )

    tab.report_requested.connect(report)
    operations.images.images_changed.connect(tab.refresh)
    tab.registry_requested.connect(compare)
    tab.copy_requested.connect(shared.to_clipboard)


def connect_platforms(tab: PlatformsTab, operations: Operations, shared: Shared) -> None:
    """Connect *tab*."""

    def read(found: Inspected) -> None:
        place = _seen_from(found, operations)
        tab.place_name = shared.place_title(place) if place is not None else ""
        operations.platform_sizes.read(
            found,
            place,
            lambda whole, here: tab.set_sizes(found, whole, here),
            lambda error: tab.set_refused(found, error),
        )

    def pull(reference: Reference, platform: Platform) -> None:
        from longshore.application import requests

        place = shared.place()
        if place is not None:
            operations.transfers.ask([requests.pull(reference, place, platform)])

    tab.sizes_requested.connect(read)
    operations.images.images_changed.connect(tab.refresh)
    tab.pull_requested.connect(pull)
    tab.copy_requested.connect(shared.to_clipboard)


def connect_signatures(tab: OverviewTab, window: MainWindow, operations: Operations) -> None:
    """Connect the line about signatures of *tab*."""
    signatures = operations.signatures

    def verify(subject: Subject, asked: bool) -> None:
        signatures.verify(subject, lambda found: tab.set_signature(subject, found), asked=asked)

    def again() -> None:
        if tab.subject is not None and tab.isVisible():
            verify(tab.subject, False)

    tab.signature_requested.connect(verify)
    tab.keys_requested.connect(window.registry_pane.keys_requested)
    operations.details.subject_changed.connect(signatures.leave)
    signatures.changed.connect(again)
