"""Theme, style sheet and icons."""

from __future__ import annotations

import re

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QPalette
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from longshore import resources
from longshore.models.columns import Tone
from longshore.widgets import icons
from longshore.widgets.theme import Appearance, Theme, current_theme

_ICONS = sorted(path.stem for path in (resources.folder() / "icons").glob("*.svg"))


@pytest.mark.parametrize("appearance", [Appearance.LIGHT, Appearance.DARK])
def test_the_style_sheet_is_whole(light: Theme, appearance: Appearance) -> None:
    light.set_appearance(appearance)
    sheet = light.style_sheet()
    assert "$" not in sheet
    assert sheet.count("{") == sheet.count("}")
    named = re.findall(r'url\("([^"]+)"\)', sheet)
    assert named
    for name in named:
        assert QSvgRenderer(name).isValid(), name


def test_the_setting_changes_colours_at_once(light: Theme, qtbot: QtBot) -> None:
    before = QColor(light.pane)
    with qtbot.waitSignal(light.changed):
        light.set_appearance(Appearance.DARK)
    assert light.dark
    assert light.pane != before
    assert QApplication.palette().color(QPalette.ColorRole.Base) == light.pane
    assert light.pane.lightness() < light.text.lightness()


def test_system_follows_the_platform_and_is_light_where_it_is_silent(light: Theme) -> None:
    light.set_appearance(Appearance.SYSTEM)
    silent = QApplication.styleHints().colorScheme()
    assert light.dark is (silent == Qt.ColorScheme.Dark)


def test_values_of_the_setting_are_stable() -> None:
    assert [each.value for each in Appearance] == ["system", "light", "dark"]


def test_every_tone_has_its_ink(light: Theme) -> None:
    # OUTLINE has no ink of its own: its pill is drawn as a line.
    plain = {light.ink(tone).plain.name() for tone in Tone if tone is not Tone.OUTLINE}
    assert len(plain) == len(Tone) - 1
    assert light.ink(None).plain == light.text
    assert light.ink("odd").plain == light.text
    assert light.ink(99).plain == light.text


def test_fonts_follow_the_system_font(light: Theme) -> None:
    assert light.font.family() == QApplication.font().family()
    assert light.strong_font.weight() == QFont.Weight.DemiBold
    assert light.title_font.pixelSize() > light.font.pixelSize() >= 13
    assert light.row_height >= 30


def test_there_is_one_theme(theme: Theme) -> None:
    assert current_theme() is theme


@pytest.mark.parametrize("name", _ICONS)
def test_icons_are_drawn(light: Theme, name: str) -> None:
    drawing = resources.text(f"icons/{name}.svg")
    assert QSvgRenderer(resources.path(f"icons/{name}.svg").as_posix()).isValid()
    colour = QColor("#ff0000")
    image = icons.pixmap(name, colour, 2.0).toImage()
    seen = {
        image.pixelColor(x, y).name()
        for x in range(32)
        for y in range(32)
        if image.pixelColor(x, y).alpha() > 250
    }
    assert seen
    if name != "longshore":
        assert 'viewBox="0 0 16 16"' in drawing
        assert 'stroke-width="1.6"' in drawing
        assert seen == {"#ff0000"}, "drawn in another colour than the theme's"


def test_icons_are_sharp_on_dense_screens(light: Theme) -> None:
    made = icons.pixmap("pull", light.text, 2.0)
    assert (made.width(), made.devicePixelRatio()) == (32, 2.0)
    assert icons.pixmap("pull", light.text, 2.0).cacheKey() == made.cacheKey()


def test_a_missing_resource_is_said() -> None:
    with pytest.raises(FileNotFoundError):
        resources.path("icons/none-of-ours.svg")
