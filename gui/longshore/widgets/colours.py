"""All colours of Longshore, light and dark. No Qt: plain ``#rrggbb`` strings and arithmetic on them.

Contrast follows WCAG 2.1 §1.4.3: text needs 4.5 to 1 against its background. Where a state colour on a tint or on
the selection has less, :func:`readable` moves it towards the text colour just far enough.
"""

from __future__ import annotations

from typing import NamedTuple

#: WCAG AA for text.
AA = 4.5


class Palette(NamedTuple):
    """One set of colours. Names say what a colour is for, not how it looks."""

    dark: bool
    window: str  # behind the panes
    pane: str  # panes, fields, lists
    soft: str  # every other row, hovered controls
    line: str  # hairlines, borders
    strong_line: str  # border of a control under the pointer, handle of the scroll bar
    track: str  # the part of a bar that is not filled
    text: str
    dim: str
    disabled: str  # flat buttons that cannot act: they have no frame to show it
    accent: str
    good: str
    caution: str
    bad: str
    selection: str
    fill: str  # filled buttons
    fill_hover: str
    fill_bad: str  # filled buttons of destructive actions
    on_fill: str
    tint: float  # share of a state colour in its tint, 0 to 1


LIGHT = Palette(
    dark=False,
    window="#f3f5f7",
    pane="#ffffff",
    soft="#f9fafb",
    line="#dfe4ea",
    strong_line="#b9c3cd",
    track="#dfe4ea",
    text="#1b232c",
    dim="#5d6b7a",
    disabled="#96a0aa",
    accent="#0b6bcb",
    good="#12805c",
    caution="#9a6200",
    bad="#c5322f",
    selection="#dcecfb",
    fill="#0b6bcb",
    fill_hover="#0a5fb5",
    fill_bad="#c5322f",
    on_fill="#ffffff",
    tint=0.13,
)

DARK = Palette(
    dark=True,
    window="#16191d",
    pane="#1d2126",
    soft="#20252b",
    line="#2c323a",
    strong_line="#46505b",
    track="#2f363f",
    text="#e6e9ed",
    dim="#98a2ae",
    disabled="#5f6872",
    accent="#4aa8ff",
    good="#46c28e",
    caution="#e5b454",
    bad="#f0716f",
    selection="#22415f",
    # White on the accent itself would be 2.5 to 1.
    fill="#1f70c4",
    fill_hover="#2575c9",
    fill_bad="#c23f3c",
    on_fill="#ffffff",
    tint=0.17,
)


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def mix(base: str, other: str, share: float) -> str:
    """Mix *share* (0 to 1) of *other* into *base*."""
    mixed = (round(a + (b - a) * share) for a, b in zip(_channels(base), _channels(other), strict=True))
    return "#{:02x}{:02x}{:02x}".format(*mixed)


def luminance(colour: str) -> float:
    """Return the relative luminance, 0 to 1 (WCAG 2.1)."""

    def linear(channel: int) -> float:
        value = channel / 255
        return value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(channel) for channel in _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio, 1 to 21 (WCAG 2.1)."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def readable(colour: str, background: str, text: str) -> str:
    """Return *colour*, moved towards *text* just far enough to be readable on *background*."""
    for step in range(21):
        moved = mix(colour, text, step / 20)
        if contrast(moved, background) >= AA + 0.05:
            return moved
    return text


class Shade(NamedTuple):
    """A state colour: on a pane, on a selected row, and as text and background of a pill."""

    plain: str
    selected: str
    pill_text: str
    pill: str


def shade(palette: Palette, colour: str) -> Shade:
    """Return the :class:`Shade` of *colour* in *palette*."""
    pill = mix(palette.pane, colour, palette.tint)
    return Shade(
        plain=readable(colour, palette.soft, palette.text),
        selected=readable(colour, palette.selection, palette.text),
        pill_text=readable(colour, pill, palette.text),
        pill=pill,
    )
