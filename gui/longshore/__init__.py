"""Longshore moves container images between an engine and registries."""

__version__ = "0.1.0"
