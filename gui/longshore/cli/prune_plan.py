"""What a kind of place brings to ``prune``: its options, and a plan that can be shown and carried out."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from longshore.errors import LongshoreError

if TYPE_CHECKING:
    from longshore.application.session import Session
    from longshore.cancellation import Cancellation
    from longshore.transfers.transfer import Place


@dataclass(frozen=True, slots=True)
class PruneRow:
    """A name that would go. *frees*: in words. *values*: the fields of its JSON object, without the state. *gone*:
    somebody else had removed it."""

    name: str
    reason: str
    frees: str
    values: dict[str, Any]
    is_tag: bool = True
    gone: bool = False


class Prune(Protocol):
    """The share of one place. One thread."""

    @property
    def place(self) -> Place:
        """The place."""

    @property
    def rows(self) -> Sequence[PruneRow]:
        """The names that would go."""

    @property
    def notes(self) -> Sequence[str]:
        """Sentences below the table: what it frees, what is never removed."""

    @property
    def doubts(self) -> Sequence[str]:
        """What else is affected, in sentences; --yes alone does not accept it."""

    def values(self, state: str) -> dict[str, Any]:
        """The fields of the JSON object about the whole."""

    def run(self, cancellation: Cancellation) -> Iterator[tuple[PruneRow, LongshoreError | None]]:
        """Remove the rows, and yield each with its error. Ends early if it is cancelled."""

    def result(self) -> str:
        """A sentence about the end, after :meth:`run`."""


class Kind(Protocol):
    """What a module for a kind of place has."""

    def add(self, parser: argparse.ArgumentParser) -> None:
        """Add the options that only this kind of place has."""

    def plan(
        self, session: Session, arguments: argparse.Namespace, cancellation: Cancellation
    ) -> tuple[list[Prune], list[LongshoreError]]:
        """The plans, and the errors of places that can't be looked at. Raises LongshoreError, Cancelled."""
