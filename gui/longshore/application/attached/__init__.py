"""What is attached to an image: signatures, SBOMs, provenance, results of scans, and what they say."""
