"""Signs of life: each Longshore sees all others that run, and none that has ended."""

from __future__ import annotations

import contextlib
from pathlib import Path

from longshore.transfers.journal.instance import Instance


def test_each_sees_all_others_and_not_itself(tmp_path: Path) -> None:
    folder, names = tmp_path / "instances", {"a", "b", "c"}
    with contextlib.ExitStack() as stack:
        alive = {name: stack.enter_context(contextlib.closing(Instance(folder, name))) for name in names}
        (folder / "dead.lock").touch()
        (folder / "other.txt").touch()
        for name, one in alive.items():
            assert one.others() == names - {name}
        assert {path.name for path in folder.iterdir()} == {"a.lock", "b.lock", "c.lock", "other.txt"}
        alive["b"].close()
        alive["b"].close()
        assert alive["a"].others() == {"c"}
    assert {path.name for path in folder.iterdir()} == {"other.txt"}
