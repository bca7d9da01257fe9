"""Locks: only references change, and every other byte stays."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longshore.application.image_lists.locking import Locked, Verdict, check, lock, to_ask, to_pin
from longshore.application.image_lists.model import Kind
from longshore.application.image_lists.reading import ListReader
from longshore.application.tag_digests import Found
from longshore.errors import InvalidInput, NotInRegistry
from longshore.oci.reference import Reference

ONE, TWO = (f"sha256:{digit * 64}" for digit in "12")


def locked(text: str, name: str = "compose.yaml", *, update: bool = False, digest: Found = ONE) -> Locked:
    reader = ListReader({"T": "9"})
    found = reader.parse(text.encode(), Path(name))
    digests = dict.fromkeys(to_ask(found, again=update), digest)
    return lock(found, digests, lambda changed: reader.parse(changed.encode(), Path(name)), update=update)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("nginx:1", f"nginx:1@{ONE}"),
        ('"nginx:1"  # comment', f'"nginx:1@{ONE}"  # comment'),
        ("'nginx'", f"'nginx:latest@{ONE}'"),
        ("&a 'nginx'", f"&a 'nginx:latest@{ONE}'"),
        (">-\n      nginx:1", f">-\n      nginx:1@{ONE}"),
        (f"nginx:1@{TWO}", f"nginx:1@{TWO}"),
        (f"nginx@{TWO}", f"nginx@{TWO}"),
        ("docker.io/library/nginx:1", f"docker.io/library/nginx:1@{ONE}"),
        ("localhost:5000/x", f"localhost:5000/x:latest@{ONE}"),
        ("${REG:-reg.io}/x:1", f"${{REG:-reg.io}}/x:1@{ONE}"),
        ("${REG:-reg.io}/x", f"${{REG:-reg.io}}/x:latest@{ONE}"),
        ("nginx:${T}", f"nginx:9@{ONE}"),
        ("nginx:${T}-a", f"nginx:9-a@{ONE}"),
        ("${I:-nginx}", f"nginx:latest@{ONE}"),
        ('"ngin\\x78:1"', f'"nginx:1@{ONE}"'),
        ("nginx:${NOTHING}", "nginx:${NOTHING}"),
    ],
)
def test_a_reference_in_a_compose_file(before: str, after: str) -> None:
    text = "# top\n\nservices:\n  web:\n    image: {}\n\n  db:   {{ build: . }}  # end\r\n"
    found = locked(text.format(before))
    assert found.text == text.format(after)
    verdict = Verdict.UNRESOLVED if "NOTHING" in before else Verdict.PINNED
    assert found.outcomes[0].verdict is (Verdict.UNCHANGED if "@" in before else verdict)
    assert found.outcomes[1].verdict is Verdict.BUILT
    assert found.outcomes[0].replaces_variables == ("T}" in before or "I:" in before)


def test_update_asks_again() -> None:
    text = f"# a\nnginx:1@{TWO} # b\nnginx@{TWO}\nbusybox:1@{ONE}"
    found = locked(text, "x.txt", update=True)
    assert found.text == f"# a\nnginx:1@{ONE} # b\nnginx@{TWO}\nbusybox:1@{ONE}"
    assert [one.verdict for one in found.outcomes] == [Verdict.UPDATED, Verdict.UNCHANGED, Verdict.UNCHANGED]
    assert locked(text, "x.txt").text == text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.txt", f"nginx:1@{TWO}\nnginx:1\n"),
        ("x.yaml", f"a: {{image: 'nginx:1@{TWO}'}}\nb: {{image: nginx:1}}\n"),
        ("Dockerfile", f"FROM nginx:1@{TWO}\nFROM nginx:1\n"),
    ],
)
def test_a_pin_stays_where_the_same_tag_is_pinned_elsewhere(name: str, text: str) -> None:
    """It may be of a registry that has lost the image, or older on purpose: only --update renews it."""
    found = locked(text, name)
    again = re.compile(r"nginx:1(?!@)")
    assert found.text == again.sub(f"nginx:1@{ONE}", text)
    assert [one.verdict for one in found.outcomes] == [Verdict.UNCHANGED, Verdict.PINNED]
    assert locked(text, name, update=True).text == again.sub(f"nginx:1@{ONE}", text).replace(TWO, ONE)
    error = NotInRegistry("none", registry="x")
    verdicts = [one.verdict for one in locked(text, name, digest=error).outcomes]
    assert verdicts == [Verdict.UNCHANGED, Verdict.FAILED]


def test_only_what_is_written_is_verified() -> None:
    found = ListReader({}).parse(f"a:1\na:2@{ONE}\na:3@{TWO}\na@{TWO}\nb c\nd:1\n".encode(), Path("x.txt"))
    one, _, three, other = to_ask(found, again=True)
    digests: dict[Reference, Found] = dict.fromkeys(to_ask(found, again=True), ONE)
    digests[other] = NotInRegistry("none", registry="x")
    assert to_pin(found, digests, update=False) == {one: ONE}
    assert to_pin(found, digests, update=True) == {one: ONE, three: ONE}


def test_a_dockerfile() -> None:
    text = (
        "ARG V=1\nFROM --platform=linux/amd64 node:$V AS a # x\nFROM a\nFROM \\\n  alpine:3\nFROM $X\n"
        "COPY --from=nginx:1 x y\n"
    )
    found = locked(text.replace(" # x", ""), "Dockerfile")
    assert found.text == (
        f"ARG V=1\nFROM --platform=linux/amd64 node:1@{ONE} AS a\nFROM a\nFROM \\\n  alpine:3@{ONE}\nFROM $X\n"
        f"COPY --from=nginx:1@{ONE} x y\n"
    )
    assert [one.verdict for one in found.outcomes].count(Verdict.UNRESOLVED) == 1


def test_escapes_are_no_variables() -> None:
    found = locked(r'[{"image": "reg.io\/team\/app:1"}]', "x.json")
    assert found.text == f'[{{"image": "reg.io/team/app:1@{ONE}"}}]'
    assert not found.outcomes[0].replaces_variables


def test_services_that_share_an_image() -> None:
    text = "x: &x\n  image: redis:7\nservices:\n  a: *x\n  b: {<<: *x}\n"
    assert locked(text).text == text.replace("redis:7", f"redis:7@{ONE}")


def test_failures_leave_their_entries() -> None:
    error = NotInRegistry("none", registry="x")
    found = locked("nginx:1\n", "x.txt", digest=error)
    assert found.text == "nginx:1\n"
    assert [(one.verdict, one.error) for one in found.outcomes] == [(Verdict.FAILED, error)]


def test_a_change_that_would_change_the_meaning_is_refused() -> None:
    # The value is written with an escape, and the place includes the anchor, which would be lost.
    with pytest.raises(InvalidInput):
        locked('services:\n  a: {image: &i "ngin\\x78:1"}\n  b: {image: *i}\n')


def test_check() -> None:
    found = ListReader({}).parse(f"a:1\na:2@{ONE}\na:3@{TWO}\na@{TWO}\nb c\n".encode(), Path("x.txt"))
    wanted = to_ask(found, again=True)
    assert [one.familiar for one in wanted] == ["a:1", "a:2", "a:3"]
    outcomes = check(found, dict.fromkeys(wanted, ONE))
    assert [(one.verdict, one.digest) for one in outcomes] == [
        (Verdict.UNPINNED, ONE),
        (Verdict.UNCHANGED, ONE),
        (Verdict.MOVED, ONE),
        (Verdict.UNCHANGED, ""),
        (Verdict.UNRESOLVED, ""),
    ]


NAMES = st.sampled_from(["nginx:1", "ghcr.io/a/b:2.0", "localhost:5000/x:y", "busybox:latest"])
BLANKS = st.sampled_from(["", "\n", "# comment\n", "  # é 🐳 comment\n", "\r\n", "\n\n"])
STYLES = st.sampled_from(["{}", "'{}'", '"{}"', "{}  # why", "!!str {}", ">-\n      {}", "&{anchor} {}"])


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(BLANKS, STYLES, NAMES), min_size=1, max_size=8), BLANKS)
def test_without_its_digests_a_locked_file_is_the_original(
    services: list[tuple[str, str, str]], end: str
) -> None:
    text = "services:\n" + "".join(
        f"{before}  s{at}:\n    image: {style.replace('{anchor}', f'a{at}').format(name)}\n"
        for at, (before, style, name) in enumerate(services)
    )
    text += end
    found = locked(text)
    assert len(found.outcomes) == len(services)
    assert found.text.count("@sha256:") == len(services)
    assert re.sub(r"@sha256:1{64}", "", found.text) == text
    again = ListReader({}).parse(found.text.encode(), Path("compose.yaml"))
    assert again.kind is Kind.COMPOSE
    assert [one.reference for one in again.entries] == [
        Reference.parse(name).with_digest(ONE) for _, _, name in services
    ]
    assert locked(found.text).text == found.text
