"""Fetches blobs of a registry into the library: several connections per blob, resumed, readable while they arrive."""

from longshore.transfers.ways.fetching.fetcher import Fetcher

__all__ = ["Fetcher"]
