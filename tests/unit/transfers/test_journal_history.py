"""What a filter of the history selects."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from longshore.transfers.journal.history import ENDED, HistoryFilter
from longshore.transfers.transfer import Operation, State

DAY = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "wanted",
    [
        HistoryFilter(operation=Operation.PULL),
        HistoryFilter(registry="acme.io"),
        HistoryFilter(since=DAY),
        HistoryFilter(until=DAY),
        HistoryFilter(text="app"),
    ],
    ids=["operation", "registry", "since", "until", "text"],
)
def test_a_filter_is_narrow_by_anything_but_states(wanted: HistoryFilter) -> None:
    assert wanted.narrow is True
    for wide in (HistoryFilter(), HistoryFilter(states=ENDED), HistoryFilter(text="  ")):
        assert wide.narrow is False


def test_the_states_that_have_ended() -> None:
    assert ENDED == (State.SUCCEEDED, State.FAILED, State.CANCELLED, State.INTERRUPTED)
