"""Tooltips that show foreign text literally."""

from __future__ import annotations


def tooltip(text: str) -> str | None:
    """Return a tooltip that shows *text* literally: Qt guesses rich text, so it is escaped and marked as rich."""
    if not text:
        return None
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f'<span style="white-space:pre-wrap">{escaped}</span>'
