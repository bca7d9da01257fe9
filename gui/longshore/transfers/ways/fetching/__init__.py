"""Fetches blobs of a registry into the library: several connections per blob, resumed, readable while they arrive."""
