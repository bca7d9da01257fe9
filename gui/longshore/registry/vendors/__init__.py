"""How each vendor lists its repositories and tags: one small module per vendor behind ``protocol.Lister``.

Shapes and paths are those of the vendors' documents, which each module cites. ``registry.listing`` chooses.
"""
