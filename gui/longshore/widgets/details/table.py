"""All tabs of Details, in their order. A further tab is a row here; see :mod:`.tab`."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from longshore.language import tr
from longshore.widgets.details.tab import DetailsTab


class TabKind(NamedTuple):
    """One tab. *key*: its name in the settings and the wiring; *title*: returns its name for people; *make*: imports
    and creates it."""

    key: str
    title: Callable[[], str]
    make: Callable[[], DetailsTab]


def _overview() -> DetailsTab:
    from longshore.widgets.details.overview import OverviewTab

    return OverviewTab()


def _attached() -> DetailsTab:
    from longshore.widgets.details.attached import AttachedTab

    return AttachedTab()


def _layers() -> DetailsTab:
    from longshore.widgets.details.layers import LayersTab

    return LayersTab()


def _platforms() -> DetailsTab:
    from longshore.widgets.details.platforms import PlatformsTab

    return PlatformsTab()


def _configuration() -> DetailsTab:
    from longshore.widgets.details.configuration import ConfigurationTab

    return ConfigurationTab()


def _raw() -> DetailsTab:
    from longshore.widgets.details.raw import RawTab

    return RawTab()


def _files() -> DetailsTab:
    from longshore.widgets.details.files import FilesTab

    return FilesTab()


TABS: tuple[TabKind, ...] = (
    TabKind("overview", lambda: tr("Overview"), _overview),
    TabKind("layers", lambda: tr("Layers"), _layers),
    TabKind("configuration", lambda: tr("Configuration"), _configuration),
    TabKind("platforms", lambda: tr("Platforms"), _platforms),
    TabKind("attached", lambda: tr("Attached"), _attached),
    TabKind("files", lambda: tr("Files"), _files),
    TabKind("raw", lambda: tr("Raw"), _raw),
)
