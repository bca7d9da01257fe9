"""The texts of desktop notifications: one transfer in full, many summed up."""

from __future__ import annotations

from longshore.errors import AccessDenied
from longshore.models.note_text import note_text
from longshore.transfers.transfer import Moved, Operation, State, TransferSnapshot
from qt.models.made import request, transfer


def done(name: str, operation: Operation = Operation.PULL) -> TransferSnapshot:
    return transfer(
        name, request=request(f"r.io/{name}:1", operation), state=State.SUCCEEDED, moved=Moved(96_000_000, 4)
    )


def failed(name: str) -> TransferSnapshot:
    error = AccessDenied("Not allowed to push.", registry="r.io")
    return transfer(name, request=request(f"r.io/{name}:1", Operation.PUSH), state=State.FAILED, error=error)


def test_one_is_told_whole() -> None:
    assert note_text([done("web")]) == ("Pulled r.io/web:1", "96 MB, 4 layers")
    assert note_text([done("web", Operation.PUSH)])[0] == "Pushed r.io/web:1"
    assert note_text([failed("web")]) == ("Could not push r.io/web:1", "Not allowed to push.")


def test_many_are_summed_up_and_the_failures_named() -> None:
    many = [done("a"), done("b"), done("c"), done("d"), done("e"), failed("f")]
    assert note_text(many) == ("5 transfers finished, 1 failed", "Could not push r.io/f:1")
    summary, body = note_text(many[:5])
    assert summary == "5 transfers finished"
    assert body.splitlines() == ["Pulled r.io/e:1", "Pulled r.io/d:1", "Pulled r.io/c:1"]
    assert note_text([failed("a"), failed("b")])[0] == "2 transfers failed"
    assert note_text([done("a"), failed("b")])[0] == "1 transfer finished, 1 failed"
