"""The layers of images and their sizes, as several engines describe them."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longshore.engine.layer_sizes import (
    MOST_LAYERS,
    Content,
    Layer,
    chain_ids,
    content_sizes,
    folders_of,
    layers_of,
)

A, B, C = (f"sha256:{digit * 64}" for digit in "abc")


def described(*diff_ids: str, **data: str) -> dict[str, Any]:
    return {"RootFS": {"Layers": list(diff_ids)}, "GraphDriver": {"Data": data or None}}


def steps(*made: tuple[int, str]) -> list[dict[str, Any]]:
    """A history, given from the oldest step on; the API has the newest first."""
    return [{"Size": size, "CreatedBy": text} for size, text in reversed(made)]


def test_a_chain_id_names_a_layer_with_all_below_it() -> None:
    second = f"sha256:{hashlib.sha256(f'{A} {B}'.encode()).hexdigest()}"
    third = f"sha256:{hashlib.sha256(f'{second} {C}'.encode()).hexdigest()}"
    assert chain_ids([A, B, C]) == [A, second, third]
    assert chain_ids([]) == []


def test_the_folders_of_layers_name_them_where_there_are_any() -> None:
    lower = "/data/overlay2/two/diff:/data/overlay2/one/diff"
    image = described(A, B, C, UpperDir="/data/overlay2/three/diff", LowerDir=lower)
    found = layers_of(image, steps((1, "COPY"), (2, "COPY"), (3, "COPY")))
    assert found == (Layer("one", 1), Layer("two", 2), Layer("three", 3))
    assert folders_of(described(A, UpperDir="/data/overlay/only/diff")) == ["only"]
    # Of a driver without folders, or with others, the chain counts.
    assert [layer.id for layer in layers_of(described(A), steps((1, "COPY")))] == [A]
    odd = layers_of(described(A, B, UpperDir="/x/one/diff"), steps((1, "COPY"), (1, "COPY")))
    assert [layer.id for layer in odd] == chain_ids([A, B])


@pytest.mark.parametrize(
    ("history", "count", "expected"),
    [
        # Only steps with bytes made layers (Podman).
        (((4, "COPY a"), (0, "WORKDIR /w"), (2, "COPY b")), 2, [4, 2]),
        # Docker's classic builder: WORKDIR made an empty layer, ENV none.
        (
            (
                (4, "/bin/sh -c #(nop) COPY file:1"),
                (0, "/bin/sh -c #(nop)  ENV X=1"),
                (0, "/bin/sh -c #(nop) WORKDIR /w"),
                (2, "/bin/sh -c #(nop) ADD file:2"),
            ),
            3,
            [4, 0, 2],
        ),
        # BuildKit: RUN changed nothing.
        (
            ((4, "COPY a /a # buildkit"), (0, 'CMD ["sh"]'), (0, "RUN /bin/sh -c true # buildkit")),
            2,
            [4, 0],
        ),
        # The classic builder's RUN has no name.
        (((0, "/bin/sh -c true"), (0, "LABEL a=b"), (3, "|1 A=b /bin/sh -c make")), 2, [0, 3]),
        # A history that does not fit: the bytes are kept, from below.
        (((4, "?"), (0, "?"), (0, "?"), (2, "?")), 3, [4, 2, 0]),
        (((4, "?"), (2, "?"), (1, "?")), 2, [4, 3]),
        ((), 2, [0, 0]),
        (((4, "?"),), 0, []),
    ],
)
def test_sizes(history: tuple[tuple[int, str], ...], count: int, expected: list[int]) -> None:
    image = described(*(f"sha256:{number:064x}" for number in range(count)))
    assert [layer.size for layer in layers_of(image, steps(*history))] == expected


@given(st.lists(st.tuples(st.integers(0, 99), st.text(max_size=30)), max_size=12), st.integers(0, 8))
def test_no_byte_of_a_history_is_lost(made: list[tuple[int, str]], count: int) -> None:
    image = described(*(f"sha256:{number:064x}" for number in range(count)))
    found = layers_of(image, steps(*made))
    assert len(found) == count
    assert sum(layer.size for layer in found) == (sum(size for size, _ in made) if count else 0)


def test_odd_documents_do_no_harm() -> None:
    assert layers_of({}, []) == ()
    assert layers_of({"RootFS": 1, "GraphDriver": {"Data": {"UpperDir": 3}}}, ["x", {"Size": "y"}]) == ()
    (odd,) = layers_of(described(A), [{"Size": True, "CreatedBy": None}])
    assert odd == Layer(A, 0)
    many = described(*(f"sha256:{number:064x}" for number in range(MOST_LAYERS + 5)))
    assert len(layers_of(many, [])) == MOST_LAYERS


BASE = (Layer("base", 1000_000), Layer("tools", 3000_000))


def close(found: float, wanted: float) -> bool:
    return abs(found - wanted) <= 0.02 * wanted + 3000


def test_a_base_that_is_an_image_determines_the_rest() -> None:
    """Where the sums leave no choice, the sizes are right, however differently the layers were compressed."""
    made = [
        Content("base-image", 400_000 + 900_000, BASE),
        Content("one", 1_300_000 + 90_000, (*BASE, Layer("one-own", 1000_000))),
        Content("two", 1_300_000 + 1_900_000, (*BASE, Layer("two-own", 2000_000))),
    ]
    found = content_sizes(made)
    assert close(found["base"] + found["tools"] + found["base-image"], 1_300_000)
    assert close(found["one-own"] + found["one"], 90_000)
    assert close(found["two-own"] + found["two"], 1_900_000)


def test_the_size_of_the_whole_store_determines_a_common_base() -> None:
    base = 3_000_000  # compressed worse than what is on it
    made = [
        Content("one", base + 90_000, (*BASE, Layer("one-own", 4000_000))),
        Content("two", base + 190_000, (*BASE, Layer("two-own", 8000_000))),
    ]
    alone = content_sizes(made)
    assert not close(alone["base"] + alone["tools"], base)
    whole = base + 90_000 + 190_000
    found = content_sizes(made, whole=whole)
    assert close(found["base"] + found["tools"], base)
    assert close(sum(found.values()), whole)
    # A little else in the store changes nothing.
    assert content_sizes(made, whole=round(sum(alone.values()) * 1.005)) == alone


@given(
    st.lists(
        st.tuples(
            st.lists(st.integers(0, 9), max_size=5, unique=True), st.integers(2_001, 10**9), st.booleans()
        ),
        max_size=6,
    )
)
def test_the_sum_of_an_image_alone_is_kept(made: list[tuple[list[int], int, bool]]) -> None:
    contents = [
        Content(
            f"manifest {number}",
            size,
            tuple(Layer(f"{number if alone else ''} {layer}", layer * 1000 + 1) for layer in layers),
        )
        for number, (layers, size, alone) in enumerate(made)
    ]
    found = content_sizes(contents)
    assert all(size >= 0 for size in found.values())
    for content, (_, size, alone) in zip(contents, made, strict=True):
        if alone:
            parts = {*(layer.id for layer in content.layers), content.digest}
            assert abs(sum(found[part] for part in parts) - size) <= size * 0.001 + 1
