"""Tags that other rules copy to the same destination: they are no extras of a rule that does not have them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from longshore.application.mirrors.listing import all_tags
from longshore.application.mirrors.repositories import Namespace
from longshore.application.mirrors.rules import MirrorRule
from longshore.cancellation import Cancellation
from longshore.errors import InvalidInput, LongshoreError, NotInRegistry
from longshore.oci.reference import Reference

if TYPE_CHECKING:
    from longshore.transfers.clients import Clients


class Claims:
    """What the rules *rules* copy to a repository. One thread; each source is listed once.

    Make one for a run of several rules, with the saved rules too.
    """

    def __init__(self, rules: Iterable[MirrorRule] = ()) -> None:
        self._rules = list(dict.fromkeys(rules))
        self._tags: dict[Reference, set[str] | LongshoreError] = {}

    def others(self, rule: MirrorRule) -> tuple[MirrorRule, ...]:
        """The rules that copy to the destination of *rule*, which is for one repository, from other sources.

        Of patterns, only the rule for the one repository that comes there.
        """
        source, destination = rule.ends
        found = [one for each in self._rules if (one := _towards(each, destination)) is not None]
        return tuple(dict.fromkeys(one for one in found if one.source != source))

    def tags(self, others: Sequence[MirrorRule], clients: Clients, cancellation: Cancellation) -> set[str]:
        """The tags that the rules *others* include of their sources. Raises LongshoreError if a list is not known."""
        found: set[str] = set()
        for rule in others:
            source = rule.ends[0]
            if source not in self._tags:
                self._tags[source] = self._list(rule, clients, cancellation)
            tags = self._tags[source]
            if isinstance(tags, LongshoreError):
                raise tags
            found |= {tag for tag in tags if rule.matches(tag)}
        return found

    def _list(
        self, rule: MirrorRule, clients: Clients, cancellation: Cancellation
    ) -> set[str] | LongshoreError:
        source = rule.ends[0]
        try:
            tags, complete = all_tags(source, clients, cancellation)
        except NotInRegistry as error:
            # A pattern just does not match it then. A rule for this very repository has lost it, perhaps for now.
            return error if any(each.source == source for each in self._rules) else set()
        except LongshoreError as error:
            return error
        return set(tags) if complete else LongshoreError("It has too many tags.", subject=source.name)


def _towards(rule: MirrorRule, destination: Reference) -> MirrorRule | None:
    """*rule*, or for a pattern its rule for one repository, if it copies to *destination*."""
    if isinstance(rule.source, Reference):
        return rule if rule.destination == destination else None
    place = rule.destination
    assert isinstance(place, Namespace)
    before = f"{place.path}/" if place.path else ""
    if place.domain != destination.domain or not destination.path.startswith(before):
        return None
    below = destination.path.removeprefix(before)
    path = f"{rule.source.namespace}/{below}" if rule.source.namespace else below
    if not rule.source.matches(path):
        return None
    try:
        return rule.at(path)
    except InvalidInput:
        return None  # it would copy the repository to itself
