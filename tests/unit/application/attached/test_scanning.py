"""Scanners run as tasks. They are stand-ins here, because the real ones download databases."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from longshore.application.attached import scanning
from longshore.application.attached.scanning import (
    Scanner,
    command_line,
    environment,
    installed,
    scan,
    why_not,
)
from longshore.cancellation import Cancellation, Cancelled
from longshore.engine.address import EngineAddress
from longshore.errors import InvalidInput, ScanFailed
from longshore.oci.reference import Reference
from longshore.oci.scan_result import ScanResult, Severity
from longshore.transfers.transfer import (
    ArchivePlace,
    Endpoint,
    EnginePlace,
    LibraryPlace,
    Place,
    RegistryPlace,
)
from waiting import wait_until

WEB = Reference.parse("r.example/web:1")
FOUND = {"SchemaVersion": 2, "Results": [{"Vulnerabilities": [{"VulnerabilityID": "C", "Severity": "LOW"}]}]}


def end(place: Place | None = None) -> Endpoint:
    return Endpoint(place or RegistryPlace("r.example"), WEB)


def stub(folder: Path, script: str, name: str = "trivy") -> Scanner:
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return Scanner(name, program)


def run(scanner: Scanner, told: list[str], cancellation: Cancellation | None = None) -> ScanResult:
    return scan(scanner, end(), {"PATH": os.environ["PATH"]}, told.append, cancellation or Cancellation())


def test_which_are_installed(tmp_path: Path) -> None:
    assert installed({"PATH": str(tmp_path)}) == []
    assert installed({}) == []
    grype, trivy = stub(tmp_path, "", "grype"), stub(tmp_path, "")
    assert installed({"PATH": str(tmp_path)}) == [trivy, grype]


def test_a_result_and_its_own_words(tmp_path: Path) -> None:
    (tmp_path / "result").write_text(json.dumps(FOUND))
    told: list[str] = []
    scanner = stub(tmp_path, f"printf 'Loading\\033[31m\\rLoaded\\n\\nlast' >&2; cat {tmp_path / 'result'}")
    found = run(scanner, told)
    assert found.counts == ((Severity.LOW, 1),)
    assert told == ["Loaded", "last"]


def test_words_as_a_list_and_no_secrets(tmp_path: Path) -> None:
    script = 'printf "%s\\n" "$@" >&2; env >&2; echo \'{"SchemaVersion": 2}\''
    told: list[str] = []
    environ = {"PATH": os.environ["PATH"], "API_TOKEN": "hunter22", "PROXY": "http://ann:hunter22@x"}
    scan(stub(tmp_path, script), end(), environ, told.append, Cancellation())
    assert told[:5] == ["image", "--scanners=vuln", "--format=json", "--image-src=remote", "--"]
    assert told[5] == "r.example/web:1"
    assert "NO_COLOR=1" in told
    assert not [line for line in told if "hunter22" in line]


@pytest.mark.parametrize(
    ("place", "trivy", "grype"),
    [
        (RegistryPlace("r.example"), "r.example/web:1", "registry:r.example/web:1"),
        (EnginePlace(EngineAddress("x", "unix:///x.sock")), "r.example/web:1", "docker:r.example/web:1"),
        (ArchivePlace(Path("/a.tar")), "--input=/a.tar", "docker-archive:/a.tar"),
        (ArchivePlace(Path("/a.tar"), "oci"), "--input=/a.tar", "oci-archive:/a.tar"),
    ],
    ids=["registry", "engine", "archive", "oci archive"],
)
def test_every_place(place: Place, trivy: str, grype: str) -> None:
    assert why_not(end(place)) == ""
    assert command_line(Scanner("trivy", Path("/trivy")), end(place))[-1] == trivy
    assert command_line(Scanner("grype", Path("/grype")), end(place))[-1] == grype


def test_the_library_cannot_be_scanned() -> None:
    place = LibraryPlace(Path("/library"))
    assert why_not(end(place))
    with pytest.raises(InvalidInput):
        command_line(Scanner("trivy", Path("/trivy")), end(place))


def test_the_engine_is_the_one_that_is_shown() -> None:
    place = EnginePlace(EngineAddress("x", "unix:///x.sock"))
    assert environment({"DOCKER_HOST": "unix:///other"}, end(place))["DOCKER_HOST"] == "unix:///x.sock"


def test_a_failure_has_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(ScanFailed) as caught:
        run(stub(tmp_path, "echo FATAL no database >&2; exit 1"), [])
    assert caught.value.message == "trivy could not scan the image."
    assert caught.value.detail == "FATAL no database"


@pytest.mark.parametrize("script", ["echo nothing", "echo '{}'", "head -c 400000 /dev/zero"])
def test_a_result_that_is_none(tmp_path: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanning, "LARGEST", 100_000)
    with pytest.raises(ScanFailed, match="no result"):
        run(stub(tmp_path, script), [])


def test_one_that_cannot_be_started(tmp_path: Path) -> None:
    with pytest.raises(ScanFailed, match="can't be started"):
        run(Scanner("trivy", tmp_path / "gone"), [])


def test_cancelling_kills_it_and_what_it_started(tmp_path: Path) -> None:
    told: list[str] = []
    cancellation = Cancellation()
    raised: list[BaseException] = []

    def work() -> None:
        try:
            run(stub(tmp_path, "sleep 300 & echo $! >&2; echo $$ >&2; wait"), told, cancellation)
        except Cancelled as error:
            raised.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    wait_until(lambda: len(told) == 2)
    cancellation.cancel()
    thread.join(20)
    assert raised

    def gone(pid: str) -> bool:
        stat = Path(f"/proc/{pid}/stat")
        return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z"

    wait_until(lambda: all(map(gone, told)))


def test_a_child_that_keeps_the_pipes_open_does_not_hold_it(tmp_path: Path) -> None:
    script = "setsid sleep 300 & echo $! >&2; echo '{\"SchemaVersion\": 2}'"
    told: list[str] = []
    try:
        assert run(stub(tmp_path, script), told).total == 0
    finally:
        for pid in told:
            os.kill(int(pid), 9)
