"""The field's nouns: references, digests, descriptors, platforms, manifests. Standard library only, no I/O."""
