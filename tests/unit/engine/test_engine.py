"""What the client of an engine decides before it asks one. All else is in tests/integration/engine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from longshore.cancellation import Cancellation
from longshore.credentials import Credential
from longshore.engine.address import EngineAddress
from longshore.engine.engine import Engine, _loaded, _signed_in, _Source
from longshore.oci.errors import InvalidReference
from longshore.oci.reference import Reference

DIGEST = "sha256:" + "d" * 64


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = Engine(EngineAddress("x", "unix:///nowhere/docker.sock"))
    yield engine
    engine.close()


@pytest.mark.parametrize("text", ["h.example/a", f"h.example/a@{DIGEST}", f"h.example/a:1@{DIGEST}"])
def test_only_a_tag_is_pushed(engine: Engine, text: str) -> None:
    with pytest.raises(InvalidReference, match="Only a tag can be pushed") as caught:
        engine.push(Reference.parse(text), cancellation=Cancellation())
    assert caught.value.subject == text


def test_no_image_is_called_by_a_digest(engine: Engine) -> None:
    with pytest.raises(InvalidReference, match="cannot be given a digest"):
        engine.tag("a:1", Reference.parse(f"h.example/a:1@{DIGEST}"))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Loaded image: a:1\n", ["a:1"]),
        ("Loaded image: a:1\nLoaded image: b:2\n", ["a:1", "b:2"]),
        (f"Loaded image ID: {DIGEST}\n", [DIGEST]),
        ("Loaded image(s): a:1, b:2", ["a:1", "b:2"]),  # Podman
        ("Loading layer\n", []),
        ("", []),
    ],
)
def test_the_names_of_what_was_loaded(text: str, names: list[str]) -> None:
    assert _loaded(text) == names


def test_who_is_signed_in() -> None:
    assert _signed_in(Credential("me", "secret"))
    assert not _signed_in(Credential("", ""))
    assert not _signed_in(None)


def test_the_error_of_our_own_side_comes_first() -> None:
    ours = OSError("the disk")

    def chunks() -> Iterator[bytes]:
        yield from (b"a", b"", b"b")
        raise ours

    source = _Source(chunks())
    with pytest.raises(OSError, match="the disk") as caught, source.errors_first():
        try:
            list(source)
        except OSError:
            raise ConnectionError("as an HTTP library says it") from None
    assert caught.value is ours
    with pytest.raises(ConnectionError), _Source(()).errors_first():
        raise ConnectionError("the other side")
    assert [*_Source((b"a", b"", b"b"))] == [b"a", b"b"], "an empty one would end the body"
