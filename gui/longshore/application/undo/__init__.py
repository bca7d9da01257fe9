"""Puts tags back: what a tag is to point to again, whether that can be done and how, and doing it. No Qt."""
