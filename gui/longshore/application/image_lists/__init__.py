"""Lists of images in files that people have anyway: compose files, Kubernetes manifests, Dockerfiles, plain lists.

``reading.ListReader`` reads one, ``locking`` pins its tags to digests, ``targets`` maps its names to another registry.
"""
