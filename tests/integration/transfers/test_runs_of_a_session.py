"""Several runs of one session, one after another."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

from longshore.application import requests
from longshore.application.running import Run
from longshore.application.session import Session
from longshore.oci.reference import Reference
from longshore.transfers.transfer import LibraryPlace, State
from testbed.registry import PrivateRegistry
from testbed.remote_images import seed_repository


def test_each_is_woken(tmp_path: Path, open_registry: PrivateRegistry) -> None:
    library = LibraryPlace(tmp_path / "library")
    with contextlib.closing(Session({"HOME": str(tmp_path)}, history=False)) as session:
        for tag in ("1", "2"):
            seed_repository(open_registry.address, "runs/woken", (tag,), layers=(1000,), seed=f"woken {tag}")
            name = Reference.parse(f"{open_registry.address}/runs/woken:{tag}")
            run = Run(session)
            late = threading.Timer(20, run.stop)  # ends one that nobody wakes
            late.start()
            ended = run.wait([requests.pull(name, library)], lambda rows: None)
            late.cancel()
            assert [row.state for row in ended] == [State.SUCCEEDED]
