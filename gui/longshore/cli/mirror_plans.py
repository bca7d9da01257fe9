"""How the plan of a mirror is printed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from longshore.application.mirrors.plan import HeldTag, MirrorPlan, MirrorTag, RulePlan, TagState
from longshore.cli import exit_codes
from longshore.cli.output import Output, error_values
from longshore.cli.streams import report
from longshore.oci.reference import Reference
from longshore.words import errors, text

if TYPE_CHECKING:
    from longshore.application.mirrors.extras import DeletedTag, KeptTag

_WORDS = {
    TagState.SAME: "unchanged",
    TagState.MISSING: "new tag",
    TagState.DIFFERS: "replaces existing",
    TagState.UNSIGNED: "signatures missing",
    TagState.OTHER_PLATFORMS: "not for these platforms",
    TagState.UNREADABLE: "can't be read",
}


#: Seconds between two reports of how far a comparison is.
EVERY = 0.2
_CLEARED = "\r\x1b[K"


@contextmanager
def comparing(output: Output) -> Iterator[Callable[[int, int], None]]:
    """Yield a function that shows how many tags of how many are compared, on a terminal. Any thread may call it."""
    lock = threading.Lock()
    latest = 0.0

    def told(done: int, total: int) -> None:
        nonlocal latest
        with lock:
            now = time.monotonic()
            if now - latest >= EVERY:
                latest = now
                report(f"{_CLEARED}Comparing: {done:,} of {total:,} tags")

    if not output.live:
        yield lambda done, total: None
        return
    try:
        yield told
    finally:
        report(_CLEARED)


def show(
    one: RulePlan, output: Output, *, deletes: bool, table: bool, everything: bool, codes: list[int]
) -> None:
    """Print *one*, and add the exit codes of what its transfers will not say: tags in step, and failures.

    *deletes*: its extra tags are to be deleted. *table*: with its tags. *everything*: also those that are unchanged.
    """
    many = not isinstance(one.rule.source, Reference)
    rows: list[tuple[str, str, str, str]] = []
    for plan in one.repositories:
        _record(plan, output, deletes)
        rows += _rows(plan, deletes, everything, f"{plan.rule.ends[0].path}:" if many else "")
        for tag in plan.tags:
            if tag.error is not None and tag.state is TagState.UNREADABLE:
                codes.append(exit_codes.of_error(tag.error))
            elif not tag.copies:
                codes.append(exit_codes.DONE)
    output.line(
        f"{text.safe(one.rule.name)}: {one.rule.source.familiar_name} → {one.rule.destination.familiar_name}"
    )
    if rows and table:
        output.table(("TAG", "RESULT", "SIZE", "TO COPY"), rows)
    output.line(_summary(one))
    for plan in one.repositories:
        if plan.extras_unknown:
            output.warning(
                f"{plan.rule.ends[1].familiar_name}: extra tags are not known. {plan.extras_unknown}"
            )
        for tag in plan.tags:
            if tag.error is not None and tag.state is TagState.UNREADABLE:
                output.error(tag.error, at=plan.rule.ends[0].with_tag(tag.tag).familiar)
    for failed in one.failed:
        output.error(failed.error)
        codes.append(exit_codes.of_error(failed.error))
    output.record(
        "mirror_plan",
        {
            "rule": one.rule.name,
            "source": one.rule.source.name,
            "destination": one.rule.destination.name,
            "repositories": len(one.repositories),
            "failed_repositories": len(one.failed),
            "tags": {state.value: sum(plan.count(state) for plan in one.repositories) for state in TagState},
            "held": sum(len(plan.held) for plan in one.repositories),
            "extras": sum(len(plan.extras) for plan in one.repositories),
            "deletes_extras": deletes,
            "transfers": len(one.requests()),
            "bytes_to_copy": one.bytes_to_move,
        },
    )


def show_end(ended: DeletedTag | KeptTag, output: Output) -> None:
    """Print that an extra tag was deleted, or why it was kept."""
    from longshore.application.mirrors.extras import DeletedTag

    where = {"repository": ended.repository.name, "tag": ended.tag}
    if isinstance(ended, DeletedTag):
        kept = f", backup {ended.backup}" if ended.backup else ""
        # Also with --quiet, as in the log: a schedule's mail or journal is to have it.
        output.result(f"Deleted: {ended.repository.with_tag(ended.tag).familiar}{kept}")
        output.record("mirror_deleted", {**where, "digest": ended.digest, "backup": ended.backup or None})
        return
    output.warning(f"{ended.reason.subject}: {errors.message(ended.reason)}")
    output.record("mirror_kept", {**where, "reason": ended.reason.message})


def _rows(plan: MirrorPlan, deletes: bool, everything: bool, before: str) -> list[tuple[str, str, str, str]]:
    rows = [
        (
            before + text.safe(tag.tag),
            _WORDS[tag.state],
            text.size(tag.size) if tag.copies else "",
            text.size(tag.bytes_to_move) if tag.copies else "",
        )
        for tag in plan.tags
        if everything or tag.state is not TagState.SAME
    ]
    rows += [(before + text.safe(one.tag), _held(one), "", "") for one in plan.held]
    word = "extra, will be deleted" if deletes else "extra, kept"
    if before:  # the rows above are about the source, which has no such tag
        before = f"{plan.rule.ends[1].familiar_name}:"
    return rows + [(before + text.safe(extra.tag), word, "", "") for extra in plan.extras]


def _held(one: HeldTag) -> str:
    return "has no date" if one.created is None else f"too new ({one.created:%Y-%m-%d})"


def _summary(one: RulePlan) -> str:
    tags = sum(len(plan.tags) for plan in one.repositories)
    parts = [
        f"{count:,} {_WORDS[state] if state is not TagState.MISSING else 'new'}"
        for state in TagState
        if (count := sum(plan.count(state) for plan in one.repositories))
    ]
    held = sum(len(plan.held) for plan in one.repositories)
    extras = sum(len(plan.extras) for plan in one.repositories)
    parts += [f"{held:,} too new or without a date"] if held else []
    parts += [f"{extras:,} extra"] if extras else []
    if not parts:
        return "No tag matches."
    words = f"{'1 tag' if tags == 1 else f'{tags:,} tags'}: {', '.join(parts)}."
    return words + (f" {text.size(one.bytes_to_move)} to copy." if one.requests() else "")


def _record(plan: MirrorPlan, output: Output, deletes: bool) -> None:
    source, destination = plan.rule.ends
    where = {"rule": plan.rule.name, "source": source.name, "destination": destination.name}
    for tag in plan.tags:
        output.record("mirror_tag", {**where, **_values(tag)})
    for held in plan.held:
        created = None if held.created is None else held.created.isoformat()
        output.record("mirror_held", {**where, "tag": held.tag, "created": created})
    for extra in plan.extras:
        output.record(
            "mirror_extra",
            {**where, "tag": extra.tag, "digest": extra.digest or None, "will_be_deleted": deletes},
        )


def _values(tag: MirrorTag) -> dict[str, object]:
    return {
        "tag": tag.tag,
        "state": tag.state.value,
        "digest": tag.digest or None,
        "current": tag.current or None,
        "size": tag.size,
        "bytes_to_copy": tag.bytes_to_move,
        "error": None if tag.error is None else error_values(tag.error),
    }
