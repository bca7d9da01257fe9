"""Overview: what an image is, where it comes from, and what it starts."""

from __future__ import annotations

from longshore.widgets.details.tab import DetailsTab


class OverviewTab(DetailsTab):
    """The first tab."""
