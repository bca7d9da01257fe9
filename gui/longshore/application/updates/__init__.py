"""Updates of local images: tags that moved in their registry, and newer versions of the same track."""
