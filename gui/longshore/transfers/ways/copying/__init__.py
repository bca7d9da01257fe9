"""The copier: moves manifests and blobs between any two places that hold content, bytes verbatim."""

from longshore.transfers.ways.copying.copy import CopyWay

__all__ = ["CopyWay"]
