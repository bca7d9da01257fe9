"""Compose files: services, anchors, variables as docker compose replaces them."""

from __future__ import annotations

from pathlib import Path

import pytest

from longshore.application.image_lists.model import Entry, Kind
from longshore.application.image_lists.reading import ListReader


def entries(text: str, environ: dict[str, str] | None = None, folder: Path = Path("/none")) -> list[Entry]:
    found = ListReader(environ or {}).parse(text.encode(), folder / "compose.yaml")
    assert found.kind is Kind.COMPOSE
    for entry in found.entries:
        assert found.text[entry.span.start : entry.span.end] == entry.raw
        assert (entry.reference is None) == (entry.problem is not None)
    return list(found.entries)


def image(value: str, environ: dict[str, str] | None = None, folder: Path = Path("/none")) -> Entry:
    (found,) = entries(f"services:\n  web:\n    image: {value}\n", environ, folder)
    return found


def meaning(value: str, environ: dict[str, str] | None = None, folder: Path = Path("/none")) -> str | None:
    reference = image(value, environ, folder).reference
    return None if reference is None else reference.familiar


def test_each_service_and_its_place() -> None:
    found = entries(
        'x-base: &base\n  image: "redis:7"  # cache\nservices:\n  web:\n    image: nginx:1\n'
        "  cache: {<<: *base}\n  more:\n    <<: [*base]\n    image: busybox\n  ours:\n    build: .\n"
        "  both: {image: me/app:1, build: .}\n"
    )
    assert [(one.raw, one.where, one.span.line, one.span.column) for one in found] == [
        ("redis:7", "service cache", 2, 11),
        ("nginx:1", "service web", 5, 12),
        ("busybox", "service more", 9, 12),
        ("ours", "service ours", 10, 3),
        ("me/app:1", "service both", 12, 17),
    ]
    assert [one.built for one in found] == [False, False, False, True, True]
    assert found[3].reference is None and not found[3].unresolved
    assert found[4].reference is not None


def test_services_that_share_an_image_by_an_anchor_are_one_place() -> None:
    (found,) = entries("services:\n  a: &a {image: nginx:1}\n  b: *a\n  c: {<<: *a}\n")
    assert found.where == "services a, b, c"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("  web: {extends: {file: x.yaml, service: y}}", "extends"),
        ("  web: {command: x}", "neither an image nor a build"),
        ("  web: {image: }", "neither an image nor a build"),
        ("  web: {image: 'not a name'}", "space"),
        ("  web: {image: 'n:{{ .tag }}'}", "template"),
    ],
)
def test_unknown_images_are_named(text: str, why: str) -> None:
    (found,) = entries(f"services:\n{text}\n")
    assert found.unresolved and found.problem is not None and why in found.problem.message


def test_included_files_are_named() -> None:
    found = entries("include: [other.yaml]\nservices: {web: {image: nginx}}\n")
    assert [(one.where, one.unresolved) for one in found] == [("include", True), ("service web", False)]


@pytest.mark.parametrize(
    ("value", "environ", "expected"),
    [
        ("nginx:${T:-1}", {}, "nginx:1"),
        ("nginx:${T:-1}", {"T": ""}, "nginx:1"),
        ("nginx:${T-1}", {}, "nginx:1"),
        ("nginx${T-1}", {"T": ""}, "nginx"),
        ("nginx:${T:-1}", {"T": "2"}, "nginx:2"),
        ("nginx:$T", {"T": "2"}, "nginx:2"),
        ("nginx:$T-alpine", {"T": "2"}, "nginx:2-alpine"),
        ("nginx:${A:-${B:-3}}", {}, "nginx:3"),
        ("nginx:${A:-${B:-3}}", {"B": "b"}, "nginx:b"),
        ("nginx${T:+:x}", {"T": "1"}, "nginx:x"),
        ("nginx${T:+:x}", {}, "nginx"),
        ("nginx${T+:x}", {"T": ""}, "nginx:x"),
        ("nginx:${T:?needed}", {"T": "4"}, "nginx:4"),
        ("nginx:${T:?needed}", {"T": ""}, None),
        ("nginx:${T?needed}", {}, None),
        ("nginx:${T}", {}, None),
        ("nginx:$T", {}, None),
        ("nginx:$1", {"1": "x"}, None),
        ("nginx:${T", {"T": "x"}, None),
        ("nginx:${T/x/y}", {"T": "x"}, None),
        ("nginx:$$T", {"T": "x"}, None),  # a dollar, which no tag has
    ],
)
def test_variables(value: str, environ: dict[str, str], expected: str | None) -> None:
    assert meaning(value, environ) == expected


def test_the_problem_names_the_variable() -> None:
    problem = image("nginx:${TAG}").problem
    assert problem is not None and problem.message == "The variable TAG has no value."


def test_variables_of_the_file_beside_it(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        "# comment\n\nexport A=1 # more\nB='$A'\nC=\"${A}-x\"\nD: d\nE=$A\nF\nP=pa#ss\n", encoding="utf-8"
    )
    for name, value in {"A": "1", "C": "1-x", "D": "d", "E": "1"}.items():
        assert meaning(f"nginx:${name}", {}, tmp_path) == f"nginx:{value}"
    assert meaning("nginx:$B", {}, tmp_path) is None  # single quotes keep the dollar
    assert meaning("nginx:$F", {}, tmp_path) is None
    assert meaning("nginx:$A", {"A": "environment"}, tmp_path) == "nginx:environment"
    assert meaning("nginx:$A", {"COMPOSE_DISABLE_ENV_FILE": "1"}, tmp_path) is None
    (tmp_path / "other").write_text("A=other\n", encoding="utf-8")
    assert meaning("nginx:$A", {"COMPOSE_ENV_FILES": str(tmp_path / "other")}, tmp_path) == "nginx:other"


@pytest.mark.parametrize("content", [b"PASSWORD hunter22\n", b'P="hunter22\n', b"P=hunter22$\n", b"\xff"])
def test_a_broken_file_of_variables_is_named_and_not_quoted(tmp_path: Path, content: bytes) -> None:
    (tmp_path / ".env").write_bytes(content)
    problem = image("nginx:$A", {}, tmp_path).problem
    assert problem is not None and problem.subject == str(tmp_path / ".env")
    assert "hunter22" not in f"{problem.message}{problem.advice}{problem.detail}"


def test_a_file_of_variables_is_read_only_if_it_is_needed(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    assert meaning("nginx:1", {}, tmp_path) == "nginx:1"
    assert meaning("nginx:$A", {"A": "1"}, tmp_path) == "nginx:1"
    assert meaning("nginx:$A", {}, tmp_path) is None


def test_a_number_or_boolean_is_no_image() -> None:
    for value in ("true", "5", "!!int 5"):
        problem = image(value).problem
        assert problem is not None and "number or a boolean" in problem.message
    # Compose replaces variables in texts, and the result is a text.
    assert meaning("'5'") == "5"
    assert meaning("${X}", {"X": "5"}) == meaning("'5'")
    (built,) = entries("services:\n  web: {image: 5, build: .}\n")
    assert built.built and not built.unresolved
