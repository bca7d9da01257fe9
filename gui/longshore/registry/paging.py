"""Pages of listings: where the next one is, and when a registry leads us round in circles. Pure; any thread."""

from __future__ import annotations

import json
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from longshore.registry.challenge import next_link

#: Pages of one listing, and pages without anything in a row, after which we stop.
MOST_PAGES = 10_000
MOST_EMPTY = 20


class PagingError(ValueError):
    """The next page cannot be asked for; the text says why, as the end of a sentence."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a listing we are. *path*: of the page to ask for, with its query.

    *mark* is the path of an earlier page, moved up to ours whenever *number* is a power of two (Brent's algorithm):
    every circle comes back to it, however long, and nothing else need be remembered.
    """

    path: str
    number: int = 1
    mark: str = ""
    empty: int = 0

    def token(self) -> str:
        """As text for :attr:`Page.next`."""
        return json.dumps([self.path, self.number, self.mark, self.empty], separators=(",", ":"))

    @staticmethod
    def of_token(token: str) -> Place:
        """The reverse of :meth:`token`. Raises ValueError for any other text."""
        path, number, mark, empty = json.loads(token)
        if not (isinstance(path, str) and isinstance(mark, str) and path.startswith("/") and not path.startswith("//")):
            raise ValueError("not a place")
        return Place(path, int(number), mark, int(empty))

    def following(self, base: str, link_header: str, *, found_nothing: bool) -> Place | None:
        """The place after this one, None at the end.

        *base*: scheme and host of the registry. Of the link only path and query are used, and only if it names the
        same host: behind a proxy, registries often name themselves with another scheme. Raises PagingError.
        """
        link = next_link(link_header)
        if link is None:
            return None
        try:
            target = urlsplit(urljoin(base + self.path, link))
            here = urlsplit(base)
            same = target.hostname == here.hostname and _port(target.port) == _port(here.port)
        except ValueError:
            raise PagingError("the address of the next page is none") from None
        if not same or target.scheme not in ("http", "https"):
            raise PagingError("the next page is on another host")
        path = target.path + (f"?{target.query}" if target.query else "")
        if not path.startswith("/") or path.startswith("//"):
            raise PagingError("the address of the next page is none")
        mark = self.path if self.number & (self.number - 1) == 0 else self.mark
        if path in (self.path, mark):
            raise PagingError("its pages lead round in a circle")
        empty = self.empty + 1 if found_nothing else 0
        if empty > MOST_EMPTY:
            raise PagingError("it sends empty pages without end")
        if self.number >= MOST_PAGES:
            raise PagingError(f"its list has more than {MOST_PAGES:,} pages")
        return Place(path, self.number + 1, mark, empty)


def _port(port: int | None) -> int | None:
    return None if port in (80, 443) else port
