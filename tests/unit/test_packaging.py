"""Facts that the packaging states in several places agree."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import pytest

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
    # Wayland finds a window's icon only by this name.
    assert f'setDesktopFileName("{ID}")' in (ROOT / "gui/longshore/app.py").read_text(encoding="utf-8")


def _lock(name: str) -> str:
    return (ROOT / "requirements" / f"{name}.lock").read_text(encoding="utf-8")


def _locked(name: str) -> set[tuple[str, str]]:
    """Name and version of each requirement in a lock file; some are listed once for each Python."""
    return set(re.findall(r"(?m)^([a-z0-9-]+)==([^ \n]+)", _lock(name)))


@pytest.mark.parametrize(
    ("name", "extras"),
    [
        ("run", ["backend"]),
        ("core", ["core-test"]),
        ("test", ["backend", "core-test", "dev"]),
        ("package", ["backend", "core-test", "dev", "package"]),
    ],
)
def test_a_lock_names_every_dependency_with_its_hashes_and_no_index(name: str, extras: list[str]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [
        *project["dependencies"],
        *(x for extra in extras for x in project["optional-dependencies"][extra]),
    ]
    # As pip compares names: "ruamel.yaml" is "ruamel-yaml".
    names = {re.match(r"[A-Za-z0-9.-]+", line)[0].lower().replace(".", "-") for line in wanted}  # type: ignore[index]
    if name == "core":
        names -= {"jeepney", "pyside6-essentials", "qasync"}
    lock = _lock(name)
    assert names - {"longshore"} <= {package for package, _ in _locked(name)}
    assert "://" not in lock
    requirements = lock.split("\n", 2)[2].replace("\\\n", " ").splitlines()
    assert len(requirements) == len(_locked(name))
    assert all("--hash=sha256:" in line for line in requirements)


@pytest.mark.parametrize("name", ["run", "core", "test"])
def test_a_version_is_the_same_wherever_it_is_installed(name: str) -> None:
    assert _locked(name) <= _locked("package")


@pytest.mark.parametrize("name", ["run", "test", "package"])
def test_python_3_11_never_gets_the_qt_that_aborts_on_it(name: str) -> None:
    pattern = r"(?m)^pyside6-essentials==(\d+)\.(\d+)\S* ; python_full_version < '3.12'"
    versions = re.findall(pattern, _lock(name))
    assert versions and all((int(major), int(minor)) < (6, 12) for major, minor in versions)
