"""Plain registries: distribution, zot, and any other that follows the specification.

Catalogue: distribution, "HTTP API V2", "Listing Repositories" (https://distribution.github.io/distribution/spec/api/);
tags: OCI distribution-spec 1.1, "Listing Tags". zot serves the same two (https://zotregistry.dev, "Endpoints").
"""

from __future__ import annotations

from longshore.registry.vendors.catalogue import CatalogueLister


class PlainLister(CatalogueLister):
    """Lists by the registry's own catalogue. The client raises ListingUnsupported if the user may not read it."""
