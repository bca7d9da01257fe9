"""A folder that an image is built from: its Dockerfile, what ``.dockerignore`` excludes, and the tar that is sent.

No engine, no network. Everything in the folder is untrusted: read within limits, and never outside the folder.
"""
