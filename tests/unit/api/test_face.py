"""What `import longshore` gives to programs."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import longshore
from longshore import errors

#: Prints what one statement imports beyond what Python itself has.
IMPORTED = """
import sys
import typing
before = set(sys.modules)
{}
print(*sorted(set(sys.modules) - before))
"""


def imported(statement: str) -> set[str]:
    """The modules that *statement* imports in a new process."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED.format(statement)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return set(done.stdout.split())


def test_importing_the_package_imports_nothing_else() -> None:
    assert imported("import longshore; longshore.__version__") == {"__future__", "longshore"}


def test_the_errors_need_no_room() -> None:
    rooms = {name for name in imported("import longshore; longshore.errors") if name.startswith("longshore.")}
    assert rooms == {"longshore.errors", "longshore.secrecy", "longshore.text"}


def test_the_face_needs_neither_qt_nor_the_docker_sdk_nor_the_command_line() -> None:
    found = imported("import longshore; longshore.transfer")
    assert "longshore.api" in found
    assert not {name for name in found if name.split(".")[0] in ("PySide6", "shiboken6", "qasync", "docker")}
    assert not {
        name for name in found if name.startswith(("longshore.cli", "longshore.app.", "longshore.models"))
    }


def test_every_public_name_is_there_and_no_other() -> None:
    assert dir(longshore) == sorted(longshore.__all__)
    for name in longshore.__all__:
        assert getattr(longshore, name) is getattr(longshore, name)
    everything: dict[str, object] = {}
    exec("from longshore import *", everything)
    assert everything.keys() >= set(longshore.__all__)
    with pytest.raises(AttributeError, match="no attribute 'queue'"):
        longshore.queue  # type: ignore[attr-defined]  # noqa: B018


def test_the_package_announces_its_types() -> None:
    assert (Path(longshore.__file__).parent / "py.typed").is_file()


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("org/app:1.2", "ghcr.io/org/app:1.2"),
        ("ghcr.io/org/app:1.2", "ghcr.io/org/app:1.2"),
        ("org/app", "ghcr.io/org/app"),
        (longshore.Reference.parse("ghcr.io/org/app"), "ghcr.io/org/app"),
    ],
)
def test_a_registry_completes_its_images(text: str, reference: str) -> None:
    with longshore.Registry("GHCR.io") as registry:
        assert str(registry.reference(text)) == reference


def test_docker_hub_is_the_default_registry() -> None:
    with longshore.Registry() as registry:
        assert str(registry.reference("alpine")) == "docker.io/library/alpine"


def test_a_registry_refuses_images_of_others_and_names_that_are_no_host() -> None:
    with longshore.Registry("ghcr.io") as registry, pytest.raises(errors.InvalidInput):
        registry.reference(longshore.Reference.parse("quay.io/org/app"))
    with longshore.Registry("ghcr.io") as registry, pytest.raises(errors.InvalidReference):
        registry.reference("Org App")
    with pytest.raises(errors.InvalidRegistryName):
        longshore.Registry("ghcr.io/org")


def test_wrong_arguments_are_refused_before_anything_moves(tmp_path: Path) -> None:
    library = longshore.Library(tmp_path / "library")
    (tmp_path / "there.tar").touch()
    with pytest.raises(errors.InvalidInput, match="exclude"):
        library.pull("alpine", platform="linux/amd64", all_platforms=True)
    with pytest.raises(errors.InvalidInput, match="platform"):
        library.pull("alpine", platform="nonsense")
    with pytest.raises(errors.InvalidInput, match="exists"):
        library.save("alpine", tmp_path / "there.tar")
    with pytest.raises(errors.InvalidInput, match="format"):
        library.save("alpine", tmp_path / "new.tar", format="zip")
    with pytest.raises(errors.NotInLibrary):
        library.push("alpine", "127.0.0.1:1/alpine")
    with pytest.raises(errors.InvalidReference):
        library.manifest("Not A Name")
    with pytest.raises(errors.InvalidInput):
        longshore.transfer("dir:/tmp/x", "library:x")
    assert not (tmp_path / "library").exists()


@pytest.mark.parametrize("kind", ["oci-archive", "docker-archive"])
def test_an_archive_that_exists_is_replaced_only_if_asked(kind: str, tmp_path: Path) -> None:
    there = tmp_path / "there.tar"
    there.write_text("precious")
    away = f"unix://{tmp_path}/none.sock"
    with pytest.raises(errors.InvalidInput, match="The file exists") as refused:
        longshore.transfer("docker-daemon:app:1", f"{kind}:{there}:app:1", engine=away)
    assert refused.value.advice == "Pass replace=True, or choose another name."
    with longshore.Registry("127.0.0.1:1") as registry, pytest.raises(errors.InvalidInput, match="exists"):
        registry.copy("app:1", f"{kind}:{there}")
    with pytest.raises(errors.EngineUnavailable):
        longshore.transfer("docker-daemon:app:1", f"{kind}:{there}:app:1", engine=away, replace=True)
    assert there.read_text() == "precious"


@pytest.mark.parametrize("wrong", [None, 5, b"r.io/app:1", Path("app"), ["r.io/app:1"]])
def test_what_is_no_name_is_refused_at_once(wrong: Any, tmp_path: Path) -> None:
    library = longshore.Library(tmp_path / "library")
    with longshore.Registry("127.0.0.1:1") as registry:
        calls: list[Callable[[], object]] = [
            lambda: longshore.transfer(wrong, "127.0.0.1:1/app:1"),
            lambda: longshore.transfer("127.0.0.1:1/app:1", wrong),
            lambda: registry.manifest(wrong),
            lambda: registry.head(wrong),
            lambda: registry.tags(wrong),
            lambda: registry.copy(wrong, "127.0.0.1:1/app:1"),
            lambda: longshore.Registry(wrong),
            lambda: library.pull(wrong),
            lambda: library.push(wrong, "127.0.0.1:1/app:1"),
            lambda: library.save(wrong, tmp_path / "app.tar"),
            lambda: library.manifest(wrong),
            lambda: library.remove(wrong),
        ]
        for call in calls:
            with pytest.raises(errors.InvalidInput, match="A name is a str or a Reference") as refused:
                call()
            assert refused.value.subject == repr(wrong)


def test_a_name_on_another_host_is_refused_as_that() -> None:
    with longshore.Registry("ghcr.io") as registry:
        for name in ("127.0.0.1:5000/app:1", "quay.io:443/org/app"):
            with pytest.raises(errors.InvalidInput, match="The image is in another registry"):
                registry.reference(name)
        # A cache has the images of other registries below their hosts' names.
        assert registry.reference("quay.io/org/app:1").path == "quay.io/org/app"
    with longshore.Registry("127.0.0.1:5000") as registry:
        assert str(registry.reference("127.0.0.1:5000/app:1")) == "127.0.0.1:5000/app:1"


def test_a_closed_registry_is_not_used() -> None:
    registry = longshore.Registry("127.0.0.1:1")
    registry.close()
    registry.close()
    calls: list[Callable[[], object]] = [
        lambda: registry.tags("app"),
        lambda: registry.repositories(),
        lambda: registry.head("app"),
        lambda: registry.manifest("app"),
        lambda: registry.copy("app", "127.0.0.1:1/other:1"),
    ]
    for call in calls:
        with pytest.raises(errors.InvalidInput, match="closed"):
            call()


def test_the_table_of_errors_is_complete() -> None:
    page = (Path(__file__).parents[3] / "docs" / "library.md").read_text("utf-8")
    table = page.partition("| class | when |")[2].partition("```")[0]
    listed = [name for line in table.splitlines() for name in re.findall(r"`(\w+)`", line.split(" | ")[0])]
    bases = (errors.LongshoreError, errors.InvalidContent, errors.EngineError, errors.RegistryError)
    known = {
        name
        for name, found in vars(errors).items()
        if isinstance(found, type) and issubclass(found, errors.LongshoreError) and found not in bases
    }
    assert sorted(listed) == sorted(known)


def test_an_engine_that_is_away_is_an_error_and_no_wait(tmp_path: Path) -> None:
    away = f"unix://{tmp_path}/none.sock"
    with pytest.raises(errors.EngineUnavailable):
        longshore.transfer("127.0.0.1:1/app:1", "docker-daemon:app:1", engine=away)
    with pytest.raises(errors.EngineUnavailable):
        longshore.transfer("docker-daemon:app:1", "127.0.0.1:1/app:1", engine=away)


def test_only_an_engine_has_a_pull_of_its_own(tmp_path: Path) -> None:
    for source, destination in (
        ("127.0.0.1:1/app:1", f"oci:{tmp_path}/layout:app:1"),
        ("127.0.0.1:1/app:1", "127.0.0.1:2/app:1"),
    ):
        with pytest.raises(errors.InvalidInput, match="can be native"):
            longshore.transfer(source, destination, native=True)


def test_a_cancelled_cancellation_starts_nothing(tmp_path: Path) -> None:
    cancellation = longshore.Cancellation()
    cancellation.cancel()
    with pytest.raises(longshore.Cancelled):
        longshore.Library(tmp_path / "library").pull("127.0.0.1:1/app:1", cancellation=cancellation)
    assert not (tmp_path / "library").exists()
