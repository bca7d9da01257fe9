"""What is said in more than one place of the packaging agrees."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import longshore

ROOT = Path(__file__).parents[2]
ID = "app.longshore.Longshore"
LINUX = ROOT / "packaging" / "linux"


def test_the_newest_release_of_the_metainfo_is_this_version() -> None:
    releases = ElementTree.parse(LINUX / f"{ID}.metainfo.xml").findall("releases/release")
    assert releases[0].get("version") == longshore.__version__


def test_desktop_entry_metainfo_and_program_name_one_application() -> None:
    assert ElementTree.parse(LINUX / f"{ID}.metainfo.xml").findtext("id") == ID
    assert f"Icon={ID}\n" in (LINUX / f"{ID}.desktop").read_text(encoding="utf-8")
    # Wayland finds the icon of a window by this name alone.
    assert f'setDesktopFileName("{ID}")' in (ROOT / "gui/longshore/app.py").read_text(encoding="utf-8")


def test_the_lock_names_every_dependency_and_no_index() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    locked = set(re.findall(r"(?m)^([a-z0-9-]+)==", lock))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    wanted = [*project["dependencies"], *(line for extra in extras for line in extra)]
    names = {re.match(r"[A-Za-z0-9-]+", line)[0].lower() for line in wanted}  # type: ignore[index]
    assert names - {"longshore"} <= locked
    assert "://" not in lock and "--" not in lock


def test_python_3_11_never_gets_the_qt_that_aborts_on_it() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    versions = re.findall(r"(?m)^pyside6-essentials==(\d+)\.(\d+)\S* ; python_full_version < '3.12'", lock)
    assert versions and all((int(major), int(minor)) < (6, 12) for major, minor in versions)
