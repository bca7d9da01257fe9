"""Dockerfiles: FROM with its arguments, stages, continuations, here-documents."""

from __future__ import annotations

from pathlib import Path

import pytest

from longshore.application.image_lists.model import Entry, Kind
from longshore.application.image_lists.reading import ListReader
from longshore.errors import InvalidInput


def entries(text: str, **arguments: str) -> list[Entry]:
    found = ListReader({}, build_arguments=arguments).parse(text.encode(), Path("Dockerfile"))
    assert found.kind is Kind.DOCKERFILE
    for entry in found.entries:
        assert found.text[entry.span.start : entry.span.end] == entry.raw
    return list(found.entries)


def names(text: str, **arguments: str) -> list[str | None]:
    return [None if one.reference is None else one.reference.familiar for one in entries(text, **arguments)]


def test_stages_are_no_images() -> None:
    found = entries(
        "# syntax=docker/dockerfile:1\nFROM --platform=$BUILDPLATFORM golang:1.22 AS Build\n"
        "from build as test\nFROM scratch\nCOPY --chown=1 --from=build /a /a\nCOPY --from=0 /a /a\n"
        "COPY --from=nginx:1 /b /b\nCOPY a --from=x b\nRUN --mount=type=bind,from=busybox:2,target=/x ls\n"
        "RUN --mount=type=cache,target=/from=x ls\n"
    )
    assert [(one.raw, one.where, one.span.line, one.span.column) for one in found] == [
        ("golang:1.22", "stage Build", 2, 32),
        ("nginx:1", "COPY --from", 7, 13),
        ("busybox:2", "RUN --mount", 9, 28),
    ]


def test_a_name_is_a_stage_only_after_its_stage() -> None:
    assert names("FROM base\nFROM x AS base\nFROM base\n") == ["base", "x"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ARG V=1\nFROM node:$V\n", "node:1"),
        ("ARG V=1\nFROM node:${V}-alpine\n", "node:1-alpine"),
        ("ARG V\nFROM node:${V:-2}\n", "node:2"),
        ("ARG V=\nFROM node${V:+:x}\n", "node"),
        ('ARG A="1" B=$A.2\nFROM node:$B\n', "node:1.2"),
        ("ARG I=node:3\nFROM $I\n", "node:3"),
        ("ARG V\nFROM node:$V\n", None),
        ("FROM node:$V\n", None),
        ("FROM node:$TARGETARCH\n", None),
        ("ARG A=$B\nFROM node:$A\n", None),
        ("FROM x\nARG V=1\nFROM node:$V\n", None),
        ("FROM no\\$de\n", None),
    ],
)
def test_arguments(text: str, expected: str | None) -> None:
    assert names(text)[-1] == expected


def test_build_arguments_replace_defaults_of_declared_arguments_only() -> None:
    assert names("ARG V=1\nFROM node:$V\n", V="9") == ["node:9"]
    assert names("ARG V\nFROM node:$V\n", V="9") == ["node:9"]
    assert names("FROM node:$V\n", V="9") == [None]


def test_the_problem_says_what_to_give() -> None:
    (found,) = entries("ARG V\nFROM node:$V\n")
    assert found.problem is not None
    assert found.problem.message == "The build argument V has no default."
    assert found.problem.advice == "Give it with --build-arg V=VALUE."


def test_lines_that_continue() -> None:
    found = entries(
        "FROM \\\n  # a comment\n\n  alpine:3 \\  \n AS x\nRUN a \\\nFROM no\nFROM x\nFROM al\\\npine\n"
    )
    assert [one.raw for one in found] == ["alpine:3", "al\\\npine"]
    assert [one.reference.familiar for one in found if one.reference] == ["alpine:3", "alpine"]
    assert found[1].tail == ""


def test_the_escape_directive() -> None:
    assert names("# escape=`\nFROM `\r\n  alpine:3\r\nRUN dir c:\\\nFROM b\n") == ["alpine:3", "b"]
    # A directive after anything else is a comment.
    assert names("\n# escape=`\nFROM \\\n  alpine:3\n") == ["alpine:3"]


@pytest.mark.parametrize(
    "body",
    [
        "RUN <<EOF\nFROM no\nEOF\n",
        "RUN <<-'EOF' cat\n\tFROM no\n\tEOF\n",
        "COPY <<a <<b /x\nFROM no\na\nFROM no\nb\n",
        "ONBUILD RUN <<EOF\nFROM no\nEOF\n",
        'RUN 3<<"E"\nFROM no\nE\n',
        "RUN echo '<<EOF'\n",
        "RUN echo $((1<<2))\n",
        "# RUN <<EOF\n",
        "LABEL x=y <<EOF\n",
    ],
)
def test_here_documents(body: str) -> None:
    assert names(f"FROM a\n{body}FROM b\n") == ["a", "b"]


def test_a_here_document_without_an_end_hides_what_follows() -> None:
    with pytest.raises(InvalidInput, match="EOF that begins at line 2 has no end"):
        entries("FROM a\nRUN <<EOF\nFROM b\n")


def test_without_from() -> None:
    with pytest.raises(InvalidInput, match="has no FROM"):
        entries("RUN x\n")


def test_quotes_are_not_part_of_the_reference() -> None:
    (found,) = entries('FROM "alpine:3"\n')
    assert (found.raw, found.span.column) == ("alpine:3", 7)
