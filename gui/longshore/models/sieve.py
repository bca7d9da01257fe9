"""Filters: typed words, and pasted references and pull commands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from longshore.models import ordering

if TYPE_CHECKING:
    from longshore.oci.reference import Reference

#: Maximum length of a filter that is parsed as a reference; longer ones are not references.
LONGEST = 2000


class Searched(Protocol):
    """A row with the case-folded text that filters search. Blanks around each name allow matching a whole name."""

    haystack: str


_Row = TypeVar("_Row", bound=Searched)


class Sieve:
    """Passes rows whose haystack contains every needle of one of the *ways*. Immutable; without ways all rows pass."""

    __slots__ = ("_ways",)

    def __init__(self, *ways: tuple[str, ...]) -> None:
        # A way without needles passes everything.
        self._ways = () if not all(ways) else ways

    def __bool__(self) -> bool:
        return bool(self._ways)

    def passing(self, rows: Sequence[_Row]) -> list[_Row]:
        """Return those of *rows* that pass, in their order. Fast enough for ten thousand."""
        if len(self._ways) > 1:
            return [row for row in rows if any(ordering.matches(row.haystack, way) for way in self._ways)]
        passed = list(rows)
        for needle in self._ways[0] if self._ways else ():
            passed = [row for row in passed if needle in row.haystack]
        return passed


def haystack(parts: Iterable[str]) -> str:
    """Return the case-folded text of a row with these names."""
    return f" {' '.join(parts)} ".casefold()


class _Pasted(NamedTuple):
    """A pasted reference. *written*: the name without tag and digest, as written. *whole*: its registry is certain,
    because it is written or because the reference is part of a command."""

    reference: Reference
    written: str
    whole: bool


def _pasted(text: str) -> _Pasted | None:
    """Return the reference that *text* is or contains; None for plain words."""
    text = text.strip()
    if not text or len(text) > LONGEST:
        return None
    # Imported with the first typed words, because the window opens without the grammar of references.
    from longshore.errors import InvalidInput
    from longshore.oci.reference import parse_pull_line

    try:
        reference, _ = parse_pull_line(text)
    except InvalidInput:
        return None
    alone = len(text.split()) == 1 and "://" not in text
    named = reference.tag is not None or reference.digest is not None
    written = text.partition("@")[0].removesuffix(f":{reference.tag}") if alone else reference.name
    whole = not alone or written.startswith(f"{reference.domain}/")
    if not whole and "/" not in written and ("." in written or written == "localhost"):
        return None  # a host with a port
    return _Pasted(reference, written.casefold(), whole) if named or whole else None


def for_images(text: str) -> Sieve:
    """Return a sieve for haystacks with full references. A command without a tag means ``latest``."""
    typed, pasted = ordering.words(text), _pasted(text)
    if pasted is None:
        return Sieve(typed)
    reference = pasted.reference
    if reference.digest is not None:
        return Sieve(typed, (reference.path.casefold(), reference.digest))
    return Sieve(typed, (f" {reference.with_default_tag()} ".casefold(),))


def for_repositories(text: str) -> Sieve:
    """Return a sieve for haystacks with ``host/path``: matches a reference's repository, whatever its tag."""
    typed, pasted = ordering.words(text), _pasted(text)
    if pasted is None:
        return Sieve(typed)
    name = f" {pasted.reference.name} ".casefold() if pasted.whole else pasted.written
    return Sieve(typed, (name,))


def for_tags(text: str, host: str, repository: str) -> Sieve:
    """Return a sieve for the tags of a repository, with haystacks of tag and digest: matches a reference's tag."""
    typed, pasted = ordering.words(text), _pasted(text)
    if pasted is None:
        return Sieve(typed)
    reference = pasted.reference
    if pasted.whole:
        here = (reference.domain, reference.path) == (host, repository)
    else:
        from longshore.oci.reference import DOCKER_HUB

        here = repository.casefold() in (pasted.written, reference.path if host == DOCKER_HUB else None)
    if not here:
        return Sieve(typed)
    if reference.digest is not None:
        return Sieve(typed, (reference.digest,))
    return Sieve(typed, () if reference.tag is None else (f" {reference.tag} ".casefold(),))


def searched(text: str) -> str:
    """Return *text* as the history searches it: a pasted command is replaced by its reference."""
    pasted = _pasted(text)
    return pasted.reference.familiar if pasted is not None and pasted.whole else text
