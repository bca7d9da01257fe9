"""How plans of mirrors are printed."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from longshore.application.mirrors.extras import DeletedTag, KeptTag
from longshore.application.mirrors.plan import (
    ExtraTag,
    FailedRepository,
    HeldTag,
    MirrorPlan,
    MirrorTag,
    RulePlan,
    TagState,
)
from longshore.application.mirrors.repositories import parse_namespace, parse_source
from longshore.application.mirrors.rules import MirrorRule
from longshore.cli import mirror_plans
from longshore.cli.mirror_plans import comparing, show, show_end
from longshore.cli.output import Output
from longshore.errors import InvalidManifest, LongshoreError, SignInRequired
from longshore.oci.reference import Reference

RULE = MirrorRule("nightly", Reference("a.io", "app"), Reference("b.io", "app"))
TAGS = (
    MirrorTag("1.0", TagState.SAME, "sha256:1", "sha256:1"),
    MirrorTag("1.1", TagState.DIFFERS, "sha256:2", "sha256:3", 3_000_000, 1_000_000),
    MirrorTag("1.2", TagState.MISSING, "sha256:4", "", 5_000_000, 5_000_000),
    MirrorTag("1.3", TagState.UNREADABLE, error=InvalidManifest("It is broken.", subject="1.3")),
)
HELD = (HeldTag("2.0", datetime(2026, 6, 30, 12, tzinfo=UTC)), HeldTag("2.1", None))
PLAN = RulePlan(RULE, (MirrorPlan(RULE, TAGS, HELD, (ExtraTag("0.9", "sha256:9"),)),))


def printed(
    plan: RulePlan, capsys: pytest.CaptureFixture[str], as_json: bool = False, **more: bool
) -> tuple[list[str], str, list[int]]:
    codes: list[int] = []
    options = {"deletes": False, "table": True, "everything": False} | more
    show(plan, Output(as_json=as_json, quiet=False), codes=codes, **options)
    out, err = capsys.readouterr()
    return out.splitlines(), err, codes


def test_a_plan_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    lines, err, codes = printed(PLAN, capsys)
    assert lines == [
        "nightly: a.io/app → b.io/app",
        "TAG  RESULT                SIZE  TO COPY",
        "1.1  replaces existing     3 MB  1 MB",
        "1.2  new tag               5 MB  5 MB",
        "1.3  can't be read",
        "2.0  too new (2026-06-30)",
        "2.1  has no date",
        "0.9  extra, kept",
        "4 tags: 1 unchanged, 1 new, 1 replaces existing, 1 can't be read, 2 too new or without a date, 1 extra."
        " 6 MB to copy.",
    ]
    assert err == "longshore: a.io/app:1.3: It is broken.\n"
    assert codes == [0, 1]  # transfers have codes of their own
    assert printed(PLAN, capsys, deletes=True)[0][7] == "0.9  extra, will be deleted"
    assert printed(PLAN, capsys, everything=True)[0][2].split() == ["1.0", "unchanged"]
    assert len(printed(PLAN, capsys, table=False)[0]) == 2


def test_images_without_the_platforms_of_the_rule_are_no_errors(capsys: pytest.CaptureFixture[str]) -> None:
    error = InvalidManifest("No image is available for linux/arm64.", subject="1")
    tags = (MirrorTag("1", TagState.OTHER_PLATFORMS, error=error), MirrorTag("2", TagState.SAME))
    lines, err, codes = printed(RulePlan(RULE, (MirrorPlan(RULE, tags),)), capsys)
    assert lines[2:] == ["1    not for these platforms", "2 tags: 1 unchanged, 1 not for these platforms."]
    assert (err, codes) == ("", [0, 0])


def test_many_repositories_and_what_is_not_known(capsys: pytest.CaptureFixture[str]) -> None:
    rule = MirrorRule("all", parse_source("a.io/team/*"), parse_namespace("b.io/copies"))
    one = rule.at("team/app")
    failed = FailedRepository(
        rule.at("team/x"), SignInRequired("a.io requires you to sign in.", registry="a.io")
    )
    unknown = MirrorPlan(one, (TAGS[2],), extras_unknown="The source lists no tags at all.")
    lines, err, codes = printed(RulePlan(rule, (unknown,), (failed,)), capsys)
    assert lines[0] == "all: a.io/team/* → b.io/copies"
    assert lines[2].split() == ["team/app:1.2", "new", "tag", "5", "MB", "5", "MB"]
    assert "b.io/copies/app: extra tags are not known. The source lists no tags at all." in err
    assert "requires you to sign in" in err
    assert codes == [4]
    assert printed(RulePlan(rule, ()), capsys)[0][1] == "No tag matches."
    # An extra tag is one of the destination.
    extra = RulePlan(rule, (MirrorPlan(one, (TAGS[2],), extras=(ExtraTag("x"),)),))
    assert printed(extra, capsys, deletes=True)[0][3].split() == [
        "b.io/copies/app:x",
        *("extra,", "will", "be", "deleted"),
    ]


def test_a_plan_as_objects(capsys: pytest.CaptureFixture[str]) -> None:
    lines, _, _ = printed(PLAN, capsys, as_json=True, deletes=True)
    found = [json.loads(line) for line in lines]
    where = {"schema": 1, "rule": "nightly", "source": "a.io/app", "destination": "b.io/app"}
    assert found[1] == where | {
        "kind": "mirror_tag",
        "tag": "1.1",
        "state": "differs",
        "digest": "sha256:2",
        "current": "sha256:3",
        "size": 3_000_000,
        "bytes_to_copy": 1_000_000,
        "error": None,
    }
    assert found[3]["error"]["message"] == "It is broken."
    assert found[4] == where | {"kind": "mirror_held", "tag": "2.0", "created": "2026-06-30T12:00:00+00:00"}
    assert found[6] == where | {
        "kind": "mirror_extra",
        "tag": "0.9",
        "digest": "sha256:9",
        "will_be_deleted": True,
    }
    assert found[-1] == where | {
        "kind": "mirror_plan",
        "repositories": 1,
        "failed_repositories": 0,
        "tags": {"same": 1, "missing": 1, "differs": 1, "unsigned": 0, "other-platforms": 0, "unreadable": 1},
        "held": 2,
        "extras": 1,
        "deletes_extras": True,
        "transfers": 2,
        "bytes_to_copy": 6_000_000,
    }
    assert [one["kind"] for one in found].count("error") == 1


def test_how_far_a_comparison_is_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    output = Output(as_json=False, quiet=False)
    with comparing(output) as told:
        told(1, 2)
    assert capsys.readouterr().err == ""
    output.live = True
    now = iter((10.0, 10.1, 10.3))
    monkeypatch.setattr(mirror_plans.time, "monotonic", lambda: next(now))
    with comparing(output) as told:
        for done in (1, 2, 3):
            told(done, 2000)
    line = "\r\x1b[KComparing: {} of 2,000 tags"
    assert capsys.readouterr().err == line.format(1) + line.format(3) + "\r\x1b[K"


def test_how_deletions_ended(capsys: pytest.CaptureFixture[str]) -> None:
    where, reason = Reference("b.io", "app"), LongshoreError("It was not deleted.", subject="b.io/app:2")
    ended = (DeletedTag(where, "1", "sha256:1", "longshore-backup-1-1"), KeptTag(where, "2", reason))
    for one in ended:
        show_end(one, Output(as_json=False, quiet=False))
    out, err = capsys.readouterr()
    assert out == "Deleted: b.io/app:1, backup longshore-backup-1-1\n"
    assert err == "longshore: b.io/app:2: It was not deleted.\n"
    show_end(ended[0], Output(as_json=False, quiet=True))
    assert capsys.readouterr().out == out
    for one in ended:
        show_end(one, Output(as_json=True, quiet=False))
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["kind"], one["repository"], one["tag"]) for one in found] == [
        ("mirror_deleted", "b.io/app", "1"),
        ("mirror_kept", "b.io/app", "2"),
    ]
