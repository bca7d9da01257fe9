"""What a filter lets pass: words that people type, and whole references and pull commands that they paste."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from longshore.models import ordering

if TYPE_CHECKING:
    from longshore.oci.reference import Reference

#: Characters of a filter that are looked at as a reference: longer ones name none.
LONGEST = 2000


class Searched(Protocol):
    """A row with the folded text that filters look in. Names stand between blanks, so that a whole one can be asked
    for."""

    haystack: str


_Row = TypeVar("_Row", bound=Searched)


class Sieve:
    """Lets a row pass whose haystack holds every needle of one of the *ways*. Immutable; without ways all pass."""

    __slots__ = ("_ways",)

    def __init__(self, *ways: tuple[str, ...]) -> None:
        # A way without needles lets everything pass.
        self._ways = () if not all(ways) else ways

    def __bool__(self) -> bool:
        return bool(self._ways)

    def passing(self, rows: Sequence[_Row]) -> list[_Row]:
        """Those of *rows* that pass, in their order. Made for ten thousand."""
        if len(self._ways) > 1:
            return [row for row in rows if any(ordering.matches(row.haystack, way) for way in self._ways)]
        passed = list(rows)
        for needle in self._ways[0] if self._ways else ():
            passed = [row for row in passed if needle in row.haystack]
        return passed


def haystack(parts: Iterable[str]) -> str:
    """The folded text of a row with these names."""
    return f" {' '.join(parts)} ".casefold()


class _Pasted(NamedTuple):
    """*written*: the name without tag and digest, as it stands there. *whole*: it names its registry, by itself or
    since it stands in a command, so that it can mean no other."""

    reference: Reference
    written: str
    whole: bool


def _pasted(text: str) -> _Pasted | None:
    """The reference that *text* is or holds; None for words."""
    text = text.strip()
    if not text or len(text) > LONGEST:
        return None
    # The grammar of references is not in the way of the window; the first words that are typed bring it.
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
        return None  # a host with its port
    return _Pasted(reference, written.casefold(), whole) if named or whole else None


def for_images(text: str) -> Sieve:
    """For rows whose haystacks hold the full reference: a command names ``latest`` where it has no tag."""
    typed, pasted = ordering.words(text), _pasted(text)
    if pasted is None:
        return Sieve(typed)
    reference = pasted.reference
    if reference.digest is not None:
        return Sieve(typed, (reference.path.casefold(), reference.digest))
    return Sieve(typed, (f" {reference.with_default_tag()} ".casefold(),))


def for_repositories(text: str) -> Sieve:
    """For rows whose haystacks hold ``host/path``: the repository of a reference, whatever its tag."""
    typed, pasted = ordering.words(text), _pasted(text)
    if pasted is None:
        return Sieve(typed)
    name = f" {pasted.reference.name} ".casefold() if pasted.whole else pasted.written
    return Sieve(typed, (name,))


def for_tags(text: str, host: str, repository: str) -> Sieve:
    """For the tags of a repository, whose haystacks hold tag and digest: the tag of a reference to that repository."""
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
    """*text* as the history looks for it: a pasted command by the reference that it names."""
    pasted = _pasted(text)
    return pasted.reference.familiar if pasted is not None and pasted.whole else text
