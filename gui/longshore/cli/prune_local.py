"""``prune`` for engines and the library."""

from __future__ import annotations

import argparse
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from longshore.application.cleanup import running
from longshore.application.cleanup.plan import Candidate, PlacePlan, look
from longshore.application.cleanup.rules import Rules
from longshore.application.pins import Pins
from longshore.application.tag_history.recording import recording_store
from longshore.cli.prune_plan import Prune, PruneRow
from longshore.cli.transfer_values import place_values
from longshore.errors import InvalidInput, LongshoreError
from longshore.side_by_side import ask_all
from longshore.transfers.tag_changes import TagOperation
from longshore.transfers.transfer import EnginePlace
from longshore.words import cleanup as words
from longshore.words import text

if TYPE_CHECKING:
    from longshore.application.requests import LocalPlace
    from longshore.application.session import Session
    from longshore.application.stores import Store
    from longshore.cancellation import Cancellation
    from longshore.oci.local_image import LocalImage


def add(parser: argparse.ArgumentParser) -> None:
    """See ``prune_plan.Kind``."""
    group = parser.add_argument_group("rules for engines and the library")
    group.add_argument("--dangling", action="store_true", help="images without tag and digest (the default)")
    group.add_argument("--unused", action="store_true", help="images that no container uses")


def plan(
    session: Session, arguments: argparse.Namespace, cancellation: Cancellation
) -> tuple[list[Prune], list[LongshoreError]]:
    """See ``prune_plan.Kind``."""
    in_library = arguments.source == "library"
    if in_library and arguments.unused:
        raise InvalidInput("The library has no containers.", advice="Leave out --unused.")
    rules = Rules(
        dangling=arguments.dangling,
        unused=arguments.unused,
        older_than=arguments.older_than,
        beyond_newest=arguments.keep_newest,
        names=tuple(arguments.names),
        every=True,
    )
    if rules.empty:
        rules = Rules(dangling=True)
    rules.check()
    places: list[LocalPlace] = [session.library()] if in_library else [*session.engines()]
    session.check_engines()
    pins = Pins(session.settings)
    group = uuid.uuid4().hex  # all places are undone together

    def one(place: LocalPlace, part: Cancellation) -> Prune | LongshoreError:
        try:
            store = recording_store(place, session.clients, TagOperation.CLEAN_UP, group=group)
            return LocalPrune(look(place, store, rules, pins.all(), part), store, pins)
        except LongshoreError as error:
            return error

    found = ask_all(one, places, cancellation)
    return (
        [each for each in found if not isinstance(each, LongshoreError)],
        [each for each in found if isinstance(each, LongshoreError)],
    )


class LocalPrune:
    """The share of one engine or the library; see ``prune_plan.Prune``."""

    def __init__(self, made: PlacePlan, store: Store, pins: Pins) -> None:
        self._plan = made
        self._store = store
        self._pins = pins
        self._outcome: running.Outcome | None = None
        self._rows = {id(image): row for one in made.candidates for image, row in self._made(one)}

    @property
    def place(self) -> LocalPlace:
        """The engine or the library."""
        return self._plan.place

    @property
    def rows(self) -> Sequence[PruneRow]:
        """See Prune."""
        return list(self._rows.values())

    @property
    def doubts(self) -> Sequence[str]:
        """See Prune."""
        return ()

    @property
    def notes(self) -> Sequence[str]:
        """See Prune."""
        found = self._plan.freed(self._plan.candidates)
        usage = self._plan.usage
        lines = []
        if found is None:
            lines.append(words.unknown(self._plan.problem))
        elif usage is not None and self._plan.candidates:
            lines.append(words.total(self._plan.candidates, found, usage.total))
            lines.append(words.cached(found))
        lines.append(words.never(self._plan.containers, self._plan.pinned))
        lines.append(words.undated(self._plan.undated))
        return [line for line in lines if line]

    def values(self, state: str) -> dict[str, Any]:
        """See Prune."""
        expected, usage, outcome = self._plan.freed(self._plan.candidates), self._plan.usage, self._outcome
        return {
            **place_values(self.place),
            "state": state,
            "names": len(self._rows),
            "images": sum(not one.staying for one in self._plan.candidates),
            "size_on_disk": None if usage is None else usage.total,
            "frees": None if expected is None else expected.bytes,
            "about": expected is not None and expected.about,
            "build_cache": None if expected is None else expected.cached,
            "freed": None if outcome is None else outcome.freed,
            "freed_about": outcome is not None and bool(outcome.gone),
            "images_in_use": self._plan.containers if isinstance(self.place, EnginePlace) else None,
            "pinned": self._plan.pinned,
            "undated": self._plan.undated,
        }

    def run(self, cancellation: Cancellation) -> Iterator[tuple[PruneRow, LongshoreError | None]]:
        """See Prune."""
        self._outcome = running.carry_out(
            self._plan, self._plan.candidates, self._store, self._pins.all, cancellation
        )
        for one in self._outcome.names:
            row = self._rows[id(one.image)]
            if one.gone:
                row = replace(row, gone=True, values={**row.values, "already": True})
            yield row, one.error

    def result(self) -> str:
        """See Prune."""
        return "" if self._outcome is None else words.results([self._outcome])

    def _made(self, one: Candidate) -> Iterator[tuple[LocalImage, PruneRow]]:
        engine = isinstance(self.place, EnginePlace)
        frees = self._plan.freed([one])
        reason = words.reason(one, containers=engine)
        for image in one.names:
            last = not one.staying and image is one.names[-1]
            name = image.name.shown if image.reference is not None else image.image_id
            yield (
                image,
                PruneRow(
                    text.safe(name, 600),
                    reason,
                    words.freed(frees) if last else "tag only",
                    {
                        **place_values(self.place),
                        "reference": None if image.reference is None else str(image.reference),
                        "image_id": image.image_id,
                        "digest": None,
                        "named": True,
                        "deletes_image": not one.staying,
                        "containers": 0 if engine else None,
                        "incomplete": [],
                        "unchecked": 0,
                        "reason": one.reason.why.value,
                        "frees": frees.bytes if frees is not None and last else None,
                    },
                    is_tag=image.reference is not None,
                ),
            )
