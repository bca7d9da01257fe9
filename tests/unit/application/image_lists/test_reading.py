"""Files of every kind: which kind they are, plain lists, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longshore.application.image_lists.model import MOST_ENTRIES, ImageList, Kind
from longshore.application.image_lists.reading import LARGEST, ListReader
from longshore.application.image_lists.yaml_nodes import MOST_DOCUMENTS, MOST_NODES, without_templates
from longshore.errors import InvalidInput

COMPOSE = "services:\n  web:\n    image: nginx:1\n"
POD = "kind: Pod\napiVersion: v1\nspec:\n  containers:\n  - image: nginx:1\n"
DOCKERFILE = "# comment\nFROM nginx:1\n"
PLAIN = "# comment\nnginx:1\n"


def read(text: str | bytes, name: str = "x", kind: Kind | None = None) -> ImageList:
    raw = text.encode() if isinstance(text, str) else text
    return ListReader({}, kind).parse(raw, Path(name))


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("compose.yaml", COMPOSE, Kind.COMPOSE),
        ("docker-compose.prod.yml", COMPOSE, Kind.COMPOSE),
        ("stack.yml", COMPOSE, Kind.COMPOSE),
        ("-", COMPOSE, Kind.COMPOSE),
        ("x.json", '{"services": {"web": {"image": "nginx:1"}}}', Kind.COMPOSE),
        ("pod.yaml", POD, Kind.KUBERNETES),
        ("-", POD, Kind.KUBERNETES),
        ("-", "---\n" + POD, Kind.KUBERNETES),
        ("-", "{{ if x }}\n" + POD + "{{ end }}", Kind.KUBERNETES),
        ("-", '{"kind": "Pod", "image": "nginx:1"}', Kind.KUBERNETES),
        ("x.yaml", "apiVersion: v1\nservices: {a: {image: 'nginx:1'}}\n", Kind.KUBERNETES),
        ("Dockerfile", DOCKERFILE, Kind.DOCKERFILE),
        ("dockerfile.dev", DOCKERFILE, Kind.DOCKERFILE),
        ("web.Dockerfile", DOCKERFILE, Kind.DOCKERFILE),
        ("Containerfile", DOCKERFILE, Kind.DOCKERFILE),
        ("-", DOCKERFILE, Kind.DOCKERFILE),
        ("images.txt", PLAIN, Kind.PLAIN),
        ("images", PLAIN, Kind.PLAIN),
        ("images", "localhost:5000/a/nginx:1\n", Kind.PLAIN),
    ],
)
def test_the_kind(name: str, text: str, kind: Kind) -> None:
    found = read(text, name)
    assert found.kind is kind
    assert [one.raw.rpartition("/")[2] for one in found.entries] == ["nginx:1"]


def test_a_kind_that_was_named_counts() -> None:
    assert read(PLAIN, "compose.yaml", Kind.PLAIN).kind is Kind.PLAIN
    with pytest.raises(InvalidInput, match="not a compose file"):
        read(POD, "x", Kind.COMPOSE)


def test_a_plain_list() -> None:
    found = read(
        "\ufeff# all\n\n  nginx:1  # web\r\nghcr.io/a/b@sha256:" + "a" * 64 + "\nnot a name\nUPPER\nnginx:1"
    )
    assert [(one.raw, one.span.line, one.span.column, one.unresolved) for one in found.entries] == [
        ("nginx:1", 3, 3, False),
        ("ghcr.io/a/b@sha256:" + "a" * 64, 4, 1, False),
        ("not a name", 5, 1, True),
        ("UPPER", 6, 1, True),
        ("nginx:1", 7, 1, False),
    ]
    assert [one.familiar for one in found.references()] == ["nginx:1", "ghcr.io/a/b@sha256:" + "a" * 64]


@pytest.mark.parametrize("make", ["missing", "folder", "fifo", "device", "huge"])
def test_what_is_not_a_file_is_refused_at_once(tmp_path: Path, make: str) -> None:
    path = tmp_path / "list"
    match make:
        case "folder":
            path.mkdir()
        case "fifo":
            os.mkfifo(path)
        case "device":
            path = Path("/dev/zero")
        case "huge":
            with path.open("wb") as file:
                file.truncate(LARGEST + 1)
        case _:
            pass
    with pytest.raises(InvalidInput) as caught:
        ListReader({}).read(path)
    assert caught.value.subject == str(path)


@pytest.mark.parametrize("content", [b"nginx\0", b"\xff\xfen\0", b"nginx:\xff", b"x" * (LARGEST + 1)])
def test_what_is_not_text_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidInput):
        read(content)


LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + at)}: &{chr(98 + at)} [{','.join(['*' + chr(97 + at)] * 9)}]\n" for at in range(20)
)


def test_aliases_are_not_expanded() -> None:
    assert [one.raw for one in read(LAUGHS + "image: x:1\n", "x.yaml").entries] == ["x:1"]
    assert read("services: &s\n  web: &w\n    <<: *w\n    image: x:1\n  self: *s\n", "compose.yaml").entries


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("image: " + "[" * 100_000, "nested deeper"),
        ("image:\n" + "".join(" " * at + "a:\n" for at in range(1, 300)), "nested deeper"),
        ("image: x\nb:\n" + "- " * 100_000, "nested deeper"),
        ("--- image\n" * (MOST_DOCUMENTS + 1), "YAML documents"),
        ("image: [" + "a," * (MOST_NODES + 1) + "]", "values"),
        ("image: !" + "a" * 1_000_000 + " x", "can't be read"),
        ("image: *nothing", "can't be read"),
        ("image: [", "can't be read"),
        ("image: 'x", "can't be read"),
        ("image: a\x01", "can't be read"),
        ('image: "\\UFFFFFFFF"', "can't be read"),
        ("%YAML 9.1\n---\nimage: a\n", "can't be read"),
        ("image: a\nimage\n", "at line"),
    ],
)
def test_hostile_yaml_is_refused(text: str, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        read(text, "x.yaml")


def test_too_many_images_are_refused() -> None:
    for name, line in (("x.txt", "a\n"), ("Dockerfile", "FROM a\n")):
        with pytest.raises(InvalidInput, match="names more than"):
            read(line * (MOST_ENTRIES + 1), name)
    with pytest.raises(InvalidInput, match="build arguments"):
        read("ARG A=$A$A\n" * 2000, "Dockerfile")


YAML_PIECES = [
    "image",
    ": ",
    "\n",
    " ",
    "- ",
    "{{",
    "}}",
    "'",
    '"',
    "&a ",
    "*a",
    "<<",
    ">-",
    "|",
    "services:",
    "---",
]
WORDS = [
    "FROM ",
    "ARG ",
    "COPY --from=",
    "RUN ",
    "EOF",
    "nginx",
    ":1",
    "@sha256:",
    "${",
    "}",
    "$",
    "A",
    "\\",
    "`",
]
SIGNS = [
    "#",
    "[",
    "]",
    "{",
    "...",
    "!",
    "%",
    "\t",
    "\r",
    "\ufeff",
    "é",
    "🐳",
    "=",
    ",",
    "?",
    "\x85",
    "\u2028",
]
PIECES = st.sampled_from([*YAML_PIECES, *WORDS, *SIGNS])


@settings(max_examples=400, deadline=None)
@given(st.lists(PIECES, max_size=40).map("".join), st.sampled_from(list(Kind)))
def test_any_text_is_read_or_refused(text: str, kind: Kind) -> None:
    try:
        found = read(text, "x", kind)
    except InvalidInput:
        return
    for one in found.entries:
        assert found.text[one.span.start : one.span.end] == one.raw
        lines = found.text[: one.span.start].split("\n")
        assert (one.span.line, one.span.column) == (len(lines), len(lines[-1]) + 1)
        assert (one.reference is None) == (one.problem is not None)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from(["{{", "}}", "a", "\n", " ", ":", "{", "}", "\r\n"]), max_size=40).map("".join)
)
def test_templates_are_replaced_by_as_much(text: str) -> None:
    found = without_templates(text)
    assert len(found) == len(text)
    assert [at for at, char in enumerate(found) if char in "\r\n"] == [
        at for at, char in enumerate(text) if char in "\r\n"
    ]
    assert "\0" not in found
    if "}}" not in text:
        assert found == text


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("x.txt", "user:hunter22@host.io/a:1"),
        ("x.txt", "https://user:hunter22@host.io/a"),
        ("compose.yaml", "services: {a: {image: 'user:hunter22$@host.io/a'}}"),
        ("compose.yaml", "services: {a: {image: 'user:hunter22${x@host.io/a'}}"),
        ("x.yaml", "image: user:hunter22@host.io/a"),
        ("Dockerfile", "FROM user:hunter22$1@host.io/a"),
    ],
)
def test_what_may_be_a_password_is_not_shown(name: str, line: str) -> None:
    (found,) = read(line, name).entries
    assert found.unresolved and found.problem is not None
    problem = found.problem
    assert "hunter22" in found.raw
    assert (
        "hunter22" not in f"{found.shown}{problem.message}{problem.subject}{problem.advice}{problem.detail}"
    )
