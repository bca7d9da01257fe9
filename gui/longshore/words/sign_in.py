"""Text about where sign-ins are stored."""

from __future__ import annotations

from longshore.credentials import StoredIn, Whereabouts


def destination_words(kept: Whereabouts) -> str:
    """Return a sentence that says where a secret will be stored."""
    if kept.stored_in is StoredIn.HELPER:
        return f"Saved by docker-credential-{kept.name}, as docker login does."
    if kept.stored_in is StoredIn.THIS_RUN:
        return "Kept in memory until Longshore closes."
    words = f"Saved in {kept.path} (base64, not encrypted), as docker login does."
    return f"{words} The file is empty and is treated as missing." if kept.empty else words
