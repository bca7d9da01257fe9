"""The vendors' ways to list repositories and tags: one small module per vendor behind ``protocol.Lister``.

Shapes and paths follow the vendors' documentation, which each module cites. ``registry.listing`` chooses the module.
"""
