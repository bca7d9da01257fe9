"""Settings for every test. Nothing here may import Qt: the core's tests also run where it is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = [
    "guards.private_home",
    "guards.fresh_secrets",
    "guards.unexpected_logs",
    "guards.left_behind",
    "testbed.fixtures",
    "pytester",
]

_HERE = Path(__file__).parent
_KINDS = ("unit", "qt", "integration", "blackbox")


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Declare the settings of plugins that are not loaded, because pytest checks the configuration strictly."""
    if not pluginmanager.hasplugin("pytest-qt"):
        parser.addini("qt_log_level_fail", "used by pytest-qt only")
    parser.addoption(
        "--each-engine",
        choices=("only", "without"),
        help="only the tests that run on each kind of engine in turn, or all others: two runs side by side",
    )


def _on_each_engine(item: pytest.Item) -> bool:
    return isinstance(item, pytest.Function) and "any_engine" in item.fixturenames


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark every test with its kind, which is the name of its top folder, and take the half that is asked for."""
    half = config.getoption("--each-engine")
    if half is not None:
        left_out = [item for item in items if _on_each_engine(item) is not (half == "only")]
        items[:] = [item for item in items if _on_each_engine(item) is (half == "only")]
        config.hook.pytest_deselected(items=left_out)
    for item in items:
        parts = item.path.relative_to(_HERE).parts if item.path.is_relative_to(_HERE) else ()
        if not parts or parts[0] not in _KINDS:
            raise pytest.UsageError(f"{item.path}: a test belongs into one of tests/{{{','.join(_KINDS)}}}/")
        item.add_marker(parts[0])
