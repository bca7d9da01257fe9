"""Archives: tar files of images from ``docker save`` (docker-archive), or with the OCI image layout (oci-archive).

Read as a stream and never unpacked to disk: every name, length and digest in an archive is an untrusted claim until it
is checked. Blocking, no Qt; every call takes a Cancellation.
"""
