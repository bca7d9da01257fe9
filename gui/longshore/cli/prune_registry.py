"""``prune`` for repositories of registries."""

from __future__ import annotations

import argparse
import uuid
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from longshore.application.cleanup.retention import Deletion, RetentionPlan, RetentionRow, freed, make
from longshore.application.cleanup.retention_rules import Order, RetentionRules
from longshore.application.cleanup.tags import read_repository
from longshore.application.pins import Pins
from longshore.cli.prune_plan import Prune, PruneRow
from longshore.cli.transfer_values import place_values
from longshore.errors import InvalidInput, LongshoreError
from longshore.oci.reference import Reference
from longshore.transfers.transfer import RegistryPlace
from longshore.words import retention as words
from longshore.words import text

if TYPE_CHECKING:
    from longshore.application.cleanup.retention_run import RetentionResult
    from longshore.application.clients import Clients
    from longshore.application.session import Session
    from longshore.cancellation import Cancellation


def add(parser: argparse.ArgumentParser) -> None:
    """See ``prune_plan.Kind``."""
    parser.add_argument(
        "repositories", metavar="REPOSITORY", nargs="*", help="with --from registry: the repositories"
    )
    group = parser.add_argument_group("rules for repositories of registries")
    group.add_argument(
        "--never",
        metavar="PATTERN",
        action="append",
        default=[],
        help="tags that are kept; can be given several times",
    )
    group.add_argument(
        "--order",
        choices=[one.value for one in Order],
        default=Order.DATE.value,
        help="which images are the newest: by their date (the default), or by the version in the tag",
    )


def plan(
    session: Session, arguments: argparse.Namespace, cancellation: Cancellation
) -> tuple[list[Prune], list[LongshoreError]]:
    """See ``prune_plan.Kind``."""
    session.check_engines()
    if arguments.dangling or arguments.unused:
        raise InvalidInput(
            "A registry knows neither dangling images nor containers.",
            advice="Leave out --dangling and --unused.",
        )
    rules = RetentionRules(
        keep_newest=arguments.keep_newest,
        older_than=arguments.older_than,
        names=tuple(arguments.names),
        never=tuple(arguments.never),
        order=Order(arguments.order),
    )
    rules.check()
    if not arguments.repositories:
        raise InvalidInput(
            "No repository is named.", advice="Name one: registry.example:5000/team/app, for example."
        )
    repositories = list(dict.fromkeys(map(_repository, arguments.repositories)))
    pins = Pins(session.settings).all()
    group = uuid.uuid4().hex  # all repositories are undone together
    found: list[RegistryPrune] = []
    failures: list[LongshoreError] = []
    for repository in repositories:
        try:
            contents = read_repository(session.clients, repository, cancellation)
            found.append(RegistryPrune(make(contents, rules, pins=pins), session.clients, group))
        except LongshoreError as error:
            failures.append(error)
    if len(found) > 1 and len({one.place.host for one in found}) == 1:
        found[-1].together = freed(one.outcome for one in found)
    return list(found), failures


def _repository(typed: str) -> Reference:
    reference = Reference.parse_input(typed)
    if reference.tag is not None or reference.digest is not None:
        raise InvalidInput(
            "This names an image, not a repository.",
            subject=typed,
            advice="Leave out the tag. To choose tags, use --name.",
        )
    return reference


class RegistryPrune:
    """The share of one repository; see ``prune_plan.Prune``. *together*: the bytes that this and the other repositories
    free, None if there are no others."""

    def __init__(self, made: RetentionPlan, clients: Clients, group: str) -> None:
        self._plan = made
        self._clients = clients
        self._group = group
        self._repository = made.contents.repository
        self._result: RetentionResult | None = None
        self.outcome = made.outcome(made.all)
        self.together: int | None = None
        self._unique = made.unique()
        known = {row.tag.tag: row for row in made.rows}
        self._rows = {
            tag: self._row(step, tag, known.get(tag)) for step in self.outcome.deletions for tag in step.tags
        }

    @property
    def place(self) -> RegistryPlace:
        """The registry."""
        return RegistryPlace(self._repository.domain)

    @property
    def rows(self) -> Sequence[PruneRow]:
        """See Prune."""
        return list(self._rows.values())

    @property
    def doubts(self) -> Sequence[str]:
        """See Prune: nothing goes but the tags that are shown."""
        return ()

    @property
    def notes(self) -> Sequence[str]:
        """See Prune."""
        found = words.notes(self._plan, self.outcome)
        if self._rows:
            found.insert(0, words.total(self.outcome))
        if self.together is not None:
            found.append(f"All repositories together: {words.frees(self.together)}.")
        return found

    def values(self, state: str) -> dict[str, Any]:
        """See Prune."""
        done = self._result
        return {
            **place_values(self.place),
            "repository": self._repository.path,
            "state": state,
            "names": len(self._rows),
            "images": sum(one.whole for one in self.outcome.deletions),
            "size_on_disk": None,
            "frees": sum(self.outcome.going.values()),
            "about": True,
            "build_cache": None,
            "freed": None,
            "images_in_use": None,
            "pinned": len(self._plan.pinned),
            "undated": self._plan.undated,
            "blocked": sorted(self.outcome.blocked),
            "as_planned": None if done is None else done.as_planned,
            "vanished": [] if done is None else done.vanished,
        }

    def run(self, cancellation: Cancellation) -> Iterator[tuple[PruneRow, LongshoreError | None]]:
        """See Prune."""
        from longshore.application.cleanup.retention_run import carrying_out

        steps = carrying_out(self._clients, self._plan, self._plan.all, cancellation, group=self._group)
        told: set[str] = set()
        while self._result is None:
            try:
                tag = next(steps)
            except StopIteration as end:
                self._result = end.value
                break
            told.add(tag)
            yield self._rows[tag], None
        done: RetentionResult = self._result
        for tag, row in self._rows.items():
            if tag in done.removed and tag not in told:
                yield row, None
            elif tag in done.kept:
                yield row, done.kept[tag]
        if done.error is not None:
            for number, tag in enumerate(done.left or ()):
                yield self._rows[tag], done.error if number == 0 else _not_reached(self._rows[tag])

    def result(self) -> str:
        """See Prune."""
        return "" if self._result is None else words.result(self._result, len(self._rows))

    def _row(self, step: Deletion, tag: str, row: RetentionRow | None) -> PruneRow:
        reference = self._repository.with_tag(tag)
        last = step.whole and tag == step.tags[-1]
        frees = self._unique[step.digest] if last else None
        return PruneRow(
            text.safe(reference.familiar, 600),
            words.companion() if row is None else words.reason(row),
            text.size(frees) if frees is not None else words.effect(tag, self.outcome),
            {
                **place_values(self.place),
                "reference": str(reference),
                "image_id": None,
                "digest": step.digest,
                "named": row is not None,
                "deletes_image": step.whole,
                "containers": None,
                "incomplete": [],
                "unchecked": 0,
                "reason": _why(row),
                "frees": frees,
                "stays_as": list(step.staying),
            },
        )


def _why(row: RetentionRow | None) -> str:
    """The rule that says most about a tag, as in JSON."""
    if row is None:
        return "companion"
    if row.reason.leftover:
        return "leftover"
    if row.reason.rank:
        return "beyond_newest"
    return "old" if row.reason.days is not None else "name"


def _not_reached(row: PruneRow) -> LongshoreError:
    return LongshoreError("It was not reached.", subject=row.name)
