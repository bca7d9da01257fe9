"""What is remembered of Details between runs. Read before the first picture, so it imports nothing."""

from __future__ import annotations

#: Width of the window from which on Details is at the right, in pixels; below, it is beside Transfers.
WIDE = 1240
#: Width of the panel at the right before the user has changed it, and its minimum, in pixels.
WIDTH, LEAST_WIDTH = 400, 300


def remembered(state: object) -> tuple[bool, int, str]:
    """Return shown, width and tab of *state*, from :meth:`DetailsPlace.state` of an earlier run or from anybody."""
    if not isinstance(state, dict):
        return False, WIDTH, ""
    width, tab = state.get("width"), state.get("tab")
    if not isinstance(width, int) or not LEAST_WIDTH <= width <= 4000:
        width = WIDTH
    return state.get("shown") is True, width, tab if isinstance(tab, str) else ""
