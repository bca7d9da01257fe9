"""Further names for local images: what they are, and what giving them changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from longshore.application.stores import LibraryStore
from longshore.application.tagging import Effect, carry_out, derived, parse_name, plan
from longshore.errors import EngineFailure, InvalidInput, InvalidReference
from longshore.library.library import Library
from longshore.oci.image_name import ImageName
from longshore.oci.local_image import LocalImage
from longshore.oci.reference import Reference
from transfertools.layouts import NAME, image, noise, put

ONE, TWO, THREE = (f"sha256:{digit * 64}" for digit in "123")


def row(name: str, image_id: str) -> LocalImage:
    return LocalImage(Reference.parse(name) if name else None, image_id, None, 1)


LISTED = [row("a:1", ONE), row("a:2", ONE), row("b:1", TWO), row("c:1", THREE), row("c:2", THREE)]
A, B = LISTED[0].name, LISTED[2].name


def effects(*wanted: tuple[ImageName, str]) -> list[tuple[str, Effect, str]]:
    names = plan(LISTED, [(image, parse_name(name)) for image, name in wanted])
    return [(name.target.familiar, name.effect, name.other.shown if name.other else "") for name in names]


def test_a_name_is_new_there_or_taken_from_another_image() -> None:
    assert effects((A, "a:3"), (A, "a:2"), (A, "b:1"), (A, "c:1")) == [
        ("a:3", Effect.NEW, ""),
        ("a:2", Effect.SAME, ""),
        ("b:1", Effect.LAST, "b:1"),
        ("c:1", Effect.MOVED, "c:1"),
    ]
    assert [name.changes for name in plan(LISTED, [(A, parse_name("a:2")), (A, parse_name("x"))])] == [
        False,
        True,
    ]


def test_an_image_that_loses_all_its_names_at_once_keeps_none() -> None:
    assert [effect for _, effect, _ in effects((A, "c:1"), (A, "c:2"))] == [Effect.LAST, Effect.LAST]


def test_the_same_name_twice_is_neither() -> None:
    assert effects((A, "x:1"), (B, "x:1"), (B, "x:2")) == [
        ("x:1", Effect.TWICE, ""),
        ("x:1", Effect.TWICE, ""),
        ("x:2", Effect.NEW, ""),
    ]
    assert [effect for _, effect, _ in effects((A, "x"), (A, "x:latest"))] == [Effect.TWICE, Effect.TWICE]


def test_an_image_without_a_name_gets_one() -> None:
    nameless = ImageName(None, TWO)
    assert effects((nameless, "b:1"), (nameless, "b:2")) == [
        ("b:1", Effect.SAME, ""),
        ("b:2", Effect.NEW, ""),
    ]


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("web", "docker.io/library/web:latest"),
        (" docker pull r.io:5000/team/web:dev ", "r.io:5000/team/web:dev"),
        ("team/web:1", "docker.io/team/web:1"),
    ],
)
def test_what_is_typed_becomes_a_name_with_a_tag(typed: str, name: str) -> None:
    assert str(parse_name(typed)) == name


@pytest.mark.parametrize("typed", ["", "Web", "web:", "we b", "r.io/web:-x"])
def test_what_is_no_reference_is_refused(typed: str) -> None:
    with pytest.raises(InvalidReference):
        parse_name(typed)


def test_a_digest_is_no_name() -> None:
    with pytest.raises(InvalidInput, match="digest can't be used as a name"):
        parse_name(f"web@{ONE}")


@pytest.mark.parametrize(
    ("source", "prefix", "tag", "name"),
    [
        ("web:dev", "", "", "docker.io/library/web:dev"),
        ("web:dev", "", "1.0", "docker.io/library/web:1.0"),
        ("web:dev", "r.io:5000", "", "r.io:5000/web:dev"),
        ("web:dev", "r.io/", "1.0", "r.io/web:1.0"),
        ("acme/web:dev", "r.io", "", "r.io/acme/web:dev"),
        ("q.io/acme/web:dev", "r.io/team", "", "r.io/team/web:dev"),
        ("q.io/library/web:dev", "r.io", "", "r.io/library/web:dev"),
        ("q.io/acme/web:dev", "docker.io", "", "docker.io/acme/web:dev"),
        ("q.io/acme/web:dev", "ann", "", "docker.io/ann/web:dev"),
        ("q.io/acme/web:dev", " localhost/a/b ", " x ", "localhost/a/b/web:x"),
        (f"q.io/web@{ONE}", "r.io", "", "r.io/web:latest"),
    ],
)
def test_a_registry_and_a_tag_for_all(source: str, prefix: str, tag: str, name: str) -> None:
    assert str(derived(Reference.parse(source), prefix, tag)) == name


@pytest.mark.parametrize(
    ("prefix", "tag"), [("R.io/Team", ""), ("r.io/te am", ""), ("", "a b"), ("/", "-"), ("r.io//x", "")]
)
def test_what_makes_no_reference_is_refused(prefix: str, tag: str) -> None:
    with pytest.raises(InvalidReference):
        derived(Reference.parse("web:dev"), prefix, tag)


@pytest.mark.parametrize("prefix", ["R.io/Team", "r.io/te am", "r.io//x", "reg:", "-a"])
def test_an_error_quotes_only_what_was_typed(prefix: str) -> None:
    with pytest.raises(InvalidReference) as caught:
        derived(Reference.parse("web:dev"), prefix, "")
    assert caught.value.subject in prefix
    quoted = caught.value.message.partition("“")[2].partition("”")[0]
    assert quoted in prefix


class Store:
    """Records the names given; refuses those of ``bad``."""

    def __init__(self) -> None:
        self.given: list[tuple[str, str]] = []

    def tag(self, source: str, target: Reference) -> None:
        if target.path.startswith("bad"):
            raise EngineFailure(f"No {target.path}.")
        self.given.append((source, str(target)))


def test_a_name_that_fails_does_not_stop_the_others() -> None:
    store = Store()
    wanted = [(A, Reference.parse(f"r.io/{name}:1")) for name in ("x", "bad", "bad2", "y")]
    with pytest.raises(EngineFailure, match=r"No bad\."):
        carry_out(store, wanted)  # type: ignore[arg-type]
    assert store.given == [("docker.io/library/a:1", "r.io/x:1"), ("docker.io/library/a:1", "r.io/y:1")]


def test_in_the_library_an_image_is_gone_with_its_only_name(tmp_path: Path) -> None:
    library = Library(tmp_path / "library")
    other = NAME.with_tag("2")
    put(library, image(noise(3000, 1)))
    put(library, image(noise(4000, 2)), other)
    store = LibraryStore(library)
    first, second = (next(i for i in store.images() if i.reference == name) for name in (NAME, other))
    wanted = [(first.name, other), (first.name, NAME.with_tag("3"))]
    assert [name.effect for name in plan(store.images(), wanted)] == [Effect.LAST, Effect.NEW]
    carry_out(store, wanted)
    assert {str(i.reference): i.image_id for i in store.images()} == {
        str(name): first.image_id for name in (NAME, other, NAME.with_tag("3"))
    }
    assert first.image_id != second.image_id
