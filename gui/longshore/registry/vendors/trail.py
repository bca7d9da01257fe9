"""The position in a listing: the next page, and a guard against pages that lead in a circle. Pure; any thread."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from longshore.registry import failures
from longshore.registry.challenge import number
from longshore.registry.config import RegistryConfig

#: Most pages of one listing; after that an error is raised.
MOST_PAGES = 10_000

_LONGEST_TARGET = 8192


@dataclass(frozen=True, slots=True)
class Trail:
    """The page at *target*, the *number*-th of its listing (from 1).

    *mark* belongs to the page whose number is the last power of two: pages that lead in a circle reach it again
    (R. P. Brent, 1980). So nothing has to be remembered between pages, and listings may run side by side.
    """

    target: str
    number: int
    mark: str

    @classmethod
    def start(cls, target: str) -> Trail:
        """The first page."""
        return cls(target, 1, _mark(target))

    @classmethod
    def parse(cls, token: str, config: RegistryConfig) -> Trail:
        """Parse a token of :meth:`then`. Raises UnexpectedReply for anything else."""
        place, _, rest = token.partition(" ")
        mark, _, target = rest.partition(" ")
        page = number(place)
        if page is None or not target:
            raise failures.unexpected(config, "the token of its next page is not valid")
        return cls(target, page, mark)

    def then(self, target: str, config: RegistryConfig) -> str:
        """The token of the next page. Raises UnexpectedReply if the listing would not end."""
        mark = _mark(target)
        if target == self.target or mark == self.mark:
            raise failures.unexpected(config, "its pages repeat")
        page = self.number + 1
        if page > MOST_PAGES:
            raise failures.unexpected(config, f"its list has more than {MOST_PAGES:,} pages")
        if len(target) > _LONGEST_TARGET:
            raise failures.unexpected(config, "the address of its next page is too long")
        return f"{page} {mark if page & (page - 1) == 0 else self.mark} {target}"


def _mark(target: str) -> str:
    return hashlib.sha256(target.encode("utf-8", "surrogatepass")).hexdigest()[:24]
