"""All text is readable: WCAG AA on every background that it can have."""

from __future__ import annotations

import pytest

from longshore.widgets.colours import AA, DARK, LIGHT, Palette, contrast, mix, readable, shade

_STATES = ("text", "dim", "accent", "good", "caution", "bad")
_BOTH = pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert contrast("#ffffff", "#777777") == contrast("#777777", "#ffffff")


@_BOTH
@pytest.mark.parametrize("ground", ["window", "pane", "soft"])
@pytest.mark.parametrize("name", ["text", "dim"])
def test_plain_text_is_readable(palette: Palette, ground: str, name: str) -> None:
    assert contrast(getattr(palette, name), getattr(palette, ground)) >= AA


@_BOTH
@pytest.mark.parametrize("name", _STATES)
def test_states_are_readable_on_rows_selections_and_pills(palette: Palette, name: str) -> None:
    made = shade(palette, getattr(palette, name))
    assert contrast(made.plain, palette.soft) >= AA
    assert contrast(made.selected, palette.selection) >= AA + 0.05
    assert contrast(made.plain, palette.pane) >= AA + 0.05, "the pill of a selected row"
    assert contrast(made.pill_text, made.pill) >= AA


@_BOTH
def test_flat_buttons_that_cannot_act_are_fainter(palette: Palette) -> None:
    # WCAG 2.1, 1.4.3 asks for no contrast there; they can still be read.
    assert contrast(palette.disabled, palette.pane) >= 2.5
    assert contrast(palette.dim, palette.disabled) >= 2


@_BOTH
@pytest.mark.parametrize("fill", ["fill", "fill_hover", "fill_bad"])
def test_filled_buttons_are_readable(palette: Palette, fill: str) -> None:
    assert contrast(palette.on_fill, getattr(palette, fill)) >= AA


@_BOTH
@pytest.mark.parametrize("name", ["accent", "good", "caution", "bad"])
def test_bars_and_rings_stand_out(palette: Palette, name: str) -> None:
    # WCAG 2.1, 1.4.11: graphics need a contrast of 3 to 1.
    assert contrast(shade(palette, getattr(palette, name)).plain, palette.pane) >= 3
    assert contrast(palette.accent, palette.soft) >= 3


def test_readable_moves_a_colour_no_further_than_needed() -> None:
    assert readable("#0b6bcb", "#ffffff", "#000000") == "#0b6bcb"
    moved = readable("#9a9a9a", "#ffffff", "#000000")
    assert AA <= contrast(moved, "#ffffff") < 6
    assert readable("#ffffff", "#ffffff", "#fefefe") == "#fefefe"  # nothing helps: the text colour


def test_mix() -> None:
    assert mix("#000000", "#ffffff", 0) == "#000000"
    assert mix("#000000", "#ff8000", 1) == "#ff8000"
    assert mix("#000000", "#ffffff", 0.5) == "#808080"
