"""Files of an image from a real archive: the cost first, then the files; known ones at once."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import archivetools as made
from layertools import layer
from longshore.application.files.layers import Way
from longshore.application.inspection.values import Inspected, Layer
from longshore.errors import ArchiveError
from longshore.oci.reference import Reference
from longshore.operations.files import Files
from longshore.transfers.transfer import ArchivePlace, Endpoint, RegistryPlace
from qt.operations.conftest import Desk, Play
from waiting import until


class Heard:
    """What the operation reported."""

    def __init__(self, desk: Desk) -> None:
        self.files = Files(desk.clients, desk.tasks, lambda: desk.home / "library", desk.home / "cache")
        self.told: list[tuple[str, Any]] = []
        for name in ("costed", "loaded", "failed", "saved", "save_failed", "found"):
            getattr(self.files, name).connect(lambda *what, name=name: self.told.append((name, what)))

    async def next(self) -> tuple[str, Any]:
        await until(lambda: bool(self.told))
        return self.told.pop(0)


def image_in(folder: Path) -> Inspected:
    raw = layer(("etc/app.conf", b"content"), ("bin/app", b""))
    path = made.write(folder, made.docker_parts(made.Image((raw,))))
    return Inspected(Endpoint(ArchivePlace(path, "docker"), Reference.parse("team/app:1")))


def test_the_cost_then_the_files_then_one_of_them(play: Play) -> None:
    async def scene(desk: Desk) -> None:
        heard, about = Heard(desk), image_in(desk.home)
        files = heard.files
        files.look(about)
        name, (whose, cost) = await heard.next()
        assert (name, whose, cost.way, cost.known) == ("costed", about, Way.READ, 0)
        files.read()
        name, (whose, found) = await heard.next()
        assert (name, whose) == ("loaded", about)
        view = found.merged.view
        files.find(view, "*.conf")
        name, (searched, nodes, more) = await heard.next()
        assert (name, searched, more) == ("found", view, False)
        assert [view.tree.path(node) for node in nodes] == ["etc/app.conf"]
        files.save(found, view, nodes[0], desk.home / "out")
        assert await heard.next() == ("saved", (about, desk.home / "out"))
        assert (desk.home / "out").read_bytes() == b"content"
        files.save(found, view, view.tree.find("bin") or 0, desk.home / "folder")
        assert (await heard.next())[0] == "save_failed"
        # Known by now: no question.
        files.look(about)
        assert (await heard.next())[0] == "loaded"
        files.forget()

    play(scene)


def test_a_copy_with_the_same_layers_spares_the_download(play: Play) -> None:
    async def scene(desk: Desk) -> None:
        heard = Heard(desk)
        raw = layer(("etc/app.conf", b"content"))
        reference = Reference.parse("registry.invalid/team/app:1")
        diff_id = f"sha256:{hashlib.sha256(raw).hexdigest()}"
        about = Inspected(
            Endpoint(RegistryPlace("registry.invalid"), reference), layers=(Layer("", None, "", diff_id),)
        )
        path = made.write(desk.home, made.docker_parts(made.Image((raw,))))
        copy = Endpoint(ArchivePlace(path, "docker"), Reference.parse("team/app:1"))
        heard.files._copy_of = lambda wanted: copy if wanted in (about, other) else None
        other = replace(about, layers=(Layer("", None, "", f"sha256:{'1' * 64}"),))
        heard.files.look(about)
        name, (_, cost) = await heard.next()
        assert (name, cost.way) == ("costed", Way.READ)
        heard.files.read()
        name, (_, found) = await heard.next()
        assert name == "loaded" and found.merged.view.tree.find("etc/app.conf")
        heard.files.look(other)  # other layers: only the registry has them
        assert (await heard.next())[0] == "failed"
        heard.files.forget()

    play(scene)


def test_a_failure_and_an_image_that_is_left(play: Play) -> None:
    async def scene(desk: Desk) -> None:
        heard, about = Heard(desk), image_in(desk.home)
        gone = Inspected(Endpoint(ArchivePlace(desk.home / "gone.tar", "docker"), None))
        heard.files.look(gone)
        name, (whose, error) = await heard.next()
        assert (name, whose) == ("failed", gone)
        assert isinstance(error, ArchiveError)
        heard.files.look(about)
        heard.files.forget()
        heard.files.read()  # nothing is shown
        heard.files.look(about)
        assert (await heard.next())[0] == "costed"
        await asyncio.sleep(0)
        assert not heard.told

    play(scene)


def test_reading_can_be_cancelled(play: Play) -> None:
    async def scene(desk: Desk) -> None:
        heard, about = Heard(desk), image_in(desk.home)
        heard.files.cancel()
        heard.files.look(about)
        await heard.next()
        heard.files.read()
        heard.files.cancel()
        assert (await heard.next())[0] in ("costed", "loaded")  # it may have been faster
        heard.files.forget()

    play(scene)
