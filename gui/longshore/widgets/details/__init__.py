"""The Details panel. ``tab`` has the protocol of its tabs, ``table`` knows all of them, and each is one file."""
