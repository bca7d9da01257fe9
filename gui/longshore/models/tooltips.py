"""Tooltips that show foreign text literally."""

from __future__ import annotations


def tooltip(text: str) -> str | None:
    """Return a tooltip that shows *text* literally: Qt guesses rich text, so it is escaped and marked as rich."""
    if not text:
        return None
    import html  # its table of names is large, and the first frame has no tooltip

    return f'<span style="white-space:pre-wrap">{html.escape(text)}</span>'
