"""Pages of a listing: follows Link headers, and stops if they lead to another host, in circles or never end."""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict
from dataclasses import dataclass, field

from longshore.errors import LongshoreError, UnexpectedReply
from longshore.registry.addresses import at_home, joined, origin
from longshore.registry.challenge import next_link
from longshore.registry.config import RegistryConfig
from longshore.registry.model import Page
from longshore.registry.session import Document

#: A listing with more entries is treated as endless.
MOST_ITEMS = 500_000
#: Most pages in a row without new entries.
_MOST_EMPTY = 20
_LISTINGS_KEPT = 64


@dataclass(slots=True)
class _Listing:
    addresses: set[str] = field(default_factory=set)
    items: set[int] = field(
        default_factory=set
    )  # hashes: a false match only makes a page count as less new than it is
    empty: int = 0
    error: LongshoreError | None = None
    #: True if the last page was requested without a Link, only because the one before it was full.
    guessed: bool = False
    last: str = ""


class Pager:
    """Remembers which pages of each listing were read. Thread-safe.

    The error for a bad link is raised when that page is requested, so that the entries before it are not lost.
    """

    def __init__(self, config: RegistryConfig) -> None:
        self._config = config
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._listings: OrderedDict[str, _Listing] = OrderedDict()

    def address(self, page: str) -> str:
        """The URL of *page* (a :attr:`Page.next`). Raises UnexpectedReply if it must not be requested."""
        name, _, url = page.partition(" ")
        with self._lock:
            listing = self._listings.get(name)
            if listing is not None and listing.error is not None:
                raise listing.error
        return url or page

    def page(
        self,
        asked: str | None,
        document: Document,
        items: list[str],
        own: str,
        *,
        more: str = "",
        whole: str = "",
    ) -> Page[str]:
        """*items* of *document* as a page. *asked*: the page that was requested; *own*: the registry's base URL.

        *more*: the URL of a possible next page after a full page without a Link, for registries that cut their lists
        silently (go-containerregistry does). *whole*: the URL of the whole listing, used if *more* turns out not to
        work.
        """
        name = asked.partition(" ")[0] if asked else ""
        with self._lock:
            listing = self._listings.get(name)
            if listing is None:
                name = f"{next(self._numbers)}"
                listing = self._listings[name] = _Listing()
                while len(self._listings) > _LISTINGS_KEPT:
                    self._listings.popitem(last=False)
            self._listings.move_to_end(name)
            listing.addresses.add(document.url)
            before = len(listing.items)
            fresh = [item for item in items if hash(item) not in listing.items] if listing.guessed else items
            listing.items.update(map(hash, items))
            listing.empty = 0 if len(listing.items) > before else listing.empty + 1
            root = f"{own}/{self._config.prefix}/v2/" if self._config.prefix else f"{own}/v2/"
            # One header may contain several links, and there may be several headers.
            link = next_link(", ".join(document.headers.getlist("Link")))
            if link is None:
                following = more
                if listing.guessed and items and (len(listing.items) == before or min(items) <= listing.last):
                    following = whole  # the registry ignores "last"
                listing.last = items[-1] if items else ""
                if not following or following in listing.addresses or len(listing.items) > MOST_ITEMS:
                    self._listings.pop(name, None)
                    return Page(fresh)
                listing.guessed = True
                return Page(fresh, f"{name} {following}")
            url = ""
            try:
                # Behind a gateway the registry may know itself by another host.
                url = at_home(joined(document.url, link), root)
                if origin(url) != origin(own):
                    listing.error = self._stopped("its next page is on another host")
            except ValueError:
                listing.error = self._stopped("the address of its next page is not valid")
            if url in listing.addresses:
                listing.error = self._stopped("its next page is one that was already read")
            elif listing.empty >= _MOST_EMPTY or (listing.empty and items):
                listing.error = listing.error or self._stopped("its pages repeat")
            elif len(listing.items) > MOST_ITEMS:
                listing.error = listing.error or self._stopped(f"it has more than {MOST_ITEMS:,} entries")
            return Page(items, f"{name} {url}")

    def _stopped(self, why: str) -> LongshoreError:
        return UnexpectedReply(
            f"The list is incomplete: {why}.",
            registry=self._config.host,
            advice="The entries read so far are shown. Paste a reference for anything missing.",
        )
