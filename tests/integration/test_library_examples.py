"""Runs every example of docs/library.md on real registries and an engine, and checks its types."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest

import longshore
from testbed.engine import PrivateEngine
from testbed.registry import PrivateRegistry
from testbed.remote_images import seed_repository

_ROOT = Path(__file__).parents[2]
_PAGE = (_ROOT / "docs/library.md").read_text("utf-8")
#: The examples by their lines.
EXAMPLES = {
    f"line {_PAGE[: found.start()].count(chr(10)) + 1}": found[1]
    for found in re.finditer(r"^```python\n(.*?)^```$", _PAGE, re.MULTILINE | re.DOTALL)
}
#: Runs an example where PySide6 cannot be imported.
_RUN = """
import runpy, sys
sys.modules["PySide6"] = None
runpy.run_path(sys.argv[1], run_name="__main__")
"""


def test_the_page_has_examples_and_names_everything_public() -> None:
    assert len(EXAMPLES) >= 9
    unnamed = {name for name in longshore.__all__ if not re.search(rf"\b{name}\b", _PAGE)}
    assert unnamed == {"__version__"}


@pytest.mark.parametrize("line", EXAMPLES)
def test_an_example_runs(
    line: str,
    testbed_engine: PrivateEngine,
    open_registry: PrivateRegistry,
    second_registry: PrivateRegistry,
    tmp_path: Path,
) -> None:
    seed_repository(
        open_registry.address, "team/app", ["1.2"], platforms=[("linux", "amd64"), ("linux", "arm64")]
    )
    text = EXAMPLES[line].replace("registry.example:5000", open_registry.address)
    script = tmp_path / "example.py"
    script.write_text(text.replace("mirror.example:5000", second_registry.address), "utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", _RUN, str(script)],
        cwd=tmp_path,
        env={**os.environ, "DOCKER_HOST": testbed_engine.host},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr


def test_a_user_sees_the_types_of_what_is_installed(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    venv.create(tmp_path / "venv", with_pip=False)
    (packages,) = (tmp_path / "venv/lib").glob("python*/site-packages")
    (packages / "longshore.pth").write_text(f"{_ROOT / 'gui'}\n", "utf-8")
    for number, text in enumerate(EXAMPLES.values()):
        (tmp_path / f"example_{number}.py").write_text(text, "utf-8")
    wrong = tmp_path / "wrong.py"
    wrong.write_text('import longshore\n\nlongshore.transfer("a", "b", platforms=1).digest + 1\n', "utf-8")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--strict", "--config-file=", "--cache-dir", tmp_path / "cache"),
            *("--python-executable", tmp_path / "venv/bin/python", *tmp_path.glob("*.py")),
        ],
        env={name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "MYPYPATH")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    # The types are seen, not Any: what is wrong is found, and nothing else.
    errors = re.findall(r"^(\S+?):\d+: error: .*\[(.+)\]$", done.stdout, re.MULTILINE)
    assert sorted(errors) == [("wrong.py", "call-arg"), ("wrong.py", "operator")], done.stdout + done.stderr
