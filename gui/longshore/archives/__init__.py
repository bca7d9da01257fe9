"""Archives: tar files of images, as ``docker save`` (docker-archive) and the OCI image layout (oci-archive) have them.

Read as a stream and never unpacked to disk: every name, length and digest in one is somebody else's claim until it
was checked. Blocking, no Qt; every call takes a Cancellation.
"""
