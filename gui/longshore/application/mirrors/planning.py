"""Makes the plan of a rule: lists tags and repositories, chooses those of the rule, and compares them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from longshore.application.mirrors.claims import Claims
from longshore.application.mirrors.comparing import Comparison, Looked, ReadOnce
from longshore.application.mirrors.listing import MOST_TAGS, all_tags
from longshore.application.mirrors.plan import ExtraTag, FailedRepository, HeldTag, MirrorPlan, RulePlan
from longshore.application.mirrors.repositories import RepositoryPattern
from longshore.application.mirrors.rules import Extras, MirrorRule
from longshore.cancellation import Cancellation
from longshore.errors import (
    AccessDenied,
    InvalidContent,
    InvalidInput,
    LongshoreError,
    NotInRegistry,
    SignInRequired,
    UnexpectedReply,
)
from longshore.naturalsort import natural_key
from longshore.oci.reference import DEFAULT_TAG, Reference
from longshore.side_by_side import ask_all
from longshore.transfers.content.open import open_reader, open_writer

if TYPE_CHECKING:
    from longshore.application.clients import Clients
    from longshore.transfers.clients import Clients as TransferClients

#: The maximum number of repositories of one rule, and of pages that are read to find them.
MOST_REPOSITORIES = 2000
_MOST_PAGES = 2000
#: Tags compared in parallel.
SIDE_BY_SIDE = 8


def plan_rule(
    rule: MirrorRule,
    clients: Clients,
    *,
    cancellation: Cancellation,
    told: Callable[[int, int], None] = lambda done, total: None,
    now: datetime | None = None,
    claims: Claims | None = None,
) -> RulePlan:
    """Compare source and destination of *rule*, with its extras, for one repository or for all of a pattern.

    A repository of a pattern that cannot be read affects only itself. *told*, *now*, *claims* and errors
    as for :func:`plan_mirror`; *told* counts the tags of each repository. Raises InvalidInput if a pattern matches
    nothing, or too much. Blocks.
    """
    claims = claims or Claims([rule])

    def planned(one: MirrorRule) -> MirrorPlan:
        return plan_mirror(one, clients, cancellation=cancellation, told=told, now=now, claims=claims)

    if isinstance(rule.source, Reference):
        return RulePlan(rule, (planned(rule),))
    plans: list[MirrorPlan] = []
    failed: list[FailedRepository] = []
    for path in _repositories(rule, rule.source, clients, cancellation):
        one = rule
        try:
            one = rule.at(path)
            plans.append(planned(one))
        except (
            NotInRegistry,
            AccessDenied,
            SignInRequired,
            InvalidContent,
            InvalidInput,
            UnexpectedReply,
        ) as error:
            failed.append(FailedRepository(one, error))
    return RulePlan(rule, tuple(plans), tuple(failed))


def plan_mirror(
    rule: MirrorRule,
    clients: TransferClients,
    *,
    cancellation: Cancellation,
    told: Callable[[int, int], None] = lambda done, total: None,
    now: datetime | None = None,
    claims: Claims | None = None,
) -> MirrorPlan:
    """Compare the two repositories of *rule*, tag by tag. Moves nothing. Blocks; for a worker thread.

    *told* receives the number of tags done and the total, from several threads. *now*: from when ages count.
    *claims*: also look for extra tags, which none of these rules includes. An unreadable tag affects only itself.
    Raises Cancelled and the errors of listing and asking (a repository that does not exist, a required sign-in, a
    registry that does not respond).
    """
    source, destination = rule.ends
    listed, complete = all_tags(source, clients, cancellation)
    matching = sorted((tag for tag in listed if rule.matches(tag)), key=natural_key)
    counter = itertools.count(1)
    # The reader and writer ignore the tag of an endpoint.
    reader = ReadOnce(open_reader(rule.request(DEFAULT_TAG).source, clients))
    writer = open_writer(rule.request(DEFAULT_TAG).destination, clients)
    comparison = Comparison(
        rule,
        clients.registry(source.domain),
        reader,
        writer,
        now or datetime.now(UTC),
        lambda: told(next(counter), total),
    )
    versions = [tag for tag in matching if rule.newest and any(map(str.isdecimal, tag))]
    always = [tag for tag in matching if not rule.newest or not any(map(str.isdecimal, tag))]
    # With a minimum age, more may be looked at than are chosen.
    total = len(always) + (len(versions) if rule.minimum_age_days else min(len(versions), rule.newest))
    try:
        looked = ask_all(comparison.look, always, cancellation, SIDE_BY_SIDE)
        looked += _newest(comparison, versions, rule.newest, cancellation)
        looked.sort(key=lambda one: natural_key(one.tag.tag))
        tags = comparison.weigh(looked, cancellation)
    finally:
        reader.close()
        writer.close()
    held = tuple(one.tag for one in looked if isinstance(one.tag, HeldTag))
    if claims is None:
        return MirrorPlan(rule, tags, held)
    found, unknown = _extras(rule, destination, set(listed), complete, claims, clients, cancellation)
    return MirrorPlan(rule, tags, held, found, unknown)


def _newest(
    comparison: Comparison, versions: Sequence[str], wanted: int, cancellation: Cancellation
) -> list[Looked]:
    """The newest *wanted* of *versions* (oldest first) that are old enough, and those above them that are not."""
    found: list[Looked] = []
    left, count = list(versions), 0
    while left and count < wanted:
        part = left[-(wanted - count) :]
        del left[-len(part) :]
        looked = ask_all(comparison.look, part, cancellation, SIDE_BY_SIDE)
        count += sum(not isinstance(one.tag, HeldTag) for one in looked)
        found += looked
    return found


def _extras(
    rule: MirrorRule,
    destination: Reference,
    source_tags: set[str],
    complete: bool,
    claims: Claims,
    clients: TransferClients,
    cancellation: Cancellation,
) -> tuple[tuple[ExtraTag, ...], str]:
    """The extra tags of *destination*, and why they are not known."""
    if not complete:
        return (), f"The source has more than {MOST_TAGS:,} tags."
    try:
        there, _ = all_tags(destination, clients, cancellation)
    except NotInRegistry:
        return (), ""
    except (AccessDenied, SignInRequired, UnexpectedReply) as error:
        return (), error.message
    found = sorted((tag for tag in there if tag not in source_tags and rule.matches(tag)), key=natural_key)
    if found and not source_tags:
        # More likely a broken listing than a repository whose tags were all removed.
        return (), "The source lists no tags at all."
    others = claims.others(rule) if found else ()
    try:
        kept = claims.tags(others, clients, cancellation)
    except LongshoreError as error:
        return (
            (),
            f"Another rule with this destination needs {error.subject or 'its source'}: {error.message}",
        )
    found = [tag for tag in found if tag not in kept]
    if rule.extras is Extras.KEEP:
        return tuple(map(ExtraTag, found)), ""
    client = clients.registry(destination.domain)

    def look(tag: str, cancellation: Cancellation) -> ExtraTag | None:
        head = client.head(destination.path, tag, for_push=True, cancellation=cancellation)
        return None if head is None else ExtraTag(tag, head.digest)

    try:
        looked = ask_all(look, found, cancellation, SIDE_BY_SIDE)
    except (AccessDenied, SignInRequired, UnexpectedReply) as error:
        return (), error.message
    return tuple(one for one in looked if one is not None), ""


def _repositories(
    rule: MirrorRule, pattern: RepositoryPattern, clients: Clients, cancellation: Cancellation
) -> list[str]:
    """The paths that *pattern* matches, sorted, without those where the rule puts its copies."""
    copies = rule.destination.path if rule.destination.domain == pattern.domain else ""
    paths: set[str] = set()
    page: str | None = None
    with clients.listing_below(pattern.domain, pattern.namespace) as lister:
        for _ in range(_MOST_PAGES):
            found = lister.repositories(page, cancellation=cancellation)
            paths |= {
                one.name
                for one in found.items
                if pattern.matches(one.name) and not (copies and one.name.startswith(f"{copies}/"))
            }
            page = found.next
            if page is None or len(paths) > MOST_REPOSITORIES:
                break
    if page is not None or len(paths) > MOST_REPOSITORIES:
        raise _too_many(pattern)
    if not paths:
        raise _none(pattern)
    return sorted(paths)


def _too_many(pattern: RepositoryPattern) -> LongshoreError:
    return InvalidInput(
        "The pattern matches more than {most} repositories.",
        subject=pattern.name,
        advice="Use several rules with narrower patterns.",
        arguments={"most": f"{MOST_REPOSITORIES:,}"},
    )


def _none(pattern: RepositoryPattern) -> LongshoreError:
    return NotInRegistry(
        "No repository that this registry lists matches the pattern.",
        registry=pattern.domain,
        subject=pattern.name,
        advice="Check the pattern, and sign in if the repositories are private.",
    )
