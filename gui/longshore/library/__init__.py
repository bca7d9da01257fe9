"""The library: images on disk without an engine, as an OCI image layout that skopeo, crane and podman can read too.

Blocking, thread-safe, and safe with other Longshores using the same folder. Knows no engine and no registry.
"""
