"""The container engine: addresses, images, pulls and pushes.

The only room that imports the Docker SDK; blocking.
"""
