"""The files in an image: read from its layers without an engine, and never unpacked to disk."""
