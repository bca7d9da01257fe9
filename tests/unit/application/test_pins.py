"""Pinned images: kept in the settings, merged among several Longshores."""

from __future__ import annotations

import json
from pathlib import Path

from longshore.application.pins import MOST, Pins
from longshore.oci.reference import Reference
from longshore.settings import Settings

A, B = (Reference.parse_input(name) for name in ("acme/web:1", "redis:7"))


def test_two_longshores_share_them(tmp_path: Path) -> None:
    one, other = Pins(Settings(tmp_path)), Pins(Settings(tmp_path))
    one.add([A])
    other.add([B])
    assert one.all() == other.all() == {str(A), str(B)}
    one.remove([A, A])
    assert other.all() == {str(B)}
    other.add([])
    assert one.all() == {str(B)}


def test_odd_settings_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text(json.dumps({"pinned_images": [1, None, str(A), ["x"]]}))
    pins = Pins(Settings(tmp_path))
    assert pins.all() == {str(A)}
    pins.add([B])
    assert pins.all() == {str(A), str(B)}
    (tmp_path / "settings.json").write_text(json.dumps({"pinned_images": "all"}))
    assert Pins(Settings(tmp_path)).all() == set()
    many = [f"docker.io/library/a:{number}" for number in range(MOST + 5)]
    (tmp_path / "settings.json").write_text(json.dumps({"pinned_images": many}))
    assert len(Pins(Settings(tmp_path)).all()) == MOST
