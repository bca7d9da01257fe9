"""Two images beside each other: layers, configuration, packages, and what a pull of one fetches given the other."""
