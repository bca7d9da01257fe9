"""The copier: moves manifests and blobs between any two places that hold content, bytes verbatim."""

from longshore.transfers.copying.strategy import CopyStrategy

__all__ = ["CopyStrategy"]
