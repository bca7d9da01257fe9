"""The copier: moves manifests and blobs between any two places that hold content, bytes unchanged."""

from longshore.transfers.ways.copying.copy import CopyWay

__all__ = ["CopyWay"]
