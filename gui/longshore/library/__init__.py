"""The library: images on disk without an engine, as an OCI image layout that skopeo, crane and podman read too.

Blocking, thread-safe, and safe against other Longshores on the same folder. Knows no engine and no registry.
"""
