"""Whole repositories as one job: saved rules, and plans that are made before anything is copied."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from longshore.application.clients import Clients
from longshore.application.mirrors.claims import Claims
from longshore.application.mirrors.extras import DeletedTag, KeptTag, delete_extras
from longshore.application.mirrors.plan import ExtraTag, RulePlan
from longshore.application.mirrors.planning import plan_rule
from longshore.application.mirrors.rules import MirrorRule, MirrorRules
from longshore.cancellation import Cancellation
from longshore.errors import LongshoreError
from longshore.operations.tasks import Tasks
from longshore.settings import Settings

#: Seconds between two progress reports of a plan.
TELL = 0.2


class Mirrors:
    """Plans and runs mirror rules. GUI thread; registries are asked in worker threads."""

    def __init__(self, clients: Clients, tasks: Tasks, settings: Settings) -> None:
        self._clients = clients
        self._tasks = tasks
        self.rules = MirrorRules(settings)

    def plan(
        self,
        rule: MirrorRule,
        told: Callable[[int, int], None],
        done: Callable[[RulePlan | LongshoreError], None],
    ) -> Cancellation:
        """Compare source and target of *rule*.

        In the GUI thread *told* gets the number of compared tags and the total, and *done* the result, unless the
        returned cancellation was cancelled.
        """
        latest = [(0, 0)]

        def look(cancellation: Cancellation) -> RulePlan:
            return plan_rule(
                rule,
                self._clients,
                cancellation=cancellation,
                claims=Claims([rule, *self.rules.all()]),
                told=lambda count, total: latest.__setitem__(0, (count, total)),
            )

        async def tell() -> None:
            while not cancellation.cancelled:
                if latest[0][1]:
                    told(*latest[0])
                await asyncio.sleep(TELL)

        def ended(outcome: RulePlan | LongshoreError) -> None:
            if teller is not None:
                teller.cancel()
            done(outcome)

        cancellation = self._tasks.run(
            self._tasks.listing, look, done=ended, failed=ended, name="plan a mirror"
        )
        teller = self._tasks.spawn(tell(), "tell how far the plan is")
        return cancellation

    def delete_extras(
        self,
        extras: Mapping[MirrorRule, Sequence[ExtraTag]],
        done: Callable[[list[DeletedTag | KeptTag], LongshoreError | None], None],
    ) -> None:
        """Delete *extras* of plans of rules for one repository each, every tag with a backup tag.

        *done* gets what was deleted and what was kept because it has changed, and the first error.
        """
        ended: list[DeletedTag | KeptTag] = []

        def delete(cancellation: Cancellation) -> None:
            claims = Claims(self.rules.all())
            for rule, tags in extras.items():
                others = claims.others(rule)
                ended.extend(
                    delete_extras(rule, tags, self._clients, others=others, cancellation=cancellation)
                )

        self._tasks.run(
            self._tasks.listing,
            delete,
            done=lambda _: done(ended, None),
            failed=lambda error: done(ended, error),
            name="delete extra tags",
        )
