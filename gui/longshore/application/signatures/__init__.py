"""Signatures of images: the user's keys, what verifies with them, and the rule that only signed images are fetched."""
